/* Renames on the real kernel: halves that meet, and those that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/watch/watch.h"
#include "tests/unit/watchkit.h"

static void test_rename_over(void **state)
{
	struct watchkit *f = *state;

	scratch_write(f->dir, "a", "1");
	scratch_write(f->dir, "a.tmp", "2");
	watchkit_add(f, "");
	scratch_rename(f->dir, "a.tmp", "a");
	watchkit_listen(f);
	assert_int_equal(f->count, 1);
	watchkit_renamed(f, WATCH_APPEARED, "a.tmp", "a");
	assert_true(f->heard[0].moved);
	assert_int_equal(watch_due(f->watch), INT64_MAX);
}

/* Renamed: what is below is watched as before, and speaks the new name. */
static void test_folder_renamed(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "d/e");
	scratch_mkdir(f->dir, "p");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	watchkit_add(f, "d/e");
	watchkit_add(f, "p");
	scratch_rename(f->dir, "d", "p/n");
	watchkit_listen(f);
	assert_int_equal(f->count, 1);
	watchkit_renamed(f, WATCH_DIR_APPEARED, "d", "p/n");
	assert_int_equal(watch_count(f->watch), 4);
	scratch_write(f->dir, "p/n/e/x", "1");
	scratch_write(f->dir, "p/n/y", "1");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "p/n/e/x"));
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "p/n/y"));
	/* to add it all again changes nothing */
	watchkit_add(f, "p/n");
	watchkit_add(f, "p/n/e");
	assert_int_equal(watch_count(f->watch), 4);
	scratch_remove(f->dir, "p/n");
	watchkit_listen(f);
	assert_int_equal(watch_count(f->watch), 2);
}

/* Each move of a chain is put right, whoever looks when. */
static void test_moves_of_moves(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "a");
	scratch_mkdir(f->dir, "a/s");
	scratch_mkdir(f->dir, "p");
	watchkit_add(f, "");
	watchkit_add(f, "a");
	watchkit_add(f, "a/s");
	watchkit_add(f, "p");
	scratch_rename(f->dir, "a", "p/b");
	scratch_rename(f->dir, "p", "q");
	scratch_rename(f->dir, "q/b/s", "t");
	scratch_rename(f->dir, "q/b", "a");
	scratch_mkdir(f->dir, "q/b");
	watchkit_listen(f);
	watchkit_renamed(f, WATCH_DIR_APPEARED, "a", "p/b");
	watchkit_renamed(f, WATCH_DIR_APPEARED, "p", "q");
	watchkit_renamed(f, WATCH_DIR_APPEARED, "q/b/s", "t");
	watchkit_renamed(f, WATCH_DIR_APPEARED, "q/b", "a");
	assert_int_equal(watch_count(f->watch), 4);
	scratch_write(f->dir, "a/1", "");
	scratch_write(f->dir, "t/2", "");
	scratch_write(f->dir, "q/3", "");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "a/1"));
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "t/2"));
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "q/3"));
	assert_int_equal(watchkit_count(f, WATCH_CLOSED), 3);
}

/* Two folders change places, by three renames and in one. */
static void test_swap(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "a");
	scratch_mkdir(f->dir, "b");
	scratch_mkdir(f->dir, "a/s");
	watchkit_add(f, "");
	watchkit_add(f, "a");
	watchkit_add(f, "a/s");
	watchkit_add(f, "b");
	scratch_rename(f->dir, "a", "t");
	scratch_rename(f->dir, "b", "a");
	scratch_rename(f->dir, "t", "b");
	watchkit_listen(f);
	scratch_write(f->dir, "b/s/x", "");
	scratch_write(f->dir, "a/y", "");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "b/s/x"));
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "a/y"));
	assert_int_equal(renameat2(AT_FDCWD, scratch_at(f->dir, "a"), AT_FDCWD,
			     scratch_at(f->dir, "b"), RENAME_EXCHANGE),
	    0);
	watchkit_listen(f);
	watchkit_renamed(f, WATCH_DIR_APPEARED, "a", "b");
	watchkit_renamed(f, WATCH_DIR_APPEARED, "b", "a");
	/* each is to be watched and listed; then all is right */
	watchkit_add(f, "a");
	watchkit_add(f, "a/s");
	watchkit_add(f, "b");
	watchkit_later(f, 1000);
	watchkit_listen(f);
	assert_int_equal(watch_count(f->watch), 4);
	scratch_write(f->dir, "a/s/x", "");
	scratch_write(f->dir, "b/y", "");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "a/s/x"));
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "b/y"));
	assert_int_equal(watchkit_count(f, WATCH_CLOSED), 2);
}

