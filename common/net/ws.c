/*
 * What is sent goes out at once if the wire takes it; the rest is queued and
 * follows when the descriptor is writable.  A frame that was begun is always
 * finished before another.
 *
 * A wire may hold bytes that its descriptor does not tell of (TLS), so it is
 * read until it has no more; where that would take too long for one turn of
 * the loop, the timer goes on at once.
 *
 * After an error of the peer's our Close is sent and what still arrives is
 * thrown away until the peer hangs up: closing a socket with unread bytes
 * would reset it, and the Close might never be read.
 */
#include "common/net/ws.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/net/ws_priv.h"
#include "common/os/rand.h"

#define WS_CLOSE_MS 2000 /* for the closing handshake */
#define WS_BLOCK 16384 /* bytes read at a time */
#define WS_BLOCKS 16 /* in one turn */
#define WS_REASON (WS_CLOSE_DATA - 2) /* bytes after the code */

static void ws_on_timer(uv_timer_t *timer);
static void ws_on_poll(uv_poll_t *poll, int status, int events);

static int64_t ws_now(const struct vs_ws *ws)
{
	return (int64_t)uv_now(ws->loop);
}

static void ws_drop_queue(struct vs_ws *ws, struct ws_item **from)
{
	struct ws_item *item;

	while ((item = *from) != NULL) {
		*from = item->next;
		ws->queued -= item->frame->len;
		vs_ws_frame_free(item->frame);
		free(item);
	}
	ws->tail = from;
}

static void ws_on_handle_closed(uv_handle_t *h)
{
	struct vs_ws *ws = h->data;

	assert(ws->handles > 0 && ws->state == WS_OVER);
	if (--ws->handles > 0)
		return;
	vs_ws_parser_release(&ws->in);
	ws->queued += ws->sent;
	ws_drop_queue(ws, &ws->head);
	assert(ws->queued == 0);
	free(ws->early);
	ws->o.wire.close(ws->o.wire.arg);
	ws->o.closed(ws->o.arg, ws->code, ws->why);
	free(ws);
}

void vs_ws_finish(struct vs_ws *ws, int code, const char *why)
{
	if (ws->state == WS_OVER)
		return;
	ws->state = WS_OVER;
	ws->code = code;
	if (why != ws->why)
		snprintf(ws->why, sizeof(ws->why), "%s", why);
	uv_poll_stop(&ws->poll);
	uv_close((uv_handle_t *)&ws->poll, ws_on_handle_closed);
	uv_close((uv_handle_t *)&ws->timer, ws_on_handle_closed);
}

static void ws_lost(struct vs_ws *ws)
{
	if (ws->state == WS_CLOSING)
		vs_ws_finish(ws, ws->code, ws->why);
	else
		vs_ws_finish(
		    ws, WSLAY_CODE_ABNORMAL_CLOSURE, "connection lost");
}

/* Wakes the timer when the next thing is due. */
static void ws_arm(struct vs_ws *ws)
{
	int64_t due = ws->close_by_ms;
	int64_t wait;

	if (ws->state == WS_OVER)
		return;
	if (ws->state == WS_OPEN) {
		due = ws->pinged_ms + ws->o.ping_ms;
		if (due > ws->heard_ms + ws->o.dead_ms)
			due = ws->heard_ms + ws->o.dead_ms;
	}
	wait = due - ws_now(ws);
	/* With 0 it would fire for ever before anything else's turn. */
	if (ws->more || wait < 1)
		wait = 1;
	uv_timer_start(&ws->timer, ws_on_timer, (uint64_t)wait, 0);
}

static void ws_watch(struct vs_ws *ws)
{
	int events = UV_READABLE | (ws->head != NULL ? UV_WRITABLE : 0);

	if (ws->state != WS_OVER)
		uv_poll_start(&ws->poll, events, ws_on_poll);
}

/* All is sent. */
static void ws_flushed(struct vs_ws *ws)
{
	if (ws->state != WS_CLOSING)
		return;
	if (ws->heard_close)
		vs_ws_finish(ws, ws->code, ws->why);
	else if (ws->deaf && !ws->o.client && !ws->half)
		ws->half = shutdown(ws->o.wire.fd, SHUT_WR) == 0;
}

