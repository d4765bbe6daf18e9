/*
 * HTTP requests on a libuv loop, by libcurl's multi interface.  All calls
 * and callbacks on the loop's thread.  Redirects are not followed; only
 * http and https; HTTP/1.1; TLS verified.  The program ignores SIGPIPE.
 */
#ifndef VS_HTTPC_H
#define VS_HTTPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "common/base/err.h"

struct vs_httpc;
struct vs_httpc_req;

struct vs_httpc_result {
	struct vs_err err; /* transport: VS_ENET, VS_ETIMEDOUT, VS_ELIMIT,
	                             VS_ECANCELED; VS_OK when an answer came */
	long status; /* HTTP status, 0 without an answer */
	const char *type; /* Content-Type or "" */
	const char *retry_after; /* Retry-After or NULL */
	const char *body; /* NUL-terminated */
	size_t len;
};

struct vs_httpc_options {
	const char *method; /* "GET", "POST", ... */
	const char *url;
	const char *bearer; /* token or NULL; never logged */
	const char *unix_socket; /* path or NULL */
	const void *body; /* copied; NULL for none; sent as JSON */
	size_t len;
	size_t max_body; /* largest answer taken, bytes */
	int64_t timeout_ms; /* for the whole exchange */
	/* exactly once, later than the call; result dies with its return */
	void (*done)(void *arg, const struct vs_httpc_result *result);
	void *arg;
};

/* A client on loop, where all callbacks run; ended by vs_httpc_close. */
int vs_httpc_new(struct vs_httpc **out, uv_loop_t *loop, struct vs_err *err);

/* Cancels what runs (done gets VS_ECANCELED), then calls closed. */
void vs_httpc_close(struct vs_httpc *c, void (*closed)(void *arg), void *arg);

/* Strings are copied.  *out (may be NULL) is valid until done returns. */
int vs_httpc_send(struct vs_httpc *c, const struct vs_httpc_options *o,
    struct vs_httpc_req **out, struct vs_err *err);

/* done follows on a later turn of the loop with VS_ECANCELED. */
void vs_httpc_cancel(struct vs_httpc_req *req);

#endif
