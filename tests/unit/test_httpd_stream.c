/* What takes longer: late answers, streams, clients that go, the end. */
#include "common/net/httpd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/httpkit.h"

static void test_later(void **state)
{
	struct httpkit *w = *state;
	struct httpkit_call later;
	struct httpkit_call meanwhile;
	char url[256];
	struct vs_httpc_options o =
	    httpkit_options_for(w, "GET", url, "/later");

	httpkit_send_call(w, &o, &later);
	while (w->kept == NULL)
		httpkit_turn(w);
	/* The others do not wait for it. */
	httpkit_get(w, "/missing", &meanwhile);
	assert_false(later.done);
	assert_int_equal(meanwhile.r.status, 404);
	httpkit_wait_call(w, &later);
	assert_int_equal(later.r.status, 202);
	assert_string_equal(later.body, "later");
	free(later.body);
	free(meanwhile.body);
}

static void test_client_gone(void **state)
{
	struct httpkit *w = *state;
	const char *text = "GET /never HTTP/1.1\r\nHost: x\r\n\r\n";
	struct httpkit_raw *raw = httpkit_raw_start(w, text, strlen(text));

	raw->leave = true;
	httpkit_raw_run(w, raw);
	while (w->gone == 0)
		httpkit_turn(w);
	assert_int_equal(w->gone, 1);
	assert_null(w->kept);
	free(raw);
}

static void test_stream(void **state)
{
	struct httpkit *w = *state;
	char url[256];
	struct vs_httpc_options o =
	    httpkit_options_for(w, "GET", url, "/stream");
	struct httpkit_call c;

	httpkit_send_call(w, &o, &c);
	while (w->stream == NULL)
		httpkit_turn(w);
	/* Long enough for it to sleep in between, and to be watched. */
	for (int i = 0; i < 3; i++) {
		for (uint64_t till = uv_now(&w->loop) + 300;
		     uv_now(&w->loop) < till;) {
			usleep(10000);
			uv_run(&w->loop, UV_RUN_NOWAIT);
		}
		assert_int_equal(
		    vs_httpd_stream_write(w->stream, "more\n", 5), VS_OK);
	}
	assert_int_equal(w->ended, 0);
	vs_httpd_stream_end(w->stream);
	httpkit_wait_call(w, &c);
	assert_int_equal(c.r.status, 200);
	assert_string_equal(c.type, "application/x-ndjson");
	assert_int_equal(c.r.len, 8000 + 15);
	assert_string_equal(c.body + 8000, "more\nmore\nmore\n");
	assert_int_equal(w->ended, 1);
	free(c.body);
}

static void test_stream_reader_leaves(void **state)
{
	struct httpkit *w = *state;
	const char *text = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
	struct httpkit_raw *raw = httpkit_raw_start(w, text, strlen(text));

	raw->leave = true;
	httpkit_raw_run(w, raw);
	while (w->ended == 0)
		httpkit_turn(w);
	assert_null(w->stream);
	free(raw);
}

