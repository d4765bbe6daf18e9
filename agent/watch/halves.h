/*
 * Halves of renames that wait for the other one, and with them the watches
 * below a folder that was moved.  All wait equally long, so the oldest is
 * the first to give up.  Pure: time is an argument.
 */
#ifndef HALVES_H
#define HALVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HALVES_MAX 4096 /* that may wait; then the oldest is let go */

struct wdmap_dir;

struct half {
	struct half *newer;
	struct half *older;
	int64_t due_ms; /* mono: alone from then on */
	uint32_t cookie;
	bool dir;
	struct wdmap_dir *holder; /* of what was watched there, or NULL */
	char path[]; /* the old name; "" where it is not known */
};

struct halves {
	struct half *newest;
	struct half *oldest;
	size_t count;
};

/* A half of nothing yet but path, or NULL without memory.  free(3) it. */
struct half *half_new(const char *path);

/* The table has it; the others are older. */
void halves_put(struct halves *h, struct half *half);

/* Takes out the one that this cookie and kind complete; NULL: none. */
struct half *halves_match(struct halves *h, uint32_t cookie, bool dir);

/* Takes out the oldest, if it gives up at now_ms or all do; NULL: none. */
struct half *halves_alone(struct halves *h, int64_t now_ms);

/* When the oldest gives up; INT64_MAX: there is none. */
int64_t halves_due(const struct halves *h);

#endif
