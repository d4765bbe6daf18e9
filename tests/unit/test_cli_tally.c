/* Pulls that are waited for, with time that stands still between calls. */
#include "cli/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START INT64_C(1000000)
#define MIB (INT64_C(1) << 20)

static struct tally *t;
static struct tally_figures f;
static int64_t now;

static void begin(const char *ids)
{
	json_t *doc = json_loads(ids, 0, NULL);

	assert_non_null(doc);
	tally_free(t);
	now = START;
	t = tally_new(doc, now);
	assert_non_null(t);
	json_decref(doc);
}

static int setup(void **state)
{
	(void)state;
	begin("[\"1\", \"2\"]");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tally_free(t);
	t = NULL;
	return 0;
}

static json_t *row(const char *id, const char *state, int64_t bytes)
{
	return json_pack("{s:s,s:s,s:s,s:I,s:I}", "id", id, "path", id, "state",
	    state, "size", (json_int_t)(100 * MIB), "bytes", (json_int_t)bytes);
}

/* Feeds up to two rows and reads the figures. */
static void feed(json_t *a, json_t *b)
{
	json_t *rows = json_array();

	if (a != NULL)
		json_array_append_new(rows, a);
	if (b != NULL)
		json_array_append_new(rows, b);
	tally_feed(t, rows, now);
	json_decref(rows);
	tally_figures(t, &f, now);
}

static void test_rate_and_time_to_go(void **state)
{
	(void)state;
	feed(row("1", "queued", 0), row("2", "queued", 0));
	assert_true(f.files == 2 && f.ended == 0 && f.size == 200 * MIB);
	assert_true(f.rate == 0 && f.eta_ms == -1);
	for (int i = 1; i <= 5; i++) {
		now += 1000;
		feed(row("1", "fetching", i * 10 * MIB), NULL);
	}
	assert_true(f.bytes == 50 * MIB && f.resumed == 0);
	assert_true(f.rate == 10 * MIB);
	assert_true(f.eta_ms == 15000);
	assert_true(f.spent_ms == 5000);
	/* Nothing for longer than it looks back: no rate, no promise. */
	now += 11000;
	tally_figures(t, &f, now);
	assert_true(f.rate == 0 && f.eta_ms == -1);
}

static void test_the_rate_forgets_how_it_was(void **state)
{
	(void)state;
	for (int i = 0; i <= 20; i++) {
		feed(row("1", "fetching", i * MIB), row("2", "queued", 0));
		now += 1000;
	}
	for (int i = 1; i <= 15; i++) {
		feed(row("1", "fetching", (20 + 4 * i) * MIB), NULL);
		now += 1000;
	}
	tally_figures(t, &f, now - 1000);
	assert_true(f.rate == 4 * MIB);
}

static void test_the_first_second_promises_nothing(void **state)
{
	(void)state;
	feed(row("1", "queued", 0), row("2", "queued", 0));
	now += 10;
	feed(row("1", "fetching", 4 * MIB), NULL);
	assert_true(f.rate == 4 * MIB);
	/* A clock that stands still divides nothing. */
	tally_figures(t, &f, START);
	assert_true(f.rate == 4 * MIB);
}

static void test_what_was_there_is_apart(void **state)
{
	(void)state;
	feed(row("1", "queued", 40 * MIB), row("2", "completed", 0));
	assert_true(f.bytes == 140 * MIB && f.resumed == 40 * MIB);
	assert_true(f.ended == 1);
	now += 2000;
	feed(row("1", "fetching", 60 * MIB), NULL);
	/* 100 MiB that were complete at the first look came in these 2 s. */
	assert_true(f.resumed == 40 * MIB && f.bytes == 160 * MIB);
	/* A file that changed meanwhile begins anew. */
	feed(row("1", "fetching", 8 * MIB), NULL);
	assert_true(f.resumed == 8 * MIB && f.bytes == 108 * MIB);
}

static void test_an_end_is_an_end(void **state)
{
	struct trouble trouble = TROUBLE_INIT;

	(void)state;
	feed(row("1", "completed", 0), row("2", "fetching", 1));
	assert_false(tally_over(t));
	feed(row("1", "fetching", 0), row("2", "completed", 0));
	assert_true(tally_over(t));
	assert_true(f.bytes == 200 * MIB && f.ended == 2 && f.eta_ms == 0);
	assert_int_equal(tally_judge(t, &trouble), VS_OK);
	assert_int_equal(trouble.exit, VS_EXIT_OK);
}

static json_t *failed(const char *id, int exit, const char *error)
{
	json_t *r = row(id, "failed", 0);

	json_object_set_new(r, "exit", json_integer(exit));
	json_object_set_new(r, "error", json_string(error));
	return r;
}

