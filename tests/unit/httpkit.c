#include "tests/unit/httpkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common/os/sock.h"

#define PATIENCE_MS 700

void httpkit_turn(struct httpkit *w)
{
	if (uv_run(&w->loop, UV_RUN_NOWAIT) >= 0)
		usleep(500);
}

static void on_ended(void *arg)
{
	struct httpkit *w = arg;

	w->ended++;
	w->stream = NULL;
}

void httpkit_answer_text(struct vs_httpd_req *r, int status, const char *text)
{
	struct vs_httpd_answer a = {
		.status = status,
		.type = "text/plain",
		.body = strdup(text),
		.len = strlen(text),
	};

	vs_httpd_answer(r, &a);
}

static void on_over(void *arg)
{
	struct httpkit *w = arg;

	w->over++;
}

static void answer_fill(
    struct httpkit *w, struct vs_httpd_req *r, const char *type)
{
	static const char *const headers[] = { "X-One: 1", "ETag: \"e\"",
		NULL };
	const char *n = vs_httpd_query(r, "n");
	struct vs_httpd_answer a = {
		.status = 200,
		.type = type,
		.headers = headers,
		.over = on_over,
		.over_arg = w,
	};

	assert_non_null(n);
	a.len = (size_t)atol(n);
	a.body = malloc(a.len + 1);
	assert_non_null(a.body);
	memset(a.body, 'a', a.len);
	vs_httpd_answer(r, &a);
}

static void answer_echo(struct httpkit *w, struct vs_httpd_req *r)
{
	struct vs_httpd_answer a = { .status = 200,
		.type = "application/octet-stream" };
	const char *body = vs_httpd_body(r, &a.len);
	const char *auth = vs_httpd_header(r, "Authorization");
	const char *q = vs_httpd_query(r, "q");

	snprintf(w->seen, sizeof(w->seen), "%s %s q=%s raw=%s auth=%s type=%s",
	    vs_httpd_method(r), vs_httpd_path(r), q != NULL ? q : "-",
	    vs_httpd_raw_query(r), auth != NULL ? auth : "-",
	    vs_httpd_header(r, "Content-Type") != NULL
		? vs_httpd_header(r, "Content-Type")
		: "-");
	a.body = malloc(a.len + 1);
	assert_non_null(a.body);
	memcpy(a.body, body, a.len);
	vs_httpd_answer(r, &a);
}

static void on_later(uv_timer_t *timer)
{
	struct httpkit *w = timer->data;
	struct vs_httpd_req *r = w->kept;

	w->kept = NULL;
	assert_ptr_equal(vs_httpd_data(r), w);
	httpkit_answer_text(r, 202, "later");
}

static void start_stream(struct httpkit *w, struct vs_httpd_req *r)
{
	char block[8192];

	memset(block, 'f', sizeof(block));
	w->stream = vs_httpd_stream(
	    r, "application/x-ndjson", HTTPKIT_STREAM_MAX, on_ended, w);
	assert_non_null(w->stream);
	for (int i = 0; i < 8; i++)
		assert_int_equal(
		    vs_httpd_stream_write(w->stream, block, 1000), VS_OK);
}

static void on_request(void *arg, struct vs_httpd_req *r)
{
	struct httpkit *w = arg;
	const char *path = vs_httpd_path(r);

	w->asked++;
	if (strcmp(path, "/text") == 0) {
		answer_fill(w, r, "text/plain");
	} else if (strcmp(path, "/bytes") == 0) {
		answer_fill(w, r, "application/octet-stream");
	} else if (strcmp(path, "/later") == 0) {
		vs_httpd_set_data(r, w);
		w->kept = r;
		uv_timer_start(&w->timer, on_later, 50, 0);
	} else if (strcmp(path, "/never") == 0) {
		w->kept = r;
	} else if (strcmp(path, "/stream") == 0) {
		start_stream(w, r);
	} else if (strcmp(path, "/missing") == 0) {
		vs_httpd_refuse(r, 404, "not_found", "no \"such\" thing");
	} else {
		answer_echo(w, r);
	}
}

static void on_gone(void *arg, struct vs_httpd_req *r)
{
	struct httpkit *w = arg;

	assert_ptr_equal(w->kept, r);
	w->kept = NULL;
	w->gone++;
}

void httpkit_on_closed(void *arg)
{
	struct httpkit *w = arg;

	w->closed++;
}

