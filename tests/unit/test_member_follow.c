/* Following the log: hello, backlog, gaps, another log, checksums. */
#include "tests/unit/memberkit.h"

#include <stdio.h>
#include <string.h>

#define OTHER_LOG "90000000-0000-4000-8000-000000000009"

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

static void assert_state(struct memberkit *k, const char *want)
{
	char state[32];

	assert_string_equal(memberkit_state(k, state), want);
}

/* Nothing is known of a new project: its listing is read, then the log. */
static void test_first(void **state)
{
	struct memberkit *k = *state;

	for (int i = 0; i < 8; i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "a%d.mov", i);
		memberkit_put(k, path, (size_t)i, 1);
	}
	assert_state(k, "catching_up");
	memberkit_run(k);
	assert_int_equal(k->asked_pages, 3);
	assert_string_equal(k->stream,
	    "/api/projects/20000000-0000-4000-8000-000000000002/events/"
	    "stream?since_seq=8");
	memberkit_pass(k, 1000);
	memberkit_mirrored(k);
	assert_state(k, "in_sync");
}

static void test_live(void **state)
{
	struct memberkit *k = *state;

	memberkit_pass(k, 1000);
	memberkit_put(k, "a", 3, 1);
	memberkit_push(k);
	memberkit_mirrored(k);
	assert_int_equal(k->changes, 1);
	assert_state(k, "following");
	memberkit_mkdir(k, "dir");
	memberkit_put(k, "dir/b", 5, 1);
	memberkit_put(k, "a", 4, 2);
	memberkit_push(k);
	memberkit_mirrored(k);
	memberkit_remove(k, "a");
	memberkit_move(k, "dir/b", "c");
	memberkit_push(k);
	memberkit_mirrored(k);
	assert_int_equal(k->changes, 7);
	memberkit_pass(k, 1000);
	assert_state(k, "in_sync");
	/* one look at the checksums for all of them */
	assert_int_equal(k->asked_pages, 1);
	assert_int_equal(k->streams, 1);
}

/* A thousand changes that came while it was away, in three messages. */
static void test_backlog(void **state)
{
	struct memberkit *k = *state;
	char path[32];

	memberkit_pass(k, 1000);
	memberkit_stop(k, true);
	for (int i = 0; i < 1100; i++) {
		(void)snprintf(path, sizeof(path), "f%d", i % 300);
		memberkit_put(k, path, (size_t)i, (unsigned)i);
	}
	memberkit_start(k);
	memberkit_run(k);
	memberkit_mirrored(k);
	assert_int_equal(k->asked_pages, 1);
	assert_int_equal(k->changes, 1100);
	assert_int_equal(k->caught_up, 2);
	memberkit_pass(k, 1000);
	assert_state(k, "in_sync");
}

/* A stream that is cut in the middle of the backlog goes on behind it. */
static void test_cut(void **state)
{
	struct memberkit *k = *state;

	memberkit_pass(k, 1000);
	memberkit_cut(k, VS_ENET);
	assert_state(k, "offline");
	for (int i = 0; i < 10; i++)
		memberkit_put(k, "f", (size_t)i, (unsigned)i);
	k->off_line = true;
	memberkit_pass(k, 5000);
	assert_string_not_equal(k->stream, "");
	member_stream_up(k->m, k->now);
	k->up = true;
	memberkit_text(
	    k, "{\"type\":\"hello\",\"log_id\":\"%s\",\"seq\":10}", k->log_id);
	memberkit_text(k,
	    "{\"type\":\"PROJECT_EVENT_BATCH\",\"events\":[%s,%s]}",
	    k->event[1], k->event[2]);
	memberkit_cut(k, VS_ENET);
	k->off_line = false;
	memberkit_pass(k, 5000);
	assert_non_null(strstr(k->stream, "since_seq=2"));
	memberkit_mirrored(k);
	assert_state(k, "in_sync");
	assert_int_equal(k->asked_pages, 1);
	assert_int_equal(k->changes, 10);
}

