/*
 * What the files of the WebSocket share, and nobody else includes.
 *
 *   OPEN -> CLOSING -> OVER     or OPEN -> OVER when the wire breaks
 *
 * CLOSING: our Close frame is queued or sent; what arrives is looked at for
 * the peer's Close only.  OVER: handles are closing, closed is next.
 */
#ifndef VS_WS_PRIV_H
#define VS_WS_PRIV_H

#include <wslay/wslay.h>

#include "common/base/buf.h"
#include "common/net/ws.h"

#define WS_CLOSE_DATA 125 /* bytes, 2 of them a code: RFC 6455, 5.5 */
#define WS_WHY 128 /* bytes of a reason */

enum ws_state { WS_OPEN, WS_CLOSING, WS_OVER };

/* Bytes as they go over the wire. */
struct vs_ws_frame {
	unsigned refs;
	size_t len;
	uint8_t bytes[];
};

struct ws_item {
	struct ws_item *next;
	struct vs_ws_frame *frame;
};

/* The parser and what it is in the middle of. */
struct ws_parser {
	struct wslay_event_context *ctx; /* NULL between messages */
	const uint8_t *data; /* not yet given to wslay */
	size_t len;
	uint64_t begun; /* bytes taken since the last whole frame */
	uint64_t frame; /* bytes of the frame whose header is read */
	bool fragments; /* of a message whose last is not there yet */
	uint8_t opcode; /* of that frame */
	uint8_t close[WS_CLOSE_DATA]; /* the data of a Close */
	size_t close_len;
	bool close_whole;
	struct vs_buf out; /* what wslay wants to say */
};

struct vs_ws {
	uv_loop_t *loop;
	struct vs_ws_options o;
	enum ws_state state;
	uv_poll_t poll;
	uv_timer_t timer; /* next ping, silence, end of closing */
	int handles; /* of libuv, not yet closed */
	struct ws_parser in;
	void *early; /* what came with the handshake, until it is parsed */
	bool more; /* there may be bytes that poll does not tell of */
	/* to be sent; sent bytes of the first are gone */
	struct ws_item *head;
	struct ws_item **tail;
	size_t sent;
	size_t queued; /* bytes */
	/* loop times */
	int64_t heard_ms;
	int64_t pinged_ms;
	int64_t close_by_ms;
	bool heard_close; /* the peer's Close frame */
	bool deaf; /* after an error: read, not parsed */
	bool half; /* our side is shut down */
	int asked; /* code that vs_ws_close was given */
	int code; /* for closed */
	char why[WS_WHY];
};

/*
 * A frame with one reference; mask of 4 bytes or NULL.  NULL: no memory.
 */
struct vs_ws_frame *vs_ws_frame_make(
    uint8_t opcode, const void *data, size_t len, const uint8_t *mask);

/* Frames that are ready, as one. */
struct vs_ws_frame *vs_ws_frame_raw(const void *data, size_t len);

/*
 * Parses what arrived: messages go to the user, what wslay answers to
 * vs_ws_reply, a Close to vs_ws_heard_close.  False when nothing more will
 * be understood.
 */
bool vs_ws_parse(struct vs_ws *ws, const void *data, size_t len);

/* Frees what it holds; p may be all zero. */
void vs_ws_parser_release(struct ws_parser *p);

/* Sends what the parser wants to say, unless we have said goodbye. */
void vs_ws_reply(struct vs_ws *ws, const void *data, size_t len);

/* Sends a Close with code, unless we have sent one. */
void vs_ws_goodbye(struct vs_ws *ws, int code);

/* The peer said goodbye. */
void vs_ws_heard_close(struct vs_ws *ws, int code, const char *why, size_t len);

/* The peer broke the rules; a Close with code was sent. */
void vs_ws_fail(struct vs_ws *ws, int code, const char *why);

/* Over: closed follows on a later turn. */
void vs_ws_finish(struct vs_ws *ws, int code, const char *why);

#endif
