#include "common/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "common/base/err.h"

static void test_there_and_back(void **state)
{
	uint8_t in[256];
	uint8_t out[256];
	char text[513];

	(void)state;
	for (int i = 0; i < 256; i++)
		in[i] = (uint8_t)i;
	vs_hex_encode(text, in, sizeof(in));
	assert_int_equal(strlen(text), 512);
	assert_memory_equal(text, "000102", 6);
	assert_string_equal(text + 506, "fdfeff");
	assert_int_equal(vs_hex_decode(out, sizeof(out), text), VS_OK);
	assert_memory_equal(in, out, sizeof(in));
	vs_hex_encode(text, in, 0);
	assert_string_equal(text, "");
	assert_int_equal(vs_hex_decode(out, 0, ""), VS_OK);
}

static void test_refused(void **state)
{
	static const char *const cases[] = { "", "0", "00", "001", "00112",
		"0011AA", "00112g", "0011 2", "00112233", "-01122",
		"0011\xff\xff" };
	uint8_t out[3];

	(void)state;
	assert_int_equal(vs_hex_decode(out, 3, "0011aa"), VS_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(vs_hex_decode(out, 3, cases[i]), VS_EINVAL);
}

static void test_is_hash(void **state)
{
	char hash[80];

	(void)state;
	memset(hash, 'a', sizeof(hash));
	hash[64] = '\0';
	assert_true(vs_hex_is_hash(hash));
	hash[63] = 'F';
	assert_false(vs_hex_is_hash(hash));
	hash[63] = '\0';
	assert_false(vs_hex_is_hash(hash));
	hash[63] = '0';
	hash[64] = '0';
	hash[65] = '\0';
	assert_false(vs_hex_is_hash(hash));
	assert_false(vs_hex_is_hash(""));
	assert_false(vs_hex_is_hash("abc123"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_is_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
