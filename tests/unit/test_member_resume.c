/* Pulls over an end of the program, a pause, a database that fails. */
#include "tests/unit/memberkit.h"

#include <stdio.h>
#include <string.h>

#include "agent/member/pulls.h"

#define MIB ((size_t)1024 * 1024)

static int setup(void **state)
{
	*state = memberkit_new();
	return 0;
}

static int teardown(void **state)
{
	memberkit_free(*state);
	return 0;
}

/* The program ends after some of nine chunks: those do not come again. */
static void test_resume(void **state)
{
	struct memberkit *k = *state;

	for (int power = 0; power < 2; power++) {
		const char *path = power ? "b" : "a";
		int before = k->fetched;

		memberkit_begin(k, path, 33 * MIB);
		for (int i = 0; i < 4; i++)
			memberkit_fetched(k, 1);
		k->hold_fetch = true;
		memberkit_pass(k, 1500);
		assert_int_equal(memberkit_received(k), 4 * PULLS_CHUNK);
		assert_int_equal(memberkit_badge(k, path), '~');
		/* two more were written, but not made durable */
		memberkit_fetched(k, 1);
		memberkit_fetched(k, 1);
		memberkit_stop(k, power);
		memberkit_start(k);
		memberkit_pass(k, 500);
		assert_int_equal(memberkit_received(k), 4 * PULLS_CHUNK);
		k->hold_fetch = false;
		memberkit_pass(k, 2000);
		memberkit_has(k, k->fs, path);
		assert_int_equal(k->fetched - before, 9 + 2);
		memberkit_ended(k, "completed", "");
	}
}

/* The part is gone, or of another size: all begins anew. */
static void test_resume_lost(void **state)
{
	struct memberkit *k = *state;
	struct target *t = memtarget_target(k->disk);
	char part[40];

	memberkit_begin(k, "a", 9 * MIB);
	memberkit_fetched(k, 1);
	memberkit_fetched(k, 1);
	k->hold_fetch = true;
	memberkit_pass(k, 1500);
	(void)snprintf(part, sizeof(part), "%s", k->fetch[0].part);
	assert_int_equal(memberkit_received(k), 8 * MIB);
	memberkit_stop(k, false);
	t->part_drop(t, part);
	memberkit_start(k);
	k->hold_fetch = false;
	memberkit_pass(k, 2000);
	memberkit_has(k, k->fs, "a");
	assert_int_equal(k->fetched, 2 + 3);
}

/* The end comes while all is there and nothing is verified yet. */
static void test_resume_whole(void **state)
{
	struct memberkit *k = *state;

	k->hold_hash = true;
	memberkit_put(k, "a", 5 * MIB, 1);
	memberkit_pass(k, 500);
	memberkit_want(k, "a", 1, 0);
	memberkit_pass(k, 2000);
	assert_string_equal(k->pull, "verifying");
	memberkit_stop(k, true);
	k->hold_hash = false;
	k->hold_fetch = true;
	memberkit_start(k);
	memberkit_pass(k, 2000);
	memberkit_has(k, k->fs, "a");
	assert_int_equal(k->fetched, 2);
	assert_int_equal(k->asked_downloads, 1);
	memberkit_ended(k, "completed", "");
}

/* The file has its name, and then the database fails, or the power. */
static void test_resume_placed(void **state)
{
	struct memberkit *k = *state;
	const struct memvfs_fault fault = { .ops = MEMVFS_MUTATING,
		.stays = true };

	for (int power = 0; power < 2; power++) {
		const char *path = power ? "b" : "a";
		int before = k->fetched;

		k->hold_hash = true;
		memberkit_put(k, path, 5 * MIB, 1 + (unsigned)power);
		memberkit_pass(k, 500);
		memberkit_want(k, path, 1, 0);
		memberkit_pass(k, 2000);
		memvfs_fail(k->vfs, &fault);
		memberkit_hashed(k, 1);
		memberkit_has(k, k->fs, path);
		k->hold_hash = false;
		if (power) {
			memberkit_stop(k, true);
			memberkit_start(k);
		}
		memvfs_heal(k->vfs);
		k->up = k->up && k->stream[0] != '\0';
		memberkit_pass(k, 8000);
		memberkit_ended(k, "completed", "");
		assert_int_equal(k->fetched - before, 2);
		assert_int_equal(memberkit_badge(k, path), '=');
		memberkit_want(k, path, 0, 0);
	}
}

