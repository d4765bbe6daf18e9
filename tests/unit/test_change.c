#include "common/proto/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/limits.h"

#define HASH "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_names(void **state)
{
	(void)state;
	for (int op = VS_OP_CREATE; op <= VS_OP_DELETE; op++)
		assert_int_equal(vs_op_parse(vs_op_name((enum vs_op)op)), op);
	for (int k = VS_KIND_FILE; k <= VS_KIND_SYMLINK; k++)
		assert_int_equal(
		    vs_kind_parse(vs_kind_name((enum vs_kind)k)), k);
	assert_int_equal(vs_op_parse("Create"), VS_EINVAL);
	assert_int_equal(vs_kind_parse("dir"), VS_EINVAL);
	assert_int_equal(vs_kind_parse(""), VS_EINVAL);
}

static struct vs_change a_file(void)
{
	struct vs_change c = {
		.path = "a/b",
		.op = VS_OP_CREATE,
		.kind = VS_KIND_FILE,
		.hash = HASH,
		.size = 5,
		.mode = -1,
		.base_version = -1,
	};

	return c;
}

static void written(const struct vs_change *c, const char *want)
{
	struct vs_buf b;

	vs_buf_init(&b, 100000);
	vs_change_write(&b, c);
	assert_int_equal(vs_buf_error(&b), VS_OK);
	assert_string_equal(vs_buf_str(&b), want);
	vs_buf_release(&b);
}

static void test_write(void **state)
{
	struct vs_change c = a_file();

	(void)state;
	written(&c,
	    "{\"path\":\"a/b\",\"op\":\"create\",\"kind\":\"file\","
	    "\"hash\":\"" HASH "\",\"size\":5}");
	c.op = VS_OP_UPDATE;
	c.kind = VS_KIND_SYMLINK;
	c.has_mtime = true;
	c.mtime_us = 1763402400123456;
	c.mode = 0644;
	c.link_target = "x\"y";
	c.renamed_from = "old";
	c.base_version = 3;
	c.recording = true;
	written(&c,
	    "{\"path\":\"a/b\",\"op\":\"update\",\"kind\":\"symlink\","
	    "\"hash\":\"" HASH "\",\"size\":5,\"mtime\":1763402400123.456,"
	    "\"mode\":420,\"link_target\":\"x\\\"y\","
	    "\"renamed_from\":\"old\",\"base_version\":3,"
	    "\"state\":\"recording\"}");
	c = (struct vs_change){ .path = "d",
		.op = VS_OP_DELETE,
		.kind = VS_KIND_DIR,
		.mode = -1,
		.base_version = -1 };
	written(
	    &c, "{\"path\":\"d\",\"op\":\"delete\",\"kind\":\"directory\"}");
}

static void test_write_mtime(void **state)
{
	static const struct {
		int64_t us;
		const char *ms;
	} cases[] = {
		{ 0, "0" },
		{ 1, "0.001" },
		{ 10, "0.01" },
		{ 100, "0.1" },
		{ 1000, "1" },
		{ 123456, "123.456" },
		{ 120400, "120.4" },
		{ -1, "-0.001" },
		{ -1500, "-1.5" },
		{ INT64_MAX, "9223372036854775.807" },
		{ INT64_MIN, "-9223372036854775.808" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vs_change c = a_file();
		char want[512];

		c.has_mtime = true;
		c.mtime_us = cases[i].us;
		snprintf(want, sizeof(want),
		    "{\"path\":\"a/b\",\"op\":\"create\",\"kind\":\"file\","
		    "\"hash\":\"" HASH "\",\"size\":5,\"mtime\":%s}",
		    cases[i].ms);
		written(&c, want);
	}
}

static int reading(const char *text, bool opaque, struct vs_change *c,
    const char **code, json_t **keep)
{
	struct vs_err err = VS_ERR_INIT;
	int rc;

	*keep = vs_json_parse(text, strlen(text), &err);
	if (*keep == NULL)
		fail_msg("%s: %s", text, err.msg);
	rc = vs_change_read(*keep, opaque, c, code, &err);
	assert_int_equal(rc == VS_OK, *code == NULL);
	assert_int_equal(rc == VS_OK, err.msg[0] == '\0');
	return rc;
}

/* What is written is read back the same, to the microsecond. */
static void test_there_and_back(void **state)
{
	static const int64_t times[] = { 0, 1, 999, 1763402400123456,
		1763402400123457, -1, 4102444799999999 };

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct vs_change c = a_file();
		struct vs_change got;
		const char *code;
		struct vs_buf b;
		json_t *v;

		c.path = "s\xC3\xA9/\"q\".mov";
		c.has_mtime = true;
		c.mtime_us = times[i];
		c.mode = 07777;
		c.base_version = INT64_MAX;
		c.renamed_from = "z";
		c.size = INT64_MAX;
		vs_buf_init(&b, 10000);
		vs_change_write(&b, &c);
		assert_int_equal(
		    reading(vs_buf_str(&b), false, &got, &code, &v), VS_OK);
		assert_string_equal(got.path, c.path);
		assert_string_equal(got.hash, c.hash);
		assert_string_equal(got.renamed_from, "z");
		assert_true(got.has_mtime && got.mtime_us == c.mtime_us);
		assert_true(got.size == c.size && got.mode == c.mode);
		assert_true(got.base_version == c.base_version);
		assert_false(got.recording || got.slash);
		assert_null(got.link_target);
		json_decref(v);
		vs_buf_release(&b);
	}
}

