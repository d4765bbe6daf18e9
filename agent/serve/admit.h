/*
 * Who gets what: every decision of the chunk server over a request.  Pure.
 *
 * A request without a ticket of ours, or from another key than the ticket's,
 * learns nothing: it is 403, whatever it asks for.
 */
#ifndef ADMIT_H
#define ADMIT_H

#include <stdint.h>

#include "agent/serve/wire.h"
#include "common/crypto/ticket.h"

#define ADMIT_CHUNK (4 * 1024 * 1024) /* bytes, but for the last one */

/* A request, and who we are. */
struct admit_request {
	const char *method;
	const char *path; /* of the URL, decoded once */
	const char *authorization; /* header, or NULL */
	const char *pin; /* of the client's key, "" for none */
	const char *device; /* ours */
	const uint8_t *ticket_key; /* VS_TICKET_KEY bytes */
	int64_t wall_ms;
};

/* An answer: 200 to go on, else an error. */
struct admit_verdict {
	int status;
	const char *code; /* "not_allowed" */
	const char *text; /* a sentence */
};

/* What was asked for: of the ticket's file, one chunk. */
struct admit_chunk {
	struct vs_ticket ticket;
	int64_t off; /* bytes from the file's beginning */
	int64_t len; /* at least 1 */
};

/* A part of a chunk. */
struct admit_span {
	int64_t off; /* from the chunk's beginning */
	int64_t len; /* at least 1 */
};

/* *out is filled when the status is 200. */
struct admit_verdict admit_request(
    const struct admit_request *r, struct admit_chunk *out);

/* What the agent knows of the file against what the ticket says. */
struct admit_verdict admit_found(
    const struct vs_ticket *t, const struct wire_found *f);

/* What became of reading the chunk: a VS_E* code, never VS_OK. */
struct admit_verdict admit_unread(int code);

/*
 * The header Range (NULL: none) over len bytes: 200 for all of them, 206 for
 * one range, 416 for more than one, none of it there, or no range at all.
 */
int admit_range(const char *range, int64_t len, struct admit_span *out);

#endif