static ssize_t ws_write(
    struct vs_ws *ws, const struct vs_ws_frame *f, size_t from)
{
	const struct vs_ws_wire *w = &ws->o.wire;

	return w->write(w->arg, f->bytes + from, f->len - from);
}

static void ws_flush(struct vs_ws *ws)
{
	while (ws->head != NULL && ws->state != WS_OVER) {
		struct ws_item *item = ws->head;
		ssize_t n = ws_write(ws, item->frame, ws->sent);

		if (n == VS_EAGAIN)
			break;
		if (n < 0) {
			ws_lost(ws);
			return;
		}
		ws->sent += (size_t)n;
		ws->queued -= (size_t)n;
		if (ws->sent < item->frame->len)
			continue;
		ws->sent = 0;
		ws->head = item->next;
		if (ws->head == NULL)
			ws->tail = &ws->head;
		vs_ws_frame_free(item->frame);
		free(item);
	}
	if (ws->head == NULL)
		ws_flushed(ws);
	ws_watch(ws);
}

static int ws_enqueue(struct vs_ws *ws, struct vs_ws_frame *f)
{
	struct ws_item *item = malloc(sizeof(*item));

	if (item == NULL)
		return VS_ENOMEM;
	item->next = NULL;
	item->frame = f;
	f->refs++;
	*ws->tail = item;
	ws->tail = &item->next;
	ws->queued += f->len;
	return VS_OK;
}

/* Adds a reference of its own, if anything is left to send later. */
static int ws_send(struct vs_ws *ws, struct vs_ws_frame *f)
{
	ssize_t n = 0;
	int rc;

	assert(ws->state != WS_OVER);
	if (ws->head == NULL) {
		n = ws_write(ws, f, 0);
		if (n < 0 && n != VS_EAGAIN) {
			ws_lost(ws);
			return VS_ECANCELED;
		}
		if (n < 0)
			n = 0;
		if ((size_t)n == f->len) {
			ws_flushed(ws);
			return VS_OK;
		}
	}
	rc = ws_enqueue(ws, f);
	if (rc < 0 && n > 0)
		/* Half a frame cannot be taken back. */
		vs_ws_finish(ws, WSLAY_CODE_ABNORMAL_CLOSURE, "out of memory");
	if (rc < 0)
		return rc;
	if (n > 0) {
		ws->sent = (size_t)n;
		ws->queued -= (size_t)n;
	}
	ws_watch(ws);
	return VS_OK;
}

static int ws_send_made(
    struct vs_ws *ws, uint8_t opcode, const void *data, size_t len)
{
	struct vs_rand *r = vs_rand_os();
	struct vs_ws_frame *f;
	uint8_t mask[4];
	int rc;

	if (ws->o.client)
		r->bytes(r, mask, sizeof(mask));
	f = vs_ws_frame_make(opcode, data, len, ws->o.client ? mask : NULL);
	if (f == NULL)
		return VS_ENOMEM;
	rc = ws_send(ws, f);
	vs_ws_frame_free(f);
	return rc;
}

static bool ws_has_room(const struct vs_ws *ws, size_t len)
{
	return len <= VS_WS_QUEUE && ws->queued <= VS_WS_QUEUE - len;
}

/* From now on only the end is waited for; code if it does not go well. */
static void ws_begin_close(struct vs_ws *ws, int code, const char *why)
{
	assert(ws->state == WS_OPEN);
	ws->state = WS_CLOSING;
	ws->code = code;
	snprintf(ws->why, sizeof(ws->why), "%s", why);
	ws->close_by_ms = ws_now(ws) + WS_CLOSE_MS;
	ws_arm(ws);
}

