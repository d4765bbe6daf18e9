/*
 * How large the next batch may be: what the server took, refused and how
 * long it took over it.  Pure.
 */
#ifndef SIZE_H
#define SIZE_H

#include <stdint.h>

#define SIZE_BYTES_LEAST 4096
#define SIZE_SLOW_MS 3000 /* a batch that takes longer was too large */
#define SIZE_FAST_MS 1000 /* one that takes less may be larger */
#define SIZE_GOOD 64 /* batches near the ceiling before it is raised */

struct size {
	int changes; /* of the next batch, 1 to VS_BATCH_CHANGES */
	int64_t bytes; /* of its body, up to ceiling */
	int64_t ceiling; /* bytes the server is known to take; remembered */
	int good; /* batches that came near the ceiling and were taken */
};

/* A batch that was answered. */
struct size_sent {
	int changes;
	int64_t bytes;
	int64_t ms; /* until the answer */
};

/* ceiling: as remembered, 0 for none. */
void size_init(struct size *s, int64_t ceiling);

/*
 * It was taken.  Slow: half as much the next time; fast: half as much again.
 * The ceiling rises by an eighth after SIZE_GOOD batches near it, so that a
 * limit of the server's is run into again seldom, and its lifting is noticed.
 */
void size_taken(struct size *s, const struct size_sent *b);

/* It was too large (413): half of it is the ceiling from now on. */
void size_refused(struct size *s, const struct size_sent *b);

/* It failed as a whole: half as many changes, to find out which. */
void size_failed(struct size *s, const struct size_sent *b);

#endif
