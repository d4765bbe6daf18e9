#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "agent/scan/compare.h"
#include "agent/state/manifest.h"
#include "agent/state/past.h"
#include "agent/state/state_sql.h"
#include "tests/unit/scratch.h"

/* Makes the database that a program of the first schema left. */
static void make_first(const char *path)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, state_sql_migrations[0], NULL, NULL, &why) !=
		SQLITE_OK ||
	    sqlite3_exec(db,
		"INSERT INTO entries VALUES(1, x'66', 0, 5, 1000, 2000, 7, "
		"420, NULL, NULL, 0, 1); PRAGMA user_version = 1",
		NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(db);
}

/* Rows that are older than the birth's column are no difference. */
static void test_first_schema(void **state)
{
	const char *path = scratch_at(*state, "state.db");
	struct manifest_row *row = malloc(sizeof(*row));
	struct disk_stat seen = {
		.kind = VS_KIND_FILE,
		.size = 5,
		.mtime_ns = 1000,
		.ctime_ns = 2000,
		.born_ns = 99,
		.ino = 7,
		.mode = 0644,
	};
	struct state s;

	make_first(path);
	assert_int_equal(state_open(&s, path, NULL, NULL), VS_OK);
	assert_int_equal(manifest_get(&s, "f", row, NULL), 1);
	assert_int_equal(row->stat.born_ns, 0);
	assert_int_equal(row->stat.mode, 0644);
	assert_true(row->synced);
	assert_int_equal(compare_stat(&seen, &row->stat), COMPARE_SAME);
	state_close(&s);
	free(row);
}

static int first_row(
    void *arg, const char *name, const struct manifest_row *row)
{
	assert_string_equal(name, "f");
	*(struct manifest_row *)arg = *row;
	return 0;
}

/* What was put comes back, one by one and in a folder's list. */
static void test_round(void **state)
{
	const char *path = scratch_at(*state, "state.db");
	struct manifest_row *row = calloc(3, sizeof(*row));
	struct state s;

	row[0].stat = (struct disk_stat){
		.kind = VS_KIND_FILE,
		.size = 1,
		.mtime_ns = 2,
		.ctime_ns = 3,
		.born_ns = 4,
		.ino = UINT64_MAX - 5,
		.mode = 06,
	};
	row[0].has_hash = true;
	memset(row[0].hash, 7, sizeof(row[0].hash));
	row[0].racy = true;
	assert_int_equal(state_open(&s, path, NULL, NULL), VS_OK);
	assert_int_equal(manifest_put(&s, "d/f", row, NULL, NULL), VS_OK);
	assert_int_equal(manifest_get(&s, "d/f", row + 1, NULL), 1);
	assert_int_equal(
	    compare_stat(&row[1].stat, &row[0].stat), COMPARE_SAME);
	assert_int_equal(row[1].stat.born_ns, 4);
	assert_memory_equal(row[1].hash, row[0].hash, sizeof(row->hash));
	assert_true(row[1].has_hash && row[1].racy && !row[1].synced);
	assert_int_equal(manifest_list(&s, "d", first_row, row + 2, NULL), 0);
	assert_int_equal(
	    compare_stat(&row[2].stat, &row[0].stat), COMPARE_SAME);
	assert_int_equal(row[2].stat.born_ns, 4);
	assert_true(row[2].racy && !row[2].synced);
	state_close(&s);
	free(row);
}

static int next_path(void *arg, const char *path)
{
	strcat(arg, path);
	strcat(arg, " ");
	return 0;
}

/* How many conflict copies there are, and the first of them. */
static int64_t conflicts(struct state *s, int limit, char paths[1000])
{
	struct vs_err err = VS_ERR_INIT;
	sqlite3_stmt *st;
	int64_t n;

	paths[0] = '\0';
	assert_int_equal(
	    manifest_conflicts(s, limit, next_path, paths, &err), VS_OK);
	assert_int_equal(
	    vs_db_first(s->db, SQL_CONFLICT_COUNT, &st, &err, ""), 1);
	n = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return n;
}

