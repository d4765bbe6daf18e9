/* Rows in memory that statements read as a table. */
#include "common/db/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const char *const migrations[] = {
	"CREATE TABLE t(k TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;",
};

enum { PUT, FIND, SUM, COUNT };

static const char *const sql[] = {
	[PUT] = "INSERT OR FAIL INTO t(k, n) SELECT k, n FROM mine",
	[FIND] = "SELECT t.k, t.n FROM mine m CROSS JOIN t WHERE t.k = m.k",
	[SUM] = "SELECT sum(a.n * b.n), count(*) FROM mine a, mine b",
	[COUNT] = "SELECT count(*) FROM t",
};

struct pair {
	const char *k;
	int64_t n; /* negative: NULL */
};

static void column(const void *at, size_t i, int col, sqlite3_context *x)
{
	const struct pair *p = (const struct pair *)at + i;

	if (col == 0)
		sqlite3_result_text(x, p->k, -1, SQLITE_STATIC);
	else if (p->n >= 0)
		sqlite3_result_int64(x, p->n);
}

struct fixture {
	struct vs_db *db;
	struct vs_rows mine;
};

static int setup(void **state)
{
	static struct fixture f;
	const struct vs_db_options o = { .path = ":memory:",
		.migrations = migrations,
		.version = 1,
		.sql = sql,
		.sql_count = sizeof(sql) / sizeof(sql[0]) };

	f.mine = (struct vs_rows){
		.name = "mine", .columns = "k, n", .column = column
	};
	assert_int_equal(vs_db_open(&f.db, &o, NULL), VS_OK);
	assert_int_equal(vs_rows_attach(f.db, &f.mine, NULL), VS_OK);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	vs_db_close(((struct fixture *)*state)->db);
	return 0;
}

static void set(struct fixture *f, const struct pair *at, size_t n)
{
	f->mine.at = at;
	f->mine.count = n;
}

static int64_t number(struct fixture *f, int statement, int col)
{
	sqlite3_stmt *st;
	int64_t n;

	assert_int_equal(vs_db_first(f->db, statement, &st, NULL, ""), 1);
	n = sqlite3_column_int64(st, col);
	sqlite3_reset(st);
	return n;
}

/* What FIND finds, in its order. */
static const char *find(struct fixture *f, char out[64])
{
	sqlite3_stmt *st = vs_db_stmt(f->db, FIND, NULL);

	assert_non_null(st);
	out[0] = '\0';
	while (vs_db_step(f->db, st, NULL) == 1)
		(void)snprintf(out + strlen(out), 64 - strlen(out), "%s%d ",
		    (const char *)sqlite3_column_text(st, 0),
		    sqlite3_column_int(st, 1));
	return out;
}

static void test_write_and_find(void **state)
{
	static const struct pair some[] = { { "b", 2 }, { "a", 1 },
		{ "c", 3 } };
	static const struct pair asked[] = { { "c", 0 }, { "x", 0 },
		{ "a", 0 } };
	struct fixture *f = *state;
	char out[64];

	set(f, some, 3);
	assert_int_equal(vs_db_run(f->db, PUT, NULL, ""), VS_OK);
	assert_int_equal(number(f, COUNT, 0), 3);
	set(f, asked, 3);
	assert_string_equal(find(f, out), "c3 a1 ");
	/* the same statement with other rows */
	set(f, asked + 2, 1);
	assert_string_equal(find(f, out), "a1 ");
	set(f, NULL, 0);
	assert_string_equal(find(f, out), "");
	assert_int_equal(vs_db_run(f->db, PUT, NULL, ""), VS_OK);
	assert_int_equal(number(f, COUNT, 0), 3);
}

/* Each cursor of a statement is at a row of its own. */
static void test_twice_in_one(void **state)
{
	static const struct pair some[] = { { "b", 2 }, { "a", 1 },
		{ "c", 4 } };
	struct fixture *f = *state;

	set(f, some, 3);
	assert_int_equal(number(f, SUM, 0), 49);
	assert_int_equal(number(f, SUM, 1), 9);
}

/* A row that is refused ends the statement, and is told. */
static void test_refused(void **state)
{
	static const struct pair twice[] = { { "a", 1 }, { "a", 2 },
		{ "b", 3 } };
	static const struct pair none[] = { { "z", -1 } };
	struct fixture *f = *state;

	assert_int_equal(vs_db_begin(f->db, NULL), VS_OK);
	set(f, twice, 3);
	assert_int_equal(vs_db_run(f->db, PUT, NULL, ""), VS_EEXIST);
	vs_db_rollback(f->db);
	assert_int_equal(number(f, COUNT, 0), 0);
	set(f, none, 1);
	assert_int_equal(vs_db_run(f->db, PUT, NULL, ""), VS_ECONFLICT);
	assert_int_equal(number(f, COUNT, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_write_and_find, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_twice_in_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