void vs_ws_reply(struct vs_ws *ws, const void *data, size_t len)
{
	struct vs_ws_frame *f;

	/* After our own Close nothing may follow. */
	if (ws->asked != 0 || ws->state == WS_OVER)
		return;
	f = ws_has_room(ws, len) ? vs_ws_frame_raw(data, len) : NULL;
	if (f == NULL)
		vs_ws_finish(ws, WSLAY_CODE_ABNORMAL_CLOSURE,
		    "the peer asks and does not listen");
	else
		ws_send(ws, f);
	vs_ws_frame_free(f);
}

void vs_ws_goodbye(struct vs_ws *ws, int code)
{
	uint8_t data[2] = { (uint8_t)(code >> 8), (uint8_t)code };

	if (ws->asked == 0 && ws->state != WS_OVER)
		ws_send_made(ws, WSLAY_CONNECTION_CLOSE, data, sizeof(data));
}

void vs_ws_heard_close(struct vs_ws *ws, int code, const char *why, size_t len)
{
	char text[WS_WHY];

	if (ws->state == WS_OVER)
		return;
	ws->heard_close = true;
	if (ws->state == WS_CLOSING) {
		snprintf(ws->why, sizeof(ws->why), "closed as asked");
		ws->code = ws->asked;
		return;
	}
	snprintf(text, sizeof(text), "%.*s", (int)len, why);
	ws_begin_close(ws, code, text);
}

void vs_ws_fail(struct vs_ws *ws, int code, const char *why)
{
	if (ws->state == WS_OPEN)
		ws_begin_close(ws, code, why);
}

/* A piece of what arrived. */
static void ws_take(struct vs_ws *ws, const void *data, size_t len)
{
	ws->heard_ms = ws_now(ws);
	if (ws->deaf)
		return;
	ws->deaf = !vs_ws_parse(ws, data, len);
	if (ws->state == WS_CLOSING && ws->head == NULL)
		ws_flushed(ws);
}

static void ws_read(struct vs_ws *ws)
{
	const struct vs_ws_wire *w = &ws->o.wire;
	uint8_t block[WS_BLOCK];

	ws->more = false;
	for (int i = 0; i < WS_BLOCKS && ws->state != WS_OVER; i++) {
		ssize_t n = w->read(w->arg, block, sizeof(block));

		if (n == VS_EAGAIN)
			return;
		if (n <= 0) {
			ws_lost(ws);
			return;
		}
		ws_take(ws, block, (size_t)n);
	}
	ws->more = true;
}

static void ws_take_early(struct vs_ws *ws)
{
	void *early = ws->early;

	if (early == NULL)
		return;
	ws->early = NULL;
	ws_take(ws, early, ws->o.early_len);
	free(early);
}

static void ws_on_poll(uv_poll_t *poll, int status, int events)
{
	struct vs_ws *ws = poll->data;

	ws_take_early(ws);
	if (ws->state != WS_OVER && (status < 0 || (events & UV_READABLE) != 0))
		ws_read(ws);
	if (ws->state != WS_OVER && (events & UV_WRITABLE) != 0)
		ws_flush(ws);
	if (ws->state != WS_OVER && status < 0)
		ws_lost(ws);
	ws_arm(ws);
}

static void ws_look_after(struct vs_ws *ws)
{
	int64_t now = ws_now(ws);

	if (ws->state == WS_CLOSING && now >= ws->close_by_ms)
		vs_ws_finish(ws, ws->code, ws->why);
	if (ws->state != WS_OPEN)
		return;
	/* A loop that was held up must not blame the peer. */
	if (now - ws->heard_ms >= ws->o.dead_ms)
		ws_read(ws);
	if (ws->state == WS_OPEN && now - ws->heard_ms >= ws->o.dead_ms)
		vs_ws_finish(
		    ws, WSLAY_CODE_ABNORMAL_CLOSURE, "silent for too long");
	if (ws->state == WS_OPEN && now - ws->pinged_ms >= ws->o.ping_ms) {
		ws->pinged_ms = now;
		/* Without memory the next one will do. */
		ws_send_made(ws, WSLAY_PING, NULL, 0);
	}
}

static void ws_on_timer(uv_timer_t *timer)
{
	struct vs_ws *ws = timer->data;

	ws_take_early(ws);
	if (ws->state != WS_OVER && ws->more)
		ws_read(ws);
	if (ws->state != WS_OVER)
		ws_look_after(ws);
	ws_arm(ws);
}