/* A folder over an empty one that is watched, too. */
static void test_folder_over_folder(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "a");
	scratch_mkdir(f->dir, "a/s");
	scratch_mkdir(f->dir, "b");
	watchkit_add(f, "");
	watchkit_add(f, "a");
	watchkit_add(f, "a/s");
	watchkit_add(f, "b");
	assert_int_equal(
	    rename(scratch_at(f->dir, "a"), scratch_at(f->dir, "b")), 0);
	watchkit_listen(f);
	watchkit_renamed(f, WATCH_DIR_APPEARED, "a", "b");
	watchkit_add(f, "b");
	watchkit_add(f, "b/s");
	watchkit_later(f, 1000);
	assert_int_equal(watch_count(f->watch), 3);
	scratch_write(f->dir, "b/s/x", "");
	watchkit_listen(f);
	assert_int_equal(watchkit_count(f, WATCH_CLOSED), 1);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "b/s/x"));
}

static void moved_out(struct watchkit *f, const char *name, char out[96])
{
	snprintf(out, 96, "%s-out", f->dir->path);
	assert_int_equal(rename(scratch_at(f->dir, name), out), 0);
}

/* Out of the folder: it waits for its other half, and nobody waits for it. */
static void test_moved_out(void **state)
{
	struct watchkit *f = *state;
	char out[96], inside[112];

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "d/e");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	watchkit_add(f, "d/e");
	moved_out(f, "d", out);
	scratch_write(f->dir, "other", "");
	watchkit_listen(f);
	assert_int_equal(watchkit_count(f, WATCH_DIR_VANISHED), 0);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "other"));
	assert_int_equal(watch_due(f->watch), f->now_ms + WATCH_HALF_MS);
	/* what happens there is nobody's any more */
	snprintf(inside, sizeof(inside), "%s/e/x", out);
	assert_int_equal(mkdir(inside, 0700), 0);
	watchkit_listen(f);
	assert_int_equal(f->count, 0);
	watchkit_later(f, WATCH_HALF_MS - 1);
	assert_int_equal(f->count, 0);
	watchkit_later(f, 1);
	assert_int_equal(f->count, 1);
	assert_non_null(watchkit_heard(f, WATCH_DIR_VANISHED, "d"));
	assert_true(f->heard[0].moved);
	watchkit_later(f, 1000);
	assert_int_equal(watch_count(f->watch), 1);
	watchkit_listen(f);
	assert_int_equal(f->count, 0);
	/* and in again, as something new */
	assert_int_equal(rename(out, scratch_at(f->dir, "n")), 0);
	watchkit_listen(f);
	assert_int_equal(f->count, 1);
	assert_non_null(watchkit_heard(f, WATCH_DIR_APPEARED, "n"));
	assert_false(f->heard[0].paired);
	assert_true(f->heard[0].moved);
}

static void test_file_moved_out(void **state)
{
	struct watchkit *f = *state;
	char out[96];

	scratch_write(f->dir, "a", "1");
	watchkit_add(f, "");
	moved_out(f, "a", out);
	watchkit_listen(f);
	watchkit_later(f, WATCH_HALF_MS);
	assert_int_equal(f->count, 1);
	assert_non_null(watchkit_heard(f, WATCH_VANISHED, "a"));
	assert_int_equal(unlink(out), 0);
}

/* Out with a watched folder, and another one in under its name. */
static void test_out_and_another_in(void **state)
{
	struct watchkit *f = *state;
	char out[96];

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "d/e");
	scratch_mkdir(f->dir, "n");
	scratch_mkdir(f->dir, "n/e");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	watchkit_add(f, "d/e");
	watchkit_add(f, "n");
	watchkit_add(f, "n/e");
	moved_out(f, "d", out);
	scratch_rename(f->dir, "n", "d");
	watchkit_listen(f);
	watchkit_renamed(f, WATCH_DIR_APPEARED, "n", "d");
	watchkit_later(f, 1000);
	assert_non_null(watchkit_heard(f, WATCH_DIR_VANISHED, "d"));
	assert_int_equal(watch_count(f->watch), 3);
	scratch_write(f->dir, "d/e/x", "");
	watchkit_listen(f);
	assert_int_equal(watchkit_count(f, WATCH_CLOSED), 1);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "d/e/x"));
	assert_int_equal(rename(out, scratch_at(f->dir, "back")), 0);
}

