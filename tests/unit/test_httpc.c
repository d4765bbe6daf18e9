/* Against a server that sends what it is told to, right or wrong. */
#include "common/net/httpc.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct world {
	uv_loop_t loop;
	struct vs_httpc *client;
	uv_tcp_t server;
	int port;
	const char *reply; /* NULL: never answers */
	size_t reply_len;
	bool keep; /* the connection open */
	uv_tcp_t conns[16];
	int conn_count;
	char got[8192]; /* what the last connection sent */
	size_t got_len;
	int closed;
};

struct call {
	int calls;
	int code;
	long status;
	char type[64];
	char retry_after[64];
	char msg[VS_ERR_MSG];
	size_t len;
	char body[256];
};

/* Never blocks: a callback from a timer may be what is waited for. */
static void turn(struct world *w)
{
	if (uv_run(&w->loop, UV_RUN_NOWAIT) >= 0)
		usleep(500);
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
	struct world *w = h->loop->data;

	(void)size;
	buf->base = w->got + w->got_len;
	buf->len = sizeof(w->got) - 1 - w->got_len;
}

static void on_written(uv_write_t *req, int status)
{
	struct world *w = req->handle->loop->data;

	(void)status;
	if (!w->keep && !uv_is_closing((uv_handle_t *)req->handle))
		uv_close((uv_handle_t *)req->handle, NULL);
	free(req);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct world *w = s->loop->data;
	uv_write_t *req;
	uv_buf_t out;

	(void)buf;
	if (n <= 0) {
		if (n < 0 && !uv_is_closing((uv_handle_t *)s))
			uv_close((uv_handle_t *)s, NULL);
		return;
	}
	w->got_len += (size_t)n;
	w->got[w->got_len] = '\0';
	if (w->reply == NULL || strstr(w->got, "\r\n\r\n") == NULL)
		return;
	out = uv_buf_init((char *)(uintptr_t)w->reply, (unsigned)w->reply_len);
	req = malloc(sizeof(*req));
	assert_non_null(req);
	uv_write(req, s, &out, 1, on_written);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct world *w = server->loop->data;
	uv_tcp_t *conn = &w->conns[w->conn_count++];

	assert_int_equal(status, 0);
	assert_true(w->conn_count <= 16);
	uv_tcp_init(&w->loop, conn);
	assert_int_equal(uv_accept(server, (uv_stream_t *)conn), 0);
	uv_read_start((uv_stream_t *)conn, on_alloc, on_read);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct sockaddr_in sin;
	struct sockaddr_in bound;
	int len = sizeof(bound);
	struct vs_err err = VS_ERR_INIT;

	assert_non_null(w);
	uv_loop_init(&w->loop);
	w->loop.data = w;
	uv_tcp_init(&w->loop, &w->server);
	uv_ip4_addr("127.0.0.1", 0, &sin);
	uv_tcp_bind(&w->server, (struct sockaddr *)&sin, 0);
	assert_int_equal(
	    uv_listen((uv_stream_t *)&w->server, 16, on_connection), 0);
	uv_tcp_getsockname(&w->server, (struct sockaddr *)&bound, &len);
	w->port = ntohs(bound.sin_port);
	assert_int_equal(vs_httpc_new(&w->client, &w->loop, &err), VS_OK);
	*state = w;
	return 0;
}

static void on_closed(void *arg)
{
	struct world *w = arg;

	w->closed++;
}

