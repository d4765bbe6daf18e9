/* Who may be looked at, and who first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/scan/settle.h"
#include "common/base/limits.h"

static struct settle_item *put(struct settle *s, const char *path,
    enum settle_why why, unsigned flags, int64_t now)
{
	bool fresh;
	struct settle_item *item = settle_put(s, path, why, now, now, &fresh);

	assert_non_null(item);
	item->flags |= flags;
	settle_sort(s, item);
	return item;
}

static void takes(
    struct settle *s, unsigned lanes, int64_t now, const char *path)
{
	struct settle_item *item = settle_take(s, lanes, now);

	if (path == NULL) {
		assert_null(item);
		return;
	}
	assert_non_null(item);
	assert_string_equal(item->path, path);
	settle_item_free(item);
}

static void test_due_in_order(void **state)
{
	struct settle *s = settle_new();

	(void)state;
	put(s, "c", SETTLE_CLOSED, 0, 30);
	put(s, "a", SETTLE_CLOSED, 0, 10);
	put(s, "w", SETTLE_WRITTEN, 0, 0);
	put(s, "b", SETTLE_CLOSED, 0, 20);
	assert_int_equal(settle_due(s, SETTLE_ALL), 10 + VS_SETTLE_MS);
	takes(s, SETTLE_ALL, 10 + VS_SETTLE_MS - 1, NULL);
	takes(s, SETTLE_ALL, 10 + VS_SETTLE_MS, "a");
	takes(s, SETTLE_ALL, 1000, "b");
	takes(s, SETTLE_ALL, 1000, "c");
	takes(s, SETTLE_ALL, 1000, NULL);
	takes(s, SETTLE_ALL, VS_QUIET_MS, "w");
	assert_int_equal(settle_due(s, SETTLE_ALL), INT64_MAX);
	settle_free(s);
}

/* Closed again and again, a file is looked at all the same. */
static void test_words_do_not_put_off_for_ever(void **state)
{
	struct settle *s = settle_new();

	(void)state;
	for (int64_t now = 0; now <= 2 * SETTLE_LATEST_MS; now += 10) {
		put(s, "log", SETTLE_CLOSED, SETTLE_RECORDING, now);
		if (settle_due(s, SETTLE_ALL) <= now) {
			assert_in_range(now, 1, SETTLE_LATEST_MS + 10);
			takes(s, SETTLE_ALL, now, "log");
			settle_free(s);
			return;
		}
	}
	fail();
}

static void test_the_fresh_before_a_scans_finds(void **state)
{
	struct settle *s = settle_new();
	char path[32];
	int found = 0;

	(void)state;
	for (int i = 0; i < 40000; i++) {
		snprintf(path, sizeof(path), "found-%d", i);
		put(s, path, SETTLE_SEEN, 0, i / 100);
	}
	put(s, "film", SETTLE_SEEN, SETTLE_LARGE, 0);
	put(s, "saved", SETTLE_CLOSED, SETTLE_FRESH, 1000);
	takes(s, SETTLE_ALL, 1000 + VS_SETTLE_MS, "saved");
	/* and they are not starved by what comes anew */
	for (int i = 0; i < 400; i++) {
		struct settle_item *item;

		put(s, "saved", SETTLE_SEEN, SETTLE_FRESH, 2000);
		item = settle_take(s, SETTLE_ALL, 2000);
		found += strncmp(item->path, "found", 5) == 0;
		settle_item_free(item);
	}
	assert_in_range(found, 90, 110);
	settle_free(s);
}

static void test_the_large_last(void **state)
{
	struct settle *s = settle_new();
	const unsigned no_long = SETTLE_ALL & ~(1U << SETTLE_LONG);

	(void)state;
	put(s, "film", SETTLE_SEEN, SETTLE_LARGE, 0);
	put(s, "note", SETTLE_SEEN, 0, 5);
	takes(s, SETTLE_ALL, 10, "note");
	takes(s, no_long, 10, NULL);
	assert_int_equal(settle_due(s, no_long), INT64_MAX);
	assert_int_equal(settle_due(s, SETTLE_ALL), 0);
	/* somebody works on it after all */
	put(s, "film", SETTLE_SEEN, SETTLE_FRESH, 20);
	takes(s, no_long, 20, "film");
	settle_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due_in_order),
		cmocka_unit_test(test_words_do_not_put_off_for_ever),
		cmocka_unit_test(test_the_fresh_before_a_scans_finds),
		cmocka_unit_test(test_the_large_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
