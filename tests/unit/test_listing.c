#include "tests/unit/cloudkit.h"

#include <stdio.h>
#include <string.h>

#include "cloud/service/listing.h"
#include "cloud/service/mime.h"

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

static json_t *get(struct cloudkit *k, const char *query)
{
	char target[4096];

	(void)snprintf(
	    target, sizeof(target), "/api/projects/%%P/files?%s", query);
	return cloudkit_ask(k, k->owner.text, "GET", target, NULL);
}

/* The paths of all pages, each followed by a blank; folders by '/'. */
static void paths(
    struct cloudkit *k, const char *query, int limit, char *out, size_t cap)
{
	char next[1024] = "", target[2048];
	json_t *doc, *f;
	bool more = true;
	size_t i, len;

	out[0] = '\0';
	while (more) {
		(void)snprintf(target, sizeof(target), "%s&limit=%d%s%s", query,
		    limit, next[0] ? "&cursor=" : "", next);
		doc = get(k, target);
		if (k->status != 200)
			fail_msg("%s", vs_buf_str(&k->answer.body));
		assert_true(json_array_size(cloudkit_at(doc, "files")) <=
		    (size_t)limit);
		json_array_foreach(json_object_get(doc, "files"), i, f)
		{
			len = strlen(out);
			(void)snprintf(out + len, cap - len, "%s%s%s ",
			    cloudkit_str(f, "path"),
			    cloudkit_int(f, "version") == 0 ? "/" : "",
			    json_is_null(cloudkit_at(f, "deleted_at")) ? ""
								       : "-");
		}
		more = json_is_true(cloudkit_at(doc, "has_more"));
		if (more)
			(void)snprintf(next, sizeof(next), "%s",
			    cloudkit_str(doc, "next_cursor"));
		else
			assert_true(
			    json_is_null(cloudkit_at(doc, "next_cursor")));
		json_decref(doc);
	}
}

static void file(struct cloudkit *k, const char *path, const char *op)
{
	char change[512];

	(void)snprintf(change, sizeof(change),
	    "{\"path\":\"%s\",\"op\":\"%s\",\"hash\":\"h\",\"size\":1}", path,
	    op);
	json_decref(cloudkit_publish(k, change));
}

static void test_row(void **state)
{
	struct cloudkit *k = *state;
	json_t *doc;

	json_decref(cloudkit_publish(k,
	    "{\"path\":\"d/a.MOV\",\"op\":\"create\",\"hash\":\"abc\","
	    "\"size\":5,\"mtime\":1700000000123.5,\"mode\":420},"
	    "{\"path\":\"l\",\"op\":\"create\",\"kind\":\"symlink\","
	    "\"link_target\":\"x\",\"hash\":\"q\",\"size\":1},"
	    "{\"path\":\"r\",\"op\":\"create\",\"state\":\"recording\"}"));
	doc = get(k, "");
	assert_string_equal(cloudkit_str(doc, "files.0.name"), "a.MOV");
	assert_string_equal(cloudkit_str(doc, "files.0.kind"), "file");
	assert_string_equal(
	    cloudkit_str(doc, "files.0.mime_type"), "video/quicktime");
	assert_string_equal(cloudkit_str(doc, "files.0.hash"), "abc");
	assert_string_equal(cloudkit_str(doc, "files.0.file_hash"), "abc");
	assert_string_equal(cloudkit_str(doc, "files.0.modified_at"),
	    "2023-11-14T22:13:20.123Z");
	assert_string_equal(cloudkit_str(doc, "files.0.created_at"),
	    "2025-11-17T18:00:00.000Z");
	assert_int_equal(cloudkit_int(doc, "files.0.mode"), 420);
	assert_true(json_is_false(cloudkit_at(doc, "files.0.is_directory")));
	assert_true(json_is_null(cloudkit_at(doc, "files.0.state")));
	assert_string_equal(cloudkit_str(doc, "files.1.kind"), "symlink");
	assert_string_equal(cloudkit_str(doc, "files.1.link_target"), "x");
	assert_string_equal(cloudkit_str(doc, "files.2.state"), "recording");
	assert_true(json_is_null(cloudkit_at(doc, "files.2.hash")));
	assert_int_equal(cloudkit_int(doc, "last_seq"), 3);
	json_decref(doc);
}

