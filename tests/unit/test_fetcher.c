/*
 * Chunks over real TLS from a server that does as it should, or as it
 * should not.
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
#include <unistd.h>
#include <uv.h>

#include "agent/fetcher.h"
#include "common/crypto/sha256.h"
#include "common/net/httpd.h"
#include "common/os/sock.h"

#define LEN 100000
#define TICKET "eyJ0.MAC"
#define PATIENCE_MS 20000

struct fixture {
	uv_loop_t loop;
	uv_timer_t patience;
	struct vs_key server_key;
	struct vs_key key;
	struct vs_httpd *httpd;
	int port;
	struct fetcher *fetcher;
	struct target target;
	atomic_bool cancel;
	uv_async_t woken;
	atomic_int done;
	int asked;
	char pin[VS_KEY_PIN]; /* that the server saw */
	char ticket[64];
	struct vs_httpd_req *kept;
	/* the part */
	atomic_int writes;
	int write_code;
	char bytes[LEN];
	int64_t off;
};

static struct fixture *fixture_of(struct target *t)
{
	return (struct fixture *)((char *)t - offsetof(struct fixture, target));
}

static int fake_write(struct target *t, const char *name, int64_t off,
    const void *data, size_t len, struct vs_err *err)
{
	struct fixture *f = fixture_of(t);

	assert_string_equal(name, "part");
	assert_int_equal(len, LEN);
	atomic_fetch_add(&f->writes, 1);
	f->off = off;
	memcpy(f->bytes, data, len);
	return f->write_code < 0 ? vs_err_set(err, f->write_code, "as told")
				 : VS_OK;
}

static char byte_of(size_t i)
{
	return (char)(i * 7 + i / 251);
}

static void answer_bytes(
    struct vs_httpd_req *r, size_t len, size_t flip, bool hash)
{
	char header[128];
	char hex[VS_HASH_HEX + 1];
	const char *const headers[] = { hash ? header : NULL, NULL };
	char *body = malloc(len + 1);
	struct vs_httpd_answer a = {
		.status = 200,
		.type = "application/octet-stream",
		.body = body,
		.len = len,
		.headers = headers,
	};

	assert_non_null(body);
	for (size_t i = 0; i < len; i++)
		body[i] = byte_of(i);
	vs_sha256_hex(body, len, hex);
	if (flip < len)
		body[flip] ^= 1;
	snprintf(header, sizeof(header), "X-Chunk-SHA256: %s", hex);
	vs_httpd_answer(r, &a);
}

static void on_request(void *arg, struct vs_httpd_req *r)
{
	struct fixture *f = arg;
	const char *what = strrchr(vs_httpd_path(r), '/') + 1;
	const char *ticket = vs_httpd_header(r, "Authorization");

	f->asked++;
	snprintf(f->pin, sizeof(f->pin), "%s", vs_httpd_peer_pin(r));
	snprintf(
	    f->ticket, sizeof(f->ticket), "%s", ticket != NULL ? ticket : "");
	if (strcmp(what, "good") == 0)
		answer_bytes(r, LEN, LEN, true);
	else if (strcmp(what, "flipped") == 0)
		answer_bytes(r, LEN, 777, true);
	else if (strcmp(what, "short") == 0)
		answer_bytes(r, LEN - 1, LEN, true);
	else if (strcmp(what, "long") == 0)
		answer_bytes(r, LEN + 1, LEN + 1, true);
	else if (strcmp(what, "unsaid") == 0)
		answer_bytes(r, LEN, LEN, false);
	else if (strcmp(what, "never") == 0)
		f->kept = r;
	else
		vs_httpd_refuse(r, atoi(what), "as_asked", "as asked");
}

static void on_gone(void *arg, struct vs_httpd_req *r)
{
	struct fixture *f = arg;

	if (f->kept == r)
		f->kept = NULL;
}

static void on_patience(uv_timer_t *t)
{
	(void)t;
	fail_msg("waited too long");
}

