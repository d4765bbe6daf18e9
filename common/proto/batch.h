/*
 * POST /files/update: the request and its answer, both sides.
 */
#ifndef VS_BATCH_H
#define VS_BATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/crypto/tree.h"
#include "common/proto/change.h"

/* A batch of a device; epoch "" and counter 0: none of it. */
struct vs_batch_mark {
	char epoch[40];
	int64_t counter;
};

struct vs_batch_id {
	char epoch[40]; /* UUID of the agent's state; "" without batch */
	int64_t counter; /* 1, 2, ... within an epoch */
	/*
	 * The first of an epoch says which one of its device was the latest
	 * (linked), so that it counts only while that is so.  Older agents
	 * do not say.
	 */
	bool linked;
	struct vs_batch_mark follows;
};

/* Appends "follows":{"epoch","counter"}, in a batch or in a refusal. */
void vs_batch_put_follows(struct vs_buf *b, const struct vs_batch_mark *m);

/* Reads it from the object around it: *found false when there is none. */
int vs_batch_read_follows(const json_t *around, struct vs_batch_mark *m,
    bool *found, struct vs_err *err);

/*
 * Request, written piece by piece in a fixed form:
 *   vs_batch_open; vs_batch_put for each change; vs_batch_shut.
 *
 * Opens it.  device_id may be NULL; id, too, or without an epoch: then the
 * batch has no number.  follows is written only with counter 1.
 */
void vs_batch_open(
    struct vs_buf *b, const char *device_id, const struct vs_batch_id *id);

/* Appends a change; first is true for the first one. */
void vs_batch_put(struct vs_buf *b, bool first, const struct vs_change *c);

/* Ends it. */
void vs_batch_shut(struct vs_buf *b);

/* The frame of a request; the changes are read one by one. */
struct vs_batch_request {
	json_t *changes; /* borrowed array, 1 to VS_BATCH_CHANGES; or NULL */
	const char *device_id; /* or NULL */
	struct vs_batch_id id; /* epoch "" when there is none */
};

/* VS_EINVAL with the member's name first in the message; VS_ELIMIT for too
 * many changes. */
int vs_batch_read(
    const json_t *body, struct vs_batch_request *r, struct vs_err *err);

/*
 * Frame and changes at once, faster, from a body that may be written to and
 * keeps the strings; changes has room for VS_BATCH_CHANGES.  *count of them
 * are read then, all of them good, and r->changes is NULL.  On false the
 * request has to be read from a copy, the long way.
 */
bool vs_batch_scan(char *body, size_t len, struct vs_batch_request *r,
    struct vs_change *changes, size_t *count);

/* What became of one change. */
struct vs_batch_item {
	int64_t index;
	const char *path; /* as the sender wrote it */
	int64_t seq; /* synced */
	int64_t version; /* synced, or current one of a conflict */
	const char *hold_id; /* held, else NULL */
	const char *code; /* refused, else NULL */
	const char *error; /* refused: a sentence */
	const char *status; /* "synced", or NULL */
};

/* The answer as the agent understands it (200 only). */
struct vs_batch_reply {
	json_t *doc; /* owns all strings, or... */
	char *text; /* ... this does */
	int64_t synced;
	int64_t total;
	struct vs_batch_item *results; /* what was taken */
	size_t count; /* of them */
	json_t *held; /* arrays, borrowed from doc; NULL: empty */
	json_t *errors;
	const char *log_id; /* "" from a server that knows none */
	int64_t last_seq; /* -1 likewise */
	struct vs_batch_id id; /* echoed, or epoch "" */
	bool has_tree;
	struct vs_tree tree;
};

/*
 * Checks that an answer is one of ours: JSON, an object, the members of
 * their types, "success" true, the batch echoed as sent (want, NULL to not
 * ask).  Anything else is VS_EPROTO: not committed as far as we know.
 */
int vs_batch_reply_read(struct vs_batch_reply *r, const char *body, size_t len,
    const struct vs_batch_id *want, struct vs_err *err);

/* Frees an answer that was read; nothing is left to free after an error. */
void vs_batch_reply_release(struct vs_batch_reply *r);

/*
 * The same, faster, where nothing is held or refused and the answer has the
 * form our cloud gives it; on false, with nothing to release, it has to be
 * read the long way.
 */
bool vs_batch_reply_scan(struct vs_batch_reply *r, const char *body, size_t len,
    const struct vs_batch_id *want);

/* Reads an element of held or errors; strings borrowed. */
int vs_batch_item_read(
    const json_t *element, struct vs_batch_item *it, struct vs_err *err);

#endif
