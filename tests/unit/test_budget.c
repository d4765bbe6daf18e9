#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "cloud/service/budget.h"

static void test_floor(void **state)
{
	(void)state;
	/* up to a hundred may always go */
	assert_int_equal(budget_floor(0), 0);
	assert_int_equal(budget_floor(1), 0);
	assert_int_equal(budget_floor(100), 0);
	assert_int_equal(budget_floor(101), 1);
	assert_int_equal(budget_floor(400), 300);
	/* from there on a quarter is more than a hundred */
	assert_int_equal(budget_floor(401), 301);
	assert_int_equal(budget_floor(404), 303);
	assert_int_equal(budget_floor(1000000), 750000);
	/* no overflow at the end of the range */
	assert_int_equal(
	    budget_floor(INT64_MAX), INT64_MAX - (INT64_MAX / 100 * 25 + 1));
}

static void test_allows(void **state)
{
	(void)state;
	assert_true(budget_allows(400, 300));
	assert_false(budget_allows(400, 299));
	assert_true(budget_allows(50, 0));
	assert_true(budget_allows(10000, 7500));
	assert_false(budget_allows(10000, 7499));
}

/* One file at a time, in any project, exactly the loss may go. */
static void test_sweep(void **state)
{
	int64_t n, live, gone;

	(void)state;
	for (n = 1; n < 3000; n += 7) {
		for (live = n, gone = 0; live > 0 && budget_allows(n, live - 1);
		     live--)
			gone++;
		if (n <= 100)
			assert_int_equal(gone, n);
		else if (n <= 400)
			assert_int_equal(gone, 100);
		else
			assert_int_equal(gone, n * 25 / 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_floor),
		cmocka_unit_test(test_allows),
		cmocka_unit_test(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
