/*
 * The simulator's disk below SQLite: it must keep what was synced, lose what
 * was not, and fail when told to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "tests/sim/medium.h"
#include "tests/sim/memvfs.h"

#define VFS "memvfs-test"
#define SEEDS 200

/* A disk, its chance, and how many rows were acknowledged on it. */
struct fixture {
	struct vs_rand rand;
	struct memvfs *v;
	int acked;
};

static void fixture_open(struct fixture *f, uint64_t seed)
{
	vs_rand_seed(&f->rand, seed);
	f->v = memvfs_new(VFS, &f->rand);
	f->acked = 0;
}

static sqlite3 *db_open(const char *pragmas)
{
	sqlite3 *db = NULL;

	if (sqlite3_open_v2("a.db", &db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, VFS) != SQLITE_OK ||
	    sqlite3_exec(db, pragmas, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(db,
		"CREATE TABLE IF NOT EXISTS t(k INTEGER PRIMARY KEY, v BLOB)",
		NULL, NULL, NULL) != SQLITE_OK) {
		sqlite3_close(db);
		return NULL;
	}
	return db;
}

static bool db_insert(sqlite3 *db, int k)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "INSERT INTO t VALUES(%d, zeroblob(%d))", k,
	    100 + k * 37 % 5000);
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static int db_int(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int value = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		value = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return value;
}

static bool db_whole(sqlite3 *db)
{
	return db_int(db,
		   "SELECT integrity_check = 'ok' FROM "
		   "pragma_integrity_check") == 1;
}

/* Inserts until n are acknowledged or one fails. */
static void fixture_fill(struct fixture *f, sqlite3 *db, int n)
{
	while (f->acked < n && db_insert(db, f->acked + 1))
		f->acked++;
}

#define WAL_FULL "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
#define WAL_NORMAL "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
#define WAL_SMALL WAL_FULL "PRAGMA wal_autocheckpoint=8;"
#define ROLLBACK "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA;"

static void test_keeps_over_close(void **state)
{
	struct fixture f;
	sqlite3 *db;

	(void)state;
	fixture_open(&f, 1);
	db = db_open(WAL_FULL);
	assert_non_null(db);
	fixture_fill(&f, db, 50);
	assert_true(memvfs_exists(f.v, "a.db-wal"));
	sqlite3_close(db);
	assert_false(memvfs_exists(f.v, "a.db-wal"));
	db = db_open(WAL_FULL);
	assert_int_equal(db_int(db, "SELECT count(*) FROM t"), 50);
	assert_true(db_whole(db));
	sqlite3_close(db);
	memvfs_free(f.v);
}

static void test_two_connections(void **state)
{
	struct fixture f;
	sqlite3 *w, *r;

	(void)state;
	fixture_open(&f, 2);
	w = db_open(WAL_FULL);
	r = db_open(WAL_FULL);
	sqlite3_exec(r, "BEGIN; SELECT * FROM t", NULL, NULL, NULL);
	assert_true(db_insert(w, 1));
	assert_int_equal(db_int(r, "SELECT count(*) FROM t"), 0);
	sqlite3_exec(r, "COMMIT", NULL, NULL, NULL);
	assert_int_equal(db_int(r, "SELECT count(*) FROM t"), 1);
	sqlite3_exec(w, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	assert_false(db_insert(r, 2));
	assert_int_equal(sqlite3_errcode(r), SQLITE_BUSY);
	sqlite3_exec(w, "COMMIT", NULL, NULL, NULL);
	assert_true(db_insert(r, 2));
	sqlite3_close(r);
	sqlite3_close(w);
	memvfs_free(f.v);
}

/* Rows acknowledged and then lost by a power cut; -1: database corrupt. */
static int lost_by_crash(uint64_t seed, const char *pragmas, bool lie)
{
	struct fixture f;
	sqlite3 *db;
	int rows;

	fixture_open(&f, seed);
	db = db_open(pragmas);
	memvfs_nosync(f.v, lie);
	fixture_fill(&f, db, 5 + (int)(seed % 40));
	memvfs_halt(f.v);
	sqlite3_close(db);
	memvfs_crash(f.v);
	db = db_open(pragmas);
	rows = db && db_whole(db) ? db_int(db, "SELECT count(*) FROM t") : -1;
	sqlite3_close(db);
	memvfs_free(f.v);
	return rows < 0 ? -1 : f.acked - rows;
}

static void test_crash_full(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		assert_int_equal(lost_by_crash(seed, WAL_FULL, false), 0);
		assert_int_equal(lost_by_crash(seed, WAL_SMALL, false), 0);
		assert_int_equal(lost_by_crash(seed, ROLLBACK, false), 0);
	}
}

