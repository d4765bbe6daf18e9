/* Waiting for what was there, and for what it led to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/engine/barrier.h"

static void test_empty(void **state)
{
	struct barrier b;
	struct barrier_wait w;

	(void)state;
	barrier_init(&b);
	barrier_wait(&b, &w);
	assert_int_equal(w.left, 0);
	barrier_forget(&b, &w);
	barrier_forget(&b, &w); /* nothing */
}

/* Units of before count, later ones do not. */
static void test_before_and_after(void **state)
{
	struct barrier_wait first, second;
	struct barrier b;
	uint64_t a, c;

	(void)state;
	barrier_init(&b);
	a = barrier_enter(&b);
	barrier_wait(&b, &first);
	c = barrier_enter(&b);
	assert_true(c > a);
	assert_int_equal(first.left, 1);
	barrier_wait(&b, &second);
	assert_int_equal(second.left, 2);
	barrier_leave(&b, c);
	assert_int_equal(first.left, 1);
	assert_int_equal(second.left, 1);
	barrier_leave(&b, a);
	assert_int_equal(first.left, 0);
	assert_int_equal(second.left, 0);
	assert_int_equal(b.units, 0);
	barrier_forget(&b, &first);
	barrier_forget(&b, &second);
	assert_null(b.waits);
}

/* What a unit leads to is waited for with it, however late it comes. */
static void test_inherited(void **state)
{
	struct barrier_wait w;
	struct barrier b;
	uint64_t a;

	(void)state;
	barrier_init(&b);
	a = barrier_enter(&b);
	barrier_wait(&b, &w);
	barrier_inherit(&b, a);
	barrier_inherit(&b, a);
	barrier_leave(&b, a);
	assert_int_equal(w.left, 2);
	barrier_inherit(&b, barrier_enter(&b)); /* of a later one */
	assert_int_equal(w.left, 2);
	barrier_leave(&b, a);
	barrier_leave(&b, a);
	assert_int_equal(w.left, 0);
	barrier_forget(&b, &w);
}

/* No unit: nobody waits for it. */
static void test_none(void **state)
{
	struct barrier_wait w;
	struct barrier b;

	(void)state;
	barrier_init(&b);
	barrier_wait(&b, &w);
	barrier_inherit(&b, 0);
	barrier_leave(&b, 0);
	assert_int_equal(w.left, 0);
	assert_int_equal(b.units, 0);
	barrier_forget(&b, &w);
}

/* One in the middle of those who wait goes. */
static void test_forget(void **state)
{
	struct barrier_wait w[3];
	struct barrier b;
	uint64_t a;

	(void)state;
	barrier_init(&b);
	a = barrier_enter(&b);
	for (int i = 0; i < 3; i++)
		barrier_wait(&b, &w[i]);
	barrier_forget(&b, &w[1]);
	barrier_leave(&b, a);
	assert_int_equal(w[0].left, 0);
	assert_int_equal(w[1].left, 1);
	assert_int_equal(w[2].left, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_before_and_after),
		cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
