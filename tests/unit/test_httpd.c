/*
 * Server and client together on one loop; what libcurl would not send is
 * sent by a plain socket in a worker.
 */
#include "common/net/httpd.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common/net/httpc.h"
#include "common/os/sock.h"

#define MAX_BODY 20000
#define MAX_INFLATED 100000
#define STREAM_MAX 65536
#define PATIENCE_MS 700

struct world {
	uv_loop_t loop;
	struct vs_httpd *server;
	struct vs_httpc *client;
	int port;
	char dir[64];
	char sock[256];
	bool unix_only;
	int patience_ms; /* 0: the usual */
	uv_timer_t timer; /* answers what is kept */
	struct vs_httpd_req *kept;
	struct vs_httpd_stream *stream;
	int asked;
	int gone;
	int ended;
	int closed;
	int written; /* code of the last stream write */
	char seen[512]; /* what the handler saw last */
};

/* One exchange through the client. */
struct call {
	bool done;
	struct vs_httpc_result r;
	char type[64];
	char retry_after[64];
	char *body;
};

/* One exchange by a plain socket, in a worker. */
struct raw {
	uv_work_t work;
	int port;
	const char *send;
	size_t len;
	bool leave; /* close without reading */
	bool drip; /* send a byte each 50 ms */
	bool done;
	char got[65536];
	size_t got_len;
};

/* Never blocks: a callback from a timer may be what is waited for. */
static void turn(struct world *w)
{
	if (uv_run(&w->loop, UV_RUN_NOWAIT) >= 0)
		usleep(500);
}

static void on_ended(void *arg)
{
	struct world *w = arg;

	w->ended++;
	w->stream = NULL;
}

static void answer_text(struct vs_httpd_req *r, int status, const char *text)
{
	struct vs_httpd_answer a = {
		.status = status,
		.type = "text/plain",
		.body = strdup(text),
		.len = strlen(text),
	};

	vs_httpd_answer(r, &a);
}

static void answer_fill(struct vs_httpd_req *r, const char *type)
{
	static const char *const headers[] = { "X-One: 1", "ETag: \"e\"",
		NULL };
	const char *n = vs_httpd_query(r, "n");
	struct vs_httpd_answer a = {
		.status = 200,
		.type = type,
		.headers = headers,
	};

	assert_non_null(n);
	a.len = (size_t)atol(n);
	a.body = malloc(a.len + 1);
	assert_non_null(a.body);
	memset(a.body, 'a', a.len);
	vs_httpd_answer(r, &a);
}

static void answer_echo(struct world *w, struct vs_httpd_req *r)
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
	struct world *w = timer->data;
	struct vs_httpd_req *r = w->kept;

	w->kept = NULL;
	assert_ptr_equal(vs_httpd_data(r), w);
	answer_text(r, 202, "later");
}

static void start_stream(struct world *w, struct vs_httpd_req *r)
{
	char block[8192];

	memset(block, 'f', sizeof(block));
	w->stream =
	    vs_httpd_stream(r, "application/x-ndjson", STREAM_MAX, on_ended, w);
	assert_non_null(w->stream);
	for (int i = 0; i < 8; i++)
		assert_int_equal(
		    vs_httpd_stream_write(w->stream, block, 1000), VS_OK);
}

