/* The log in large pieces: what is written when, and what others see. */
#include "common/db/walfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/db/db.h"

static const char *const migrations[] = {
	"CREATE TABLE t(k INTEGER PRIMARY KEY, x TEXT);",
};

enum { ADD, COUNT, WRONG };

static const char *const sql[] = {
	[ADD] = "INSERT INTO t(k, x) VALUES(?, ?)",
	[COUNT] = "SELECT count(*) FROM t",
	[WRONG] = "SELECT count(*) FROM t WHERE length(x) <> 1000",
};

/* The default VFS of this program counts what is written to logs. */
static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	sqlite3_io_methods methods;
	int (*write)(sqlite3_file *, const void *, int, sqlite3_int64);
	int writes;
	int fail_in; /* the write that fails; 0: none */
} disk;

static int disk_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	disk.writes++;
	if (disk.fail_in > 0 && --disk.fail_in == 0)
		return SQLITE_FULL;
	return disk.write(f, p, n, at);
}

static int disk_open(
    sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	int rc = disk.real->xOpen(disk.real, name, f, flags, out);

	(void)v;
	if (rc != SQLITE_OK || (flags & SQLITE_OPEN_WAL) == 0)
		return rc;
	disk.methods = *f->pMethods;
	disk.write = disk.methods.xWrite;
	disk.methods.xWrite = disk_write;
	f->pMethods = &disk.methods;
	return rc;
}

static void disk_register(void)
{
	disk.real = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.real;
	disk.vfs.zName = "counting";
	disk.vfs.pNext = NULL;
	disk.vfs.xOpen = disk_open;
	assert_int_equal(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
}

struct fixture {
	char dir[64];
	char path[96];
	struct vs_db_options o;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/vsync-walfile-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/x.db", f->dir);
	f->o = (struct vs_db_options){ .path = f->path,
		.migrations = migrations,
		.version = 1,
		.sql = sql,
		.sql_count = sizeof(sql) / sizeof(sql[0]) };
	disk.fail_in = 0;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	struct fixture *f = *state;
	char name[128];

	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", f->path, ends[i]);
		(void)unlink(name);
	}
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static struct vs_db *open_db(const struct vs_db_options *o)
{
	struct vs_db *db;

	assert_int_equal(vs_db_open(&db, o, NULL), VS_OK);
	return db;
}

static int add(struct vs_db *db, int from, int n)
{
	char text[1001];
	int rc = VS_OK;

	memset(text, 'x', 1000);
	text[1000] = '\0';
	for (int i = from; i < from + n && rc == VS_OK; i++)
		rc = vs_db_run(db, ADD, NULL, "it", (int64_t)i, text);
	return rc;
}

static int64_t number(struct vs_db *db, int statement)
{
	sqlite3_stmt *st;
	int64_t n;

	assert_int_equal(vs_db_first(db, statement, &st, NULL, ""), 1);
	n = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return n;
}

/* Writes to the log of a transaction of a hundred pages. */
static int writes_of(struct vs_db *db)
{
	disk.writes = 0;
	assert_int_equal(vs_db_begin(db, NULL), VS_OK);
	assert_int_equal(add(db, 0, 300), VS_OK);
	assert_int_equal(vs_db_commit(db, NULL), VS_OK);
	return disk.writes;
}

static void test_few_writes(void **state)
{
	struct fixture *f = *state;
	struct vs_db *db = open_db(&f->o);
	int n = writes_of(db);

	assert_in_range(n, 3, 8);
	vs_db_close(db);
	assert_int_equal(unlink(f->path), 0);
	/* the same below it: two a page */
	f->o.vfs = "counting";
	db = open_db(&f->o);
	assert_true(writes_of(db) >= 150);
	vs_db_close(db);
}

/* A commit that was told is there for every reader. */
static void test_readers(void **state)
{
	struct fixture *f = *state;
	struct vs_db_options o = f->o;
	struct vs_db *db = open_db(&f->o), *reader;

	o.readonly = true;
	reader = open_db(&o);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(vs_db_begin(db, NULL), VS_OK);
		assert_int_equal(add(db, i * 50, 50), VS_OK);
		assert_int_equal(number(reader, COUNT), i * 50);
		assert_int_equal(vs_db_commit(db, NULL), VS_OK);
		assert_int_equal(number(reader, COUNT), (i + 1) * 50);
		assert_int_equal(number(reader, WRONG), 0);
	}
	assert_int_equal(vs_db_check(reader, NULL), VS_OK);
	vs_db_close(reader);
	vs_db_close(db);
}

