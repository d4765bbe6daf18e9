/* What stands in the member's folder: its own edits are never overwritten. */
#include "tests/unit/memberkit.h"

#include <string.h>

static int setup(void **state)
{
	struct memberkit *k = memberkit_new();

	memberkit_put(k, "a", 20, 1);
	memberkit_pass(k, 500);
	memberkit_want(k, "a", 1, 0);
	memberkit_pass(k, 2000);
	memberkit_has(k, k->fs, "a");
	*state = k;
	return 0;
}

static int teardown(void **state)
{
	memberkit_free(*state);
	return 0;
}

/* The owner saves another one, and we know it. */
static void newer(struct memberkit *k)
{
	memberkit_put(k, "a", 25, 2);
	memberkit_pass(k, 500);
}

/* One path's action in a plan. */
static void assert_plan(struct memberkit *k, const char *path,
    const struct member_want *want, const char *action)
{
	json_t *doc = memberkit_pull(k, path, want);
	json_t *one = json_array_get(json_object_get(doc, "files"), 0);

	assert_string_equal(
	    json_string_value(json_object_get(one, "action")), action);
	json_decref(doc);
}

static void assert_conflict(struct memberkit *k)
{
	json_t *t = memberkit_transfer(k);

	assert_string_equal(
	    json_string_value(json_object_get(t, "state")), "failed");
	assert_non_null(
	    strstr(json_string_value(json_object_get(t, "error")), "conflict"));
	json_decref(t);
	assert_int_equal(memtarget_parts(k->disk), 0);
}

static void test_same(void **state)
{
	struct memberkit *k = *state;

	assert_plan(k, "a", NULL, "have");
	assert_int_equal(memberkit_badge(k, "a"), '=');
}

static void test_own_copy(void **state)
{
	struct memberkit *k = *state;

	newer(k);
	assert_int_equal(memberkit_badge(k, "a"), '-');
	assert_plan(k, "a", NULL, "fetch");
	memberkit_pass(k, 2000);
	memberkit_has(k, k->fs, "a");
}

static void test_changed(void **state)
{
	struct memberkit *k = *state;
	const struct member_want force = { .force = true };

	k->now.wall_ms += 10;
	memberkit_edit(k, "a", "mine");
	assert_int_equal(memberkit_badge(k, "a"), '!');
	assert_plan(k, "a", NULL, "conflict");
	newer(k);
	assert_plan(k, "a", NULL, "conflict");
	memberkit_pass(k, 5000);
	assert_true(memberkit_is(k, "a", "mine"));
	assert_plan(k, "a", &force, "fetch");
	memberkit_pass(k, 2000);
	memberkit_has(k, k->fs, "a");
}

/* Edited between the plan and the last byte. */
static void test_changed_meanwhile(void **state)
{
	struct memberkit *k = *state;

	newer(k);
	k->hold_hash = true;
	assert_plan(k, "a", NULL, "fetch");
	memberkit_pass(k, 2000);
	assert_int_equal(k->hashes, 1);
	memberkit_edit(k, "a", "mine");
	k->hold_hash = false;
	memberkit_pass(k, 10000);
	assert_true(memberkit_is(k, "a", "mine"));
	assert_conflict(k);
	/* or made where nothing stood */
	memberkit_put(k, "b", 10, 3);
	memberkit_pass(k, 500);
	k->hold_hash = true;
	assert_plan(k, "b", NULL, "fetch");
	memberkit_pass(k, 2000);
	memberkit_edit(k, "b", "mine, too");
	k->hold_hash = false;
	memberkit_pass(k, 10000);
	assert_true(memberkit_is(k, "b", "mine, too"));
	assert_conflict(k);
}

