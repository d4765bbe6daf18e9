/*
 * A sync that fails leaves pages that can be read and are not on the disk.
 * What is committed after the database was opened again must survive a power
 * cut all the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/db/db.h"
#include "tests/sim/memvfs.h"

#define SEEDS 300

enum { SQL_ADD, SQL_COUNT, SQLS };

static const char *const migrations[] = {
	"CREATE TABLE t(k INTEGER PRIMARY KEY, v BLOB)"
};
static const char *const sql[SQLS] = {
	[SQL_ADD] = "INSERT INTO t(v) VALUES(zeroblob(?))",
	[SQL_COUNT] = "SELECT count(*) FROM t",
};

static int open_it(struct vs_db **db)
{
	struct vs_db_options o = { .path = "gap.db",
		.vfs = "memvfs-gap",
		.migrations = migrations,
		.version = 1,
		.sql = sql,
		.sql_count = SQLS };

	return vs_db_open(db, &o, NULL);
}

static bool add(struct vs_db *db, int64_t size)
{
	if (vs_db_begin(db, NULL) < 0)
		return false;
	if (vs_db_run(db, SQL_ADD, NULL, "i", size) == VS_OK &&
	    vs_db_commit(db, NULL) == VS_OK)
		return true;
	vs_db_rollback(db);
	return false;
}

static int64_t count(struct vs_db *db)
{
	struct vs_err err = VS_ERR_INIT;
	sqlite3_stmt *st = vs_db_stmt(db, SQL_COUNT, &err);
	int64_t n = -1;

	if (st && vs_db_step(db, st, &err) == 1)
		n = sqlite3_column_int64(st, 0);
	if (st)
		sqlite3_reset(st);
	return n;
}

/* Commits until a sync fails and goes on failing, as a bad disk does. */
static int64_t until_failure(struct memvfs *v, struct vs_db *db, int64_t some)
{
	struct memvfs_fault fault = {
		.ops = MEMVFS_BIT(MEMVFS_SYNC), .after = some, .stays = true
	};
	int64_t acked = 0;

	memvfs_fail(v, &fault);
	while (add(db, 2000 + 700 * acked))
		acked++;
	return acked;
}

static void test_nothing_follows_a_gap(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct vs_rand rand;
		struct memvfs *v;
		struct vs_db *db;
		int64_t acked;

		vs_rand_seed(&rand, seed);
		v = memvfs_new("memvfs-gap", &rand);
		assert_int_equal(open_it(&db), VS_OK);
		acked = until_failure(v, db, (int64_t)(seed % 7));
		vs_db_close(db);
		memvfs_heal(v);
		assert_int_equal(open_it(&db), VS_OK);
		for (int i = 0; i < 5; i++)
			acked += add(db, 500);
		memvfs_halt(v);
		vs_db_close(db);
		memvfs_crash(v);
		assert_int_equal(open_it(&db), VS_OK);
		assert_int_equal(vs_db_check(db, NULL), VS_OK);
		assert_true(count(db) >= acked);
		vs_db_close(db);
		memvfs_free(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_follows_a_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
