#include "tests/unit/cloudkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPDATE "/api/projects/%P/files/update"
#define E1 "8d1b8c52-93b2-4d57-9e2c-5a0f5f2a0001"
#define E2 "8d1b8c52-93b2-4d57-9e2c-5a0f5f2a0002"
#define H1 "1111111111111111111111111111111111111111111111111111111111111111"

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

/* A numbered batch of one upsert. */
static json_t *batch(struct cloudkit *k, const char *device, const char *epoch,
    int counter, const char *path)
{
	return cloudkit_post(k, UPDATE,
	    "{\"changes\":[{\"path\":\"%s\",\"op\":\"create\",\"hash\":\"" H1
	    "\",\"size\":3,\"mtime\":1}],\"device_id\":\"%s\","
	    "\"batch\":{\"epoch\":\"%s\",\"counter\":%d}}",
	    path, device, epoch, counter);
}

static char *text_of(struct cloudkit *k)
{
	char *s = strdup(vs_buf_str(&k->answer.body));

	assert_non_null(s);
	return s;
}

static int64_t last_seq(struct cloudkit *k)
{
	json_t *doc = cloudkit_ask(
	    k, k->owner.text, "GET", "/api/projects/%P/events?limit=1", NULL);
	int64_t n = cloudkit_int(doc, "last_seq");

	json_decref(doc);
	return n;
}

static void test_answer(void **state)
{
	struct cloudkit *k = *state;
	json_t *doc = batch(k, k->device, E1, 1, "/a b");

	assert_int_equal(k->status, 200);
	assert_true(json_is_true(cloudkit_at(doc, "success")));
	assert_int_equal(cloudkit_int(doc, "synced"), 1);
	assert_int_equal(cloudkit_int(doc, "total"), 1);
	assert_string_equal(cloudkit_str(doc, "results.0.path"), "/a b");
	assert_int_equal(cloudkit_int(doc, "results.0.seq"), 1);
	assert_int_equal(cloudkit_int(doc, "results.0.version"), 1);
	assert_string_equal(cloudkit_str(doc, "results.0.status"), "synced");
	assert_int_equal(cloudkit_int(doc, "batch.counter"), 1);
	assert_string_equal(cloudkit_str(doc, "batch.epoch"), E1);
	assert_int_equal(cloudkit_int(doc, "tree.count"), 1);
	assert_int_equal(cloudkit_int(doc, "tree.bytes"), 3);
	assert_int_equal(strlen(cloudkit_str(doc, "tree.checksum")), 64);
	assert_int_equal(strlen(cloudkit_str(doc, "log_id")), 36);
	assert_string_equal(k->answer.project_id, k->project);
	assert_int_equal(k->answer.last_seq, 1);
	json_decref(doc);
	doc = cloudkit_ask(
	    k, k->owner.text, "GET", "/api/projects/%P/files", NULL);
	assert_string_equal(cloudkit_str(doc, "files.0.path"), "a b");
	json_decref(doc);
}

static void test_repeat(void **state)
{
	struct cloudkit *k = *state;
	char *first;

	json_decref(batch(k, k->device, E1, 1, "a"));
	first = text_of(k);
	/* something else happens in between, and time goes on */
	json_decref(cloudkit_publish(
	    k, "{\"path\":\"a\",\"op\":\"update\",\"hash\":\"x\"}"));
	k->wall_ms += 100000;
	cloudkit_reopen(k);
	json_decref(batch(k, k->device, E1, 1, "a"));
	assert_int_equal(k->status, 200);
	assert_string_equal(vs_buf_str(&k->answer.body), first);
	assert_int_equal(k->answer.last_seq, 0);
	assert_int_equal(last_seq(k), 2);
	free(first);
}

static void test_order(void **state)
{
	struct cloudkit *k = *state;
	json_t *doc;

	doc = batch(k, k->device, E1, 2, "a");
	assert_int_equal(cloudkit_int(doc, "expected"), 1);
	cloudkit_refused(k, doc, 409, "batch_gap");
	json_decref(batch(k, k->device, E1, 1, "a"));
	cloudkit_refused(
	    k, batch(k, k->device, E1, 1, "b"), 409, "batch_mismatch");
	doc = batch(k, k->device, E1, 3, "b");
	assert_int_equal(cloudkit_int(doc, "expected"), 2);
	cloudkit_refused(k, doc, 409, "batch_gap");
	json_decref(batch(k, k->device, E1, 2, "b"));
	assert_int_equal(k->status, 200);
	/* only the latest answer is kept: an older one is out of order */
	doc = batch(k, k->device, E1, 1, "a");
	assert_int_equal(cloudkit_int(doc, "expected"), 3);
	cloudkit_refused(k, doc, 409, "batch_gap");
	assert_int_equal(last_seq(k), 2);
	cloudkit_agree(k);
}

