/* The back-end without events: when it asks for a scan, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/watch/poll.h"
#include "agent/watch/watch.h"
#include "common/base/limits.h"

static void hear(void *arg, const struct watch_hint *h)
{
	int *scans = arg;

	assert_int_equal(h->what, WATCH_SCAN);
	assert_string_equal(h->path, "");
	assert_null(h->from);
	++*scans;
}

static void test_interval(void **state)
{
	(void)state;
	assert_int_equal(poll_interval_ms(0), VS_POLL_MIN_MS);
	assert_int_equal(poll_interval_ms(100), VS_POLL_MIN_MS);
	assert_int_equal(poll_interval_ms(3000), 3000 * VS_POLL_TIMES);
	assert_int_equal(poll_interval_ms(INT64_MAX), VS_POLL_MAX_MS);
	for (int64_t took = 0; took < VS_POLL_MAX_MS / VS_POLL_TIMES;
	     took += 977)
		assert_true(poll_interval_ms(took) >= VS_POLL_TIMES * took);
	assert_true(VS_POLL_MIN_MS >= 2000 && VS_POLL_TIMES >= 10);
}

static void test_poll(void **state)
{
	int scans = 0;
	const struct watch_ear ear = { .hint = hear, .arg = &scans };
	struct watch *w;
	int64_t now = 100000;

	(void)state;
	/* there need be no such folder: it looks at none */
	assert_int_equal(
	    watch_new(&w, WATCH_POLL, "/nonexistent", &ear, NULL), VS_OK);
	assert_int_equal(watch_kind(w), WATCH_POLL);
	assert_string_equal(watch_name(WATCH_POLL), "poll");
	assert_int_equal(watch_fd(w), -1);
	assert_int_equal(watch_add(w, "d", NULL), VS_OK);
	assert_int_equal(watch_count(w), 0);
	assert_int_equal(watch_due(w), INT64_MAX);
	watch_scanned(w, 2000, now);
	assert_int_equal(watch_due(w), now + 2000 * VS_POLL_TIMES);
	watch_tick(w, watch_due(w) - 1);
	assert_int_equal(scans, 0);
	now = watch_due(w);
	watch_tick(w, now);
	assert_int_equal(scans, 1);
	/* not again while that one runs; but should it never end */
	watch_tick(w, now + 1000);
	assert_int_equal(scans, 1);
	assert_int_equal(watch_due(w), now + VS_POLL_MAX_MS);
	watch_tick(w, watch_due(w));
	assert_int_equal(scans, 2);
	watch_clear(w);
	watch_scanned(w, 1, now);
	assert_int_equal(watch_due(w), now + VS_POLL_MIN_MS);
	watch_free(w);
	watch_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
