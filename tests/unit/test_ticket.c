#include "common/crypto/ticket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/b64.h"

#define NOW_MS 1700000000000
#define PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID "6f1e1c1e-5b1f-4b51-9d1c-0a1b2c3d4e5f"

static const uint8_t key[VS_TICKET_KEY] = "a key of the device that serves";

static struct vs_ticket good(void)
{
	return (struct vs_ticket){
		.transfer = ID,
		.project = "7f1e1c1e-5b1f-4b51-9d1c-0a1b2c3d4e5f",
		.source = "8f1e1c1e-5b1f-4b51-9d1c-0a1b2c3d4e5f",
		.path = "scenes/\"one\"/caf\xc3\xa9.mov",
		.hash = HASH,
		.size = 1234567890123,
		.pin = PIN,
		.expires_ms = NOW_MS + VS_TICKET_MS,
	};
}

static char *write_ticket(const struct vs_ticket *t)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_buf b;

	vs_buf_init(&b, VS_TICKET_MAX);
	if (vs_ticket_write(&b, t, key, &err) < 0)
		fail_msg("%s", err.msg);
	return vs_buf_take(&b, NULL);
}

/* A ticket of any claims, signed as ours are. */
static char *sign(const char *claims, size_t len)
{
	uint8_t mac[32];
	unsigned n;
	struct vs_buf b;

	vs_buf_init(&b, 4 * VS_TICKET_MAX);
	vs_b64_add(&b, claims, len);
	HMAC(EVP_sha256(), key, sizeof(key), (const uint8_t *)vs_buf_str(&b),
	    b.len, mac, &n);
	vs_buf_addch(&b, '.');
	vs_b64_add(&b, mac, n);
	return vs_buf_take(&b, NULL);
}

static void expect_refused(const char *text, const char *why)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_ticket t;
	struct vs_ticket zero;

	memset(&zero, 0, sizeof(zero));
	if (vs_ticket_read(&t, text, key, NOW_MS, &err) != VS_EFORBIDDEN)
		fail_msg("taken: %s", text);
	assert_memory_equal(&t, &zero, sizeof(t));
	assert_non_null(strstr(err.msg, why));
}

static void test_round_trip(void **state)
{
	struct vs_ticket in = good();
	struct vs_ticket out;
	struct vs_err err = VS_ERR_INIT;
	char *text = write_ticket(&in);

	(void)state;
	assert_int_equal(vs_ticket_read(&out, text, key, NOW_MS, &err), VS_OK);
	assert_string_equal(out.transfer, in.transfer);
	assert_string_equal(out.project, in.project);
	assert_string_equal(out.source, in.source);
	assert_string_equal(out.path, in.path);
	assert_string_equal(out.hash, in.hash);
	assert_string_equal(out.pin, in.pin);
	assert_true(out.size == in.size);
	assert_true(out.expires_ms == in.expires_ms);
	/* Fit for a header and a URL. */
	assert_int_equal(strspn(text,
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789-_."),
	    strlen(text));
	free(text);
}

static void test_longest_path(void **state)
{
	struct vs_ticket in = good();
	struct vs_ticket out;
	struct vs_err err = VS_ERR_INIT;
	struct vs_buf b;
	char *text;

	(void)state;
	memset(in.path, 'p', VS_PATH_MAX);
	for (int i = 200; i < VS_PATH_MAX; i += 200)
		in.path[i] = '/';
	text = write_ticket(&in);
	assert_int_equal(vs_ticket_read(&out, text, key, NOW_MS, &err), VS_OK);
	assert_string_equal(out.path, in.path);
	free(text);
	/* Escaped it would be too long: said, not cut. */
	for (int i = 0; i < VS_PATH_MAX; i++)
		in.path[i] = in.path[i] == '/' ? '/' : '"';
	vs_buf_init(&b, 100000);
	assert_int_equal(vs_ticket_write(&b, &in, key, &err), VS_ELIMIT);
	assert_int_equal(b.len, 0);
	vs_buf_release(&b);
}

static void test_every_bit(void **state)
{
	struct vs_ticket in = good();
	char *text = write_ticket(&in);
	size_t len = strlen(text);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			text[i] = (char)(text[i] ^ 1 << bit);
			expect_refused(text, "not valid");
			text[i] = (char)(text[i] ^ 1 << bit);
		}
	}
	free(text);
}

/* Every shorter text, and some longer ones. */
static void test_lengths(void **state)
{
	struct vs_ticket in = good();
	char *text = write_ticket(&in);
	size_t len = strlen(text);
	char *more = malloc(3 * VS_TICKET_MAX);

	(void)state;
	assert_non_null(more);
	for (size_t i = 0; i < len; i++) {
		memcpy(more, text, i);
		more[i] = '\0';
		expect_refused(more, "not valid");
		expect_refused(text + i + 1, "not valid");
	}
	snprintf(more, 3 * VS_TICKET_MAX, "%s=", text);
	expect_refused(more, "not valid");
	snprintf(more, 3 * VS_TICKET_MAX, "%s.%s", text, text);
	expect_refused(more, "not valid");
	memset(more, 'A', 3 * VS_TICKET_MAX - 1);
	more[3 * VS_TICKET_MAX - 1] = '\0';
	expect_refused(more, "not valid");
	free(more);
	free(text);
}

