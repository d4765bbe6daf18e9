#include "tests/unit/cloudkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
	*state = cloudkit_new();
	return 0;
}

static int teardown(void **state)
{
	cloudkit_free(*state);
	return 0;
}

/* Deletes f<from> .. f<to - 1>; how many are held, and in which hold. */
static size_t shrink(struct cloudkit *k, int from, int to, char hold[STORE_ID])
{
	struct vs_buf b;
	json_t *doc;
	size_t n;
	int i;

	vs_buf_init(&b, 1024 * 1024);
	for (i = from; i < to; i++)
		vs_buf_addf(&b, "%s{\"path\":\"f%d\",\"op\":\"delete\"}",
		    i == from ? "" : ",", i);
	doc = cloudkit_publish(k, vs_buf_str(&b));
	vs_buf_release(&b);
	n = json_array_size(cloudkit_at(doc, "held"));
	assert_int_equal(cloudkit_int(doc, "synced") + (int64_t)n, to - from);
	if (n > 0)
		(void)snprintf(
		    hold, STORE_ID, "%s", cloudkit_str(doc, "held.0.hold_id"));
	json_decref(doc);
	return n;
}

static json_t *decide(struct cloudkit *k, const char *hold, const char *how)
{
	char target[128];

	(void)snprintf(
	    target, sizeof(target), "/api/projects/%%P/holds/%s", hold);
	return cloudkit_post(k, target, "{\"approve\":%s}", how);
}

static int64_t held(struct cloudkit *k)
{
	json_t *doc = cloudkit_ask(
	    k, k->owner.text, "GET", "/api/projects/%P/holds", NULL);
	int64_t n;

	assert_int_equal(k->status, 200);
	n = cloudkit_int(doc, "count");
	json_decref(doc);
	return n;
}

static int64_t live(struct cloudkit *k)
{
	struct call call = cloudkit_begin(k);

	k->store->ops->rollback(k->store);
	return call.project.files;
}

static void test_held_and_approved(void **state)
{
	struct cloudkit *k = *state;
	char hold[STORE_ID];
	json_t *doc;

	cloudkit_many(k, "create", "f", 0, 400);
	assert_int_equal(shrink(k, 0, 150, hold), 50);
	assert_int_equal(live(k), 300);
	assert_int_equal(held(k), 50);
	cloudkit_agree(k);
	doc = cloudkit_ask(
	    k, k->owner.text, "GET", "/api/projects/%P/holds", NULL);
	assert_string_equal(cloudkit_str(doc, "holds.0.id"), hold);
	assert_int_equal(cloudkit_int(doc, "holds.0.count"), 50);
	assert_int_equal(
	    json_array_size(cloudkit_at(doc, "holds.0.paths")), 20);
	json_decref(doc);
	doc = decide(k, hold, "true");
	assert_int_equal(k->status, 200);
	assert_int_equal(cloudkit_int(doc, "deleted"), 50);
	assert_int_equal(cloudkit_int(doc, "last_seq"), 550);
	assert_int_equal(cloudkit_int(doc, "tree.count"), 250);
	assert_int_equal(k->answer.last_seq, 550);
	json_decref(doc);
	assert_int_equal(held(k), 0);
	cloudkit_agree(k);
	cloudkit_refused(k, decide(k, hold, "true"), 404, "not_found");
	/* what is left is the new baseline: a hundred may go again */
	assert_int_equal(shrink(k, 150, 251, hold), 1);
}

static void test_rejected(void **state)
{
	struct cloudkit *k = *state;
	char hold[STORE_ID];
	json_t *doc;

	cloudkit_many(k, "create", "f", 0, 200);
	assert_int_equal(shrink(k, 0, 200, hold), 100);
	doc = decide(k, hold, "false");
	assert_int_equal(k->status, 200);
	assert_int_equal(cloudkit_int(doc, "deleted"), 0);
	assert_int_equal(k->answer.last_seq, 0);
	json_decref(doc);
	assert_int_equal(held(k), 0);
	assert_int_equal(live(k), 100);
	/* the baseline stays: the next one is held again */
	assert_int_equal(shrink(k, 150, 151, hold), 1);
	cloudkit_agree(k);
}

/* Sent again, a held deletion stays in its hold. */
static void test_again(void **state)
{
	struct cloudkit *k = *state;
	char first[STORE_ID], again[STORE_ID];

	cloudkit_many(k, "create", "f", 0, 200);
	assert_int_equal(shrink(k, 0, 110, first), 10);
	assert_int_equal(shrink(k, 100, 110, again), 10);
	assert_string_equal(first, again);
	assert_int_equal(held(k), 10);
	assert_int_equal(shrink(k, 105, 115, again), 10);
	assert_int_equal(held(k), 15);
}

static void test_upsert_cancels(void **state)
{
	struct cloudkit *k = *state;
	char hold[STORE_ID];
	json_t *doc;

	cloudkit_many(k, "create", "f", 0, 200);
	assert_int_equal(shrink(k, 0, 102, hold), 2);
	cloudkit_many(k, "update", "f", 100, 101);
	assert_int_equal(held(k), 1);
	doc = decide(k, hold, "true");
	assert_int_equal(cloudkit_int(doc, "deleted"), 1);
	json_decref(doc);
	/* with its last path a hold is gone */
	assert_int_equal(live(k), 99);
	cloudkit_agree(k);
	cloudkit_many(k, "create", "f", 0, 102);
	assert_int_equal(shrink(k, 0, 102, hold), 2);
	cloudkit_many(k, "update", "f", 100, 102);
	assert_int_equal(held(k), 0);
	cloudkit_refused(k, decide(k, hold, "true"), 404, "not_found");
}

