/* Files that got another name at the owner's are not fetched again. */
#include "tests/unit/memberkit.h"

#include <string.h>

#define MIB (1024 * 1024)
#define TOLD_NS 1700000000000000000LL /* mtime of what the kit puts */

/* Two files and a folder with three, all of them pulled. */
static int setup(void **state)
{
	struct memberkit *k = memberkit_new();

	memberkit_put(k, "a", 5 * MIB, 1);
	memberkit_put(k, "b", 6 * MIB, 2);
	memberkit_mkdir(k, "old");
	memberkit_put(k, "old/1", 100, 3);
	memberkit_put(k, "old/2", 0, 4);
	memberkit_put(k, "old/3", 200, 5);
	memberkit_pass(k, 500);
	memberkit_want(k, "", 5, 0);
	memberkit_pass(k, 2000);
	memberkit_has(k, k->fs, "old/3");
	k->fetched = k->asked_downloads = 0;
	*state = k;
	return 0;
}

static int teardown(void **state)
{
	memberkit_free(*state);
	return 0;
}

/* Pulls path, of which nothing comes from outside: n files of it. */
static void reused(struct memberkit *k, const char *path, int n)
{
	json_t *doc;

	memberkit_pass(k, 500);
	doc = memberkit_pull(k, path, NULL);
	assert_int_equal(
	    json_integer_value(json_object_get(doc, "reuse_files")), n);
	assert_int_equal(
	    json_integer_value(json_object_get(doc, "fetch_files")), 0);
	json_decref(doc);
	memberkit_pass(k, 2000);
	assert_int_equal(k->fetched, 0);
	assert_int_equal(k->asked_downloads, 0);
	assert_int_equal(memtarget_parts(k->disk), 0);
}

static bool there(struct memberkit *k, const char *path)
{
	return memfs_at(k->fs, path, NULL) != NULL;
}

/* Pulls path, all of which has to come. */
static void fetched(struct memberkit *k, const char *path)
{
	memberkit_pass(k, 500);
	json_decref(memberkit_pull(k, path, NULL));
	memberkit_pass(k, 20000);
	memberkit_has(k, k->fs, path);
	assert_true(k->fetched > 0);
}

static void test_renamed(void **state)
{
	struct memberkit *k = *state;
	uint64_t ino = memfs_at(k->fs, "a", NULL)->ino;

	memberkit_move(k, "a", "new/deep/a");
	reused(k, "new", 1);
	memberkit_has(k, k->fs, "new/deep/a");
	assert_false(there(k, "a"));
	assert_int_equal(memfs_at(k->fs, "new/deep/a", NULL)->ino, ino);
	assert_int_equal(memberkit_badge(k, "new/deep/a"), '=');
	/* and nothing is left to do */
	memberkit_want(k, "", 0, 0);
	/* and back again */
	memberkit_move(k, "new/deep/a", "a");
	reused(k, "a", 1);
	assert_int_equal(memfs_at(k->fs, "a", NULL)->ino, ino);
	assert_false(there(k, "new"));
}

static void test_plan_says_so(void **state)
{
	struct memberkit *k = *state;
	const struct member_want dry = { .dry = true };
	json_t *doc, *row;

	memberkit_move(k, "a", "c");
	memberkit_pass(k, 500);
	doc = memberkit_pull(k, "c", &dry);
	row = json_array_get(json_object_get(doc, "files"), 0);
	assert_string_equal(
	    json_string_value(json_object_get(row, "action")), "reuse");
	assert_string_equal(
	    json_string_value(json_object_get(row, "reason")), "moved from a");
	assert_int_equal(
	    json_integer_value(json_object_get(doc, "reuse_bytes")), 5 * MIB);
	json_decref(doc);
	assert_true(there(k, "a"));
	assert_false(there(k, "c"));
}

/* Its mode and its time are those the owner gave it meanwhile. */
static void test_dressed(void **state)
{
	struct memberkit *k = *state;

	assert_int_not_equal(memfs_at(k->fs, "a", NULL)->mtime_ns, TOLD_NS);
	memberkit_put(k, "c", 5 * MIB, 1);
	memberkit_remove(k, "a");
	reused(k, "c", 1);
	assert_int_equal(memfs_at(k->fs, "c", NULL)->mtime_ns, TOLD_NS);
	assert_int_equal(memfs_at(k->fs, "c", NULL)->mode, 0644);
	/* it is known with the time it has now */
	assert_int_equal(memberkit_badge(k, "c"), '=');
	/* renames tell none here: that of the copy stays */
	memberkit_move(k, "c", "d");
	reused(k, "d", 1);
	assert_int_equal(memfs_at(k->fs, "d", NULL)->mtime_ns, TOLD_NS);
}

