#include "common/db/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const migrations[] = {
	"CREATE TABLE a(x INTEGER PRIMARY KEY, y TEXT, z BLOB);",
	"CREATE TABLE b(x INTEGER REFERENCES a(x)); CREATE INDEX bx ON b(x);",
	"CREATE TABLE broken(",
};

enum { ADD, GET, ALL, REFER, BAD, DEL };

static const char *const sql[] = {
	[ADD] = "INSERT INTO a(x, y, z) VALUES(?, ?, ?)",
	[GET] = "SELECT y, z FROM a WHERE x = ?",
	[ALL] = "SELECT x FROM a ORDER BY x",
	[REFER] = "INSERT INTO b(x) VALUES(?)",
	[BAD] = "SELECT nothing FROM nowhere",
	[DEL] = "DELETE FROM a",
};

struct fixture {
	char dir[64];
	char path[96];
	struct vs_db_options o;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/vsync-db-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/a ?#%%.db", f->dir);
	f->o.path = f->path;
	f->o.migrations = migrations;
	f->o.version = 2;
	f->o.sql = sql;
	f->o.sql_count = sizeof(sql) / sizeof(sql[0]);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	free(f);
	return system(command);
}

static struct vs_db *open_db(struct fixture *f)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_db *db;

	if (vs_db_open(&db, &f->o, &err) < 0)
		fail_msg("%s", err.msg);
	return db;
}

static int refuse_db(struct fixture *f, struct vs_err *err)
{
	struct vs_db *db = (struct vs_db *)f;
	int rc = vs_db_open(&db, &f->o, err);

	assert_null(db);
	assert_int_equal(rc, err->code);
	assert_non_null(strstr(err->msg, f->o.path));
	return rc;
}