static void test_epochs(void **state)
{
	struct cloudkit *k = *state;

	json_decref(batch(k, k->device, E1, 1, "a"));
	cloudkit_refused(k, batch(k, k->device, E2, 2, "b"), 409, "batch_gap");
	/* an epoch that did not begin has ended nothing */
	json_decref(batch(k, k->device, E1, 2, "b"));
	assert_int_equal(k->status, 200);
	json_decref(batch(k, k->device, E2, 1, "c"));
	assert_int_equal(k->status, 200);
	cloudkit_refused(
	    k, batch(k, k->device, E1, 3, "d"), 409, "stale_epoch");
	cloudkit_refused(
	    k, batch(k, k->device, E1, 2, "b"), 409, "stale_epoch");
	assert_int_equal(last_seq(k), 3);
}

/* The first batch of an epoch that says what it follows. */
static json_t *begins(struct cloudkit *k, const char *epoch, const char *path,
    const char *after, int counter)
{
	return cloudkit_post(k, UPDATE,
	    "{\"changes\":[{\"path\":\"%s\",\"op\":\"create\",\"hash\":\"" H1
	    "\",\"size\":3,\"mtime\":1}],\"device_id\":\"%s\","
	    "\"batch\":{\"epoch\":\"%s\",\"counter\":1,"
	    "\"follows\":{\"epoch\":\"%s\",\"counter\":%d}}}",
	    path, k->device, epoch, after, counter);
}

/* What comes late from a state that is no more ends nothing. */
static void test_late_epoch(void **state)
{
	struct cloudkit *k = *state;
	json_t *doc;

	json_decref(begins(k, E1, "a", "", 0));
	assert_int_equal(k->status, 200);
	json_decref(begins(k, E1, "a", "", 0));
	assert_int_equal(k->status, 200); /* the same again */
	json_decref(batch(k, k->device, E1, 2, "b"));
	/* it was sent when the project was empty, or after the first */
	doc = begins(k, E2, "late", "", 0);
	assert_string_equal(cloudkit_str(doc, "follows.epoch"), E1);
	assert_int_equal(cloudkit_int(doc, "follows.counter"), 2);
	cloudkit_refused(k, doc, 409, "epoch_order");
	cloudkit_refused(k, begins(k, E2, "late", E1, 1), 409, "epoch_order");
	json_decref(batch(k, k->device, E1, 3, "c"));
	assert_int_equal(k->status, 200);
	/* and one that knows goes on */
	json_decref(begins(k, E2, "d", E1, 3));
	assert_int_equal(k->status, 200);
	cloudkit_refused(
	    k, batch(k, k->device, E1, 4, "e"), 409, "stale_epoch");
	assert_int_equal(last_seq(k), 4);
	cloudkit_agree(k);
}

/* A whole refusal uses up no number. */
static void test_refused_as_a_whole(void **state)
{
	struct cloudkit *k = *state;
	json_t *doc;
	struct vs_buf b;
	int i;

	json_decref(batch(k, k->device, E1, 1, "a"));
	vs_buf_init(&b, 1024 * 1024);
	for (i = 0; i < 501; i++)
		vs_buf_addf(&b, "%s{\"path\":\"f%d\",\"op\":\"delete\"}",
		    i == 0 ? "" : ",", i);
	doc = cloudkit_post(k, UPDATE,
	    "{\"changes\":[%s],\"device_id\":\"%s\",\"batch\":{\"epoch\":"
	    "\"" E1 "\",\"counter\":2}}",
	    vs_buf_str(&b), k->device);
	cloudkit_refused(k, doc, 413, "too_many");
	vs_buf_release(&b);
	json_decref(batch(k, k->device, E1, 2, "b"));
	assert_int_equal(k->status, 200);
}