/* They are told by the name alone, as rows come and go. */
static void test_conflicts(void **state)
{
	const char *path = scratch_at(*state, "state.db");
	static const char *const names[] = { "b.sync-conflict-1-2-X.mov",
		"d/a.mov", "d/a.sync-conflict-1-2-X.mov", "d/sync-conflict-1",
		"d/e/x.SYNC-conflict-1", "d/e/y.sync-conflict-3" };
	struct manifest_row *row = calloc(1, sizeof(*row));
	char paths[1000];
	struct state s;

	assert_int_equal(state_open(&s, path, NULL, NULL), VS_OK);
	assert_int_equal(conflicts(&s, 10, paths), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(
		    manifest_put(&s, names[i], row, NULL, NULL), VS_OK);
	assert_int_equal(conflicts(&s, 10, paths), 3);
	assert_string_equal(paths,
	    "b.sync-conflict-1-2-X.mov d/a.sync-conflict-1-2-X.mov "
	    "d/e/y.sync-conflict-3 ");
	assert_int_equal(conflicts(&s, 1, paths), 3);
	assert_string_equal(paths, "b.sync-conflict-1-2-X.mov ");
	assert_int_equal(manifest_drop(&s, names[0], row, NULL), VS_OK);
	assert_int_equal(conflicts(&s, 1, paths), 2);
	assert_string_equal(paths, "d/a.sync-conflict-1-2-X.mov ");
	state_close(&s);
	free(row);
}

/* Names of one inode that are known otherwise than row says. */
static void test_stale(void **state)
{
	const char *path = scratch_at(*state, "state.db");
	struct manifest_row *row = calloc(1, sizeof(*row));
	char found[VS_PATH_MAX + 1];
	struct state s;

	row->stat = (struct disk_stat){
		.kind = VS_KIND_FILE,
		.size = 1,
		.mtime_ns = 2,
		.ctime_ns = 3,
		.ino = 7,
		.mode = 0644,
	};
	assert_int_equal(state_open(&s, path, NULL, NULL), VS_OK);
	assert_int_equal(manifest_put(&s, "no hash", row, NULL, NULL), VS_OK);
	row->has_hash = true;
	assert_int_equal(manifest_put(&s, "same", row, NULL, NULL), VS_OK);
	row->stat.ctime_ns++;
	assert_int_equal(manifest_put(&s, "relinked", row, NULL, NULL), VS_OK);
	assert_int_equal(manifest_stale(&s, row, 0, found, NULL), 1);
	assert_string_equal(found, "no hash");
	assert_int_equal(manifest_stale(&s, row, 1, found, NULL), 0);
	row->stat.ino++;
	assert_int_equal(manifest_put(&s, "stranger", row, NULL, NULL), VS_OK);
	assert_int_equal(manifest_stale(&s, row, 0, found, NULL), 0);
	row->stat.ino--;
	row->stat.mtime_ns++;
	assert_int_equal(manifest_put(&s, "d/e/f", row, NULL, NULL), VS_OK);
	row->stat.mtime_ns--;
	row->hash[31] = 1;
	assert_int_equal(manifest_put(&s, "new", row, NULL, NULL), VS_OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(manifest_stale(&s, row, i, found, NULL), 1);
	assert_int_equal(manifest_stale(&s, row, 4, found, NULL), 0);
	state_close(&s);
	free(row);
}

/* How many rows may know the content of row's file, by either statement. */
static int kin_count(struct state *s, const struct manifest_row *row)
{
	struct manifest_kin *kin = malloc(sizeof(*kin));
	int n = 0;

	for (int nth = 0; nth < 3; nth++)
		n += manifest_kin(s, &row->stat, nth, kin, NULL) == 1;
	free(kin);
	/* what has one is never said to have none */
	if (n > 0)
		assert_int_equal(manifest_has_kin(s, &row->stat, NULL), 1);
	return n;
}

/* A file that moved may be known; a racy row, or one without hash, is not. */
static void test_kin(void **state)
{
	const char *path = scratch_at(*state, "state.db");
	struct manifest_row *row = calloc(1, sizeof(*row));
	struct manifest_kin *kin = malloc(sizeof(*kin));
	struct manifest_row moved;
	struct state s;

	assert_int_equal(state_open(&s, path, NULL, NULL), VS_OK);
	row->stat = (struct disk_stat){
		.kind = VS_KIND_FILE,
		.size = 5,
		.mtime_ns = 1000000001,
		.ctime_ns = 2000000001,
		.born_ns = 500000001,
		.ino = 7,
		.mode = 0644,
	};
	moved = *row;
	moved.stat.ctime_ns++;
	for (int i = 0; i < 4; i++) {
		row->racy = (i & 1) != 0;
		row->has_hash = (i & 2) == 0;
		assert_int_equal(manifest_put(&s, "f", row, NULL, NULL), VS_OK);
		assert_int_equal(kin_count(&s, row), i == 0);
		assert_int_equal(kin_count(&s, &moved), i == 0);
		assert_int_equal(past_clear(&s, NULL), VS_OK);
		assert_int_equal(past_keep(&s, "f", row, NULL), VS_OK);
		assert_int_equal(past_find(&s, &moved.stat, kin, NULL), i == 0);
	}
	moved.stat.ino = 8;
	assert_int_equal(manifest_has_kin(&s, &moved.stat, NULL), 0);
	state_close(&s);
	free(kin);
	free(row);
}

static void put_kind(struct state *s, const char *path, enum vs_kind kind,
    const struct manifest_row *old)
{
	struct manifest_row *row = calloc(1, sizeof(*row));

	row->stat.kind = kind;
	assert_int_equal(manifest_put(s, path, row, old, NULL), VS_OK);
	free(row);
}

/* A folder is known to be one until its row says otherwise. */
static void test_is_dir(void **state)
{
	const char *path = scratch_at(*state, "state.db");
	struct manifest_row *dir = calloc(1, sizeof(*dir));
	struct state s;

	dir->stat.kind = VS_KIND_DIR;
	assert_int_equal(state_open(&s, path, NULL, NULL), VS_OK);
	put_kind(&s, "d/f", VS_KIND_FILE, NULL);
	assert_int_equal(manifest_is_dir(&s, "d", NULL), 0);
	assert_int_equal(manifest_is_dir(&s, "d/f", NULL), 0);
	put_kind(&s, "d", VS_KIND_DIR, NULL);
	assert_int_equal(manifest_is_dir(&s, "d", NULL), 1);
	assert_int_equal(manifest_is_dir(&s, "d", NULL), 1);
	assert_int_equal(manifest_is_dir(&s, "d/f", NULL), 0);
	put_kind(&s, "d", VS_KIND_SYMLINK, dir);
	assert_int_equal(manifest_is_dir(&s, "d", NULL), 0);
	put_kind(&s, "d", VS_KIND_DIR, NULL);
	assert_int_equal(manifest_is_dir(&s, "d", NULL), 1);
	assert_int_equal(manifest_drop(&s, "d", dir, NULL), VS_OK);
	assert_int_equal(manifest_is_dir(&s, "d", NULL), 0);
	assert_int_equal(vs_db_begin(s.db, NULL), VS_OK);
	put_kind(&s, "e", VS_KIND_DIR, NULL);
	put_kind(&s, "e/f", VS_KIND_FILE, NULL);
	assert_int_equal(manifest_is_dir(&s, "e", NULL), 1);
	vs_db_rollback(s.db);
	assert_int_equal(state_load_totals(&s, NULL), VS_OK);
	assert_int_equal(manifest_is_dir(&s, "e", NULL), 0);
	state_close(&s);
	free(dir);
}

static int sealed(struct state *s, const char *dir, uint8_t byte)
{
	uint8_t seal[VS_SHA256_SIZE];

	memset(seal, byte, sizeof(seal));
	return manifest_sealed(s, dir, seal, NULL);
}

static void seal(struct state *s, const char *dir, uint8_t byte)
{
	uint8_t text[VS_SHA256_SIZE];

	memset(text, byte, sizeof(text));
	assert_int_equal(manifest_seal(s, dir, text, NULL), VS_OK);
}

/* A folder's seal lasts until a row of it is written, and no longer. */
static void test_seal(void **state)
{
	const char *path = scratch_at(*state, "state.db");
	struct manifest_row *row = calloc(1, sizeof(*row));
	struct state s;

	assert_int_equal(state_open(&s, path, NULL, NULL), VS_OK);
	seal(&s, "none", 1);
	assert_int_equal(sealed(&s, "none", 1), 0);
	assert_int_equal(manifest_put(&s, "f", row, NULL, NULL), VS_OK);
	assert_int_equal(manifest_put(&s, "d/f", row, NULL, NULL), VS_OK);
	assert_int_equal(manifest_put(&s, "d/e/f", row, NULL, NULL), VS_OK);
	assert_int_equal(sealed(&s, "d", 1), 0);
	seal(&s, "", 1);
	seal(&s, "d", 2);
	seal(&s, "d/e", 3);
	assert_int_equal(sealed(&s, "", 1), 1);
	assert_int_equal(sealed(&s, "", 2), 0);
	assert_int_equal(manifest_put(&s, "d/f", row, row, NULL), VS_OK);
	assert_int_equal(sealed(&s, "d", 2), 0);
	seal(&s, "d", 4);
	assert_int_equal(manifest_drop(&s, "d/f", row, NULL), VS_OK);
	assert_int_equal(sealed(&s, "d", 4), 0);
	assert_int_equal(sealed(&s, "", 1), 1);
	assert_int_equal(sealed(&s, "d/e", 3), 1);
	state_close(&s);
	assert_int_equal(state_open(&s, path, NULL, NULL), VS_OK);
	assert_int_equal(sealed(&s, "d", 4), 0);
	assert_int_equal(sealed(&s, "", 1), 1);
	assert_int_equal(manifest_put(&s, "f", row, row, NULL), VS_OK);
	assert_int_equal(sealed(&s, "", 1), 0);
	state_close(&s);
	free(row);
}

/* A row that is not written after all leaves the seal as it was. */
static void test_seal_rollback(void **state)
{
	const char *path = scratch_at(*state, "state.db");
	struct manifest_row *row = calloc(1, sizeof(*row));
	struct state s;

	assert_int_equal(state_open(&s, path, NULL, NULL), VS_OK);
	assert_int_equal(manifest_put(&s, "d/f", row, NULL, NULL), VS_OK);
	seal(&s, "d", 1);
	assert_int_equal(vs_db_begin(s.db, NULL), VS_OK);
	assert_int_equal(manifest_put(&s, "d/f", row, row, NULL), VS_OK);
	vs_db_rollback(s.db);
	assert_int_equal(state_load_totals(&s, NULL), VS_OK);
	assert_int_equal(sealed(&s, "d", 1), 1);
	assert_int_equal(manifest_put(&s, "d/f", row, row, NULL), VS_OK);
	assert_int_equal(sealed(&s, "d", 1), 0);
	state_close(&s);
	free(row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_first_schema, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_round, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_conflicts, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_stale, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_kin, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_is_dir, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_seal, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_seal_rollback, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