static void test_pages(void **state)
{
	struct cloudkit *k = *state;
	char one[4096], all[4096];

	cloudkit_many(k, "create", "f", 0, 57);
	cloudkit_many(k, "delete", "f", 10, 13);
	paths(k, "", 500, all, sizeof(all));
	paths(k, "", 1, one, sizeof(one));
	assert_string_equal(one, all);
	paths(k, "", 7, one, sizeof(one));
	assert_string_equal(one, all);
	assert_null(strstr(all, "f10 "));
	paths(k, "include_deleted=true", 5, all, sizeof(all));
	assert_non_null(strstr(all, "f10- "));
}

/* The cursor reads as a time; rows that change come again at the end. */
static void test_change_while_paging(void **state)
{
	struct cloudkit *k = *state;
	char cursor[64], target[128];
	json_t *doc;

	cloudkit_many(k, "create", "f", 0, 10);
	doc = get(k, "limit=5");
	(void)snprintf(
	    cursor, sizeof(cursor), "%s", cloudkit_str(doc, "next_cursor"));
	json_decref(doc);
	assert_string_equal(cursor, "2025-11-17T18:00:00.000004Z");
	json_decref(cloudkit_publish(
	    k, "{\"path\":\"f2\",\"op\":\"update\",\"hash\":\"new\"}"));
	(void)snprintf(target, sizeof(target), "cursor=%s", cursor);
	doc = get(k, target);
	assert_int_equal(json_array_size(cloudkit_at(doc, "files")), 6);
	assert_string_equal(cloudkit_str(doc, "files.5.path"), "f2");
	json_decref(doc);
}

static void test_prefix(void **state)
{
	struct cloudkit *k = *state;
	char out[1024];

	file(k, "a", "create");
	file(k, "d/x", "create");
	file(k, "d/e/y", "create");
	file(k, "d.txt", "create");
	file(k, "d0", "create");
	file(k, "D/z", "create");
	paths(k, "prefix=d", 1, out, sizeof(out));
	assert_string_equal(out, "d/x d/e/y ");
	paths(k, "prefix=/d/", 10, out, sizeof(out));
	assert_string_equal(out, "d/x d/e/y ");
	paths(k, "prefix=d%2Fe", 10, out, sizeof(out));
	assert_string_equal(out, "d/e/y ");
	paths(k, "prefix=", 10, out, sizeof(out));
	assert_string_equal(out, "a d/x d/e/y d.txt d0 D/z ");
	paths(k, "prefix=%25", 10, out, sizeof(out));
	assert_string_equal(out, "");
	cloudkit_refused(k, get(k, "prefix=a/../b"), 400, "bad_field");
	cloudkit_refused(k, get(k, "prefix=%00"), 400, "bad_field");
	cloudkit_refused(k, get(k, "prefix=%ff"), 400, "bad_field");
}

static void test_children(void **state)
{
	struct cloudkit *k = *state;
	char out[1024];
	int limit;

	file(k, "b", "create");
	file(k, "a", "create");
	file(k, "d/x", "create");
	file(k, "d/sub/deep/y", "create");
	file(k, "d/sub/z", "create");
	file(k, "d!", "create");
	file(k, "d.txt", "create");
	file(k, "e", "create");
	file(k, "e.x", "create");
	file(k, "e/1", "create");
	file(k, "z/gone", "create");
	file(k, "z/gone", "delete");
	for (limit = 1; limit < 9; limit++) {
		paths(k, "depth=1", limit, out, sizeof(out));
		assert_string_equal(out, "a b d! d.txt d/ e e.x ");
		paths(k, "depth=1&prefix=d", limit, out, sizeof(out));
		assert_string_equal(out, "d/sub/ d/x ");
		paths(k, "depth=1&prefix=d/sub", limit, out, sizeof(out));
		assert_string_equal(out, "d/sub/deep/ d/sub/z ");
		paths(k, "depth=1&prefix=z", limit, out, sizeof(out));
		assert_string_equal(out, "");
		paths(k, "depth=1&prefix=z&include_deleted=true", limit, out,
		    sizeof(out));
		assert_string_equal(out, "z/gone- ");
	}
}