/* The same, with the scan ahead of all the events. */
static void test_scan_ahead_of_another(void **state)
{
	struct watchkit *f = *state;
	char out[96];

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "d/e");
	scratch_mkdir(f->dir, "n");
	scratch_mkdir(f->dir, "n/e");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	watchkit_add(f, "d/e");
	watchkit_add(f, "n");
	watchkit_add(f, "n/e");
	moved_out(f, "d", out);
	scratch_rename(f->dir, "n", "d");
	scratch_mkdir(f->dir, "n");
	watchkit_add(f, "d");
	watchkit_add(f, "d/e");
	watchkit_add(f, "n");
	watchkit_listen(f);
	/* as the hints have it */
	watchkit_renamed(f, WATCH_DIR_APPEARED, "n", "d");
	assert_non_null(watchkit_heard(f, WATCH_DIR_APPEARED, "n"));
	watchkit_add(f, "d");
	watchkit_add(f, "d/e");
	watchkit_add(f, "n");
	watchkit_later(f, 2000);
	watchkit_listen(f);
	assert_int_equal(watch_count(f->watch), 4);
	scratch_write(f->dir, "d/e/x", "");
	scratch_write(f->dir, "d/y", "");
	scratch_write(f->dir, "n/z", "");
	watchkit_listen(f);
	assert_int_equal(watchkit_count(f, WATCH_CLOSED), 3);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "d/e/x"));
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "d/y"));
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "n/z"));
	assert_int_equal(rename(out, scratch_at(f->dir, "back")), 0);
}

/* The halves come by two reads, with anything between them. */
static void test_halves_in_two_reads(void **state)
{
	struct watchkit *f = *state;
	char *raw = malloc(WATCH_RAW_MAX);
	size_t first;
	int n;

	assert_non_null(raw);
	scratch_mkdir(f->dir, "d");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	scratch_rename(f->dir, "d", "n");
	n = watch_read(f->watch, raw, NULL);
	first = sizeof(struct inotify_event) +
	    ((const struct inotify_event *)(const void *)raw)->len;
	assert_true(n > 0 && (size_t)n > first);
	watch_translate(f->watch, raw, first, f->now_ms);
	assert_int_equal(f->count, 0);
	watchkit_later(f, WATCH_HALF_MS - 1);
	watch_translate(f->watch, raw + first, (size_t)n - first, f->now_ms);
	assert_int_equal(f->count, 1);
	watchkit_renamed(f, WATCH_DIR_APPEARED, "d", "n");
	scratch_write(f->dir, "n/x", "");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "n/x"));
	/* and too late: both are told, each alone */
	scratch_rename(f->dir, "n", "m");
	n = watch_read(f->watch, raw, NULL);
	f->count = 0;
	watch_translate(f->watch, raw, first, f->now_ms);
	watchkit_later(f, WATCH_HALF_MS);
	assert_non_null(watchkit_heard(f, WATCH_DIR_VANISHED, "n"));
	watch_translate(f->watch, raw + first, (size_t)n - first, f->now_ms);
	assert_non_null(watchkit_heard(f, WATCH_DIR_APPEARED, "m"));
	assert_false(watchkit_heard(f, WATCH_DIR_APPEARED, "m")->paired);
	free(raw);
}

/* The scan was there before the event of the move was read. */
static void test_added_before_the_move_is_heard(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "d/e");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	watchkit_add(f, "d/e");
	scratch_rename(f->dir, "d", "n");
	watchkit_add(f, "n");
	watchkit_add(f, "n/e");
	assert_int_equal(watch_count(f->watch), 3);
	watchkit_listen(f);
	assert_null(watchkit_heard(f, WATCH_OVERFLOW, ""));
	watchkit_add(f, "n");
	watchkit_add(f, "n/e");
	scratch_write(f->dir, "n/e/x", "1");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "n/e/x"));
}

