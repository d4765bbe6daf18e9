/*
 * Which kind of server answers: a vsync cloud names its log in every reply
 * and echoes each batch; an older one, which takes deltas and serves a log
 * of events, does neither.  What its replies must look like to count all
 * the same.  Pure.
 *
 * A vsync cloud is known by its log_id, and from then on nothing less than
 * its own replies counts: a portal's page or a stranger's JSON is never
 * taken for a plain server.
 */
#ifndef DIALECT_H
#define DIALECT_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "common/base/err.h"
#include "common/proto/batch.h"

enum dialect {
	DIALECT_UNKNOWN, /* nothing has answered yet */
	DIALECT_OWN, /* a vsync cloud */
	DIALECT_PLAIN, /* deltas in, events out, and no proofs */
};

/* A page of a log, of either kind. */
struct dialect_page {
	enum dialect dialect; /* who wrote it */
	json_t *events; /* borrowed; each has a "seq" above the last */
	int64_t last; /* seq of the last one; since when there is none */
	bool more;
};

/*
 * Reads the answer to GET /events?since_seq=SINCE: a page must say that it
 * succeeded, and its events must rise from SINCE on.  VS_EPROTO for
 * anything else.
 */
int dialect_page(const json_t *doc, int64_t since, struct dialect_page *p,
    struct vs_err *err);

/*
 * Whether a plain server's reply to a batch of sent changes is one: as many
 * results as it says were synced, each with a path, a seq and the status
 * "synced"; the total is what was sent.  VS_EPROTO if not.
 */
int dialect_reply(
    const struct vs_batch_reply *r, int64_t sent, struct vs_err *err);

#endif
