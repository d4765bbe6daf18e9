/*
 * The cloud's stream on its way to a mailbox; one thread plays the loop and
 * the taker, so that each step can be seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "agent/inlet.h"
#include "common/net/httpc.h"
#include "common/net/httpd.h"
#include "common/net/ws.h"
#include "common/os/sock.h"

#define PATIENCE_MS 10000
#define TOKEN "aoeui"

/* One side of a stream at the server's. */
struct guest {
	struct vs_ws *ws; /* NULL: closed */
	char path[64];
};

struct fixture {
	uv_loop_t loop;
	uv_timer_t patience;
	uv_timer_t tick;
	struct vs_httpd *httpd;
	struct vs_httpc *httpc;
	struct session *session;
	struct post *post;
	struct mailbox *mailbox;
	struct inlet *inlet;
	int port;
	struct guest guests[8];
	int count;
	bool refuse;
	/* what the taker saw */
	int ups;
	int downs;
	int code;
	int texts;
	char last[64];
};

static void guest_message(void *arg, const char *text, size_t len)
{
	(void)arg;
	(void)text;
	(void)len;
}

static void guest_closed(void *arg, int code, const char *why)
{
	struct guest *g = arg;

	(void)code;
	(void)why;
	g->ws = NULL;
}

static void guest_ready(void *arg, const struct vs_ws_wire *wire,
    const void *early, size_t early_len)
{
	struct fixture *f = arg;
	struct guest *g = &f->guests[f->count - 1];
	struct vs_ws_options o = {
		.early = early,
		.early_len = early_len,
		.message = guest_message,
		.closed = guest_closed,
		.arg = g,
	};

	assert_non_null(wire);
	o.wire = *wire;
	assert_int_equal(vs_ws_new(&g->ws, &f->loop, &o, NULL), VS_OK);
}

static void on_request(void *arg, struct vs_httpd_req *r)
{
	struct fixture *f = arg;
	char accept[64] = "Sec-WebSocket-Accept: ";
	const char *const headers[] = { "Upgrade: websocket", accept, NULL };
	struct guest *g = &f->guests[f->count];

	assert_string_equal(
	    vs_httpd_header(r, "Authorization"), "Bearer " TOKEN);
	if (f->refuse) {
		vs_httpd_refuse(r, 404, "not_found", "none of yours");
		return;
	}
	assert_true(f->count < 8);
	f->count++;
	snprintf(g->path, sizeof(g->path), "%s", vs_httpd_path(r));
	assert_int_equal(vs_ws_accept(vs_httpd_header(r, "Sec-WebSocket-Key"),
			     accept + strlen(accept)),
	    VS_OK);
	assert_int_equal(
	    vs_httpd_upgrade(r, headers, guest_ready, f, NULL), VS_OK);
}

static void on_up(void *arg)
{
	struct fixture *f = arg;

	assert_int_equal(f->texts, 0);
	f->ups++;
}

static void on_text(void *arg, const char *text, size_t len)
{
	struct fixture *f = arg;

	assert_int_equal(f->ups - f->downs, 1);
	assert_int_equal(strlen(text), len);
	snprintf(f->last, sizeof(f->last), "%.60s", text);
	f->texts++;
}

static void on_down(void *arg, int code, const char *why)
{
	struct fixture *f = arg;

	assert_true(why[0] != '\0');
	f->downs++;
	f->code = code;
}

static void on_patience(uv_timer_t *t)
{
	(void)t;
	fail_msg("waited too long");
}

static void on_tick(uv_timer_t *t)
{
	(void)t;
}

static void server_start(struct fixture *f)
{
	struct vs_httpd_options o = {
		.handle = on_request,
		.max_body = 1000,
		.max_inflated = 1000,
		.arg = f,
	};

	o.fd = vs_sock_listen_tcp("127.0.0.1:0", &f->port, NULL);
	assert_int_equal(vs_httpd_new(&f->httpd, &f->loop, &o, NULL), VS_OK);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct inlet_options o = {
		.up = on_up, .text = on_text, .down = on_down, .arg = f
	};
	char url[64];

	assert_non_null(f);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	uv_timer_init(&f->loop, &f->patience);
	uv_timer_init(&f->loop, &f->tick);
	uv_timer_start(&f->tick, on_tick, 2, 2);
	uv_timer_start(&f->patience, on_patience, PATIENCE_MS, 0);
	server_start(f);
	assert_int_equal(vs_httpc_new(&f->httpc, &f->loop, NULL), VS_OK);
	assert_int_equal(
	    session_new(&f->session, &f->loop, f->httpc, NULL), VS_OK);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", f->port);
	assert_int_equal(session_set(f->session, url, TOKEN, NULL), VS_OK);
	assert_int_equal(post_new(&f->post, &f->loop, NULL), VS_OK);
	assert_int_equal(mailbox_new(&f->mailbox, NULL), VS_OK);
	o.session = f->session;
	o.post = f->post;
	o.mailbox = f->mailbox;
	assert_int_equal(inlet_new(&f->inlet, &o, NULL), VS_OK);
	*state = f;
	return 0;
}

