/*
 *   CONNECTING -> ASKING -> HEARING -> ENDING     or to ENDING from any
 *
 * ENDING: handles are closing; when the last is closed, opened is called
 * with a WebSocket or with why there is none.
 */
#include "common/net/wsc.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/net/wsc_priv.h"
#include "common/os/rand.h"

#define WSC_BLOCK 4096 /* bytes read at a time */
#define WSC_RANDOM 16 /* bytes of a key */

enum wsc_state { WSC_CONNECTING, WSC_ASKING, WSC_HEARING, WSC_ENDING };

struct vs_wsc {
	uv_loop_t *loop;
	enum wsc_state state;
	struct wsc_link *link; /* until the WebSocket has it */
	struct vs_ws_wire wire; /* of link, once connected */
	uv_timer_t timer; /* the time it may take */
	uv_poll_t poll; /* once connected */
	bool polled;
	int handles; /* of libuv, not yet closed */
	struct vs_buf request;
	size_t sent; /* of it */
	struct vs_buf reply; /* header, and what came with it */
	size_t head; /* bytes of the header */
	char key[WSC_KEY];
	struct vs_err why;
	void (*opened)(void *arg, struct vs_ws *ws, const struct vs_err *why);
	void (*message)(void *arg, const char *text, size_t len);
	void (*closed)(void *arg, int code, const char *why);
	void *arg;
};

static void wsc_on_poll(uv_poll_t *poll, int status, int events);

/* The request has the token in it. */
static void wsc_forget_request(struct vs_wsc *c)
{
	if (c->request.data != NULL)
		explicit_bzero(c->request.data, c->request.len);
	vs_buf_release(&c->request);
}

static void wsc_free(struct vs_wsc *c)
{
	wsc_forget_request(c);
	vs_buf_release(&c->reply);
	free(c);
}

static struct vs_ws *wsc_make(struct vs_wsc *c)
{
	struct vs_ws_options o = {
		.client = true,
		.wire = c->wire,
		.early = c->reply.data + c->head,
		.early_len = c->reply.len - c->head,
		.message = c->message,
		.closed = c->closed,
		.arg = c->arg,
	};
	struct vs_ws *ws;

	c->link = NULL;
	vs_ws_new(&ws, c->loop, &o, &c->why);
	return ws;
}

static void wsc_on_handle_closed(uv_handle_t *h)
{
	struct vs_wsc *c = h->data;
	struct vs_ws *ws = NULL;

	assert(c->handles > 0 && c->state == WSC_ENDING);
	if (--c->handles > 0)
		return;
	if (c->why.code == VS_OK)
		ws = wsc_make(c);
	if (c->link != NULL)
		vs_wsc_link_close(c->link);
	c->opened(c->arg, ws, ws != NULL ? NULL : &c->why);
	wsc_free(c);
}

/* c->why says how. */
static void wsc_end(struct vs_wsc *c)
{
	assert(c->state != WSC_ENDING);
	c->state = WSC_ENDING;
	wsc_forget_request(c);
	if (c->polled) {
		uv_poll_stop(&c->poll);
		uv_close((uv_handle_t *)&c->poll, wsc_on_handle_closed);
	}
	uv_close((uv_handle_t *)&c->timer, wsc_on_handle_closed);
}

static void wsc_fail(struct vs_wsc *c, int code, const char *text)
{
	vs_err_set(&c->why, code, "%s", text);
	wsc_end(c);
}

/* False while there is more to send, or when it is over. */
static bool wsc_ask(struct vs_wsc *c)
{
	while (c->sent < c->request.len) {
		ssize_t n = c->wire.write(c->wire.arg,
		    c->request.data + c->sent, c->request.len - c->sent);

		if (n == VS_EAGAIN)
			return false;
		if (n < 0) {
			wsc_fail(c, VS_ENET, "connection lost");
			return false;
		}
		c->sent += (size_t)n;
	}
	c->state = WSC_HEARING;
	wsc_forget_request(c);
	uv_poll_start(&c->poll, UV_READABLE, wsc_on_poll);
	return true;
}

/* True when the header is complete; it is cut off behind the empty line. */
static bool wsc_has_head(struct vs_wsc *c)
{
	const char *end = memmem(c->reply.data, c->reply.len, "\r\n\r\n", 4);

	if (end == NULL)
		return false;
	c->head = (size_t)(end - c->reply.data) + 4;
	return true;
}

