/* Pulls: from the plan to the file under its name, and every way to fail. */
#include "tests/unit/memberkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Sizes at the edges, each pulled whole, and a second time nothing. */
static void test_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1,
		33 * MIB };
	static const int chunks[] = { 0, 1, 1, 1, 2, 9 };
	struct memberkit *k = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char path[32];
		int before = k->fetched;

		(void)snprintf(path, sizeof(path), "d%zu/a b", i);
		memberkit_put(k, path, sizes[i], (unsigned)i);
		memberkit_pass(k, 500);
		assert_int_equal(memberkit_badge(k, path), '-');
		memberkit_want(k, path, 1, 0);
		memberkit_pass(k, 2000);
		memberkit_has(k, k->fs, path);
		assert_int_equal(k->fetched - before, chunks[i]);
		memberkit_ended(k, "completed", "");
		assert_string_equal(k->patched, "completed");
		assert_int_equal(memberkit_badge(k, path), '=');
	}
	memberkit_want(k, "", 0, 0);
	assert_int_equal(k->asked_downloads, 6);
}

static void test_plan(void **state)
{
	struct memberkit *k = *state;
	const struct member_want dry = { .dry = true };
	const char *const bad[] = { "../x", "/x", "x//y" };
	const char *const none = "nothing";
	const struct member_want want = { 0 };
	struct vs_err err = VS_ERR_INIT;
	json_t *doc;

	memberkit_mkdir(k, "dir");
	memberkit_mkdir(k, "dir/empty");
	memberkit_put(k, "dir/a", 10, 1);
	memberkit_put(k, "dir/b", 20, 2);
	memberkit_put(k, "bare/c", 30, 3);
	memberkit_pass(k, 500);
	doc = memberkit_pull(k, "", &dry);
	assert_int_equal(
	    json_integer_value(json_object_get(doc, "fetch_files")), 3);
	assert_int_equal(
	    json_integer_value(json_object_get(doc, "fetch_bytes")), 60);
	assert_int_equal(json_array_size(json_object_get(doc, "pulls")), 0);
	json_decref(doc);
	memberkit_pass(k, 500);
	assert_null(memfs_at(k->fs, "dir", NULL));
	for (size_t i = 0; i < 3; i++) {
		assert_null(member_pull(k->m, &bad[i], 1, &want, k->now, &err));
		assert_int_equal(err.code, VS_EPATH);
	}
	assert_null(member_pull(k->m, &none, 1, &want, k->now, &err));
	assert_int_equal(err.code, VS_ENOENT);
	/* a folder with nothing in it is one all the same; one without a
	   row of its own, too */
	memberkit_want(k, "dir/empty", 0, 0);
	assert_non_null(memfs_at(k->fs, "dir/empty", NULL));
	memberkit_want(k, "bare", 1, 0);
	memberkit_want(k, "dir", 2, 0);
	/* what runs already is not fetched twice */
	memberkit_want(k, "", 3, 0);
	memberkit_pass(k, 2000);
	memberkit_has(k, k->fs, "dir/a");
	memberkit_has(k, k->fs, "bare/c");
	assert_int_equal(k->asked_downloads, 3);
}

/* A folder of exactly as many rows as a page has. */
static void test_plan_pages(void **state)
{
	struct memberkit *k = *state;

	for (int i = 0; i < 200; i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "d/%d", i);
		memberkit_mkdir(k, path);
	}
	memberkit_pass(k, 500);
	memberkit_want(k, "d", 0, 0);
	memberkit_want(k, "d/199", 0, 0);
	assert_non_null(memfs_at(k->fs, "d/0", NULL));
}

static void test_space(void **state)
{
	struct memberkit *k = *state;
	const struct member_want want = { 0 };
	struct vs_err err = VS_ERR_INIT;
	const char *path = "a";

	memberkit_put(k, "a", 6 * MIB, 1);
	memberkit_pass(k, 500);
	memtarget_set_space(k->disk, 5 * 1024 * 1024);
	assert_null(member_pull(k->m, &path, 1, &want, k->now, &err));
	assert_int_equal(err.code, VS_ENOSPC);
	/* it was enough when it was planned */
	memtarget_set_space(k->disk, 7 * 1024 * 1024);
	k->hold_send = true;
	memberkit_want(k, "a", 1, 0);
	memtarget_set_space(k->disk, 5 * 1024 * 1024);
	k->hold_send = false;
	memberkit_pass(k, 500);
	memberkit_ended(k, "failed", "reserve");
	assert_null(memfs_at(k->fs, "a", NULL));
	assert_int_equal(memberkit_badge(k, "a"), 'x');
	/* and the engine is well */
	memtarget_set_space(k->disk, -1);
	memberkit_want(k, "a", 1, 0);
	memberkit_pass(k, 2000);
	memberkit_has(k, k->fs, "a");
}

