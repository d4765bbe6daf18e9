/* Our own server on the same loop; a bad one is a plain socket. */
#include "common/net/wsc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/crypto/key.h"
#include "common/net/httpd.h"
#include "common/net/wsc_priv.h"
#include "common/os/sock.h"
#include "tests/unit/plainwire.h"
#include "tests/unit/scratch.h"

#define GUARD_FRAMES 100
#define GUARD_TEXT 20000
#define GUARD_SENDS 10
#define GUARD_WANTED (GUARD_SENDS * (8 + GUARD_TEXT) + 6 + 2 + 4)
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

struct world {
	uv_loop_t loop;
	struct vs_httpd *server;
	struct vs_key key;
	struct wsend end; /* the server's */
	struct vs_httpd_req *kept;
	int asked;
	int gone;
	int closed;
	int port;
	int tls_port;
	char seen[256];
};

struct attempt {
	struct wsend end; /* first: it is the callbacks' arg, too */
	int opened;
	struct vs_err why;
	struct vs_wsc *c;
};

static void on_ready(void *arg, const struct vs_ws_wire *wire,
    const void *early, size_t early_len)
{
	struct world *w = arg;
	struct vs_ws_options o = wsend_options(&w->end, false);
	struct vs_err err = VS_ERR_INIT;

	if (wire == NULL)
		return;
	o.wire = *wire;
	o.early = early;
	o.early_len = early_len;
	assert_int_equal(vs_ws_new(&w->end.ws, &w->loop, &o, &err), VS_OK);
	/* So early that it may come with the handshake. */
	assert_int_equal(vs_ws_send(w->end.ws, "welcome", 7), VS_OK);
}

static void upgrade(struct world *w, struct vs_httpd_req *r)
{
	const char *key = vs_httpd_header(r, "Sec-WebSocket-Key");
	const char *auth = vs_httpd_header(r, "Authorization");
	char accept[29];
	char line[64];
	const char *const headers[] = { "Upgrade: WebSocket", line, NULL };
	struct vs_err err = VS_ERR_INIT;

	snprintf(w->seen, sizeof(w->seen), "%s %s %s %s %s", vs_httpd_path(r),
	    vs_httpd_raw_query(r), auth != NULL ? auth : "-",
	    vs_httpd_header(r, "Sec-WebSocket-Version"),
	    vs_httpd_header(r, "Host"));
	assert_non_null(key);
	assert_int_equal(vs_ws_accept(key, accept), VS_OK);
	snprintf(line, sizeof(line), "Sec-WebSocket-Accept: %s", accept);
	assert_int_equal(
	    vs_httpd_upgrade(r, headers, on_ready, w, &err), VS_OK);
}

