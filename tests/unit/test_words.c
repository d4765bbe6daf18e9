/* What our SQL has and SQLite's has not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/db/db.h"

enum { NUMBER, HEX, LONG };

static const char *const sql[] = {
	[NUMBER] = "SELECT n, n + 1, x FROM (SELECT ordinal() AS n, x "
		   "FROM (SELECT 30 AS x UNION SELECT 20 UNION SELECT 10) "
		   "ORDER BY x LIMIT -1) LIMIT -1",
	[HEX] = "SELECT lowhex(x'00ff7a'), lowhex(NULL), lowhex(x'')",
	[LONG] = "SELECT lowhex(zeroblob(?))",
};

static int setup(void **state)
{
	const struct vs_db_options o = {
		.path = ":memory:", .sql = sql, .sql_count = 3
	};
	struct vs_db *db;
	int rc = vs_db_open(&db, &o, NULL);

	*state = db;
	return rc;
}

static int teardown(void **state)
{
	vs_db_close(*state);
	return 0;
}

/* Each run begins anew; a number is one however often it is used. */
static void test_ordinal(void **state)
{
	struct vs_db *db = *state;
	sqlite3_stmt *st;

	for (int run = 0; run < 2; run++) {
		assert_int_equal(vs_db_first(db, NUMBER, &st, NULL, ""), 1);
		for (int i = 1; i <= 3; i++) {
			assert_int_equal(sqlite3_column_int(st, 0), i);
			assert_int_equal(sqlite3_column_int(st, 1), i + 1);
			assert_int_equal(sqlite3_column_int(st, 2), 10 * i);
			assert_int_equal(vs_db_step(db, st, NULL), i < 3);
		}
	}
}

static void test_lowhex(void **state)
{
	struct vs_db *db = *state;
	struct vs_err err = VS_ERR_INIT;
	sqlite3_stmt *st;

	assert_int_equal(vs_db_first(db, HEX, &st, NULL, ""), 1);
	assert_string_equal((const char *)sqlite3_column_text(st, 0), "00ff7a");
	assert_int_equal(sqlite3_column_type(st, 1), SQLITE_NULL);
	assert_string_equal((const char *)sqlite3_column_text(st, 2), "");
	sqlite3_reset(st);
	assert_int_equal(vs_db_run(db, LONG, &err, "i", (int64_t)64), 0);
	assert_int_equal(
	    vs_db_run(db, LONG, &err, "i", (int64_t)65), VS_ELIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ordinal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lowhex, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