static void test_publisher(void **state)
{
	struct cloudkit *k = *state;
	char other[STORE_ID];
	json_t *doc;

	json_decref(batch(k, k->device, E1, 1, "a"));
	doc = cloudkit_post(k, "/api/devices", "{\"name\":\"laptop\"}");
	(void)snprintf(
	    other, sizeof(other), "%s", cloudkit_str(doc, "device_id"));
	json_decref(doc);
	cloudkit_refused(k, batch(k, other, E2, 1, "b"), 409, "not_publisher");
	/* an editor without a device still may */
	json_decref(cloudkit_publish(
	    k, "{\"path\":\"e\",\"op\":\"create\",\"hash\":\"x\"}"));
	doc = cloudkit_post(
	    k, "/api/projects/%P/publisher", "{\"device_id\":\"%s\"}", other);
	assert_int_equal(k->status, 200);
	assert_int_equal(cloudkit_int(doc, "generation"), 2);
	json_decref(doc);
	cloudkit_refused(
	    k, batch(k, k->device, E1, 2, "c"), 409, "not_publisher");
	json_decref(batch(k, other, E2, 1, "b"));
	assert_int_equal(k->status, 200);
	/* back again: what the first had in flight stays fenced off */
	json_decref(cloudkit_post(k, "/api/projects/%P/publisher",
	    "{\"device_id\":\"%s\"}", k->device));
	cloudkit_refused(
	    k, batch(k, k->device, E1, 2, "c"), 409, "stale_epoch");
	cloudkit_refused(
	    k, batch(k, k->device, E1, 1, "a"), 409, "stale_epoch");
	json_decref(batch(
	    k, k->device, "8d1b8c52-93b2-4d57-9e2c-5a0f5f2a0003", 1, "c"));
	assert_int_equal(k->status, 200);
	/* the same device again changes nothing */
	doc = cloudkit_post(k, "/api/projects/%P/publisher",
	    "{\"device_id\":\"%s\"}", k->device);
	assert_int_equal(cloudkit_int(doc, "generation"), 3);
	json_decref(doc);
	json_decref(batch(
	    k, k->device, "8d1b8c52-93b2-4d57-9e2c-5a0f5f2a0003", 2, "d"));
	assert_int_equal(k->status, 200);
	assert_int_equal(last_seq(k), 5);
}

static void test_device(void **state)
{
	static const char nobody[] = "8d1b8c52-93b2-4d57-9e2c-5a0f5f2a0009";
	struct cloudkit *k = *state;
	json_t *doc;

	cloudkit_refused(
	    k, batch(k, nobody, E1, 1, "a"), 409, "unknown_device");
	cloudkit_refused(k, batch(k, "", E1, 1, "a"), 409, "unknown_device");
	doc = cloudkit_ask(
	    k, k->member.text, "POST", "/api/devices", "{\"name\":\"bob's\"}");
	assert_int_equal(k->status, 200);
	cloudkit_refused(k,
	    batch(k, cloudkit_str(doc, "device_id"), E1, 1, "a"), 409,
	    "unknown_device");
	json_decref(doc);
	doc = cloudkit_post(k, UPDATE,
	    "{\"changes\":[{\"path\":\"a\",\"op\":\"delete\"}],\"batch\":"
	    "{\"epoch\":\"" E1 "\",\"counter\":1}}");
	assert_string_equal(cloudkit_str(doc, "field"), "device_id");
	cloudkit_refused(k, doc, 400, "bad_field");
	assert_int_equal(last_seq(k), 0);
}

static void test_each_change_is_judged(void **state)
{
	struct cloudkit *k = *state;
	json_t *doc;

	doc = cloudkit_publish(k,
	    "{\"path\":\"good\",\"op\":\"create\",\"hash\":\"abc123\"},"
	    "{\"path\":\"../bad\",\"op\":\"create\"},"
	    "{\"path\":\"a//b\",\"op\":\"delete\"},"
	    "{\"op\":\"create\"},"
	    "7,"
	    "{\"path\":\"x\",\"op\":\"shred\"},"
	    "{\"path\":\"y\",\"op\":\"create\",\"size\":-1},"
	    "{\"path\":\".vsync/part/x\",\"op\":\"create\"},"
	    "{\"path\":\"/also good\",\"op\":\"create\",\"hash\":\"d\"}");
	assert_int_equal(cloudkit_int(doc, "synced"), 2);
	assert_int_equal(cloudkit_int(doc, "total"), 9);
	assert_int_equal(json_array_size(cloudkit_at(doc, "errors")), 7);
	assert_int_equal(cloudkit_int(doc, "errors.0.index"), 1);
	assert_string_equal(cloudkit_str(doc, "errors.0.code"), "bad_path");
	assert_string_equal(cloudkit_str(doc, "errors.0.path"), "../bad");
	assert_true(json_is_null(cloudkit_at(doc, "errors.2.path")));
	assert_string_equal(cloudkit_str(doc, "errors.4.code"), "bad_op");
	assert_string_equal(cloudkit_str(doc, "errors.5.code"), "bad_size");
	assert_string_equal(cloudkit_str(doc, "errors.6.code"), "bad_path");
	assert_string_equal(cloudkit_str(doc, "results.1.path"), "/also good");
	assert_int_equal(cloudkit_int(doc, "results.1.seq"), 2);
	json_decref(doc);
	cloudkit_agree(k);
}

