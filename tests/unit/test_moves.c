/* Every move a transfer may or may not make. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "cloud/service/moves.h"

#define ALL 5

/* Rows: from; columns: to; pending, in_progress, completed, failed,
   cancelled.  s: by the source, r: by the requester, b: by both, o: by the
   requester where only the source has spoken, .: by nobody. */
static const char *const table[ALL] = {
	[STORE_PENDING] = "bbrbb",
	[STORE_IN_PROGRESS] = ".bbbb",
	[STORE_COMPLETED] = "..bo.",
	[STORE_FAILED] = "r.ob.",
	[STORE_CANCELLED] = "....b",
};

static void test_table(void **state)
{
	struct store_transfer t;
	int from, to, verdict;
	char c;

	(void)state;
	memset(&t, 0, sizeof(t));
	for (from = 0; from < ALL; from++) {
		for (to = 0; to < ALL; to++) {
			c = table[from][to];
			for (verdict = 0; verdict < 2; verdict++) {
				t.status = (enum store_status)from;
				t.verdict = verdict != 0;
				assert_int_equal(
				    moves_allow(
					&t, (enum store_status)to, false),
				    c == 'b');
				assert_int_equal(
				    moves_allow(
					&t, (enum store_status)to, true),
				    c == 'b' || c == 'r' ||
					(c == 'o' && verdict == 0));
			}
		}
	}
}

static void test_names(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < ALL; i++)
		assert_int_equal(
		    moves_parse(moves_name((enum store_status)i)), i);
	assert_int_equal(moves_parse("done"), VS_EINVAL);
	assert_int_equal(moves_parse(""), VS_EINVAL);
	assert_false(moves_ended(STORE_PENDING));
	assert_false(moves_ended(STORE_IN_PROGRESS));
	assert_true(moves_ended(STORE_COMPLETED));
	assert_true(moves_ended(STORE_FAILED));
	assert_true(moves_ended(STORE_CANCELLED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
