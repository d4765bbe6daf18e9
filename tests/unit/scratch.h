/* A temporary folder of a test on the real disk; every failure fails it. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct scratch {
	char path[64]; /* absolute, resolved */
};

/* A new folder, empty; scratch_free removes it with all that is in it. */
struct scratch *scratch_new(void);
void scratch_free(struct scratch *s);

/* cmocka's setup and teardown: *state is a struct scratch. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

/* The absolute path of name in it; valid until the next but three calls. */
const char *scratch_at(const struct scratch *s, const char *name);

/* Writes text to name, making it; makes a folder. */
void scratch_write(const struct scratch *s, const char *name, const char *text);
void scratch_mkdir(const struct scratch *s, const char *name);
void scratch_remove(const struct scratch *s, const char *name); /* all of it */
void scratch_rename(const struct scratch *s, const char *from, const char *to);

/* What name holds; "" if it is not there.  Free it. */
char *scratch_read(const struct scratch *s, const char *name);

/* Asserts that name holds text; NULL: that it is not there. */
void scratch_is(const struct scratch *s, const char *name, const char *text);

/* The permission bits of name. */
mode_t scratch_mode(const struct scratch *s, const char *name);

/*
 * Runs f(arg) in a child process as the user nobody, when we are root, and
 * gives back its exit code.
 */
int scratch_as_nobody(int (*f)(void *arg), void *arg);

#endif
