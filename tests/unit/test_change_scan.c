/*
 * The short ways to read a change, a batch, its answer and a page of events
 * beside the long ones: whatever is done to a text, the short way takes it
 * only if the long way does, and then both read the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/os/rand.h"
#include "common/proto/batch.h"
#include "common/proto/events.h"

#define HASH "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ROUNDS 40000

static void same_text(const char *a, const char *b)
{
	assert_true((a == NULL) == (b == NULL));
	if (a != NULL)
		assert_string_equal(a, b);
}

static void same_change(const struct vs_change *a, const struct vs_change *b)
{
	same_text(a->path, b->path);
	same_text(a->hash, b->hash);
	same_text(a->link_target, b->link_target);
	same_text(a->renamed_from, b->renamed_from);
	assert_int_equal(a->op, b->op);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->has_mtime, b->has_mtime);
	if (a->has_mtime)
		assert_int_equal(a->mtime_us, b->mtime_us);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->base_version, b->base_version);
	assert_int_equal(a->version, b->version);
	assert_int_equal(a->recording, b->recording);
	assert_int_equal(a->listed, b->listed);
	assert_int_equal(a->slash, b->slash);
}

/* True when the short way takes it; then the long way has to agree. */
static bool both_changes(const char *json, bool opaque)
{
	struct vs_change a, b;
	struct vs_jtext t;
	const char *code;
	int64_t version = -1, listed = 0;
	char *copy = strdup(json);
	json_t *doc = NULL;
	bool good;

	vs_jtext_init(&t, copy, strlen(json));
	good = vs_change_scan(&t, opaque, &a, &version) && vs_jtext_end(&t);
	if (good) {
		doc = vs_json_parse(json, strlen(json), NULL);
		assert_non_null(doc);
		assert_int_equal(
		    vs_change_read(doc, opaque, &b, &code, NULL), VS_OK);
		same_change(&a, &b);
		assert_int_equal(
		    vs_json_get_i64(doc, "version", false, &listed, NULL), 0);
		assert_int_equal(version, listed);
	}
	json_decref(doc);
	free(copy);
	return good;
}

static void test_short(void **state)
{
	(void)state;
	assert_true(both_changes("{\"path\":\"a/b\",\"op\":\"create\","
				 "\"kind\":\"file\",\"hash\":\"" HASH
				 "\",\"size\":5,\"mtime\":1763402400123.456,"
				 "\"mode\":420,\"version\":7}",
	    false));
	assert_true(both_changes("{\"op\":\"delete\",\"path\":\"/a\"}", false));
	assert_true(both_changes("{\"path\":\"a\",\"op\":\"create\","
				 "\"kind\":\"directory\",\"mode\":493}",
	    false));
	assert_true(both_changes("{\"path\":\"b\",\"op\":\"create\","
				 "\"hash\":\"" HASH "\",\"size\":5,"
				 "\"renamed_from\":\"a\"}",
	    false));
	assert_true(both_changes("{\"path\":\"b\",\"op\":\"update\","
				 "\"kind\":\"symlink\",\"hash\":\"" HASH
				 "\",\"size\":1,\"link_target\":\"a\"}",
	    false));
}