/* Another folder has the name by the time it is watched. */
static void test_name_taken_by_another(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "other");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	scratch_rename(f->dir, "d", "gone");
	scratch_rename(f->dir, "other", "d");
	watchkit_add(f, "d");
	watchkit_later(f, 0);
	assert_int_equal(watch_count(f->watch), 2);
	watchkit_listen(f);
	watchkit_add(f, "d");
	scratch_write(f->dir, "gone/x", "1");
	scratch_write(f->dir, "d/y", "1");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "d/y"));
	assert_null(watchkit_heard(f, WATCH_CLOSED, "d/x"));
}

/* Its other half is among what was dropped. */
static void test_overflow_between_halves(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "d");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	watchkit_feed_named(f, 1, IN_MOVED_FROM | IN_ISDIR, 7, "d");
	watchkit_feed_named(f, 1, IN_MOVED_FROM, 8, "a");
	assert_int_equal(f->count, 0);
	watchkit_feed(f, -1, IN_Q_OVERFLOW);
	assert_int_equal(f->count, 3);
	assert_non_null(watchkit_heard(f, WATCH_DIR_VANISHED, "d"));
	assert_non_null(watchkit_heard(f, WATCH_VANISHED, "a"));
	assert_int_equal(f->heard[2].what, WATCH_OVERFLOW);
	/* the scan that follows has it watched again, before or after its
	   watch was let go */
	watchkit_add(f, "d");
	watchkit_later(f, 1000);
	watchkit_listen(f);
	assert_int_equal(watch_count(f->watch), 2);
	scratch_write(f->dir, "d/x", "");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "d/x"));
}

/* A barrier holds for a half that waits, too: it comes before the cookie. */
static void test_cookie_after_a_half(void **state)
{
	struct watchkit *f = *state;
	char out[96];

	scratch_mkdir(f->dir, ".vsync");
	scratch_write(f->dir, "a", "1");
	watchkit_add(f, "");
	moved_out(f, "a", out);
	scratch_write(f->dir, ".vsync/cookie-1", "");
	watchkit_listen(f);
	assert_int_equal(f->count, 2);
	assert_int_equal(f->heard[0].what, WATCH_VANISHED);
	assert_string_equal(f->heard[0].path, "a");
	assert_string_equal(f->heard[1].path, ".vsync/cookie-1");
	assert_int_equal(unlink(out), 0);
}

static void test_clear_between_halves(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "d");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	watchkit_feed_named(f, 1, IN_MOVED_FROM | IN_ISDIR, 7, "d");
	watch_clear(f->watch);
	watchkit_later(f, 0);
	assert_int_equal(watch_count(f->watch), 0);
	watchkit_later(f, 0);
	assert_int_equal(f->count, 1);
	assert_non_null(watchkit_heard(f, WATCH_DIR_VANISHED, "d"));
	assert_int_equal(watch_due(f->watch), INT64_MAX);
}

/* What moves while it is put aside is not taken for what it was. */
static void test_moved_while_put_aside(void **state)
{
	struct watchkit *f = *state;
	char out[96];

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "d/e");
	scratch_mkdir(f->dir, "d/k");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	watchkit_add(f, "d/e");
	watchkit_add(f, "d/k");
	watch_clear(f->watch);
	moved_out(f, "d/e", out);
	scratch_rename(f->dir, "d/k", "d/n");
	watchkit_listen(f);
	assert_int_equal(f->count, 0);
	watchkit_add(f, "");
	watchkit_add(f, "d");
	watchkit_later(f, 1000);
	assert_int_equal(f->count, 0);
	assert_int_equal(watch_count(f->watch), 3);
	scratch_write(f->dir, "d/n/x", "");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "d/n/x"));
	assert_int_equal(rename(out, scratch_at(f->dir, "back")), 0);
}