/* A message is lost: the next one shows it. */
static void test_gap(void **state)
{
	struct memberkit *k = *state;

	memberkit_pass(k, 1000);
	memberkit_put(k, "a", 1, 1);
	k->pushed = k->seq;
	memberkit_put(k, "b", 1, 1);
	memberkit_push(k);
	memberkit_run(k);
	assert_int_equal(k->streams, 2);
	assert_non_null(strstr(k->stream, "since_seq=0"));
	memberkit_mirrored(k);
	assert_int_equal(k->asked_pages, 1);
	/* one that came before is no news */
	memberkit_text(k, "{\"type\":\"PROJECT_EVENT_BATCH\",\"events\":[%s]}",
	    k->event[1]);
	memberkit_mirrored(k);
	assert_int_equal(k->streams, 2);
	assert_int_equal(k->changes, 2);
}

/* The backlog itself has the gap: only the listing helps. */
static void test_gap_stays(void **state)
{
	struct memberkit *k = *state;
	int pages;

	memberkit_pass(k, 1000);
	pages = k->asked_pages;
	memberkit_put(k, "a", 1, 1);
	memberkit_put(k, "b", 1, 1);
	for (int i = 0; i < 2; i++) {
		k->pushed = 1;
		memberkit_push(k);
		k->off_line = true;
		memberkit_run(k);
		k->off_line = false;
		if (i > 0)
			break;
		k->up = true;
		member_stream_up(k->m, k->now);
		memberkit_text(k,
		    "{\"type\":\"hello\",\"log_id\":\"%s\",\"seq\":2}",
		    k->log_id);
	}
	assert_int_equal(k->asked_pages, pages + 1);
	memberkit_pass(k, 1000);
	memberkit_mirrored(k);
	assert_state(k, "in_sync");
}

/* An event that nobody can read: the same. */
static void test_unreadable(void **state)
{
	struct memberkit *k = *state;

	memberkit_pass(k, 1000);
	memberkit_put(k, "a", 1, 1);
	for (int i = 0; i < 3; i++) {
		memberkit_text(k,
		    "{\"type\":\"PROJECT_EVENT_BATCH\",\"events\":"
		    "[{\"seq\":1,\"change\":{\"path\":\"../a\","
		    "\"op\":\"create\",\"size\":1}}]}");
		k->off_line = true;
		memberkit_run(k);
		if (k->stream[0] == '\0')
			break;
		k->up = true;
		member_stream_up(k->m, k->now);
		memberkit_text(k,
		    "{\"type\":\"hello\",\"log_id\":\"%s\",\"seq\":1}",
		    k->log_id);
	}
	k->off_line = false;
	memberkit_pass(k, 1000);
	memberkit_mirrored(k);
	assert_state(k, "in_sync");
}

/* The last message before silence is lost: nobody waits for ever. */
static void test_silence(void **state)
{
	struct memberkit *k = *state;

	memberkit_pass(k, 1000);
	memberkit_put(k, "a", 1, 1);
	k->pushed = k->seq;
	memberkit_pass(k, 6 * 60 * 1000);
	memberkit_mirrored(k);
	assert_state(k, "in_sync");
	/* and of a backlog that does not come whole */
	memberkit_cut(k, VS_ENET);
	memberkit_put(k, "b", 1, 1);
	k->off_line = true;
	memberkit_pass(k, 5000);
	member_stream_up(k->m, k->now);
	k->up = true;
	memberkit_text(
	    k, "{\"type\":\"hello\",\"log_id\":\"%s\",\"seq\":2}", k->log_id);
	memberkit_pass(k, 5000);
	assert_state(k, "catching_up");
	k->off_line = false;
	memberkit_pass(k, 15000);
	memberkit_mirrored(k);
	assert_state(k, "in_sync");
}

/* A cloud restored from a backup: another log, an older state. */
static void test_other_log(void **state)
{
	struct memberkit *k = *state;

	for (int i = 0; i < 9; i++)
		memberkit_put(k, "f", (size_t)i, (unsigned)i);
	memberkit_put(k, "lost", 1, 1);
	memberkit_pass(k, 1000);
	memberkit_cut(k, VS_ENET);
	(void)snprintf(k->log_id, sizeof(k->log_id), OTHER_LOG);
	table_drop(&k->rows, "lost");
	k->seq = 9;
	memberkit_pass(k, 5000);
	memberkit_mirrored(k);
	assert_state(k, "in_sync");
	assert_non_null(strstr(k->states, "another log"));
	assert_non_null(strstr(k->stream, "since_seq=9"));
}

