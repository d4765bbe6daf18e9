/* Which deletions leave by themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/scan/hold.h"

static bool held(int64_t baseline, int64_t live, int64_t deletes)
{
	const struct hold_view v = {
		.live = live,
		.baseline = baseline,
		.deletes = deletes,
	};

	return hold_decide(&v);
}

static void test_edges(void **state)
{
	(void)state;
	assert_false(held(0, 0, 0));
	/* a hundred may always go, if they are not all */
	assert_false(held(101, 101, 100));
	assert_false(held(400, 400, 100));
	assert_true(held(400, 400, 101));
	/* from there on a quarter is more than a hundred */
	assert_false(held(404, 404, 101));
	assert_true(held(404, 404, 102));
	assert_false(held(1000000, 1000000, 250000));
	assert_true(held(1000000, 1000000, 250001));
}

/* An emptied folder is asked about, unless there was next to nothing. */
static void test_all(void **state)
{
	(void)state;
	assert_false(held(9, 9, 9));
	assert_true(held(HOLD_ALL_FROM, HOLD_ALL_FROM, HOLD_ALL_FROM));
	assert_false(held(50, 50, 49));
	assert_true(held(50, 50, 50));
}

/* By and by is as much as at once: what counts is the most there were. */
static void test_by_and_by(void **state)
{
	int64_t live = 1000;

	(void)state;
	while (live > 0 && !held(1000, live, 10))
		live -= 10;
	assert_int_equal(live, 750);
}

/* What is made in the same breath makes up for what goes: renames. */
static void test_replaced(void **state)
{
	struct hold_view v = {
		.live = 1000,
		.baseline = 1000,
		.creates = 1000,
		.deletes = 1000,
	};

	(void)state;
	assert_false(hold_decide(&v));
	v.creates = 750;
	assert_false(hold_decide(&v));
	v.creates = 749;
	assert_true(hold_decide(&v));
}

/* Without a deletion there is nothing to hold, however little is left. */
static void test_none(void **state)
{
	(void)state;
	assert_false(held(1000, 10, 0));
	assert_false(held(INT64_MAX, 0, 0));
	assert_true(held(INT64_MAX, INT64_MAX / 2, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_by_and_by),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
