/* What went wrong, in words and as a document. */
#include "cli/trouble.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "cli/print.h"

static struct trouble trouble;

static int of(const char *reply, long status)
{
	json_t *doc = json_loads(reply, 0, NULL);
	int rc;

	assert_non_null(doc);
	rc = trouble_of_reply(&trouble, doc, status);
	json_decref(doc);
	assert_true(rc < 0);
	assert_int_equal(rc, trouble.err.code);
	return rc;
}

static void test_a_reply_is_passed_on(void **state)
{
	(void)state;
	of("{\"exit\":7,\"error\":{\"code\":\"c\",\"message\":\"m\","
	   "\"hint\":\"h\",\"path\":\"p\"}}",
	    409);
	assert_int_equal(trouble.exit, VS_EXIT_DECIDE);
	assert_string_equal(trouble.name, "c");
	assert_string_equal(trouble.err.msg, "m");
	assert_string_equal(trouble.hint, "h");
	assert_string_equal(trouble.path, "p");
}

static void test_what_a_reply_lacks_is_made_up_for(void **state)
{
	static const char *const odd[] = { "{}", "{\"error\":null}",
		"{\"error\":[]}", "{\"error\":{\"message\":5}}",
		"{\"exit\":\"7\"}", "{\"exit\":0}", "{\"exit\":-1}",
		"{\"exit\":9}", "{\"exit\":4294967299}" };

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		of(odd[i], 500);
		assert_int_equal(trouble.exit, VS_EXIT_ERROR);
		assert_non_null(strstr(trouble.err.msg, "500"));
		assert_string_equal(trouble.hint, "");
	}
}

static void test_a_usage_is_2(void **state)
{
	(void)state;
	assert_int_equal(trouble_usage(&trouble, "no %s", "way"), VS_EINVAL);
	assert_int_equal(trouble.exit, VS_EXIT_USAGE);
	assert_string_equal(trouble.name, "usage");
	assert_string_equal(trouble.err.msg, "no way");
}

static void test_a_new_one_forgets_the_old(void **state)
{
	(void)state;
	of("{\"error\":{\"hint\":\"h\",\"path\":\"p\"}}", 409);
	trouble.told = true;
	trouble_set(&trouble, VS_ENOENT, "gone");
	assert_int_equal(trouble.exit, VS_EXIT_NOT_FOUND);
	assert_string_equal(trouble.hint, "");
	assert_string_equal(trouble.path, "");
	assert_false(trouble.told);
}

static void test_the_document_agrees(void **state)
{
	json_t *doc = json_pack("{s:i}", "schema", VS_CONTROL_SCHEMA);
	struct trouble none = TROUBLE_INIT;

	(void)state;
	assert_int_equal(trouble_into(&none, doc), VS_OK);
	assert_true(json_is_true(json_object_get(doc, "ok")));
	assert_null(json_object_get(doc, "error"));

	trouble_set(&trouble, VS_ENOENT, "gone");
	trouble_hint(&trouble, "look %s", "there");
	assert_int_equal(trouble_into(&trouble, doc), VS_OK);
	assert_true(json_is_false(json_object_get(doc, "ok")));
	assert_int_equal(json_integer_value(json_object_get(doc, "exit")),
	    VS_EXIT_NOT_FOUND);
	json_t *error = json_object_get(doc, "error");
	assert_string_equal(
	    json_string_value(json_object_get(error, "hint")), "look there");
	assert_true(json_is_null(json_object_get(error, "path")));
	json_decref(doc);
}

static void test_a_character_that_was_cut_is_dropped(void **state)
{
	json_t *doc = json_object();
	char longer[VS_ERR_MSG + 1];

	(void)state;
	/* One odd byte, then two a character: the limit falls inside one. */
	for (size_t i = 0; i < VS_ERR_MSG; i += 2)
		memcpy(longer + i, "\xc3\xa9", 2);
	longer[VS_ERR_MSG] = '\0';
	trouble_set(&trouble, VS_EIO, "%s", longer);
	assert_int_equal(trouble_into(&trouble, doc), VS_OK);
	const char *msg = json_string_value(
	    json_object_get(json_object_get(doc, "error"), "message"));
	assert_non_null(msg);
	assert_in_range(strlen(msg), VS_ERR_MSG - 4, VS_ERR_MSG);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_reply_is_passed_on),
		cmocka_unit_test(test_what_a_reply_lacks_is_made_up_for),
		cmocka_unit_test(test_a_usage_is_2),
		cmocka_unit_test(test_a_new_one_forgets_the_old),
		cmocka_unit_test(test_the_document_agrees),
		cmocka_unit_test(test_a_character_that_was_cut_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