/* It is killed in the middle of that listing: the old seq is worthless. */
static void test_other_log_killed(void **state)
{
	struct memberkit *k = *state;

	for (int i = 0; i < 8; i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "a%d", i);
		memberkit_put(k, path, 1, (unsigned)i);
	}
	memberkit_pass(k, 1000);
	memberkit_cut(k, VS_ENET);
	(void)snprintf(k->log_id, sizeof(k->log_id), OTHER_LOG);
	for (int i = 0; i < 8; i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "a%d", i);
		table_drop(&k->rows, path);
		(void)snprintf(path, sizeof(path), "b%d", i);
		memberkit_put(k, path, 1, (unsigned)i);
	}
	k->pushed = 0;
	k->off_line = true;
	memberkit_pass(k, 5000);
	k->up = true;
	k->hold_send = true;
	member_stream_up(k->m, k->now);
	memberkit_text(k, "{\"type\":\"hello\",\"log_id\":\"%s\",\"seq\":%lld}",
	    k->log_id, (long long)k->seq);
	k->off_line = false;
	k->hold_send = false;
	/* the head, and one page of three */
	member_step(k->m, k->now);
	assert_int_equal(k->sends, 1);
	k->hold_send = true;
	for (int i = 0; i < 2; i++) {
		char path[400];

		(void)snprintf(path, sizeof(path), "%s", k->send[0].path);
		k->hold_send = false;
		if (strstr(path, "/files?"))
			break;
		memberkit_answer(k, 200,
		    "{\"events\":[],\"last_seq\":16,\"log_id\":\"" OTHER_LOG
		    "\",\"tree\":{\"count\":0,\"bytes\":0,\"checksum\":\""
		    "00000000000000000000000000000000"
		    "00000000000000000000000000000000\"}}");
		member_step(k->m, k->now);
	}
	assert_non_null(strstr(k->send[0].path, "/files?"));
	memberkit_answer(k, 200,
	    "{\"files\":[{\"path\":\"b0\",\"kind\":\"file\",\"size\":1,"
	    "\"seq\":9}],\"has_more\":true,\"next_cursor\":\"1\","
	    "\"log_id\":\"" OTHER_LOG "\",\"last_seq\":16}");
	memberkit_stop(k, true);
	k->asked_pages = 0;
	memberkit_start(k);
	memberkit_run(k);
	assert_int_equal(k->asked_pages, 3);
	memberkit_mirrored(k);
	memberkit_pass(k, 1000);
	assert_state(k, "in_sync");
}

/* The head is behind us, the log's name the same: that is no log of ours. */
static void test_head_behind(void **state)
{
	struct memberkit *k = *state;
	int pages;

	memberkit_put(k, "a", 1, 1);
	memberkit_put(k, "b", 1, 1);
	memberkit_pass(k, 1000);
	pages = k->asked_pages;
	memberkit_cut(k, VS_ENET);
	k->seq = 1;
	table_drop(&k->rows, "b");
	memberkit_pass(k, 5000);
	assert_true(k->asked_pages > pages);
	memberkit_mirrored(k);
}

/* A listing is shorter than twenty thousand events. */
static void test_far(void **state)
{
	struct memberkit *k = *state;
	int pages;

	memberkit_pass(k, 1000);
	pages = k->asked_pages;
	memberkit_cut(k, VS_ENET);
	k->off_line = true;
	memberkit_pass(k, 5000);
	k->up = true;
	member_stream_up(k->m, k->now);
	memberkit_text(k,
	    "{\"type\":\"hello\",\"log_id\":\"%s\",\"seq\":20001}", k->log_id);
	assert_non_null(strstr(k->states, "far behind"));
	assert_string_equal(k->stream, "");
	k->off_line = false;
	memberkit_pass(k, 5000);
	assert_int_equal(k->asked_pages, pages + 1);
	assert_state(k, "in_sync");
}