static int code_of_chunk;

static int chunk_bad(struct memberkit *k, const struct memberkit_fetch *f)
{
	(void)k;
	(void)f;
	return code_of_chunk;
}

/* Each code of a chunk: it goes on by itself, or it has failed. */
static void test_codes(void **state)
{
	static const struct {
		int code;
		bool ends;
	} cases[] = {
		{ VS_ENET, false },
		{ VS_ETIMEDOUT, false },
		{ VS_EFORBIDDEN, false },
		{ VS_ECHANGED, false },
		{ VS_ENOENT, false },
		{ VS_EPROTO, false },
		{ VS_EROOT, false },
		{ VS_ECANCELED, false },
		{ VS_ENOSPC, true },
		{ VS_EIO, true },
		{ VS_EROFS, true },
	};
	struct memberkit *k = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[16];

		(void)snprintf(path, sizeof(path), "f%zu", i);
		memberkit_begin(k, path, 5 * MIB);
		memberkit_fetched(k, cases[i].code);
		if (cases[i].ends) {
			memberkit_ended(k, "failed", "");
			assert_string_equal(k->pull, "failed");
		}
		memberkit_pass(k, 60000);
		if (cases[i].ends)
			assert_null(memfs_at(k->fs, path, NULL));
		else
			memberkit_has(k, k->fs, path);
	}
}

/* What never works is tried ever more rarely, and works in the end. */
static void test_persists(void **state)
{
	static const int codes[] = { VS_ENET, VS_EFORBIDDEN, VS_ECHANGED,
		VS_EPROTO };
	struct memberkit *k = *state;

	memberkit_pass(k, 500);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		char path[16];
		int asked;

		(void)snprintf(path, sizeof(path), "f%zu", i);
		code_of_chunk = codes[i];
		k->chunk = chunk_bad;
		memberkit_put(k, path, 9 * MIB, (unsigned)i);
		memberkit_push(k);
		memberkit_want(k, path, 1, 0);
		asked = k->asked_downloads;
		memberkit_pass(k, 3600000);
		assert_true(k->asked_downloads - asked > 5);
		assert_true(k->asked_downloads - asked < 80);
		assert_int_equal(memberkit_badge(k, path), '~');
		k->chunk = NULL;
		memberkit_pass(k, 600000);
		memberkit_has(k, k->fs, path);
		memberkit_ended(k, "completed", "");
	}
}

static int chunk_from_b(struct memberkit *k, const struct memberkit_fetch *f)
{
	(void)k;
	return strncmp(f->url, "https://b:2/v1/transfers/", 25) == 0 ? 1
								     : VS_ENET;
}

/* The first address is dead, all chunks under way fail at once. */
static void test_endpoints(void **state)
{
	struct memberkit *k = *state;

	k->chunk = chunk_from_b;
	memberkit_put(k, "a", 33 * MIB, 1);
	memberkit_pass(k, 500);
	memberkit_want(k, "a", 1, 0);
	memberkit_pass(k, 100);
	memberkit_has(k, k->fs, "a");
	assert_int_equal(k->fetched, 9);
	assert_int_equal(k->asked_downloads, 1);
	/* none told: it waits for one */
	k->chunk = NULL;
	k->endpoints = "[]";
	memberkit_put(k, "b", 10, 2);
	memberkit_push(k);
	memberkit_want(k, "b", 1, 0);
	memberkit_pass(k, 10000);
	assert_int_equal(memberkit_badge(k, "b"), '~');
	k->endpoints = "[\"https://c:3\"]";
	memberkit_pass(k, 60000);
	memberkit_has(k, k->fs, "b");
}

