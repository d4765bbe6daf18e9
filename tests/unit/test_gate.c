#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "cloud/service/gate.h"

struct row {
	bool known, current;
	int64_t known_generation, generation;
	int64_t last, counter;
	bool same_body;
	enum gate_verdict verdict;
	int64_t expected;
};

static const struct row rows[] = {
	/* an epoch never seen begins with 1 */
	{ false, false, 0, 1, 0, 1, false, GATE_PASS, 1 },
	{ false, false, 0, 1, 0, 2, false, GATE_GAP, 1 },
	{ false, false, 0, 1, 0, INT64_MAX, false, GATE_GAP, 1 },
	/* then each follows the one before */
	{ true, true, 1, 1, 1, 2, false, GATE_PASS, 2 },
	{ true, true, 1, 1, 7, 8, true, GATE_PASS, 8 },
	{ true, true, 1, 1, 7, 9, false, GATE_GAP, 8 },
	{ true, true, 1, 1, 7, 6, true, GATE_GAP, 8 },
	{ true, true, 1, 1, 7, 1, true, GATE_GAP, 8 },
	/* the latest again */
	{ true, true, 1, 1, 7, 7, true, GATE_REPEAT, 8 },
	{ true, true, 1, 1, 7, 7, false, GATE_MISMATCH, 8 },
	/* over: another epoch of the device, or another publisher since */
	{ true, false, 1, 1, 7, 8, true, GATE_STALE, 1 },
	{ true, false, 1, 1, 7, 7, true, GATE_STALE, 1 },
	{ true, true, 1, 2, 7, 7, true, GATE_STALE, 1 },
	{ true, true, 1, 3, 7, 8, true, GATE_STALE, 1 },
};

static void test_table(void **state)
{
	uint8_t digest[VS_SHA256_SIZE];
	struct store_epoch known;
	int64_t expected;
	size_t i;

	(void)state;
	memset(digest, 7, sizeof(digest));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		enum gate_verdict got;

		memset(&known, 0, sizeof(known));
		known.current = r->current;
		known.generation = r->known_generation;
		known.counter = r->last;
		memset(known.digest, r->same_body ? 7 : 8, VS_SHA256_SIZE);
		expected = -1;
		got = gate_check(r->known ? &known : NULL, r->generation,
		    r->counter, digest, &expected);
		if (got != r->verdict || expected != r->expected)
			fail_msg("row %zu: %d, expected %ld", i, (int)got,
			    (long)expected);
	}
}

/* An epoch begins behind the batch that it knows of, or not at all. */
static void test_begin(void **state)
{
	struct store_epoch head = {
		.epoch = "d", .counter = 5, .generation = 2, .current = true
	};
	struct vs_batch_id id = { .epoch = "e", .counter = 1 };
	struct vs_batch_mark latest;

	(void)state;
	/* an agent that does not say */
	assert_true(gate_begin(&head, 2, &id, &latest));
	assert_string_equal(latest.epoch, "d");
	assert_int_equal(latest.counter, 5);
	/* a state that knows of none, and one that does */
	id.linked = true;
	assert_false(gate_begin(&head, 2, &id, &latest));
	assert_true(gate_begin(NULL, 2, &id, &latest));
	assert_string_equal(latest.epoch, "");
	id.follows = latest;
	assert_true(gate_begin(NULL, 2, &id, &latest));
	(void)strcpy(id.follows.epoch, "d");
	id.follows.counter = 5;
	assert_true(gate_begin(&head, 2, &id, &latest));
	assert_false(gate_begin(NULL, 2, &id, &latest));
	/* the epoch it follows went on */
	head.counter = 6;
	assert_false(gate_begin(&head, 2, &id, &latest));
	assert_int_equal(latest.counter, 6);
	/* nobody follows what ended with the role */
	head.counter = 5;
	assert_false(gate_begin(&head, 3, &id, &latest));
	assert_string_equal(latest.epoch, "");
	assert_int_equal(latest.counter, 0);
}

/* Whatever arrives in whatever order, each number passes once, in order. */
static void test_once(void **state)
{
	struct store_epoch known = { .current = true };
	uint8_t digest[VS_SHA256_SIZE] = { 0 };
	uint64_t seed = 42;
	int64_t expected, passed = 0, counter;
	int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		counter = 1 + (int64_t)((seed >> 33) % 200);
		memset(digest, (int)(counter & 0xff), sizeof(digest));
		if (gate_check(passed == 0 ? NULL : &known, 0, counter, digest,
			&expected) != GATE_PASS)
			continue;
		assert_int_equal(counter, passed + 1);
		passed = counter;
		known.counter = counter;
		memcpy(known.digest, digest, sizeof(digest));
	}
	assert_true(passed > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