static void on_request(void *arg, struct vs_httpd_req *r)
{
	struct world *w = arg;
	const char *path = vs_httpd_path(r);

	w->asked++;
	if (strncmp(path, "/status/", 8) == 0)
		vs_httpd_refuse(
		    r, (int)strtol(path + 8, NULL, 10), "code", "text");
	else if (strcmp(path, "/never") == 0)
		w->kept = r;
	else
		upgrade(w, r);
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

/* A key with a certificate for 127.0.0.1, as an authority would make it. */
static void make_host_key(struct vs_key *k)
{
	struct vs_err err = VS_ERR_INIT;
	X509_EXTENSION *san;
	EVP_PKEY *pkey;
	X509 *cert;
	BIO *bio;
	char *text;
	long len;

	assert_int_equal(vs_key_make(k, &err), VS_OK);
	bio = BIO_new_mem_buf(k->key_pem, -1);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	bio = BIO_new_mem_buf(k->cert_pem, -1);
	cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	san = X509V3_EXT_conf_nid(
	    NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
	assert_int_equal(X509_add_ext(cert, san, -1), 1);
	X509_EXTENSION_free(san);
	assert_true(X509_sign(cert, pkey, EVP_sha256()) > 0);
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
	len = BIO_get_mem_data(bio, &text);
	free(k->cert_pem);
	k->cert_pem = strndup(text, (size_t)len);
	BIO_free(bio);
	X509_free(cert);
	EVP_PKEY_free(pkey);
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
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	o.fd = vs_sock_listen_tcp("127.0.0.1:0", &w->port, &err);
	assert_true(o.fd >= 0);
	assert_int_equal(vs_httpd_new(&w->server, &w->loop, &o, &err), VS_OK);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	if (w->end.ws != NULL)
		vs_ws_close(w->end.ws, 1001, "bye");
	vs_httpd_close(w->server, on_closed, w);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(w->closed, 1);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	vs_key_release(&w->key);
	free(w);
	return 0;
}

static void on_opened(void *arg, struct vs_ws *ws, const struct vs_err *why)
{
	struct attempt *a = arg;

	assert_true((ws == NULL) == (why != NULL));
	a->opened++;
	a->end.ws = ws;
	if (why != NULL)
		a->why = *why;
}

static struct vs_wsc_options options_of(struct attempt *a, const char *url)
{
	memset(a, 0, sizeof(*a));
	return (struct vs_wsc_options){
		.url = url,
		.timeout_ms = 5000,
		.opened = on_opened,
		.message = wsend_on_message,
		.closed = wsend_on_closed,
		.arg = a,
	};
}

static void start(struct world *w, struct attempt *a, const char *path)
{
	char url[256] = "";
	struct vs_wsc_options o = options_of(a, url);
	struct vs_err err = VS_ERR_INIT;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", w->port, path);
	if (vs_wsc_open(&a->c, &w->loop, &o, &err) < 0)
		fail_msg("%s", err.msg);
	/* Strings are copied. */
	memset(url, '?', sizeof(url));
	assert_int_equal(a->opened, 0);
}

static void finish(struct world *w, struct attempt *a)
{
	vs_ws_close(a->end.ws, 1000, "done");
	wsend_wait(&w->loop, &a->end.closed, 1);
	wsend_wait(&w->loop, &w->end.closed, 1);
	assert_int_equal(a->end.code, 1000);
	assert_int_equal(w->end.code, 1000);
}

static void expect_failure(
    struct world *w, struct attempt *a, int code, const char *text)
{
	wsend_wait(&w->loop, &a->opened, 1);
	assert_null(a->end.ws);
	if (a->why.code != code || strstr(a->why.msg, text) == NULL)
		fail_msg("%d %s", a->why.code, a->why.msg);
	for (int i = 0; i < 20; i++)
		uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_int_equal(a->opened, 1);
	assert_int_equal(a->end.closed, 0);
}

static void test_open(void **state)
{
	struct world *w = *state;
	struct attempt a;
	char url[256] = "";
	char host[64];
	struct vs_wsc_options o = options_of(&a, url);
	struct vs_err err = VS_ERR_INIT;

	snprintf(url, sizeof(url),
	    "http://127.0.0.1:%d/api/projects/p/events/stream?since_seq=7",
	    w->port);
	o.bearer = "secret-token";
	assert_int_equal(vs_wsc_open(&a.c, &w->loop, &o, &err), VS_OK);
	wsend_wait(&w->loop, &a.opened, 1);
	assert_non_null(a.end.ws);
	wsend_wait(&w->loop, &a.end.messages, 1);
	assert_string_equal(a.end.last, "welcome");
	snprintf(host, sizeof(host), "127.0.0.1:%d", w->port);
	assert_ptr_equal(strstr(w->seen,
			     "/api/projects/p/events/stream since_seq=7 "
			     "Bearer secret-token 13 "),
	    w->seen);
	assert_non_null(strstr(w->seen, host));
	assert_int_equal(vs_ws_send(a.end.ws, "thanks", 6), VS_OK);
	wsend_wait(&w->loop, &w->end.messages, 1);
	assert_string_equal(w->end.last, "thanks");
	finish(w, &a);
	assert_int_equal(a.opened, 1);
}

/* Much in both directions at once, and the server says goodbye. */
static void stress(struct world *w, struct attempt *a)
{
	size_t len = 400 * 1024;
	char *text = malloc(len);

	assert_non_null(text);
	memset(text, 's', len);
	wsend_wait(&w->loop, &a->end.messages, 1);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(vs_ws_send(w->end.ws, text, len), VS_OK);
		assert_int_equal(vs_ws_send(a->end.ws, text, len), VS_OK);
	}
	for (int i = 0; i < 500; i++) {
		assert_int_equal(vs_ws_send(w->end.ws, "small", 5), VS_OK);
		assert_int_equal(vs_ws_send(a->end.ws, "small", 5), VS_OK);
	}
	wsend_wait(&w->loop, &a->end.messages, 1 + 8 + 500);
	wsend_wait(&w->loop, &w->end.messages, 8 + 500);
	assert_int_equal(a->end.bytes, 7 + 8 * len + 2500);
	assert_int_equal(w->end.bytes, 8 * len + 2500);
	vs_ws_close(w->end.ws, 1001, "restarting");
	wsend_wait(&w->loop, &a->end.closed, 1);
	wsend_wait(&w->loop, &w->end.closed, 1);
	assert_int_equal(a->end.code, 1001);
	assert_string_equal(a->end.why, "restarting");
	free(text);
}

static void test_stress(void **state)
{
	struct world *w = *state;
	struct attempt a;

	start(w, &a, "/stream");
	wsend_wait(&w->loop, &a.opened, 1);
	stress(w, &a);
}

static void test_statuses(void **state)
{
	static const struct {
		const char *path;
		int code;
	} cases[] = {
		{ "/status/401", VS_EAUTH },
		{ "/status/403", VS_EFORBIDDEN },
		{ "/status/404", VS_ENOENT },
		{ "/status/400", VS_EPROTO },
		{ "/status/302", VS_EPROTO },
		{ "/status/200", VS_EPROTO },
		{ "/status/429", VS_ENET },
		{ "/status/503", VS_ENET },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct attempt a;

		start(w, &a, cases[i].path);
		expect_failure(w, &a, cases[i].code, cases[i].path + 8);
	}
}

static void test_refused(void **state)
{
	struct world *w = *state;
	struct attempt a;
	struct vs_err err = VS_ERR_INIT;
	int port;
	int fd = vs_sock_listen_tcp("127.0.0.1:0", &port, &err);
	int ours = w->port;

	close(fd);
	w->port = port;
	start(w, &a, "/");
	w->port = ours;
	expect_failure(w, &a, VS_ENET, "");
	assert_true(strlen(a.why.msg) > 0);
}

static void test_timeout(void **state)
{
	struct world *w = *state;
	struct attempt a;
	char url[256] = "";
	struct vs_wsc_options o = options_of(&a, url);
	struct vs_err err = VS_ERR_INIT;
	uint64_t begun = uv_hrtime();

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/never", w->port);
	o.timeout_ms = 200;
	assert_int_equal(vs_wsc_open(&a.c, &w->loop, &o, &err), VS_OK);
	expect_failure(w, &a, VS_ETIMEDOUT, "handshake");
	assert_in_range((uv_hrtime() - begun) / 1000000, 190, 1500);
	wsend_wait(&w->loop, &w->gone, 1);
}

static void test_cancel(void **state)
{
	struct world *w = *state;

	/* After so many turns of the loop: connecting, asking, hearing. */
	for (int turns = 0; turns < 40; turns++) {
		struct attempt a;

		start(w, &a, "/status/404");
		for (int i = 0; i < turns && a.opened == 0; i++)
			uv_run(&w->loop, UV_RUN_NOWAIT);
		if (a.opened > 0)
			continue;
		vs_wsc_cancel(a.c);
		assert_int_equal(a.opened, 0);
		expect_failure(w, &a, VS_ECANCELED, "cancelled");
	}
}

static void test_bad_arguments(void **state)
{
	static const char *const urls[] = { "", "ftp://127.0.0.1/",
		"ws://127.0.0.1/", "http://", "http://127.0.0.1/a b",
		"http://127.0.0.1/a\r\nX: y", "http://127.0.0.1:99999/",
		"http://127.0.0.1/?\x01" };
	static const char *const tokens[] = { "a b", "a\r\nX: y", "a\n" };
	struct world *w = *state;
	struct attempt a;
	struct vs_wsc_options o;
	struct vs_err err = VS_ERR_INIT;

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		o = options_of(&a, urls[i]);
		assert_int_equal(
		    vs_wsc_open(&a.c, &w->loop, &o, &err), VS_EINVAL);
		assert_null(a.c);
	}
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		o = options_of(&a, "http://127.0.0.1/");
		o.bearer = tokens[i];
		assert_int_equal(
		    vs_wsc_open(&a.c, &w->loop, &o, &err), VS_EINVAL);
		assert_null(strstr(err.msg, tokens[i]));
	}
	uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_int_equal(a.opened, 0);
}