static void on_woken(uv_async_t *a)
{
	(void)a;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vs_httpd_options o = { .handle = on_request, .gone = on_gone };

	assert_non_null(f);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	uv_timer_init(&f->loop, &f->patience);
	uv_async_init(&f->loop, &f->woken, on_woken);
	assert_int_equal(vs_key_make(&f->server_key, NULL), VS_OK);
	assert_int_equal(vs_key_make(&f->key, NULL), VS_OK);
	o.fd = vs_sock_listen_tcp("127.0.0.1:0", &f->port, NULL);
	assert_true(o.fd >= 0);
	o.max_body = o.max_inflated = 1000;
	o.key_pem = f->server_key.key_pem;
	o.cert_pem = f->server_key.cert_pem;
	o.arg = f;
	assert_int_equal(vs_httpd_new(&f->httpd, &f->loop, &o, NULL), VS_OK);
	f->target.part_write = fake_write;
	assert_int_equal(fetcher_new(&f->fetcher, &f->key, 3, NULL), VS_OK);
	*state = f;
	return 0;
}

static void on_closed(void *arg)
{
	struct fixture *f = arg;

	uv_close((uv_handle_t *)&f->patience, NULL);
	uv_close((uv_handle_t *)&f->woken, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fetcher_free(f->fetcher);
	vs_httpd_close(f->httpd, on_closed, f);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	vs_key_release(&f->server_key);
	vs_key_release(&f->key);
	free(f);
	return 0;
}

struct fetch {
	struct fetcher_job job; /* first */
	struct fixture *f;
	char url[200];
};

static void fetch_done(struct crew_job *job)
{
	struct fetch *g = (struct fetch *)job;

	atomic_fetch_add(&g->f->done, 1);
	uv_async_send(&g->f->woken);
}

static void start(struct fixture *f, struct fetch *g, const char *what)
{
	memset(g, 0, sizeof(*g));
	g->f = f;
	snprintf(g->url, sizeof(g->url), "https://127.0.0.1:%d/v1/%s", f->port,
	    what);
	g->job.url = g->url;
	g->job.ticket = TICKET;
	g->job.pin = f->server_key.pin;
	g->job.target = &f->target;
	g->job.part = "part";
	g->job.off = 4096;
	g->job.len = LEN;
	g->job.job.cancel = &f->cancel;
	g->job.job.done = fetch_done;
}

static void wait_done(struct fixture *f, int n)
{
	uv_timer_start(&f->patience, on_patience, PATIENCE_MS, 0);
	while (atomic_load(&f->done) < n)
		uv_run(&f->loop, UV_RUN_ONCE);
	uv_timer_stop(&f->patience);
	atomic_store(&f->done, 0);
}

static int fetch(struct fixture *f, const char *what)
{
	struct fetch g;

	start(f, &g, what);
	fetcher_submit(f->fetcher, &g.job);
	wait_done(f, 1);
	return g.job.job.err.code;
}

static void test_good(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fetch(f, "good"), VS_OK);
	assert_int_equal(atomic_load(&f->writes), 1);
	assert_int_equal(f->off, 4096);
	for (size_t i = 0; i < LEN; i++)
		assert_int_equal(f->bytes[i], byte_of(i));
	assert_string_equal(f->pin, f->key.pin);
	assert_string_equal(f->ticket, "Ticket " TICKET);
}

static void test_many(void **state)
{
	struct fixture *f = *state;
	struct fetch g[20];

	for (int i = 0; i < 20; i++) {
		start(f, &g[i], "good");
		fetcher_submit(f->fetcher, &g[i].job);
	}
	wait_done(f, 20);
	for (int i = 0; i < 20; i++)
		assert_int_equal(g[i].job.job.err.code, VS_OK);
	assert_int_equal(atomic_load(&f->writes), 20);
}

/* Nothing that is not the chunk reaches the part. */
static void test_wrong_bytes(void **state)
{
	static const char *const what[] = { "flipped", "short", "long",
		"unsaid" };
	struct fixture *f = *state;

	for (int i = 0; i < 4; i++)
		assert_int_equal(fetch(f, what[i]), VS_EPROTO);
	assert_int_equal(atomic_load(&f->writes), 0);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *status;
		int code;
	} table[] = {
		{ "403", VS_EFORBIDDEN },
		{ "401", VS_EFORBIDDEN },
		{ "404", VS_ENOENT },
		{ "412", VS_ECHANGED },
		{ "500", VS_ENET },
		{ "503", VS_ENET },
		{ "429", VS_ENET },
		{ "416", VS_EPROTO },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(fetch(f, table[i].status), table[i].code);
	assert_int_equal(atomic_load(&f->writes), 0);
}

