/* What the files of the WebSocket's client share, and nobody else includes. */
#ifndef VS_WSC_PRIV_H
#define VS_WSC_PRIV_H

#include "common/base/buf.h"
#include "common/net/wsc.h"

#define WSC_KEY 25 /* bytes of Sec-WebSocket-Key, NUL included */

/*
 * A connection that libcurl makes and carries.  connected is called once,
 * later: why is NULL when it stands, and then wire may be taken; it is not
 * called after the link was closed.
 */
struct wsc_link;

struct wsc_link_options {
	const char *url;
	const char *ca_file;
	void (*connected)(void *arg, const struct vs_err *why);
	void *arg;
};

/* Begins to connect; strings of o are copied by libcurl. */
int vs_wsc_link_new(struct wsc_link **out, uv_loop_t *loop,
    const struct wsc_link_options *o, struct vs_err *err);

/* Its wire; closing that closes the link. */
void vs_wsc_link_wire(struct wsc_link *l, struct vs_ws_wire *wire);

/* At any time, once. */
void vs_wsc_link_close(struct wsc_link *l);

/* Appends the request; key is a fresh Sec-WebSocket-Key. */
int vs_wsc_request(struct vs_buf *b, const struct vs_wsc_options *o,
    const char key[WSC_KEY], struct vs_err *err);

/*
 * Judges the reply's header (up to and with the empty line): VS_OK for a
 * handshake that fits key, else as opened tells it.
 */
int vs_wsc_reply(
    const char *head, size_t len, const char key[WSC_KEY], struct vs_err *err);

#endif
