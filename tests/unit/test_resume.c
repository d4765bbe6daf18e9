/*
 * Starts without a full scan: what a watcher with a history tells of the time
 * between two runs is enough, and where it is not, all is scanned.
 */
#include "tests/unit/enginekit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/core.h"

#define DAY_MS (24 * 60 * 60 * 1000LL)

/* The watcher, as far as struct disk knows it. */
static struct {
	char mark[DISK_MARK_SIZE]; /* how far it has told */
	char asked[DISK_MARK_SIZE]; /* from where it was to tell */
	bool refuses;
	int asks;
} history;

static int (*real_list)(
    struct disk *d, const char *dir, struct roster *out, struct vs_err *err);
static int lists; /* folders that were read */
static const char *bad; /* folder that cannot be */

static int list(
    struct disk *d, const char *dir, struct roster *out, struct vs_err *err)
{
	lists++;
	if (bad != NULL && strcmp(bad, dir) == 0)
		return vs_err_set(err, VS_EIO, "bad");
	return real_list(d, dir, out, err);
}

static void told(struct disk *d, char out[DISK_MARK_SIZE])
{
	(void)d;
	snprintf(out, DISK_MARK_SIZE, "%s", history.mark);
}

static bool resume(struct disk *d, const char *mark)
{
	(void)d;
	history.asks++;
	snprintf(history.asked, sizeof(history.asked), "%s", mark);
	return !history.refuses;
}

static void stand(const char *mark)
{
	snprintf(history.mark, sizeof(history.mark), "%s", mark);
}

/* A folder that was scanned and published, watched up to "one". */
static int setup(void **state)
{
	struct enginekit *k;

	enginekit_setup(state);
	k = *state;
	real_list = k->disk->list;
	k->disk->list = list;
	k->disk->ahead = NULL;
	k->disk->behind = NULL;
	k->disk->told = told;
	k->disk->resume = resume;
	memset(&history, 0, sizeof(history));
	bad = NULL;
	stand("one");
	scratch_mkdir(k->dir, "root/d");
	enginekit_write(k, "a", "a");
	enginekit_write(k, "d/b", "b");
	enginekit_run(k, 20000);
	assert_non_null(enginekit_event(k, "d/b"));
	enginekit_forget(k);
	lists = 0;
	return 0;
}

static bool is_scanning(struct enginekit *k)
{
	json_t *doc = engine_status(k->engine, k->now);
	bool yes = json_boolean_value(json_object_get(doc, "scanning"));

	json_decref(doc);
	return yes;
}

/* Starts; all: everything was scanned. */
static void begin(struct enginekit *k, bool all)
{
	lists = 0;
	history.asks = 0;
	enginekit_start(k);
	enginekit_run(k, 20000);
	if (all != (lists > 0))
		fail_msg("%d folders were read", lists);
	assert_int_equal(is_scanning(k), !all);
}

/* All of the history was told. */
static void caught_up(struct enginekit *k)
{
	enginekit_hint(k, WATCH_CAUGHT_UP, false, "");
	enginekit_run(k, 20000);
}

static void restart(struct enginekit *k, bool all)
{
	enginekit_stop(k);
	begin(k, all);
}

/* The next start is without a scan, from mark. */
static void expect_resumed(struct enginekit *k, const char *mark)
{
	restart(k, false);
	assert_int_equal(history.asks, 1);
	assert_string_equal(history.asked, mark);
	caught_up(k);
	assert_false(is_scanning(k));
	assert_int_equal(lists, 0);
}

/* The next start scans; nobody is asked for a history. */
static void expect_scan(struct enginekit *k)
{
	restart(k, true);
	assert_int_equal(history.asks, 0);
}

static void test_nothing_changed(void **state)
{
	struct enginekit *k = *state;

	for (int i = 0; i < 3; i++)
		expect_resumed(k, "one");
	assert_int_equal(k->hashes, 0);
	assert_int_equal(k->count, 0);
	enginekit_agree(k);
}