static int ws_init(
    struct vs_ws *ws, uv_loop_t *loop, const struct vs_ws_options *o)
{
	ws->loop = loop;
	ws->o = *o;
	if (o->max_message == 0)
		ws->o.max_message = VS_WS_MESSAGE;
	if (o->ping_ms == 0)
		ws->o.ping_ms = VS_WS_PING_MS;
	if (o->dead_ms == 0)
		ws->o.dead_ms = VS_WS_DEAD_MS;
	ws->tail = &ws->head;
	ws->heard_ms = ws_now(ws);
	ws->pinged_ms = ws->heard_ms;
	ws->more = true;
	if (o->early_len > 0) {
		ws->early = malloc(o->early_len);
		if (ws->early == NULL)
			return VS_ENOMEM;
		memcpy(ws->early, o->early, o->early_len);
	}
	if (uv_poll_init(loop, &ws->poll, o->wire.fd) < 0)
		return VS_ENET;
	uv_timer_init(loop, &ws->timer);
	ws->poll.data = ws;
	ws->timer.data = ws;
	ws->handles = 2;
	return VS_OK;
}

int vs_ws_new(struct vs_ws **out, uv_loop_t *loop,
    const struct vs_ws_options *o, struct vs_err *err)
{
	struct vs_ws *ws = calloc(1, sizeof(*ws));
	int rc = VS_ENOMEM;

	assert(out != NULL && loop != NULL && o->wire.fd >= 0);
	assert(o->wire.read != NULL && o->wire.write != NULL);
	assert(o->wire.close != NULL && o->closed != NULL);
	assert(o->message != NULL && o->ping_ms >= 0 && o->dead_ms >= 0);
	*out = NULL;
	if (ws != NULL)
		rc = ws_init(ws, loop, o);
	if (rc < 0) {
		if (ws != NULL)
			free(ws->early);
		free(ws);
		o->wire.close(o->wire.arg);
		return vs_err_set(
		    err, rc, "start a WebSocket: %s", vs_err_text(rc));
	}
	ws_watch(ws);
	/* For what the descriptor does not tell of. */
	uv_timer_start(&ws->timer, ws_on_timer, 0, 0);
	*out = ws;
	return VS_OK;
}

int vs_ws_send(struct vs_ws *ws, const char *text, size_t len)
{
	if (ws->state != WS_OPEN)
		return VS_ECANCELED;
	if (!ws_has_room(ws, len))
		return VS_ELIMIT;
	return ws_send_made(ws, WSLAY_TEXT_FRAME, text, len);
}

int vs_ws_send_frame(struct vs_ws *ws, struct vs_ws_frame *f)
{
	assert(!ws->o.client);
	if (ws->state != WS_OPEN)
		return VS_ECANCELED;
	if (!ws_has_room(ws, f->len))
		return VS_ELIMIT;
	return ws_send(ws, f);
}

size_t vs_ws_queued(const struct vs_ws *ws)
{
	return ws->queued;
}

void vs_ws_close(struct vs_ws *ws, int code, const char *why)
{
	uint8_t data[2 + WS_REASON];
	size_t len = strnlen(why, WS_REASON);

	assert(code >= 1000 && code < 5000);
	if (ws->state != WS_OPEN)
		return;
	/* The first was tried already; TLS insists on what it has begun. */
	if (code == VS_WS_AGAIN && ws->head != NULL)
		ws_drop_queue(ws, &ws->head->next);
	data[0] = (uint8_t)(code >> 8);
	data[1] = (uint8_t)code;
	memcpy(data + 2, why, len);
	ws_begin_close(ws, WSLAY_CODE_ABNORMAL_CLOSURE, "no closing handshake");
	ws->asked = code;
	if (ws_send_made(ws, WSLAY_CONNECTION_CLOSE, data, 2 + len) < 0)
		vs_ws_finish(ws, WSLAY_CODE_ABNORMAL_CLOSURE, "out of memory");
}