/* A copy that came by other means, or was only touched, is a copy. */
static void test_same_content(void **state)
{
	struct memberkit *k = *state;
	const struct memfs_node *n = memfs_at(k->fs, "a", NULL);
	char text[32] = "";

	memcpy(text, n->data, n->size);
	memberkit_put(k, "b", 20, 1);
	memberkit_pass(k, 500);
	{
		struct memfs_node *b = memfs_open(k->fs, "b");

		memfs_write(k->fs, b, 0, text, n->size);
		memfs_close(k->fs, b);
	}
	assert_int_equal(memberkit_badge(k, "b"), '!');
	assert_plan(k, "b", NULL, "have");
	assert_int_equal(memberkit_badge(k, "b"), '=');
	memfs_utimes(k->fs, "a", 5000000000);
	assert_int_equal(memberkit_badge(k, "a"), '!');
	assert_plan(k, "a", NULL, "have");
	assert_int_equal(memberkit_badge(k, "a"), '=');
	assert_int_equal(k->asked_downloads, 1);
	/* what is ours by content is replaced by what is newer */
	memberkit_put(k, "b", 21, 9);
	memberkit_pass(k, 500);
	assert_plan(k, "b", NULL, "fetch");
	memberkit_pass(k, 2000);
	memberkit_has(k, k->fs, "b");
}

static void test_odd(void **state)
{
	struct memberkit *k = *state;
	const struct member_want force = { .force = true };
	struct memfs_node *n;

	memberkit_put(k, "dir", 5, 1);
	memberkit_put(k, "link", 5, 2);
	memberkit_put(k, "file/below", 5, 3);
	memberkit_put(k, "way/below", 5, 4);
	memberkit_pass(k, 500);
	memfs_mkdir(k->fs, "dir");
	memfs_symlink(k->fs, "link", "a");
	memfs_symlink(k->fs, "way", "dir");
	memberkit_edit(k, "file", "mine");
	assert_plan(k, "dir", &force, "conflict");
	assert_plan(k, "link", &force, "conflict");
	assert_plan(k, "file/below", &force, "conflict");
	assert_plan(k, "way/below", &force, "conflict");
	memberkit_pass(k, 20000);
	assert_true(memberkit_is(k, "file", "mine"));
	n = memfs_at(k->fs, "link", NULL);
	assert_int_equal(n->kind, VS_KIND_SYMLINK);
	n = memfs_at(k->fs, "dir", NULL);
	assert_int_equal(n->kind, VS_KIND_DIR);
	memberkit_has(k, k->fs, "a");
	assert_int_equal(memtarget_parts(k->disk), 0);
}

/* Deleted here: it is fetched again when it is asked for. */
static void test_deleted(void **state)
{
	struct memberkit *k = *state;

	memfs_unlink(k->fs, "a");
	assert_int_equal(memberkit_badge(k, "a"), '-');
	assert_plan(k, "a", NULL, "fetch");
	memberkit_pass(k, 2000);
	memberkit_has(k, k->fs, "a");
}

/* The disk says nothing: neither is it taken for free. */
static void test_unreadable(void **state)
{
	struct memberkit *k = *state;
	const struct memtarget_faults bad = { .look_io = 1000 };
	const struct memtarget_faults good = { 0 };

	newer(k);
	k->hold_hash = true;
	assert_plan(k, "a", NULL, "fetch");
	memberkit_pass(k, 2000);
	memberkit_edit(k, "a", "mine");
	memtarget_set_faults(k->disk, &bad);
	assert_plan(k, "a", NULL, "refuse");
	k->hold_hash = false;
	memberkit_pass(k, 1000);
	memtarget_set_faults(k->disk, &good);
	memberkit_pass(k, 60000);
	assert_true(memberkit_is(k, "a", "mine"));
}

/* A row whose hash nobody can check, and one that is being recorded. */
static void test_refused(void **state)
{
	struct memberkit *k = *state;

	memberkit_text(k,
	    "{\"type\":\"PROJECT_EVENT_BATCH\",\"events\":[{\"seq\":2,"
	    "\"change\":{\"path\":\"opaque\",\"op\":\"create\",\"size\":3,"
	    "\"hash\":\"abc123\"}},{\"seq\":3,\"change\":{\"path\":\"rec\","
	    "\"op\":\"create\",\"size\":3,\"state\":\"recording\"}}]}");
	assert_plan(k, "opaque", NULL, "refuse");
	assert_plan(k, "rec", NULL, "refuse");
	assert_int_equal(memberkit_badge(k, "rec"), '*');
}