/* The cloud says with its messages what they add up to: nobody asks. */
static void test_told(void **state)
{
	struct memberkit *k = *state;
	int events;

	k->tells = true;
	memberkit_put(k, "a", 1, 1);
	memberkit_pass(k, 1000);
	events = k->asked_heads;
	memberkit_put(k, "b", 2, 2);
	memberkit_put(k, "c", 2, 2);
	memberkit_push(k);
	assert_state(k, "in_sync");
	memberkit_cut(k, VS_ENET);
	memberkit_put(k, "d", 2, 2);
	memberkit_pass(k, 5000);
	assert_state(k, "in_sync");
	memberkit_cut(k, VS_ENET);
	memberkit_pass(k, 5000);
	assert_state(k, "in_sync");
	assert_int_equal(k->asked_heads, events);
	/* and what differs is seen at once */
	table_drop(&k->rows, "a");
	memberkit_put(k, "e", 2, 2);
	memberkit_push(k);
	assert_non_null(strstr(k->states, "checksums differ"));
	k->up = false;
	memberkit_pass(k, 5000);
	memberkit_mirrored(k);
	assert_state(k, "in_sync");
}

/* What differs for once is compared; what differs for ever not all day. */
static void test_checksum(void **state)
{
	struct memberkit *k = *state;
	struct table_row wrong = { .path = "wrong",
		.kind = "file",
		.size = 1,
		.mtime_us = -1,
		.mode = -1 };

	memberkit_put(k, "a", 1, 1);
	memberkit_pass(k, 1000);
	table_put(&k->rows, &wrong);
	memberkit_pass(k, 6 * 60 * 1000);
	assert_non_null(strstr(k->states, "checksums differ"));
	memberkit_mirrored(k);
	assert_state(k, "in_sync");
	/* two rows of one path: no listing makes that equal */
	k->rows.row[k->rows.n - 1].path[0] = 'a';
	k->rows.row[k->rows.n - 1].path[1] = '\0';
	k->asked_pages = 0;
	memberkit_pass(k, 60 * 60 * 1000);
	assert_true(k->asked_pages > 3);
	assert_true(k->asked_pages < 60);
	k->rows.row[k->rows.n - 1].path[0] = 'w';
	memberkit_pass(k, 10 * 60 * 1000);
	assert_state(k, "in_sync");
}

static void test_paused(void **state)
{
	struct memberkit *k = *state;

	memberkit_pass(k, 1000);
	assert_int_equal(member_pause(k->m, true, NULL), 0);
	assert_string_equal(k->stream, "");
	k->up = false;
	memberkit_put(k, "a", 1, 1);
	memberkit_pass(k, 60000);
	assert_string_equal(k->stream, "");
	assert_state(k, "paused");
	memberkit_stop(k, true);
	memberkit_start(k);
	memberkit_pass(k, 60000);
	assert_int_equal(k->streams, 1);
	assert_state(k, "paused");
	assert_int_equal(member_pause(k->m, false, NULL), 0);
	memberkit_pass(k, 1000);
	memberkit_mirrored(k);
	assert_state(k, "in_sync");
}

/* A token that is refused, a project that is gone: a person must help. */
static void test_stopped(void **state)
{
	static const struct {
		int code;
		const char *state;
	} cases[] = {
		{ VS_EAUTH, "auth" },
		{ VS_ENOENT, "degraded" },
		{ VS_EFORBIDDEN, "degraded" },
	};
	struct memberkit *k = *state;

	for (size_t i = 0; i < 3; i++) {
		int streams;

		memberkit_pass(k, 1000);
		streams = k->streams;
		memberkit_cut(k, cases[i].code);
		memberkit_pass(k, 3600000);
		assert_state(k, cases[i].state);
		assert_int_equal(k->streams, streams);
		assert_int_equal(member_pause(k->m, false, NULL), 0);
		memberkit_pass(k, 1000);
		assert_state(k, "in_sync");
	}
}