static void test_the_worst_says_the_code(void **state)
{
	static const struct {
		int a, b, want;
	} cases[] = { { 5, 10, 10 }, { 10, 8, 10 }, { 8, 5, 8 }, { 4, 5, 4 },
		{ 5, 5, 5 }, { 0, 5, 1 }, { 99, 5, 1 }, { 7, 4, 7 },
		{ 75, 10, 10 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trouble trouble = TROUBLE_INIT;
		setup(state);
		feed(failed("1", cases[i].a, "one"),
		    failed("2", cases[i].b, "two"));
		assert_true(tally_over(t) && f.failed == 2);
		assert_int_not_equal(tally_judge(t, &trouble), VS_OK);
		assert_int_equal(trouble.exit, cases[i].want);
		assert_non_null(strstr(trouble.err.msg, "2 of 2 files"));
		assert_string_equal(trouble.name, "not_pulled");
	}
}

static void test_a_cancelled_one_may_be_tried_again(void **state)
{
	struct trouble trouble = TROUBLE_INIT;
	json_t *rows;

	(void)state;
	feed(row("1", "cancelled", 5), row("2", "completed", 0));
	assert_true(f.failed == 1 && f.bytes == 100 * MIB);
	tally_judge(t, &trouble);
	assert_int_equal(trouble.exit, VS_EXIT_AGAIN);
	assert_string_equal(trouble.path, "1");
	rows = tally_rows(t);
	assert_int_equal(json_array_size(rows), 2);
	assert_int_equal(json_integer_value(
			     json_object_get(json_array_get(rows, 0), "exit")),
	    VS_EXIT_AGAIN);
	assert_int_equal(json_integer_value(
			     json_object_get(json_array_get(rows, 1), "exit")),
	    0);
	json_decref(rows);
}

static void test_a_row_that_is_cut_off_is_waited_for(void **state)
{
	int64_t limit = tally_limit(t);
	json_t *rows = json_array();

	(void)state;
	/* As many rows as were asked for: ours may be beyond them. */
	for (int64_t i = 0; i < limit; i++)
		json_array_append_new(rows, row("other", "completed", 0));
	tally_feed(t, rows, now);
	json_decref(rows);
	assert_false(tally_over(t));
	assert_true(tally_limit(t) > limit);
	/* Only live ones: so may ours be. */
	feed(row("other", "fetching", 0), NULL);
	assert_false(tally_over(t));
	/* One that ended closes the list of the live: ours are gone. */
	feed(row("2", "fetching", 0), row("other", "failed", 0));
	assert_int_equal(f.failed, 1);
	assert_false(tally_over(t));
	feed(NULL, NULL);
	assert_true(tally_over(t));
	assert_int_equal(f.failed, 2);
}

static void test_ids_that_are_none(void **state)
{
	(void)state;
	begin("[\"1\", 5, \"1\", null]");
	tally_figures(t, &f, now);
	assert_int_equal(f.files, 1);
	begin("[]");
	assert_true(tally_over(t));
	feed(json_object(), row("9", "failed", 0));
	assert_int_equal(f.failed, 0);
}

static char *drawn(int *lines)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);
	struct print out = { .f = file, .quote = true };

	*lines = tally_draw(t, &out, now);
	fclose(file);
	return text;
}

static void test_what_is_drawn(void **state)
{
	int lines, seen = 0;
	char *text;

	(void)state;
	feed(row("1", "queued", 10 * MIB), row("2", "queued", 0));
	now += 5000;
	feed(row("1", "fetching", 20 * MIB), NULL);
	text = drawn(&lines);
	assert_string_equal(text,
	    "0 of 2 files  20.0 MiB of 200 MiB (10 %)  2.0 MiB/s  "
	    "1 min 30 s to go  10.0 MiB resumed\n"
	    "  fetching 1 20 % of 100 MiB\n");
	for (char *s = text; (s = strchr(s, '\n')) != NULL; s++)
		seen++;
	assert_int_equal(lines, seen);
	free(text);
}

static void test_a_hostile_path_is_quoted(void **state)
{
	json_t *r = row("1", "fetching", 0);
	int lines;
	char *text;

	(void)state;
	json_object_set_new(r, "path", json_string("a\x1b[2J"));
	feed(r, NULL);
	text = drawn(&lines);
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text, "$'a\\e[2J'"));
	free(text);
}

static void test_programs_get_numbers(void **state)
{
	json_t *doc;

	(void)state;
	feed(row("1", "queued", 0), row("2", "completed", 0));
	doc = tally_json(t, now + 500);
	assert_string_equal(
	    json_string_value(json_object_get(doc, "type")), "progress");
	assert_int_equal(json_integer_value(json_object_get(doc, "ended")), 1);
	assert_true(json_is_number(json_object_get(doc, "eta_seconds")));
	assert_true(json_number_value(json_object_get(doc, "seconds")) == 0.5);
	json_decref(doc);
	setup(state);
	feed(row("1", "queued", 0), row("2", "queued", 0));
	doc = tally_json(t, now);
	assert_true(json_is_null(json_object_get(doc, "eta_seconds")));
	json_decref(doc);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_rate_and_time_to_go),
		WITH(test_the_rate_forgets_how_it_was),
		WITH(test_the_first_second_promises_nothing),
		WITH(test_what_was_there_is_apart),
		WITH(test_an_end_is_an_end),
		WITH(test_the_worst_says_the_code),
		WITH(test_a_cancelled_one_may_be_tried_again),
		WITH(test_a_row_that_is_cut_off_is_waited_for),
		WITH(test_ids_that_are_none),
		WITH(test_what_is_drawn),
		WITH(test_a_hostile_path_is_quoted),
		WITH(test_programs_get_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
