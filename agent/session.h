/*
 * The agent's voice to the cloud: requests with the user's token to the
 * configured server.  All on the loop's thread.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/net/httpc.h"
#include "common/net/wsc.h"

struct session;

struct session_request {
	const char *method;
	const char *path; /* below the server's URL, "/api/..." */
	const char *body; /* JSON, copied; NULL for none */
	size_t len;
	size_t max_body; /* of the answer, bytes */
	int64_t timeout_ms;
	/* exactly once, later; also when not logged in: then VS_EAUTH */
	void (*done)(void *arg, const struct vs_httpc_result *result);
	void *arg;
};

/* httpc is borrowed and outlives the session. */
int session_new(struct session **out, uv_loop_t *loop, struct vs_httpc *httpc,
    struct vs_err *err);

/* Another one on the same client, with a server and a token of its own. */
int session_like(struct session **out, const struct session *s, const char *url,
    const char *token, struct vs_err *err);

/* Nothing may be under way. */
void session_free(struct session *s);

/* Server and token from now on; copied.  NULL or "" for none. */
int session_set(
    struct session *s, const char *url, const char *token, struct vs_err *err);

/* The server's URL or "". */
const char *session_url(const struct session *s);

/* Sends q, which may go at once; its done follows on a later turn. */
void session_send(struct session *s, const struct session_request *q);

/*
 * Opens a WebSocket at path with the user's token; o as of vs_wsc_open, but
 * for url and bearer, which are ours.  VS_EAUTH when not logged in.
 */
int session_stream(struct session *s, struct vs_wsc **out, const char *path,
    const struct vs_wsc_options *o, struct vs_err *err);

/*
 * What an answer that is not a success means: VS_EAUTH, VS_ENOENT,
 * VS_EFORBIDDEN, VS_EAGAIN, VS_EPROTO, or the transport's code, with a
 * sentence for people.  VS_OK for a 2xx answer in JSON.
 */
int session_judge(const struct session *s, const struct vs_httpc_result *r,
    struct vs_err *err);

#endif
