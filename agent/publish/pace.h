/* When a batch leaves, and whether deletions go with it.  Pure. */
#ifndef PACE_H
#define PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_DELETE_MS 2000 /* deletions wait for quiet no longer than this */
#define PACE_LISTING_MS 50 /* between two batches of a first listing */
#define PACE_IDLE_MS 200 /* after the last deletion, for more of them */

struct pace_view {
	int64_t wall_ms;
	int64_t upserts; /* ready, counted up to a batch */
	int64_t upserts_ms; /* wall: since when the first one waits */
	int64_t deletes;
	int64_t deletes_ms;
	int64_t idle_ms; /* since the last deletion was found */
	int64_t sent_ms; /* since a batch was sent */
	bool quiet; /* nothing is settling, listed or hashed */
	bool listing; /* names come first, and are still being listed */
};

struct pace {
	bool go;
	bool deletes; /* may go, too */
	int64_t wait_ms; /* unless go: look again then; -1: no need */
};

/*
 * A batch goes when it is full enough (VS_BATCH_FLOOR) or its first change
 * has waited VS_LINGER_MS.  Deletions wait until nothing else is under way
 * and no other has come for PACE_IDLE_MS, so that a burst of them is judged
 * as one.  While a first listing is under way, it has most of the time.
 */
struct pace pace_decide(const struct pace_view *v);

#endif
