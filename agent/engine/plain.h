/*
 * A plain server (agent/publish/dialect.h): one that takes deltas and serves
 * a log of events, and has no listing of ours, no echo and no checksum.
 *
 * It is asked for a page of its log when the listing was none; what it is
 * then is remembered, and looked at again with every page and reply: the
 * first that names a log is a vsync cloud's, and all is compared anew.
 * What it holds is learned from its log; what it acknowledged, path by path,
 * is believed, and never called proven.
 */
#ifndef PLAIN_H
#define PLAIN_H

#include "agent/engine/core.h"

#define PLAIN_TRIES 4 /* answers without a path, before it is shown */
#define PLAIN_FAILS 3 /* failures of a batch before it is halved */

static inline bool plain_is(const struct engine *e)
{
	return e->cloud.dialect == DIALECT_PLAIN;
}

/* Asks for a page, to learn who answers (CORE_PROBE). */
void plain_probe(struct engine *e);

/* The answer to that. */
void plain_probed(struct engine *e, const struct engine_answer *a);

/* Learns what the server holds, page by page (CORE_REPLAY). */
void plain_replay(struct engine *e);

/* The answer to that: one page; the last ends the replay. */
void plain_replayed(struct engine *e, const struct engine_answer *a);

/*
 * A batch was logged from first on (0: nothing of it).  Not right behind what
 * it told us last: either the log was put back, and is learned anew, or what
 * lies between is not known, as others', or ours whose answer was lost.
 * Within the open transaction.
 */
int plain_compare(struct engine *e, int64_t first, struct vs_err *err);

/*
 * Whether the log still ends with what it told us last (CORE_CHECK): if not,
 * somebody else wrote, or it was put back, and it is learned anew.
 */
void plain_check(struct engine *e);

/* The answer to that. */
void plain_checked(struct engine *e, const struct engine_answer *a);

/* Who answers is known; within the open transaction. */
int plain_set(struct engine *e, enum dialect d, struct vs_err *err);

/* It turned out to be a vsync cloud: a new epoch, listings compared. */
int plain_upgrade(struct engine *e, struct vs_err *err);

/* For struct outbox_limits: arg is the engine. */
int plain_skip(void *arg, const struct vs_change *c, struct vs_err *err);

#endif
