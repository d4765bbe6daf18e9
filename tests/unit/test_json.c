#include "common/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"

static void test_accepted(void **state)
{
	static const char *const cases[] = { "{}", "[]", "null", "true", "0",
		"-0", "1.5e3", "9223372036854775807", "-9223372036854775808",
		"\"\"", " { \"a\" : [ 1 , null ] } \n",
		"\"\\u00e9 \\ud83c\\udfac [[[[ {{{ \\\" ]\"",
		"\"\xF0\x9F\x8E\xAC\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vs_err err = VS_ERR_INIT;
		json_t *v = vs_json_parse(cases[i], strlen(cases[i]), &err);

		if (v == NULL)
			fail_msg("%s: %s", cases[i], err.msg);
		json_decref(v);
	}
}

static void test_refused(void **state)
{
	static const char *const cases[] = { "", " ", "{", "}", "[1,]", "{,}",
		"nul", "[1] 2", "{}{}", "{'a':1}", "{a:1}", "{\"a\":1,\"a\":2}",
		"[1e400]", "[-1e400]", "[9223372036854775808]",
		"[99999999999999999999999]", "[01]", "[+1]", "[.5]", "[1.]",
		"[NaN]", "[Infinity]", "[0x10]", "\"\\u0000\"",
		"{\"a\\u0000b\":1}", "\"\\ud800\"", "\"\\udc00\\ud800\"",
		"\"\xff\"", "\"\xC0\xAE\"", "\"\xED\xA0\x80\"", "\"a\nb\"",
		"\"open", "\"\\\"", "\"\\x41\"", "// comment\n1", "[1]]",
		"\xEF\xBB\xBF{}" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vs_err err = VS_ERR_INIT;

		if (vs_json_parse(cases[i], strlen(cases[i]), &err) != NULL)
			fail_msg("accepted: %s", cases[i]);
		assert_int_equal(err.code, VS_EINVAL);
		assert_string_not_equal(err.msg, "");
	}
	assert_null(vs_json_parse("{}\0", 3, NULL));
	assert_null(vs_json_parse("\"a\0b\"", 5, NULL));
	assert_null(vs_json_parse(NULL, 0, NULL));
}

static bool parses(const char *text, size_t len)
{
	json_t *v = vs_json_parse(text, len, NULL);

	json_decref(v);
	return v != NULL;
}

static void test_depth(void **state)
{
	static char text[200000];

	(void)state;
	memset(text, '[', VS_JSON_DEPTH);
	memset(text + VS_JSON_DEPTH, ']', VS_JSON_DEPTH);
	assert_true(parses(text, 2 * VS_JSON_DEPTH));
	memset(text, '[', VS_JSON_DEPTH + 1);
	memset(text + VS_JSON_DEPTH + 1, ']', VS_JSON_DEPTH + 1);
	assert_false(parses(text, 2 * (VS_JSON_DEPTH + 1)));
	memset(text, '[', sizeof(text));
	assert_false(parses(text, sizeof(text)));
	/* Brackets in strings do not count, nor do quotes that are escaped. */
	memset(text, '[', 1000);
	text[0] = '"';
	text[1] = '\\';
	text[2] = '"';
	text[999] = '"';
	assert_true(parses(text, 1000));
	/* Breadth is no depth. */
	text[0] = '[';
	for (size_t i = 1; i < 3000; i += 3)
		memcpy(text + i, "[],", 3);
	memcpy(text + 3001, "0]", 2);
	assert_true(parses(text, 3003));
}