static void test_folder(void **state)
{
	struct memberkit *k = *state;

	memberkit_mkdir(k, "new");
	memberkit_move(k, "old/1", "new/1");
	memberkit_move(k, "old/2", "new/2");
	memberkit_move(k, "old/3", "new/3");
	memberkit_remove(k, "old");
	reused(k, "new", 3);
	memberkit_has(k, k->fs, "new/1");
	memberkit_has(k, k->fs, "new/2");
	memberkit_has(k, k->fs, "new/3");
	assert_false(there(k, "old"));
}

/* A folder with something of the member's own stays, and so does one that
   was there before. */
static void test_folder_stays(void **state)
{
	struct memberkit *k = *state;

	memberkit_edit(k, "old/mine", "mine");
	memberkit_mkdir(k, "new");
	memberkit_move(k, "old/1", "new/1");
	memberkit_move(k, "old/2", "new/2");
	memberkit_move(k, "old/3", "new/3");
	memberkit_remove(k, "old");
	reused(k, "new", 3);
	assert_true(memberkit_is(k, "old/mine", "mine"));
	assert_false(there(k, "old/1"));

	assert_true(memfs_mkdir(k->fs, "own"));
	memberkit_put(k, "own/x", 50, 9);
	fetched(k, "own/x");
	memberkit_move(k, "own/x", "x");
	k->fetched = k->asked_downloads = 0;
	reused(k, "x", 1);
	assert_true(there(k, "own"));
}

/* Another file of the listing has the content, too: it stays. */
static void test_copied(void **state)
{
	struct memberkit *k = *state;

	memberkit_put(k, "twin", 5 * MIB, 1);
	reused(k, "twin", 1);
	assert_int_equal(k->copied, 2);
	memberkit_has(k, k->fs, "twin");
	memberkit_has(k, k->fs, "a");
	/* not one file with two names */
	assert_true(memfs_at(k->fs, "twin", NULL)->ino !=
	    memfs_at(k->fs, "a", NULL)->ino);
}

static void test_swap(void **state)
{
	struct memberkit *k = *state;
	uint64_t a = memfs_at(k->fs, "a", NULL)->ino;
	uint64_t b = memfs_at(k->fs, "b", NULL)->ino;

	memberkit_put(k, "a", 6 * MIB, 2);
	memberkit_put(k, "b", 5 * MIB, 1);
	reused(k, "", 2);
	memberkit_has(k, k->fs, "a");
	memberkit_has(k, k->fs, "b");
	assert_int_equal(memfs_at(k->fs, "a", NULL)->ino, b);
	assert_int_equal(memfs_at(k->fs, "b", NULL)->ino, a);
	assert_int_equal(memberkit_badge(k, "a"), '=');
	assert_int_equal(memberkit_badge(k, "b"), '=');
	assert_int_equal(k->copied, 0);
}

static void test_ring(void **state)
{
	struct memberkit *k = *state;

	memberkit_put(k, "a", 200, 5);
	memberkit_put(k, "b", 5 * MIB, 1);
	memberkit_put(k, "old/3", 6 * MIB, 2);
	reused(k, "", 3);
	memberkit_has(k, k->fs, "a");
	memberkit_has(k, k->fs, "b");
	memberkit_has(k, k->fs, "old/3");
	memberkit_want(k, "", 0, 0);
}

/* Missed, all of it: a became b, that c, and another file took b. */
static void test_chain(void **state)
{
	struct memberkit *k = *state;

	memberkit_stop(k, false);
	memberkit_move(k, "b", "c");
	memberkit_move(k, "a", "b");
	memberkit_move(k, "c", "d");
	memberkit_start(k);
	reused(k, "", 2);
	memberkit_has(k, k->fs, "b");
	memberkit_has(k, k->fs, "d");
	assert_false(there(k, "a"));
	assert_false(there(k, "c"));
}

/* Only what the rename left behind is known: a listing, not the log. */
static void test_relisted(void **state)
{
	struct memberkit *k = *state;

	memberkit_stop(k, false);
	memberkit_move(k, "a", "c");
	k->log_id[35] ^= 1;
	memberkit_start(k);
	reused(k, "c", 1);
	memberkit_has(k, k->fs, "c");
	assert_false(there(k, "a"));
}

/* What is not as a pull left it is no copy of ours. */
static void test_edited(void **state)
{
	struct memberkit *k = *state;

	k->now.wall_ms += 10;
	memberkit_edit(k, "a", "mine");
	memberkit_move(k, "a", "c");
	fetched(k, "c");
	assert_true(memberkit_is(k, "a", "mine"));
}

/* Only touched: who knows why. */
static void test_touched(void **state)
{
	struct memberkit *k = *state;

	k->now.wall_ms += 10;
	assert_true(memfs_chmod(k->fs, "a", 0600));
	memberkit_move(k, "a", "c");
	fetched(k, "c");
	assert_true(there(k, "a"));
}

/* a became c, and is hashed for a pull of c until the test lets it go on. */
static void begin_hash(struct memberkit *k)
{
	memberkit_move(k, "a", "c");
	memberkit_pass(k, 500);
	k->hold_hash = true;
	json_decref(memberkit_pull(k, "c", NULL));
	memberkit_run(k);
}

