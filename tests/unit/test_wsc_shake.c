/* What the handshake says and hears, without a connection. */
#include "common/net/wsc_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static int judge(const char *head)
{
	struct vs_err err = VS_ERR_INIT;

	return vs_wsc_reply(head, strlen(head), KEY, &err);
}

#define UP "HTTP/1.1 101 Switching Protocols\r\n"
#define F_UPGRADE "Upgrade: websocket\r\n"
#define F_CONNECTION "Connection: Upgrade\r\n"
#define F_ACCEPT "Sec-WebSocket-Accept: " ACCEPT "\r\n"

static void test_replies(void **state)
{
	static const char *const good[] = {
		UP F_UPGRADE F_CONNECTION F_ACCEPT "\r\n",
		UP F_ACCEPT F_CONNECTION F_UPGRADE "\r\n",
		UP "upgrade:WebSocket  \r\n"
		   "CONNECTION:  keep-alive ,uPGRADE\t\r\n"
		   "sec-websocket-accept:\t" ACCEPT " \r\nDate: x\r\n\r\n",
	};
	static const char *const bad[] = {
		"",
		"\r\n",
		UP F_CONNECTION F_ACCEPT "\r\n",
		UP F_UPGRADE F_ACCEPT "\r\n",
		UP F_UPGRADE F_CONNECTION "\r\n",
		UP "Upgrade: websockets\r\n" F_CONNECTION F_ACCEPT "\r\n",
		UP "Upgrade: h2c\r\n" F_CONNECTION F_ACCEPT "\r\n",
		UP F_UPGRADE F_UPGRADE F_CONNECTION F_ACCEPT "\r\n",
		UP F_UPGRADE "Connection: Upgraded\r\n" F_ACCEPT "\r\n",
		UP F_UPGRADE "Connection: close\r\n" F_ACCEPT "\r\n",
		UP F_UPGRADE F_CONNECTION F_ACCEPT F_ACCEPT "\r\n",
		UP F_UPGRADE F_CONNECTION
		"Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
		UP F_UPGRADE F_CONNECTION F_ACCEPT
		"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
		UP F_UPGRADE F_CONNECTION F_ACCEPT
		"Sec-WebSocket-Protocol: chat\r\n\r\n",
		UP "X" F_UPGRADE F_CONNECTION F_ACCEPT "\r\n",
		"HTTP/1.1101 X\r\n" F_UPGRADE F_CONNECTION F_ACCEPT "\r\n",
	};
	char cut[512];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(judge(good[i]), VS_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (judge(bad[i]) != VS_EPROTO)
			fail_msg("taken: %s", bad[i]);
	}
	/* No beginning of a good one is good. */
	for (size_t i = 0; i < strlen(good[0]) - 4; i++) {
		snprintf(cut, sizeof(cut), "%.*s", (int)i, good[0]);
		assert_int_equal(judge(cut), VS_EPROTO);
	}
}

static void test_request(void **state)
{
	static const struct {
		const char *url;
		const char *begin;
	} cases[] = {
		{ "http://h", "GET / HTTP/1.1\r\nHost: h\r\n" },
		{ "https://h:8443/a?b=c&d",
		    "GET /a?b=c&d HTTP/1.1\r\nHost: h:8443\r\n" },
		{ "http://[::1]:80/x#frag",
		    "GET /x HTTP/1.1\r\nHost: [::1]:80\r\n" },
		{ "http://me:pw@h/x", "GET /x HTTP/1.1\r\nHost: h\r\n" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vs_wsc_options o = { .url = cases[i].url };
		struct vs_err err = VS_ERR_INIT;
		struct vs_buf b;

		vs_buf_init(&b, 4096);
		assert_int_equal(vs_wsc_request(&b, &o, KEY, &err), VS_OK);
		assert_ptr_equal(strstr(b.data, cases[i].begin), b.data);
		assert_non_null(strstr(b.data, "\r\nUpgrade: websocket\r\n"));
		assert_non_null(
		    strstr(b.data, "\r\nSec-WebSocket-Key: " KEY "\r\n"));
		assert_null(strstr(b.data, "Authorization"));
		assert_ptr_equal(
		    strstr(b.data, "\r\n\r\n"), b.data + b.len - 4);
		vs_buf_release(&b);
	}
}

static void test_bearer(void **state)
{
	struct vs_wsc_options o = { .url = "http://h/", .bearer = "tok" };
	struct vs_err err = VS_ERR_INIT;
	struct vs_buf b;

	(void)state;
	vs_buf_init(&b, 4096);
	assert_int_equal(vs_wsc_request(&b, &o, KEY, &err), VS_OK);
	assert_non_null(strstr(b.data, "\r\nAuthorization: Bearer tok\r\n"));
	vs_buf_release(&b);
	vs_buf_init(&b, 100);
	assert_int_equal(vs_wsc_request(&b, &o, KEY, &err), VS_ELIMIT);
	vs_buf_release(&b);
}

/* Any one byte of a good reply changed: taken or not, never a crash. */
static void test_noise(void **state)
{
	static const char good[] = UP F_UPGRADE F_CONNECTION F_ACCEPT "\r\n";
	char text[sizeof(good)];
	int taken = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		for (int c = 1; c < 256; c++) {
			memcpy(text, good, sizeof(good));
			text[i] = (char)c;
			taken += judge(text) == VS_OK;
		}
	}
	/* The reason phrase, blanks and letters' case do not matter. */
	assert_in_range(taken, 255, 40 * 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_bearer),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
