/*
 * What the cloud has yet to hear: at most one pending change a path, those of
 * the one batch in flight, whose body is kept as sent, and perhaps those of
 * one more, fixed ahead of its answer, which is in flight once the first is
 * over.  All within the caller's transaction.
 */
#ifndef OUTBOX_H
#define OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/state/state.h"
#include "common/base/buf.h"
#include "common/proto/batch.h"
#include "common/proto/change.h"

enum outbox_how {
	OUTBOX_MAYBE = 1, /* the cloud may have it, whatever the shadow says */
	OUTBOX_FRESH = 2, /* somebody works on it: before what a scan found */
};

/*
 * c is what is true of its path now (an upsert, or VS_OP_DELETE); replaces
 * what was pending there.  renamed_from is a hint: if that path's deletion
 * waits here, the two become a rename.  Where the cloud takes files only, what
 * is none deletes the file whose place it took.  how: enum outbox_how.  *op
 * gets the op now pending, or -1.  wall_ms: now.
 */
int outbox_put(struct state *s, const struct vs_change *c, unsigned how,
    int64_t wall_ms, int *op, struct vs_err *err);

/*
 * 1 if the cloud has path marked as a recording, or may soon have, by what
 * waits here; 0 if not.
 */
int outbox_announced(struct state *s, const char *path, struct vs_err *err);

/*
 * Whether c, which is true of its path now, is what the cloud has already,
 * so that nothing about it needs to wait: 1 and nothing does, or 0.  After
 * 1 the manifest's row must be put with synced true.
 */
int outbox_spare(
    struct state *s, const struct vs_change *c, struct vs_err *err);

/* What is pending for path is not needed: the cloud has it, as was learnt. */
int outbox_drop(struct state *s, const char *path, struct vs_err *err);

/* A file that has another path. */
struct outbox_move {
	const struct vs_change *to; /* with renamed_from */
	int *from_op; /* get the ops now pending, -1: none */
	int *to_op;
};

/*
 * to is what is true of the new path, and nothing is at the old one any more.
 * The two travel as a rename where the cloud has that content at the old path.
 */
int outbox_move(struct state *s, const struct outbox_move *m, unsigned how,
    int64_t wall_ms, struct vs_err *err);

/* What is pending for path: *op, or -1 for nothing. */
int outbox_pending(
    struct state *s, const char *path, int *op, struct vs_err *err);

/* The same, or what the batch in flight says of it. */
int outbox_waiting(
    struct state *s, const char *path, int *op, struct vs_err *err);

struct outbox_ready {
	int64_t changes; /* ready to leave, counted up to limit */
	int64_t oldest_ms; /* wall ms at which the first became pending */
};

/* Ready upserts, or ready deletes. */
int outbox_ready(struct state *s, bool deletes, int64_t limit,
    struct outbox_ready *out, struct vs_err *err);

struct outbox_limits {
	int changes; /* 1 to VS_BATCH_CHANGES */
	int64_t bytes; /* of the body; one change may be larger */
	bool deletes; /* deletions go with it */
	bool deferred; /* where nothing else waits, one of these may go */
	/*
	 * NULL, or called for each change that a server of files only cannot
	 * take (folders, links, files without a hash): it leaves the outbox
	 * unsent.  May write, but not to the outbox.
	 */
	int (*skip)(void *arg, const struct vs_change *c, struct vs_err *err);
	void *arg;
};

/*
 * Makes the next batch within limits, upserts before deletes, ids, places
 * and body fixed.  Fresh changes come first and get three quarters of the
 * room at least, the others a quarter.  The body is appended to body and
 * kept.  Returns the number of changes, 0 for none; *skipped says how many
 * were skipped (0 without a skip; at most a batch in one call).
 */
int outbox_freeze(struct state *s, const char *device_id,
    const struct vs_batch_id *id, const struct outbox_limits *limits,
    struct vs_buf *body, int *skipped, struct vs_err *err);

/*
 * As outbox_freeze, behind the batch in flight: the one ahead, of which there
 * is none yet.  Without deletions by themselves and without skip: what it
 * says must not depend on what becomes of the other.
 */
