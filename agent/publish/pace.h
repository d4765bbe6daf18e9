/* When a batch leaves, and whether deletions go with it.  Pure. */
#ifndef PACE_H
#define PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_DELETE_MS 2000 /* deletions wait for quiet no longer than this */

struct pace_view {
	int64_t wall_ms;
	int64_t upserts; /* ready, counted up to a batch */
	int64_t upserts_ms; /* wall: since when the first one waits */
	int64_t deletes;
	int64_t deletes_ms;
	bool quiet; /* nothing is settling, listed or hashed */
};

struct pace {
	bool go;
	bool deletes; /* may go, too */
	int64_t wait_ms; /* unless go: look again then; -1: no need */
};

/*
 * A batch goes when it is full enough (VS_BATCH_FLOOR) or its first change
 * has waited VS_LINGER_MS.  Deletions wait until nothing else is under way,
 * so that a burst of them is judged as one and a rename's new name goes
 * first.
 */
struct pace pace_decide(const struct pace_view *v);

#endif