/* When there is room again, the deletion sent again just happens. */
static void test_room_again(void **state)
{
	struct cloudkit *k = *state;
	char hold[STORE_ID];

	cloudkit_many(k, "create", "f", 0, 200);
	assert_int_equal(shrink(k, 0, 101, hold), 1);
	cloudkit_many(k, "create", "g", 0, 1);
	assert_int_equal(shrink(k, 100, 101, hold), 0);
	assert_int_equal(held(k), 0);
	cloudkit_agree(k);
}

static void test_renames(void **state)
{
	struct cloudkit *k = *state;
	struct vs_buf b;
	json_t *doc;
	int i;

	cloudkit_many(k, "create", "f", 0, 300);
	vs_buf_init(&b, 1024 * 1024);
	/* deletions first, and over names that exist: a net loss */
	for (i = 0; i < 150; i++)
		vs_buf_addf(&b,
		    "%s{\"path\":\"f%d\",\"op\":\"delete\"},"
		    "{\"path\":\"f%d\",\"op\":\"create\",\"hash\":\"h%d\","
		    "\"renamed_from\":\"f%d\"}",
		    i == 0 ? "" : ",", i, i + 150, i, i);
	doc = cloudkit_publish(k, vs_buf_str(&b));
	assert_int_equal(json_array_size(cloudkit_at(doc, "held")), 0);
	assert_int_equal(live(k), 150);
	json_decref(doc);
	vs_buf_release(&b);
	cloudkit_agree(k);
}

/* A folder waits with what lies in it, also in a later batch. */
static void test_folders_wait(void **state)
{
	struct cloudkit *k = *state;
	char hold[STORE_ID];
	json_t *doc, *last;

	cloudkit_many(k, "create", "f", 0, 150);
	json_decref(cloudkit_publish(k,
	    "{\"path\":\"d\",\"op\":\"create\",\"kind\":\"directory\"},"
	    "{\"path\":\"d/x\",\"op\":\"create\",\"hash\":\"h\"},"
	    "{\"path\":\"e\",\"op\":\"create\",\"kind\":\"directory\"}"));
	assert_int_equal(shrink(k, 0, 100, hold), 0);
	doc = cloudkit_publish(k,
	    "{\"path\":\"d/x\",\"op\":\"delete\"},"
	    "{\"path\":\"d\",\"op\":\"delete\"},"
	    "{\"path\":\"e\",\"op\":\"delete\"}");
	assert_int_equal(json_array_size(cloudkit_at(doc, "held")), 2);
	assert_string_equal(cloudkit_str(doc, "results.0.path"), "e");
	(void)snprintf(
	    hold, sizeof(hold), "%s", cloudkit_str(doc, "held.0.hold_id"));
	json_decref(doc);
	doc = decide(k, hold, "true");
	assert_int_equal(cloudkit_int(doc, "deleted"), 2);
	json_decref(doc);
	last = cloudkit_ask(k, k->owner.text, "GET",
	    "/api/projects/%P/events?since_seq=254", NULL);
	assert_string_equal(cloudkit_str(last, "events.0.change.path"), "d/x");
	assert_string_equal(cloudkit_str(last, "events.1.change.path"), "d");
	json_decref(last);
	cloudkit_agree(k);
}

static void test_folder_of_an_older_hold(void **state)
{
	struct cloudkit *k = *state;
	char hold[STORE_ID];
	json_t *doc;

	cloudkit_many(k, "create", "d/f", 0, 150);
	json_decref(cloudkit_publish(
	    k, "{\"path\":\"d\",\"op\":\"create\",\"kind\":\"directory\"}"));
	cloudkit_many(k, "delete", "d/f", 0, 101);
	assert_int_equal(held(k), 1);
	doc = cloudkit_publish(k, "{\"path\":\"d\",\"op\":\"delete\"}");
	assert_int_equal(json_array_size(cloudkit_at(doc, "held")), 1);
	(void)snprintf(
	    hold, sizeof(hold), "%s", cloudkit_str(doc, "held.0.hold_id"));
	json_decref(doc);
	/* an upsert of the folder takes it out again */
	json_decref(cloudkit_publish(
	    k, "{\"path\":\"d\",\"op\":\"create\",\"kind\":\"directory\"}"));
	cloudkit_refused(k, decide(k, hold, "true"), 404, "not_found");
	assert_int_equal(held(k), 1);
}

static void test_bad_decision(void **state)
{
	struct cloudkit *k = *state;
	char hold[STORE_ID];

	cloudkit_many(k, "create", "f", 0, 200);
	assert_int_equal(shrink(k, 0, 101, hold), 1);
	cloudkit_refused(k, decide(k, hold, "\"yes\""), 400, "bad_field");
	cloudkit_refused(k, decide(k, hold, "null"), 400, "bad_field");
	cloudkit_refused(k, decide(k, "x", "true"), 404, "not_found");
	assert_int_equal(held(k), 1);
}

#define WITH_KIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KIT(test_held_and_approved),
		WITH_KIT(test_rejected),
		WITH_KIT(test_again),
		WITH_KIT(test_upsert_cancels),
		WITH_KIT(test_room_again),
		WITH_KIT(test_renames),
		WITH_KIT(test_folders_wait),
		WITH_KIT(test_folder_of_an_older_hold),
		WITH_KIT(test_bad_decision),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
