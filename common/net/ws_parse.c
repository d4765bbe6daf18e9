/*
 * wslay parses and checks what arrives.  A context of it costs some 5 KiB,
 * so one exists only while a frame or a message is incomplete: thousands of
 * subscribers are silent most of the time.
 *
 * Codes of a Close above 1011 it takes for an error; 1012 to 1014 have been
 * given out since (IANA, WebSocket Close Code Number Registry), so the data
 * of a Close are kept and looked at here.
 *
 * Whether it is in the middle of something wslay does not tell; so the bytes
 * that it took are counted against those of the frames it reported.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/net/ws_priv.h"
#include "common/os/rand.h"

#define PARSE_LATE_FIRST 1012
#define PARSE_LATE_LAST 1014
#define PARSE_CODE 2 /* bytes of a Close's code */
#define PARSE_OUT (256 * 1024) /* bytes of replies to one piece of input */

static ssize_t parse_on_recv(
    wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *arg)
{
	struct vs_ws *ws = arg;
	struct ws_parser *p = &ws->in;

	(void)flags;
	if (p->len == 0) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	if (len > p->len)
		len = p->len;
	memcpy(buf, p->data, len);
	p->data += len;
	p->len -= len;
	p->begun += len;
	return (ssize_t)len;
}

static ssize_t parse_on_send(wslay_event_context_ptr ctx, const uint8_t *data,
    size_t len, int flags, void *arg)
{
	struct vs_ws *ws = arg;

	(void)flags;
	vs_buf_add(&ws->in.out, data, len);
	if (vs_buf_error(&ws->in.out) == VS_OK)
		return (ssize_t)len;
	wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static int parse_on_mask(
    wslay_event_context_ptr ctx, uint8_t *buf, size_t len, void *arg)
{
	struct vs_rand *r = vs_rand_os();

	(void)ctx;
	(void)arg;
	r->bytes(r, buf, len);
	return 0;
}

static void parse_on_frame(wslay_event_context_ptr ctx,
    const struct wslay_event_on_frame_recv_start_arg *a, void *arg)
{
	struct vs_ws *ws = arg;
	uint64_t len = a->payload_length;
	uint64_t head = 2 + (ws->o.client ? 0 : 4);

	(void)ctx;
	if (len >= 126)
		head += len <= UINT16_MAX ? 2 : 8;
	ws->in.frame = head + len;
	ws->in.opcode = a->opcode;
	ws->in.close_len = 0;
	if (!wslay_is_ctrl_frame(a->opcode))
		ws->in.fragments = !a->fin;
}

static void parse_on_chunk(wslay_event_context_ptr ctx,
    const struct wslay_event_on_frame_recv_chunk_arg *a, void *arg)
{
	struct ws_parser *p = &((struct vs_ws *)arg)->in;

	(void)ctx;
	if (p->opcode != WSLAY_CONNECTION_CLOSE || a->data_length == 0)
		return;
	assert(a->data_length <= sizeof(p->close) - p->close_len);
	memcpy(p->close + p->close_len, a->data, a->data_length);
	p->close_len += a->data_length;
}

static void parse_on_frame_end(wslay_event_context_ptr ctx, void *arg)
{
	struct ws_parser *p = &((struct vs_ws *)arg)->in;

	(void)ctx;
	assert(p->begun >= p->frame);
	p->begun -= p->frame;
	p->close_whole = p->opcode == WSLAY_CONNECTION_CLOSE;
}

/* Its data are in the parser; code is 0 when there was none. */
static void parse_heard_close(struct vs_ws *ws, int code)
{
	const struct ws_parser *p = &ws->in;

	if (p->close_len == 0)
		vs_ws_heard_close(ws, WSLAY_CODE_NO_STATUS_RCVD, "", 0);
	else if (p->close_len < PARSE_CODE)
		vs_ws_heard_close(ws, WSLAY_CODE_PROTOCOL_ERROR, "", 0);
	else
		vs_ws_heard_close(ws, code, (const char *)p->close + PARSE_CODE,
		    p->close_len - PARSE_CODE);
}

static void parse_on_message(wslay_event_context_ptr ctx,
    const struct wslay_event_on_msg_recv_arg *a, void *arg)
{
	struct vs_ws *ws = arg;

	switch (a->opcode) {
	case WSLAY_TEXT_FRAME:
		if (ws->state == WS_OPEN)
			ws->o.message(
			    ws->o.arg, (const char *)a->msg, a->msg_length);
		break;
	case WSLAY_BINARY_FRAME:
		wslay_event_queue_close(
		    ctx, WSLAY_CODE_UNSUPPORTED_DATA, NULL, 0);
		wslay_event_shutdown_read(ctx);
		break;
	case WSLAY_CONNECTION_CLOSE:
		parse_heard_close(ws, a->status_code);
		break;
	default:
		break;
	}
}

static int parse_start(struct vs_ws *ws)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = parse_on_recv,
		.send_callback = parse_on_send,
		.genmask_callback = parse_on_mask,
		.on_frame_recv_start_callback = parse_on_frame,
		.on_frame_recv_chunk_callback = parse_on_chunk,
		.on_frame_recv_end_callback = parse_on_frame_end,
		.on_msg_recv_callback = parse_on_message,
	};
	struct ws_parser *p = &ws->in;
	int rc;

	if (p->ctx != NULL)
		return 0;
	rc = ws->o.client
	    ? wslay_event_context_client_init(&p->ctx, &callbacks, ws)
	    : wslay_event_context_server_init(&p->ctx, &callbacks, ws);
	if (rc != 0)
		return rc;
	wslay_event_config_set_max_recv_msg_length(p->ctx, ws->o.max_message);
	vs_buf_init(&p->out, PARSE_OUT);
	return 0;
}

