/* What an answer to a batch means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/publish/verdict.h"
#include "common/base/err.h"

#define JSON "application/json"
#define HTML "text/html; charset=utf-8"
#define CODE(c) "{\"error\":\"no\",\"code\":\"" c "\"}"

static void test_table(void **state)
{
	static const struct {
		long status;
		const char *type;
		const char *body;
		enum verdict want;
	} cases[] = {
		{ 200, JSON, "{}", VERDICT_READ },
		{ 201, "application/json; charset=utf-8", "{}", VERDICT_READ },
		/* a portal's page is no success, and no refusal either */
		{ 200, HTML, "<html>", VERDICT_RETRY },
		{ 200, "", "", VERDICT_RETRY },
		{ 302, HTML, "", VERDICT_RETRY },
		{ 400, JSON, CODE("bad_field"), VERDICT_SPLIT },
		{ 400, HTML, "<html>", VERDICT_RETRY },
		{ 413, HTML, "<html>", VERDICT_SPLIT }, /* a proxy's, too */
		{ 422, JSON, "{}", VERDICT_SPLIT },
		{ 401, JSON, CODE("unauthorized"), VERDICT_AUTH },
		{ 403, JSON, CODE("forbidden"), VERDICT_FORBIDDEN },
		{ 403, HTML, "<html>", VERDICT_RETRY },
		{ 404, JSON, CODE("not_found"), VERDICT_GONE },
		{ 404, JSON, CODE("NotFound"), VERDICT_GONE },
		{ 404, JSON, "{}", VERDICT_RETRY },
		{ 404, HTML, "<html>", VERDICT_RETRY },
		{ 409, JSON, CODE("stale_epoch"), VERDICT_STALE },
		{ 409, JSON, CODE("epoch_order"), VERDICT_ORDER },
		{ 409, JSON, CODE("not_publisher"), VERDICT_NOT_PUBLISHER },
		{ 409, JSON, CODE("batch_gap"), VERDICT_RESYNC },
		{ 409, JSON, CODE("batch_mismatch"), VERDICT_RESYNC },
		{ 409, JSON, CODE("else"), VERDICT_RETRY },
		{ 409, HTML, "", VERDICT_RETRY },
		{ 429, JSON, "{}", VERDICT_RETRY },
		{ 500, JSON, CODE("internal"), VERDICT_RETRY },
		{ 503, HTML, "<html>", VERDICT_RETRY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum verdict v = verdict_of(VS_OK, cases[i].status,
		    cases[i].type, cases[i].body, strlen(cases[i].body));

		if (v != cases[i].want)
			fail_msg("case %zu: %ld %s: %d", i, cases[i].status,
			    cases[i].body, (int)v);
	}
	assert_int_equal(verdict_of(VS_ENET, 0, "", "", 0), VERDICT_RETRY);
	assert_int_equal(
	    verdict_of(VS_ETIMEDOUT, 200, JSON, "{}", 2), VERDICT_RETRY);
}

static void test_code(void **state)
{
	static const struct {
		const char *body;
		const char *want;
	} cases[] = {
		{ CODE("no_space"), "no_space" },
		{ CODE("E-12.b"), "E-12.b" },
		{ CODE(""), "" },
		{ CODE("two words"), "" },
		{ CODE("\\u001b[2J"), "" },
		{ CODE("caf\xC3\xA9"), "" },
		{ CODE("123456789012345"), "123456789012345" },
		{ CODE("1234567890123456"), "" }, /* no room for its NUL */
		{ "{\"code\":7}", "" },
		{ "[\"code\"]", "" },
		{ "<html>", "" },
		{ "", "" },
	};
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(out, 'x', sizeof(out));
		verdict_error_code(
		    out, sizeof(out), cases[i].body, strlen(cases[i].body));
		assert_string_equal(out, cases[i].want);
	}
}

static void test_follows(void **state)
{
	static const char good[] = "{\"code\":\"epoch_order\",\"follows\":{"
				   "\"epoch\":\"e\",\"counter\":7}}";
	static const char *const bad[] = { "", "<html>", "[]", "{}",
		"{\"follows\":{}}", "{\"follows\":{\"epoch\":\"e\"}}",
		"{\"follows\":{\"epoch\":\"e\",\"counter\":-1}}" };
	struct vs_batch_mark m;

	(void)state;
	assert_true(verdict_follows(&m, good, strlen(good)));
	assert_string_equal(m.epoch, "e");
	assert_int_equal(m.counter, 7);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(verdict_follows(&m, bad[i], strlen(bad[i])));
}

static void test_due(void **state)
{
	static const char good[] = "{\"code\":\"batch_gap\",\"expected\":42}";
	static const char *const bad[] = { "", "{", "[]", "{}", "42",
		"{\"expected\":null}", "{\"expected\":\"42\"}",
		"{\"expected\":4.2}" };

	(void)state;
	assert_int_equal(verdict_due(good, strlen(good)), 42);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(verdict_due(bad[i], strlen(bad[i])), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_code),
		cmocka_unit_test(test_follows),
		cmocka_unit_test(test_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
