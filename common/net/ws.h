/*
 * One WebSocket connection (RFC 6455) on a libuv loop, either side, text
 * messages only; frames are parsed by wslay.  All calls and callbacks on the
 * loop's thread.
 *
 * Pings are sent every ping_ms, and a peer that is silent for dead_ms is
 * gone.  What is sent is queued up to a ceiling; whoever fills it is closed
 * with 1013 by its owner and comes back with since_seq.
 */
#ifndef VS_WS_H
#define VS_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "common/base/err.h"

#define VS_WS_PING_MS 20000
#define VS_WS_DEAD_MS 45000
#define VS_WS_MESSAGE (1024 * 1024) /* bytes of a message taken */
#define VS_WS_QUEUE (4 * 1024 * 1024) /* bytes unsent before VS_ELIMIT */

struct vs_ws;
struct vs_ws_frame;

/*
 * The bytes below: a socket, or TLS through somebody's library.  Non-blocking:
 * bytes moved, 0 at the end of the stream (read), or VS_EAGAIN, VS_ENET.
 */
struct vs_ws_wire {
	int fd; /* to poll */
	ssize_t (*read)(void *arg, void *data, size_t len);
	ssize_t (*write)(void *arg, const void *data, size_t len);
	void (*close)(void *arg); /* once, last of all */
	void *arg;
};

struct vs_ws_options {
	bool client; /* masks what it sends, refuses masked frames */
	struct vs_ws_wire wire;
	const void *early; /* bytes that came with the handshake; copied */
	size_t early_len;
	size_t max_message; /* bytes of a message taken; 0: VS_WS_MESSAGE */
	int ping_ms; /* 0: VS_WS_PING_MS */
	int dead_ms; /* 0: VS_WS_DEAD_MS */
	/* a whole text message, valid UTF-8; dies with the return */
	void (*message)(void *arg, const char *text, size_t len);
	/* exactly once, later: the connection is over (code: RFC 6455, 7.4;
	   1006 without a closing handshake); ws is gone afterwards */
	void (*closed)(void *arg, int code, const char *why);
	void *arg;
};

/*
 * Takes the wire over, also when it fails (then it is closed, and closed is
 * not called).  No callback runs before this returns.
 */
int vs_ws_new(struct vs_ws **out, uv_loop_t *loop,
    const struct vs_ws_options *o, struct vs_err *err);

/*
 * Queues a text message (copied), valid UTF-8; sends what the wire takes at
 * once.  VS_ELIMIT: the queue is full, and nothing of this was queued;
 * VS_ECANCELED: it is closing; VS_ENOMEM.
 */
int vs_ws_send(struct vs_ws *ws, const char *text, size_t len);

/*
 * The same bytes for many: a frame is built once, unmasked (servers only),
 * and counted.  The caller has one reference.  NULL: out of memory.
 */
struct vs_ws_frame *vs_ws_frame_new(const char *text, size_t len);

/* Gives the caller's reference up; freed with the last.  NULL is nothing. */
void vs_ws_frame_free(struct vs_ws_frame *f);

/* Queues it, with a reference of its own; errors as those of vs_ws_send. */
int vs_ws_send_frame(struct vs_ws *ws, struct vs_ws_frame *f);

/* Bytes queued and not yet sent. */
size_t vs_ws_queued(const struct vs_ws *ws);

/*
 * Begins the closing handshake behind what is queued; with VS_WS_AGAIN what
 * is queued is dropped, for who is too slow will not take it in time.  No
 * message is reported any more; closed follows within two seconds, with code
 * when the peer agreed.  Nothing if it is closing already.
 */
#define VS_WS_AGAIN 1013 /* come back later */
void vs_ws_close(struct vs_ws *ws, int code, const char *why);

/*
 * Sec-WebSocket-Accept for a client's key (RFC 6455, 4.2.2), out of 29
 * bytes; VS_EINVAL unless the key is 16 bytes in base64.
 */
int vs_ws_accept(const char *key, char out[29]);

#endif