int outbox_freeze_ahead(struct state *s, const char *device_id,
    const struct vs_batch_id *id, const struct outbox_limits *limits,
    struct vs_err *err);

/* The batch in flight: 1 with counter and body (appended), 0 for none. */
int outbox_frozen(
    struct state *s, int64_t *counter, struct vs_buf *body, struct vs_err *err);

/* Likewise the one ahead; and whether there is one. */
int outbox_frozen_ahead(
    struct state *s, int64_t *counter, struct vs_buf *body, struct vs_err *err);
bool outbox_is_ahead(const struct state *s);

/* Changes of the batch in flight. */
int outbox_frozen_size(struct state *s, int64_t *changes, struct vs_err *err);

/* A change of the batch in flight. */
struct outbox_flown {
	int index; /* its place */
	struct vs_change c; /* strings live during the call */
	bool latest; /* nothing newer waits for its path, or goes ahead */
};

/*
 * Calls each for the changes of the batch in flight in their order; each may
 * write, but not to the outbox, and says by *done (false before) that the
 * change is to be removed.
 */
int outbox_each_frozen(struct state *s,
    int (*each)(void *arg, const struct outbox_flown *f, bool *done), void *arg,
    struct vs_err *err);

/* An answer left the rows out that are still in flight: counts that. */
int outbox_tried(struct state *s, struct vs_err *err);

/* How often that is now for path; 0 for one that is not in flight. */
int outbox_tries(
    struct state *s, const char *path, int64_t *tries, struct vs_err *err);

/*
 * The batch in flight comes after all others from now on, each change alone;
 * *was: that was so already.
 */
int outbox_defer(struct state *s, bool *was, struct vs_err *err);

/*
 * The batch in flight is over; rows left in it are pending again, unless
 * there is something newer of their path.  The one ahead is in flight now.
 */
int outbox_settle(struct state *s, struct vs_err *err);

/* The one ahead is none: its rows are pending again. */
int outbox_recall(struct state *s, struct vs_err *err);

/* Both are over. */
int outbox_thaw(struct state *s, struct vs_err *err);

/* The shadow is not to be trusted: no pending change is a rename. */
int outbox_divorce(struct state *s, struct vs_err *err);

/*
 * The shadow tells the truth again: what the cloud lacks is created, and
 * not deleted.
 */
int outbox_refine(struct state *s, struct vs_err *err);

/* Changes in all, and those held. */
int outbox_count(
    struct state *s, int64_t *all, int64_t *held, struct vs_err *err);

/*
 * Whether deletions wait that are no half of a rename and not held; and
 * whether there are any of files, or held ones, so that outbox_sums, which
 * reads all that is pending, has something to judge.
 */
int outbox_lone(struct state *s, bool *any, bool *to_judge, struct vs_err *err);

struct outbox_sums {
	int64_t creates; /* files that are new to the cloud */
	int64_t deletes; /* of files, not approved */
	int64_t approved; /* deletes of files, approved */
	bool any_delete; /* of anything */
};

/* What is pending, for the decision to hold. */
int outbox_sums(struct state *s, struct outbox_sums *out, struct vs_err *err);

/* Creates and deletions of one content, in whichever order they came, become
 * renames; they do so by themselves when they leave. */
int outbox_marry(struct state *s, struct vs_err *err);

enum outbox_hold {
	OUTBOX_HOLD, /* hold all pending deletes that are not approved */
	OUTBOX_UNHOLD, /* let them go after all */
	OUTBOX_APPROVE, /* a person said yes */
	OUTBOX_REJECT, /* a person said no: they are forgotten */
};

/* OUTBOX_HOLD goes for all deletes that wait, the others for all held ones. */
int outbox_hold(struct state *s, enum outbox_hold what, struct vs_err *err);

/* At most limit held paths. */
int outbox_each_held(struct state *s, int limit,
    int (*each)(void *arg, const char *path, enum vs_kind kind), void *arg,
    struct vs_err *err);

/*
 * For barriers: the newest id given out; the oldest id still to be sent and
 * the oldest held, 0 for none.
 */
int outbox_marks(struct state *s, int64_t *last, int64_t *least,
    int64_t *least_held, struct vs_err *err);

#endif
