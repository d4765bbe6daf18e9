/* When a batch leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/publish/pace.h"
#include "common/base/limits.h"

#define NOW 1000000

static void test_nothing(void **state)
{
	const struct pace_view v = { .wall_ms = NOW, .quiet = true };
	struct pace p = pace_decide(&v);

	(void)state;
	assert_false(p.go);
	assert_int_equal(p.wait_ms, -1);
}

/* One change waits a little for others; a full batch waits for nothing. */
static void test_linger(void **state)
{
	struct pace_view v = {
		.wall_ms = NOW, .upserts = 1, .upserts_ms = NOW
	};
	struct pace p = pace_decide(&v);

	(void)state;
	assert_false(p.go);
	assert_int_equal(p.wait_ms, VS_LINGER_MS);
	v.upserts_ms = NOW - VS_LINGER_MS + 1;
	assert_int_equal(pace_decide(&v).wait_ms, 1);
	v.upserts_ms = NOW - VS_LINGER_MS;
	p = pace_decide(&v);
	assert_true(p.go);
	assert_false(p.deletes);
	v.upserts_ms = NOW;
	v.upserts = VS_BATCH_FLOOR - 1;
	assert_false(pace_decide(&v).go);
	v.upserts = VS_BATCH_FLOOR;
	assert_true(pace_decide(&v).go);
}

/* A first listing has most of the time; the first batch does not wait. */
static void test_listing(void **state)
{
	struct pace_view v = { .wall_ms = NOW,
		.upserts = VS_BATCH_FLOOR,
		.upserts_ms = NOW - 10000,
		.sent_ms = PACE_LISTING_MS - 1,
		.listing = true };

	(void)state;
	assert_false(pace_decide(&v).go);
	assert_int_equal(pace_decide(&v).wait_ms, 1);
	v.upserts = 1;
	v.upserts_ms = NOW;
	assert_int_equal(pace_decide(&v).wait_ms, VS_LINGER_MS);
	v.upserts = VS_BATCH_FLOOR;
	v.sent_ms = PACE_LISTING_MS;
	assert_true(pace_decide(&v).go);
	v.sent_ms = 0;
	v.listing = false;
	assert_true(pace_decide(&v).go);
	v.listing = true;
	v.upserts = 0;
	assert_int_equal(pace_decide(&v).wait_ms, -1);
}

/* A clock that was set back lets go what waits. */
static void test_clock(void **state)
{
	const struct pace_view v = {
		.wall_ms = NOW, .upserts = 1, .upserts_ms = NOW + 3600000
	};

	(void)state;
	assert_true(pace_decide(&v).go);
}

/* Deletions wait for more of them, and for what else is under way. */
static void test_deletes(void **state)
{
	struct pace_view v = {
		.wall_ms = NOW, .deletes = 5, .deletes_ms = NOW, .quiet = true
	};
	struct pace p = pace_decide(&v);

	(void)state;
	assert_false(p.go);
	assert_int_equal(p.wait_ms, PACE_IDLE_MS);
	v.idle_ms = PACE_IDLE_MS - 1;
	assert_int_equal(pace_decide(&v).wait_ms, 1);
	v.idle_ms = PACE_IDLE_MS;
	p = pace_decide(&v);
	assert_true(p.go && p.deletes);
	v.quiet = false;
	p = pace_decide(&v);
	assert_false(p.go);
	assert_int_equal(p.wait_ms, PACE_DELETE_MS);
	/* but not for ever */
	v.deletes_ms = NOW - PACE_DELETE_MS;
	p = pace_decide(&v);
	assert_true(p.go && p.deletes);
}

/* Upserts do not wait for deletions, nor take them along too early. */
static void test_both(void **state)
{
	struct pace_view v = {
		.wall_ms = NOW,
		.upserts = 1,
		.upserts_ms = NOW - VS_LINGER_MS,
		.deletes = 1,
		.deletes_ms = NOW,
		.quiet = true,
	};
	struct pace p = pace_decide(&v);

	(void)state;
	assert_true(p.go);
	assert_false(p.deletes);
	v.upserts_ms = NOW;
	assert_int_equal(pace_decide(&v).wait_ms, VS_LINGER_MS);
	v.idle_ms = PACE_IDLE_MS;
	p = pace_decide(&v);
	assert_true(p.go && p.deletes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_linger),
		cmocka_unit_test(test_listing),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_deletes),
		cmocka_unit_test(test_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