static void test_other_key(void **state)
{
	struct vs_ticket in = good();
	struct vs_ticket out;
	struct vs_err err = VS_ERR_INIT;
	char *text = write_ticket(&in);
	uint8_t other[VS_TICKET_KEY];

	(void)state;
	for (size_t i = 0; i < sizeof(other); i++) {
		memcpy(other, key, sizeof(other));
		other[i] ^= 1;
		assert_int_equal(
		    vs_ticket_read(&out, text, other, NOW_MS, &err),
		    VS_EFORBIDDEN);
	}
	free(text);
}

static void test_expiry(void **state)
{
	struct vs_ticket in = good();
	struct vs_ticket out;
	struct vs_err err = VS_ERR_INIT;
	char *text = write_ticket(&in);

	(void)state;
	assert_int_equal(
	    vs_ticket_read(&out, text, key, NOW_MS + VS_TICKET_MS - 1, &err),
	    VS_OK);
	assert_int_equal(
	    vs_ticket_read(&out, text, key, NOW_MS + VS_TICKET_MS, &err),
	    VS_EFORBIDDEN);
	assert_non_null(strstr(err.msg, "expired"));
	free(text);
}

/* What our key has signed and is none all the same. */
static void test_claims(void **state)
{
	static const char form[] =
	    "{\"transfer\":\"" ID "\",\"project\":\"" ID "\",\"source\":\"" ID
	    "\",\"path\":\"a/b\",\"hash\":\"" HASH "\",\"pin\":\"" PIN
	    "\",\"size\":1,\"expires\":9000000000000}";
	/* What of it is replaced by what. */
	static const char *const cases[][2] = {
		{ "{\"transfer\"", "[\"transfer\"" },
		{ "\"transfer\"", "\"transfers\"" },
		{ "\"transfer\":\"6f", "\"transfer\":\"6F" },
		{ "\"transfer\":\"6f", "\"transfer\":\"6" },
		{ "\"transfer\":\"6f1e1c1e-5", "\"transfer\":\"6f1e1c1e55" },
		{ "\"project\":\"6f", "\"project\":\"6f0" },
		{ "\"source\":\"" ID "\"", "\"source\":null" },
		{ "\"source\":\"" ID "\"", "\"source\":7" },
		{ "\"source\":\"" ID "\",", "" },
		{ "a/b", "" },
		{ "a/b", "/a/b" },
		{ "a/b", "a/../b" },
		{ "a/b", "a//b" },
		{ "a/b", "a\\u0000b" },
		{ "a/b", ".vsync/root-id" },
		{ HASH, "0123" },
		{ "\"hash\":\"0", "\"hash\":\"A" },
		{ "sha256//", "sha256:/" },
		{ "AAA=", "AAAA" },
		{ ":1,", ":-1," },
		{ ":1,", ":1.0," },
		{ ":1,", ":\"1\"," },
		{ ":1,", ":1,\"size\":1," },
		{ ":1,", ":1,\"more\":1," },
		{ "9000000000000", "9000000000000.5" },
		{ "9000000000000", "99000000000000000000" },
		{ "9000000000000", "0" },
		{ "9000000000000}", "9000000000000} {}" },
		{ "9000000000000}", "9000000000000" },
	};
	struct vs_err err = VS_ERR_INIT;
	struct vs_ticket t;
	char *text = sign(form, strlen(form));

	(void)state;
	assert_int_equal(vs_ticket_read(&t, text, key, NOW_MS, &err), VS_OK);
	assert_string_equal(t.path, "a/b");
	free(text);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *at = strstr(form, cases[i][0]);
		struct vs_buf b;

		assert_non_null(at);
		vs_buf_init(&b, 2000);
		vs_buf_add(&b, form, (size_t)(at - form));
		vs_buf_addstr(&b, cases[i][1]);
		vs_buf_addstr(&b, at + strlen(cases[i][0]));
		text = sign(vs_buf_str(&b), b.len);
		expect_refused(text, "malformed");
		free(text);
		vs_buf_release(&b);
	}
	text = sign("", 0);
	expect_refused(text, "not valid");
	free(text);
	text = sign("null", 4);
	expect_refused(text, "malformed");
	free(text);
}

/* Nothing that could not be read is written. */
static void test_bad_members(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_ticket t[8];
	struct vs_buf b;

	(void)state;
	vs_buf_init(&b, VS_TICKET_MAX);
	for (int i = 0; i < 8; i++)
		t[i] = good();
	t[0].transfer[0] = 'g';
	t[1].project[36] = '0';
	t[2].source[0] = '\0';
	t[3].path[0] = '/';
	t[4].hash[63] = '\0';
	t[5].size = -1;
	t[6].pin[0] = 'S';
	t[7].expires_ms = 0;
	for (int i = 0; i < 8; i++) {
		assert_int_equal(
		    vs_ticket_write(&b, &t[i], key, &err), VS_EINVAL);
		assert_int_equal(b.len, 0);
	}
	vs_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_longest_path),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_other_key),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_bad_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
