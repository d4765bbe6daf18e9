#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/text.h"

static void test_copy(void **state)
{
	char out[4] = "xxx";

	(void)state;
	assert_true(vs_text_copy(out, sizeof(out), "abc"));
	assert_string_equal(out, "abc");
	assert_true(vs_text_copy(out, sizeof(out), ""));
	assert_string_equal(out, "");
	assert_true(vs_text_copy(out, sizeof(out), NULL));
	assert_string_equal(out, "");
}

static void test_cut(void **state)
{
	char out[4] = "xxx";

	(void)state;
	assert_false(vs_text_copy(out, sizeof(out), "abcd"));
	assert_string_equal(out, "abc");
	assert_false(vs_text_copy(out, 1, "a"));
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