static void test_crash_normal_loses(void **state)
{
	int lost = 0;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		int n = lost_by_crash(seed, WAL_NORMAL, false);

		assert_true(n >= 0); /* less durable, never corrupt */
		lost += n > 0;
	}
	assert_true(lost > SEEDS / 4);
}

static void test_lying_sync_loses(void **state)
{
	int lost = 0;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++)
		lost += lost_by_crash(seed, WAL_SMALL, true) != 0;
	assert_true(lost > SEEDS / 4);
}

/* One scripted run with a fault, then a power cut; false: no fault hit. */
static bool fault_run(uint64_t seed, struct memvfs_fault fault)
{
	const struct memvfs_stats *s;
	struct fixture f;
	sqlite3 *db;
	bool hit = false;

	fixture_open(&f, seed);
	db = db_open(WAL_SMALL);
	memvfs_fail(f.v, &fault);
	fixture_fill(&f, db, 30);
	s = memvfs_stats(f.v);
	for (int i = 0; i < MEMVFS_OPS; i++)
		hit |= s->failed[i] > 0;
	memvfs_halt(f.v);
	sqlite3_close(db);
	memvfs_crash(f.v);
	db = db_open(WAL_SMALL);
	assert_non_null(db);
	assert_true(db_whole(db));
	assert_true(db_int(db, "SELECT count(*) FROM t") >= f.acked);
	sqlite3_close(db);
	memvfs_free(f.v);
	return hit;
}

static void test_fault_sweep(void **state)
{
	static const unsigned kinds[] = { MEMVFS_BIT(MEMVFS_READ),
		MEMVFS_BIT(MEMVFS_WRITE), MEMVFS_BIT(MEMVFS_SYNC),
		MEMVFS_MUTATING };
	int hits = 0;

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (int n = 0; n < 1000; n++) {
			struct memvfs_fault f = {
				.ops = kinds[k], .after = n, .stays = n % 2
			};

			if (!fault_run((uint64_t)n, f))
				break;
			hits++;
		}
	}
	assert_true(hits > 200);
}

static void test_error_codes(void **state)
{
	struct memvfs_fault full = { .ops = MEMVFS_BIT(MEMVFS_WRITE),
		.code = SQLITE_FULL };
	struct memvfs_fault torn = { .ops = MEMVFS_BIT(MEMVFS_READ),
		.code = SQLITE_IOERR_SHORT_READ };
	struct fixture f;
	sqlite3 *db;

	(void)state;
	fixture_open(&f, 3);
	db = db_open(WAL_FULL);
	memvfs_fail(f.v, &full);
	assert_false(db_insert(db, 1));
	assert_int_equal(sqlite3_errcode(db), SQLITE_FULL);
	assert_true(db_insert(db, 1));
	sqlite3_close(db);
	memvfs_fail(f.v, &torn);
	db = db_open(WAL_FULL);
	assert_int_equal(memvfs_stats(f.v)->failed[MEMVFS_READ], 1);
	sqlite3_close(db);
	memvfs_free(f.v);
}

static void test_disk_full(void **state)
{
	struct fixture f;
	sqlite3 *db;

	(void)state;
	fixture_open(&f, 4);
	db = db_open(WAL_FULL);
	memvfs_budget(f.v, 100000);
	fixture_fill(&f, db, 1000);
	assert_int_equal(sqlite3_errcode(db), SQLITE_FULL);
	assert_true(f.acked > 3 && f.acked < 1000);
	assert_true(memvfs_stats(f.v)->full > 0);
	memvfs_budget(f.v, -1);
	assert_int_equal(db_int(db, "SELECT count(*) FROM t"), f.acked);
	fixture_fill(&f, db, 200);
	assert_int_equal(f.acked, 200);
	assert_true(db_whole(db));
	sqlite3_close(db);
	memvfs_free(f.v);
}

static void test_kill_keeps_cache(void **state)
{
	struct fixture f;
	sqlite3 *db, *old;

	(void)state;
	fixture_open(&f, 5);
	old = db_open(WAL_NORMAL);
	fixture_fill(&f, old, 40);
	memvfs_kill(f.v);
	db = db_open(WAL_NORMAL);
	assert_int_equal(db_int(db, "SELECT count(*) FROM t"), 40);
	assert_false(db_insert(old, 41)); /* a handle of the past */
	assert_true(db_insert(db, 41));
	sqlite3_close(old);
	assert_true(db_whole(db));
	sqlite3_close(db);
	memvfs_free(f.v);
}

