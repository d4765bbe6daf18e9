/* What is to be pulled, as people and exit codes have it. */
#include "cli/pullplan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pullplan plan;
static json_t *doc;

/* A plan of one row of each action, with one member changed. */
static int reading(const char *key, json_t *value)
{
	struct vs_err err = VS_ERR_INIT;

	json_decref(doc);
	doc = json_pack("{s:[{s:s,s:i,s:s,s:s}{s:s,s:i,s:s}{s:s,s:i,s:s,s:s}],"
			"s:i,s:i,s:i,s:i,s:i,s:i,s:b,s:[s]}",
	    "files", "path", "a b", "size", 2048, "action", "fetch", "reason",
	    "", "path", "b", "size", 10, "action", "have", "path", "c\x1b",
	    "size", 10, "action", "refuse", "reason", "odd", "fetch_files", 1,
	    "fetch_bytes", 2048, "have_files", 1, "have_bytes", 10, "conflicts",
	    0, "space", 1 << 20, "enough", 1, "pulls", "1");
	assert_non_null(doc);
	if (key != NULL)
		json_object_set_new(doc, key, value);
	return pullplan_read(&plan, doc, &err);
}

static enum vs_exit judged(struct trouble *f)
{
	*f = (struct trouble)TROUBLE_INIT;
	pullplan_judge(&plan, f);
	return f->exit;
}

static void test_what_keeps_it_from_being_whole(void **state)
{
	struct trouble f;

	(void)state;
	assert_int_equal(reading("files", json_array()), VS_OK);
	assert_int_equal(judged(&f), VS_EXIT_OK);
	assert_int_equal(reading(NULL, NULL), VS_OK);
	assert_int_equal(judged(&f), VS_EXIT_AGAIN);
	assert_string_equal(f.name, "refused");
	assert_string_equal(f.path, "c\x1b");
	assert_int_equal(reading("conflicts", json_integer(2)), VS_OK);
	assert_int_equal(judged(&f), VS_EXIT_DECIDE);
	assert_string_equal(f.name, "conflict");
	assert_non_null(strstr(f.hint, "--force"));
	plan.enough = false;
	assert_int_equal(judged(&f), VS_EXIT_LIMIT);
	assert_non_null(strstr(f.err.msg, "2.0 KiB"));
	assert_non_null(strstr(f.hint, "1.0 MiB free"));
}

static void test_wrong_types_are_refused(void **state)
{
	static const char *const keys[] = { "files", "fetch_files",
		"fetch_bytes", "have_files", "have_bytes", "conflicts",
		"enough", "pulls", "space" };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_int_equal(reading(keys[i], json_string("x")), VS_EINVAL);
	/* These may be silent. */
	assert_int_equal(reading("space", json_null()), VS_OK);
	assert_true(plan.space == -1);
	assert_int_equal(reading("pulls", json_null()), VS_OK);
}

static char *printed(void (*print)(const struct pullplan *, struct print *))
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct print p = { .f = f, .quote = true };

	print(&plan, &p);
	fclose(f);
	return text;
}

/* What comes from nowhere but here is told apart; an older agent's silence
   is none. */
static void test_other_names(void **state)
{
	char *text;

	(void)state;
	assert_int_equal(reading(NULL, NULL), VS_OK);
	text = printed(pullplan_print);
	assert_null(strstr(text, "other names"));
	free(text);
	assert_int_equal(reading("reuse_files", json_integer(3)), VS_OK);
	text = printed(pullplan_print);
	assert_non_null(strstr(text, "here under other names: 3 files, 0 B\n"));
	assert_non_null(strstr(text, "and 3 more"));
	free(text);
}

static void test_every_file_has_a_line(void **state)
{
	char *text;

	(void)state;
	reading(NULL, NULL);
	text = printed(pullplan_print);
	assert_string_equal(text,
	    "fetch       2.0 KiB  'a b'\n"
	    "have           10 B  b\n"
	    "refuse         10 B  $'c\\e': odd\n"
	    "to fetch: one file, 2.0 KiB\n"
	    "here already: one file, 10 B\n"
	    "refused: one file\n"
	    "space: 1.0 MiB free, enough\n");
	free(text);
	reading("fetch_files", json_integer(5001));
	text = printed(pullplan_print);
	assert_non_null(strstr(text, "... and 5,000 more\n"));
	free(text);
}

static void print_all_places(const struct pullplan *p, struct print *out)
{
	pullplan_print_places(p, true, out);
}

static void print_places(const struct pullplan *p, struct print *out)
{
	pullplan_print_places(p, false, out);
}

static void test_places(void **state)
{
	char *text;

	(void)state;
	assert_int_equal(reading(NULL, NULL), VS_OK);
	text = printed(print_all_places);
	assert_string_equal(text, "");
	free(text);
	for (size_t i = 0; i < 3; i++)
		json_object_set_new(json_array_get(plan.files, i), "place",
		    json_string("x~case1"));
	text = printed(print_places);
	assert_string_equal(text,
	    "vsync: b: here as 'x~case1', as this disk takes its name for "
	    "another file's\n");
	free(text);
	text = printed(print_all_places);
	assert_non_null(strstr(text, "vsync: 'a b': here as 'x~case1'"));
	assert_null(strstr(text, "vsync: c"));
	free(text);
	text = printed(pullplan_print);
	assert_non_null(strstr(text, "as 'x~case1'\n"));
	free(text);
}

static void test_what_is_left_alone_is_named(void **state)
{
	json_t *files = json_array();
	char *text;

	(void)state;
	reading(NULL, NULL);
	text = printed(pullplan_print_left);
	assert_string_equal(text, "vsync: $'c\\e': odd\n");
	free(text);
	for (int i = 0; i < 12; i++)
		json_array_append_new(files,
		    json_pack("{s:s,s:s}", "path", "x", "action", "conflict"));
	reading("files", files);
	plan.conflicts = 12;
	text = printed(pullplan_print_left);
	assert_memory_equal(text, "vsync: x: changed here\n", 23);
	assert_non_null(strstr(text, "and 2 more: see `vsync pull -n`\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_keeps_it_from_being_whole),
		cmocka_unit_test(test_wrong_types_are_refused),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_every_file_has_a_line),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_what_is_left_alone_is_named),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	json_decref(doc);
	return rc;
}