static void make_server(struct httpkit *w)
{
	struct vs_httpd_options o = {
		.max_body = HTTPKIT_MAX_BODY,
		.max_inflated = HTTPKIT_MAX_INFLATED,
		.patience_ms = w->patience_ms,
		.answer_ms = w->patience_ms,
		.check_peer = w->unix_only,
		.handle = on_request,
		.gone = on_gone,
		.arg = w,
	};
	struct vs_err err = VS_ERR_INIT;

	o.fd = w->unix_only ? vs_sock_listen_unix(w->sock, &err)
			    : vs_sock_listen_tcp("127.0.0.1:0", &w->port, &err);
	if (o.fd < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(vs_httpd_new(&w->server, &w->loop, &o, &err), VS_OK);
	assert_int_equal(vs_httpc_new(&w->client, &w->loop, &err), VS_OK);
}

static struct httpkit *world_new(
    bool unix_only, const char *deeper, int patience_ms)
{
	struct httpkit *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	uv_timer_init(&w->loop, &w->timer);
	w->timer.data = w;
	w->unix_only = unix_only;
	w->patience_ms = patience_ms;
	strcpy(w->dir, "/tmp/vsync-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->sock, sizeof(w->sock), "%s/%s", w->dir, deeper);
	if (deeper[0] != '\0') {
		assert_int_equal(mkdir(w->sock, 0700), 0);
		strcat(w->sock, "/");
	}
	strcat(w->sock, "s");
	make_server(w);
	return w;
}

int httpkit_setup(void **state)
{
	*state = world_new(false, "", 0);
	return 0;
}

int httpkit_setup_impatient(void **state)
{
	*state = world_new(false, "", PATIENCE_MS);
	return 0;
}

int httpkit_setup_unix(void **state)
{
	*state = world_new(true, "", 0);
	return 0;
}

int httpkit_setup_unix_deep(void **state)
{
	char deeper[128];

	snprintf(deeper, sizeof(deeper), "%0120d", 0);
	*state = world_new(true, deeper, 0);
	return 0;
}

int httpkit_teardown(void **state)
{
	struct httpkit *w = *state;

	if (w->server != NULL)
		vs_httpd_close(w->server, httpkit_on_closed, w);
	if (w->client != NULL)
		vs_httpc_close(w->client, httpkit_on_closed, w);
	uv_close((uv_handle_t *)&w->timer, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(w->closed, 2);
	/* Nothing of ours is left on the loop. */
	assert_int_equal(uv_loop_close(&w->loop), 0);
	unlink(w->sock);
	rmdir(w->dir);
	free(w);
	return 0;
}

static void on_done(void *arg, const struct vs_httpc_result *r)
{
	struct httpkit_call *c = arg;

	assert_false(c->done);
	c->done = true;
	c->r = *r;
	snprintf(c->type, sizeof(c->type), "%s", r->type);
	snprintf(c->retry_after, sizeof(c->retry_after), "%s",
	    r->retry_after != NULL ? r->retry_after : "");
	c->body = malloc(r->len + 1);
	assert_non_null(c->body);
	memcpy(c->body, r->body, r->len);
	c->body[r->len] = '\0';
}

struct vs_httpc_options httpkit_options_for(
    struct httpkit *w, const char *method, char url[256], const char *path)
{
	struct vs_httpc_options o = {
		.method = method,
		.url = url,
		.max_body = 1000000,
		.timeout_ms = 5000,
		.done = on_done,
	};

	snprintf(url, 256, "http://127.0.0.1:%d%s", w->port, path);
	if (w->unix_only) {
		snprintf(url, 256, "http://localhost%s", path);
		o.unix_socket = w->sock;
	}
	return o;
}

void httpkit_send_call(
    struct httpkit *w, const struct vs_httpc_options *o, struct httpkit_call *c)
{
	struct vs_httpc_options copy = *o;
	struct vs_err err = VS_ERR_INIT;

	memset(c, 0, sizeof(*c));
	copy.arg = c;
	if (vs_httpc_send(w->client, &copy, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	assert_false(c->done);
}

void httpkit_wait_call(struct httpkit *w, const struct httpkit_call *c)
{
	while (!c->done)
		httpkit_turn(w);
}

void httpkit_get(struct httpkit *w, const char *path, struct httpkit_call *c)
{
	char url[256];
	struct vs_httpc_options o = httpkit_options_for(w, "GET", url, path);

	httpkit_send_call(w, &o, c);
	httpkit_wait_call(w, c);
}

static void raw_work(uv_work_t *work)
{
	struct httpkit_raw *raw = work->data;
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)raw->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval limit = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		return;
	for (size_t at = 0; at < raw->len; at += (size_t)n) {
		n = send(fd, raw->send + at, raw->drip ? 1 : raw->len - at,
		    MSG_NOSIGNAL);
		if (n < 0)
			break;
		if (raw->drip)
			usleep(50000);
	}
	if (raw->leave)
		usleep(100000);
	while (!raw->leave && raw->got_len < sizeof(raw->got) - 1) {
		n = recv(fd, raw->got + raw->got_len,
		    sizeof(raw->got) - 1 - raw->got_len, 0);
		if (n <= 0)
			break;
		raw->got_len += (size_t)n;
	}
	close(fd);
}

static void raw_after(uv_work_t *work, int status)
{
	struct httpkit_raw *raw = work->data;

	assert_int_equal(status, 0);
	raw->done = true;
}

struct httpkit_raw *httpkit_raw_start(
    struct httpkit *w, const void *data, size_t len)
{
	struct httpkit_raw *raw = calloc(1, sizeof(*raw));

	assert_non_null(raw);
	raw->work.data = raw;
	raw->port = w->port;
	raw->send = data;
	raw->len = len;
	return raw;
}

void httpkit_raw_run(struct httpkit *w, struct httpkit_raw *raw)
{
	uv_queue_work(&w->loop, &raw->work, raw_work, raw_after);
	while (!raw->done)
		httpkit_turn(w);
}

struct httpkit_raw *httpkit_raw_text(struct httpkit *w, const char *text)
{
	struct httpkit_raw *raw = httpkit_raw_start(w, text, strlen(text));

	httpkit_raw_run(w, raw);
	return raw;
}

struct httpkit_raw *httpkit_raw_post(
    struct httpkit *w, const char *headers, const void *body, size_t len)
{
	char *all = malloc(len + 1024);
	struct httpkit_raw *raw;
	int n;

	assert_non_null(all);
	n = snprintf(all, 1024,
	    "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	    "Content-Length: %zu\r\n%s\r\n",
	    len, headers);
	memcpy(all + n, body, len);
	raw = httpkit_raw_start(w, all, (size_t)n + len);
	httpkit_raw_run(w, raw);
	free(all);
	return raw;
}

size_t httpkit_gzip(const void *in, size_t len, void *out, size_t cap)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)in,
		.avail_in = (uInt)len,
		.next_out = out,
		.avail_out = (uInt)cap };

	assert_int_equal(
	    deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}