/* Whoever does not have the key that the cloud named gets nothing. */
static void test_other_key(void **state)
{
	struct fixture *f = *state;
	struct fetch g;
	char pin[VS_KEY_PIN];

	/* a connection that is open already is no way around it */
	assert_int_equal(fetch(f, "good"), VS_OK);
	f->asked = 0;
	memcpy(pin, f->key.pin, sizeof(pin));
	start(f, &g, "good");
	g.job.pin = pin;
	fetcher_submit(f->fetcher, &g.job);
	wait_done(f, 1);
	assert_int_equal(g.job.job.err.code, VS_ENET);
	assert_int_equal(f->asked, 0);
	start(f, &g, "good");
	g.job.pin = "";
	fetcher_submit(f->fetcher, &g.job);
	wait_done(f, 1);
	assert_int_equal(g.job.job.err.code, VS_EPROTO);
	assert_int_equal(f->asked, 0);
	assert_int_equal(atomic_load(&f->writes), 1);
}

static void test_only_https(void **state)
{
	static const char *const urls[] = { "http://127.0.0.1:%d/good",
		"file:///etc/passwd?%d", "ftp://127.0.0.1:%d/x" };
	struct fixture *f = *state;
	struct fetch g;

	for (int i = 0; i < 3; i++) {
		start(f, &g, "good");
		snprintf(g.url, sizeof(g.url), urls[i], f->port);
		fetcher_submit(f->fetcher, &g.job);
		wait_done(f, 1);
		assert_int_equal(g.job.job.err.code, VS_ENET);
	}
	assert_int_equal(atomic_load(&f->writes), 0);
}

static void test_nobody_there(void **state)
{
	struct fixture *f = *state;
	struct fetch g;
	int port;
	int fd = vs_sock_listen_tcp("127.0.0.1:0", &port, NULL);

	close(fd);
	start(f, &g, "good");
	snprintf(g.url, sizeof(g.url), "https://127.0.0.1:%d/good", port);
	fetcher_submit(f->fetcher, &g.job);
	wait_done(f, 1);
	assert_int_equal(g.job.job.err.code, VS_ENET);
}

static void test_own_disk(void **state)
{
	struct fixture *f = *state;

	f->write_code = VS_ENOSPC;
	assert_int_equal(fetch(f, "good"), VS_ENOSPC);
	f->write_code = VS_EROOT;
	assert_int_equal(fetch(f, "good"), VS_EIO);
}

/* A device without a key asks nobody. */
static void test_no_key(void **state)
{
	struct fixture *f = *state;
	struct vs_key key = f->key;

	memset(&f->key, 0, sizeof(f->key));
	assert_int_equal(fetch(f, "good"), VS_EIO);
	assert_int_equal(f->asked, 0);
	f->key = key;
}

static bool is_kept(const struct fixture *f)
{
	return f->kept != NULL;
}

/* A server that says nothing does not hold up the end. */
static void test_cancel(void **state)
{
	struct fixture *f = *state;
	struct fetch g;

	start(f, &g, "never");
	fetcher_submit(f->fetcher, &g.job);
	uv_timer_start(&f->patience, on_patience, PATIENCE_MS, 0);
	while (!is_kept(f))
		uv_run(&f->loop, UV_RUN_ONCE);
	atomic_store(&f->cancel, true);
	fetcher_forget(f->fetcher);
	assert_int_equal(atomic_load(&f->done), 1);
	assert_int_equal(g.job.job.err.code, VS_ECANCELED);
	while (is_kept(f))
		uv_run(&f->loop, UV_RUN_ONCE);
	uv_timer_stop(&f->patience);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_good),
		TEST(test_many),
		TEST(test_wrong_bytes),
		TEST(test_refusals),
		TEST(test_other_key),
		TEST(test_only_https),
		TEST(test_nobody_there),
		TEST(test_own_disk),
		TEST(test_no_key),
		TEST(test_cancel),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
