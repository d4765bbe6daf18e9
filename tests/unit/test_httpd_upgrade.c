/* Server and a client by hand on one loop; then both speak frames. */
#include "common/net/httpd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/os/sock.h"
#include "tests/unit/plainwire.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ASK \
	"GET /stream?since_seq=3 HTTP/1.1\r\nHost: x\r\n" \
	"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" \
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n\r\n"
#define MOST 200 /* subscribers of one test */

enum manner { AT_ONCE, LATER, CLOSE_AT_ONCE };

struct world {
	uv_loop_t loop;
	struct vs_httpd *server;
	struct wsend ends[MOST]; /* the server's */
	int given; /* wires */
	int missed; /* clients that went before */
	int gone;
	int closed;
	int port;
	enum manner manner;
	uv_timer_t timer;
	struct vs_httpd_req *kept;
};

static void on_ready(void *arg, const struct vs_ws_wire *wire,
    const void *early, size_t early_len)
{
	struct world *w = arg;
	struct wsend *e = &w->ends[w->given];
	struct vs_ws_options o = wsend_options(e, false);
	struct vs_err err = VS_ERR_INIT;

	if (wire == NULL) {
		w->missed++;
		return;
	}
	assert_true(w->given < MOST);
	w->given++;
	if (w->manner == CLOSE_AT_ONCE) {
		wire->close(wire->arg);
		return;
	}
	o.wire = *wire;
	o.early = early;
	o.early_len = early_len;
	assert_int_equal(vs_ws_new(&e->ws, &w->loop, &o, &err), VS_OK);
	assert_int_equal(vs_ws_send(e->ws, "hello", 5), VS_OK);
}

static void upgrade(struct world *w, struct vs_httpd_req *r)
{
	const char *key = vs_httpd_header(r, "Sec-WebSocket-Key");
	char accept[29];
	char line[64];
	const char *const headers[] = { "Upgrade: websocket", line, NULL };
	struct vs_err err = VS_ERR_INIT;

	assert_non_null(key);
	assert_int_equal(vs_ws_accept(key, accept), VS_OK);
	snprintf(line, sizeof(line), "Sec-WebSocket-Accept: %s", accept);
	assert_int_equal(
	    vs_httpd_upgrade(r, headers, on_ready, w, &err), VS_OK);
}

static void on_timer(uv_timer_t *timer)
{
	struct world *w = timer->data;
	struct vs_httpd_req *r = w->kept;

	w->kept = NULL;
	if (r != NULL)
		upgrade(w, r);
}

static void on_request(void *arg, struct vs_httpd_req *r)
{
	struct world *w = arg;

	if (strcmp(vs_httpd_path(r), "/stream") != 0) {
		vs_httpd_refuse(r, 404, "not_found", "nothing");
	} else if (w->manner == LATER) {
		w->kept = r;
		uv_timer_start(&w->timer, on_timer, 30, 0);
	} else {
		upgrade(w, r);
		assert_int_equal(w->missed, 0);
	}
}

static void on_gone(void *arg, struct vs_httpd_req *r)
{
	struct world *w = arg;

	assert_ptr_equal(w->kept, r);
	w->kept = NULL;
	w->gone++;
}

static void on_closed(void *arg)
{
	struct world *w = arg;

	w->closed++;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct vs_httpd_options o = {
		.max_body = 1000,
		.max_inflated = 1000,
		.handle = on_request,
		.gone = on_gone,
		.arg = w,
	};
	struct vs_err err = VS_ERR_INIT;

	assert_non_null(w);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	uv_timer_init(&w->loop, &w->timer);
	w->timer.data = w;
	o.fd = vs_sock_listen_tcp("127.0.0.1:0", &w->port, &err);
	assert_true(o.fd >= 0);
	assert_int_equal(vs_httpd_new(&w->server, &w->loop, &o, &err), VS_OK);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < w->given; i++) {
		if (w->ends[i].ws != NULL)
			vs_ws_close(w->ends[i].ws, 1001, "bye");
	}
	if (w->closed == 0)
		vs_httpd_close(w->server, on_closed, w);
	uv_close((uv_handle_t *)&w->timer, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(w->closed, 1);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	free(w);
	return 0;
}

