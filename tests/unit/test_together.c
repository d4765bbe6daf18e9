/* What a scan finds is made durable together, a person's work at once. */
#include <stdlib.h>
#include <sqlite3.h>

#include "tests/unit/enginekit.h"

#define TOGETHER_MS 100

/* Rows of the manifest that are durable. */
static int rows(struct enginekit *k)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	int n;

	assert_int_equal(sqlite3_open_v2(scratch_at(k->dir, "state.db"), &db,
			     SQLITE_OPEN_READONLY, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(
			     db, "SELECT count(*) FROM entries", -1, &st, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

/* One of the hashes under way is done. */
static void deliver(struct enginekit *k)
{
	struct disk_hash *h = calloc(1, sizeof(*h));
	atomic_bool cancel = false;
	char *path;
	int code;

	assert_non_null(h);
	assert_true(k->jobs > 0);
	path = k->job[--k->jobs].path;
	code = k->disk->hash(k->disk, path, h, &cancel, NULL);
	engine_hashed(k->engine, k->job[k->jobs].id, code, h, k->now);
	free(path);
	free(h);
}

static int64_t step(struct enginekit *k, int64_t ms)
{
	k->now.mono_ms += ms;
	k->now.wall_ms += ms;
	return engine_step(k->engine, k->now) - k->now.mono_ms;
}

static void find_three(struct enginekit *k)
{
	k->hold = true;
	enginekit_write(k, "a", "one");
	enginekit_write(k, "b", "two");
	enginekit_write(k, "c", "three");
	enginekit_run(k, 3000);
	assert_int_equal(k->jobs, 3);
	assert_int_equal(rows(k), 0);
}

static void test_waits(void **state)
{
	struct enginekit *k = *state;
	int64_t due;

	find_three(k);
	deliver(k);
	due = step(k, 0);
	assert_in_range(due, 1, TOGETHER_MS);
	assert_int_equal(rows(k), 0);
	deliver(k);
	step(k, TOGETHER_MS - 1);
	assert_int_equal(rows(k), 0);
	step(k, 1);
	assert_int_equal(rows(k), 2);
}

static void test_last(void **state)
{
	struct enginekit *k = *state;

	find_three(k);
	deliver(k);
	deliver(k);
	step(k, 0);
	assert_int_equal(rows(k), 0);
	deliver(k);
	step(k, 0);
	assert_int_equal(rows(k), 3);
}

/* Somebody saved one of the files: it does not wait for others. */
static void test_saved(void **state)
{
	struct enginekit *k = *state;

	enginekit_run(k, 3000);
	k->hold = true;
	enginekit_write(k, "a", "one");
	enginekit_write(k, "b", "two");
	enginekit_hint(k, WATCH_CLOSED, false, "a");
	enginekit_hint(k, WATCH_CLOSED, false, "b");
	enginekit_run(k, 500);
	assert_int_equal(k->jobs, 2);
	deliver(k);
	step(k, 0);
	assert_int_equal(rows(k), 1);
}

static void done(void *arg, int code, const char *text)
{
	(void)arg;
	(void)code;
	(void)text;
}

/* Nor does anything while somebody waits for all of it. */
static void test_flush(void **state)
{
	struct enginekit *k = *state;

	find_three(k);
	assert_int_equal(engine_flush(k->engine, done, k, k->now, NULL), 0);
	deliver(k);
	step(k, 0);
	assert_int_equal(rows(k), 1);
}

int main(void)
{
#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, enginekit_setup, enginekit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_waits),
		TEST(test_last),
		TEST(test_saved),
		TEST(test_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
