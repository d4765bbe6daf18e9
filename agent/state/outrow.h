/*
 * A row of the outbox: one change, or the two halves of a rename, which wait
 * and travel together: the new name's change, and the deletion of origin.
 * For the files of the outbox only; all within the caller's transaction.
 *
 * Its id is where it stands.  The upper bits are its lane, by class and rank,
 * so that each kind of rows is a range of the table, in the order in which
 * they leave; the lower 48 are its seq, which grows with time (barriers) and
 * which no other row has.  mine is the seq of its change, and half, in a
 * rename, that of the deletion; the id has the older one.
 */
#ifndef OUTROW_H
#define OUTROW_H

#include <stdbool.h>
#include <stdint.h>
#include <sqlite3.h>

#include "agent/state/state.h"
#include "common/proto/change.h"

enum outrow_class {
	OUTROW_HELD, /* deletions, until a person decides */
	OUTROW_GONE, /* other deletions that are no half of a rename */
	OUTROW_UPSERT, /* with them the renames */
};

enum outrow_rank {
	OUTROW_FRESH, /* somebody works on it */
	OUTROW_SCAN,
	OUTROW_DEFERRED, /* the server choked on it */
	OUTROW_RANKS,
};

/* Where a row of that lane and seq stands. */
int64_t outrow_id(enum outrow_class class, enum outrow_rank rank, int64_t seq);

/* The rank in an id. */
enum outrow_rank outrow_rank(int64_t id);

/* The seq in an id. */
int64_t outrow_seq(int64_t id);

/* The ids of a lane are above after and below end. */
void outrow_lane(enum outrow_class class, enum outrow_rank rank, int64_t *after,
    int64_t *end);

/* The next n seqs are given out: outbox_seq is the last of them. */
int outrow_reserve(struct state *s, int64_t n, struct vs_err *err);

/* The next one. */
int outrow_next(struct state *s, int64_t *seq, struct vs_err *err);

/*
 * The change of the row that st is on: its columns from 1 on are path, op,
 * kind, size, mtime, mode, hash, target, state, origin.  Strings live until
 * the next step.
 */
void outrow_read(sqlite3_stmt *st, struct vs_change *c);

/* Of such a change with renamed_from: the deletion that goes with it. */
void outrow_half(const struct vs_change *rename, struct vs_change *c);

/* A deletion that waits alone, for one that comes with its content. */
struct outrow_twin {
	int64_t id;
	int approved;
	char path[VS_PATH_MAX + 1];
};

/* One of that hash and size: 1 with *out, 0 for none, or negative. */
int outrow_twin(struct state *s, const char *hash, int64_t size,
    struct outrow_twin *out, struct vs_err *err);

/*
 * The creates of a lane whose content a deletion of the same waits for become
 * renames: those of the first most rows after *after, which is moved on.
 * How many rows were looked at, 0 at the end of the lane, or negative.
 */
int outrow_marry(struct state *s, enum outrow_rank rank, int64_t *after,
    int most, struct vs_err *err);

/* The rename in row id is none: two rows, each in its lane. */
int outrow_part(struct state *s, int64_t id, struct vs_err *err);

/*
 * Something is about to wait for path (NULL is nothing), of which a batch in
 * flight may speak; to be called for each row that is put.
 */
int outrow_overtake(struct state *s, const char *path, struct vs_err *err);

/*
 * 1 if a batch in flight speaks of path; *op (or NULL): what it says, the
 * later one of two.
 */
int outrow_in_flight(
    struct state *s, const char *path, int *op, struct vs_err *err);

/* The paths in flight are in memory (struct state, flight) from here on. */
int outrow_know_flight(struct state *s, struct vs_err *err);

#endif
