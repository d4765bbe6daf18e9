/*
 * A member's disk that takes names for one which differ in case: each file
 * has a place of its own there, always the same.
 */
#include "tests/unit/memberkit.h"

#include <stdio.h>
#include <string.h>

static const struct member_want anew = { .force = true };

static int setup(void **state)
{
	struct memberkit *k = memberkit_new();

	memtarget_fold(k->disk);
	memberkit_put(k, "README", 20, 1);
	memberkit_put(k, "ReadMe", 30, 2);
	memberkit_put(k, "Shots/A", 40, 3);
	memberkit_put(k, "shots/a", 50, 4);
	memberkit_pass(k, 500);
	*state = k;
	return 0;
}

static int teardown(void **state)
{
	memberkit_free(*state);
	return 0;
}

/* The file of the log at path stands at place, whole. */
static void stands(struct memberkit *k, const char *path, const char *place)
{
	const struct memberkit_file *f = memberkit_file(k, path);
	const struct memfs_node *n = memfs_at(k->fs, place, NULL);

	assert_non_null(f);
	assert_non_null(n);
	assert_int_equal(n->size, f->len);
	assert_memory_equal(n->data, f->data, f->len);
	assert_int_equal(memberkit_badge(k, path), '=');
}

/* Pulls path; what the plan says of it. */
static void pull(struct memberkit *k, const char *path,
    const struct member_want *want, const char *action, const char *place)
{
	json_t *doc = memberkit_pull(k, path, want);
	json_t *one = json_array_get(json_object_get(doc, "files"), 0);
	const char *said = json_string_value(json_object_get(one, "place"));

	assert_string_equal(
	    json_string_value(json_object_get(one, "action")), action);
	assert_string_equal(said ? said : "", place);
	json_decref(doc);
	memberkit_pass(k, 2000);
}

static size_t files_of(struct memberkit *k)
{
	return memfs_count(k->fs);
}

static void test_one_after_another(void **state)
{
	struct memberkit *k = *state;

	pull(k, "README", NULL, "fetch", "");
	pull(k, "ReadMe", NULL, "fetch", "ReadMe~case1");
	pull(k, "Shots/A", NULL, "fetch", "");
	pull(k, "shots/a", NULL, "fetch", "shots/a~case1");
	stands(k, "README", "README");
	stands(k, "ReadMe", "ReadMe~case1");
	stands(k, "Shots/A", "Shots/A");
	stands(k, "shots/a", "Shots/a~case1");
	assert_int_equal(files_of(k), 5);
	/* and the same again */
	pull(k, "ReadMe", NULL, "have", "ReadMe~case1");
	pull(k, "ReadMe", &anew, "have", "ReadMe~case1");
	pull(k, "README", NULL, "have", "");
	assert_int_equal(files_of(k), 5);
}

/* All at once: who comes second is found out when it gets its name. */
static void test_at_once(void **state)
{
	struct memberkit *k = *state;

	json_decref(memberkit_pull(k, "", NULL));
	memberkit_pass(k, 20000);
	assert_int_equal(files_of(k), 5);
	for (int i = 0; i < 2; i++) {
		static const char *const path[2][2] = { { "README", "ReadMe" },
			{ "Shots/A", "shots/a" } };
		char other[40];
		int one = memfs_at(k->fs, path[i][0], NULL) == NULL;

		(void)snprintf(other, sizeof(other), "%s~case1", path[i][!one]);
		assert_int_equal(memberkit_badge(k, path[i][0]), '=');
		assert_int_equal(memberkit_badge(k, path[i][1]), '=');
		if (i == 0)
			stands(k, path[i][!one], other);
		if (i == 0)
			stands(k, path[i][one], path[i][one]);
	}
}

static void test_later_versions(void **state)
{
	struct memberkit *k = *state;

	pull(k, "README", NULL, "fetch", "");
	pull(k, "ReadMe", NULL, "fetch", "ReadMe~case1");
	memberkit_put(k, "ReadMe", 33, 9);
	memberkit_pass(k, 500);
	assert_int_equal(memberkit_badge(k, "ReadMe"), '-');
	pull(k, "ReadMe", NULL, "fetch", "ReadMe~case1");
	stands(k, "ReadMe", "ReadMe~case1");
	stands(k, "README", "README");
	memberkit_put(k, "README", 22, 8);
	memberkit_pass(k, 500);
	pull(k, "README", NULL, "fetch", "");
	stands(k, "README", "README");
	stands(k, "ReadMe", "ReadMe~case1");
	/* deleted and back, and the other one gone: its place is its place */
	memberkit_remove(k, "ReadMe");
	memberkit_remove(k, "README");
	memberkit_pass(k, 500);
	assert_int_equal(files_of(k), 2);
	memberkit_put(k, "ReadMe", 35, 10);
	memberkit_pass(k, 500);
	pull(k, "ReadMe", NULL, "fetch", "ReadMe~case1");
	stands(k, "ReadMe", "ReadMe~case1");
	assert_int_equal(files_of(k), 2);
}

