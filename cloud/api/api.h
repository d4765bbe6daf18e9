/*
 * The cloud's HTTP interface without HTTP: one request in, one answer out,
 * synchronously, against a store.  The server (server.c) runs it on the
 * writer's or the reader's thread, the simulator calls it directly.  It
 * reads no clock and no random device: struct api_context brings both.
 */
#ifndef API_H
#define API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cloud/service/feed.h"
#include "cloud/service/tell.h"
#include "cloud/store/store.h"
#include "common/base/buf.h"
#include "common/os/rand.h"

struct api_context {
	struct store *store; /* writer's (in a transaction) or a reader's */
	struct vs_rand *rand;
	int64_t wall_ms;
};

struct api_request {
	const char *method;
	const char *path; /* decoded once, with or without /api */
	const char *query; /* raw, after '?', or "" */
	const char *token; /* bearer token or NULL */
	const char *accept; /* Accept header or NULL */
	const char *if_none_match;
	const char *body;
	size_t len;
	bool upgrade; /* it is a proper opening of a WebSocket */
};

/* A socket that may be opened: body is what it hears first. */
struct api_socket {
	enum feed_form form;
	char user_id[STORE_ID];
	uint8_t token[VS_SHA256_SIZE]; /* hash of the token it came with */
	char log_id[STORE_ID];
	int64_t since_seq; /* the events after that one follow */
	int64_t access; /* stamp at which it had its right */
};

#define API_HEADERS 8

struct api_answer {
	int status;
	const char *type; /* Content-Type, static */
	struct vs_buf body;
	char
	    *headers[API_HEADERS + 1]; /* "Name: value", malloc'd, NULL-ended */
	char project_id[37]; /* that the following is about */
	/* a commit made something new in the project's log: tell who waits */
	int64_t last_seq; /* 0: nothing new */
	/* a long-poll with nothing to say yet: ask again when the project's
	   log passes wait_seq or after wait_ms; 0: this is the answer.  The
	   answer without waiting is there as well */
	int64_t wait_ms;
	int64_t wait_seq;
	struct tell tell; /* once it is durable */
	struct api_socket socket; /* of a 101 */
};

/* True if the request may write: it needs the writer and a transaction. */
bool api_writes(const struct api_request *r);

/* True if the answer takes long: it should not hold up other reads. */
bool api_slow(const struct api_request *r);

/* True if the address is a WebSocket, where a token may be in the query. */
bool api_upgrades(const struct api_request *r);

/* Every query parameter that any route knows, NULL-ended. */
extern const char *const api_parameters[];

/*
 * The answer there is when the store has failed (code, negative) before or
 * after api_handle: 503, or 507 for a full disk.  Replaces what is in a.
 */
void api_failed(struct api_answer *a, int code);

/*
 * Answers r; every outcome, errors included, is an answer.  On the writer it
 * runs inside a savepoint: *keep says whether its writes are to be kept.
 */
void api_handle(const struct api_context *x, const struct api_request *r,
    struct api_answer *a, bool *keep);

/* An empty 200 of JSON, to be filled by api_handle. */
void api_answer_init(struct api_answer *a);

/* Frees body and headers; api_answer_init makes it usable again. */
void api_answer_release(struct api_answer *a);

#endif
