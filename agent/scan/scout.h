/*
 * Threads that list folders before it is their turn, so that the one who
 * compares them seldom waits for the disk, and a cold disk has several
 * requests to choose from.
 */
#ifndef SCOUT_H
#define SCOUT_H

#include <stdbool.h>

#include "agent/scan/roster.h"
#include "common/base/err.h"

#define SCOUT_SLOTS DISK_AHEAD /* asked for and not yet taken */
#define SCOUT_NAMES 65536 /* names read and not yet taken; then they wait */

struct scout;

/*
 * threads >= 1 are started at the first question; they call list, which is
 * a disk's and may be called on any thread, with d.
 */
int scout_new(struct scout **out, int threads,
    int (*list)(struct disk *d, const char *dir, struct roster *names,
	struct vs_err *err),
    struct disk *d, struct vs_err *err);

/* Waits for the threads.  NULL is nothing. */
void scout_free(struct scout *s);

/* The rest belongs to one thread, the one that takes. */

/* dir is to be listed soon; false when there are SCOUT_SLOTS already. */
bool scout_ask(struct scout *s, const char *dir);

/*
 * The listing that was asked for, into out (empty before), and its code to
 * *code with err; waits for one that is being read.  False when there is
 * none: not asked for, or not begun.
 */
bool scout_take(struct scout *s, const char *dir, struct roster *out, int *code,
    struct vs_err *err);

/* What was asked for dir (NULL: for all) is not wanted any more. */
void scout_forget(struct scout *s, const char *dir);

#endif
