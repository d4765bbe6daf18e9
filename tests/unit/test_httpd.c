/* What comes in: URLs, headers, bodies, and what is no HTTP at all. */
#include "common/net/httpd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/httpkit.h"

static void test_what_was_asked(void **state)
{
	struct httpkit *w = *state;
	char url[256];
	struct vs_httpc_options o = httpkit_options_for(
	    w, "PATCH", url, "/a%20b/%2e%2e/c+d?x&q=%31+2%2B&q=3&y=%00");
	struct httpkit_call c;

	o.body = "hello";
	o.len = 5;
	o.bearer = "token";
	o.url = url;
	httpkit_send_call(w, &o, &c);
	httpkit_wait_call(w, &c);
	assert_int_equal(c.r.status, 400); /* a NUL */
	free(c.body);
	snprintf(url + strlen(url) - 3, 4, "%%41");
	httpkit_send_call(w, &o, &c);
	httpkit_wait_call(w, &c);
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
	struct httpkit *w = *state;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct httpkit_call c;

		httpkit_get(w, paths[i], &c);
		assert_int_equal(c.r.status, 400);
		assert_string_equal(c.type, "application/json");
		assert_non_null(strstr(c.body, "\"code\":\"bad_url\""));
		free(c.body);
	}
	assert_int_equal(w->asked, 0);
}

static void test_long_url(void **state)
{
	struct httpkit *w = *state;
	char text[12000];
	struct httpkit_raw *raw;
	int n = snprintf(text, sizeof(text), "GET /");

	memset(text + n, 'a', 9000);
	strcpy(text + n + 9000,
	    " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	raw = httpkit_raw_text(w, text);
	assert_non_null(strstr(raw->got, " 414 "));
	assert_non_null(strstr(raw->got, "\"code\":\"bad_url\""));
	free(raw);
}

static void test_not_found_is_json(void **state)
{
	struct httpkit *w = *state;
	struct httpkit_call c;

	httpkit_get(w, "/missing", &c);
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
	struct httpkit *w = *state;
	char text[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct httpkit_raw *raw;

		snprintf(text, sizeof(text),
		    "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
		    "Accept-Encoding: %s\r\n\r\n",
		    cases[i].path, cases[i].accept);
		raw = httpkit_raw_text(w, text);
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
	struct httpkit *w = *state;
	struct httpkit_call c;

	httpkit_get(w, "/text?n=700000", &c);
	assert_int_equal(c.r.status, 200);
	assert_int_equal(c.r.len, 700000);
	assert_int_equal(strspn(c.body, "a"), 700000);
	free(c.body);
}

static void test_gzip_in(void **state)
{
	struct httpkit *w = *state;
	char plain[50000];
	char packed[2000];
	struct httpkit_raw *raw;
	size_t len;

	memset(plain, 'p', sizeof(plain));
	len = httpkit_gzip(plain, sizeof(plain), packed, sizeof(packed));
	raw = httpkit_raw_post(w, "Content-Encoding: gzip\r\n", packed, len);
	assert_non_null(strstr(raw->got, " 200 OK"));
	assert_non_null(strstr(raw->got, "Content-Length: 50000"));
	free(raw);
	/* Two members are one text. */
	len = httpkit_gzip("ab", 2, packed, sizeof(packed));
	len += httpkit_gzip("cd", 2, packed + len, sizeof(packed) - len);
	raw = httpkit_raw_post(w, "Content-Encoding: x-gzip\r\n", packed, len);
	assert_non_null(strstr(raw->got, "\r\n\r\nabcd"));
	free(raw);
}

static void test_bad_bodies(void **state)
{
	struct httpkit *w = *state;
	char *plain = calloc(1, HTTPKIT_MAX_INFLATED + 1);
	char packed[2000];
	struct httpkit_raw *raw;
	size_t len;

	assert_non_null(plain);
	len = httpkit_gzip(plain, HTTPKIT_MAX_INFLATED, packed, sizeof(packed));
	raw = httpkit_raw_post(w, "Content-Encoding: gzip\r\n", packed, len);
	assert_non_null(strstr(raw->got, " 200 OK")); /* just fits */
	free(raw);
	raw =
	    httpkit_raw_post(w, "Content-Encoding: gzip\r\n", packed, len - 3);
	assert_non_null(strstr(raw->got, " 400 "));
	assert_non_null(strstr(raw->got, "\"code\":\"bad_gzip\""));
	free(raw);
	packed[len] = 'x'; /* something behind the end */
	raw =
	    httpkit_raw_post(w, "Content-Encoding: gzip\r\n", packed, len + 1);
	assert_non_null(strstr(raw->got, "\"code\":\"bad_gzip\""));
	free(raw);
	raw = httpkit_raw_post(w, "Content-Encoding: gzip\r\n", "hello", 5);
	assert_non_null(strstr(raw->got, "\"code\":\"bad_gzip\""));
	free(raw);
	len = httpkit_gzip(
	    plain, HTTPKIT_MAX_INFLATED + 1, packed, sizeof(packed));
	raw = httpkit_raw_post(w, "Content-Encoding: gzip\r\n", packed, len);
	assert_non_null(strstr(raw->got, " 413 "));
	assert_non_null(strstr(raw->got, "\"code\":\"too_large\""));
	free(raw);
	raw = httpkit_raw_post(w, "Content-Encoding: br\r\n", "hello", 5);
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
		{ HTTPKIT_MAX_BODY, " 200 ", "" },
		{ HTTPKIT_MAX_BODY + 1, " 413 ", "" },
		{ HTTPKIT_MAX_BODY * 4, " 413 ", "" },
		{ HTTPKIT_MAX_BODY + 1, " 413 ", "Expect: 100-continue\r\n" },
	};
	struct httpkit *w = *state;
	char *body = calloc(1, HTTPKIT_MAX_BODY * 4);

	assert_non_null(body);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct httpkit_raw *raw =
		    httpkit_raw_post(w, cases[i].headers, body, cases[i].len);

		assert_non_null(strstr(raw->got, cases[i].expect));
		free(raw);
	}
	free(body);
}