/* A full scan ends what is watched for nothing, and only that. */
static void test_scanned(void **state)
{
	struct watchkit *f = *state;
	char out[96];

	scratch_mkdir(f->dir, "u");
	scratch_mkdir(f->dir, "u/d");
	scratch_mkdir(f->dir, "u/d/e");
	scratch_mkdir(f->dir, "a");
	watchkit_add(f, "");
	watchkit_add(f, "a");
	watchkit_add(f, "u/d/e");
	moved_out(f, "u/d", out);
	watchkit_listen(f);
	assert_int_equal(f->count, 0);
	assert_int_equal(watch_count(f->watch), 3);
	watch_scanned(f->watch, 0, f->now_ms);
	assert_int_equal(watch_count(f->watch), 3);
	watchkit_add(f, "");
	watchkit_add(f, "a");
	watchkit_add(f, "u");
	watch_scanned(f->watch, 0, f->now_ms);
	assert_int_equal(watch_count(f->watch), 3);
	watchkit_listen(f);
	scratch_write(f->dir, "a/x", "");
	scratch_write(f->dir, "u/x", "");
	watchkit_listen(f);
	assert_int_equal(watchkit_count(f, WATCH_CLOSED), 2);
	assert_int_equal(rename(out, scratch_at(f->dir, "back")), 0);
}

/* Kinds differ: it is not the same thing, whatever the cookie says. */
static void test_halves_of_two_kinds(void **state)
{
	struct watchkit *f = *state;

	watchkit_add(f, "");
	watchkit_feed_named(f, 1, IN_MOVED_FROM | IN_ISDIR, 7, "d");
	watchkit_feed_named(f, 1, IN_MOVED_TO, 7, "a");
	assert_int_equal(f->count, 1);
	assert_false(f->heard[0].paired);
	watchkit_later(f, WATCH_HALF_MS);
	assert_non_null(watchkit_heard(f, WATCH_DIR_VANISHED, "d"));
}

/* However many go at once, none is lost and the table stays small. */
static void test_many_halves(void **state)
{
	struct watchkit *f = *state;
	char name[16];
	size_t seen = 0;

	watchkit_add(f, "");
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		f->count = 0;
		watchkit_feed_named(f, 1, IN_MOVED_FROM, i + 1, name);
		seen += f->count;
	}
	assert_int_equal(seen, 5000 - 4096);
	f->count = 0;
	watchkit_feed_named(f, 1, IN_MOVED_TO, 5000, "n");
	watchkit_renamed(f, WATCH_APPEARED, "f4999", "n");
	watchkit_feed_named(f, 1, IN_MOVED_TO, 1, "o");
	assert_false(watchkit_heard(f, WATCH_APPEARED, "o")->paired);
	while (watch_due(f->watch) != INT64_MAX) {
		f->count = 0;
		watch_clear(f->watch);
		f->now_ms = INT64_MAX / 2;
		f->counted = 0;
		f->many = true;
		watch_tick(f->watch, f->now_ms);
		assert_int_equal(f->counted, 4095);
	}
}

/* Moved where nobody watches, from where nobody does: the limit. */
static void test_moved_below_an_unwatched_one(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "u");
	scratch_mkdir(f->dir, "u/d");
	scratch_mkdir(f->dir, "u/d/e");
	watchkit_add(f, "");
	watchkit_add(f, "u/d");
	watchkit_add(f, "u/d/e");
	scratch_rename(f->dir, "u/d", "u/n");
	watchkit_listen(f);
	assert_int_equal(f->count, 1);
	assert_non_null(watchkit_heard(f, WATCH_DIR_VANISHED, "u/d"));
	assert_true(f->heard[0].moved);
	watchkit_later(f, 1000);
	assert_int_equal(watch_count(f->watch), 1);
	scratch_write(f->dir, "u/n/e/x", "");
	watchkit_listen(f);
	assert_int_equal(f->count, 0);
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, watchkit_setup, watchkit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rename_over),
		TEST(test_folder_renamed),
		TEST(test_moves_of_moves),
		TEST(test_swap),
		TEST(test_folder_over_folder),
		TEST(test_moved_out),
		TEST(test_file_moved_out),
		TEST(test_out_and_another_in),
		TEST(test_scan_ahead_of_another),
		TEST(test_halves_in_two_reads),
		TEST(test_added_before_the_move_is_heard),
		TEST(test_name_taken_by_another),
		TEST(test_overflow_between_halves),
		TEST(test_cookie_after_a_half),
		TEST(test_clear_between_halves),
		TEST(test_moved_while_put_aside),
		TEST(test_scanned),
		TEST(test_halves_of_two_kinds),
		TEST(test_many_halves),
		TEST(test_moved_below_an_unwatched_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
