/*
 * Writes what a merge decided: the events, the rows, the holds and the
 * project's head, in the transaction of the call.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include "cloud/service/call.h"
#include "cloud/service/merge.h"
#include "common/base/buf.h"

struct journal {
	struct vs_buf text; /* the events' JSON, each NUL-ended */
	struct store_event *events;
	size_t *offsets; /* of each event in text */
	size_t count;
	size_t cap;
	char hold_id[STORE_ID]; /* of the new hold, should there be one */
	char device_id[STORE_ID]; /* whose deletions they are, or "" */
};

/* Up to cap events; the id of a hold is made in advance.  VS_ENOMEM. */
int journal_init(struct journal *j, size_t cap, struct vs_rand *r);
/* Frees what it holds; a journal that is all zero holds nothing. */
void journal_release(struct journal *j);

/* Loads the rows of all paths that m wants. */
int journal_load(struct call *call, struct merge *m);

/* Notes the event of a change that was logged as seq. */
void journal_add(
    struct journal *j, const struct vs_change *c, int64_t seq, int64_t wall_ms);

/* Writes it all; call->news is set when the log moved. */
int journal_write(struct call *call, struct journal *j, struct merge *m);

#endif
