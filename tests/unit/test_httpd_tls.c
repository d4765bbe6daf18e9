/* The server on the loop; clients are OpenSSL's, in workers. */
#include "common/net/httpd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/crypto/key.h"
#include "common/os/sock.h"
#include "tests/unit/plainwire.h"

#define BODY_MAX (1024 * 1024)
#define BIG (900 * 1024)

struct world {
	uv_loop_t loop;
	struct vs_httpd *server;
	struct vs_key key;
	uv_timer_t timer;
	struct vs_httpd_req *kept;
	int asked;
	int closed;
	int port;
};

/* One connection by a client. */
struct client {
	uv_work_t work;
	int port;
	const struct vs_key *key; /* shown, or NULL */
	int version; /* of TLS, the highest; 0: any */
	const char *send;
	size_t len;
	int answers; /* bodies to wait for */
	const char *until; /* stop reading when this has come */
	bool plain; /* no TLS */
	/* outcome */
	bool shaken;
	char pin[VS_KEY_PIN]; /* the server's */
	char *got;
	size_t got_len;
	int done;
};

static void answer_text(struct vs_httpd_req *r, const char *text)
{
	struct vs_httpd_answer a = {
		.status = 200,
		.type = "text/plain",
		.body = strdup(text),
		.len = strlen(text),
	};

	vs_httpd_answer(r, &a);
}

static void answer_big(struct vs_httpd_req *r)
{
	struct vs_httpd_answer a = {
		.status = 200, .type = "application/octet-stream", .len = BIG
	};

	a.body = malloc(BIG);
	assert_non_null(a.body);
	memset(a.body, 'B', BIG);
	vs_httpd_answer(r, &a);
}

static void on_ready(void *arg, const struct vs_ws_wire *wire,
    const void *early, size_t early_len)
{
	(void)arg;
	(void)wire;
	(void)early;
	(void)early_len;
	fail_msg("a wire over TLS");
}

static void on_timer(uv_timer_t *timer)
{
	struct world *w = timer->data;

	answer_text(w->kept, vs_httpd_peer_pin(w->kept));
	w->kept = NULL;
}

static void on_request(void *arg, struct vs_httpd_req *r)
{
	static const char *const headers[] = { "Upgrade: websocket", NULL };
	struct world *w = arg;
	const char *path = vs_httpd_path(r);
	struct vs_err err = VS_ERR_INIT;
	size_t len;
	char text[32];

	w->asked++;
	if (strcmp(path, "/pin") == 0) {
		answer_text(r, vs_httpd_peer_pin(r));
	} else if (strcmp(path, "/later") == 0) {
		w->kept = r;
		uv_timer_start(&w->timer, on_timer, 40, 0);
	} else if (strcmp(path, "/big") == 0) {
		answer_big(r);
	} else if (strcmp(path, "/up") == 0) {
		assert_int_equal(
		    vs_httpd_upgrade(r, headers, on_ready, w, &err),
		    VS_ENOTSUP);
		answer_text(r, "no upgrade");
	} else {
		vs_httpd_body(r, &len);
		snprintf(text, sizeof(text), "%zu bytes", len);
		answer_text(r, text);
	}
}

static void on_closed(void *arg)
{
	struct world *w = arg;

	w->closed++;
}

static struct vs_httpd_options options_of(struct world *w)
{
	return (struct vs_httpd_options){
		.max_body = BODY_MAX,
		.max_inflated = BODY_MAX,
		.patience_ms = 700,
		.handle = on_request,
		.key_pem = w->key.key_pem,
		.cert_pem = w->key.cert_pem,
		.arg = w,
	};
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct vs_err err = VS_ERR_INIT;
	struct vs_httpd_options o;

	assert_non_null(w);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	uv_timer_init(&w->loop, &w->timer);
	w->timer.data = w;
	assert_int_equal(vs_key_make(&w->key, &err), VS_OK);
	o = options_of(w);
	o.fd = vs_sock_listen_tcp("127.0.0.1:0", &w->port, &err);
	assert_true(o.fd >= 0);
	if (vs_httpd_new(&w->server, &w->loop, &o, &err) < 0)
		fail_msg("%s", err.msg);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	vs_httpd_close(w->server, on_closed, w);
	uv_close((uv_handle_t *)&w->timer, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(w->closed, 1);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	vs_key_release(&w->key);
	free(w);
	return 0;
}

static int dial(int port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval limit = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		return -1;
	return fd;
}

static void show_key(SSL_CTX *ctx, const struct vs_key *key)
{
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
}

static SSL *start_tls(struct client *c, SSL_CTX *ctx, int fd)
{
	SSL *ssl = SSL_new(ctx);
	uint8_t *der = NULL;
	X509 *cert;
	int len;

	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) != 1)
		return ssl;
	c->shaken = true;
	cert = SSL_get1_peer_certificate(ssl);
	len = i2d_X509(cert, &der);
	vs_key_pin_of(der, (size_t)len, c->pin, NULL);
	OPENSSL_free(der);
	X509_free(cert);
	return ssl;
}

