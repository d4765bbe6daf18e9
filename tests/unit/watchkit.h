/* A watcher on a folder of its own, and what it was heard to say. */
#ifndef WATCHKIT_H
#define WATCHKIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/watch/watch.h"
#include "tests/unit/scratch.h"

#define WATCHKIT_HINTS 256

struct watchkit_heard {
	enum watch_what what;
	bool moved;
	bool paired;
	char path[256];
	char from[256];
};

struct watchkit {
	struct scratch *dir;
	struct watch *watch;
	struct watchkit_heard heard[WATCHKIT_HINTS];
	size_t count;
	int64_t now_ms; /* of a clock of our own */
	bool many; /* hints are only counted */
	size_t counted;
};

/* cmocka's setup and teardown: *state is a struct watchkit. */
int watchkit_setup(void **state);
int watchkit_teardown(void **state);

/* Takes in all that the kernel has to say now, and only that. */
void watchkit_listen(struct watchkit *f);

/* So much later; what time alone brings is heard besides. */
void watchkit_later(struct watchkit *f, int64_t ms);

/* Watches dir; a failure fails the test. */
void watchkit_add(struct watchkit *f, const char *dir);

/* The first hint on path of this kind, or NULL. */
const struct watchkit_heard *watchkit_heard(
    const struct watchkit *f, enum watch_what what, const char *path);

/* How many there are of a kind. */
size_t watchkit_count(const struct watchkit *f, enum watch_what what);

/* Fails unless path is heard of as what was named from. */
void watchkit_renamed(const struct watchkit *f, enum watch_what what,
    const char *from, const char *path);

/* An event of inotify(7) made here; the first forgets what was heard. */
void watchkit_feed(struct watchkit *f, int wd, uint32_t mask);
void watchkit_feed_named(struct watchkit *f, int wd, uint32_t mask,
    uint32_t cookie, const char *name);

#endif
