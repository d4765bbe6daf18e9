/* The line as it is given. */
#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static struct trouble trouble;
static struct options opt;
static char *words[16]; /* the last line, reordered */

static int parse(unsigned takes, const char *line)
{
	static char copy[256];
	char *s = copy, *word;
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	while ((word = strsep(&s, " ")) != NULL)
		words[n++] = word;
	words[n] = NULL;
	trouble = (struct trouble)TROUBLE_INIT;
	return options_parse(&opt, takes, n, words, &trouble);
}

static void refuses(unsigned takes, const char *line, const char *why)
{
	assert_int_equal(parse(takes, line), VS_EINVAL);
	assert_int_equal(trouble.exit, VS_EXIT_USAGE);
	if (strstr(trouble.err.msg, why) == NULL)
		fail_msg("%s: %s", line, trouble.err.msg);
}

#define LIST (OPT_LONG | OPT_RECURSIVE | OPT_PROJECT | OPT_JSON | OPT_NULL)
#define LOG (OPT_SINCE | OPT_LIMIT | OPT_TIMEOUT | OPT_LINES | OPT_JSON)

static void test_letters_and_words(void **state)
{
	(void)state;
	assert_int_equal(parse(LIST, "ls -lR a --project film b"), VS_OK);
	assert_int_equal(opt.given, OPT_LONG | OPT_RECURSIVE | OPT_PROJECT);
	assert_string_equal(opt.project, "film");
	assert_string_equal(words[opt.first], "a");
	assert_string_equal(words[opt.first + 1], "b");

	assert_int_equal(parse(LIST, "ls -pfilm --json -0"), VS_OK);
	assert_string_equal(opt.project, "film");
	assert_int_equal(opt.given, OPT_PROJECT | OPT_JSON | OPT_NULL);
	assert_null(words[opt.first]);
}

static void test_each_line_is_read_afresh(void **state)
{
	(void)state;
	assert_int_equal(parse(LIST, "ls -l x"), VS_OK);
	assert_int_equal(parse(LIST, "ls"), VS_OK);
	assert_int_equal(opt.given, 0);
	assert_int_equal(opt.limit, -1);
	assert_int_equal(opt.timeout_ms, -1);
	assert_int_equal(opt.since, 0);
}

static void test_two_dashes_end_them(void **state)
{
	(void)state;
	assert_int_equal(parse(LIST, "ls -l -- --json -R"), VS_OK);
	assert_int_equal(opt.given, OPT_LONG);
	assert_string_equal(words[opt.first], "--json");
	assert_false(options_want_json(5, words));
}

static void test_numbers(void **state)
{
	(void)state;
	assert_int_equal(
	    parse(LOG, "log --since 9223372036854775807 -n 0 -t 1.5"), VS_OK);
	assert_true(opt.since == INT64_MAX);
	assert_int_equal(opt.limit, 0);
	assert_int_equal(opt.timeout_ms, 1500);
	refuses(LOG, "log --since 9223372036854775808", "--since");
	refuses(LOG, "log --since=-1", "--since");
	refuses(LOG, "log --since=", "--since");
	refuses(LOG, "log -n 1x", "--limit: not a whole number: 1x");
	refuses(LOG, "log -t -1", "--timeout");
	refuses(LOG, "log -t nan", "--timeout");
	refuses(LOG, "log -t inf", "--timeout");
	refuses(LOG, "log -t 1e99", "--timeout");
}

#define PULL (OPT_DRY | OPT_OUT | OPT_FORCE | OPT_NO_WAIT | OPT_PROGRESS)

static void test_one_letter_of_two_verbs(void **state)
{
	(void)state;
	assert_int_equal(parse(PULL, "pull -n -o /x a b"), VS_OK);
	assert_int_equal(opt.given, OPT_DRY | OPT_OUT);
	assert_string_equal(opt.out, "/x");
	assert_int_equal(opt.limit, -1);
	assert_string_equal(words[opt.first], "a");
	assert_int_equal(
	    parse(PULL, "pull --progress=json --no-wait ."), VS_OK);
	assert_int_equal(opt.progress, PROGRESS_JSON);
	assert_int_equal(parse(PULL, "pull --force ."), VS_OK);
	assert_int_equal(opt.progress, PROGRESS_AUTO);
	refuses(PULL, "pull --progress=bar .", "bar");
	refuses(PULL, "pull . -o", "-o: a value is missing");
}