/* Any tree, any page size: each child once, in order, and nothing else. */
static void test_children_of_random_trees(void **state)
{
	static const char *const names[] = { "a", "a.b", "a0", "b", "a b",
		"\xc3\xa9" };
	struct cloudkit *k = *state;
	char path[64], pages[4096], whole[4096];
	int i, level, levels;
	size_t len;

	for (i = 0; i < 60; i++) {
		levels = 1 + (int)vs_rand_below(&k->rand, 3);
		path[0] = '\0';
		for (level = 0; level < levels; level++) {
			len = strlen(path);
			(void)snprintf(path + len, sizeof(path) - len, "%s%s",
			    level == 0 ? "" : "/",
			    names[vs_rand_below(&k->rand, 6)]);
		}
		file(k, path,
		    vs_rand_below(&k->rand, 4) == 0 ? "delete" : "create");
		if (i % 6 != 0)
			continue;
		paths(k, "depth=1", 500, whole, sizeof(whole));
		paths(k, "depth=1", 1 + i / 20, pages, sizeof(pages));
		assert_string_equal(pages, whole);
		paths(k, "depth=1&prefix=a", 500, whole, sizeof(whole));
		paths(k, "depth=1&prefix=a", 1, pages, sizeof(pages));
		assert_string_equal(pages, whole);
	}
	paths(k, "depth=1", 500, whole, sizeof(whole));
	/* six names: a row each, or a folder in its place */
	assert_int_equal(strlen(whole) > 10, 1);
}

static void test_bad_queries(void **state)
{
	static const char *const bad[] = { "cursor=x", "cursor=2025-11",
		"limit=0", "limit=-1", "limit=x", "limit=5x",
		"limit=", "limit=99999999999999999999", "include_deleted=maybe",
		"depth=2", "depth=0", "depth=1&cursor=x", "depth=1&cursor=f",
		"depth=1&cursor=fzz", "depth=1&cursor=f2f",
		"depth=1&cursor=d00", "depth=1&cursor=f2e2e" };
	struct cloudkit *k = *state;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cloudkit_refused(k, get(k, bad[i]), 400, "bad_field");
	json_decref(get(k, "limit=1000000&unknown=7"));
	assert_int_equal(k->status, 200);
}

static void test_stamp(void **state)
{
	struct vs_buf b;

	(void)state;
	vs_buf_init(&b, 100);
	listing_stamp(&b, 1763402400000001);
	assert_string_equal(vs_buf_str(&b), "\"2025-11-17T18:00:00.000001Z\"");
	vs_buf_reset(&b);
	listing_stamp(&b, -1);
	assert_string_equal(vs_buf_str(&b), "\"1969-12-31T23:59:59.999999Z\"");
	vs_buf_release(&b);
}

static void test_mime(void **state)
{
	(void)state;
	assert_string_equal(mime_of("a/b.mp4"), "video/mp4");
	assert_string_equal(mime_of("A.JPEG"), "image/jpeg");
	assert_string_equal(mime_of("x.mp4/y"), "application/octet-stream");
	assert_string_equal(mime_of("none"), "application/octet-stream");
	assert_string_equal(mime_of("dot."), "application/octet-stream");
}

#define WITH_KIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KIT(test_row),
		WITH_KIT(test_pages),
		WITH_KIT(test_change_while_paging),
		WITH_KIT(test_prefix),
		WITH_KIT(test_children),
		WITH_KIT(test_children_of_random_trees),
		WITH_KIT(test_bad_queries),
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_mime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