/* Requests fail in every way; no way is asked all the time. */
static void test_listing_fails(void **state)
{
	static const int status[] = { 0, 500, 503, 429, 400, 413, 409 };
	struct memberkit *k = *state;

	memberkit_put(k, "a", 1, 1);
	k->hold_send = true;
	for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
		while (k->sends == 0)
			memberkit_pass(k, 1000);
		memberkit_answer(k, status[i], "{\"code\":\"x\"}");
	}
	while (k->sends == 0)
		memberkit_pass(k, 1000);
	memberkit_answer(k, 200, "{\"log_id\":\"x\"}");
	assert_state(k, "offline");
	k->hold_send = false;
	memberkit_pass(k, 1000000);
	memberkit_mirrored(k);
	assert_state(k, "in_sync");
}

/* A cursor that the cloud does not know any more is not offered for ever. */
static void test_cursor_refused(void **state)
{
	struct memberkit *k = *state;

	for (int i = 0; i < 7; i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "a%d", i);
		memberkit_put(k, path, 1, 1);
	}
	k->hold_send = true;
	memberkit_run(k);
	k->hold_send = false;
	memberkit_answer(k, 200,
	    "{\"events\":[],\"last_seq\":7,\"log_id\":\"" MEMBERKIT_LOG "\"}");
	k->hold_send = true;
	memberkit_run(k);
	memberkit_answer(k, 200,
	    "{\"files\":[],\"has_more\":true,\"next_cursor\":\"gone\","
	    "\"log_id\":\"" MEMBERKIT_LOG "\",\"last_seq\":7}");
	memberkit_run(k);
	assert_non_null(strstr(k->send[0].path, "cursor=%67"));
	memberkit_answer(k, 400, "{\"error\":\"no\",\"code\":\"bad_field\"}");
	k->hold_send = false;
	memberkit_pass(k, 10000);
	memberkit_mirrored(k);
	assert_state(k, "in_sync");
}

static void test_nonsense(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "{}", "7",
		"{\"type\":5}", "{\"type\":\"hello\"}",
		"{\"type\":\"PROJECT_EVENT_BATCH\"}",
		"{\"type\":\"hello\",\"log_id\":\"x\",\"seq\":\"y\"}" };
	struct memberkit *k = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memberkit_pass(k, 400000);
		assert_true(k->up);
		memberkit_text(k, "%s", texts[i]);
		assert_string_equal(k->stream, "");
		assert_state(k, "offline");
	}
	memberkit_pass(k, 400000);
	/* types that nobody knows may come */
	memberkit_text(k, "{\"type\":\"weather\",\"rain\":true}");
	assert_true(k->up);
	/* events before any hello */
	memberkit_cut(k, VS_ENET);
	k->off_line = true;
	memberkit_pass(k, 5000);
	memberkit_put(k, "a", 1, 1);
	member_stream_up(k->m, k->now);
	memberkit_text(k, "{\"type\":\"PROJECT_EVENT_BATCH\",\"events\":[%s]}",
	    k->event[1]);
	assert_int_equal(k->changes, 0);
	k->off_line = false;
	memberkit_pass(k, 10000);
	memberkit_mirrored(k);
}

/* The database fails while events come: it opens again and goes on. */
static void test_database(void **state)
{
	struct memberkit *k = *state;
	const struct memvfs_fault fault = { .ops = MEMVFS_BIT(MEMVFS_SYNC) };

	memberkit_pass(k, 1000);
	memvfs_fail(k->vfs, &fault);
	memberkit_put(k, "a", 1, 1);
	memberkit_push(k);
	assert_state(k, "degraded");
	assert_string_equal(k->stream, "");
	memvfs_heal(k->vfs);
	k->up = false;
	memberkit_pass(k, 5000);
	memberkit_mirrored(k);
	assert_state(k, "in_sync");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_live, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backlog, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_gap_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_unreadable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_other_log, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_other_log_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_head_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_far, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_checksum, setup, teardown),
		cmocka_unit_test_setup_teardown(test_paused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_listing_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_cursor_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(test_database, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
