/*
 * PROJECT_EVENT_BATCH: a piece of the log as the stream of events sends it
 * and a member reads it.
 */
#ifndef VS_EVENTS_H
#define VS_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "common/base/err.h"
#include "common/crypto/tree.h"
#include "common/proto/listing.h"

struct vs_events {
	struct vs_listing_row *rows; /* with the change's op and the seq */
	size_t count;
	bool broken; /* what follows them is no event */
	int64_t seq; /* of the last event; -1: not said */
	bool has_tree;
	struct vs_tree tree; /* of the log at seq */
	char *text; /* owns the strings, if not a document */
};

/*
 * Reads a message; the strings are borrowed from doc.  VS_EINVAL when it has
 * no events, VS_ENOMEM.  Release it in any case.
 */
int vs_events_read(struct vs_events *e, const json_t *doc, struct vs_err *err);

/*
 * The same straight from the text, faster.  False, with nothing to release,
 * when it has to be read the long way: because it is another message, of
 * another form, or there is no memory.
 */
bool vs_events_scan(struct vs_events *e, const char *text, size_t len);

/* Frees what it holds; one that is all zero holds nothing. */
void vs_events_release(struct vs_events *e);

#endif