static void test_long_strings(void **state)
{
	size_t len = VS_JSON_STRING;
	char *text = malloc(8 * len);

	(void)state;
	assert_non_null(text);
	memset(text, 'a', len + 2);
	text[0] = '"';
	text[len + 1] = '"';
	assert_true(parses(text, len + 2));
	text[len + 1] = 'a';
	text[len + 2] = '"';
	assert_false(parses(text, len + 3));
	/* What counts is the string, not how it is written. */
	for (size_t i = 0; i < len; i++)
		memcpy(text + 1 + 6 * i, "\\u0041", 6);
	text[1 + 6 * len] = '"';
	assert_true(parses(text, 2 + 6 * len));
	for (size_t i = 0; i < len; i++)
		memcpy(text + 1 + 6 * i, "\\u20ac", 6);
	assert_false(parses(text, 2 + 6 * len));
	/* Keys are strings. */
	memset(text, 'k', len + 3);
	memcpy(text, "{\"", 2);
	memcpy(text + len + 3, "\":1}", 4);
	assert_false(parses(text, len + 7));
	free(text);
}

static json_t *sample(void)
{
	static const char text[] =
	    "{\"s\":\"x\",\"i\":-5,\"b\":true,\"a\":[1],\"o\":{},\"n\":null,"
	    "\"r\":1.5}";
	json_t *v = vs_json_parse(text, sizeof(text) - 1, NULL);

	assert_non_null(v);
	return v;
}

static void test_members(void **state)
{
	json_t *v = sample();
	const char *s = NULL;
	int64_t i = 0;
	bool b = false;
	json_t *a = NULL;
	json_t *o = NULL;

	(void)state;
	assert_int_equal(vs_json_get_str(v, "s", true, &s, NULL), VS_OK);
	assert_string_equal(s, "x");
	assert_int_equal(vs_json_get_i64(v, "i", true, &i, NULL), VS_OK);
	assert_int_equal(i, -5);
	assert_int_equal(vs_json_get_bool(v, "b", true, &b, NULL), VS_OK);
	assert_true(b);
	assert_int_equal(vs_json_get_array(v, "a", true, &a, NULL), VS_OK);
	assert_int_equal(json_array_size(a), 1);
	assert_int_equal(vs_json_get_object(v, "o", true, &o, NULL), VS_OK);
	assert_true(json_is_object(o));
	json_decref(v);
}

static void test_members_absent(void **state)
{
	static const char *const keys[] = { "none", "n" };
	json_t *v = sample();

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct vs_err err = VS_ERR_INIT;
		const char *s = "before";
		int64_t i = 77;
		bool b = true;
		json_t *j = v;

		assert_int_equal(
		    vs_json_get_str(v, keys[k], false, &s, &err), VS_OK);
		assert_int_equal(
		    vs_json_get_i64(v, keys[k], false, &i, &err), VS_OK);
		assert_int_equal(
		    vs_json_get_bool(v, keys[k], false, &b, &err), VS_OK);
		assert_int_equal(
		    vs_json_get_array(v, keys[k], false, &j, &err), VS_OK);
		assert_int_equal(
		    vs_json_get_object(v, keys[k], false, &j, &err), VS_OK);
		assert_string_equal(s, "before");
		assert_int_equal(i, 77);
		assert_true(b);
		assert_ptr_equal(j, v);
		assert_int_equal(
		    vs_json_get_i64(v, keys[k], true, &i, &err), VS_EINVAL);
		assert_memory_equal(err.msg, keys[k], strlen(keys[k]));
		assert_non_null(strstr(err.msg, "missing"));
	}
	json_decref(v);
}

static void test_members_of_wrong_type(void **state)
{
	static const char keys[] = "sibaor";
	json_t *v = sample();

	(void)state;
	for (size_t k = 0; keys[k] != '\0'; k++) {
		char key[2] = { keys[k], '\0' };
		struct vs_err err = VS_ERR_INIT;
		const char *s = NULL;
		int64_t i = 0;
		bool b = false;
		json_t *j = NULL;

		assert_int_equal(vs_json_get_str(v, key, false, &s, &err),
		    keys[k] == 's' ? VS_OK : VS_EINVAL);
		assert_int_equal(vs_json_get_i64(v, key, false, &i, &err),
		    keys[k] == 'i' ? VS_OK : VS_EINVAL);
		assert_int_equal(vs_json_get_bool(v, key, false, &b, &err),
		    keys[k] == 'b' ? VS_OK : VS_EINVAL);
		assert_int_equal(vs_json_get_array(v, key, false, &j, &err),
		    keys[k] == 'a' ? VS_OK : VS_EINVAL);
		assert_int_equal(vs_json_get_object(v, key, false, &j, &err),
		    keys[k] == 'o' ? VS_OK : VS_EINVAL);
		assert_int_equal(err.msg[0], keys[k]);
	}
	json_decref(v);
}