static void test_what_changed(void **state)
{
	struct enginekit *k = *state;

	enginekit_stop(k);
	enginekit_write(k, "a", "other");
	enginekit_write(k, "new", "new");
	scratch_mkdir(k->dir, "root/e");
	enginekit_write(k, "e/f", "f");
	scratch_remove(k->dir, "root/d");
	begin(k, false);
	/* told in the order of names; e's file in e's look */
	enginekit_hint(k, WATCH_CHANGED, false, "a");
	enginekit_hint(k, WATCH_VANISHED, false, "d/b");
	enginekit_hint(k, WATCH_DIR_VANISHED, false, "d");
	enginekit_hint(k, WATCH_DIR_APPEARED, false, "e");
	enginekit_hint(k, WATCH_APPEARED, false, "new");
	assert_true(is_scanning(k));
	stand("two");
	caught_up(k);
	assert_false(is_scanning(k));
	assert_int_equal(lists, 1);
	enginekit_agree(k);
	expect_resumed(k, "two");
}

/* What no history tells of waits for the periodic scan, which comes. */
static void test_periodic_scan(void **state)
{
	struct enginekit *k = *state;
	struct vs_now start = k->now;

	enginekit_stop(k);
	enginekit_write(k, "a", "by another system");
	begin(k, false);
	caught_up(k);
	assert_null(enginekit_event(k, "a"));
	/* however often it is started again */
	for (int i = 0; i < 8; i++) {
		enginekit_run(k, DAY_MS / 6);
		enginekit_stop(k);
		k->now.mono_ms += 1000;
		k->now.wall_ms += 1000;
		enginekit_start(k);
		caught_up(k);
	}
	assert_true(k->now.mono_ms - start.mono_ms < DAY_MS * 3 / 2);
	assert_non_null(enginekit_event(k, "a"));
	enginekit_agree(k);
}

/* One that is long overdue waits a moment, not a day. */
static void test_overdue_scan(void **state)
{
	struct enginekit *k = *state;

	enginekit_stop(k);
	k->now.wall_ms += 100 * DAY_MS;
	begin(k, false);
	caught_up(k);
	assert_int_equal(lists, 0);
	enginekit_run(k, 60 * 60 * 1000);
	assert_true(lists > 0);
	/* a clock that was put back says nothing */
	enginekit_stop(k);
	k->now.wall_ms -= 200 * DAY_MS;
	begin(k, false);
	caught_up(k);
	enginekit_run(k, 60 * 60 * 1000);
	assert_true(lists > 0);
}

static void test_refused(void **state)
{
	struct enginekit *k = *state;

	history.refuses = true;
	enginekit_stop(k);
	enginekit_write(k, "a", "other");
	begin(k, true);
	assert_int_equal(history.asks, 1);
	enginekit_agree(k);
	/* a scan that was done is as good a start for the next history */
	history.refuses = false;
	stand("two");
	enginekit_hint(k, WATCH_TOUCHED, false, "a");
	enginekit_run(k, 20000);
	expect_resumed(k, "two");
}

/* No history, no mark: as ever. */
static void test_no_history(void **state)
{
	struct enginekit *k = *state;

	stand("");
	expect_resumed(k, "one");
	k->disk->resume = NULL;
	expect_scan(k);
	k->disk->resume = resume;
	k->disk->told = NULL;
	expect_scan(k);
	expect_scan(k);
}

/* What a killed agent, or a machine without power, leaves in its state. */
static void test_killed(void **state)
{
	struct enginekit *k = *state;
	char cmd[600];

	for (int i = 0; i < 2; i++) {
		snprintf(cmd, sizeof(cmd),
		    "cd %s && rm -f kill.* && for s in '' -wal; do cp "
		    "state.db$s kill.db$s 2>/dev/null; done; true",
		    k->dir->path);
		assert_int_equal(system(cmd), 0);
		enginekit_stop(k);
		snprintf(cmd, sizeof(cmd),
		    "cd %s && rm -f state.db* && for s in '' -wal; do cp "
		    "kill.db$s state.db$s 2>/dev/null; done; true",
		    k->dir->path);
		assert_int_equal(system(cmd), 0);
		begin(k, true);
		assert_int_equal(history.asks, 0);
		/* nor in the middle of a history */
		if (i == 0)
			restart(k, false);
	}
}

