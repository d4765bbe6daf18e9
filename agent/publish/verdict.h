/*
 * What an answer to a batch means for the outbox (rule R8): only a 200 of
 * the right form is success, everything else is "not committed as far as we
 * know", and is told apart by what helps.  Pure.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/proto/batch.h"

enum verdict {
	VERDICT_READ, /* 2xx and JSON: read the reply */
	VERDICT_RETRY, /* the same again, after a pause */
	VERDICT_SPLIT, /* nothing can have been committed: smaller */
	VERDICT_RESYNC, /* out of step: new epoch, compare listings */
	VERDICT_ORDER, /* our epoch has to follow another batch: say so */
	VERDICT_STALE, /* our epoch is an old one: stop */
	VERDICT_NOT_PUBLISHER, /* another device publishes: stop */
	VERDICT_AUTH, /* token refused: stop */
	VERDICT_FORBIDDEN, /* not an owner: stop */
	VERDICT_GONE, /* no such project: stop */
};

/* code: transport's; status, type, body: the answer's. */
enum verdict verdict_of(
    int code, long status, const char *type, const char *body, size_t len);

/* What epoch_order says that is to be followed; false if it does not. */
bool verdict_follows(struct vs_batch_mark *m, const char *body, size_t len);

/* Which counter a refusal says is due, 0 if it does not. */
int64_t verdict_due(const char *body, size_t len);

/*
 * "code" of an error answer into out (cap bytes); "" if there is none, or
 * none of letters, digits and the like ("_-.") that fits.
 */
void verdict_error_code(char *out, size_t cap, const char *body, size_t len);

#endif