static int teardown(void **state)
{
	struct world *w = *state;

	if (w->client != NULL)
		vs_httpc_close(w->client, on_closed, w);
	for (int i = 0; i < w->conn_count; i++) {
		if (!uv_is_closing((uv_handle_t *)&w->conns[i]))
			uv_close((uv_handle_t *)&w->conns[i], NULL);
	}
	uv_close((uv_handle_t *)&w->server, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(w->closed, 1);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	free(w);
	return 0;
}

static void on_done(void *arg, const struct vs_httpc_result *r)
{
	struct call *c = arg;

	c->calls++;
	c->code = r->err.code;
	c->status = r->status;
	c->len = r->len;
	snprintf(c->type, sizeof(c->type), "%s", r->type);
	snprintf(c->retry_after, sizeof(c->retry_after), "%s",
	    r->retry_after != NULL ? r->retry_after : "-");
	snprintf(c->msg, sizeof(c->msg), "%s", r->err.msg);
	snprintf(c->body, sizeof(c->body), "%s", r->body);
	assert_int_equal(r->body[r->len], '\0');
}

static void start(struct world *w, struct call *c,
    const struct vs_httpc_options *change, struct vs_httpc_req **req)
{
	char url[128];
	struct vs_httpc_options o = {
		.method = "GET",
		.url = url,
		.max_body = 100,
		.timeout_ms = 5000,
		.done = on_done,
		.arg = c,
	};
	struct vs_err err = VS_ERR_INIT;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/x", w->port);
	if (change->method != NULL)
		o.method = change->method;
	if (change->url != NULL)
		o.url = change->url;
	if (change->timeout_ms != 0)
		o.timeout_ms = change->timeout_ms;
	o.body = change->body;
	o.len = change->len;
	o.bearer = change->bearer;
	o.unix_socket = change->unix_socket;
	if (vs_httpc_send(w->client, &o, req, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(c->calls, 0);
}

static void wait_for(struct world *w, const struct call *c)
{
	while (c->calls == 0)
		turn(w);
	assert_int_equal(c->calls, 1);
}

static void set_reply(struct world *w, const char *reply)
{
	w->reply = reply;
	w->reply_len = strlen(reply);
	w->got_len = 0;
}

static void run(
    struct world *w, struct call *c, const struct vs_httpc_options *change)
{
	memset(c, 0, sizeof(*c));
	start(w, c, change, NULL);
	wait_for(w, c);
}

static const struct vs_httpc_options plain;

static void test_answer(void **state)
{
	struct world *w = *state;
	struct call c;

	set_reply(w,
	    "HTTP/1.1 503 Busy\r\nContent-Type: text/html\r\n"
	    "Retry-After: 17\r\nContent-Length: 5\r\n\r\nsorry");
	run(w, &c, &plain);
	assert_int_equal(c.code, VS_OK);
	assert_int_equal(c.status, 503);
	assert_string_equal(c.type, "text/html");
	assert_string_equal(c.retry_after, "17");
	assert_string_equal(c.body, "sorry");
	set_reply(w, "HTTP/1.1 204 No Content\r\n\r\n");
	run(w, &c, &plain);
	assert_int_equal(c.status, 204);
	assert_string_equal(c.type, "");
	assert_string_equal(c.retry_after, "-");
	assert_string_equal(c.body, "");
}

static void test_request(void **state)
{
	struct world *w = *state;
	struct vs_httpc_options o = {
		.method = "POST",
		.bearer = "s3cret",
		.body = "{}",
		.len = 2,
	};
	struct call c;

	set_reply(w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	run(w, &c, &o);
	assert_non_null(strstr(w->got, "POST /x HTTP/1.1\r\n"));
	assert_non_null(strstr(w->got, "Authorization: Bearer s3cret\r\n"));
	assert_non_null(strstr(w->got, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(w->got, "Content-Length: 2\r\n"));
	assert_non_null(strstr(w->got, "Accept-Encoding: gzip\r\n"));
	assert_null(strstr(w->got, "Expect"));
	assert_non_null(strstr(w->got, "\r\n\r\n{}"));
	/* A handle that is used again remembers nothing. */
	set_reply(w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	run(w, &c, &plain);
	assert_non_null(strstr(w->got, "GET /x HTTP/1.1\r\n"));
	assert_null(strstr(w->got, "Authorization"));
	assert_null(strstr(w->got, "Content-Type"));
}

static void test_methods(void **state)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH",
		"DELETE", "HEAD" };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct vs_httpc_options o = { .method = methods[i] };
		struct call c;
		char line[64];

		set_reply(w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		run(w, &c, &o);
		assert_int_equal(c.status, 200);
		snprintf(line, sizeof(line), "%s /x HTTP/1.1\r\n", methods[i]);
		assert_ptr_equal(strstr(w->got, line), w->got);
	}
}

static void test_connection_is_used_again(void **state)
{
	struct world *w = *state;
	struct call c;

	w->keep = true;
	for (int i = 0; i < 5; i++) {
		set_reply(w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		run(w, &c, &plain);
		assert_int_equal(c.status, 200);
	}
	assert_int_equal(w->conn_count, 1);
}

static void test_redirect_is_not_followed(void **state)
{
	struct world *w = *state;
	char reply[256];
	struct call c;

	snprintf(reply, sizeof(reply),
	    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/y\r\n"
	    "Content-Length: 0\r\n\r\n",
	    w->port);
	set_reply(w, reply);
	run(w, &c, &plain);
	assert_int_equal(c.code, VS_OK);
	assert_int_equal(c.status, 302);
	assert_int_equal(w->conn_count, 1);
}

static void test_broken_answers(void **state)
{
	static const struct {
		const char *reply;
		int code;
	} cases[] = {
		{ "", VS_ENET },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
		    VS_ENET },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		    VS_ENET },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "5\r\nab",
		    VS_ENET },
		{ "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
		  "Content-Length: 5\r\n\r\nhello",
		    VS_ENET },
		{ "no http at all\r\n\r\n", VS_ENET },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", VS_ELIMIT },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct call c;

		set_reply(w, cases[i].reply);
		run(w, &c, &plain);
		assert_int_equal(c.code, cases[i].code);
		assert_int_equal(c.status, 0);
		assert_string_not_equal(c.msg, "");
		assert_string_equal(c.body, "");
	}
}

/* 100 is the ceiling: also for what has no length, and once inflated. */
static void test_answer_too_large(void **state)
{
	/* 200 times 'a', gzip. */
	static const uint8_t packed[] = { 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x02, 0x03, 0x4b, 0x4c, 0x1c, 0x1e, 0x00, 0x00,
		0x58, 0xf0, 0x9a, 0x59, 0xc8, 0x00, 0x00, 0x00 };
	struct world *w = *state;
	char reply[1024];
	struct call c;
	int n;

	n = snprintf(reply, sizeof(reply), "HTTP/1.1 200 OK\r\n\r\n");
	memset(reply + n, 'a', 100);
	reply[n + 100] = '\0';
	set_reply(w, reply);
	run(w, &c, &plain);
	assert_int_equal(c.code, VS_OK);
	assert_int_equal(c.len, 100);
	strcat(reply, "a");
	set_reply(w, reply);
	run(w, &c, &plain);
	assert_int_equal(c.code, VS_ELIMIT);
	n = snprintf(reply, sizeof(reply),
	    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    sizeof(packed));
	memcpy(reply + n, packed, sizeof(packed));
	w->reply = reply;
	w->reply_len = (size_t)n + sizeof(packed);
	run(w, &c, &plain);
	assert_int_equal(c.code, VS_ELIMIT);
}

static void test_timeout(void **state)
{
	struct world *w = *state;
	struct vs_httpc_options o = { .timeout_ms = 100 };
	struct call c;
	uint64_t began = uv_hrtime();

	w->reply = NULL;
	run(w, &c, &o);
	assert_int_equal(c.code, VS_ETIMEDOUT);
	assert_true(uv_hrtime() - began < 2000000000);
}

static void test_nobody_there(void **state)
{
	struct world *w = *state;
	struct vs_httpc_options o = { .url = "http://127.0.0.1:1/" };
	struct call c;

	run(w, &c, &o);
	assert_int_equal(c.code, VS_ENET);
	o.url = "http://no-such-host.invalid/";
	run(w, &c, &o);
	assert_int_equal(c.code, VS_ENET);
	o.url = "http://localhost/";
	o.unix_socket = "/nonexistent/socket";
	run(w, &c, &o);
	assert_int_equal(c.code, VS_ENET);
}

static void test_refused_at_once(void **state)
{
	static const struct {
		const char *url;
		const char *bearer;
	} cases[] = {
		{ "ftp://localhost/", NULL },
		{ "file:///etc/passwd", NULL },
		{ "nonsense", NULL },
		{ "http://", NULL },
		{ "http://localhost/", "a\r\nX-Injected: 1" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct call c = { 0 };
		struct vs_err err = VS_ERR_INIT;
		struct vs_httpc_options o = {
			.method = "GET",
			.url = cases[i].url,
			.bearer = cases[i].bearer,
			.max_body = 1,
			.done = on_done,
			.arg = &c,
		};

		assert_int_equal(
		    vs_httpc_send(w->client, &o, NULL, &err), VS_EINVAL);
		assert_int_equal(err.code, VS_EINVAL);
		assert_int_equal(c.calls, 0);
	}
}

static void test_cancel(void **state)
{
	struct world *w = *state;
	struct vs_httpc_req *req;
	struct call c = { 0 };
	struct call early = { 0 };

	w->reply = NULL;
	start(w, &early, &plain, &req);
	vs_httpc_cancel(req);
	vs_httpc_cancel(req); /* again is nothing */
	assert_int_equal(early.calls, 0);
	start(w, &c, &plain, &req);
	while (w->got_len == 0)
		turn(w);
	vs_httpc_cancel(req);
	assert_int_equal(c.calls, 0);
	wait_for(w, &early);
	wait_for(w, &c);
	assert_int_equal(early.code, VS_ECANCELED);
	assert_int_equal(c.code, VS_ECANCELED);
	assert_int_equal(c.status, 0);
	assert_string_equal(c.body, "");
}

static void test_close_cancels(void **state)
{
	struct world *w = *state;
	struct call c[3] = { { 0 } };
	struct vs_err err = VS_ERR_INIT;
	struct vs_httpc_options o = {
		.method = "GET",
		.url = "http://localhost/",
		.max_body = 1,
		.done = on_done,
		.arg = &c[0],
	};

	w->reply = NULL;
	for (int i = 0; i < 3; i++)
		start(w, &c[i], &plain, NULL);
	while (w->got_len == 0)
		turn(w);
	vs_httpc_close(w->client, on_closed, w);
	assert_int_equal(
	    vs_httpc_send(w->client, &o, NULL, &err), VS_ECANCELED);
	w->client = NULL;
	assert_int_equal(w->closed, 0);
	while (w->closed == 0)
		turn(w);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(c[i].calls, 1);
		assert_int_equal(c[i].code, VS_ECANCELED);
	}
}

struct chain {
	struct world *w;
	int left;
	bool close;
};

static void on_chain(void *arg, const struct vs_httpc_result *r)
{
	struct chain *chain = arg;
	struct vs_httpc_options o = {
		.method = "GET",
		.max_body = 100,
		.timeout_ms = 5000,
		.done = on_chain,
		.arg = chain,
	};
	char url[128];
	struct vs_err err = VS_ERR_INIT;

	assert_int_equal(r->err.code, VS_OK);
	if (chain->left-- == 0) {
		if (chain->close) {
			vs_httpc_close(chain->w->client, on_closed, chain->w);
			chain->w->client = NULL;
		}
		return;
	}
	set_reply(chain->w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", chain->w->port);
	o.url = url;
	assert_int_equal(
	    vs_httpc_send(chain->w->client, &o, NULL, &err), VS_OK);
}

/* A done may send the next one, and may close the client. */
static void test_from_within(void **state)
{
	struct world *w = *state;
	struct chain chain = { .w = w, .left = 3, .close = true };
	struct vs_httpc_result ok = { .type = "", .body = "" };

	on_chain(&chain, &ok);
	while (w->closed == 0)
		turn(w);
	assert_int_equal(chain.left, -1);
}

int main(void)
{
#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(test_answer),
		WITH_WORLD(test_request),
		WITH_WORLD(test_methods),
		WITH_WORLD(test_connection_is_used_again),
		WITH_WORLD(test_redirect_is_not_followed),
		WITH_WORLD(test_broken_answers),
		WITH_WORLD(test_answer_too_large),
		WITH_WORLD(test_timeout),
		WITH_WORLD(test_nobody_there),
		WITH_WORLD(test_refused_at_once),
		WITH_WORLD(test_cancel),
		WITH_WORLD(test_close_cancels),
		WITH_WORLD(test_from_within),
	};

	signal(SIGPIPE, SIG_IGN);
	/* The tests are about this machine only. */
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