static void test_defaults(void **state)
{
	struct vs_change c;
	const char *code;
	json_t *v;

	(void)state;
	assert_int_equal(reading("{\"path\":\"/a/b\",\"op\":\"delete\","
				 "\"hash\":null,\"mtime\":null,\"mode\":null}",
			     false, &c, &code, &v),
	    VS_OK);
	assert_string_equal(c.path, "a/b");
	assert_true(c.slash);
	assert_int_equal(c.op, VS_OP_DELETE);
	assert_int_equal(c.kind, VS_KIND_FILE);
	assert_null(c.hash);
	assert_int_equal(c.size, 0);
	assert_false(c.has_mtime);
	assert_int_equal(c.mode, -1);
	assert_int_equal(c.base_version, -1);
	json_decref(v);
}

struct read_case {
	const char *text; /* members behind "path" and "op" */
	const char *code; /* NULL: accepted */
};

static void check(const struct read_case *cases, size_t n, bool opaque)
{
	for (size_t i = 0; i < n; i++) {
		struct vs_change c;
		const char *code;
		char text[1024];
		json_t *v;

		snprintf(text, sizeof(text),
		    "{\"path\":\"a\",\"op\":\"create\"%s}", cases[i].text);
		(void)reading(text, opaque, &c, &code, &v);
		if ((code == NULL) != (cases[i].code == NULL) ||
		    (code != NULL && strcmp(code, cases[i].code) != 0))
			fail_msg("%s: %s", text, code);
		json_decref(v);
	}
}

#define GOOD ",\"hash\":\"" HASH "\",\"size\":1"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_strict(void **state)
{
	static const struct read_case cases[] = {
		{ GOOD, NULL },
		{ GOOD ",\"unknown\":[1]", NULL },
		{ "", "bad_hash" },
		{ ",\"size\":1", "bad_hash" },
		{ ",\"hash\":\"" HASH "\"", "bad_size" },
		{ ",\"hash\":\"abc123\",\"size\":1", "bad_hash" },
		{ ",\"hash\":\"\",\"size\":1", "bad_hash" },
		{ ",\"hash\":\"" HASH "0\",\"size\":1", "bad_hash" },
		{ ",\"hash\":1,\"size\":1", "bad_hash" },
		{ ",\"kind\":\"directory\"", NULL },
		{ ",\"kind\":\"directory\",\"hash\":\"\",\"size\":0", NULL },
		{ ",\"kind\":\"symlink\"" GOOD, "bad_field" },
		{ ",\"kind\":\"symlink\",\"link_target\":\"\"" GOOD,
		    "bad_field" },
		{ ",\"kind\":\"symlink\",\"link_target\":\"/etc\"" GOOD, NULL },
		{ ",\"kind\":\"fifo\"" GOOD, "bad_kind" },
		{ ",\"kind\":7" GOOD, "bad_kind" },
		{ ",\"state\":\"recording\"", NULL },
		{ ",\"state\":\"other\"" GOOD, "bad_field" },
		{ ",\"state\":1" GOOD, "bad_field" },
		{ ",\"mode\":0" GOOD, NULL },
		{ ",\"mode\":4095" GOOD, NULL },
		{ ",\"mode\":4096" GOOD, "bad_field" },
		{ ",\"mode\":-1" GOOD, "bad_field" },
		{ ",\"mode\":\"644\"" GOOD, "bad_field" },
		{ ",\"base_version\":0" GOOD, NULL },
		{ ",\"base_version\":-1" GOOD, "bad_field" },
		{ ",\"base_version\":1.5" GOOD, "bad_field" },
		{ ",\"renamed_from\":\"b\"" GOOD, NULL },
		{ ",\"renamed_from\":\"/b\"" GOOD, NULL },
		{ ",\"renamed_from\":\"../b\"" GOOD, "bad_path" },
		{ ",\"renamed_from\":\"\"" GOOD, "bad_path" },
		{ ",\"renamed_from\":{}" GOOD, "bad_path" },
	};

	(void)state;
	check(cases, COUNT(cases), false);
}