static int64_t ask(struct vs_db *db, const char *pragma)
{
	struct vs_err err = VS_ERR_INIT;
	sqlite3_stmt *st = NULL;
	sqlite3 *h = sqlite3_db_handle(vs_db_stmt(db, ALL, &err));
	int64_t v;

	assert_int_equal(sqlite3_prepare_v2(h, pragma, -1, &st, NULL), 0);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

static void add(struct vs_db *db, int64_t x)
{
	struct vs_err err = VS_ERR_INIT;

	if (vs_db_run(db, ADD, &err, "itn", x, "text") < 0)
		fail_msg("%s", err.msg);
}

static int64_t count(struct vs_db *db)
{
	return ask(db, "SELECT count(*) FROM a");
}

static void test_pragmas(void **state)
{
	struct vs_db *db = open_db(*state);
	struct stat st;

	assert_int_equal(ask(db, "PRAGMA synchronous"), 2); /* FULL */
	assert_int_equal(ask(db, "PRAGMA foreign_keys"), 1);
	assert_int_equal(ask(db, "PRAGMA trusted_schema"), 0);
	assert_int_equal(ask(db, "PRAGMA cell_size_check"), 1);
	assert_int_equal(ask(db, "PRAGMA wal_autocheckpoint"), 4000);
	assert_int_equal(ask(db, "PRAGMA user_version"), 2);
	assert_int_equal(
	    ask(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
	/* Nobody else's business. */
	assert_int_equal(stat(((struct fixture *)*state)->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	vs_db_close(db);
	vs_db_close(NULL);
}

static void test_values(void **state)
{
	struct vs_db *db = open_db(*state);
	struct vs_err err = VS_ERR_INIT;
	sqlite3_stmt *st;

	assert_int_equal(vs_db_run(db, ADD, &err, "ixb", (int64_t)1 << 40,
			     "text, cut", (size_t)4, "\0\1\2", (size_t)3),
	    VS_OK);
	assert_int_equal(vs_db_changes(db), 1);
	assert_true(vs_db_last_rowid(db) == (int64_t)1 << 40);
	assert_int_equal(vs_db_run(db, ADD, &err, "itb", (int64_t)2,
			     (const char *)NULL, (const void *)NULL, (size_t)0),
	    VS_OK);
	st = vs_db_stmt(db, GET, &err);
	assert_int_equal(vs_db_bind(st, &err, "i", (int64_t)1 << 40), VS_OK);
	assert_int_equal(vs_db_step(db, st, &err), 1);
	assert_string_equal(sqlite3_column_text(st, 0), "text");
	assert_int_equal(sqlite3_column_bytes(st, 1), 3);
	assert_int_equal(vs_db_step(db, st, &err), 0);
	/* Handed out again, it is reset and remembers nothing. */
	assert_ptr_equal(vs_db_stmt(db, GET, &err), st);
	assert_int_equal(vs_db_step(db, st, &err), 0);
	assert_int_equal(vs_db_bind(st, &err, "i", (int64_t)2), VS_OK);
	assert_int_equal(vs_db_step(db, st, &err), 1);
	assert_int_equal(sqlite3_column_type(st, 0), SQLITE_NULL);
	assert_int_equal(sqlite3_column_type(st, 1), SQLITE_NULL);
	vs_db_close(db); /* with a statement under way */
}

static void test_errors(void **state)
{
	struct vs_db *db = open_db(*state);
	struct vs_err err = VS_ERR_INIT;

	add(db, 1);
	assert_int_equal(
	    vs_db_run(db, ADD, &err, "inn", (int64_t)1), VS_EEXIST);
	assert_non_null(strstr(err.msg, "UNIQUE"));
	assert_int_equal(
	    vs_db_run(db, REFER, &err, "i", (int64_t)99), VS_ECONFLICT);
	assert_int_equal(vs_db_run(db, BAD, &err, ""), VS_EBUG);
	assert_null(vs_db_stmt(db, BAD, &err));
	assert_int_equal(vs_db_exec(db, "nonsense", &err), VS_EBUG);
	/* It still works. */
	assert_int_equal(vs_db_run(db, REFER, &err, "i", (int64_t)1), VS_OK);
	assert_int_equal(vs_db_check(db, &err), VS_OK);
	vs_db_close(db);
}

static void test_transactions(void **state)
{
	struct fixture *f = *state;
	struct vs_db *db = open_db(f);
	struct vs_err err = VS_ERR_INIT;

	assert_int_equal(vs_db_begin(db, &err), VS_OK);
	assert_true(vs_db_in_transaction(db));
	add(db, 1);
	vs_db_rollback(db);
	vs_db_rollback(db); /* again is nothing */
	assert_false(vs_db_in_transaction(db));
	assert_int_equal(count(db), 0);
	assert_int_equal(vs_db_begin(db, &err), VS_OK);
	add(db, 2);
	assert_int_equal(vs_db_commit(db, &err), VS_OK);
	assert_false(vs_db_in_transaction(db));
	assert_int_equal(vs_db_begin(db, &err), VS_OK);
	add(db, 3);
	vs_db_close(db); /* rolls back */
	db = open_db(f);
	assert_int_equal(count(db), 1);
	vs_db_close(db);
}

static void test_migrate_step_by_step(void **state)
{
	struct fixture *f = *state;
	struct vs_db *db;

	f->o.version = 0;
	vs_db_close(open_db(f));
	f->o.version = 1;
	db = open_db(f);
	add(db, 7);
	vs_db_close(db);
	f->o.version = 2;
	db = open_db(f);
	assert_int_equal(count(db), 1);
	assert_int_equal(ask(db, "SELECT count(*) FROM b"), 0);
	vs_db_close(db);
}

/* A migration that fails leaves the schema as it was. */
static void test_migrate_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	struct vs_err err = VS_ERR_INIT;
	struct vs_db *db;

	f->o.version = 1;
	db = open_db(f);
	add(db, 7);
	vs_db_close(db);
	f->o.version = 3;
	assert_int_equal(refuse_db(f, &err), VS_EBUG);
	f->o.version = 1;
	db = open_db(f);
	assert_int_equal(count(db), 1);
	assert_int_equal(
	    ask(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
	vs_db_close(db);
}

static size_t slurp(const char *path, char *out, size_t cap)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, out, cap);
	assert_true(n >= 0 && (size_t)n < cap);
	close(fd);
	return (size_t)n;
}

static int files_in(const char *dir)
{
	char command[128];
	FILE *p;
	int n = -1;

	snprintf(command, sizeof(command), "ls -A %s | wc -l", dir);
	p = popen(command, "r");
	assert_non_null(p);
	assert_int_equal(fscanf(p, "%d", &n), 1);
	pclose(p);
	return n;
}

static void test_newer_schema_is_left_alone(void **state)
{
	static char before[1 << 20];
	static char after[1 << 20];
	struct fixture *f = *state;
	struct vs_err err = VS_ERR_INIT;
	struct stat a;
	struct stat b;
	size_t len;

	vs_db_close(open_db(f));
	assert_int_equal(files_in(f->dir), 1);
	len = slurp(f->path, before, sizeof(before));
	assert_int_equal(stat(f->path, &a), 0);
	f->o.version = 1;
	for (int readonly = 0; readonly < 2; readonly++) {
		f->o.readonly = readonly == 1;
		assert_int_equal(refuse_db(f, &err), VS_ESCHEMA);
		assert_non_null(strstr(err.msg, "newer"));
	}
	assert_int_equal(stat(f->path, &b), 0);
	assert_int_equal(slurp(f->path, after, sizeof(after)), len);
	assert_memory_equal(before, after, len);
	assert_true(a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
	    a.st_mtim.tv_nsec == b.st_mtim.tv_nsec);
	assert_int_equal(files_in(f->dir), 1); /* no log, no index */
}

/* The newer version is still in the log of a program that was killed. */
static void test_newer_schema_in_the_log(void **state)
{
	static char before[1 << 20];
	static char after[1 << 20];
	struct fixture *f = *state;
	struct vs_err err = VS_ERR_INIT;
	size_t len;
	pid_t pid;

	f->o.version = 1;
	vs_db_close(open_db(f));
	f->o.version = 2;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		open_db(f);
		_exit(0); /* nothing is closed */
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	len = slurp(f->path, before, sizeof(before));
	f->o.version = 1;
	assert_int_equal(refuse_db(f, &err), VS_ESCHEMA);
	assert_int_equal(slurp(f->path, after, sizeof(after)), len);
	assert_memory_equal(before, after, len);
	f->o.version = 2;
	vs_db_close(open_db(f));
}

static void test_readonly(void **state)
{
	struct fixture *f = *state;
	struct vs_err err = VS_ERR_INIT;
	struct vs_db *db;
	struct vs_db *reader;

	f->o.readonly = true;
	assert_int_equal(refuse_db(f, &err), VS_ENOENT);
	assert_int_equal(access(f->path, F_OK), -1);
	f->o.readonly = false;
	f->o.version = 1;
	db = open_db(f);
	add(db, 1);
	f->o.readonly = true;
	reader = open_db(f);
	assert_int_equal(count(reader), 1);
	add(db, 2);
	assert_int_equal(count(reader), 2);
	assert_int_equal(vs_db_run(reader, DEL, &err, ""), VS_EROFS);
	/* Its schema is older than we know, and it cannot be helped here. */
	f->o.version = 2;
	assert_int_equal(refuse_db(f, &err), VS_ESCHEMA);
	assert_non_null(strstr(err.msg, "older"));
	vs_db_close(reader);
	vs_db_close(db);
}

static void test_corrupt(void **state)
{
	struct fixture *f = *state;
	struct vs_err err = VS_ERR_INIT;
	struct vs_db *db;
	int fd = open(f->path, O_RDWR | O_CREAT, 0600);
	char junk[8192];

	memset(junk, 'j', sizeof(junk));
	assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
	assert_int_equal(refuse_db(f, &err), VS_ECORRUPT);
	/* A good one with a spoilt page. */
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
	db = open_db(f);
	for (int i = 0; i < 500; i++)
		add(db, i);
	assert_int_equal(vs_db_checkpoint(db, &err), VS_OK);
	vs_db_close(db);
	fd = open(f->path, O_RDWR);
	assert_int_equal(
	    pwrite(fd, junk, 4096, lseek(fd, 0, SEEK_END) - 4096), 4096);
	close(fd);
	db = open_db(f);
	assert_int_equal(vs_db_check(db, &err), VS_ECORRUPT);
	assert_non_null(strstr(err.msg, "check: "));
	vs_db_close(db);
}

static void test_cannot_open(void **state)
{
	struct fixture *f = *state;
	struct vs_err err = VS_ERR_INIT;

	f->o.path = "/nonexistent/dir/x.db";
	assert_int_equal(refuse_db(f, &err), VS_ENOENT);
	f->o.path = f->dir; /* a directory */
	assert_true(refuse_db(f, &err) < 0);
	f->o.path = f->path;
	f->o.vfs = "no such vfs";
	assert_true(refuse_db(f, &err) < 0);
}

static void test_busy(void **state)
{
	struct fixture *f = *state;
	struct vs_err err = VS_ERR_INIT;
	struct vs_db *a = open_db(f);
	struct vs_db *b = open_db(f);

	assert_int_equal(vs_db_begin(a, &err), VS_OK);
	assert_int_equal(vs_db_begin(b, &err), VS_EBUSY);
	assert_false(vs_db_in_transaction(b));
	assert_int_equal(vs_db_run(b, DEL, &err, ""), VS_EBUSY);
	vs_db_rollback(a);
	assert_int_equal(vs_db_begin(b, &err), VS_OK);
	vs_db_rollback(b);
	vs_db_close(a);
	vs_db_close(b);
}

static void test_checkpoint(void **state)
{
	struct fixture *f = *state;
	struct vs_err err = VS_ERR_INIT;
	struct vs_db *db = open_db(f);
	struct vs_db *reader;
	sqlite3_stmt *st;
	char wal[128];
	struct stat s;

	snprintf(wal, sizeof(wal), "%s-wal", f->path);
	add(db, 1);
	add(db, 2);
	assert_int_equal(stat(wal, &s), 0);
	assert_true(s.st_size > 0);
	/* A reader in the middle makes it do less. */
	f->o.readonly = true;
	reader = open_db(f);
	st = vs_db_stmt(reader, ALL, &err);
	assert_int_equal(vs_db_step(reader, st, &err), 1);
	add(db, 3);
	assert_int_equal(vs_db_checkpoint(db, &err), VS_OK);
	assert_int_equal(vs_db_step(reader, st, &err), 1);
	assert_int_equal(vs_db_step(reader, st, &err), 0);
	vs_db_close(reader);
	assert_int_equal(vs_db_checkpoint(db, &err), VS_OK);
	assert_int_equal(stat(wal, &s), 0);
	assert_int_equal(s.st_size, 0);
	vs_db_close(db);
}

/* What is held is one state of the file; what we write is seen, and stays. */
static void test_hold(void **state)
{
	struct fixture *f = *state;
	struct vs_err err = VS_ERR_INIT;
	struct vs_db *db = open_db(f);
	struct vs_db *other = open_db(f);

	vs_db_let_go(db); /* of nothing is nothing */
	vs_db_hold(db);
	vs_db_hold(db);
	assert_false(vs_db_in_transaction(db));
	add(other, 1);
	assert_int_equal(count(other), 1);
	assert_int_equal(count(db), 0);
	vs_db_let_go(db);
	assert_int_equal(count(db), 1);
	vs_db_hold(db);
	add(db, 2);
	assert_int_equal(count(db), 2);
	assert_int_equal(count(other), 2);
	/* a transaction begins on what is there then, and tidies up */
	vs_db_let_go(db);
	vs_db_hold(db);
	add(other, 3);
	assert_int_equal(vs_db_begin(db, &err), VS_OK);
	vs_db_hold(db);
	assert_int_equal(count(db), 3);
	add(db, 4);
	assert_int_equal(vs_db_commit(db, &err), VS_OK);
	assert_int_equal(count(other), 4);
	vs_db_hold(db);
	vs_db_close(other);
	assert_int_equal(vs_db_checkpoint(db, &err), VS_OK);
	vs_db_hold(db);
	vs_db_close(db);
	db = open_db(f);
	assert_int_equal(count(db), 4);
	vs_db_close(db);
}

/* What is deleted costs the log the pages that say so, not those it freed. */
static void test_freed_pages_are_not_written(void **state)
{
	struct fixture *f = *state;
	struct vs_err err = VS_ERR_INIT;
	struct vs_db *db = open_db(f);
	static const char fill[] = "CREATE TABLE c(x);"
				   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
				   " SELECT i + 1 FROM n WHERE i < 1000)"
				   "INSERT INTO c SELECT zeroblob(1000) FROM n";
	char wal[128];
	struct stat s;

	snprintf(wal, sizeof(wal), "%s-wal", f->path);
	assert_int_equal(vs_db_exec(db, fill, &err), VS_OK);
	assert_int_equal(vs_db_checkpoint(db, &err), VS_OK);
	assert_int_equal(vs_db_exec(db, "DELETE FROM c", &err), VS_OK);
	assert_int_equal(stat(wal, &s), 0);
	assert_in_range(s.st_size, 1, 25 * 4096);
	vs_db_close(db);
}

/* Asked for by main, before anything else. */
static void test_lean(void **state)
{
	struct fixture *f = *state;
	struct vs_db *db = open_db(f);

	add(db, 1);
	assert_int_equal(sqlite3_memory_used(), 0);
	vs_db_close(db);
}

static void test_full(void **state)
{
	struct fixture *f = *state;
	struct vs_err err = VS_ERR_INIT;
	struct vs_db *db = open_db(f);
	int rc = VS_OK;

	assert_int_equal(
	    vs_db_exec(db, "PRAGMA max_page_count = 10", &err), VS_OK);
	for (int i = 0; i < 10000 && rc == VS_OK; i++)
		rc = vs_db_run(
		    db, ADD, &err, "itn", (int64_t)i, "a text of some length");
	assert_int_equal(rc, VS_ENOSPC);
	vs_db_close(db);
}

static void test_memory(void **state)
{
	struct fixture *f = *state;
	struct vs_db *db;

	f->o.path = ":memory:";
	db = open_db(f);
	add(db, 1);
	assert_int_equal(count(db), 1);
	vs_db_close(db);
}

int main(void)
{
#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_DIR(test_pragmas),
		WITH_DIR(test_values),
		WITH_DIR(test_errors),
		WITH_DIR(test_transactions),
		WITH_DIR(test_migrate_step_by_step),
		WITH_DIR(test_migrate_all_or_nothing),
		WITH_DIR(test_newer_schema_is_left_alone),
		WITH_DIR(test_newer_schema_in_the_log),
		WITH_DIR(test_readonly),
		WITH_DIR(test_corrupt),
		WITH_DIR(test_cannot_open),
		WITH_DIR(test_busy),
		WITH_DIR(test_checkpoint),
		WITH_DIR(test_hold),
		WITH_DIR(test_freed_pages_are_not_written),
		WITH_DIR(test_lean),
		WITH_DIR(test_full),
		WITH_DIR(test_memory),
	};

	vs_db_lean();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