/* A reader that never reads fills its queue and is cut off. */
static void test_stream_slow_reader(void **state)
{
	struct httpkit *w = *state;
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)w->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const char *text = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char block[16384];
	int rc = VS_OK;

	memset(block, 's', sizeof(block));
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
	while (w->stream == NULL)
		httpkit_turn(w);
	for (int i = 0; i < 10000 && rc == VS_OK; i++) {
		rc = vs_httpd_stream_write(w->stream, block, sizeof(block));
		if (rc == VS_OK && i % 3 == 0)
			uv_run(&w->loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(rc, VS_ELIMIT);
	assert_int_equal(
	    vs_httpd_stream_write(w->stream, "x", 1), VS_ECANCELED);
	assert_int_equal(w->ended, 0);
	while (w->ended == 0)
		httpkit_turn(w);
	close(fd);
}

static void test_close_with_pending(void **state)
{
	struct httpkit *w = *state;
	char url[3][256];
	struct vs_httpc_options never =
	    httpkit_options_for(w, "GET", url[0], "/never");
	struct vs_httpc_options stream =
	    httpkit_options_for(w, "GET", url[1], "/stream");
	struct httpkit_call a;
	struct httpkit_call b;

	httpkit_send_call(w, &never, &a);
	httpkit_send_call(w, &stream, &b);
	while (w->kept == NULL || w->stream == NULL)
		httpkit_turn(w);
	vs_httpd_close(w->server, httpkit_on_closed, w);
	assert_int_equal(w->gone, 0);
	w->server = NULL;
	httpkit_wait_call(w, &a);
	httpkit_wait_call(w, &b);
	assert_int_equal(w->gone, 1);
	assert_int_equal(w->ended, 1);
	assert_int_equal(a.r.err.code, VS_ENET);
	/* What was queued in the stream still came. */
	assert_int_equal(b.r.err.code, VS_OK);
	assert_int_equal(b.r.len, 8000);
	free(a.body);
	free(b.body);
}

/* An answer given just before the close arrives (think of a quit verb). */
static void test_close_after_answer(void **state)
{
	struct httpkit *w = *state;
	char url[256];
	struct vs_httpc_options o =
	    httpkit_options_for(w, "GET", url, "/never");
	struct httpkit_call c;

	httpkit_send_call(w, &o, &c);
	while (w->kept == NULL)
		httpkit_turn(w);
	httpkit_answer_text(w->kept, 200, "bye");
	w->kept = NULL;
	vs_httpd_close(w->server, httpkit_on_closed, w);
	w->server = NULL;
	httpkit_wait_call(w, &c);
	assert_int_equal(c.r.status, 200);
	assert_string_equal(c.body, "bye");
	assert_int_equal(w->gone, 0);
	free(c.body);
}

static void test_unix(void **state)
{
	struct httpkit *w = *state;
	struct httpkit_call c;

	httpkit_get(w, "/text?n=2000", &c);
	assert_int_equal(c.r.status, 200);
	assert_int_equal(c.r.len, 2000);
	free(c.body);
	httpkit_get(w, "/later", &c);
	assert_string_equal(c.body, "later");
	free(c.body);
}

/* The same where the socket's path is longer than an address. */
static void test_unix_long_path(void **state)
{
	struct httpkit *w = *state;
	char deep[200];
	struct httpkit_call c;

	assert_true(strlen(w->sock) > 110);
	for (int i = 0; i < 3; i++) {
		httpkit_get(w, "/text?n=7", &c);
		assert_int_equal(c.r.status, 200);
		assert_string_equal(c.body, "aaaaaaa");
		free(c.body);
	}
	snprintf(deep, sizeof(deep), "%.*s",
	    (int)(strrchr(w->sock, '/') - w->sock), w->sock);
	unlink(w->sock);
	assert_int_equal(rmdir(deep), 0);
}

/* Many at once, on connections that are used again. */
static void test_many(void **state)
{
	enum { MANY = 300 };
	struct httpkit *w = *state;
	struct httpkit_call *calls = calloc(MANY, sizeof(*calls));
	char url[256];
	char body[64];

	assert_non_null(calls);
	for (int i = 0; i < MANY; i++) {
		struct vs_httpc_options o =
		    httpkit_options_for(w, "POST", url, "/echo");

		o.len = (size_t)snprintf(body, sizeof(body), "number %d", i);
		o.body = body;
		httpkit_send_call(w, &o, &calls[i]);
	}
	for (int i = 0; i < MANY; i++) {
		httpkit_wait_call(w, &calls[i]);
		snprintf(body, sizeof(body), "number %d", i);
		assert_int_equal(calls[i].r.status, 200);
		assert_string_equal(calls[i].body, body);
		free(calls[i].body);
	}
	assert_int_equal(w->asked, MANY);
	free(calls);
}

int main(void)
{
#define WITH_WORLD(f) \
	cmocka_unit_test_setup_teardown(f, httpkit_setup, httpkit_teardown)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(test_later),
		WITH_WORLD(test_client_gone),
		WITH_WORLD(test_stream),
		WITH_WORLD(test_stream_reader_leaves),
		WITH_WORLD(test_stream_slow_reader),
		WITH_WORLD(test_close_with_pending),
		WITH_WORLD(test_close_after_answer),
		cmocka_unit_test_setup_teardown(
		    test_unix, httpkit_setup_unix, httpkit_teardown),
		cmocka_unit_test_setup_teardown(test_unix_long_path,
		    httpkit_setup_unix_deep, httpkit_teardown),
		WITH_WORLD(test_many),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