static void test_sizes(void **state)
{
#define SIZE(n) ",\"hash\":\"" HASH "\",\"size\":" n
	static const struct read_case cases[] = {
		{ SIZE("0"), NULL },
		{ SIZE("-0"), NULL },
		{ SIZE("9007199254740993"), NULL },
		{ SIZE("9223372036854775807"), NULL },
		{ SIZE("-1"), "bad_size" },
		{ SIZE("1.0"), "bad_size" },
		{ SIZE("1e3"), "bad_size" },
		{ SIZE("\"1\""), "bad_size" },
		{ SIZE("true"), "bad_size" },
	};

	(void)state;
	check(cases, COUNT(cases), false);
}

static void test_mtimes(void **state)
{
	static const struct read_case cases[] = {
		{ ",\"mtime\":0" GOOD, NULL },
		{ ",\"mtime\":1763402400123" GOOD, NULL },
		{ ",\"mtime\":1763402400123.456" GOOD, NULL },
		{ ",\"mtime\":-1e12" GOOD, NULL },
		{ ",\"mtime\":9223372036854775" GOOD, NULL },
		{ ",\"mtime\":9223372036854776" GOOD, "bad_mtime" },
		{ ",\"mtime\":-9223372036854776" GOOD, "bad_mtime" },
		{ ",\"mtime\":1e16" GOOD, "bad_mtime" },
		{ ",\"mtime\":-1e300" GOOD, "bad_mtime" },
		{ ",\"mtime\":\"2025-11-17T18:00:00Z\"" GOOD, NULL },
		{ ",\"mtime\":\"1763402400123\"" GOOD, NULL },
		{ ",\"mtime\":\"yesterday\"" GOOD, "bad_mtime" },
		{ ",\"mtime\":true" GOOD, "bad_mtime" },
	};
	struct vs_change c;
	const char *code;
	json_t *v;

	(void)state;
	check(cases, COUNT(cases), false);
	reading("{\"path\":\"a\",\"op\":\"create\","
		"\"mtime\":\"2025-11-17T19:00:00.123+01:00\"" GOOD "}",
	    false, &c, &code, &v);
	assert_int_equal(c.mtime_us, 1763402400123000);
	json_decref(v);
}

/* Clients without batches may say less, and hash as they like. */
static void test_opaque(void **state)
{
	static const struct read_case cases[] = {
		{ "", NULL },
		{ ",\"hash\":\"abc123\"", NULL },
		{ ",\"hash\":\"\"", NULL },
		{ ",\"hash\":\"" HASH HASH "\"", NULL },
		{ ",\"hash\":\"" HASH HASH "0\"", "bad_hash" },
		{ ",\"size\":-1", "bad_size" },
	};

	(void)state;
	check(cases, COUNT(cases), true);
}

static void test_directories_have_no_content(void **state)
{
	struct vs_change c;
	const char *code;
	json_t *v;

	(void)state;
	assert_int_equal(
	    reading("{\"path\":\"d\",\"op\":\"create\","
		    "\"kind\":\"directory\",\"size\":4096,\"hash\":\"" HASH
		    "\"}",
		false, &c, &code, &v),
	    VS_OK);
	assert_null(c.hash);
	assert_int_equal(c.size, 0);
	json_decref(v);
}

static void test_paths_and_ops(void **state)
{
	static const struct {
		const char *text;
		const char *code;
		const char *member;
	} cases[] = {
		{ "[]", "bad_field", "change" },
		{ "{\"op\":\"delete\"}", "bad_path", "path" },
		{ "{\"path\":7,\"op\":\"delete\"}", "bad_path", "path" },
		{ "{\"path\":\"\",\"op\":\"delete\"}", "bad_path", "path" },
		{ "{\"path\":\"/\",\"op\":\"delete\"}", "bad_path", "path" },
		{ "{\"path\":\"//a\",\"op\":\"delete\"}", "bad_path", "path" },
		{ "{\"path\":\"a/../b\",\"op\":\"delete\"}", "bad_path",
		    "path" },
		{ "{\"path\":\"a/\",\"op\":\"delete\"}", "bad_path", "path" },
		{ "{\"path\":\".vsync/x\",\"op\":\"delete\"}", "bad_path",
		    "path" },
		{ "{\"path\":\"a\"}", "bad_op", "op" },
		{ "{\"path\":\"a\",\"op\":\"remove\"}", "bad_op", "op" },
		{ "{\"path\":\"a\",\"op\":null}", "bad_op", "op" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct vs_err err = VS_ERR_INIT;
		struct vs_change c;
		const char *code;
		json_t *v =
		    vs_json_parse(cases[i].text, strlen(cases[i].text), NULL);

		assert_int_equal(
		    vs_change_read(v, true, &c, &code, &err), VS_EINVAL);
		assert_string_equal(code, cases[i].code);
		assert_memory_equal(
		    err.msg, cases[i].member, strlen(cases[i].member));
		json_decref(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_mtime),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_mtimes),
		cmocka_unit_test(test_opaque),
		cmocka_unit_test(test_directories_have_no_content),
		cmocka_unit_test(test_paths_and_ops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
