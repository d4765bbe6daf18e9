/* What an answer to a batch does to the state, in one transaction. */
#ifndef RECEIPT_H
#define RECEIPT_H

#include "agent/engine/core.h"

/*
 * A 2xx answer: rows it names leave the outbox, belief and totals follow,
 * checksums are compared.  One that is not of the contract's form is a
 * reason to back off, not an error.  Negative: the database failed.
 */
int receipt_take(
    struct engine *e, const struct engine_answer *a, struct vs_err *err);

/*
 * No answer that counts: the batch is sent again after a pause.  A plain
 * server that fails over it again and again is offered the halves, and a
 * single change that it fails over after all the others.
 */
int receipt_failed(struct engine *e, const struct engine_answer *a,
    const char *why, struct vs_err *err);

/*
 * The batch was refused whole: the next ones are half as large; a single
 * change that is refused is noted as trouble and dropped (a full scan offers
 * it again); one that is "too large" is tried again later.
 */
int receipt_split(struct engine *e, const struct engine_answer *a,
    const char *why, struct vs_err *err);

#endif
