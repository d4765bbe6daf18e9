#include "common/crypto/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* FIPS 180-4 examples and the empty string. */
static const struct {
	const char *text;
	const char *hash;
} known[] = {
	{ "",
	    "e3b0c44298fc1c149afbf4c8996fb924"
	    "27ae41e4649b934ca495991b7852b855" },
	{ "abc",
	    "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	    "248d6a61d20638b8e5c026930c3e6039"
	    "a33ce45964ff2167f6ecedd419db06c1" },
};

static void test_known(void **state)
{
	char hex[VS_HASH_HEX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		vs_sha256_hex(known[i].text, strlen(known[i].text), hex);
		assert_string_equal(hex, known[i].hash);
	}
	vs_sha256_hex(NULL, 0, hex);
	assert_string_equal(hex, known[0].hash);
}

/* Cut anywhere, started again, it is the same. */
static void test_stream(void **state)
{
	const char *text = known[2].text;
	size_t len = strlen(text);
	struct vs_sha256 *s = vs_sha256_new();
	uint8_t want[VS_SHA256_SIZE];
	uint8_t got[VS_SHA256_SIZE];

	(void)state;
	assert_non_null(s);
	vs_sha256(text, len, want);
	for (size_t cut = 0; cut <= len; cut++) {
		vs_sha256_start(s);
		vs_sha256_add(s, text, cut);
		vs_sha256_add(s, NULL, 0);
		vs_sha256_add(s, text + cut, len - cut);
		vs_sha256_end(s, got);
		assert_memory_equal(got, want, sizeof(got));
	}
	/* Given up in the middle. */
	vs_sha256_start(s);
	vs_sha256_add(s, "x", 1);
	vs_sha256_start(s);
	vs_sha256_add(s, text, len);
	vs_sha256_end(s, got);
	assert_memory_equal(got, want, sizeof(got));
	vs_sha256_free(s);
	vs_sha256_free(NULL);
}

static void *hash_often(void *arg)
{
	uint8_t *out = arg;

	for (int i = 0; i < 1000; i++)
		vs_sha256("abc", 3, out);
	return NULL;
}

static void test_threads(void **state)
{
	uint8_t out[4][VS_SHA256_SIZE];
	uint8_t want[VS_SHA256_SIZE];
	pthread_t t[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, hash_often, out[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	vs_sha256("abc", 3, want);
	for (int i = 0; i < 4; i++)
		assert_memory_equal(out[i], want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
