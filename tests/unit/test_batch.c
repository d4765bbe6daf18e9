#include "common/proto/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/limits.h"

#define SUM "00000000000000000000000000000000000000000000000000000000000000ff"

static const struct vs_batch_id sent = { .epoch = "epoch-1", .counter = 7 };

static json_t *parse(const char *text)
{
	struct vs_err err = VS_ERR_INIT;
	json_t *v = vs_json_parse(text, strlen(text), &err);

	if (v == NULL)
		fail_msg("%s: %s", text, err.msg);
	return v;
}

static void write_batch(
    struct vs_buf *b, const char *device, const struct vs_batch_id *id, int n)
{
	struct vs_change c = {
		.path = "x", .op = VS_OP_DELETE, .mode = -1, .base_version = -1
	};

	vs_buf_reset(b);
	vs_batch_open(b, device, id);
	for (int i = 0; i < n; i++)
		vs_batch_put(b, i == 0, &c);
	vs_batch_shut(b);
	assert_int_equal(vs_buf_error(b), VS_OK);
}

static void test_request(void **state)
{
	static const char one[] =
	    "{\"path\":\"x\",\"op\":\"delete\",\"kind\":\"file\"}";
	struct vs_batch_id none = { .epoch = "" };
	struct vs_batch_id first = { .epoch = "e",
		.counter = 1,
		.linked = true,
		.follows = { .epoch = "d", .counter = 5 } };
	char want[512];
	struct vs_buf b;

	(void)state;
	vs_buf_init(&b, 10000);
	write_batch(&b, "dev", &sent, 2);
	snprintf(want, sizeof(want),
	    "{\"device_id\":\"dev\","
	    "\"batch\":{\"epoch\":\"epoch-1\",\"counter\":7},"
	    "\"changes\":[%s,%s]}",
	    one, one);
	assert_string_equal(vs_buf_str(&b), want);
	write_batch(&b, NULL, &none, 1);
	snprintf(want, sizeof(want), "{\"changes\":[%s]}", one);
	assert_string_equal(vs_buf_str(&b), want);
	write_batch(&b, NULL, &first, 1);
	snprintf(want, sizeof(want),
	    "{\"batch\":{\"epoch\":\"e\",\"counter\":1,"
	    "\"follows\":{\"epoch\":\"d\",\"counter\":5}},\"changes\":[%s]}",
	    one);
	assert_string_equal(vs_buf_str(&b), want);
	/* what it follows is said once */
	first.counter = 2;
	write_batch(&b, NULL, &first, 1);
	assert_null(strstr(vs_buf_str(&b), "follows"));
	vs_buf_release(&b);
}

static void test_request_there_and_back(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_batch_request r;
	struct vs_buf b;
	json_t *v;

	(void)state;
	vs_buf_init(&b, 100000);
	write_batch(&b, "dev", &sent, VS_BATCH_CHANGES);
	v = parse(vs_buf_str(&b));
	assert_int_equal(vs_batch_read(v, &r, &err), VS_OK);
	assert_int_equal(json_array_size(r.changes), VS_BATCH_CHANGES);
	assert_string_equal(r.device_id, "dev");
	assert_string_equal(r.id.epoch, sent.epoch);
	assert_int_equal(r.id.counter, 7);
	json_decref(v);
	write_batch(&b, NULL, NULL, 1);
	v = parse(vs_buf_str(&b));
	assert_int_equal(vs_batch_read(v, &r, &err), VS_OK);
	assert_null(r.device_id);
	assert_string_equal(r.id.epoch, "");
	json_decref(v);
	write_batch(&b, NULL, NULL, VS_BATCH_CHANGES + 1);
	v = parse(vs_buf_str(&b));
	assert_int_equal(vs_batch_read(v, &r, &err), VS_ELIMIT);
	json_decref(v);
	vs_buf_release(&b);
}