static void on_httpd_closed(void *arg)
{
	struct fixture *f = arg;

	uv_close((uv_handle_t *)&f->patience, NULL);
	uv_close((uv_handle_t *)&f->tick, NULL);
}

static void on_httpc_closed(void *arg)
{
	struct fixture *f = arg;

	session_free(f->session);
	post_close(f->post);
	vs_httpd_close(f->httpd, on_httpd_closed, f);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < f->count; i++)
		if (f->guests[i].ws != NULL)
			vs_ws_close(f->guests[i].ws, 1001, "");
	mailbox_serve(f->mailbox, 0);
	inlet_free(f->inlet);
	vs_httpc_close(f->httpc, on_httpc_closed, f);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	mailbox_free(f->mailbox);
	free(f);
	return 0;
}

/* One turn of the loop, then one of the taker. */
static void turn(struct fixture *f)
{
	uv_run(&f->loop, UV_RUN_ONCE);
	mailbox_serve(f->mailbox, 0);
}

static void say(struct fixture *f, int guest, const char *text)
{
	assert_non_null(f->guests[guest].ws);
	assert_int_equal(
	    vs_ws_send(f->guests[guest].ws, text, strlen(text)), VS_OK);
}

static void open_one(struct fixture *f, const char *path)
{
	int ups = f->ups;

	f->texts = 0;
	inlet_open(f->inlet, path);
	while (f->ups == ups)
		turn(f);
}

static void test_up_text_down(void **state)
{
	struct fixture *f = *state;

	open_one(f, "/stream");
	assert_string_equal(f->guests[0].path, "/stream");
	say(f, 0, "one");
	say(f, 0, "two");
	while (f->texts < 2)
		turn(f);
	assert_string_equal(f->last, "two");
	vs_ws_close(f->guests[0].ws, 1001, "going");
	while (f->downs == 0)
		turn(f);
	assert_int_equal(f->code, VS_ENET);
	/* and again */
	open_one(f, "/stream");
	say(f, 1, "three");
	while (f->texts < 1)
		turn(f);
	assert_int_equal(f->ups, 2);
}

/* What of the one before is still on its way is not for the next. */
static void test_only_the_last(void **state)
{
	struct fixture *f = *state;

	open_one(f, "/first");
	say(f, 0, "late");
	/* it waits in the mailbox when the next is asked for */
	for (int i = 0; i < 20; i++)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_true(mailbox_weight(f->mailbox) > 0);
	inlet_open(f->inlet, "/second");
	f->ups = 0;
	while (f->ups == 0)
		turn(f);
	assert_int_equal(f->texts, 0);
	assert_int_equal(f->downs, 0);
	assert_string_equal(f->guests[1].path, "/second");
	while (f->guests[0].ws != NULL)
		turn(f);
	assert_int_equal(f->downs, 0);
	inlet_open(f->inlet, NULL);
	while (f->guests[1].ws != NULL)
		turn(f);
	assert_int_equal(f->downs, 0);
}

static void test_closed_before_open(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		inlet_open(f->inlet, "/stream");
		uv_run(&f->loop, UV_RUN_NOWAIT);
		inlet_open(f->inlet, NULL);
		for (int j = 0; j < 10; j++)
			turn(f);
	}
	assert_int_equal(f->ups, 0);
	assert_int_equal(f->downs, 0);
	open_one(f, "/stream");
}

static void test_refused(void **state)
{
	struct fixture *f = *state;

	f->refuse = true;
	inlet_open(f->inlet, "/stream");
	while (f->downs == 0)
		turn(f);
	assert_int_equal(f->code, VS_ENOENT);
	assert_int_equal(session_set(f->session, NULL, NULL, NULL), VS_OK);
	inlet_open(f->inlet, "/stream");
	while (f->downs == 1)
		turn(f);
	assert_int_equal(f->code, VS_EAUTH);
	assert_int_equal(f->ups, 0);
}

/* Who does not take what comes has only so much kept for him. */
static void test_too_much(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(512 * 1024 + 1);

	assert_non_null(text);
	memset(text, 'x', 512 * 1024);
	text[512 * 1024] = '\0';
	open_one(f, "/stream");
	while (f->guests[0].ws != NULL) {
		(void)vs_ws_send(f->guests[0].ws, text, 512 * 1024);
		uv_run(&f->loop, UV_RUN_ONCE);
		assert_true(mailbox_weight(f->mailbox) <= INLET_WAITING_MAX);
	}
	mailbox_serve(f->mailbox, 0);
	assert_int_equal(f->texts, INLET_WAITING_MAX / (512 * 1024));
	assert_int_equal(f->downs, 1);
	assert_int_equal(f->code, VS_EAGAIN);
	free(text);
}

static void test_freed_while_open(void **state)
{
	struct fixture *f = *state;

	open_one(f, "/stream");
	say(f, 0, "nobody's");
	/* the teardown frees it */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_up_text_down),
		TEST(test_only_the_last),
		TEST(test_closed_before_open),
		TEST(test_refused),
		TEST(test_too_much),
		TEST(test_freed_while_open),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