/* Edited while it is hashed, or just after that. */
static void test_edited_meanwhile(void **state)
{
	struct memberkit *k = *state;

	begin_hash(k);
	assert_int_equal(k->hashes, 1);
	assert_string_equal(k->hash[0].name, "a");
	k->now.wall_ms += 10;
	memberkit_edit(k, "a", "mine");
	k->hold_hash = false;
	fetched(k, "c");
	assert_true(memberkit_is(k, "a", "mine"));
}

/* A file of the member's own in the new place is not overwritten. */
static void test_place_is_taken(void **state)
{
	struct memberkit *k = *state;

	begin_hash(k);
	memberkit_edit(k, "c", "mine");
	k->hold_hash = false;
	memberkit_pass(k, 5000);
	assert_true(memberkit_is(k, "c", "mine"));
	assert_true(there(k, "a"));
	memberkit_ended(k, "failed", "conflict");
}

/* The disk has other bytes there than were left: nothing shows it but the
   hash.  They get no name, and the content comes from the owner. */
static void test_rotten(void **state)
{
	struct memberkit *k = *state;

	memfs_at(k->fs, "a", NULL)->data[77] ^= 1;
	memberkit_move(k, "a", "c");
	fetched(k, "c");
	assert_true(there(k, "a"));
	/* copied, it is the same */
	k->fetched = 0;
	memfs_at(k->fs, "b", NULL)->data[77] ^= 1;
	memberkit_put(k, "twin", 6 * MIB, 2);
	fetched(k, "twin");
}

/* It is read badly, or cannot be renamed: an ordinary pull. */
static void test_faults(void **state)
{
	struct memberkit *k = *state;

	begin_hash(k);
	memberkit_hashed(k, VS_EIO);
	k->hold_hash = false;
	fetched(k, "c");
	assert_true(there(k, "a"));
}

/* Into another folder: nothing moves, nothing is looked for. */
static void test_elsewhere(void **state)
{
	struct memberkit *k = *state;
	const struct member_want other = { .out = "/other" };

	memberkit_move(k, "a", "c");
	memberkit_pass(k, 500);
	json_decref(memberkit_pull(k, "c", &other));
	memberkit_pass(k, 2000);
	memberkit_has(k, k->other, "c");
	assert_int_equal(k->fetched, 2);
	assert_true(there(k, "a"));
}

/* A person's own file of that content was met by a pull: it counts as one,
   and moves; and it is replaced by a newer version. */
static void test_adopted(void **state)
{
	struct memberkit *k = *state;
	struct memberkit_file *f;
	struct memfs_node *n;

	memberkit_put(k, "own", 300, 7);
	memberkit_pass(k, 500);
	f = memberkit_file(k, "own");
	n = memfs_open(k->fs, "own");
	memfs_write(k->fs, n, 0, f->data, f->len);
	memfs_close(k->fs, n);
	memberkit_want(k, "own", 0, 0);
	memberkit_move(k, "own", "owner's");
	reused(k, "owner's", 1);
	memberkit_put(k, "owner's", 301, 8);
	fetched(k, "owner's");
}

/* The process ends at every step of the folder in turn, now and then with
   the power: in the end all is in its place. */
static void test_crashes(void **state)
{
	struct memberkit *k = *state;

	for (int i = 1; i < 60; i++) {
		bool odd = i % 2 == 1;

		memberkit_put(k, "a", odd ? 6 * MIB : 5 * MIB, odd ? 2 : 1);
		memberkit_put(k, "b", odd ? 5 * MIB : 6 * MIB, odd ? 1 : 2);
		memberkit_move(k, odd ? "old/1" : "1/1", odd ? "1/1" : "old/1");
		memberkit_pass(k, 500);
		memtarget_die(k->disk, i);
		json_decref(member_pull(k->m, (const char *[]){ "" }, 1,
		    &(const struct member_want){ 0 }, k->now, NULL));
		memberkit_run(k);
		memberkit_stop(k, i % 3 == 0);
		memberkit_start(k);
		memberkit_pass(k, 30000);
		json_decref(memberkit_pull(k, "", NULL));
		memberkit_pass(k, 30000);
		memberkit_has(k, k->fs, "a");
		memberkit_has(k, k->fs, "b");
		memberkit_has(k, k->fs, odd ? "1/1" : "old/1");
		memberkit_want(k, "", 0, 0);
	}
	assert_int_equal(memtarget_parts(k->disk), 0);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_renamed),
		WITH(test_plan_says_so),
		WITH(test_dressed),
		WITH(test_folder),
		WITH(test_folder_stays),
		WITH(test_copied),
		WITH(test_swap),
		WITH(test_ring),
		WITH(test_chain),
		WITH(test_relisted),
		WITH(test_edited),
		WITH(test_touched),
		WITH(test_edited_meanwhile),
		WITH(test_place_is_taken),
		WITH(test_rotten),
		WITH(test_faults),
		WITH(test_elsewhere),
		WITH(test_adopted),
		WITH(test_crashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