#define IGNORED (OPT_VERBOSE | OPT_NON_MATCHING | OPT_STDIN | OPT_ZERO)

static void test_of_check_ignore(void **state)
{
	(void)state;
	assert_int_equal(parse(IGNORED, "check-ignore -vn a b"), VS_OK);
	assert_int_equal(opt.given, OPT_VERBOSE | OPT_NON_MATCHING);
	assert_int_equal(opt.limit, -1);
	assert_string_equal(words[opt.first], "a");
	assert_int_equal(parse(IGNORED, "check-ignore --stdin -z"), VS_OK);
	assert_int_equal(opt.given, OPT_STDIN | OPT_ZERO);
	assert_int_equal(
	    parse(IGNORED, "check-ignore --non-matching --verbose -- -v"),
	    VS_OK);
	assert_int_equal(opt.given, OPT_VERBOSE | OPT_NON_MATCHING);
	assert_string_equal(words[opt.first], "-v");
	refuses(IGNORED, "check-ignore -q", "no option -q");
	refuses(IGNORED, "check-ignore --stdin=x", "takes no value");
	refuses(LOG, "log -v", "no option -v");
}

static void expires(const char *value, int64_t seconds)
{
	char line[64];

	snprintf(line, sizeof(line), "invite --expires=%s", value);
	if (seconds < 0) {
		refuses(OPT_EXPIRES, line, "no span of time");
		assert_non_null(strstr(trouble.hint, "7d"));
		return;
	}
	assert_int_equal(parse(OPT_EXPIRES, line), VS_OK);
	assert_true(opt.expires_s == seconds);
}

static void test_spans_of_time(void **state)
{
	(void)state;
	expires("90", 90);
	expires("90s", 90);
	expires("30m", 1800);
	expires("12h", 43200);
	expires("7d", 604800);
	expires("", -1);
	expires("0", -1);
	expires("-1d", -1);
	expires("1w", -1);
	expires("1.5h", -1);
	expires("7dd", -1);
	expires("99999999999999999999", -1);
	assert_int_equal(parse(OPT_EXPIRES, "invite"), VS_OK);
	assert_true(opt.expires_s == -1);
}

static void test_colors(void **state)
{
	(void)state;
	assert_int_equal(parse(0, "help --color=never"), VS_OK);
	assert_int_equal(opt.color, PRINT_NEVER);
	assert_int_equal(parse(0, "help --color always"), VS_OK);
	assert_int_equal(opt.color, PRINT_ALWAYS);
	refuses(0, "help --color=blue", "blue");
}

static void test_what_a_verb_does_not_take(void **state)
{
	(void)state;
	refuses(0, "help -l", "no option -l");
	refuses(0, "help --json", "no option --json");
	refuses(LIST, "ls -lx", "no option -x");
	refuses(LIST, "ls --json=1", "--json=1: takes no value");
	refuses(LIST, "ls -lp", "-p: a value is missing");
	refuses(LIST, "ls --project", "--project: a value is missing");
	assert_string_equal(trouble.hint, "see `vsync help ls`");
}

static void test_json_is_seen_on_a_broken_line(void **state)
{
	(void)state;
	refuses(LIST, "ls --bogus --json", "--bogus");
	assert_true(options_want_json(3, words));
	refuses(LIST, "ls --bogus", "--bogus");
	assert_false(options_want_json(2, words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_letters_and_words),
		cmocka_unit_test(test_each_line_is_read_afresh),
		cmocka_unit_test(test_two_dashes_end_them),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_one_letter_of_two_verbs),
		cmocka_unit_test(test_of_check_ignore),
		cmocka_unit_test(test_spans_of_time),
		cmocka_unit_test(test_colors),
		cmocka_unit_test(test_what_a_verb_does_not_take),
		cmocka_unit_test(test_json_is_seen_on_a_broken_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
