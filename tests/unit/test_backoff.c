#include "common/net/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "common/base/limits.h"

static void test_ranges(void **state)
{
	struct vs_rand r;

	(void)state;
	vs_rand_seed(&r, 1);
	for (int round = 0; round < 500; round++) {
		struct vs_backoff b = { 0 };
		int64_t cap = VS_RETRY_MIN_MS;

		for (int i = 0; i < 20; i++) {
			int64_t ms = vs_backoff_next(&b, &r, -1);

			assert_in_range(ms, VS_RETRY_MIN_MS / 2, cap);
			assert_int_equal(b.tries, i + 1);
			cap = cap * 2 < VS_RETRY_MAX_MS ? cap * 2
							: VS_RETRY_MAX_MS;
		}
		vs_backoff_reset(&b);
		assert_in_range(vs_backoff_next(&b, &r, -1),
		    VS_RETRY_MIN_MS / 2, VS_RETRY_MIN_MS);
	}
}

/* Full jitter: those that failed together do not come back together. */
static void test_spread(void **state)
{
	struct vs_backoff late = { .tries = 30 };
	int parts[4] = { 0 };
	struct vs_rand r;

	(void)state;
	vs_rand_seed(&r, 2);
	for (int i = 0; i < 4000; i++) {
		struct vs_backoff b = late;
		int64_t ms = vs_backoff_next(&b, &r, -1);

		parts[(ms - 1) * 4 / VS_RETRY_MAX_MS]++;
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(parts[i], 850, 1150);
}

static void test_for_ever(void **state)
{
	struct vs_backoff b = { .tries = INT32_MAX - 1 };
	struct vs_rand r;

	(void)state;
	vs_rand_seed(&r, 3);
	for (int i = 0; i < 5; i++)
		assert_in_range(vs_backoff_next(&b, &r, -1),
		    VS_RETRY_MIN_MS / 2, VS_RETRY_MAX_MS);
	assert_true(b.tries > 0);
}

static void test_retry_after_is_least(void **state)
{
	struct vs_backoff b = { 0 };
	struct vs_rand r;

	(void)state;
	vs_rand_seed(&r, 4);
	assert_int_equal(vs_backoff_next(&b, &r, 20000), 20000);
	assert_int_equal(
	    vs_backoff_next(&b, &r, INT64_MAX), VS_RETRY_AFTER_MAX_MS);
	b.tries = 0;
	assert_true(vs_backoff_next(&b, &r, 0) >= VS_RETRY_MIN_MS / 2);
}

static void test_retry_after(void **state)
{
	/* 1994-11-06T08:49:37Z, the example of the standard */
	const int64_t wall = 784111777000;
	static const struct {
		const char *value;
		int64_t ms;
	} cases[] = {
		{ NULL, -1 },
		{ "", -1 },
		{ "0", 0 },
		{ "120", 120000 },
		{ " 5", 5000 },
		{ "3600", 3600000 },
		{ "3601", VS_RETRY_AFTER_MAX_MS },
		{ "315360000", VS_RETRY_AFTER_MAX_MS },
		{ "99999999999999999999999999", VS_RETRY_AFTER_MAX_MS },
		{ "-5", -1 },
		{ "5.5", -1 },
		{ "5s", -1 },
		{ "soon", -1 },
		{ "Soon", -1 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
		{ "Sun, 06 Nov 1994 08:50:07 GMT", 30000 },
		{ "Sun, 06 Nov 1994 08:49:36 GMT", -1 },
		{ "Tue, 06 Nov 2035 08:49:37 GMT", VS_RETRY_AFTER_MAX_MS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ms = vs_backoff_retry_after(cases[i].value, wall);

		if (ms != cases[i].ms)
			fail_msg("%s: %lld", cases[i].value, (long long)ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_for_ever),
		cmocka_unit_test(test_retry_after_is_least),
		cmocka_unit_test(test_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
