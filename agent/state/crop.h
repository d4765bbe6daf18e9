/*
 * A crop: files of one folder that are new there, listed by name and size
 * before they are read.  What one change does a file, a few statements do
 * for all of them.  Within the caller's transaction.
 */
#ifndef CROP_H
#define CROP_H

#include <stddef.h>
#include <stdint.h>

#include "agent/scan/roster.h"
#include "agent/state/state.h"

#define CROP_MAX 64

struct crop {
	const char *dir;
	const struct roster *names; /* of what is in dir */
	size_t at[CROP_MAX]; /* of it, the files' rows */
	int count;
};

/*
 * Each gets its row, which no look takes for what is there, and a creation
 * without a hash waits for it.  None may have a row, and nothing may wait,
 * be in flight or be known of the cloud at its path; wall_ms: now.  0 or
 * negative.
 */
int crop_put(
    struct state *s, const struct crop *c, int64_t wall_ms, struct vs_err *err);

#endif