/* Tickets end again and again: a transfer may last longer than many. */
static void test_tickets(void **state)
{
	struct memberkit *k = *state;

	memberkit_begin(k, "a", 400 * MIB);
	k->hold_fetch = true;
	for (int i = 0; i < 80; i++) {
		k->least_ticket = k->tickets + 1;
		while (k->fetches > 0)
			memberkit_fetched(k, 1);
		memberkit_run(k);
		assert_int_equal(k->asked_tickets, i + 1);
		assert_int_equal(k->fetches, 4);
		assert_int_equal(atoi(k->fetch[0].ticket + 1), k->least_ticket);
		memberkit_fetched(k, 1);
		memberkit_run(k);
	}
	k->hold_fetch = false;
	memberkit_pass(k, 3000);
	memberkit_has(k, k->fs, "a");
	assert_int_equal(k->fetched, 100);
	assert_int_equal(k->asked_downloads, 1);
}

/* A renewal that is refused: the next transfer is asked for. */
static void test_ticket_refused(void **state)
{
	static const int status[] = { 404, 403, 409, 500 };
	struct memberkit *k = *state;

	for (size_t i = 0; i < 4; i++) {
		char path[16];
		int asked = k->asked_downloads;

		(void)snprintf(path, sizeof(path), "f%zu", i);
		memberkit_begin(k, path, 5 * MIB);
		k->hold_fetch = true;
		k->hold_send = true;
		memberkit_fetched(k, VS_EFORBIDDEN);
		memberkit_run(k);
		assert_int_equal(k->sends, 1);
		assert_non_null(strstr(k->send[0].path, "/ticket"));
		memberkit_answer(
		    k, status[i], "{\"error\":\"no\",\"code\":\"not_found\"}");
		k->hold_fetch = k->hold_send = false;
		memberkit_pass(k, 60000);
		memberkit_has(k, k->fs, path);
		assert_int_equal(k->asked_downloads, asked + 2);
	}
}

static void test_wrong_chunk(void **state)
{
	struct memberkit *k = *state;

	/* once, or twice: it comes right in the end */
	for (int n = 1; n < 3; n++) {
		char path[16];

		(void)snprintf(path, sizeof(path), "f%d", n);
		memberkit_put(k, path, 5 * MIB, (unsigned)n);
		memberkit_pass(k, 500);
		k->flips = n;
		k->chunks = 1;
		memberkit_want(k, path, 1, 0);
		memberkit_pass(k, 60000);
		memberkit_has(k, k->fs, path);
		memberkit_ended(k, "completed", "");
	}
}

/* Three times wrong: it has failed, and nothing stands there. */
static void test_wrong_hash(void **state)
{
	struct memberkit *k = *state;

	memberkit_put(k, "dir/a", 5 * MIB, 1);
	memberkit_pass(k, 500);
	k->flips = 1000;
	memberkit_want(k, "dir/a", 1, 0);
	memberkit_pass(k, 60000);
	memberkit_ended(k, "failed", "verification failed");
	assert_int_equal(k->fetched, 6);
	assert_string_equal(k->patched, "failed");
	assert_null(memfs_at(k->fs, "dir/a", NULL));
	/* the count survives the end of the program */
	memberkit_want(k, "dir/a", 1, 0);
	memberkit_pass(k, 500);
	memberkit_stop(k, true);
	memberkit_start(k);
	memberkit_pass(k, 60000);
	memberkit_ended(k, "failed", "verification failed");
	assert_true(k->fetched <= 6 + 6 + 2);
	/* what stood there before stands there still */
	k->flips = 0;
	memberkit_want(k, "dir/a", 1, 0);
	memberkit_pass(k, 60000);
	memberkit_put(k, "dir/a", 6 * MIB, 2);
	memberkit_push(k);
	k->flips = 1000;
	memberkit_want(k, "dir/a", 1, 0);
	memberkit_silently(k, "dir/a", 5 * MIB, 1);
	memberkit_has(k, k->fs, "dir/a");
}

/* The owner saves a newer version while the old one is on its way. */
static void test_newer(void **state)
{
	struct memberkit *k = *state;

	memberkit_begin(k, "a", 9 * MIB);
	k->hold_fetch = true;
	memberkit_fetched(k, 1);
	memberkit_pass(k, 1500);
	memberkit_silently(k, "a", 9 * MIB, 2);
	k->hold_fetch = false;
	memberkit_pass(k, 20000);
	assert_null(memfs_at(k->fs, "a", NULL));
	assert_int_equal(memberkit_badge(k, "a"), '~');
	/* once the log says so, it is not waited for any longer */
	memberkit_put(k, "a", 9 * MIB, 2);
	memberkit_push(k);
	memberkit_pass(k, 1000);
	memberkit_has(k, k->fs, "a");
	memberkit_ended(k, "completed", "");
	assert_int_equal(memberkit_badge(k, "a"), '=');
}

