/*
 * A scan that is interrupted while the agent runs: it goes on with what is
 * left where that is sound, else it begins anew, and never reads again what
 * it has read.
 */
#include "tests/unit/enginekit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDERS 40
#define FILES 5 /* in each */
#define JOBS 16 /* hashes under way, at most */

static int (*real_list)(
    struct disk *d, const char *dir, struct roster *out, struct vs_err *err);
static int lists;
static const char *bad; /* folder that cannot be read */
static int away_at; /* the root goes before that listing */

static int list(
    struct disk *d, const char *dir, struct roster *out, struct vs_err *err)
{
	if (++lists == away_at)
		return vs_err_set(err, VS_EROOT, "away");
	if (bad != NULL && strcmp(bad, dir) == 0)
		return vs_err_set(err, VS_EIO, "bad");
	return real_list(d, dir, out, err);
}

/* The root is there again with the next look. */
static int (*real_root)(
    struct disk *d, struct disk_root *out, struct vs_err *err);

static int root(struct disk *d, struct disk_root *out, struct vs_err *err)
{
	if (lists == away_at && away_at != 0) {
		away_at = 0;
		return vs_err_set(err, VS_EROOT, "away");
	}
	return real_root(d, out, err);
}

static int setup(void **state)
{
	struct enginekit *k;
	char name[64];

	enginekit_setup(state);
	k = *state;
	real_list = k->disk->list;
	real_root = k->disk->root;
	k->disk->list = list;
	k->disk->root = root;
	k->disk->ahead = NULL;
	k->disk->behind = NULL;
	lists = 0;
	bad = NULL;
	away_at = 0;
	for (int i = 0; i < FOLDERS; i++) {
		snprintf(name, sizeof(name), "root/d%02d", i);
		scratch_mkdir(k->dir, name);
		for (int j = 0; j < FILES; j++) {
			snprintf(name, sizeof(name), "d%02d/f%d", i, j);
			enginekit_write(k, name, name);
		}
	}
	return 0;
}

/* The first scan, as far as some of its folders. */
static void begin(struct enginekit *k)
{
	for (int i = 0; i < 100 && lists < FOLDERS / 2; i++)
		engine_step(k->engine, k->now);
	assert_in_range(lists, FOLDERS / 2, FOLDERS - 1);
}

/*
 * It ends, with each file read once, but for some that were under way; how
 * many listings it took in all.
 */
static int end(struct enginekit *k, int64_t again)
{
	enginekit_run(k, 20000);
	enginekit_agree(k);
	assert_in_range(k->hashes, FOLDERS * FILES, FOLDERS * FILES + again);
	return lists;
}

static void test_whole(void **state)
{
	begin(*state);
	assert_int_equal(end(*state, 0), FOLDERS + 1);
}

static void test_pause(void **state)
{
	struct enginekit *k = *state;

	begin(k);
	assert_int_equal(engine_pause(k->engine, true, NULL), VS_OK);
	assert_int_equal(end(k, 0), FOLDERS + 1);
	assert_int_equal(k->count, 0); /* it only sends nothing */
	assert_int_equal(engine_pause(k->engine, false, NULL), VS_OK);
	assert_int_equal(end(k, 0), FOLDERS + 1);
	assert_int_equal(k->count, FOLDERS * (FILES + 1));
}

/* It is left alone; all others are gone through, once. */
static void test_bad_folder(void **state)
{
	struct enginekit *k = *state;

	bad = "d17";
	enginekit_run(k, 20000);
	assert_int_equal(lists, FOLDERS + 1);
	assert_int_equal(k->hashes, (FOLDERS - 1) * FILES);
	/* when it can be read only what is in it is */
	bad = NULL;
	enginekit_hint(k, WATCH_DIR_APPEARED, false, "d17");
	assert_int_equal(end(k, 0), FOLDERS + 2);
}