/* What is wrong, or not for the short way. */
static void test_left(void **state)
{
	static const char *const cases[] = {
		"{\"path\":\"a\",\"op\":\"create\"}", /* no hash */
		"{\"path\":\"a\",\"op\":\"create\",\"hash\":\"" HASH "\"}",
		"{\"path\":\"a\",\"op\":\"create\",\"hash\":\"abc\","
		"\"size\":1}",
		"{\"path\":\"../a\",\"op\":\"delete\"}",
		"{\"path\":\"//a\",\"op\":\"delete\"}",
		"{\"path\":\"a\",\"op\":\"remove\"}",
		"{\"path\":\"a\",\"op\":\"delete\",\"kind\":\"dir\"}",
		"{\"path\":\"a\",\"op\":\"delete\",\"mode\":4096}",
		"{\"path\":\"a\",\"op\":\"delete\",\"mode\":-1}",
		"{\"path\":\"a\",\"op\":\"delete\",\"base_version\":-1}",
		"{\"path\":\"a\",\"op\":\"delete\",\"size\":-1}",
		"{\"path\":\"a\",\"op\":\"delete\",\"path\":\"a\"}",
		"{\"path\":\"a\",\"op\":\"delete\",\"else\":1}",
		"{\"path\":\"a\",\"op\":\"delete\",\"hash\":null}",
		"{\"path\":\"a\",\"op\":\"delete\",\"state\":\"recording\"}",
		"{\"path\":\"a\",\"op\":\"delete\",\"renamed_from\":\"..\"}",
		"{\"path\":\"a\",\"op\":\"create\",\"kind\":\"symlink\","
		"\"hash\":\"" HASH "\",\"size\":1}",
		"{\"path\":\"a\",\"op\":\"delete\",\"link_target\":\"\"}",
		"{\"op\":\"delete\"}",
		"{\"path\":\"a\"}",
		"[]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_false(both_changes(cases[i], false));
}

/* A text to be spoiled, and what to spoil it with. */
static const char change_text[] =
    "{\"path\":\"/a\xC3\xA4/b\",\"op\":\"create\",\"kind\":\"file\",\"hash\":"
    "\"" HASH "\",\"size\":10,\"mtime\":1763402400123.45,\"mode\":420,"
    "\"link_target\":\"x\\n\",\"renamed_from\":\"c\",\"base_version\":3,"
    "\"version\":4}";

static const char *const pieces[] = { "\"path\":\"x\",", "\"op\":\"delete\",",
	"\"kind\":\"symlink\",", "\"kind\":\"directory\",", "\"size\":0,",
	"\"size\":-1,", "\"mode\":99999,", "\"mtime\":-5,", "\"mtime\":1.5e3,",
	"null", "{}", "[]", "\\", "\"", ",", "/", "..", "0", "9", "-", ".", " ",
	"\xFF", "\xC3", "\\u0041", "\\ud83d\\ude00", "true", "}", "]" };

static char *spoiled(struct vs_rand *r, const char *text)
{
	const char *piece =
	    pieces[vs_rand_below(r, sizeof(pieces) / sizeof(pieces[0]))];
	size_t len = strlen(text);
	size_t at = vs_rand_below(r, len);
	size_t cut = vs_rand_below(r, 3) == 0 ? vs_rand_below(r, 30) : 0;
	char *out = malloc(len + strlen(piece) + 1);

	assert_non_null(out);
	if (cut > len - at)
		cut = len - at;
	memcpy(out, text, at);
	if (vs_rand_below(r, 4) == 0)
		piece = "";
	else if (vs_rand_below(r, 2) == 0 && piece[strlen(piece) - 1] == ',') {
		/* a member where a member may stand */
		at = 1;
		cut = 0;
	}
	sprintf(out + at, "%s", piece);
	strcpy(out + at + strlen(piece), text + at + cut);
	return out;
}

static void test_spoiled_changes(void **state)
{
	struct vs_rand r;
	int good = 0;

	(void)state;
	vs_rand_seed(&r, 1);
	for (int i = 0; i < ROUNDS; i++) {
		char *text = spoiled(&r, change_text);

		good += both_changes(text, i % 2 == 0);
		free(text);
	}
	assert_true(good > ROUNDS / 100 && good < ROUNDS);
}

static bool both_batches(const char *json)
{
	static struct vs_change a[VS_BATCH_CHANGES];
	struct vs_batch_request q, r;
	struct vs_change b;
	char *copy = strdup(json);
	const char *code;
	json_t *doc = NULL;
	size_t count, i;
	bool good = vs_batch_scan(copy, strlen(json), &q, a, &count);

	if (good) {
		doc = vs_json_parse(json, strlen(json), NULL);
		assert_non_null(doc);
		assert_int_equal(vs_batch_read(doc, &r, NULL), VS_OK);
		same_text(q.device_id, r.device_id);
		assert_string_equal(q.id.epoch, r.id.epoch);
		assert_int_equal(q.id.counter, r.id.counter);
		assert_int_equal(q.id.linked, r.id.linked);
		assert_string_equal(q.id.follows.epoch, r.id.follows.epoch);
		assert_int_equal(q.id.follows.counter, r.id.follows.counter);
		assert_int_equal(count, json_array_size(r.changes));
		for (i = 0; i < count; i++) {
			assert_int_equal(
			    vs_change_read(json_array_get(r.changes, i),
				r.id.epoch[0] == '\0', &b, &code, NULL),
			    VS_OK);
			same_change(&a[i], &b);
		}
	}
	json_decref(doc);
	free(copy);
	return good;
}

static void test_batches(void **state)
{
	struct vs_batch_id id = { .epoch = "e-1",
		.counter = 1,
		.linked = true,
		.follows = { .epoch = "d-4", .counter = 77 } };
	struct vs_change c = {
		.path = "a", .op = VS_OP_DELETE, .mode = -1, .base_version = -1
	};
	struct vs_rand r;
	struct vs_buf b;
	int good = 0;

	(void)state;
	vs_rand_seed(&r, 2);
	vs_buf_init(&b, 1000000);
	vs_batch_open(&b, "device", &id);
	for (int i = 0; i < 3; i++)
		vs_batch_put(&b, i == 0, &c);
	vs_batch_shut(&b);
	assert_true(both_batches(vs_buf_str(&b)));
	for (int i = 0; i < ROUNDS; i++) {
		char *text = spoiled(&r, vs_buf_str(&b));

		good += both_batches(text);
		free(text);
	}
	assert_true(good > ROUNDS / 100 && good < ROUNDS);
	vs_buf_release(&b);
}

static void test_batch_limits(void **state)
{
	struct vs_change c = {
		.path = "a", .op = VS_OP_DELETE, .mode = -1, .base_version = -1
	};
	struct vs_buf b;

	(void)state;
	for (int n = VS_BATCH_CHANGES; n <= VS_BATCH_CHANGES + 1; n++) {
		vs_buf_init(&b, 1000000);
		vs_batch_open(&b, NULL, NULL);
		for (int i = 0; i < n; i++)
			vs_batch_put(&b, i == 0, &c);
		vs_batch_shut(&b);
		assert_int_equal(
		    both_batches(vs_buf_str(&b)), n == VS_BATCH_CHANGES);
		vs_buf_release(&b);
	}
	assert_false(both_batches("{\"changes\":[]}"));
	/* how strict to be must be known before the changes */
	assert_false(
	    both_batches("{\"device_id\":\"d\",\"changes\":[{\"path\":\"a\","
			 "\"op\":\"delete\"}],\"batch\":{\"epoch\":\"e\","
			 "\"counter\":1}}"));
}

/*
 * vs_batch_reply_read tries the short way first, so a member that only the
 * long way takes is put in for it.
 */
static void read_long(struct vs_batch_reply *r, const char *json)
{
	char *text = malloc(strlen(json) + 20);
	const char *brace = strchr(json, '{');

	assert_non_null(text);
	assert_non_null(brace);
	sprintf(text, "{\"\":null,%s", brace + 1);
	assert_int_equal(
	    vs_batch_reply_read(r, text, strlen(text), NULL, NULL), VS_OK);
	assert_non_null(r->doc);
	free(text);
}

static bool both_replies(const char *json)
{
	struct vs_batch_reply a, b;

	if (!vs_batch_reply_scan(&a, json, strlen(json), NULL))
		return false;
	read_long(&b, json);
	assert_int_equal(a.synced, b.synced);
	assert_int_equal(a.total, b.total);
	assert_string_equal(a.log_id, b.log_id);
	assert_int_equal(a.last_seq, b.last_seq);
	assert_string_equal(a.id.epoch, b.id.epoch);
	assert_int_equal(a.id.counter, b.id.counter);
	assert_int_equal(a.has_tree, b.has_tree);
	assert_int_equal(json_array_size(b.held), 0);
	assert_int_equal(json_array_size(b.errors), 0);
	if (a.has_tree)
		assert_true(vs_tree_equal(&a.tree, &b.tree));
	assert_int_equal(a.count, b.count);
	for (size_t i = 0; i < a.count; i++) {
		assert_string_equal(a.results[i].path, b.results[i].path);
		same_text(a.results[i].status, b.results[i].status);
		assert_int_equal(a.results[i].seq, b.results[i].seq);
		assert_int_equal(a.results[i].version, b.results[i].version);
		assert_int_equal(a.results[i].index, b.results[i].index);
		assert_null(a.results[i].code);
	}
	vs_batch_reply_release(&a);
	vs_batch_reply_release(&b);
	return true;
}

static void test_replies(void **state)
{
	static const char text[] =
	    "{\"success\":true,\"synced\":2,\"total\":2,\"results\":["
	    "{\"path\":\"/a\",\"seq\":5,\"version\":2,\"status\":"
	    "\"synced\"},{\"path\":\"b\",\"seq\":6,\"version\":1,"
	    "\"status\":\"synced\"}],\"held\":[],\"errors\":[],"
	    "\"log_id\":\"l\",\"last_seq\":6,\"batch\":{\"epoch\":\"e\","
	    "\"counter\":3},\"tree\":{\"count\":1,\"bytes\":3,"
	    "\"checksum\":\"" HASH "\"}}";
	const struct vs_batch_id sent = { .epoch = "e", .counter = 3 };
	const struct vs_batch_id other = { .epoch = "e", .counter = 4 };
	struct vs_batch_reply reply;
	struct vs_rand r;
	int good = 0;

	(void)state;
	assert_true(both_replies(text));
	assert_true(vs_batch_reply_scan(&reply, text, sizeof(text) - 1, &sent));
	vs_batch_reply_release(&reply);
	assert_false(
	    vs_batch_reply_scan(&reply, text, sizeof(text) - 1, &other));
	assert_int_equal(
	    vs_batch_reply_read(&reply, text, sizeof(text) - 1, &other, NULL),
	    VS_EPROTO);
	vs_rand_seed(&r, 4);
	for (int i = 0; i < ROUNDS; i++) {
		char *one = spoiled(&r, text);

		good += both_replies(one);
		free(one);
	}
	assert_true(good > ROUNDS / 100 && good < ROUNDS);
	assert_false(both_replies("{\"success\":false,\"synced\":0,"
				  "\"total\":0,\"results\":[]}"));
	assert_false(both_replies("{\"success\":true,\"synced\":2,"
				  "\"total\":1,\"results\":[]}"));
	assert_false(both_replies(
	    "{\"success\":true,\"synced\":0,\"total\":1,\"results\":[],"
	    "\"errors\":[{\"index\":0,\"path\":\"a\"}]}"));
	assert_true(both_replies("{\"success\":true,\"synced\":0,"
				 "\"total\":0,\"results\":[]}"));
}

static bool both_events(const char *json)
{
	struct vs_events a, b = { .count = 0 };
	json_t *doc = NULL;
	bool good = vs_events_scan(&a, json, strlen(json));

	if (good) {
		doc = vs_json_parse(json, strlen(json), NULL);
		assert_non_null(doc);
		assert_int_equal(vs_events_read(&b, doc, NULL), VS_OK);
		assert_string_equal(
		    json_string_value(json_object_get(doc, "type")),
		    "PROJECT_EVENT_BATCH");
		assert_int_equal(a.count, b.count);
		assert_false(a.broken || b.broken);
		assert_int_equal(a.seq, b.seq);
		assert_int_equal(a.has_tree, b.has_tree);
		if (a.has_tree)
			assert_true(vs_tree_equal(&a.tree, &b.tree));
		for (size_t i = 0; i < a.count; i++) {
			same_change(&a.rows[i].c, &b.rows[i].c);
			assert_int_equal(a.rows[i].seq, b.rows[i].seq);
			assert_int_equal(a.rows[i].version, b.rows[i].version);
			assert_int_equal(a.rows[i].deleted, b.rows[i].deleted);
		}
		vs_events_release(&a);
	}
	vs_events_release(&b);
	json_decref(doc);
	return good;
}

static void test_events(void **state)
{
	static const char event[] =
	    "{\"id\":5,\"project_id\":\"p\",\"seq\":5,\"change\":{\"path\":"
	    "\"a\",\"op\":\"create\",\"kind\":\"file\",\"hash\":\"" HASH
	    "\",\"size\":3,\"mtime\":17.5,\"version\":2},\"created_at\":"
	    "\"2025-11-17T18:00:00.123Z\"}";
	char text[2000];
	struct vs_rand r;
	int good = 0;

	(void)state;
	snprintf(text, sizeof(text),
	    "{\"type\":\"PROJECT_EVENT_BATCH\",\"projectId\":\"p\",\"log_id\":"
	    "\"l\",\"seq\":6,\"timestamp\":\"now\",\"tree\":{\"count\":1,"
	    "\"bytes\":3,\"checksum\":\"" HASH "\"},\"events\":[%s,%s]}",
	    event, event);
	assert_true(both_events(text));
	vs_rand_seed(&r, 3);
	for (int i = 0; i < ROUNDS; i++) {
		char *one = spoiled(&r, text);

		good += both_events(one);
		free(one);
	}
	assert_true(good > ROUNDS / 100 && good < ROUNDS);
	assert_false(both_events("{\"type\":\"hello\",\"seq\":1}"));
	assert_true(
	    both_events("{\"type\":\"PROJECT_EVENT_BATCH\",\"events\":[]}"));
}

/* The long way takes what stands before what is no event. */
static void test_broken_events(void **state)
{
	static const char text[] =
	    "{\"events\":[{\"seq\":1,\"change\":{\"path\":\"a\",\"op\":"
	    "\"delete\"}},{\"seq\":2,\"change\":{\"path\":\"../a\",\"op\":"
	    "\"delete\"}},{\"seq\":3,\"change\":{\"path\":\"b\",\"op\":"
	    "\"delete\"}}]}";
	json_t *doc = vs_json_parse(text, sizeof(text) - 1, NULL);
	struct vs_events e;

	(void)state;
	assert_int_equal(vs_events_read(&e, doc, NULL), VS_OK);
	assert_int_equal(e.count, 1);
	assert_true(e.broken && e.rows[0].deleted && !e.has_tree);
	assert_int_equal(e.seq, -1);
	vs_events_release(&e);
	json_decref(doc);
	doc = json_object();
	assert_int_equal(vs_events_read(&e, doc, NULL), VS_EINVAL);
	vs_events_release(&e);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_spoiled_changes),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_batch_limits),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_broken_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