/* What was edited there is a conflict there. */
static void test_edited(void **state)
{
	struct memberkit *k = *state;

	pull(k, "README", NULL, "fetch", "");
	pull(k, "ReadMe", NULL, "fetch", "ReadMe~case1");
	k->now.wall_ms += 10;
	memberkit_edit(k, "ReadMe~case1", "mine");
	assert_int_equal(memberkit_badge(k, "ReadMe"), '!');
	pull(k, "ReadMe", NULL, "conflict", "ReadMe~case1");
	assert_true(memberkit_is(k, "ReadMe~case1", "mine"));
	pull(k, "ReadMe", &anew, "fetch", "ReadMe~case1");
	stands(k, "ReadMe", "ReadMe~case1");
	stands(k, "README", "README");
}

/* The same content is two files, too: one is made of the other. */
static void test_same_content(void **state)
{
	struct memberkit *k = *state;

	memberkit_put(k, "ReadMe", 20, 1);
	memberkit_pass(k, 500);
	pull(k, "README", NULL, "fetch", "");
	pull(k, "ReadMe", NULL, "reuse", "ReadMe~case1");
	stands(k, "README", "README");
	stands(k, "ReadMe", "ReadMe~case1");
	assert_int_equal(k->asked_downloads, 1);
	/* its copy is not free for others while the listing has it */
	memberkit_remove(k, "README");
	memberkit_put(k, "third", 20, 1);
	memberkit_pass(k, 500);
	pull(k, "third", NULL, "reuse", "");
	stands(k, "third", "third");
	stands(k, "ReadMe", "ReadMe~case1");
	assert_null(memfs_at(k->fs, "README", NULL));
	memberkit_put(k, "fourth", 20, 1);
	memberkit_remove(k, "third");
	memfs_unlink(k->fs, "third");
	memberkit_pass(k, 500);
	pull(k, "fourth", NULL, "reuse", "");
	stands(k, "fourth", "fourth");
	stands(k, "ReadMe", "ReadMe~case1");
}

/* Renamed at the owner's, the copy follows. */
static void test_renamed(void **state)
{
	struct memberkit *k = *state;

	pull(k, "README", NULL, "fetch", "");
	pull(k, "ReadMe", NULL, "fetch", "ReadMe~case1");
	memberkit_move(k, "ReadMe", "notes");
	memberkit_pass(k, 500);
	pull(k, "notes", NULL, "reuse", "");
	stands(k, "notes", "notes");
	stands(k, "README", "README");
	assert_null(memfs_at(k->fs, "ReadMe~case1", NULL));
	assert_int_equal(k->asked_downloads, 2);
}

/* Only its case changes: there is one file, and it goes on. */
static void test_case_changes(void **state)
{
	struct memberkit *k = *state;

	pull(k, "README", NULL, "fetch", "");
	memberkit_remove(k, "ReadMe");
	memberkit_move(k, "README", "readme");
	memberkit_pass(k, 500);
	pull(k, "readme", NULL, "have", "");
	memberkit_put(k, "readme", 44, 12);
	memberkit_pass(k, 500);
	pull(k, "readme", NULL, "fetch", "");
	assert_int_equal(files_of(k), 1);
	assert_int_equal(memberkit_badge(k, "readme"), '=');
}

/* The same, and another content before anybody pulled it. */
static void test_case_and_content_change(void **state)
{
	struct memberkit *k = *state;

	pull(k, "README", NULL, "fetch", "");
	memberkit_remove(k, "ReadMe");
	memberkit_remove(k, "README");
	memberkit_put(k, "readme", 44, 12);
	memberkit_pass(k, 500);
	pull(k, "readme", NULL, "fetch", "");
	assert_int_equal(files_of(k), 1);
	assert_int_equal(memberkit_badge(k, "readme"), '=');
}