static void test_follows(void **state)
{
	struct vs_batch_request r;
	struct vs_batch_mark m;
	bool found;
	json_t *v;

	(void)state;
	v = parse("{\"changes\":[1],\"batch\":{\"epoch\":\"e\",\"counter\":1,"
		  "\"follows\":{\"epoch\":\"\",\"counter\":0}}}");
	assert_int_equal(vs_batch_read(v, &r, NULL), VS_OK);
	assert_true(r.id.linked);
	assert_string_equal(r.id.follows.epoch, "");
	assert_int_equal(r.id.follows.counter, 0);
	json_decref(v);
	v = parse(
	    "{\"changes\":[1],\"batch\":{\"epoch\":\"e\",\"counter\":1}}");
	assert_int_equal(vs_batch_read(v, &r, NULL), VS_OK);
	assert_false(r.id.linked);
	json_decref(v);
	v = parse("{\"error\":\"x\",\"follows\":{\"epoch\":\"d\","
		  "\"counter\":5}}");
	assert_int_equal(vs_batch_read_follows(v, &m, &found, NULL), VS_OK);
	assert_true(found);
	assert_string_equal(m.epoch, "d");
	assert_int_equal(m.counter, 5);
	json_decref(v);
}

static void test_request_refused(void **state)
{
	static const struct {
		const char *text;
		const char *member;
	} cases[] = {
		{ "[]", "body" },
		{ "{}", "changes" },
		{ "{\"changes\":null}", "changes" },
		{ "{\"changes\":{}}", "changes" },
		{ "{\"changes\":[]}", "changes" },
		{ "{\"changes\":[1],\"device_id\":1}", "device_id" },
		{ "{\"changes\":[1],\"batch\":1}", "batch" },
		{ "{\"changes\":[1],\"batch\":{}}", "batch: epoch" },
		{ "{\"changes\":[1],\"batch\":{\"epoch\":\"e\"}}",
		    "batch: counter" },
		{ "{\"changes\":[1],\"batch\":{\"epoch\":\"\",\"counter\":1}}",
		    "batch: epoch" },
		{ "{\"changes\":[1],\"batch\":{\"epoch\":\"e\",\"counter\":0}}",
		    "batch: counter" },
		{ "{\"changes\":[1],\"batch\":{\"epoch\":\"e\","
		  "\"counter\":\"1\"}}",
		    "batch: counter" },
		{ "{\"changes\":[1],\"batch\":{\"epoch\":"
		  "\"0123456789012345678901234567890123456789\","
		  "\"counter\":1}}",
		    "batch: epoch" },
		{ "{\"changes\":[1],\"batch\":{\"epoch\":\"e\",\"counter\":1,"
		  "\"follows\":1}}",
		    "batch: follows" },
		{ "{\"changes\":[1],\"batch\":{\"epoch\":\"e\",\"counter\":1,"
		  "\"follows\":{\"epoch\":\"d\"}}}",
		    "batch: follows" },
		{ "{\"changes\":[1],\"batch\":{\"epoch\":\"e\",\"counter\":1,"
		  "\"follows\":{\"epoch\":\"d\",\"counter\":-1}}}",
		    "batch: follows" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vs_err err = VS_ERR_INIT;
		struct vs_batch_request r;
		json_t *v = parse(cases[i].text);

		assert_int_equal(vs_batch_read(v, &r, &err), VS_EINVAL);
		assert_memory_equal(
		    err.msg, cases[i].member, strlen(cases[i].member));
		assert_int_equal(vs_batch_read(v, &r, NULL), VS_EINVAL);
		json_decref(v);
	}
}

static const char full[] =
    "{\"success\":true,\"synced\":1,\"total\":3,"
    "\"results\":[{\"path\":\"/a\",\"seq\":5,\"version\":2,"
    "\"status\":\"synced\"}],"
    "\"held\":[{\"index\":1,\"path\":\"b\",\"hold_id\":\"h\"}],"
    "\"errors\":[{\"index\":2,\"path\":\"c\",\"code\":\"bad_path\","
    "\"error\":\"no\",\"version\":9}],"
    "\"log_id\":\"L\",\"last_seq\":5,"
    "\"batch\":{\"epoch\":\"epoch-1\",\"counter\":7},"
    "\"tree\":{\"count\":10,\"bytes\":20,\"checksum\":\"" SUM "\"}}";

static void test_reply(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_batch_reply r;
	struct vs_batch_item it;

	(void)state;
	if (vs_batch_reply_read(&r, full, sizeof(full) - 1, &sent, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(r.synced, 1);
	assert_int_equal(r.total, 3);
	assert_string_equal(r.log_id, "L");
	assert_int_equal(r.last_seq, 5);
	assert_true(r.has_tree);
	assert_int_equal(r.tree.count, 10);
	assert_int_equal(r.tree.bytes, 20);
	assert_int_equal(r.tree.sum[31], 0xff);
	assert_int_equal(r.tree.sum[0], 0);
	assert_int_equal(r.count, 1);
	it = r.results[0];
	assert_string_equal(it.path, "/a");
	assert_int_equal(it.index, -1);
	assert_int_equal(it.seq, 5);
	assert_int_equal(it.version, 2);
	assert_null(it.hold_id);
	assert_int_equal(
	    vs_batch_item_read(json_array_get(r.held, 0), &it, &err), VS_OK);
	assert_int_equal(it.index, 1);
	assert_string_equal(it.hold_id, "h");
	assert_int_equal(
	    vs_batch_item_read(json_array_get(r.errors, 0), &it, &err), VS_OK);
	assert_string_equal(it.code, "bad_path");
	assert_string_equal(it.error, "no");
	assert_int_equal(it.version, 9);
	vs_batch_reply_release(&r);
	vs_batch_reply_release(&r); /* again is nothing */
}

/* A server that knows nothing of batches, logs and trees. */
static void test_plain_reply(void **state)
{
	static const char text[] =
	    "{\"success\":true,\"synced\":0,\"total\":0,\"results\":[]}";
	struct vs_err err = VS_ERR_INIT;
	struct vs_batch_reply r;

	(void)state;
	assert_int_equal(
	    vs_batch_reply_read(&r, text, sizeof(text) - 1, NULL, &err), VS_OK);
	assert_string_equal(r.log_id, "");
	assert_int_equal(r.last_seq, -1);
	assert_string_equal(r.id.epoch, "");
	assert_false(r.has_tree);
	assert_int_equal(json_array_size(r.held), 0);
	assert_int_equal(json_array_size(r.errors), 0);
	vs_batch_reply_release(&r);
	assert_int_equal(
	    vs_batch_reply_read(&r, text, sizeof(text) - 1, &sent, &err),
	    VS_EPROTO);
	assert_null(r.doc);
}

#define OK "\"success\":true,\"synced\":1,\"total\":1"
#define ECHO ",\"batch\":{\"epoch\":\"epoch-1\",\"counter\":7}"

static void test_reply_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"<html>Welcome to the hotel</html>",
		"null",
		"[]",
		"{}",
		"{" OK, /* cut */
		"{\"success\":true" ECHO "}",
		"{\"success\":false,\"synced\":1,\"total\":1" ECHO "}",
		"{\"success\":1,\"synced\":1,\"total\":1" ECHO "}",
		"{\"success\":true,\"synced\":2,\"total\":1" ECHO "}",
		"{\"success\":true,\"synced\":-1,\"total\":1" ECHO "}",
		"{\"success\":true,\"synced\":\"1\",\"total\":1" ECHO "}",
		"{" OK "}",
		"{" OK ",\"batch\":{\"epoch\":\"epoch-1\",\"counter\":8}}",
		"{" OK ",\"batch\":{\"epoch\":\"epoch-2\",\"counter\":7}}",
		"{" OK ECHO ",\"results\":{}}",
		"{" OK ECHO ",\"held\":1}",
		"{" OK ECHO ",\"errors\":\"none\"}",
		"{" OK ECHO ",\"log_id\":5}",
		"{" OK ECHO ",\"last_seq\":\"5\"}",
		"{" OK ECHO ",\"tree\":{}}",
		"{" OK ECHO ",\"tree\":{\"count\":1,\"bytes\":1,"
		"\"checksum\":\"ff\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vs_err err = VS_ERR_INIT;
		struct vs_batch_reply r;

		if (vs_batch_reply_read(&r, cases[i], strlen(cases[i]), &sent,
			&err) != VS_EPROTO)
			fail_msg("%s", cases[i]);
		assert_null(r.doc);
		assert_string_not_equal(err.msg, "");
	}
}

static void test_item_refused(void **state)
{
	static const char *const cases[] = { "1", "[]", "{}", "{\"path\":1}",
		"{\"path\":\"a\",\"seq\":\"1\"}",
		"{\"path\":\"a\",\"index\":1.5}",
		"{\"path\":\"a\",\"code\":1}" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vs_err err = VS_ERR_INIT;
		struct vs_batch_item it;
		json_t *v = parse(cases[i]);

		assert_int_equal(vs_batch_item_read(v, &it, &err), VS_EPROTO);
		json_decref(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_there_and_back),
		cmocka_unit_test(test_follows),
		cmocka_unit_test(test_request_refused),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_plain_reply),
		cmocka_unit_test(test_reply_refused),
		cmocka_unit_test(test_item_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