/* The same, but a person edits the file before we look at it again. */
static void test_resume_edited(void **state)
{
	struct memberkit *k = *state;
	const struct memvfs_fault fault = { .ops = MEMVFS_MUTATING,
		.stays = true };

	k->hold_hash = true;
	memberkit_put(k, "a", 10, 1);
	memberkit_pass(k, 500);
	memberkit_want(k, "a", 1, 0);
	memberkit_pass(k, 2000);
	memvfs_fail(k->vfs, &fault);
	memberkit_hashed(k, 1);
	memberkit_stop(k, false);
	memberkit_start(k);
	memberkit_run(k);
	assert_int_equal(k->hashes, 1);
	assert_true(k->hash[0].path);
	memberkit_hashed(k, 1);
	/* it was just ours; now the next one is not */
	memberkit_ended(k, "completed", "");
	memberkit_put(k, "b", 10, 2);
	memberkit_push(k);
	memberkit_want(k, "b", 1, 0);
	memberkit_pass(k, 2000);
	memvfs_fail(k->vfs, &fault);
	memberkit_hashed(k, 1);
	memberkit_stop(k, false);
	memberkit_start(k);
	memberkit_run(k);
	assert_true(k->hash[0].path);
	k->now.wall_ms++;
	{
		struct memberkit_hash h = k->hash[0];
		struct disk_hash out;

		assert_int_equal(
		    h.target->hash(h.target, h.name, &out, NULL, NULL), 0);
		memberkit_edit(k, "b", "0123456789");
		k->hashes = 0;
		member_hashed(k->m, h.id, VS_OK, out.sha256, k->now);
	}
	k->hold_hash = false;
	memberkit_pass(k, 10000);
	assert_true(memberkit_is(k, "b", "0123456789"));
	memberkit_ended(k, "failed", "conflict");
}

/* Paused with chunks under way: nobody else writes until they are in. */
static void test_pause(void **state)
{
	struct memberkit *k = *state;
	struct memberkit_fetch stray;

	memberkit_begin(k, "a", 5 * MIB);
	k->hold_fetch = true;
	assert_int_equal(k->fetches, 2);
	stray = k->fetch[0];
	assert_int_equal(member_pause(k->m, true, NULL), 0);
	k->up = false;
	memberkit_pass(k, 60000);
	assert_int_equal(k->fetches, 2);
	assert_int_equal(member_pause(k->m, false, NULL), 0);
	memberkit_pass(k, 60000);
	assert_int_equal(k->fetches, 2);
	assert_int_equal(k->fetch[0].id, stray.id);
	memberkit_fetched(k, 1);
	memberkit_fetched(k, VS_ENET);
	memberkit_pass(k, 1000);
	assert_int_equal(k->fetches, 2);
	assert_string_equal(k->fetch[0].part, stray.part);
	k->hold_fetch = false;
	memberkit_pass(k, 60000);
	memberkit_has(k, k->fs, "a");
	memberkit_ended(k, "completed", "");
}

/* The database fails in the middle; the pull goes on by itself. */
static void test_database(void **state)
{
	struct memberkit *k = *state;
	const struct memvfs_fault fault = { .ops = MEMVFS_BIT(MEMVFS_SYNC) };
	const struct member_want want = { 0 };
	struct vs_err err = VS_ERR_INIT;
	const char *path = "b";
	char name[32];

	memberkit_begin(k, "a", 9 * MIB);
	k->hold_fetch = true;
	memvfs_fail(k->vfs, &fault);
	memberkit_fetched(k, 1);
	memberkit_fetched(k, 1);
	memberkit_fetched(k, 1);
	memberkit_run(k);
	assert_string_equal(memberkit_state(k, name), "degraded");
	k->up = false;
	k->hold_fetch = false;
	memberkit_pass(k, 60000);
	memberkit_has(k, k->fs, "a");
	memberkit_ended(k, "completed", "");
	/* a call that meets it */
	memberkit_put(k, "b", 10, 1);
	memberkit_push(k);
	memvfs_fail(k->vfs, &fault);
	assert_null(member_pull(k->m, &path, 1, &want, k->now, &err));
	assert_string_equal(memberkit_state(k, name), "degraded");
	k->up = false;
	memberkit_pass(k, 5000);
	memberkit_want(k, "b", 1, 0);
	memberkit_pass(k, 2000);
	memberkit_has(k, k->fs, "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define PULL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		PULL_TEST(test_resume),
		PULL_TEST(test_resume_lost),
		PULL_TEST(test_resume_whole),
		PULL_TEST(test_resume_placed),
		PULL_TEST(test_resume_edited),
		PULL_TEST(test_pause),
		PULL_TEST(test_database),
#undef PULL_TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