/* Nobody tells when it can be read again: it is tried, alone. */
static void test_folder_mends(void **state)
{
	struct enginekit *k = *state;

	bad = "d17";
	enginekit_run(k, 200000);
	assert_in_range(lists, FOLDERS + 3, FOLDERS + 5);
	bad = NULL;
	lists = 0;
	enginekit_run(k, 70000);
	assert_int_equal(lists, 1);
	enginekit_agree(k);
	assert_int_equal(k->hashes, FOLDERS * FILES);
}

static bool is_refused(struct enginekit *k, const char *path)
{
	json_t *doc = engine_status(k->engine, k->now);
	json_t *el;
	size_t i;
	bool found = false;

	json_array_foreach(json_object_get(doc, "refused"), i, el)
	{
		const char *p = json_string_value(json_object_get(el, "path"));

		found = found || strcmp(p, path) == 0;
	}
	json_decref(doc);
	return found;
}

/* That it is published itself says nothing of what is in it. */
static void test_trouble_stays(void **state)
{
	struct enginekit *k = *state;

	enginekit_run(k, 20000);
	bad = "d17";
	enginekit_hint(k, WATCH_DIR_APPEARED, false, "d17");
	enginekit_run(k, 20000);
	assert_true(is_refused(k, "d17"));
	assert_int_equal(chmod(enginekit_at(k, "d17"), 0711), 0);
	enginekit_forget(k);
	enginekit_hint(k, WATCH_CHANGED, false, "d17");
	enginekit_run(k, 20000);
	assert_non_null(enginekit_event(k, "d17"));
	assert_true(is_refused(k, "d17"));
	/* nor does a look at it */
	enginekit_hint(k, WATCH_CHANGED, false, "d17");
	enginekit_run(k, 20000);
	assert_true(is_refused(k, "d17"));
	bad = NULL;
	enginekit_hint(k, WATCH_CHANGED, false, "d17");
	enginekit_run(k, 20000);
	assert_false(is_refused(k, "d17"));
}

static void test_root_mends(void **state)
{
	struct enginekit *k = *state;

	bad = "";
	enginekit_run(k, 200000);
	assert_in_range(lists, 3, 5);
	assert_int_equal(k->count, 0);
	bad = NULL;
	enginekit_run(k, 70000);
	enginekit_agree(k);
}

/* Something may have been missed below one folder: that one, once more. */
static void test_subtree(void **state)
{
	struct enginekit *k = *state;

	begin(k);
	enginekit_hint(k, WATCH_DIR_APPEARED, false, "d39");
	enginekit_hint(k, WATCH_DIR_APPEARED, false, "d00");
	assert_in_range(end(k, 0), FOLDERS + 1, FOLDERS + 3);
}

/* Anywhere: all is looked at again, and nothing is read again. */
static void test_overflow(void **state)
{
	struct enginekit *k = *state;

	begin(k);
	enginekit_hint(k, WATCH_OVERFLOW, false, "");
	assert_in_range(end(k, 0), FOLDERS + 2, 2 * (FOLDERS + 1));
}

/*
 * Anything may have happened to it meanwhile: all is looked at again.  What
 * was being read, or was read and not yet durable, is read again.
 */
static void test_root_away(void **state)
{
	struct enginekit *k = *state;

	away_at = FOLDERS / 2;
	assert_in_range(
	    end(k, 2 * JOBS), FOLDERS + FOLDERS / 2, 2 * (FOLDERS + 1));
	assert_int_equal(away_at, 0);
}

/* The agent ends in the middle, in order or not. */
static void test_restart(void **state)
{
	struct enginekit *k = *state;
	int64_t before;

	for (int i = 0; i < 3; i++) {
		enginekit_run(k, 100 * i);
		before = k->hashes;
		enginekit_stop(k);
		enginekit_start(k);
	}
	assert_true(before > 0);
	end(k, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, enginekit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole),
		TEST(test_pause),
		TEST(test_bad_folder),
		TEST(test_folder_mends),
		TEST(test_root_mends),
		TEST(test_trouble_stays),
		TEST(test_subtree),
		TEST(test_overflow),
		TEST(test_root_away),
		TEST(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
