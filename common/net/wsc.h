/*
 * Opening a WebSocket as a client: libcurl connects (TLS included, HTTP/1.1
 * forced, CONNECT_ONLY), the handshake is ours, then struct vs_ws takes over.
 */
#ifndef VS_WSC_H
#define VS_WSC_H

#include <uv.h>

#include "common/base/err.h"
#include "common/net/ws.h"

struct vs_wsc; /* an attempt under way */

struct vs_wsc_options {
	const char *url; /* "http://..." or "https://..." with the path */
	const char *bearer; /* token or NULL; never logged */
	const char *ca_file; /* who is trusted, PEM; NULL: the system's */
	int64_t timeout_ms; /* until it is open */
	/* exactly once, later: ws, or NULL with why (VS_ENET, also for 429
	   and 5xx; VS_ETIMEDOUT; VS_EAUTH for 401, VS_ENOENT for 404,
	   VS_EFORBIDDEN for 403; VS_EPROTO for all else, redirects too) */
	void (*opened)(void *arg, struct vs_ws *ws, const struct vs_err *why);
	/* of the connection, as in struct vs_ws_options */
	void (*message)(void *arg, const char *text, size_t len);
	void (*closed)(void *arg, int code, const char *why);
	void *arg;
};

/*
 * Strings are copied.  VS_EINVAL for a URL or a token that is none; then
 * opened is not called.  c is valid until opened was called.
 */
int vs_wsc_open(struct vs_wsc **out, uv_loop_t *loop,
    const struct vs_wsc_options *o, struct vs_err *err);

/* Before opened was called: it follows with VS_ECANCELED. */
void vs_wsc_cancel(struct vs_wsc *c);

#endif