static void test_conflict_shows_the_row(void **state)
{
	struct cloudkit *k = *state;
	json_t *doc;

	json_decref(cloudkit_publish(
	    k, "{\"path\":\"a\",\"op\":\"create\",\"hash\":\"one\"}"));
	doc = cloudkit_publish(k,
	    "{\"path\":\"a\",\"op\":\"update\",\"hash\":\"two\","
	    "\"base_version\":5},"
	    "{\"path\":\"b\",\"op\":\"update\",\"base_version\":5}");
	assert_int_equal(cloudkit_int(doc, "synced"), 0);
	assert_string_equal(cloudkit_str(doc, "errors.0.code"), "conflict");
	assert_int_equal(cloudkit_int(doc, "errors.0.version"), 1);
	assert_string_equal(cloudkit_str(doc, "errors.0.current.hash"), "one");
	assert_true(json_is_null(cloudkit_at(doc, "errors.1.current")));
	json_decref(doc);
	assert_int_equal(last_seq(k), 1);
}

/* The log keeps what happened, not how it was asked for. */
static void test_event_of_a_change(void **state)
{
	struct cloudkit *k = *state;
	json_t *doc;

	json_decref(cloudkit_publish(k,
	    "{\"path\":\"/d/a\",\"op\":\"create\",\"hash\":\"h\",\"size\":2,"
	    "\"mtime\":1700000000123,\"mode\":420,\"base_version\":0}"));
	doc = cloudkit_ask(
	    k, k->owner.text, "GET", "/api/projects/%P/events", NULL);
	assert_string_equal(cloudkit_str(doc, "events.0.change.path"), "d/a");
	assert_int_equal(
	    cloudkit_int(doc, "events.0.change.mtime"), 1700000000123);
	assert_int_equal(cloudkit_int(doc, "events.0.change.mode"), 420);
	assert_null(json_object_get(
	    cloudkit_at(doc, "events.0.change"), "base_version"));
	json_decref(doc);
}

/* Random batches with repeats and gaps: the log is what was accepted. */
static void test_storm(void **state)
{
	struct cloudkit *k = *state;
	int counter = 1, accepted = 0, i;
	char path[32];

	for (i = 0; i < 300; i++) {
		int jump = (int)vs_rand_below(&k->rand, 4);
		json_t *doc;

		(void)snprintf(path, sizeof(path), "f%d", counter % 37);
		if (jump == 3) {
			doc = batch(k, k->device, E1, counter + 1, "gap");
			cloudkit_refused(k, doc, 409, "batch_gap");
			continue;
		}
		doc = batch(k, k->device, E1, counter, path);
		assert_int_equal(k->status, 200);
		json_decref(doc);
		if (jump == 2) {
			json_decref(batch(k, k->device, E1, counter, path));
			assert_int_equal(k->status, 200);
		}
		accepted++;
		counter++;
	}
	assert_true(accepted > 100);
	assert_int_equal(last_seq(k), accepted < 37 ? accepted : 37);
	cloudkit_agree(k);
}

#define WITH_KIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KIT(test_answer),
		WITH_KIT(test_repeat),
		WITH_KIT(test_order),
		WITH_KIT(test_epochs),
		WITH_KIT(test_late_epoch),
		WITH_KIT(test_refused_as_a_whole),
		WITH_KIT(test_publisher),
		WITH_KIT(test_device),
		WITH_KIT(test_each_change_is_judged),
		WITH_KIT(test_conflict_shows_the_row),
		WITH_KIT(test_event_of_a_change),
		WITH_KIT(test_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
