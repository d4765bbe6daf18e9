/* How large batches get: what was taken, refused, slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/publish/size.h"
#include "common/base/limits.h"

#define KIB 1024

enum what { TAKEN, REFUSED, FAILED };

static void test_one_answer(void **state)
{
	static const struct {
		enum what what;
		struct size_sent sent;
		int changes;
		int64_t bytes;
		int64_t ceiling;
	} table[] = {
		/* neither slow nor fast: as it was */
		{ TAKEN, { 100, 40 * KIB, 2000 }, 200, 64 * KIB, 256 * KIB },
		/* slow: half of what was sent, not of what was allowed */
		{ TAKEN, { 100, 40 * KIB, 3001 }, 50, 20 * KIB, 256 * KIB },
		{ TAKEN, { 1, 9 * KIB, 60000 }, 1, 4608, 256 * KIB },
		{ TAKEN, { 1, 300, 60000 }, 1, 4096, 256 * KIB },
		/* fast: half as much again */
		{ TAKEN, { 100, 40 * KIB, 10 }, 301, 96 * KIB, 256 * KIB },
		/* too large: half of it, remembered */
		{ REFUSED, { 200, 120 * KIB, 5 }, 100, 60 * KIB, 60 * KIB },
		{ REFUSED, { 3, 1 * KIB, 5 }, 2, 4096, 4096 },
		/* larger than the ceiling was: the ceiling never rises by it */
		{ REFUSED, { 500, 900 * KIB, 5 }, 250, 256 * KIB, 256 * KIB },
		/* failed: fewer, as large */
		{ FAILED, { 9, 5 * KIB, 5 }, 5, 64 * KIB, 256 * KIB },
		{ FAILED, { 1, 5 * KIB, 5 }, 1, 64 * KIB, 256 * KIB },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct size s = { 200, 64 * KIB, 256 * KIB, 0 };

		if (table[i].what == TAKEN)
			size_taken(&s, &table[i].sent);
		else if (table[i].what == REFUSED)
			size_refused(&s, &table[i].sent);
		else
			size_failed(&s, &table[i].sent);
		assert_int_equal(s.changes, table[i].changes);
		assert_int_equal(s.bytes, table[i].bytes);
		assert_int_equal(s.ceiling, table[i].ceiling);
	}
}

static void test_begins_whole(void **state)
{
	struct size s;

	(void)state;
	size_init(&s, 0);
	assert_int_equal(s.changes, VS_BATCH_CHANGES);
	assert_int_equal(s.bytes, VS_BATCH_BYTES);
	size_init(&s, 50 * KIB);
	assert_int_equal(s.changes, VS_BATCH_CHANGES);
	assert_int_equal(s.bytes, 50 * KIB);
	size_init(&s, 1);
	assert_int_equal(s.bytes, SIZE_BYTES_LEAST);
	size_init(&s, INT64_MAX);
	assert_int_equal(s.bytes, VS_BATCH_BYTES);
}

/* A fast server gets whole batches after a few. */
static void test_grows_to_the_most(void **state)
{
	struct size s = { 1, SIZE_BYTES_LEAST, VS_BATCH_BYTES, 0 };

	(void)state;
	for (int i = 0; i < 15; i++) {
		struct size_sent b = { s.changes, s.bytes, 50 };

		size_taken(&s, &b);
	}
	assert_int_equal(s.changes, VS_BATCH_CHANGES);
	assert_int_equal(s.bytes, VS_BATCH_BYTES);
}

/* One that takes a second for 100 changes is not given many more. */
static void test_finds_what_is_slow(void **state)
{
	struct size s;
	int64_t most = 0;

	(void)state;
	size_init(&s, 0);
	for (int i = 0; i < 200; i++) {
		struct size_sent b = { s.changes, (int64_t)s.changes * 220,
			s.changes * 10 };

		if (i > 3 && b.ms > most)
			most = b.ms;
		size_taken(&s, &b);
		assert_true(s.changes >= 1);
	}
	assert_true(most <= SIZE_SLOW_MS);
	assert_true(s.changes >= 50);
}

/* A limit of 100 KiB: seldom run into, and used. */
static void test_lives_with_a_limit(void **state)
{
	const int64_t limit = 100 * KIB;
	struct size s;
	int refused = 0, taken = 0;
	int64_t bytes = 0;

	(void)state;
	size_init(&s, 0);
	for (int i = 0; i < 2000; i++) {
		struct size_sent b = { VS_BATCH_CHANGES, s.bytes, 100 };

		if (b.bytes > limit) {
			size_refused(&s, &b);
			refused++;
		} else {
			size_taken(&s, &b);
			taken++;
			bytes += b.bytes;
		}
	}
	assert_true(refused >= 5); /* it is tried again */
	assert_true(refused < taken / 100);
	assert_true(bytes / taken > limit / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_answer),
		cmocka_unit_test(test_begins_whole),
		cmocka_unit_test(test_grows_to_the_most),
		cmocka_unit_test(test_finds_what_is_slow),
		cmocka_unit_test(test_lives_with_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
