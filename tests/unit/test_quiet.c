/* When a file that may still be written to counts as whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/scan/quiet.h"

#define MIB (1024 * 1024LL)
#define GIB (1024 * MIB)

static void test_quiet_grows_with_size(void **state)
{
	static const struct {
		int64_t size;
		int64_t ms;
	} table[] = {
		{ 0, 2000 },
		{ MIB - 1, 2000 },
		{ MIB, 5000 },
		{ 100 * MIB, 10000 },
		{ GIB - 1, 10000 },
		{ GIB, 30000 },
		{ 10 * GIB, 60000 },
		{ 1000 * GIB, 60000 },
		{ INT64_MAX, 60000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(quiet_ms(table[i].size, false), table[i].ms);
		assert_int_equal(
		    quiet_ms(table[i].size, true), 10 * table[i].ms);
	}
}

/* Appended to every 100 ms for an hour. */
static void test_a_log_is_published_now_and_then(void **state)
{
	int64_t account = 0, last = 0, most = 0;
	int published = 0;

	(void)state;
	for (int64_t now = 1000000; now < 1000000 + 3600000; now += 100) {
		if (quiet_wait(account, now) > 0)
			continue;
		if (published >= QUIET_BURST)
			assert_true(now - last >= QUIET_EVERY_MS - 1000);
		if (published > 0 && now - last > most)
			most = now - last;
		account = quiet_spend(account, now);
		last = now;
		published++;
	}
	assert_in_range(published, 120, 124);
	assert_true(most <= QUIET_EVERY_MS + 100); /* never forgotten */
}

/* Saved by hand: each one at once. */
static void test_a_person_does_not_wait(void **state)
{
	int64_t account = 0;

	(void)state;
	for (int64_t now = 5000; now < 1000000; now += 31000) {
		assert_int_equal(quiet_wait(account, now), 0);
		account = quiet_spend(account, now);
	}
	account = 0;
	for (int i = 0; i < QUIET_BURST; i++) {
		assert_int_equal(quiet_wait(account, 7000 + i), 0);
		account = quiet_spend(account, 7000 + i);
	}
	assert_int_equal(quiet_wait(account, 7000 + QUIET_BURST),
	    QUIET_EVERY_MS - QUIET_BURST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quiet_grows_with_size),
		cmocka_unit_test(test_a_log_is_published_now_and_then),
		cmocka_unit_test(test_a_person_does_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