/* An older state with an older mark: more is told again. */
static void test_older_state(void **state)
{
	struct enginekit *k = *state;
	char cmd[600];

	enginekit_stop(k);
	snprintf(cmd, sizeof(cmd), "cd %s && cp state.db old.db", k->dir->path);
	assert_int_equal(system(cmd), 0);
	begin(k, false);
	caught_up(k);
	enginekit_write(k, "a", "other");
	stand("two");
	enginekit_hint(k, WATCH_CHANGED, false, "a");
	enginekit_run(k, 20000);
	expect_resumed(k, "two");
	enginekit_stop(k);
	snprintf(cmd, sizeof(cmd),
	    "cd %s && rm state.db* && cp old.db state.db", k->dir->path);
	assert_int_equal(system(cmd), 0);
	begin(k, false);
	assert_string_equal(history.asked, "one");
	enginekit_hint(k, WATCH_CHANGED, false, "a");
	caught_up(k);
	enginekit_agree(k);
}

/* What is not durable yet is not before the mark. */
static void test_not_at_rest(void **state)
{
	struct enginekit *k = *state;

	k->hold = true;
	enginekit_write(k, "a", "other");
	stand("two");
	enginekit_hint(k, WATCH_CLOSED, false, "a");
	enginekit_run(k, 20000);
	assert_int_equal(k->jobs, 1);
	enginekit_stop(k);
	k->hold = false;
	begin(k, false);
	assert_string_equal(history.asked, "one");
	/* nor while it was told again and not yet looked at */
	enginekit_hint(k, WATCH_CLOSED, false, "a");
	enginekit_stop(k);
	begin(k, false);
	assert_string_equal(history.asked, "one");
	enginekit_hint(k, WATCH_CLOSED, false, "a");
	caught_up(k);
	enginekit_agree(k);
	expect_resumed(k, "two");
}

/* In sync only when what was told is durable. */
static void test_in_sync(void **state)
{
	struct enginekit *k = *state;

	enginekit_stop(k);
	enginekit_write(k, "a", "other");
	begin(k, false);
	k->hold = true;
	enginekit_hint(k, WATCH_CLOSED, false, "a");
	enginekit_hint(k, WATCH_CAUGHT_UP, false, "");
	enginekit_run(k, 20000);
	assert_true(is_scanning(k));
	k->hold = false;
	enginekit_run(k, 20000);
	assert_false(is_scanning(k));
	enginekit_agree(k);
}

static void flushed(void *arg, int code, const char *text)
{
	(void)text;
	assert_int_equal(code, VS_OK);
	*(bool *)arg = true;
}

static int watch(struct disk *d, const char *dir, struct vs_err *err)
{
	(void)d;
	(void)dir;
	(void)err;
	return VS_OK;
}

static char cookie_name[64];

static int cookie(struct disk *d, const char *name, struct vs_err *err)
{
	(void)d;
	(void)err;
	snprintf(cookie_name, sizeof(cookie_name), ".vsync/cookie-%s", name);
	return VS_OK;
}

/* A barrier does not pass before the history was told. */
static void test_barrier(void **state)
{
	struct enginekit *k = *state;
	bool done = false;

	k->disk->watch = watch;
	k->disk->cookie = cookie;
	enginekit_stop(k);
	enginekit_write(k, "a", "other");
	begin(k, false);
	assert_int_equal(
	    engine_flush(k->engine, flushed, &done, k->now, NULL), VS_OK);
	enginekit_hint(k, WATCH_APPEARED, false, cookie_name);
	enginekit_run(k, 20000);
	assert_false(done);
	enginekit_hint(k, WATCH_CLOSED, false, "a");
	caught_up(k);
	assert_true(done);
	assert_non_null(enginekit_event(k, "a"));
	assert_int_equal(lists, 0);
}

/* The rules are others, and nobody said so: what they hide must go. */
static void test_other_rules(void **state)
{
	struct enginekit *k = *state;

	enginekit_stop(k);
	enginekit_write(k, ".stignore", "d\n");
	begin(k, true);
	assert_non_null(enginekit_event(k, "d/b"));
	assert_int_equal(enginekit_event(k, "d/b")->op, 'd');
	expect_resumed(k, "one");
	/* they cannot be read: nobody knows what is to be hidden */
	enginekit_stop(k);
	enginekit_write(k, ".stignore", "#include nothing\n");
	lists = 0;
	enginekit_start(k);
	enginekit_hint(k, WATCH_CLOSED, false, ".stignore");
	enginekit_run(k, 20000);
	assert_int_equal(lists, 0);
	assert_true(is_scanning(k));
	enginekit_write(k, ".stignore", "d\n");
	enginekit_run(k, 100000);
	assert_true(lists > 0);
	assert_false(is_scanning(k));
}

