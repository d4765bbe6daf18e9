/*
 * How many watches and watchers the system allows a user, and by which
 * setting (inotify(7), user_namespaces(7)).
 */
#ifndef LIMIT_H
#define LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum limit_of {
	LIMIT_WATCHES, /* directories, over all programs of the user */
	LIMIT_INSTANCES, /* watchers: each project is one */
};

struct limit {
	const char *name; /* as sysctl(8) takes it; static */
	int64_t allowed;
};

/*
 * The setting that is reached first.  sys: where the settings are, NULL for
 * /proc/sys.  False where there are none to be read.
 */
bool limit_read(enum limit_of what, const char *sys, struct limit *out);

/*
 * A value to raise it to, so that needed more find room however many of the
 * allowed ones other programs hold.
 */
int64_t limit_enough(enum limit_of what, int64_t allowed, int64_t needed);

#endif