/* What a server that is none of ours may say. */
struct foe {
	uv_work_t work;
	int fd; /* listening */
	const char *say;
	size_t len;
	bool slow; /* byte by byte */
	int done;
};

static void foe_work(uv_work_t *work)
{
	struct foe *f = work->data;
	int fd = accept(f->fd, NULL, NULL);
	struct timeval limit = { .tv_sec = 3 };
	char got[2048];
	size_t have = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	while (have < sizeof(got) - 1) {
		ssize_t n = recv(fd, got + have, sizeof(got) - 1 - have, 0);

		if (n <= 0)
			break;
		have += (size_t)n;
		got[have] = '\0';
		if (strstr(got, "\r\n\r\n") != NULL)
			break;
	}
	for (size_t at = 0; at < f->len;) {
		ssize_t n = send(
		    fd, f->say + at, f->slow ? 1 : f->len - at, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	shutdown(fd, SHUT_WR);
	while (recv(fd, got, sizeof(got), 0) > 0)
		;
	close(fd);
}

static void foe_after(uv_work_t *work, int status)
{
	struct foe *f = work->data;

	assert_int_equal(status, 0);
	f->done++;
}

static void foe_start(struct world *w, struct foe *f, int *port)
{
	struct vs_err err = VS_ERR_INIT;
	int flags = 0;

	f->fd = vs_sock_listen_tcp("127.0.0.1:0", port, &err);
	assert_true(f->fd >= 0);
	/* The worker waits for it. */
	assert_int_equal(ioctl(f->fd, FIONBIO, &flags), 0);
	f->work.data = f;
	uv_queue_work(&w->loop, &f->work, foe_work, foe_after);
}

static void test_bad_servers(void **state)
{
	static char endless[40000];
	static const struct {
		const char *say;
		int code;
	} cases[] = {
		{ "", VS_ENET },
		{ "HTTP/1.1 101 Switch\r\nUpgrade: webs", VS_ENET },
		{ "SSH-2.0-OpenSSH\r\n\r\n", VS_EPROTO },
		{ "HTTP/1.1 1010 X\r\n\r\n", VS_EPROTO },
		{ "HTTP/2 101 X\r\n\r\n", VS_EPROTO },
		{ "HTTP/1.1 101 X\r\n\r\n", VS_EPROTO },
		/* Right but for the key. */
		{ "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n"
		  "Connection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT
		  "\r\n\r\n\x81\x02hi",
		    VS_EPROTO },
		{ endless, VS_EPROTO },
	};
	struct world *w = *state;
	int ours = w->port;

	memset(endless, 'e', sizeof(endless) - 1);
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct foe f = { .say = cases[i / 2].say, .slow = i % 2 == 1 };
		struct attempt a;

		f.len = strlen(f.say);
		foe_start(w, &f, &w->port);
		start(w, &a, "/");
		expect_failure(w, &a, cases[i / 2].code, "");
		wsend_wait(&w->loop, &f.done, 1);
		close(f.fd);
	}
	w->port = ours;
}

/* A server that speaks TLS, in a worker. */
struct guard {
	uv_work_t work;
	int fd; /* listening */
	const struct vs_key *key;
	bool shaken;
	bool upgraded;
	size_t got; /* bytes of frames */
	int done;
};

static SSL_CTX *guard_context(const struct vs_key *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	BIO *bio = BIO_new_mem_buf(key->key_pem, -1);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	X509 *cert;

	BIO_free(bio);
	bio = BIO_new_mem_buf(key->cert_pem, -1);
	cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	SSL_CTX_use_certificate(ctx, cert);
	SSL_CTX_use_PrivateKey(ctx, pkey);
	X509_free(cert);
	EVP_PKEY_free(pkey);
	return ctx;
}

/* The answer and GUARD_FRAMES frames of GUARD_TEXT bytes, as one text. */
static size_t guard_answer(char *out, const char *request)
{
	const char *key = strstr(request, "Sec-WebSocket-Key: ");
	char digits[WSC_KEY] = "";
	char accept[29];
	size_t len;

	if (key == NULL)
		return 0;
	memcpy(digits, key + strlen("Sec-WebSocket-Key: "), WSC_KEY - 1);
	if (vs_ws_accept(digits, accept) != VS_OK)
		return 0;
	len = (size_t)sprintf(out,
	    "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
	    accept);
	for (int i = 0; i < GUARD_FRAMES; i++) {
		out[len++] = (char)0x81;
		out[len++] = 126;
		out[len++] = (char)(GUARD_TEXT >> 8);
		out[len++] = (char)(GUARD_TEXT & 0xff);
		memset(out + len, 'g', GUARD_TEXT);
		len += GUARD_TEXT;
	}
	return len;
}

static void guard_talk(struct guard *g, SSL *ssl)
{
	char request[2048] = "";
	char *out = malloc(1024 + GUARD_FRAMES * (GUARD_TEXT + 4));
	size_t len = 0;
	int n;

	while (strstr(request, "\r\n\r\n") == NULL) {
		n = SSL_read(
		    ssl, request + len, (int)(sizeof(request) - 1 - len));
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	len = guard_answer(out, request);
	if (len > 0 && SSL_write(ssl, out, (int)len) == (int)len)
		g->upgraded = true;
	/* The client's frames: its Close is the last. */
	while (g->got < GUARD_WANTED) {
		n = SSL_read(ssl, out, GUARD_TEXT);
		if (n <= 0)
			break;
		g->got += (size_t)n;
	}
	SSL_write(ssl, "\x88\x02\x03\xe8", 4);
	SSL_shutdown(ssl);
	free(out);
}

static void guard_work(uv_work_t *work)
{
	struct guard *g = work->data;
	SSL_CTX *ctx = guard_context(g->key);
	SSL *ssl = SSL_new(ctx);
	int fd = accept(g->fd, NULL, NULL);
	struct timeval limit = { .tv_sec = 5 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	SSL_set_fd(ssl, fd);
	g->shaken = SSL_accept(ssl) == 1;
	if (g->shaken)
		guard_talk(g, ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
}

static void guard_after(uv_work_t *work, int status)
{
	struct guard *g = work->data;

	assert_int_equal(status, 0);
	g->done++;
}

static void guard_start(struct world *w, struct guard *g)
{
	struct vs_err err = VS_ERR_INIT;
	int flags = 0;

	memset(g, 0, sizeof(*g));
	g->key = &w->key;
	g->fd = vs_sock_listen_tcp("127.0.0.1:0", &w->tls_port, &err);
	assert_true(g->fd >= 0);
	assert_int_equal(ioctl(g->fd, FIONBIO, &flags), 0);
	g->work.data = g;
	uv_queue_work(&w->loop, &g->work, guard_work, guard_after);
}

static void tls_start(
    struct world *w, struct attempt *a, const char *host, const char *ca_file)
{
	char url[256] = "";
	struct vs_wsc_options o = options_of(a, url);
	struct vs_err err = VS_ERR_INIT;

	snprintf(url, sizeof(url), "https://%s:%d/stream", host, w->tls_port);
	o.ca_file = ca_file;
	assert_int_equal(vs_wsc_open(&a->c, &w->loop, &o, &err), VS_OK);
}

/* Much in one piece: more than a record and than one look at the socket. */
static void test_tls(void **state)
{
	struct world *w = *state;
	struct scratch *s = scratch_new();
	struct attempt a;
	struct guard g;
	char text[GUARD_TEXT];

	make_host_key(&w->key);
	scratch_write(s, "ca.pem", w->key.cert_pem);
	guard_start(w, &g);
	tls_start(w, &a, "127.0.0.1", scratch_at(s, "ca.pem"));
	wsend_wait(&w->loop, &a.opened, 1);
	if (a.end.ws == NULL)
		fail_msg("%s", a.why.msg);
	wsend_wait(&w->loop, &a.end.messages, GUARD_FRAMES);
	assert_int_equal(a.end.bytes, GUARD_FRAMES * GUARD_TEXT);
	memset(text, 't', sizeof(text));
	for (int i = 0; i < GUARD_SENDS; i++)
		assert_int_equal(
		    vs_ws_send(a.end.ws, text, sizeof(text)), VS_OK);
	vs_ws_close(a.end.ws, 1000, "done");
	wsend_wait(&w->loop, &a.end.closed, 1);
	assert_int_equal(a.end.code, 1000);
	wsend_wait(&w->loop, &g.done, 1);
	assert_int_equal(g.got, GUARD_WANTED);
	close(g.fd);
	scratch_free(s);
}

/* Who nobody vouches for, or for another name, is not spoken to. */
static void test_tls_untrusted(void **state)
{
	struct world *w = *state;
	struct scratch *s = scratch_new();

	make_host_key(&w->key);
	scratch_write(s, "ca.pem", w->key.cert_pem);
	for (int i = 0; i < 2; i++) {
		struct attempt a;
		struct guard g;

		guard_start(w, &g);
		if (i == 0)
			tls_start(w, &a, "127.0.0.1", NULL);
		else
			tls_start(w, &a, "localhost", scratch_at(s, "ca.pem"));
		expect_failure(w, &a, VS_ENET, "");
		wsend_wait(&w->loop, &g.done, 1);
		assert_false(g.upgraded);
		close(g.fd);
	}
	scratch_free(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open),
		TEST(test_stress),
		TEST(test_statuses),
		TEST(test_refused),
		TEST(test_timeout),
		TEST(test_cancel),
		TEST(test_bad_arguments),
		TEST(test_bad_servers),
		TEST(test_tls),
		TEST(test_tls_untrusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