static int dial(const struct world *w)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)w->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static void put(int fd, const char *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Reads until the end of a header; what follows stays in the socket. */
static void read_head(struct world *w, int fd, char *out, size_t max)
{
	size_t len = 0;

	for (int i = 0; i < 20000 && len + 1 < max; i++) {
		ssize_t n = recv(fd, out + len, 1, MSG_DONTWAIT);

		if (n == 1)
			len++;
		out[len] = '\0';
		if (n == 0 || strstr(out, "\r\n\r\n") != NULL)
			return;
		if (n < 0) {
			uv_run(&w->loop, UV_RUN_NOWAIT);
			usleep(500);
		}
	}
	fail_msg("no header comes");
}

static void shake_hands(struct world *w, int fd)
{
	char head[1024];

	put(fd, ASK, sizeof(ASK) - 1);
	read_head(w, fd, head, sizeof(head));
	assert_ptr_equal(strstr(head, "HTTP/1.1 101 "), head);
	assert_non_null(strstr(head, "\r\nUpgrade: websocket\r\n"));
	assert_non_null(strstr(head, "\r\nConnection: Upgrade\r\n"));
	assert_non_null(strstr(
	    head, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

static void start_client(struct world *w, struct wsend *e, int fd)
{
	struct vs_ws_options o = wsend_options(e, true);
	struct vs_err err = VS_ERR_INIT;

	memset(e, 0, sizeof(*e));
	o = wsend_options(e, true);
	o.wire = plainwire_of(&e->wire, fd);
	assert_int_equal(vs_ws_new(&e->ws, &w->loop, &o, &err), VS_OK);
}

static void talk(struct world *w)
{
	struct wsend client;
	int fd = dial(w);

	shake_hands(w, fd);
	start_client(w, &client, fd);
	wsend_wait(&w->loop, &client.messages, 1);
	assert_string_equal(client.last, "hello");
	assert_int_equal(vs_ws_send(client.ws, "back", 4), VS_OK);
	wsend_wait(&w->loop, &w->ends[0].messages, 1);
	assert_string_equal(w->ends[0].last, "back");
	vs_ws_close(client.ws, 1000, "done");
	wsend_wait(&w->loop, &client.closed, 1);
	wsend_wait(&w->loop, &w->ends[0].closed, 1);
	assert_int_equal(client.code, 1000);
	assert_int_equal(w->ends[0].code, 1000);
}

static void test_talk(void **state)
{
	talk(*state);
}

static void test_talk_later(void **state)
{
	struct world *w = *state;

	w->manner = LATER;
	talk(w);
}

/* Frames that come in one piece with the request are not lost. */
static void test_early(void **state)
{
	static const char frame[] = "\x81\x82\0\0\0\0hi";
	struct world *w = *state;
	char data[1024];
	int fd = dial(w);

	memcpy(data, ASK, sizeof(ASK) - 1);
	memcpy(data + sizeof(ASK) - 1, frame, sizeof(frame) - 1);
	put(fd, data, sizeof(ASK) - 1 + sizeof(frame) - 1);
	wsend_wait(&w->loop, &w->ends[0].messages, 1);
	assert_string_equal(w->ends[0].last, "hi");
	close(fd);
	wsend_wait(&w->loop, &w->ends[0].closed, 1);
	assert_int_equal(w->ends[0].code, 1006);
}

static void test_after_requests(void **state)
{
	struct world *w = *state;
	char head[1024];
	char body[256];
	int fd = dial(w);

	for (int i = 0; i < 3; i++) {
		char *length;

		put(fd, "GET /no HTTP/1.1\r\nHost: x\r\n\r\n", 29);
		read_head(w, fd, head, sizeof(head));
		assert_ptr_equal(strstr(head, "HTTP/1.1 404 "), head);
		length = strstr(head, "Content-Length: ");
		assert_non_null(length);
		assert_true(
		    recv(fd, body, (size_t)atoi(length + 16), MSG_WAITALL) > 0);
	}
	shake_hands(w, fd);
	assert_int_equal(w->given, 1);
	close(fd);
	wsend_wait(&w->loop, &w->ends[0].closed, 1);
}

static void test_close_in_ready(void **state)
{
	struct world *w = *state;
	char head[1024];
	int fd = dial(w);

	w->manner = CLOSE_AT_ONCE;
	put(fd, ASK, sizeof(ASK) - 1);
	read_head(w, fd, head, sizeof(head));
	assert_ptr_equal(strstr(head, "HTTP/1.1 101 "), head);
	read_head(w, fd, head, sizeof(head));
	assert_string_equal(head, "");
	close(fd);
	assert_int_equal(w->given, 1);
}

/* Who goes before the answer: ready is told, and nothing leaks. */
static void test_gone_before(void **state)
{
	struct world *w = *state;
	struct linger hard = { .l_onoff = 1 };
	int fd = dial(w);

	w->manner = LATER;
	put(fd, ASK, sizeof(ASK) - 1);
	for (int i = 0; w->kept == NULL && i < 2000; i++) {
		uv_run(&w->loop, UV_RUN_NOWAIT);
		usleep(500);
	}
	assert_non_null(w->kept);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
	while (w->missed + w->given + w->gone == 0) {
		uv_run(&w->loop, UV_RUN_NOWAIT);
		usleep(500);
	}
	assert_int_equal(w->missed + w->given + w->gone, 1);
}

/* HTTP/1.0 knows no 101: no wire, and ready hears of it. */
static void test_old_http(void **state)
{
	struct world *w = *state;
	int fd = dial(w);

	put(fd, "GET /stream HTTP/1.0\r\nSec-WebSocket-Key: " KEY "\r\n\r\n",
	    70);
	wsend_wait(&w->loop, &w->missed, 1);
	assert_int_equal(w->given, 0);
	close(fd);
}

/* Closing waits for the wires, and only for them. */
static void test_close_waits(void **state)
{
	struct world *w = *state;
	int fd = dial(w);

	shake_hands(w, fd);
	vs_httpd_close(w->server, on_closed, w);
	for (int i = 0; i < 1000; i++) {
		uv_run(&w->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(w->closed, 0);
	assert_int_equal(vs_ws_send(w->ends[0].ws, "still here", 10), VS_OK);
	close(fd);
	wsend_wait(&w->loop, &w->closed, 1);
	assert_int_equal(w->ends[0].closed, 1);
}

/* Many at once, one frame for all of them. */
static void test_fan_out(void **state)
{
	struct world *w = *state;
	struct wsend *clients = calloc(MOST, sizeof(*clients));
	struct vs_ws_frame *f = vs_ws_frame_new("to all", 6);

	assert_non_null(clients);
	assert_non_null(f);
	for (int i = 0; i < MOST; i++) {
		int fd = dial(w);

		shake_hands(w, fd);
		start_client(w, &clients[i], fd);
	}
	assert_int_equal(w->given, MOST);
	for (int i = 0; i < MOST; i++)
		assert_int_equal(vs_ws_send_frame(w->ends[i].ws, f), VS_OK);
	vs_ws_frame_free(f);
	for (int i = 0; i < MOST; i++) {
		wsend_wait(&w->loop, &clients[i].messages, 2);
		assert_string_equal(clients[i].last, "to all");
	}
	for (int i = 0; i < MOST; i++)
		vs_ws_close(clients[i].ws, 1000, "");
	for (int i = 0; i < MOST; i++) {
		wsend_wait(&w->loop, &clients[i].closed, 1);
		wsend_wait(&w->loop, &w->ends[i].closed, 1);
	}
	free(clients);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_talk),
		TEST(test_talk_later),
		TEST(test_early),
		TEST(test_after_requests),
		TEST(test_close_in_ready),
		TEST(test_gone_before),
		TEST(test_old_http),
		TEST(test_close_waits),
		TEST(test_fan_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