/* What is here under a name that is free moves to the place. */
static void test_moved_to_its_place(void **state)
{
	struct memberkit *k = *state;

	memberkit_put(k, "other", 30, 2);
	memberkit_pass(k, 500);
	pull(k, "other", NULL, "fetch", "");
	pull(k, "README", NULL, "fetch", "");
	memberkit_remove(k, "other");
	memberkit_pass(k, 500);
	pull(k, "ReadMe", NULL, "reuse", "ReadMe~case1");
	stands(k, "ReadMe", "ReadMe~case1");
	stands(k, "README", "README");
	assert_null(memfs_at(k->fs, "other", NULL));
}

/* The process ends when one of two has the name and none the place. */
static void test_killed_in_between(void **state)
{
	struct memberkit *k = *state;

	memberkit_put(k, "ReadMe", 20, 1);
	memberkit_pass(k, 500);
	k->hold_hash = true;
	json_decref(memberkit_pull(k, "README", NULL));
	json_decref(memberkit_pull(k, "ReadMe", NULL));
	memberkit_pass(k, 2000);
	assert_int_equal(k->hashes, 2);
	memberkit_hashed(k, 1);
	assert_int_equal(files_of(k), 1);
	memberkit_stop(k, false);
	k->hold_hash = false;
	memberkit_start(k);
	memberkit_pass(k, 20000);
	assert_int_equal(files_of(k), 2);
	assert_int_equal(memberkit_badge(k, "README"), '=');
	assert_int_equal(memberkit_badge(k, "ReadMe"), '=');
}

/* A third of the kind, and one that has the very name of a place. */
static void test_taken_places(void **state)
{
	struct memberkit *k = *state;

	memberkit_put(k, "readme", 60, 5);
	memberkit_put(k, "ReadMe~case1", 70, 6);
	memberkit_pass(k, 500);
	pull(k, "README", NULL, "fetch", "");
	pull(k, "ReadMe", NULL, "fetch", "ReadMe~case2");
	pull(k, "ReadMe~case1", NULL, "fetch", "");
	pull(k, "readme", NULL, "fetch", "readme~case3");
	stands(k, "README", "README");
	stands(k, "ReadMe", "ReadMe~case2");
	stands(k, "ReadMe~case1", "ReadMe~case1");
	stands(k, "readme", "readme~case3");
	/* one that comes to the project later */
	memberkit_put(k, "ReadMe~case2", 80, 7);
	memberkit_pass(k, 500);
	pull(k, "ReadMe~case2", NULL, "fetch", "ReadMe~case2~case1");
	stands(k, "ReadMe", "ReadMe~case2");
	stands(k, "ReadMe~case2", "ReadMe~case2~case1");
}

/* A person's own file is what it always was: a conflict. */
static void test_own_file(void **state)
{
	struct memberkit *k = *state;

	memberkit_put(k, "notes", 20, 5);
	memberkit_pass(k, 500);
	memberkit_edit(k, "NOTES", "mine");
	pull(k, "notes", NULL, "conflict", "");
	assert_true(memberkit_is(k, "NOTES", "mine"));
	assert_int_equal(files_of(k), 1);
}

/* A name of 255 bytes loses its end. */
static void test_long_name(void **state)
{
	struct memberkit *k = *state;
	char lower[256], upper[256], place[256];

	memset(lower, 'n', 255);
	memset(upper, 'N', 255);
	lower[255] = upper[255] = '\0';
	memberkit_put(k, upper, 20, 5);
	memberkit_put(k, lower, 21, 6);
	memberkit_pass(k, 500);
	memcpy(place, lower, 249);
	memcpy(place + 249, "~case1", 7);
	pull(k, upper, NULL, "fetch", "");
	pull(k, lower, NULL, "fetch", place);
	stands(k, lower, place);
}

/* A dry run says it and keeps nothing. */
static void test_dry(void **state)
{
	struct memberkit *k = *state;
	const struct member_want dry = { .dry = true };

	pull(k, "README", NULL, "fetch", "");
	pull(k, "ReadMe", &dry, "fetch", "ReadMe~case1");
	memberkit_edit(k, "ReadMe~case1", "of somebody else");
	pull(k, "ReadMe", &dry, "fetch", "ReadMe~case2");
	pull(k, "ReadMe", NULL, "fetch", "ReadMe~case2");
	stands(k, "ReadMe", "ReadMe~case2");
}

