/* What a watcher sees. */
#include "cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1763402400000)

static struct progress *p;
static int64_t now;

static int setup(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	now = NOW;
	p = progress_new();
	return p == NULL;
}

static int teardown(void **state)
{
	(void)state;
	progress_free(p);
	return 0;
}

static json_t *status(const char *st)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:i,s:[{s:s,s:s}]}", "type",
	    "status", "id", "1", "name", "film", "root", "/f", "state", st,
	    "in_sync", 0, "outbox", 3, "problems", "message", "bad\n", "hint",
	    "mend it");
}

static json_t *published(int size)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:i,s:i}", "type", "published",
	    "project", "1", "path", "a b", "op", "update", "seq", 8, "size",
	    size);
}

/* Feeds it; the line it makes, to free, or NULL. */
static char *line(json_t *event)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct print out = { .f = f };
	bool said;

	assert_non_null(event);
	progress_feed(p, event, now);
	said = progress_line(p, event, &out, now);
	fclose(f);
	json_decref(event);
	if (!said) {
		assert_int_equal(len, 0);
		free(text);
		return NULL;
	}
	return text;
}

static void says(json_t *event, const char *want)
{
	char *text = line(event);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

static void test_a_state_is_said_once(void **state)
{
	char *first = line(status("publishing"));

	(void)state;
	assert_non_null(first);
	assert_non_null(strstr(first, "18:00:00 film publishing: "));
	free(first);
	assert_null(line(status("publishing")));
	first = line(status("offline"));
	assert_non_null(first);
	free(first);
}

static void test_events_are_lines(void **state)
{
	(void)state;
	says(published(2048), "18:00:00 1 published update a b (2.0 KiB) #8\n");
	free(line(status("publishing")));
	says(published(0), "18:00:00 film published update a b #8\n");
	says(json_pack(
		 "{s:s,s:s,s:i}", "type", "held", "project", "film", "n", 120),
	    "18:00:00 film held 120 deletions: see `vsync held`\n");
	says(json_pack("{s:s,s:s,s:s,s:s}", "type", "refused", "project", "1",
		 "path", "x", "text", "a\nb"),
	    "18:00:00 film refused x: a\\nb\n");
	says(json_pack("{s:s,s:s,s:I}", "type", "state", "project", "1", "at",
		 (json_int_t)(NOW + 5000)),
	    "18:00:05 film now \n");
}

static void test_commits_are_said_while_nothing_is_sent(void **state)
{
	static const char *const states[] = { "offline", "paused", "held" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		free(line(status("publishing")));
		assert_null(line(json_pack(
		    "{s:s,s:s}", "type", "committed", "project", "1")));
		free(line(status(states[i])));
		says(json_pack("{s:s,s:s,s:s}", "type", "committed", "project",
			 "1", "path", "x"),
		    "18:00:00 film committed x\n");
	}
}

static json_t *pull(const char *st)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:i}", "type", "pull", "project",
	    "film", "pull", "p1", "path", "a b", "text", st, "size", 2048);
}

static void test_what_a_member_sees(void **state)
{
	(void)state;
	says(
	    json_pack("{s:s,s:s,s:s,s:s,s:i,s:i}", "type", "changed", "project",
		"film", "path", "x", "op", "create", "seq", 9, "size", 2048),
	    "18:00:00 film changed create x (2.0 KiB) #9\n");
	assert_true(progress_rate(p, now) > 0);
	says(json_pack("{s:s,s:s,s:i,s:i}", "type", "caught_up", "project",
		 "film", "n", 120, "seq", 9),
	    "18:00:00 film caught up: 120 events #9\n");
	says(pull("fetching"), "18:00:00 film pull a b (2.0 KiB): fetching\n");
	assert_null(line(pull("fetching")));
	says(
	    pull("completed"), "18:00:00 film pull a b (2.0 KiB): completed\n");
}

static void test_strange_events_are_nothing(void **state)
{
	(void)state;
	assert_null(line(json_object()));
	assert_null(line(json_pack("{s:i}", "type", 5)));
	assert_null(line(json_pack("{s:s,s:i}", "type", "status", "id", 1)));
	assert_null(line(json_pack("{s:s,s:s}", "type", "status", "id", "x")));
}

static void test_the_rate_looks_ten_seconds_back(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		free(line(published(100)));
	assert_true(progress_rate(p, now) == 5.0);
	now += 9000;
	free(line(published(100)));
	assert_true(progress_rate(p, now) == 5.1);
	assert_true(progress_rate(p, now + 1000) == 0.1);
	assert_true(progress_rate(p, now + 60000) == 0);
	/* A clock that is set back counts what it can. */
	assert_true(progress_rate(p, now - 3600000) == 0);
}

static void test_the_view_has_as_many_lines_as_it_says(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct print out = { .f = f };
	int lines, seen = 0;

	(void)state;
	free(line(status("offline")));
	free(line(published(1)));
	lines = progress_draw(p, &out, now);
	fclose(f);
	for (char *s = text; (s = strchr(s, '\n')) != NULL; s++)
		seen++;
	assert_int_equal(lines, seen);
	assert_int_equal(lines, 4);
	assert_non_null(strstr(text, "film  offline"));
	assert_non_null(strstr(text, "3 queued"));
	assert_non_null(strstr(text, "bad\\n -> mend it\n"));
	assert_non_null(strstr(text, "one change since the start\n"));
	free(text);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_a_state_is_said_once),
		WITH(test_events_are_lines),
		WITH(test_commits_are_said_while_nothing_is_sent),
		WITH(test_what_a_member_sees),
		WITH(test_strange_events_are_nothing),
		WITH(test_the_rate_looks_ten_seconds_back),
		WITH(test_the_view_has_as_many_lines_as_it_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
