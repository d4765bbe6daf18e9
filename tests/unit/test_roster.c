/* agent/scan/roster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/scan/roster.h"
#include "common/base/err.h"

#define MANY 5000

static void add(struct roster *r, const char *name, int64_t size)
{
	const struct disk_stat st = { .size = size };

	assert_int_equal(roster_add(r, name, &st), VS_OK);
}

static void test_order(void **state)
{
	struct roster r = { 0 };

	(void)state;
	add(&r, "b", 1);
	add(&r, "a", 2);
	add(&r, "\xff", 3);
	add(&r, "B", 4);
	add(&r, "ab", 5);
	assert_int_equal(roster_sort(&r), VS_OK);
	assert_string_equal(roster_name(&r, 0), "B");
	assert_string_equal(roster_name(&r, 1), "a");
	assert_string_equal(roster_name(&r, 2), "ab");
	assert_string_equal(roster_name(&r, 3), "b");
	assert_string_equal(roster_name(&r, 4), "\xff");
	assert_int_equal(r.row[0].stat.size, 4);
	assert_int_equal(r.row[2].stat.size, 5);
	assert_true(roster_has(&r, "ab"));
	assert_true(roster_has(&r, "B"));
	assert_true(roster_has(&r, "\xff"));
	assert_false(roster_has(&r, "c"));
	assert_false(roster_has(&r, ""));
	roster_release(&r);
	assert_false(roster_has(&r, "ab"));
}

/* Every stat stays with its name, whatever the order of arrival. */
static void test_many(void **state)
{
	struct roster r = { 0 };
	char name[32];

	(void)state;
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < MANY; i++) {
			int n = (i * 1237) % MANY;

			snprintf(name, sizeof(name), "clip_%06d", n);
			add(&r, name, n);
		}
		assert_int_equal(roster_sort(&r), VS_OK);
		assert_int_equal(r.count, MANY);
		for (int i = 0; i < MANY; i++) {
			snprintf(name, sizeof(name), "clip_%06d", i);
			assert_string_equal(roster_name(&r, (size_t)i), name);
			assert_int_equal(r.row[i].stat.size, i);
		}
		roster_reset(&r);
		assert_int_equal(r.count, 0);
	}
	roster_release(&r);
}

static void test_reset_keeps_little(void **state)
{
	struct roster r = { 0 };

	(void)state;
	add(&r, "a", 1);
	roster_reset(&r);
	assert_true(r.cap > 0 && r.row != NULL);
	for (int i = 0; i < MANY; i++)
		add(&r, "name", i);
	roster_reset(&r);
	assert_true(r.cap == 0 && r.row == NULL && r.text == NULL);
	add(&r, "b", 2);
	assert_string_equal(roster_name(&r, 0), "b");
	roster_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_reset_keeps_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
