#include "common/base/jtext.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/limits.h"

static char text[256 * 1024];

static struct vs_jtext *begin(struct vs_jtext *t, const char *s)
{
	size_t len = strlen(s);

	assert_true(len < sizeof(text));
	memcpy(text, s, len);
	vs_jtext_init(t, text, len);
	return t;
}

static void test_object(void **state)
{
	struct vs_jtext t;

	(void)state;
	begin(&t, " { \"a\" : 1 ,\n\"b\":\t[ \"x\" , \"\" ] , \"c\":{}} ");
	vs_jtext_object(&t);
	assert_string_equal(vs_jtext_key(&t), "a");
	assert_int_equal(vs_jtext_int(&t), 1);
	assert_string_equal(vs_jtext_key(&t), "b");
	vs_jtext_array(&t);
	assert_true(vs_jtext_more(&t));
	assert_string_equal(vs_jtext_str(&t), "x");
	assert_true(vs_jtext_more(&t));
	assert_string_equal(vs_jtext_str(&t), "");
	assert_false(vs_jtext_more(&t));
	assert_string_equal(vs_jtext_key(&t), "c");
	vs_jtext_object(&t);
	assert_null(vs_jtext_key(&t));
	assert_null(vs_jtext_key(&t));
	assert_true(vs_jtext_good(&t));
	assert_true(vs_jtext_end(&t));
}

/* Reads one value by each way; the cursor may only say less. */
static bool same_string(const char *json, const char *want)
{
	json_t *doc = vs_json_parse(json, strlen(json), NULL);
	struct vs_jtext t;
	const char *got = vs_jtext_str(begin(&t, json));
	bool good = vs_jtext_end(&t);

	if (good) {
		assert_non_null(doc);
		assert_string_equal(got, json_string_value(doc));
		assert_string_equal(got, want);
	}
	json_decref(doc);
	return good;
}

static void test_strings(void **state)
{
	(void)state;
	assert_true(same_string("\"\"", ""));
	assert_true(same_string("\"a/b c\"", "a/b c"));
	assert_true(
	    same_string("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"));
	assert_true(same_string(
	    "\"\xC3\xA4\xF0\x9F\x8E\xAC\"", "\xC3\xA4\xF0\x9F\x8E\xAC"));
	assert_false(same_string("\"\\u00e4\"", "")); /* for the other way */
	assert_false(same_string("\"\xC3\"", ""));
	assert_false(same_string("\"\xED\xA0\x80\"", ""));
	assert_false(same_string("\"a\nb\"", ""));
	assert_false(same_string("\"\\x\"", ""));
	assert_false(same_string("\"open", ""));
	assert_false(same_string("\"open\\", ""));
	assert_false(same_string("\"open\\\"", ""));
	assert_false(same_string("null", ""));
	assert_false(same_string("", ""));
}

static void test_long_string(void **state)
{
	static char json[VS_JSON_STRING + 4];
	static char want[VS_JSON_STRING + 1];

	(void)state;
	memset(want, 'x', VS_JSON_STRING);
	snprintf(json, sizeof(json), "\"%s\"", want);
	assert_true(same_string(json, want));
	snprintf(json, sizeof(json), "\"x%s\"", want);
	json[VS_JSON_STRING + 2] = '"';
	assert_false(same_string(json, ""));
}

static void test_numbers(void **state)
{
	static const struct {
		const char *json;
		bool good;
		int64_t value;
	} ints[] = {
		{ "0 ", true, 0 },
		{ "-1 ", true, -1 },
		{ "999999999999999999 ", true, 999999999999999999 },
		{ "1000000000000000000 ", false, 0 },
		{ "01 ", false, 0 },
		{ "-0 ", false, 0 },
		{ "- ", false, 0 },
		{ "1.0 ", false, 0 },
		{ "1e3 ", false, 0 },
		{ "1x ", false, 0 },
		{ "+1 ", false, 0 },
		{ "1", false, 0 }, /* nothing follows: it may go on */
		{ "\"1\" ", false, 0 },
	};
	static const struct {
		const char *json;
		bool good;
		int64_t value;
	} millis[] = {
		{ "0 ", true, 0 },
		{ "1763402400123.456 ", true, 1763402400123456 },
		{ "1763402400123.4 ", true, 1763402400123400 },
		{ "1763402400123.040 ", true, 1763402400123040 },
		{ "-12.5 ", true, -12500 },
		{ "999999999999999 ", true, 999999999999999000 },
		{ "1000000000000000 ", false, 0 },
		{ "4000000000000.5 ", false, 0 },
		{ "1.2345 ", false, 0 },
		{ "1. ", false, 0 },
		{ "-0.5 ", false, 0 },
		{ "1e3 ", false, 0 },
	};
	struct vs_jtext t;

	(void)state;
	for (size_t i = 0; i < sizeof(ints) / sizeof(ints[0]); i++) {
		assert_int_equal(
		    vs_jtext_int(begin(&t, ints[i].json)), ints[i].value);
		assert_int_equal(vs_jtext_end(&t), ints[i].good);
	}
	for (size_t i = 0; i < sizeof(millis) / sizeof(millis[0]); i++) {
		assert_int_equal(
		    vs_jtext_milli(begin(&t, millis[i].json)), millis[i].value);
		assert_int_equal(vs_jtext_end(&t), millis[i].good);
	}
}

static void test_sticky(void **state)
{
	static const char *const cases[] = { "{\"a\" 1}", "{,\"a\":1}",
		"{\"a\":1,}", "{\"a\":1 \"a\":2}", "[1]", "{\"a\":}", "{", "",
		"{\"a\":1}}", "{\"a\":1]" };
	struct vs_jtext t;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&t, cases[i]);
		vs_jtext_object(&t);
		while (vs_jtext_key(&t) != NULL)
			(void)vs_jtext_int(&t);
		assert_false(vs_jtext_end(&t));
		assert_string_equal(vs_jtext_str(&t), "");
		assert_int_equal(vs_jtext_int(&t), 0);
		assert_false(vs_jtext_more(&t));
		assert_false(vs_jtext_good(&t));
	}
}

static void test_find(void **state)
{
	static const char *const names[] = { "a", "b", "c" };
	int hint = 0;

	(void)state;
	assert_int_equal(vs_jtext_find(names, 3, "a", &hint), 0);
	assert_int_equal(vs_jtext_find(names, 3, "c", &hint), 2);
	assert_int_equal(hint, 3);
	assert_int_equal(vs_jtext_find(names, 3, "b", &hint), 1);
	assert_int_equal(vs_jtext_find(names, 3, "d", &hint), -1);
	assert_int_equal(hint, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_object),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_long_string),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_sticky),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