/* It is gone from the project. */
static void test_gone(void **state)
{
	struct memberkit *k = *state;

	memberkit_begin(k, "a", 9 * MIB);
	memberkit_remove(k, "a");
	memberkit_push(k);
	memberkit_fetched(k, VS_ENOENT);
	memberkit_pass(k, 60000);
	memberkit_ended(k, "failed", "not in the project");
}

/* Files whose owner changes them for ever do not hold up the others. */
static void test_line(void **state)
{
	struct memberkit *k = *state;
	char path[16];

	for (int i = 0; i < 40; i++) {
		(void)snprintf(path, sizeof(path), "f%02d", i);
		memberkit_put(k, path, 100, (unsigned)i);
		if (i < 30)
			memberkit_silently(k, path, 100, (unsigned)i + 100);
	}
	memberkit_pass(k, 500);
	memberkit_want(k, "", 40, 0);
	memberkit_pass(k, 3000);
	for (int i = 30; i < 40; i++) {
		(void)snprintf(path, sizeof(path), "f%02d", i);
		memberkit_has(k, k->fs, path);
	}
	assert_int_equal(memberkit_badge(k, "f00"), '~');
	assert_int_equal(member_cancel(k->m, NULL, k->now, NULL), 0);
	memberkit_pass(k, 600000);
	assert_int_equal(memberkit_badge(k, "f00"), '-');
	assert_int_equal(memtarget_parts(k->disk), 0);
}

static void test_cancel(void **state)
{
	struct memberkit *k = *state;
	struct vs_err err = VS_ERR_INIT;
	json_t *t;

	assert_int_equal(
	    member_cancel(k->m, "nobody", k->now, &err), VS_ENOENT);
	memberkit_begin(k, "a", 9 * MIB);
	memberkit_fetched(k, 1);
	t = memberkit_transfer(k);
	assert_int_equal(
	    member_cancel(k->m, json_string_value(json_object_get(t, "id")),
		k->now, &err),
	    0);
	memberkit_ended(k, "cancelled", "");
	/* what still comes finds nothing */
	memberkit_pass(k, 60000);
	assert_int_equal(memtarget_parts(k->disk), 0);
	assert_null(memfs_at(k->fs, "a", NULL));
	assert_string_equal(k->patched, "cancelled");
	assert_int_equal(
	    member_cancel(k->m, json_string_value(json_object_get(t, "id")),
		k->now, &err),
	    VS_ECONFLICT);
	json_decref(t);
	/* one that has not begun again since a restart has a part, too */
	memberkit_begin(k, "b", 9 * MIB);
	k->hold_fetch = true;
	memberkit_fetched(k, 1);
	memberkit_pass(k, 2000);
	memberkit_stop(k, false);
	memberkit_start(k);
	assert_int_equal(memtarget_parts(k->disk), 1);
	assert_int_equal(member_cancel(k->m, NULL, k->now, NULL), 0);
	memberkit_ended(k, "cancelled", "");
	k->hold_fetch = false;
	memberkit_want(k, "b", 1, 0);
	memberkit_pass(k, 2000);
	memberkit_has(k, k->fs, "b");
}

static void test_root_lost(void **state)
{
	struct memberkit *k = *state;
	char name[32];

	memberkit_begin(k, "a", 9 * MIB);
	memtarget_show(k->disk, false);
	memberkit_pass(k, 120000);
	assert_string_equal(memberkit_state(k, name), "root_lost");
	memtarget_show(k->disk, true);
	memberkit_pass(k, 60000);
	memberkit_has(k, k->fs, "a");
	memberkit_ended(k, "completed", "");
}