static void on_request(void *arg, struct vs_httpd_req *r)
{
	struct world *w = arg;
	const char *path = vs_httpd_path(r);

	w->asked++;
	if (strcmp(path, "/text") == 0) {
		answer_fill(r, "text/plain");
	} else if (strcmp(path, "/bytes") == 0) {
		answer_fill(r, "application/octet-stream");
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

static void make_server(struct world *w)
{
	struct vs_httpd_options o = {
		.max_body = MAX_BODY,
		.max_inflated = MAX_INFLATED,
		.patience_ms = w->patience_ms,
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

static struct world *world_new(
    bool unix_only, const char *deeper, int patience_ms)
{
	struct world *w = calloc(1, sizeof(*w));

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

static int setup(void **state)
{
	*state = world_new(false, "", 0);
	return 0;
}

static int setup_impatient(void **state)
{
	*state = world_new(false, "", PATIENCE_MS);
	return 0;
}

static int setup_unix(void **state)
{
	*state = world_new(true, "", 0);
	return 0;
}

static int setup_unix_deep(void **state)
{
	char deeper[128];

	snprintf(deeper, sizeof(deeper), "%0120d", 0);
	*state = world_new(true, deeper, 0);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	if (w->server != NULL)
		vs_httpd_close(w->server, on_closed, w);
	if (w->client != NULL)
		vs_httpc_close(w->client, on_closed, w);
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
	struct call *c = arg;

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

static struct vs_httpc_options options_for(
    struct world *w, const char *method, char url[256], const char *path)
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

static void send_call(
    struct world *w, const struct vs_httpc_options *o, struct call *c)
{
	struct vs_httpc_options copy = *o;
	struct vs_err err = VS_ERR_INIT;

	memset(c, 0, sizeof(*c));
	copy.arg = c;
	if (vs_httpc_send(w->client, &copy, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	assert_false(c->done);
}

static void wait_call(struct world *w, const struct call *c)
{
	while (!c->done)
		turn(w);
}

static void get(struct world *w, const char *path, struct call *c)
{
	char url[256];
	struct vs_httpc_options o = options_for(w, "GET", url, path);

	send_call(w, &o, c);
	wait_call(w, c);
}

static void raw_work(uv_work_t *work)
{
	struct raw *raw = work->data;
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
	struct raw *raw = work->data;

	assert_int_equal(status, 0);
	raw->done = true;
}

static struct raw *raw_start(struct world *w, const void *data, size_t len)
{
	struct raw *raw = calloc(1, sizeof(*raw));

	assert_non_null(raw);
	raw->work.data = raw;
	raw->port = w->port;
	raw->send = data;
	raw->len = len;
	return raw;
}

static void raw_run(struct world *w, struct raw *raw)
{
	uv_queue_work(&w->loop, &raw->work, raw_work, raw_after);
	while (!raw->done)
		turn(w);
}

static struct raw *raw_text(struct world *w, const char *text)
{
	struct raw *raw = raw_start(w, text, strlen(text));

	raw_run(w, raw);
	return raw;
}

/* The same with head and body apart, the body being any bytes. */
static struct raw *raw_post(
    struct world *w, const char *headers, const void *body, size_t len)
{
	char *all = malloc(len + 1024);
	struct raw *raw;
	int n;

	assert_non_null(all);
	n = snprintf(all, 1024,
	    "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	    "Content-Length: %zu\r\n%s\r\n",
	    len, headers);
	memcpy(all + n, body, len);
	raw = raw_start(w, all, (size_t)n + len);
	raw_run(w, raw);
	free(all);
	return raw;
}

static size_t gzip(const void *in, size_t len, void *out, size_t cap)
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

static void test_what_was_asked(void **state)
{
	struct world *w = *state;
	char url[256];
	struct vs_httpc_options o = options_for(
	    w, "PATCH", url, "/a%20b/%2e%2e/c+d?x&q=%31+2%2B&q=3&y=%00");
	struct call c;

	o.body = "hello";
	o.len = 5;
	o.bearer = "token";
	o.url = url;
	send_call(w, &o, &c);
	wait_call(w, &c);
	assert_int_equal(c.r.status, 400); /* a NUL */
	free(c.body);
	snprintf(url + strlen(url) - 3, 4, "%%41");
	send_call(w, &o, &c);
	wait_call(w, &c);
	assert_int_equal(c.r.status, 200);
	assert_string_equal(c.body, "hello");
	assert_string_equal(w->seen,
	    "PATCH /a b/../c+d q=1 2+ raw=x&q=%31+2%2B&q=3&y=%41 "
	    "auth=Bearer token type=application/json");
	free(c.body);
}

static void test_bad_urls(void **state)
{
	static const char *const paths[] = { "/%", "/%4", "/%zz", "/%00",
		"/x?a=%", "/x?%g0=1" };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct call c;

		get(w, paths[i], &c);
		assert_int_equal(c.r.status, 400);
		assert_string_equal(c.type, "application/json");
		assert_non_null(strstr(c.body, "\"code\":\"bad_url\""));
		free(c.body);
	}
	assert_int_equal(w->asked, 0);
}

static void test_long_url(void **state)
{
	struct world *w = *state;
	char text[12000];
	struct raw *raw;
	int n = snprintf(text, sizeof(text), "GET /");

	memset(text + n, 'a', 9000);
	strcpy(text + n + 9000,
	    " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	raw = raw_text(w, text);
	assert_non_null(strstr(raw->got, " 414 "));
	assert_non_null(strstr(raw->got, "\"code\":\"bad_url\""));
	free(raw);
}

static void test_not_found_is_json(void **state)
{
	struct world *w = *state;
	struct call c;

	get(w, "/missing", &c);
	assert_int_equal(c.r.err.code, VS_OK);
	assert_int_equal(c.r.status, 404);
	assert_string_equal(c.type, "application/json");
	assert_string_equal(c.body,
	    "{\"error\":\"no \\\"such\\\" thing\",\"code\":\"not_found\"}");
	free(c.body);
}

static void test_gzip_out(void **state)
{
	static const struct {
		const char *path;
		const char *accept;
		bool gzip;
	} cases[] = {
		{ "/text?n=5000", "gzip", true },
		{ "/text?n=5000", "deflate, gzip;q=0.5", true },
		{ "/text?n=5000", "*", true },
		{ "/text?n=5000", "gzip;q=0", false },
		{ "/text?n=5000", "gzip;q=0.0, identity", false },
		{ "/text?n=5000", "xgzip", false },
		{ "/text?n=5000", "identity", false },
		{ "/text?n=1023", "gzip", false },
		{ "/text?n=1024", "gzip", true },
		{ "/bytes?n=5000", "gzip", false },
	};
	struct world *w = *state;
	char text[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct raw *raw;

		snprintf(text, sizeof(text),
		    "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
		    "Accept-Encoding: %s\r\n\r\n",
		    cases[i].path, cases[i].accept);
		raw = raw_text(w, text);
		assert_non_null(strstr(raw->got, " 200 OK"));
		assert_non_null(strstr(raw->got, "X-One: 1"));
		assert_int_equal(
		    strstr(raw->got, "Content-Encoding: gzip") != NULL,
		    cases[i].gzip);
		free(raw);
	}
}

static void test_gzip_out_arrives_whole(void **state)
{
	struct world *w = *state;
	struct call c;

	get(w, "/text?n=700000", &c);
	assert_int_equal(c.r.status, 200);
	assert_int_equal(c.r.len, 700000);
	assert_int_equal(strspn(c.body, "a"), 700000);
	free(c.body);
}

static void test_gzip_in(void **state)
{
	struct world *w = *state;
	char plain[50000];
	char packed[2000];
	struct raw *raw;
	size_t len;

	memset(plain, 'p', sizeof(plain));
	len = gzip(plain, sizeof(plain), packed, sizeof(packed));
	raw = raw_post(w, "Content-Encoding: gzip\r\n", packed, len);
	assert_non_null(strstr(raw->got, " 200 OK"));
	assert_non_null(strstr(raw->got, "Content-Length: 50000"));
	free(raw);
	/* Two members are one text. */
	len = gzip("ab", 2, packed, sizeof(packed));
	len += gzip("cd", 2, packed + len, sizeof(packed) - len);
	raw = raw_post(w, "Content-Encoding: x-gzip\r\n", packed, len);
	assert_non_null(strstr(raw->got, "\r\n\r\nabcd"));
	free(raw);
}

static void test_bad_bodies(void **state)
{
	struct world *w = *state;
	char *plain = calloc(1, MAX_INFLATED + 1);
	char packed[2000];
	struct raw *raw;
	size_t len;

	assert_non_null(plain);
	len = gzip(plain, MAX_INFLATED, packed, sizeof(packed));
	raw = raw_post(w, "Content-Encoding: gzip\r\n", packed, len);
	assert_non_null(strstr(raw->got, " 200 OK")); /* just fits */
	free(raw);
	raw = raw_post(w, "Content-Encoding: gzip\r\n", packed, len - 3);
	assert_non_null(strstr(raw->got, " 400 "));
	assert_non_null(strstr(raw->got, "\"code\":\"bad_gzip\""));
	free(raw);
	packed[len] = 'x'; /* something behind the end */
	raw = raw_post(w, "Content-Encoding: gzip\r\n", packed, len + 1);
	assert_non_null(strstr(raw->got, "\"code\":\"bad_gzip\""));
	free(raw);
	raw = raw_post(w, "Content-Encoding: gzip\r\n", "hello", 5);
	assert_non_null(strstr(raw->got, "\"code\":\"bad_gzip\""));
	free(raw);
	len = gzip(plain, MAX_INFLATED + 1, packed, sizeof(packed));
	raw = raw_post(w, "Content-Encoding: gzip\r\n", packed, len);
	assert_non_null(strstr(raw->got, " 413 "));
	assert_non_null(strstr(raw->got, "\"code\":\"too_large\""));
	free(raw);
	raw = raw_post(w, "Content-Encoding: br\r\n", "hello", 5);
	assert_non_null(strstr(raw->got, " 415 "));
	assert_non_null(strstr(raw->got, "\"code\":\"bad_encoding\""));
	free(raw);
	free(plain);
	assert_int_equal(w->asked, 1);
}

static void test_body_limits(void **state)
{
	static const struct {
		size_t len;
		const char *expect; /* the status line's code */
		const char *headers;
	} cases[] = {
		{ 0, " 200 ", "" },
		{ MAX_BODY, " 200 ", "" },
		{ MAX_BODY + 1, " 413 ", "" },
		{ MAX_BODY * 4, " 413 ", "" },
		{ MAX_BODY + 1, " 413 ", "Expect: 100-continue\r\n" },
	};
	struct world *w = *state;
	char *body = calloc(1, MAX_BODY * 4);

	assert_non_null(body);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct raw *raw =
		    raw_post(w, cases[i].headers, body, cases[i].len);

		assert_non_null(strstr(raw->got, cases[i].expect));
		free(raw);
	}
	free(body);
}

/* Without an announced length it is the count that decides. */
static void test_chunked_limit(void **state)
{
	struct world *w = *state;
	size_t cap = 40 * 1024;
	char *text = malloc(cap);
	struct raw *raw;
	size_t n;

	assert_non_null(text);
	n = (size_t)snprintf(text, cap,
	    "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 30; i++) {
		n += (size_t)snprintf(text + n, cap - n, "400\r\n");
		memset(text + n, 'c', 1024);
		n += 1024;
		n += (size_t)snprintf(text + n, cap - n, "\r\n");
	}
	n += (size_t)snprintf(text + n, cap - n, "0\r\n\r\n");
	raw = raw_start(w, text, n);
	raw_run(w, raw);
	assert_non_null(strstr(raw->got, " 413 "));
	assert_non_null(strstr(raw->got, "\"code\":\"too_large\""));
	free(raw);
	free(text);
}

static void test_endless_body_is_cut_off(void **state)
{
	struct world *w = *state;
	size_t len = 8 * 1024 * 1024;
	char *body = calloc(1, len);
	struct raw *raw;

	assert_non_null(body);
	raw = raw_post(w, "", body, len);
	assert_int_equal(w->asked, 0);
	assert_null(strstr(raw->got, " 200 "));
	free(raw);
	free(body);
}

/* What is no HTTP is refused by the library; the user never hears of it. */
static void test_malformed(void **state)
{
	static const char *const cases[] = {
		"nonsense\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\n"
		"Content-Length: 99999999999999999999999\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
		"\r\nzz\r\n",
		"GET / HTTP/1.1\r\nno colon\r\n\r\n",
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct raw *raw = raw_text(w, cases[i]);

		assert_null(strstr(raw->got, " 200 "));
		free(raw);
	}
	assert_int_equal(w->asked, 0);
}

static void test_header_too_large(void **state)
{
	struct world *w = *state;
	size_t len = 40000;
	char *text = malloc(len + 100);
	struct raw *raw;

	assert_non_null(text);
	strcpy(text, "GET /text?n=1 HTTP/1.1\r\nHost: x\r\nX: ");
	memset(text + strlen(text), 'h', len + 1);
	strcpy(text + len, "\r\n\r\n");
	raw = raw_text(w, text);
	assert_null(strstr(raw->got, " 200 "));
	assert_int_equal(w->asked, 0);
	free(raw);
	free(text);
}

/* A client that drips is cut off, however steadily it does. */
static void test_slow_clients(void **state)
{
	static const char *const cases[] = {
		"GET /text?n=1 HTTP/1.1\r\nHost: x\r\nX: 0123456789\r\n\r\n",
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\r\n"
		"012345678901234567890123456789012345678901234567890123456789",
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct raw *raw = raw_start(w, cases[i], strlen(cases[i]));

		raw->drip = true;
		raw_run(w, raw);
		assert_int_equal(raw->got_len, 0);
		free(raw);
	}
	assert_int_equal(w->asked, 0);
}

/* One who connects and says nothing is not waited for. */
static void test_silent_client(void **state)
{
	struct world *w = *state;
	struct raw *raw = raw_start(w, "", 0);
	uint64_t began = uv_now(&w->loop);

	raw_run(w, raw);
	assert_int_equal(raw->got_len, 0);
	assert_true(uv_now(&w->loop) - began < 5000);
	free(raw);
}

static void test_head(void **state)
{
	struct world *w = *state;
	struct raw *raw = raw_text(w,
	    "HEAD /text?n=300 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	    "\r\n");

	assert_non_null(strstr(raw->got, " 200 "));
	assert_non_null(strstr(raw->got, "Content-Length: 300"));
	assert_string_equal(strstr(raw->got, "\r\n\r\n"), "\r\n\r\n");
	free(raw);
}

static void test_pipelined(void **state)
{
	struct world *w = *state;
	struct raw *raw = raw_text(w,
	    "GET /text?n=3 HTTP/1.1\r\nHost: x\r\n\r\n"
	    "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"
	    "GET /missing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	const char *later = strstr(raw->got, "later");

	assert_int_equal(w->asked, 3);
	assert_non_null(strstr(raw->got, "aaa"));
	assert_non_null(later);
	assert_non_null(strstr(later, " 404 "));
	free(raw);
}

static void test_later(void **state)
{
	struct world *w = *state;
	struct call later;
	struct call meanwhile;
	char url[256];
	struct vs_httpc_options o = options_for(w, "GET", url, "/later");

	send_call(w, &o, &later);
	while (w->kept == NULL)
		turn(w);
	/* The others do not wait for it. */
	get(w, "/missing", &meanwhile);
	assert_false(later.done);
	assert_int_equal(meanwhile.r.status, 404);
	wait_call(w, &later);
	assert_int_equal(later.r.status, 202);
	assert_string_equal(later.body, "later");
	free(later.body);
	free(meanwhile.body);
}

static void test_client_gone(void **state)
{
	struct world *w = *state;
	const char *text = "GET /never HTTP/1.1\r\nHost: x\r\n\r\n";
	struct raw *raw = raw_start(w, text, strlen(text));

	raw->leave = true;
	raw_run(w, raw);
	while (w->gone == 0)
		turn(w);
	assert_int_equal(w->gone, 1);
	assert_null(w->kept);
	free(raw);
}

static void test_stream(void **state)
{
	struct world *w = *state;
	char url[256];
	struct vs_httpc_options o = options_for(w, "GET", url, "/stream");
	struct call c;

	send_call(w, &o, &c);
	while (w->stream == NULL)
		turn(w);
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
	wait_call(w, &c);
	assert_int_equal(c.r.status, 200);
	assert_string_equal(c.type, "application/x-ndjson");
	assert_int_equal(c.r.len, 8000 + 15);
	assert_string_equal(c.body + 8000, "more\nmore\nmore\n");
	assert_int_equal(w->ended, 1);
	free(c.body);
}

static void test_stream_reader_leaves(void **state)
{
	struct world *w = *state;
	const char *text = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
	struct raw *raw = raw_start(w, text, strlen(text));

	raw->leave = true;
	raw_run(w, raw);
	while (w->ended == 0)
		turn(w);
	assert_null(w->stream);
	free(raw);
}

/* A reader that never reads fills its queue and is cut off. */
static void test_stream_slow_reader(void **state)
{
	struct world *w = *state;
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
		turn(w);
	for (int i = 0; i < 10000 && rc == VS_OK; i++) {
		rc = vs_httpd_stream_write(w->stream, block, sizeof(block));
		if (i % 3 == 0)
			uv_run(&w->loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(rc, VS_ELIMIT);
	assert_int_equal(
	    vs_httpd_stream_write(w->stream, "x", 1), VS_ECANCELED);
	assert_int_equal(w->ended, 0);
	while (w->ended == 0)
		turn(w);
	close(fd);
}

static void test_close_with_pending(void **state)
{
	struct world *w = *state;
	char url[3][256];
	struct vs_httpc_options never = options_for(w, "GET", url[0], "/never");
	struct vs_httpc_options stream =
	    options_for(w, "GET", url[1], "/stream");
	struct call a;
	struct call b;

	send_call(w, &never, &a);
	send_call(w, &stream, &b);
	while (w->kept == NULL || w->stream == NULL)
		turn(w);
	vs_httpd_close(w->server, on_closed, w);
	assert_int_equal(w->gone, 0);
	w->server = NULL;
	wait_call(w, &a);
	wait_call(w, &b);
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
	struct world *w = *state;
	char url[256];
	struct vs_httpc_options o = options_for(w, "GET", url, "/never");
	struct call c;

	send_call(w, &o, &c);
	while (w->kept == NULL)
		turn(w);
	answer_text(w->kept, 200, "bye");
	w->kept = NULL;
	vs_httpd_close(w->server, on_closed, w);
	w->server = NULL;
	wait_call(w, &c);
	assert_int_equal(c.r.status, 200);
	assert_string_equal(c.body, "bye");
	assert_int_equal(w->gone, 0);
	free(c.body);
}

static void test_unix(void **state)
{
	struct world *w = *state;
	struct call c;

	get(w, "/text?n=2000", &c);
	assert_int_equal(c.r.status, 200);
	assert_int_equal(c.r.len, 2000);
	free(c.body);
	get(w, "/later", &c);
	assert_string_equal(c.body, "later");
	free(c.body);
}

/* The same where the socket's path is longer than an address. */
static void test_unix_long_path(void **state)
{
	struct world *w = *state;
	char deep[200];
	struct call c;

	assert_true(strlen(w->sock) > 110);
	for (int i = 0; i < 3; i++) {
		get(w, "/text?n=7", &c);
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
	struct world *w = *state;
	struct call *calls = calloc(MANY, sizeof(*calls));
	char url[256];
	char body[64];

	assert_non_null(calls);
	for (int i = 0; i < MANY; i++) {
		struct vs_httpc_options o =
		    options_for(w, "POST", url, "/echo");

		o.len = (size_t)snprintf(body, sizeof(body), "number %d", i);
		o.body = body;
		send_call(w, &o, &calls[i]);
	}
	for (int i = 0; i < MANY; i++) {
		wait_call(w, &calls[i]);
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
#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(test_what_was_asked),
		WITH_WORLD(test_bad_urls),
		WITH_WORLD(test_long_url),
		WITH_WORLD(test_not_found_is_json),
		WITH_WORLD(test_gzip_out),
		WITH_WORLD(test_gzip_out_arrives_whole),
		WITH_WORLD(test_gzip_in),
		WITH_WORLD(test_bad_bodies),
		WITH_WORLD(test_body_limits),
		WITH_WORLD(test_chunked_limit),
		WITH_WORLD(test_endless_body_is_cut_off),
		WITH_WORLD(test_malformed),
		WITH_WORLD(test_header_too_large),
		cmocka_unit_test_setup_teardown(
		    test_slow_clients, setup_impatient, teardown),
		cmocka_unit_test_setup_teardown(
		    test_silent_client, setup_impatient, teardown),
		WITH_WORLD(test_head),
		WITH_WORLD(test_pipelined),
		WITH_WORLD(test_later),
		WITH_WORLD(test_client_gone),
		WITH_WORLD(test_stream),
		WITH_WORLD(test_stream_reader_leaves),
		WITH_WORLD(test_stream_slow_reader),
		WITH_WORLD(test_close_with_pending),
		WITH_WORLD(test_close_after_answer),
		WITH_WORLD(test_many),
		cmocka_unit_test_setup_teardown(
		    test_unix, setup_unix, teardown),
		cmocka_unit_test_setup_teardown(
		    test_unix_long_path, setup_unix_deep, teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
