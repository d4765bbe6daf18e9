#include "tests/unit/cloudkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define SNAPSHOT "/api/projects/%P/snapshot"
#define INFLATED (16 * 1024 * 1024)

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

static const char *header(struct cloudkit *k, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; k->answer.headers[i] != NULL; i++)
		if (strncmp(k->answer.headers[i], name, len) == 0 &&
		    k->answer.headers[i][len] == ':')
			return k->answer.headers[i] + len + 2;
	return NULL;
}

/* The latest answer inflated; the caller frees it. */
static char *inflated(struct cloudkit *k)
{
	char *out = calloc(1, INFLATED);
	z_stream z = { .next_in = (Bytef *)k->answer.body.data,
		.avail_in = (uInt)k->answer.body.len,
		.next_out = (Bytef *)out,
		.avail_out = INFLATED - 1 };

	assert_non_null(out);
	assert_string_equal(header(k, "Content-Encoding"), "gzip");
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	(void)inflateEnd(&z);
	return out;
}

static void test_lines(void **state)
{
	struct cloudkit *k = *state;
	char *text, *line, *rest;
	json_t *row;
	int n = 0;

	/* enough for several flushes of the lines */
	cloudkit_many(k, "create", "dir/f", 0, 1200);
	cloudkit_many(k, "delete", "dir/f", 0, 20);
	assert_null(cloudkit_ask(k, k->owner.text, "GET", SNAPSHOT, NULL));
	assert_int_equal(k->status, 200);
	assert_string_equal(k->answer.type, "application/x-ndjson");
	assert_string_equal(header(k, "X-Snapshot-Seq"), "1220");
	text = inflated(k);
	for (line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		row = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(row);
		assert_true(json_is_null(cloudkit_at(row, "deleted_at")));
		assert_int_equal(cloudkit_int(row, "size"), 1);
		json_decref(row);
		n++;
	}
	assert_int_equal(n, 1180);
	free(text);
	(void)cloudkit_ask(
	    k, k->owner.text, "GET", SNAPSHOT "?include_deleted=true", NULL);
	text = inflated(k);
	for (n = 0, line = text; *line != '\0'; line++)
		n += *line == '\n';
	assert_int_equal(n, 1200);
	free(text);
}

static void test_object(void **state)
{
	struct cloudkit *k = *state;
	json_t *doc;

	json_decref(cloudkit_publish(k,
	    "{\"path\":\"a\",\"op\":\"create\",\"hash\":\"h\",\"size\":7,"
	    "\"mtime\":1000},"
	    "{\"path\":\"d\",\"op\":\"create\",\"kind\":\"directory\"},"
	    "{\"path\":\"x\",\"op\":\"create\"},"
	    "{\"path\":\"x\",\"op\":\"delete\"}"));
	doc = cloudkit_ask(
	    k, k->owner.text, "GET", "/projects/%P/snapshot", NULL);
	assert_int_equal(k->status, 200);
	assert_int_equal(cloudkit_int(doc, "file_count"), 2);
	assert_int_equal(cloudkit_int(doc, "total_size"), 7);
	assert_int_equal(cloudkit_int(doc, "seq"), 4);
	assert_int_equal(json_object_size(cloudkit_at(doc, "tree_state")), 2);
	assert_int_equal(cloudkit_int(doc, "tree_state.a.size"), 7);
	assert_string_equal(cloudkit_str(doc, "tree_state.a.hash"), "h");
	assert_string_equal(cloudkit_str(doc, "tree_state.a.mtime"),
	    "1970-01-01T00:00:01.000Z");
	assert_string_equal(
	    cloudkit_str(doc, "created_at"), "2025-11-17T18:00:00.000Z");
	assert_string_equal(
	    cloudkit_str(doc, "expires_at"), "2025-11-24T18:00:00.000Z");
	json_decref(doc);
	doc = cloudkit_ask(k, k->owner.text, "GET",
	    "/projects/%P/snapshot?include_deleted=true", NULL);
	assert_non_null(cloudkit_str(doc, "tree_state.x.deleted_at"));
	json_decref(doc);
}

static int ask(
    struct cloudkit *k, const char *accept, const char *etag, const char *query)
{
	const struct api_context x = {
		.store = k->store, .rand = &k->rand, .wall_ms = k->wall_ms
	};
	struct api_request r = { .method = "GET",
		.query = query,
		.token = k->member.text,
		.accept = accept,
		.if_none_match = etag };
	char path[96];
	bool keep;

	(void)snprintf(
	    path, sizeof(path), "/api/projects/%s/snapshot", k->project);
	r.path = path;
	api_answer_release(&k->answer);
	api_answer_init(&k->answer);
	assert_int_equal(k->store->ops->begin(k->store, NULL), VS_OK);
	api_handle(&x, &r, &k->answer, &keep);
	k->store->ops->rollback(k->store);
	assert_false(keep);
	assert_true(api_slow(&r));
	return k->answer.status;
}

static void test_etag(void **state)
{
	struct cloudkit *k = *state;
	char etag[128], weak[160];

	cloudkit_many(k, "create", "f", 0, 3);
	assert_int_equal(ask(k, NULL, NULL, ""), 200);
	(void)snprintf(etag, sizeof(etag), "%s", header(k, "ETag"));
	assert_int_equal(ask(k, NULL, etag, ""), 304);
	assert_int_equal(k->answer.body.len, 0);
	assert_string_equal(header(k, "ETag"), etag);
	(void)snprintf(weak, sizeof(weak), "\"x\", W/%s", etag);
	assert_int_equal(ask(k, NULL, weak, ""), 304);
	/* another form, another option, another seq: another answer */
	assert_int_equal(ask(k, "application/json, */*", etag, ""), 200);
	assert_string_equal(k->answer.type, "application/json");
	assert_int_equal(ask(k, NULL, etag, "include_deleted=1"), 200);
	assert_int_equal(ask(k, "*/*", etag, ""), 304);
	cloudkit_many(k, "create", "g", 0, 1);
	assert_int_equal(ask(k, NULL, etag, ""), 200);
}

static void test_empty(void **state)
{
	struct cloudkit *k = *state;
	char *text;

	(void)cloudkit_ask(k, k->owner.text, "GET", SNAPSHOT, NULL);
	assert_int_equal(k->status, 200);
	assert_string_equal(header(k, "X-Snapshot-Seq"), "0");
	text = inflated(k);
	assert_string_equal(text, "");
	free(text);
}

#define WITH_KIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KIT(test_lines),
		WITH_KIT(test_object),
		WITH_KIT(test_etag),
		WITH_KIT(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
