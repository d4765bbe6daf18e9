#include "common/base/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/limits.h"

struct path_case {
	const char *path;
	enum vs_path_flaw flaw;
};

static void test_check(void **state)
{
	static const struct path_case cases[] = {
		{ "a", VS_PATH_GOOD },
		{ "a/b/c", VS_PATH_GOOD },
		{ "...", VS_PATH_GOOD },
		{ "a/.b", VS_PATH_GOOD },
		{ "..a/b..", VS_PATH_GOOD },
		{ " leading and trailing ", VS_PATH_GOOD },
		{ "-rf", VS_PATH_GOOD },
		{ "new\nline/\x1b[31m", VS_PATH_GOOD },
		{ "a\\b:c", VS_PATH_GOOD },
		{ "%2e%2e/x", VS_PATH_GOOD }, /* bytes, not escapes */
		{ "\xC3\xA9", VS_PATH_GOOD }, /* NFC */
		{ "e\xCC\x81", VS_PATH_GOOD }, /* NFD */
		{ "\xF0\x9F\x8E\xAC.mov", VS_PATH_GOOD },
		{ "", VS_PATH_EMPTY },
		{ "/", VS_PATH_ABSOLUTE },
		{ "/a", VS_PATH_ABSOLUTE },
		{ "//a", VS_PATH_ABSOLUTE },
		{ "a/", VS_PATH_SLASH },
		{ "a//b", VS_PATH_SLASH },
		{ ".", VS_PATH_DOT },
		{ "..", VS_PATH_DOT },
		{ "../x", VS_PATH_DOT },
		{ "a/../../x", VS_PATH_DOT },
		{ "a/./b", VS_PATH_DOT },
		{ "a/..", VS_PATH_DOT },
		{ "\xff", VS_PATH_NOT_UTF8 },
		{ "\xC0\xAE", VS_PATH_NOT_UTF8 }, /* overlong '.' */
		{ "\xC0\xAE\xC0\xAE/x", VS_PATH_NOT_UTF8 },
		{ "\xED\xA0\x80", VS_PATH_NOT_UTF8 }, /* surrogate */
		{ ".vsync", VS_PATH_RESERVED },
		{ ".vsync/root-id", VS_PATH_RESERVED },
		{ ".vsync2", VS_PATH_GOOD },
		{ "a/.vsync", VS_PATH_GOOD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    vs_path_check(cases[i].path, strlen(cases[i].path)),
		    cases[i].flaw);
	assert_int_equal(vs_path_check("a\0b", 3), VS_PATH_NUL);
	assert_int_equal(vs_path_check("\0", 1), VS_PATH_NUL);
}

static void test_lengths(void **state)
{
	char path[VS_PATH_MAX + 2];

	(void)state;
	memset(path, 'a', sizeof(path));
	assert_int_equal(vs_path_check(path, 255), VS_PATH_GOOD);
	assert_int_equal(vs_path_check(path, 256), VS_PATH_NAME_LONG);
	assert_int_equal(vs_path_check_name(path, 255), VS_PATH_GOOD);
	assert_int_equal(vs_path_check_name(path, 256), VS_PATH_NAME_LONG);
	for (size_t i = 200; i < sizeof(path); i += 200)
		path[i] = '/';
	assert_int_equal(vs_path_check(path, VS_PATH_MAX), VS_PATH_GOOD);
	assert_int_equal(vs_path_check(path, VS_PATH_MAX + 1), VS_PATH_LONG);
}

static void test_check_name(void **state)
{
	static const struct path_case cases[] = {
		{ "a", VS_PATH_GOOD },
		{ ".vsync", VS_PATH_GOOD },
		{ "", VS_PATH_EMPTY },
		{ ".", VS_PATH_DOT },
		{ "..", VS_PATH_DOT },
		{ "a/b", VS_PATH_SLASH },
		{ "/", VS_PATH_SLASH },
		{ "\x80", VS_PATH_NOT_UTF8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    vs_path_check_name(cases[i].path, strlen(cases[i].path)),
		    cases[i].flaw);
	assert_int_equal(vs_path_check_name("a\0", 2), VS_PATH_NUL);
}

/*
 * All sequences of up to four bytes with interesting bytes, against a second
 * definition of UTF-8: decode, then encode again.
 */
static size_t utf8_encode(uint32_t c, uint8_t out[4])
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xC0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xE0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 63));
		out[2] = (uint8_t)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (uint8_t)(0xF0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 63));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 63));
	out[3] = (uint8_t)(0x80 | (c & 63));
	return 4;
}