/* Pages that do not fit into memory go to the log, and come back from it. */
static void test_spill(void **state)
{
	struct fixture *f = *state;
	struct vs_db *db;

	f->o.cache_kib = 64;
	db = open_db(&f->o);
	assert_int_equal(vs_db_begin(db, NULL), VS_OK);
	assert_int_equal(add(db, 0, 2000), VS_OK);
	assert_int_equal(number(db, WRONG), 0);
	assert_int_equal(number(db, COUNT), 2000);
	vs_db_rollback(db);
	assert_int_equal(number(db, COUNT), 0);
	/* over what was taken back, at the same place of the log */
	assert_int_equal(vs_db_begin(db, NULL), VS_OK);
	assert_int_equal(add(db, 5000, 1000), VS_OK);
	assert_int_equal(vs_db_commit(db, NULL), VS_OK);
	assert_int_equal(vs_db_checkpoint(db, NULL), VS_OK);
	assert_int_equal(number(db, COUNT), 1000);
	assert_int_equal(vs_db_check(db, NULL), VS_OK);
	vs_db_close(db);
	db = open_db(&f->o);
	assert_int_equal(number(db, COUNT), 1000);
	assert_int_equal(number(db, WRONG), 0);
	vs_db_close(db);
}

/* What was taken back does not come after what another one wrote there. */
static void test_two_writers(void **state)
{
	struct fixture *f = *state;
	struct vs_db *a, *b;

	f->o.cache_kib = 64;
	a = open_db(&f->o);
	b = open_db(&f->o);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(vs_db_begin(a, NULL), VS_OK);
		assert_int_equal(add(a, 100000, 200 + i), VS_OK);
		if (i % 2 == 0) {
			vs_db_rollback(a);
		} else {
			vs_db_close(a);
			a = open_db(&f->o);
		}
		assert_int_equal(vs_db_begin(b, NULL), VS_OK);
		assert_int_equal(add(b, i * 500, 500), VS_OK);
		assert_int_equal(vs_db_commit(b, NULL), VS_OK);
		assert_int_equal(number(a, COUNT), (i + 1) * 500);
		assert_int_equal(number(a, WRONG), 0);
		assert_int_equal(vs_db_check(b, NULL), VS_OK);
	}
	vs_db_close(a);
	vs_db_close(b);
}

/* Whichever piece is refused, the commit is, and nothing of it is left. */
static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct vs_db *db = open_db(&f->o);

	assert_int_equal(add(db, 0, 10), VS_OK);
	for (int i = 1; i <= 3; i++) {
		disk.fail_in = i;
		assert_int_equal(vs_db_begin(db, NULL), VS_OK);
		assert_int_equal(add(db, 1000, 300), VS_OK);
		assert_int_equal(vs_db_commit(db, NULL), VS_ENOSPC);
		vs_db_rollback(db);
		vs_db_close(db);
		assert_int_equal(disk.fail_in, 0);
		db = open_db(&f->o);
		assert_int_equal(number(db, COUNT), 10);
		assert_int_equal(vs_db_check(db, NULL), VS_OK);
	}
	vs_db_close(db);
}

int main(void)
{
#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_DIR(test_few_writes),
		WITH_DIR(test_readers),
		WITH_DIR(test_spill),
		WITH_DIR(test_two_writers),
		WITH_DIR(test_refused),
	};

	disk_register();
	vs_walfile_register();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