static void test_names_need_a_sync(void **state)
{
	struct vs_rand rand;
	int kept = 0, back = 0;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct medium *m;
		struct medium_file *f;

		vs_rand_seed(&rand, seed);
		m = medium_new(&rand);
		medium_close(medium_open(m, "old", true, NULL));
		medium_sync_names(m);
		f = medium_open(m, "new", true, NULL);
		medium_write(f, "x", 1, 0);
		medium_sync(f);
		medium_close(f);
		medium_remove(m, "old");
		medium_crash(m);
		kept += medium_exists(m, "new");
		back += medium_exists(m, "old");
		/* the removal came last: it cannot survive alone */
		assert_true(medium_exists(m, "new") || medium_exists(m, "old"));
		medium_free(m);
	}
	assert_in_range(kept, SEEDS / 4, SEEDS - SEEDS / 8);
	assert_in_range(back, SEEDS / 4, SEEDS - SEEDS / 8);
}

static void test_failed_sync_is_lost(void **state)
{
	struct vs_rand rand;
	int lost = 0;
	char c;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct medium *m;
		struct medium_file *f;

		vs_rand_seed(&rand, seed);
		m = medium_new(&rand);
		f = medium_open(m, "f", true, NULL);
		medium_sync_names(m);
		medium_write(f, "x", 1, 0);
		medium_sync_failed(f);
		medium_sync(f);
		assert_int_equal(medium_read(f, &c, 1, 0), 1);
		medium_crash(m);
		lost += medium_read(f, &c, 1, 0) == 0;
		medium_close(f);
		medium_free(m);
	}
	assert_in_range(lost, SEEDS / 4, SEEDS - SEEDS / 4);
}

static void test_crash_tears_at_sectors(void **state)
{
	static char data[MEDIUM_SECTOR * 4], got[MEDIUM_SECTOR * 4];
	struct vs_rand rand;
	int mixed = 0;

	(void)state;
	memset(data, 'n', sizeof(data));
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct medium *m;
		struct medium_file *f;
		int news = 0;

		vs_rand_seed(&rand, seed);
		m = medium_new(&rand);
		f = medium_open(m, "f", true, NULL);
		medium_truncate(f, sizeof(data));
		medium_sync(f);
		medium_sync_names(m);
		medium_write(f, data, sizeof(data), 0);
		medium_crash(m);
		assert_int_equal(
		    medium_read(f, got, sizeof(got), 0), sizeof(got));
		for (int i = 0; i < 4; i++) {
			char *s = got + (size_t)i * MEDIUM_SECTOR;

			news += *s == 'n';
			for (int j = 1; j < MEDIUM_SECTOR; j++)
				assert_int_equal(s[j], *s);
		}
		mixed += news > 0 && news < 4;
		medium_close(f);
		medium_free(m);
	}
	assert_true(mixed > SEEDS / 8);
}

static void test_same_seed_same_crash(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++)
		assert_int_equal(lost_by_crash(seed, WAL_NORMAL, false),
		    lost_by_crash(seed, WAL_NORMAL, false));
}

static void test_bit_rot(void **state)
{
	struct fixture f;
	sqlite3 *db;

	(void)state;
	fixture_open(&f, 6);
	db = db_open(WAL_FULL);
	fixture_fill(&f, db, 100);
	sqlite3_close(db);
	assert_false(memvfs_flip(f.v, "a.db", 1 << 30));
	assert_false(memvfs_flip(f.v, "b.db", 0));
	for (int off = 4096; off < 4096 + 64; off++)
		assert_true(memvfs_flip(f.v, "a.db", off));
	db = db_open(WAL_FULL);
	assert_true(!db || !db_whole(db));
	sqlite3_close(db);
	memvfs_free(f.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_over_close),
		cmocka_unit_test(test_two_connections),
		cmocka_unit_test(test_crash_full),
		cmocka_unit_test(test_crash_normal_loses),
		cmocka_unit_test(test_lying_sync_loses),
		cmocka_unit_test(test_fault_sweep),
		cmocka_unit_test(test_error_codes),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_kill_keeps_cache),
		cmocka_unit_test(test_names_need_a_sync),
		cmocka_unit_test(test_failed_sync_is_lost),
		cmocka_unit_test(test_crash_tears_at_sectors),
		cmocka_unit_test(test_same_seed_same_crash),
		cmocka_unit_test(test_bit_rot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
