/*
 * Sealed folders: the owner's engine on a real folder.  A row that rotted,
 * with the file as it was, tells whether a scan looked at it: then the file
 * is read again.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "tests/unit/enginekit.h"

#define WEEK_MS (7 * VS_RESCAN_MS)

static void sql(struct enginekit *k, const char *text)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(
	    sqlite3_open(scratch_at(k->dir, "state.db"), &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(db);
}

static int troubles(struct enginekit *k)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int n;

	assert_int_equal(
	    sqlite3_open(scratch_at(k->dir, "state.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(
			     db, "SELECT count(*) FROM trouble", -1, &st, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

/* The agent is away while the rows lose what they know of sizes. */
static void rot(struct enginekit *k)
{
	enginekit_stop(k);
	sql(k, "UPDATE entries SET size = size + 100 WHERE kind = 0");
	enginekit_start(k);
}

static void begin_with(struct enginekit *k, int folders)
{
	char name[32];

	for (int i = 0; i < folders; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		mkdir(enginekit_at(k, name), 0755);
		for (int f = 0; f < 3; f++) {
			snprintf(name, sizeof(name), "d%d/f%d", i, f);
			enginekit_write(k, name, name);
		}
	}
	enginekit_run(k, 20000);
	enginekit_agree(k);
}

static void restart(struct enginekit *k)
{
	enginekit_stop(k);
	enginekit_start(k);
	enginekit_run(k, 20000);
	enginekit_forget(k);
}

/* The first restart seals, the second one does not look at rows. */
static void test_rows_are_left(void **state)
{
	struct enginekit *k = *state;

	begin_with(k, 4);
	restart(k);
	rot(k);
	enginekit_run(k, 20000);
	assert_int_equal(k->hashes, 0);
	enginekit_scan(k); /* somebody asked for it */
	assert_int_equal(k->hashes, 12);
	enginekit_agree(k);
}

/* Not every start is so trusting. */
static void test_rows_are_due(void **state)
{
	struct enginekit *k = *state;

	begin_with(k, 2);
	restart(k);
	enginekit_stop(k);
	k->now.mono_ms += WEEK_MS;
	k->now.wall_ms += WEEK_MS;
	enginekit_start(k);
	rot(k);
	enginekit_run(k, 20000);
	assert_int_equal(k->hashes, 6);
	enginekit_agree(k);
}

/* The daily scan of one that runs on looks at them. */
static void test_daily(void **state)
{
	struct enginekit *k = *state;

	begin_with(k, 2);
	restart(k);
	enginekit_run(k, 20000);
	sql(k, "UPDATE entries SET size = size + 100 WHERE kind = 0");
	enginekit_run(k, 2 * VS_RESCAN_MS);
	assert_int_equal(k->hashes, 6);
	enginekit_agree(k);
}

/* A folder that is written to is compared by its rows, the others are not. */
static void test_one_is_written(void **state)
{
	struct enginekit *k = *state;

	begin_with(k, 4);
	restart(k);
	enginekit_write(k, "d1/f1", "edited");
	enginekit_hint(k, WATCH_CLOSED, false, "d1/f1");
	enginekit_run(k, 20000);
	enginekit_forget(k);
	rot(k);
	enginekit_run(k, 20000);
	assert_int_equal(k->hashes, 3);
	enginekit_scan(k);
	enginekit_agree(k);
}

/* Whatever happens to a sealed folder while nobody looks is found. */
static void test_changes_are_found(void **state)
{
	struct enginekit *k = *state;

	begin_with(k, 8);
	restart(k);
	enginekit_stop(k);
	enginekit_write(k, "d0/f0", "D0/F0"); /* of the same size */
	unlink(enginekit_at(k, "d1/f0"));
	enginekit_write(k, "d2/g", "new");
	chmod(enginekit_at(k, "d3/f0"), 0600);
	enginekit_rename(k, "d4/f0", "d4/f9");
	mkdir(enginekit_at(k, "d5/sub"), 0755);
	enginekit_write(k, "d5/sub/f", "below");
	enginekit_rename(k, "d6", "e6");
	unlink(enginekit_at(k, "d7/f0"));
	assert_int_equal(symlink("d7/f0", enginekit_at(k, "d7/f0")), 0);
	enginekit_start(k);
	enginekit_run(k, 20000);
	enginekit_agree(k);
	enginekit_renamed(k, "d4/f0", "d4/f9");
	assert_non_null(enginekit_event(k, "d0/f0"));
	assert_non_null(enginekit_event(k, "d3/f0"));
	restart(k); /* seals again */
	restart(k);
	enginekit_agree(k);
}

/* A folder below a sealed one is still gone into. */
static void test_below(void **state)
{
	struct enginekit *k = *state;

	begin_with(k, 1);
	mkdir(enginekit_at(k, "d0/a"), 0755);
	mkdir(enginekit_at(k, "d0/a/b"), 0755);
	enginekit_write(k, "d0/a/b/f", "deep");
	enginekit_scan(k);
	restart(k);
	enginekit_stop(k);
	enginekit_write(k, "d0/a/b/f", "DEEP");
	enginekit_start(k);
	enginekit_run(k, 20000);
	assert_non_null(enginekit_event(k, "d0/a/b/f"));
	enginekit_agree(k);
}

static void rule(struct enginekit *k, const char *text)
{
	enginekit_stop(k);
	enginekit_forget(k);
	if (text != NULL)
		enginekit_write(k, ".stignore", text);
	else
		unlink(enginekit_at(k, ".stignore"));
	enginekit_start(k);
	enginekit_run(k, 20000);
}

/*
 * A rule hides what is in a sealed folder, and shows it again: the disk is
 * the same all the time.  again: the folder is sealed as it is in between.
 */
static void hide_and_show(struct enginekit *k, bool again)
{
	begin_with(k, 2);
	restart(k);
	rule(k, "/d0/f1\n");
	assert_int_equal(enginekit_event(k, "d0/f1")->op, 'd');
	if (again)
		restart(k);
	rule(k, NULL);
	assert_non_null(enginekit_event(k, "d0/f1"));
	assert_int_equal(enginekit_event(k, "d0/f1")->op, 'c');
	assert_null(enginekit_event(k, "d0/f2"));
}

static void test_rules(void **state)
{
	hide_and_show(*state, true);
}

static void test_rules_at_once(void **state)
{
	hide_and_show(*state, false);
}

/* What cannot be published is told of after each start. */
static void test_trouble(void **state)
{
	struct enginekit *k = *state;

	begin_with(k, 1);
	enginekit_write(k, "d0/\xff", "no text");
	enginekit_scan(k);
	restart(k);
	enginekit_stop(k);
	sql(k, "DELETE FROM trouble");
	enginekit_start(k);
	enginekit_run(k, 20000);
	enginekit_stop(k);
	assert_int_equal(troubles(k), 1);
	enginekit_start(k);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown( \
	    name, enginekit_setup, enginekit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_rows_are_left),
		TEST(test_rows_are_due),
		TEST(test_daily),
		TEST(test_one_is_written),
		TEST(test_changes_are_found),
		TEST(test_below),
		TEST(test_rules),
		TEST(test_rules_at_once),
		TEST(test_trouble),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
