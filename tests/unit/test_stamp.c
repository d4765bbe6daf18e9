#include "common/base/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "common/base/err.h"

static void test_format(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 1763402400123, "2025-11-17T18:00:00.123Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z" },
		{ 4102444799999, "2099-12-31T23:59:59.999Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
		{ 253402300800000, "9999-12-31T23:59:59.999Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z" },
		{ INT64_MIN, "0000-01-01T00:00:00.000Z" },
	};
	char out[VS_STAMP_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
		    vs_stamp_format(cases[i].ms, out), cases[i].text);
}

/* Every day of eight centuries, against the C library. */
static void test_against_libc(void **state)
{
	char mine[VS_STAMP_SIZE];
	char theirs[VS_STAMP_SIZE];
	struct tm tm;

	(void)state;
	for (int64_t day = -146097; day < 146097; day++) {
		time_t t = (time_t)(day * 86400 + (day & 0xffff));
		int64_t us = 0;

		gmtime_r(&t, &tm);
		strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
		vs_stamp_format((int64_t)t * 1000, mine);
		if (strcmp(mine, theirs) != 0)
			fail_msg("%s, not %s", mine, theirs);
		assert_int_equal(vs_stamp_parse(mine, &us), VS_OK);
		assert_true(us == (int64_t)t * 1000000);
	}
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
		{ "2025-11-17T18:00:00.123Z", 1763402400123000 },
		{ "2025-11-17T18:00:00Z", 1763402400000000 },
		{ "2025-11-17t18:00:00z", 1763402400000000 },
		{ "2025-11-17 18:00:00Z", 1763402400000000 },
		{ "2025-11-17T19:00:00+01:00", 1763402400000000 },
		{ "2025-11-17T19:00:00 01:00", 1763402400000000 },
		{ "2025-11-17T12:30:00-05:30", 1763402400000000 },
		{ "2025-11-17T18:00:00.1Z", 1763402400100000 },
		{ "2025-11-17T18:00:00.123456789Z", 1763402400123456 },
		{ "1969-12-31T23:59:59.999999Z", -1 },
		{ "2016-12-31T23:59:60Z", 1483228800000000 },
		{ "0", 0 },
		{ "1763402400123", 1763402400123000 },
		{ "-1", -1000 },
		{ "999999999999999", 999999999999999000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t us = 0;

		if (vs_stamp_parse(cases[i].text, &us) != VS_OK ||
		    us != cases[i].us)
			fail_msg("%s: %lld", cases[i].text, (long long)us);
	}
}

static void test_refused(void **state)
{
	static const char *const cases[] = { "", "-", "x", "12a", " 1", "1 ",
		"1.5", "9999999999999999", "2025-11-17", "2025-11-17T18:00:00",
		"2025-11-17T18:00Z", "2025-13-01T00:00:00Z",
		"2025-00-01T00:00:00Z", "2025-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z", "2025-04-31T00:00:00Z",
		"2025-01-00T00:00:00Z", "2025-01-01T24:00:00Z",
		"2025-01-01T00:60:00Z", "2025-01-01T00:00:61Z",
		"2025-01-01T00:00:00.Z", "2025-01-01T00:00:00.1234567890Z",
		"2025-01-01T00:00:00Zx", "2025-01-01T00:00:00+1:00",
		"2025-01-01T00:00:00+24:00", "2025-01-01T00:00:00+00:60",
		"2025-01-01T00:00:00+0000", "25-01-01T00:00:00Z",
		"2025-1-01T00:00:00Z", "2025/01/01T00:00:00Z",
		"2025-01-01X00:00:00Z" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t us = 0;

		if (vs_stamp_parse(cases[i], &us) != VS_EINVAL)
			fail_msg("%s", cases[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_against_libc),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