static void test_out(void **state)
{
	struct memberkit *k = *state;
	const struct member_want out = { .out = "/other" };
	const struct member_want bad = { .out = "/missing" };
	struct vs_err err = VS_ERR_INIT;
	const char *path = "dir/a";
	json_t *doc;

	memberkit_put(k, "dir/a", 5 * MIB, 1);
	memberkit_pass(k, 500);
	assert_null(member_pull(k->m, &path, 1, &bad, k->now, &err));
	assert_int_equal(err.code, VS_ENOENT);
	json_decref(memberkit_pull(k, "dir", &out));
	json_decref(memberkit_pull(k, "dir/a", &out));
	memberkit_stop(k, false);
	memberkit_start(k);
	memberkit_pass(k, 2000);
	memberkit_has(k, k->other, "dir/a");
	assert_int_equal(k->asked_downloads, 1);
	assert_null(memfs_at(k->fs, "dir/a", NULL));
	assert_int_equal(memberkit_badge(k, "dir/a"), '-');
	doc = memberkit_pull(k, "dir", &out);
	assert_int_equal(
	    json_integer_value(json_object_get(doc, "fetch_files")), 0);
	json_decref(doc);
	memberkit_want(k, "dir", 1, 0);
}

/* The cloud's refusals: some end it, the others do not. */
static void test_download_refused(void **state)
{
	static const struct {
		int status;
		const char *code;
		bool ends;
	} cases[] = {
		{ 404, "not_found", true },
		{ 403, "forbidden", true },
		{ 404, "", false }, /* a proxy's */
		{ 401, "unauthorized", false },
		{ 409, "changed", false },
		{ 409, "no_source", false },
		{ 429, "later", false },
		{ 503, "unavailable", false },
		{ 0, "", false },
		{ 200, "", false },
	};
	struct memberkit *k = *state;

	memberkit_pass(k, 500);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[16], body[64];

		(void)snprintf(path, sizeof(path), "f%zu", i);
		memberkit_put(k, path, 10, (unsigned)i);
		memberkit_push(k);
		memberkit_pass(k, 1000);
		k->hold_send = true;
		memberkit_want(k, path, 1, 0);
		memberkit_run(k);
		assert_int_equal(k->sends, 1);
		(void)snprintf(
		    body, sizeof(body), "{\"code\":\"%s\"}", cases[i].code);
		memberkit_answer(k, cases[i].status, body);
		k->hold_send = false;
		if (cases[i].ends)
			memberkit_ended(k, "failed", "the cloud answered");
		memberkit_pass(k, 60000);
		if (!cases[i].ends)
			memberkit_has(k, k->fs, path);
	}
}

/* What is no word for programs is not passed on, and does no harm. */
static void test_strange_code(void **state)
{
	static const char *const codes[] = {
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"\xC3\xA9\xC3\xA9",
		"\\u001b[2J",
	};
	struct memberkit *k = *state;
	char body[128], seen[32];
	json_t *t;

	memberkit_pass(k, 500);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		memberkit_put(k, "f", 10, (unsigned)i);
		memberkit_push(k);
		memberkit_pass(k, 1000);
		k->hold_send = true;
		memberkit_want(k, "f", 1, 0);
		memberkit_run(k);
		(void)snprintf(
		    body, sizeof(body), "{\"code\":\"%s\"}", codes[i]);
		memberkit_answer(k, 503, body);
		t = memberkit_transfer(k);
		assert_string_equal(
		    json_string_value(json_object_get(t, "error")),
		    "the cloud answered 503");
		json_decref(t);
		assert_string_not_equal(memberkit_state(k, seen), "degraded");
		k->hold_send = false;
		memberkit_pass(k, 60000);
		memberkit_has(k, k->fs, "f");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define PULL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		PULL_TEST(test_sizes),
		PULL_TEST(test_plan),
		PULL_TEST(test_plan_pages),
		PULL_TEST(test_space),
		PULL_TEST(test_codes),
		PULL_TEST(test_persists),
		PULL_TEST(test_endpoints),
		PULL_TEST(test_tickets),
		PULL_TEST(test_ticket_refused),
		PULL_TEST(test_wrong_chunk),
		PULL_TEST(test_wrong_hash),
		PULL_TEST(test_newer),
		PULL_TEST(test_gone),
		PULL_TEST(test_line),
		PULL_TEST(test_cancel),
		PULL_TEST(test_root_lost),
		PULL_TEST(test_out),
		PULL_TEST(test_download_refused),
		PULL_TEST(test_strange_code),
#undef PULL_TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
