/*
 * Two batches overlap.  While the cloud works on batch N, the next one is
 * fixed behind it, durably; a clean answer to N lets N + 1 leave at once, and
 * what the answer to N does to the state is done while N + 1 is under way,
 * together with the fixing of N + 2.  So neither waits for the other.
 *
 *   freeze N+1 |     send N+1 |                    | send N+2
 *   --- N under way ----------+--- N+1 under way --+---
 *                       reply N | apply N, freeze N+2 |
 *
 * A clean answer takes all of N and holds or refuses nothing: N + 1 holds
 * whatever else is true.  After any other answer N + 1, which was never sent,
 * is pending again, and all goes on one batch after the other.  N + 1 has no
 * deletions by themselves, as these are judged by what was acknowledged.
 *
 * Both batches are durable before N + 1 is sent; that N was taken is not.
 * Who dies then has both, and offers N again.  Where the cloud has N + 1
 * already, it says that N + 2 is due (batch_gap), and N + 1 is offered: that
 * it has this very batch, number and digest, proves that it left here, and so
 * that N was answered cleanly.  N is overtaken, and as good as acknowledged.
 */
#ifndef AHEAD_H
#define AHEAD_H

#include "agent/engine/core.h"

/* The batch whose answer is awaited; with none in flight, the latest. */
void ahead_id(const struct engine *e, struct vs_batch_id *id);

/*
 * A batch is under way: fixes the one ahead if there is none and one can be
 * filled.  No transaction may be open.
 */
int ahead_step(struct engine *e, struct vs_err *err);

/* The same in the open transaction: 1 if there is one now, or 0. */
int ahead_freeze(struct engine *e, struct vs_err *err);

/*
 * reply is to the batch in flight, and a batch is ahead: sends that one if
 * reply is clean and nothing stands against sending.  1 if it was clean, 0 if
 * the one ahead must be recalled.
 */
int ahead_send(
    struct engine *e, const struct vs_batch_reply *reply, struct vs_err *err);

/* In the open transaction: the one ahead, if any, is pending again. */
int ahead_recall(struct engine *e, struct vs_err *err);

/*
 * Whether a, a refusal of the batch in flight, says that it was overtaken:
 * then the one ahead is to be offered.
 */
bool ahead_overtaken(struct engine *e, const struct engine_answer *a);

/*
 * The cloud has the one ahead: so it took all of the overtaken one.  No
 * transaction may be open.  Whoever watches is not told of its changes, as
 * their numbers in the log are not known.
 */
int ahead_taken(struct engine *e, struct vs_err *err);

#endif