/* Every string must come back from jansson as it went in. */
static void test_add_str(void **state)
{
	static const char *const cases[] = { "", "plain", "\"", "\\", "/",
		"a\"b\\c", "\b\f\n\r\t", "\x01\x1f\x7f", "\"\"\"\"",
		"\xC3\xA9 \xF0\x9F\x8E\xAC", "ends with \n" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vs_buf b;
		struct vs_buf dumped;
		json_t *v;

		vs_buf_init(&b, 1000);
		vs_buf_init(&dumped, 1000);
		vs_json_add_str(&b, cases[i]);
		v = vs_json_parse(b.data, b.len, NULL);
		assert_non_null(v);
		assert_string_equal(json_string_value(v), cases[i]);
		/* One form for both ways of writing. */
		assert_int_equal(vs_json_dump(&dumped, v), VS_OK);
		assert_string_equal(vs_buf_str(&dumped), vs_buf_str(&b));
		json_decref(v);
		vs_buf_release(&b);
		vs_buf_release(&dumped);
	}
}

/* Each byte that is escaped, at each place, and next to another one. */
static void test_add_str_places(void **state)
{
	char text[26], want[64];
	struct vs_buf b;

	(void)state;
	vs_buf_init(&b, 1000);
	for (int c = 1; c < 0x80; c++)
		for (size_t at = 0; at < sizeof(text) - 1; at++) {
			json_t *back;

			memset(text, 'a', sizeof(text) - 1);
			text[sizeof(text) - 1] = '\0';
			text[at] = (char)c;
			text[at / 2] = at % 2 == 0 ? '"' : text[at / 2];
			vs_buf_reset(&b);
			vs_json_add_str(&b, text);
			back =
			    json_loads(vs_buf_str(&b), JSON_DECODE_ANY, NULL);
			assert_non_null(back);
			assert_string_equal(json_string_value(back), text);
			json_decref(back);
			snprintf(want, sizeof(want), "\"%s\"", text);
			if (c >= 0x20 && c != '"' && c != '\\' && at % 2 == 1)
				assert_string_equal(vs_buf_str(&b), want);
		}
	vs_buf_release(&b);
}

static void test_add_str_not_utf8(void **state)
{
	struct vs_buf b;

	(void)state;
	vs_buf_init(&b, 1000);
	vs_json_add_str(&b, "a\xff\"");
	assert_string_equal(vs_buf_str(&b), "\"a\xEF\xBF\xBD\\\"\"");
	vs_buf_release(&b);
}

static void test_dump(void **state)
{
	static const char text[] =
	    "{\"z\":[1,-2,1.5,true,null],\"a\":{\"k\":\"v\"},\"m\":\"\"}";
	json_t *v = vs_json_parse(text, sizeof(text) - 1, NULL);
	struct vs_buf b;

	(void)state;
	vs_buf_init(&b, sizeof(text) - 1);
	assert_int_equal(vs_json_dump(&b, v), VS_OK);
	assert_string_equal(vs_buf_str(&b), text);
	vs_buf_release(&b);
	vs_buf_init(&b, sizeof(text) - 2);
	assert_int_equal(vs_json_dump(&b, v), VS_ELIMIT);
	vs_buf_release(&b);
	json_decref(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_long_strings),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_members_absent),
		cmocka_unit_test(test_members_of_wrong_type),
		cmocka_unit_test(test_add_str),
		cmocka_unit_test(test_add_str_places),
		cmocka_unit_test(test_add_str_not_utf8),
		cmocka_unit_test(test_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