static void wsc_judge(struct vs_wsc *c)
{
	char *head = strndup(c->reply.data, c->head);

	if (head == NULL)
		vs_err_set(&c->why, VS_ENOMEM, "out of memory");
	else if (strlen(head) != c->head)
		vs_err_set(&c->why, VS_EPROTO, "handshake: zero bytes");
	else
		vs_wsc_reply(head, c->head, c->key, &c->why);
	free(head);
	wsc_end(c);
}

static void wsc_hear(struct vs_wsc *c)
{
	char block[WSC_BLOCK];

	for (;;) {
		ssize_t n = c->wire.read(c->wire.arg, block, sizeof(block));

		if (n == VS_EAGAIN)
			return;
		if (n <= 0) {
			wsc_fail(
			    c, VS_ENET, "connection lost during the handshake");
			return;
		}
		vs_buf_add(&c->reply, block, (size_t)n);
		if (vs_buf_error(&c->reply) != VS_OK) {
			wsc_fail(c, VS_EPROTO, "handshake: too long");
			return;
		}
		if (wsc_has_head(c)) {
			wsc_judge(c);
			return;
		}
	}
}

static void wsc_on_poll(uv_poll_t *poll, int status, int events)
{
	struct vs_wsc *c = poll->data;

	(void)events;
	if (status < 0) {
		wsc_fail(c, VS_ENET, "connection lost");
		return;
	}
	if (c->state == WSC_ASKING && !wsc_ask(c))
		return;
	wsc_hear(c);
}

static void wsc_on_connected(void *arg, const struct vs_err *why)
{
	struct vs_wsc *c = arg;

	if (c->state == WSC_ENDING)
		return;
	assert(c->state == WSC_CONNECTING);
	if (why != NULL) {
		c->why = *why;
		wsc_end(c);
		return;
	}
	c->state = WSC_ASKING;
	vs_wsc_link_wire(c->link, &c->wire);
	if (uv_poll_init(c->loop, &c->poll, c->wire.fd) < 0) {
		wsc_fail(c, VS_ENET, "cannot wait for the connection");
		return;
	}
	c->poll.data = c;
	c->polled = true;
	c->handles++;
	uv_poll_start(&c->poll, UV_READABLE | UV_WRITABLE, wsc_on_poll);
}

static void wsc_on_timer(uv_timer_t *timer)
{
	struct vs_wsc *c = timer->data;

	wsc_fail(c, VS_ETIMEDOUT,
	    c->state == WSC_CONNECTING ? "no connection in time"
				       : "no handshake in time");
}

static void wsc_make_key(char out[WSC_KEY])
{
	struct vs_rand *r = vs_rand_os();
	uint8_t bytes[WSC_RANDOM];

	r->bytes(r, bytes, sizeof(bytes));
	EVP_EncodeBlock((uint8_t *)out, bytes, sizeof(bytes));
	assert(strlen(out) == WSC_KEY - 1);
}

static int wsc_start(
    struct vs_wsc *c, const struct vs_wsc_options *o, struct vs_err *err)
{
	struct wsc_link_options link = {
		.url = o->url,
		.ca_file = o->ca_file,
		.connected = wsc_on_connected,
		.arg = c,
	};
	int rc;

	vs_buf_init(&c->request, 2 * VS_HTTP_LINE);
	vs_buf_init(&c->reply, VS_HTTP_HEADERS);
	c->opened = o->opened;
	c->message = o->message;
	c->closed = o->closed;
	c->arg = o->arg;
	wsc_make_key(c->key);
	rc = vs_wsc_request(&c->request, o, c->key, err);
	if (rc == VS_OK)
		rc = vs_wsc_link_new(&c->link, c->loop, &link, err);
	return rc;
}

int vs_wsc_open(struct vs_wsc **out, uv_loop_t *loop,
    const struct vs_wsc_options *o, struct vs_err *err)
{
	struct vs_wsc *c = calloc(1, sizeof(*c));
	int rc;

	assert(out != NULL && loop != NULL && o->url != NULL);
	assert(o->opened != NULL && o->message != NULL && o->closed != NULL);
	assert(o->timeout_ms > 0);
	*out = NULL;
	if (c == NULL)
		return vs_err_set(err, VS_ENOMEM, "open a WebSocket");
	c->loop = loop;
	rc = wsc_start(c, o, err);
	if (rc < 0) {
		wsc_free(c);
		return rc;
	}
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	c->handles = 1;
	uv_timer_start(&c->timer, wsc_on_timer, (uint64_t)o->timeout_ms, 0);
	*out = c;
	return VS_OK;
}

void vs_wsc_cancel(struct vs_wsc *c)
{
	vs_err_set(&c->why, VS_ECANCELED, "cancelled");
	if (c->state != WSC_ENDING)
		wsc_end(c);
}
