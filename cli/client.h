/*
 * Requests to the agent over its Unix socket; common/proto/control.h is the
 * protocol.  Blocking, but for signals: the first SIGINT ends a call with
 * VS_ECANCELED.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "cli/trouble.h"
#include "cli/interrupt.h"

struct client;

/* intr is borrowed.  VS_ECONFIG: the environment names no directory. */
int client_new(struct client **out, struct interrupt *intr, struct trouble *f);
/* NULL is nothing. */
void client_free(struct client *c);

/* Where the socket is. */
const char *client_socket(const struct client *c);

/* VS_OK if an agent of ours listens; VS_ENOAGENT with the hint if not. */
int client_probe(const struct client *c, struct trouble *f);

/*
 * tick is called about ten times a second while a call waits; it returns
 * false to end the call with VS_ECANCELED.
 */
void client_on_tick(struct client *c, bool (*tick)(void *arg), void *arg);

struct client_request {
	const char *method; /* "GET" or "POST" */
	const char *path; /* "/v1/status" */
	json_t *params; /* query or body; borrowed, NULL: none */
	int64_t timeout_ms; /* -1: as long as it takes */
};

/*
 * One exchange.  *doc is the caller's (json_decref) and an object with
 * "ok":true; every other answer is trouble.
 */
int client_call(struct client *c, const struct client_request *r, json_t **doc,
    struct trouble *f);

/* What takes the lines of a stream. */
struct client_sink {
	/* a line without its end; false ends the stream with VS_OK */
	bool (*line)(void *arg, const char *line, size_t len);
	void *arg;
};

/* Reads a stream to its end: VS_OK when the agent or the sink ended it. */
int client_stream(struct client *c, const struct client_request *r,
    const struct client_sink *sink, struct trouble *f);

#endif
