#include "common/base/b64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

static int read_text(struct vs_buf *b, const char *text)
{
	vs_buf_init(b, 100);
	return vs_b64_read(b, text, strlen(text));
}

/* RFC 4648, 10, without the padding, and what tells it from base64. */
static void test_known(void **state)
{
	static const struct {
		const char *bytes;
		const char *text;
	} cases[] = {
		{ "", "" },
		{ "f", "Zg" },
		{ "fo", "Zm8" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xef\xbe", "_---" },
		{ "\xfb\xff", "-_8" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].bytes);
		struct vs_buf b;

		vs_buf_init(&b, 100);
		vs_b64_add(&b, cases[i].bytes, len);
		assert_string_equal(vs_buf_str(&b), cases[i].text);
		assert_int_equal(b.len, vs_b64_len(len));
		vs_buf_release(&b);
		assert_int_equal(read_text(&b, cases[i].text), VS_OK);
		assert_int_equal(b.len, len);
		assert_string_equal(vs_buf_str(&b), cases[i].bytes);
		vs_buf_release(&b);
	}
}

static void test_refused(void **state)
{
	static const char *const cases[] = { "Z", "Zm9vY", "Zg==", "Zm8=", "Zh",
		"Zm9", "Z+8A", "Z/8A", "Zm9v\n", " m9v", "Zm9v.", "Zm\xc3\xa4",
		"Zm9vYmF" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vs_buf b;

		assert_int_equal(read_text(&b, cases[i]), VS_EINVAL);
		assert_int_equal(b.len, 0);
		assert_int_equal(vs_buf_error(&b), VS_OK);
		vs_buf_release(&b);
	}
}

/* Every length and many values survive the way there and back. */
static void test_round_trip(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (size_t round = 0; round < 2000; round++) {
		uint8_t bytes[64];
		size_t len = round % (sizeof(bytes) + 1);
		struct vs_buf text;
		struct vs_buf back;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)rand_r(&seed);
		vs_buf_init(&text, 100);
		vs_b64_add(&text, bytes, len);
		assert_int_equal(text.len, vs_b64_len(len));
		assert_int_equal(read_text(&back, vs_buf_str(&text)), VS_OK);
		assert_int_equal(back.len, len);
		if (len > 0)
			assert_memory_equal(back.data, bytes, len);
		vs_buf_release(&text);
		vs_buf_release(&back);
	}
}

static void test_ceiling(void **state)
{
	struct vs_buf b;

	(void)state;
	vs_buf_init(&b, 2);
	assert_int_equal(vs_b64_read(&b, "Zm9v", 4), VS_ELIMIT);
	vs_buf_release(&b);
	vs_buf_init(&b, 3);
	vs_b64_add(&b, "foo", 3);
	assert_int_equal(vs_buf_error(&b), VS_ELIMIT);
	vs_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