static void test_utf8_all_characters(void **state)
{
	uint8_t b[4];

	(void)state;
	for (uint32_t c = 1; c < 0x120000; c++) {
		size_t len = utf8_encode(c, b);
		bool good = c < 0x110000 && (c < 0xD800 || c > 0xDFFF);

		if (vs_path_utf8((char *)b, len) != good)
			fail_msg("U+%04X", c);
		/* Any shortened form is wrong. */
		if (len > 1)
			assert_false(vs_path_utf8((char *)b, len - 1));
	}
}

/* What is none is found wherever it stands. */
static void test_utf8_places(void **state)
{
	char b[26];

	(void)state;
	for (size_t len = 1; len <= sizeof(b); len++)
		for (size_t at = 0; at < len; at++) {
			memset(b, 'a', sizeof(b));
			assert_true(vs_path_utf8(b, len));
			b[at] = '\xff';
			assert_false(vs_path_utf8(b, len));
		}
}

static void test_utf8_pairs(void **state)
{
	char b[2];

	(void)state;
	for (int i = 0; i < 256; i++) {
		for (int j = 0; j < 256; j++) {
			bool ascii = i < 0x80 && j < 0x80;
			bool two =
			    i >= 0xC2 && i <= 0xDF && j >= 0x80 && j <= 0xBF;

			b[0] = (char)i;
			b[1] = (char)j;
			assert_int_equal(vs_path_utf8(b, 2), ascii || two);
		}
	}
}

static void test_parts(void **state)
{
	static const struct {
		const char *path;
		const char *name;
		size_t parent;
	} cases[] = {
		{ "a", "a", 0 },
		{ "a/b", "b", 1 },
		{ "a/b/c", "c", 3 },
		{ "", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(vs_path_name(cases[i].path), cases[i].name);
		assert_int_equal(
		    vs_path_parent_len(cases[i].path), cases[i].parent);
	}
}

static void test_join(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(vs_path_join(out, sizeof(out), "", "a"), 1);
	assert_string_equal(out, "a");
	assert_int_equal(vs_path_join(out, sizeof(out), "a", ""), 1);
	assert_string_equal(out, "a");
	assert_int_equal(vs_path_join(out, sizeof(out), "ab", "cdef"), 7);
	assert_string_equal(out, "ab/cdef");
	assert_int_equal(
	    vs_path_join(out, sizeof(out), "ab", "cdefg"), VS_ELIMIT);
	/* The directory may already stand in out. */
	strcpy(out, "x/y");
	assert_int_equal(vs_path_join(out, sizeof(out), out, "z"), 5);
	assert_string_equal(out, "x/y/z");
}

static void test_beneath(void **state)
{
	(void)state;
	assert_true(vs_path_beneath("a", ""));
	assert_false(vs_path_beneath("", ""));
	assert_true(vs_path_beneath("a/b", "a"));
	assert_true(vs_path_beneath("a/b/c", "a"));
	assert_false(vs_path_beneath("a", "a"));
	assert_false(vs_path_beneath("ab", "a"));
	assert_false(vs_path_beneath("a", "a/b"));
}

static void test_texts(void **state)
{
	(void)state;
	for (int i = 0; i <= VS_PATH_RESERVED; i++)
		assert_true(
		    strlen(vs_path_flaw_text((enum vs_path_flaw)i)) > 5);
	assert_non_null(strstr(vs_path_flaw_text(VS_PATH_DOT), ".."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_check_name),
		cmocka_unit_test(test_utf8_all_characters),
		cmocka_unit_test(test_utf8_places),
		cmocka_unit_test(test_utf8_pairs),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_beneath),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