static void test_links(void **state)
{
	struct memberkit *k = *state;
	const struct memfs_node *n;

	memberkit_text(k,
	    "{\"type\":\"PROJECT_EVENT_BATCH\",\"events\":[{\"seq\":2,"
	    "\"change\":{\"path\":\"d/l\",\"op\":\"create\",\"size\":4,"
	    "\"kind\":\"symlink\",\"link_target\":\"../a\","
	    "\"hash\":\"abc\"}}]}");
	assert_plan(k, "d/l", &(struct member_want){ .dry = true }, "fetch");
	assert_null(memfs_at(k->fs, "d", NULL));
	assert_plan(k, "d/l", NULL, "have");
	n = memfs_at(k->fs, "d/l", NULL);
	assert_non_null(n);
	assert_int_equal(n->kind, VS_KIND_SYMLINK);
	assert_memory_equal(n->data, "../a", 4);
	assert_plan(k, "d/l", NULL, "have");
}

/* Status, listing, why: what the control socket shows. */
static void test_reports(void **state)
{
	struct memberkit *k = *state;
	struct vs_err err = VS_ERR_INIT;
	json_t *doc;

	memberkit_mkdir(k, "d");
	for (int i = 0; i < 5; i++) {
		char path[8] = "d/f0";

		path[3] = (char)('0' + i);
		memberkit_put(k, path, 3, (unsigned)i);
	}
	memberkit_pass(k, 500);
	doc = member_status(k->m, k->now);
	assert_int_equal(json_integer_value(json_object_get(doc, "files")), 6);
	assert_int_equal(
	    json_integer_value(json_object_get(doc, "directories")), 1);
	assert_int_equal(
	    json_integer_value(json_object_get(doc, "here_files")), 1);
	assert_int_equal(
	    json_integer_value(json_object_get(doc, "last_seq")), 7);
	assert_true(json_is_true(json_object_get(doc, "in_sync")));
	json_decref(doc);
	doc = member_list(k->m, "", false, "", 10, &err);
	assert_int_equal(json_array_size(json_object_get(doc, "files")), 2);
	assert_true(json_is_null(json_object_get(doc, "next_cursor")));
	json_decref(doc);
	doc = member_list(k->m, "", true, "d/f1", 2, &err);
	assert_int_equal(json_array_size(json_object_get(doc, "files")), 2);
	assert_string_equal(
	    json_string_value(json_object_get(doc, "next_cursor")), "d/f3");
	json_decref(doc);
	assert_null(member_list(k->m, "none", false, "", 10, &err));
	assert_int_equal(err.code, VS_ENOENT);
	doc = member_why(k->m, "a", k->now);
	assert_string_equal(
	    json_string_value(json_object_get(doc, "stage")), "here");
	json_decref(doc);
	doc = member_why(k->m, "d/f0", k->now);
	assert_string_equal(
	    json_string_value(json_object_get(doc, "waits_for")), "vsync pull");
	json_decref(doc);
	doc = member_why(k->m, "none", k->now);
	assert_string_equal(
	    json_string_value(json_object_get(doc, "stage")), "absent");
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define HERE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		HERE_TEST(test_same),
		HERE_TEST(test_own_copy),
		HERE_TEST(test_changed),
		HERE_TEST(test_changed_meanwhile),
		HERE_TEST(test_same_content),
		HERE_TEST(test_odd),
		HERE_TEST(test_deleted),
		HERE_TEST(test_unreadable),
		HERE_TEST(test_refused),
		HERE_TEST(test_links),
		HERE_TEST(test_reports),
#undef HERE_TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
