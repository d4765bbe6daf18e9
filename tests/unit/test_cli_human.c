/* Sizes, spans and moments for people. */
#include "cli/human.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NOW INT64_C(1763402400123) /* 2025-11-17T18:00:00.123Z */

static void test_bytes(void **state)
{
	char t[HUMAN_SIZE];

	(void)state;
	assert_string_equal(human_bytes(0, t), "0 B");
	assert_string_equal(human_bytes(999, t), "999 B");
	assert_string_equal(human_bytes(1000, t), "1.0 KiB");
	assert_string_equal(human_bytes(1536, t), "1.5 KiB");
	assert_string_equal(human_bytes(100 * 1024, t), "100 KiB");
	assert_string_equal(human_bytes(1023 * 1024, t), "1.0 MiB");
	assert_string_equal(human_bytes(INT64_C(3) << 40, t), "3.0 TiB");
	assert_string_equal(human_bytes(INT64_MAX, t), "8.0 EiB");
	assert_string_equal(human_bytes(-2048, t), "-2.0 KiB");
	assert_string_equal(human_bytes(INT64_MIN, t), "-8.0 EiB");
}

static void test_count(void **state)
{
	char t[HUMAN_SIZE];

	(void)state;
	assert_string_equal(human_count(0, t), "0");
	assert_string_equal(human_count(999, t), "999");
	assert_string_equal(human_count(1000, t), "1,000");
	assert_string_equal(human_count(-1234567, t), "-1,234,567");
	assert_string_equal(human_count(-123, t), "-123");
	assert_string_equal(
	    human_count(INT64_MIN, t), "-9,223,372,036,854,775,808");
}

static void test_span(void **state)
{
	char t[HUMAN_SIZE];

	(void)state;
	assert_string_equal(human_span(-5, t), "0 s");
	assert_string_equal(human_span(250, t), "250 ms");
	assert_string_equal(human_span(4260, t), "4.2 s");
	assert_string_equal(human_span(59999, t), "59 s");
	assert_string_equal(human_span(185000, t), "3 min 5 s");
	assert_string_equal(human_span(7800000, t), "2 h 10 min");
	assert_string_equal(human_span(5 * 86400000LL, t), "5 days");
	assert_non_null(human_span(INT64_MAX, t));
}

static void test_ago(void **state)
{
	char t[HUMAN_SIZE];

	(void)state;
	assert_string_equal(human_ago(NULL, NOW, t), "never");
	assert_string_equal(human_ago("yesterday", NOW, t), "never");
	assert_string_equal(
	    human_ago("2025-11-17T18:00:00.123Z", NOW, t), "just now");
	assert_string_equal(
	    human_ago("2025-11-17T17:56:55.123Z", NOW, t), "3 min 5 s ago");
	/* A clock that is ahead of ours. */
	assert_string_equal(
	    human_ago("2025-11-17T19:00:00Z", NOW, t), "just now");
}

static void test_things(void **state)
{
	char t[HUMAN_SIZE];

	(void)state;
	assert_string_equal(human_things(1, "file", t), "one file");
	assert_string_equal(human_things(0, "file", t), "0 files");
	assert_string_equal(human_things(1234, "entry", t), "1,234 entries");
	assert_string_equal(human_things(2, "overflow", t), "2 overflows");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_ago),
		cmocka_unit_test(test_things),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