/* The places outlive the process, and content finds them without. */
static void test_after_a_restart(void **state)
{
	struct memberkit *k = *state;

	pull(k, "README", NULL, "fetch", "");
	pull(k, "ReadMe", NULL, "fetch", "ReadMe~case1");
	memberkit_stop(k, true);
	memberkit_start(k);
	memberkit_pass(k, 1000);
	pull(k, "ReadMe", NULL, "have", "ReadMe~case1");
	memberkit_stop(k, false);
	memvfs_remove(k->vfs, "mirror.db");
	memvfs_remove(k->vfs, "mirror.db-wal");
	memberkit_start(k);
	memberkit_pass(k, 2000);
	pull(k, "ReadMe", NULL, "have", "ReadMe~case1");
	pull(k, "README", NULL, "have", "");
	assert_int_equal(files_of(k), 2);
}

static int64_t number(json_t *doc, const char *key)
{
	return json_integer_value(json_object_get(doc, key));
}

static const char *place_of(json_t *doc)
{
	return json_string_value(json_object_get(doc, "place"));
}

static void test_told(void **state)
{
	struct memberkit *k = *state;
	struct vs_err err = VS_ERR_INIT;
	json_t *doc, *row, *problem;

	pull(k, "README", NULL, "fetch", "");
	doc = member_status(k->m, k->now);
	assert_int_equal(number(doc, "renamed_files"), 0);
	assert_int_equal(json_array_size(json_object_get(doc, "problems")), 0);
	json_decref(doc);
	pull(k, "ReadMe", NULL, "fetch", "ReadMe~case1");
	doc = member_status(k->m, k->now);
	assert_int_equal(number(doc, "renamed_files"), 1);
	problem = json_array_get(json_object_get(doc, "problems"), 0);
	assert_string_equal(
	    json_string_value(json_object_get(problem, "code")), "renamed");
	assert_true(json_is_true(json_object_get(doc, "in_sync")));
	json_decref(doc);
	doc = member_list(k->m, "ReadMe", false, "", 10, &err);
	row = json_array_get(json_object_get(doc, "files"), 0);
	assert_string_equal(place_of(row), "ReadMe~case1");
	json_decref(doc);
	doc = member_list(k->m, "README", false, "", 10, &err);
	row = json_array_get(json_object_get(doc, "files"), 0);
	assert_null(place_of(row));
	json_decref(doc);
	row = memberkit_transfer(k);
	assert_string_equal(place_of(row), "ReadMe~case1");
	json_decref(row);
	doc = member_why(k->m, "ReadMe", k->now);
	assert_string_equal(place_of(doc), "ReadMe~case1");
	assert_string_equal(
	    json_string_value(json_object_get(doc, "stage")), "here");
	json_decref(doc);
}

/* A folder that is not the project's has places of its own. */
static void test_elsewhere(void **state)
{
	struct memberkit *k = *state;
	const struct member_want out = { .out = "/other" };
	const struct memfs_node *n;

	memtarget_fold(k->elsewhere);
	pull(k, "ReadMe", &out, "fetch", "");
	pull(k, "README", &out, "fetch", "README~case1");
	pull(k, "README", NULL, "fetch", "");
	pull(k, "ReadMe", NULL, "fetch", "ReadMe~case1");
	memberkit_has(k, k->other, "ReadMe");
	n = memfs_at(k->other, "README~case1", NULL);
	assert_non_null(n);
	assert_int_equal(n->size, 20);
	stands(k, "README", "README");
	stands(k, "ReadMe", "ReadMe~case1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define NAMES_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		NAMES_TEST(test_one_after_another),
		NAMES_TEST(test_at_once),
		NAMES_TEST(test_later_versions),
		NAMES_TEST(test_edited),
		NAMES_TEST(test_same_content),
		NAMES_TEST(test_renamed),
		NAMES_TEST(test_case_changes),
		NAMES_TEST(test_case_and_content_change),
		NAMES_TEST(test_moved_to_its_place),
		NAMES_TEST(test_killed_in_between),
		NAMES_TEST(test_taken_places),
		NAMES_TEST(test_own_file),
		NAMES_TEST(test_long_name),
		NAMES_TEST(test_dry),
		NAMES_TEST(test_after_a_restart),
		NAMES_TEST(test_told),
		NAMES_TEST(test_elsewhere),
#undef NAMES_TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
