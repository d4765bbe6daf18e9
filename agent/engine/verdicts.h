/*
 * A person's verdict on deletions that the cloud holds: sent to it, one hold
 * at a time, and applied to our belief when it has been taken.
 */
#ifndef VERDICTS_H
#define VERDICTS_H

#include "agent/engine/core.h"

/* Whether a decision waits to be sent: 1, 0, or negative. */
int verdicts_due(struct engine *e, struct vs_err *err);

/* Sends the next decision; true if one is under way. */
bool verdicts_step(struct engine *e);

/*
 * What is open: 0 nothing, 1 a decision that was taken is to be sent, 2 a
 * person has yet to decide; or a negative code.
 */
int verdicts_open(struct engine *e, struct vs_err *err);

/* The answer to what was sent; taken, it changes what we believe. */
void verdicts_answered(struct engine *e, const struct engine_answer *a);

/* *n: paths that the cloud holds, decided on or not. */
int verdicts_count(struct engine *e, int64_t *n, struct vs_err *err);

#endif