/* Without an announced length it is the count that decides. */
static void test_chunked_limit(void **state)
{
	struct httpkit *w = *state;
	size_t cap = 40 * 1024;
	char *text = malloc(cap);
	struct httpkit_raw *raw;
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
	raw = httpkit_raw_start(w, text, n);
	httpkit_raw_run(w, raw);
	assert_non_null(strstr(raw->got, " 413 "));
	assert_non_null(strstr(raw->got, "\"code\":\"too_large\""));
	free(raw);
	free(text);
}

static void test_endless_body_is_cut_off(void **state)
{
	struct httpkit *w = *state;
	size_t len = 8 * 1024 * 1024;
	char *body = calloc(1, len);
	struct httpkit_raw *raw;

	assert_non_null(body);
	raw = httpkit_raw_post(w, "", body, len);
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
	struct httpkit *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct httpkit_raw *raw = httpkit_raw_text(w, cases[i]);

		assert_null(strstr(raw->got, " 200 "));
		free(raw);
	}
	assert_int_equal(w->asked, 0);
}

static void test_header_too_large(void **state)
{
	struct httpkit *w = *state;
	size_t len = 40000;
	char *text = malloc(len + 100);
	struct httpkit_raw *raw;

	assert_non_null(text);
	strcpy(text, "GET /text?n=1 HTTP/1.1\r\nHost: x\r\nX: ");
	memset(text + strlen(text), 'h', len + 1);
	strcpy(text + len, "\r\n\r\n");
	raw = httpkit_raw_text(w, text);
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
	struct httpkit *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct httpkit_raw *raw =
		    httpkit_raw_start(w, cases[i], strlen(cases[i]));

		raw->drip = true;
		httpkit_raw_run(w, raw);
		assert_int_equal(raw->got_len, 0);
		free(raw);
	}
	assert_int_equal(w->asked, 0);
}

/* One who connects and says nothing is not waited for. */
static void test_silent_client(void **state)
{
	struct httpkit *w = *state;
	struct httpkit_raw *raw = httpkit_raw_start(w, "", 0);
	uint64_t began = uv_now(&w->loop);

	httpkit_raw_run(w, raw);
	assert_int_equal(raw->got_len, 0);
	assert_true(uv_now(&w->loop) - began < 5000);
	free(raw);
}

static void test_head(void **state)
{
	struct httpkit *w = *state;
	struct httpkit_raw *raw = httpkit_raw_text(w,
	    "HEAD /text?n=300 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	    "\r\n");

	assert_non_null(strstr(raw->got, " 200 "));
	assert_non_null(strstr(raw->got, "Content-Length: 300"));
	assert_string_equal(strstr(raw->got, "\r\n\r\n"), "\r\n\r\n");
	free(raw);
}

static void test_pipelined(void **state)
{
	struct httpkit *w = *state;
	struct httpkit_raw *raw = httpkit_raw_text(w,
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

int main(void)
{
#define WITH_WORLD(f) \
	cmocka_unit_test_setup_teardown(f, httpkit_setup, httpkit_teardown)
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
		cmocka_unit_test_setup_teardown(test_slow_clients,
		    httpkit_setup_impatient, httpkit_teardown),
		cmocka_unit_test_setup_teardown(test_silent_client,
		    httpkit_setup_impatient, httpkit_teardown),
		WITH_WORLD(test_head),
		WITH_WORLD(test_pipelined),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