static const char *parse_flaw(int code)
{
	switch (code) {
	case WSLAY_CODE_UNSUPPORTED_DATA:
		return "binary message";
	case WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA:
		return "text is not valid UTF-8";
	case WSLAY_CODE_MESSAGE_TOO_BIG:
		return "message too large";
	default:
		return "protocol error";
	}
}

/* The code of a Close that only wslay does not know, or 0. */
static int parse_late_code(const struct ws_parser *p)
{
	int code;

	if (!p->close_whole || p->close_len < PARSE_CODE ||
	    wslay_event_get_close_received(p->ctx))
		return 0;
	code = p->close[0] << 8 | p->close[1];
	return code >= PARSE_LATE_FIRST && code <= PARSE_LATE_LAST ? code : 0;
}

/* wslay has had enough: because of a Close, or of an error. */
static void parse_end(struct vs_ws *ws)
{
	struct ws_parser *p = &ws->in;
	int code = wslay_event_get_status_code_sent(p->ctx);

	if (!wslay_event_get_close_received(p->ctx))
		vs_ws_fail(ws, code, parse_flaw(code));
}

/* Hands wslay's replies over; false without memory. */
static bool parse_reply(struct vs_ws *ws)
{
	struct ws_parser *p = &ws->in;

	if (wslay_event_send(p->ctx) != 0)
		return false;
	if (p->out.len > 0)
		vs_ws_reply(ws, p->out.data, p->out.len);
	vs_buf_reset(&p->out);
	return true;
}

bool vs_ws_parse(struct vs_ws *ws, const void *data, size_t len)
{
	struct ws_parser *p = &ws->in;
	int rc = parse_start(ws);
	int late;

	assert(p->len == 0 && ws->state != WS_OVER);
	p->data = data;
	p->len = len;
	if (rc == 0)
		rc = wslay_event_recv(p->ctx);
	p->len = 0;
	/* So it calls a header that makes no sense: its Close has no code. */
	if (rc == WSLAY_ERR_CALLBACK_FAILURE) {
		vs_ws_goodbye(ws, WSLAY_CODE_PROTOCOL_ERROR);
		vs_ws_fail(ws, WSLAY_CODE_PROTOCOL_ERROR, "protocol error");
		return false;
	}
	late = rc == 0 ? parse_late_code(p) : 0;
	if (late != 0) {
		parse_heard_close(ws, late);
		vs_ws_goodbye(ws, late);
		return false;
	}
	if (rc != 0 || !parse_reply(ws)) {
		vs_ws_finish(ws, WSLAY_CODE_ABNORMAL_CLOSURE, "out of memory");
		return false;
	}
	if (!wslay_event_get_read_enabled(p->ctx)) {
		parse_end(ws);
		return false;
	}
	if (p->begun == 0 && !p->fragments)
		vs_ws_parser_release(p);
	return true;
}

void vs_ws_parser_release(struct ws_parser *p)
{
	if (p->ctx == NULL)
		return;
	wslay_event_context_free(p->ctx);
	p->ctx = NULL;
	vs_buf_release(&p->out);
}