/* Told before the first step, when the rules have not been read. */
static void test_told_at_once(void **state)
{
	struct enginekit *k = *state;

	enginekit_stop(k);
	enginekit_write(k, "a", "other");
	lists = 0;
	enginekit_start(k);
	enginekit_hint(k, WATCH_CLOSED, false, "a");
	caught_up(k);
	assert_int_equal(lists, 0);
	enginekit_agree(k);
}

/* Events were lost, in the history or since: all is scanned, and until that
 * has ended no mark holds. */
static void test_doubt(void **state)
{
	struct enginekit *k = *state;

	restart(k, false);
	enginekit_hint(k, WATCH_OVERFLOW, false, "");
	enginekit_hint(k, WATCH_CAUGHT_UP, false, "");
	enginekit_run(k, 20000);
	assert_true(lists > 0);
	assert_false(is_scanning(k));
	expect_resumed(k, "one");
	/* the agent ends before it has scanned */
	enginekit_hint(k, WATCH_OVERFLOW, false, "");
	expect_scan(k);
	enginekit_stop(k);
	begin(k, false);
	enginekit_hint(k, WATCH_OVERFLOW, false, "");
	expect_scan(k);
	/* or while it scans */
	k->hold = true;
	enginekit_write(k, "a", "other");
	engine_doubt(k->engine, "slept", k->now);
	enginekit_run(k, 20000);
	enginekit_stop(k);
	k->hold = false;
	begin(k, true);
	enginekit_agree(k);
}

/* The system never says that this was all. */
static void test_never_caught_up(void **state)
{
	struct enginekit *k = *state;

	restart(k, false);
	enginekit_run(k, 10 * 60 * 1000);
	assert_true(lists > 0);
	assert_false(is_scanning(k));
}

/* A folder cannot be read: who knows what is in it once it can. */
static void test_unreadable(void **state)
{
	struct enginekit *k = *state;

	bad = "d";
	enginekit_scan(k);
	enginekit_write(k, "d/b", "other");
	enginekit_stop(k);
	bad = NULL;
	begin(k, true);
	enginekit_agree(k);
	/* found by a hint */
	bad = "d";
	enginekit_hint(k, WATCH_DIR_APPEARED, false, "d");
	enginekit_run(k, 20000);
	expect_scan(k);
	/* mended while it runs */
	bad = NULL;
	enginekit_scan(k);
	enginekit_run(k, 70000); /* it was to be tried again */
	expect_resumed(k, "one");
}

/* The root is another one, or away for a while. */
static void test_root(void **state)
{
	struct enginekit *k = *state;

	enginekit_stop(k);
	scratch_rename(k->dir, "root", "away");
	lists = 0;
	enginekit_start(k);
	caught_up(k);
	scratch_rename(k->dir, "away", "root");
	enginekit_run(k, 20000);
	assert_true(lists > 0);
	assert_false(is_scanning(k));
	expect_resumed(k, "one");
	/* lost while the agent runs, and still when it ends */
	scratch_rename(k->dir, "root", "away");
	enginekit_run(k, 60000);
	enginekit_stop(k);
	scratch_rename(k->dir, "away", "root");
	begin(k, true);
	/* replaced by another folder with our marker */
	enginekit_stop(k);
	scratch_rename(k->dir, "root", "away");
	scratch_mkdir(k->dir, "root");
	scratch_mkdir(k->dir, "root/.vsync");
	scratch_write(k->dir, "root/.vsync/root-id",
	    "0123456789abcdef0123456789abcdef\n");
	lists = 0;
	enginekit_start(k);
	caught_up(k);
	assert_int_equal(lists, 0);
	assert_null(enginekit_event(k, "a"));
	scratch_remove(k->dir, "root");
	scratch_rename(k->dir, "away", "root");
	enginekit_run(k, 20000);
	assert_true(lists > 0);
	enginekit_agree(k);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, enginekit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_changed),
		TEST(test_what_changed),
		TEST(test_periodic_scan),
		TEST(test_overdue_scan),
		TEST(test_refused),
		TEST(test_no_history),
		TEST(test_killed),
		TEST(test_older_state),
		TEST(test_not_at_rest),
		TEST(test_in_sync),
		TEST(test_barrier),
		TEST(test_other_rules),
		TEST(test_told_at_once),
		TEST(test_doubt),
		TEST(test_never_caught_up),
		TEST(test_unreadable),
		TEST(test_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
