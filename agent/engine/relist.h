/*
 * Comparing listings: when the cloud is not what we believe (new state,
 * another log_id, a tree checksum that differs), its listing is read page by
 * page into a new belief, and what differs from the disk is sent.
 */
#ifndef RELIST_H
#define RELIST_H

#include "agent/engine/core.h"

/* From now on the belief is not trusted.  Durable with the transaction. */
int relist_need(struct engine *e, struct vs_err *err);

/*
 * The same, where only what a plain server logged after since is not known:
 * what was believed of it before is built on.
 */
int relist_since(struct engine *e, int64_t since, struct vs_err *err);

/* The belief is emptied, to be learned anew.  Durable. */
int relist_begin(struct engine *e, struct vs_err *err);

/* All of it was learned: what that changes in the open transaction. */
int relist_listed(struct engine *e, struct vs_err *err);

/* The same, once that is durable: what it changes in memory. */
void relist_end(struct engine *e);

/* Asks for the next page. */
void relist_step(struct engine *e);

/* The answer to that; the last page ends the comparison. */
void relist_answered(struct engine *e, const struct engine_answer *a);

/*
 * After a full scan, or after the listing: what the cloud lacks and what it
 * has too much goes to the outbox.
 */
void relist_reconcile(struct engine *e);

#endif