/* How often text is in what came. */
static int count(const struct client *c, const char *text)
{
	int n = 0;

	for (const char *at = c->got; (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

static void converse(struct client *c, SSL *ssl)
{
	size_t sent = 0;

	while (sent < c->len) {
		size_t part = c->len - sent > 16000 ? 16000 : c->len - sent;
		int n = SSL_write(ssl, c->send + sent, (int)part);

		if (n <= 0)
			return;
		sent += (size_t)n;
	}
	for (;;) {
		int n = SSL_read(
		    ssl, c->got + c->got_len, (int)(2 * BIG - c->got_len - 1));

		if (n <= 0)
			return;
		c->got_len += (size_t)n;
		c->got[c->got_len] = '\0';
		if (c->until != NULL && count(c, c->until) >= c->answers)
			return;
	}
}

static void client_work(uv_work_t *work)
{
	struct client *c = work->data;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int fd = dial(c->port);
	SSL *ssl = NULL;
	ssize_t n;

	c->got = calloc(1, 2 * BIG);
	if (c->plain) {
		n = send(fd, c->send, c->len, MSG_NOSIGNAL);
		n = recv(fd, c->got, BIG, MSG_WAITALL);
		c->got_len = n > 0 ? (size_t)n : 0;
	} else {
		SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
		SSL_CTX_set_security_level(ctx, 0);
		if (c->version != 0)
			SSL_CTX_set_max_proto_version(ctx, c->version);
		if (c->key != NULL)
			show_key(ctx, c->key);
		ssl = start_tls(c, ctx, fd);
		if (c->shaken)
			converse(c, ssl);
		SSL_free(ssl);
	}
	SSL_CTX_free(ctx);
	close(fd);
}

static void client_after(uv_work_t *work, int status)
{
	struct client *c = work->data;

	assert_int_equal(status, 0);
	c->done++;
}

static void client_start(struct world *w, struct client *c)
{
	c->port = w->port;
	c->work.data = c;
	if (c->answers == 0)
		c->answers = 1;
	uv_queue_work(&w->loop, &c->work, client_work, client_after);
}

static void client_run(struct world *w, struct client *c)
{
	client_start(w, c);
	wsend_wait(&w->loop, &c->done, 1);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static void expect_pin(struct world *w, const struct vs_key *key, int version)
{
	struct client c = {
		.key = key,
		.version = version,
		.send = GET("/pin"),
		.len = strlen(GET("/pin")),
		.until = key != NULL ? key->pin : "\r\n\r\n",
	};

	client_run(w, &c);
	assert_true(c.shaken);
	assert_string_equal(c.pin, w->key.pin);
	assert_non_null(strstr(c.got, "HTTP/1.1 200 "));
	if (key != NULL)
		assert_non_null(strstr(c.got, key->pin));
	else
		assert_non_null(strstr(c.got, "Content-Length: 0\r\n"));
	free(c.got);
}

static void test_pins(void **state)
{
	struct world *w = *state;
	struct vs_err err = VS_ERR_INIT;
	struct vs_key one;
	struct vs_key two;

	assert_int_equal(vs_key_make(&one, &err), VS_OK);
	assert_int_equal(vs_key_make(&two, &err), VS_OK);
	for (int i = 0; i < 2; i++) {
		int version = i == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;

		expect_pin(w, NULL, version);
		expect_pin(w, &one, version);
		expect_pin(w, &two, version);
		expect_pin(w, &w->key, version);
		expect_pin(w, NULL, version);
	}
	vs_key_release(&one);
	vs_key_release(&two);
}

/* One connection, several requests, one of them answered later. */
static void test_same_connection(void **state)
{
	static const char text[] = GET("/pin") GET("/later") GET("/pin");
	struct world *w = *state;
	struct client c = {
		.key = &w->key,
		.send = text,
		.len = sizeof(text) - 1,
		.until = w->key.pin,
		.answers = 3,
	};

	client_run(w, &c);
	assert_int_equal(count(&c, w->key.pin), 3);
	assert_int_equal(w->asked, 3);
	free(c.got);
}

static void test_old_tls(void **state)
{
	static const int versions[] = { TLS1_VERSION, TLS1_1_VERSION };
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		struct client c = {
			.version = versions[i],
			.send = GET("/pin"),
			.len = strlen(GET("/pin")),
		};

		client_run(w, &c);
		assert_false(c.shaken);
		free(c.got);
	}
	assert_int_equal(w->asked, 0);
}

static void test_no_tls(void **state)
{
	struct world *w = *state;
	struct client c = {
		.plain = true,
		.send = GET("/pin"),
		.len = strlen(GET("/pin")),
	};

	client_run(w, &c);
	assert_null(strstr(c.got, "200"));
	assert_int_equal(w->asked, 0);
	free(c.got);
}

/* Says nothing at all: cut off, like one that sends no header. */
static void test_silent(void **state)
{
	struct world *w = *state;
	struct client c = { .plain = true, .send = "", .len = 0 };
	uint64_t start = uv_hrtime();

	client_run(w, &c);
	assert_int_equal(c.got_len, 0);
	assert_in_range((uv_hrtime() - start) / 1000000, 500, 3000);
	free(c.got);
}

static void test_bodies(void **state)
{
	struct world *w = *state;
	char *data = calloc(1, BIG + 200);
	struct client up = { .send = data, .until = "bytes" };
	struct client down = {
		.send = "GET /big HTTP/1.1\r\nHost: x\r\n"
			"Connection: close\r\n\r\n",
	};
	size_t head;

	assert_non_null(data);
	head = (size_t)snprintf(data, 200,
	    "POST /up-it HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
	    BIG);
	memset(data + head, 'U', BIG);
	up.len = head + BIG;
	down.len = strlen(down.send);
	client_start(w, &up);
	client_start(w, &down);
	wsend_wait(&w->loop, &up.done, 1);
	wsend_wait(&w->loop, &down.done, 1);
	assert_non_null(strstr(up.got, "921600 bytes"));
	assert_true(down.got_len > BIG);
	for (size_t i = down.got_len - BIG; i < down.got_len; i++)
		assert_int_equal(down.got[i], 'B');
	free(up.got);
	free(down.got);
	free(data);
}

/* Said, and the request can still be answered. */
static void test_upgrade(void **state)
{
	static const char text[] =
	    "GET /up HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\n\r\n";
	struct world *w = *state;
	struct client c = {
		.send = text,
		.len = sizeof(text) - 1,
		.until = "no upgrade",
	};

	client_run(w, &c);
	assert_non_null(strstr(c.got, "HTTP/1.1 200 "));
	assert_int_equal(count(&c, "no upgrade"), 1);
	free(c.got);
}

static void on_tick(uv_timer_t *timer)
{
	int *ticks = timer->data;

	(*ticks)++;
}

/* Begins a handshake and then waits: nobody else has to. */
static void test_half_handshake(void **state)
{
	struct world *w = *state;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	BIO *out = BIO_new(BIO_s_mem());
	int fd = dial(w->port);
	int ticks = 0;
	int turns;
	uv_timer_t timer;
	char *hello;
	long len;

	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
	assert_int_equal(SSL_connect(ssl), -1);
	len = BIO_get_mem_data(out, &hello);
	assert_true(len > 100);
	assert_int_equal(send(fd, hello, (size_t)len, MSG_NOSIGNAL), len);
	uv_timer_init(&w->loop, &timer);
	timer.data = &ticks;
	uv_timer_start(&timer, on_tick, 20, 20);
	for (turns = 0; ticks < 15 && turns < 20000; turns++)
		uv_run(&w->loop, UV_RUN_ONCE);
	/* The loop sleeps in between. */
	assert_in_range(turns, 15, 1500);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&w->loop, UV_RUN_NOWAIT);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
}

static void test_bad_key(void **state)
{
	struct world *w = *state;
	struct vs_httpd_options o = options_of(w);
	struct vs_err err = VS_ERR_INIT;
	struct vs_httpd *server;
	struct vs_key other;
	int port;

	assert_int_equal(vs_key_make(&other, &err), VS_OK);
	for (int i = 0; i < 2; i++) {
		o.key_pem = i == 0 ? other.key_pem : "nothing";
		o.fd = vs_sock_listen_tcp("127.0.0.1:0", &port, &err);
		assert_true(o.fd >= 0);
		assert_int_equal(
		    vs_httpd_new(&server, &w->loop, &o, &err), VS_ECONFIG);
		assert_null(server);
	}
	vs_key_release(&other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pins),
		TEST(test_same_connection),
		TEST(test_old_tls),
		TEST(test_no_tls),
		TEST(test_silent),
		TEST(test_bodies),
		TEST(test_upgrade),
		TEST(test_half_handshake),
		TEST(test_bad_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
