/*
 * ingest_sqlite FILE KIND BATCHES - the same changes by bare prepared
 * statements into a log and a table of files, one durable transaction a
 * batch (WAL, FULL): what SQLite itself costs.  No JSON is read, no rule is
 * checked, nothing is counted.  Prints seconds.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "tests/bench/load.h"

static const char schema[] =
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA wal_autocheckpoint=4000;"
    "CREATE TABLE files(project INTEGER, path TEXT, hash TEXT, size INTEGER,"
    " mtime INTEGER, mode INTEGER, version INTEGER, seq INTEGER,"
    " PRIMARY KEY(project, path)) WITHOUT ROWID;"
    "CREATE TABLE events(project INTEGER, seq INTEGER, change TEXT,"
    " PRIMARY KEY(project, seq)) WITHOUT ROWID";

static const char put_file[] =
    "INSERT INTO files VALUES(1,?,?,?,?,?,1,?) ON CONFLICT(project, path)"
    " DO UPDATE SET hash=excluded.hash, size=excluded.size,"
    " mtime=excluded.mtime, mode=excluded.mode, version=version+1,"
    " seq=excluded.seq";

static const char put_event[] = "INSERT INTO events VALUES(1,?,?)";

static void must(sqlite3 *db, int rc)
{
	if (rc != SQLITE_OK && rc != SQLITE_DONE)
		load_die("sqlite", sqlite3_errmsg(db));
}

static void put(sqlite3 *db, sqlite3_stmt *file, sqlite3_stmt *event,
    const struct load_row *row, sqlite3_int64 seq)
{
	struct vs_buf text;

	vs_buf_init(&text, 4096);
	vs_change_write(&text, &row->c);
	must(db, sqlite3_bind_text(file, 1, row->path, -1, SQLITE_STATIC));
	must(db, sqlite3_bind_text(file, 2, row->hash, 64, SQLITE_STATIC));
	must(db, sqlite3_bind_int64(file, 3, row->c.size));
	must(db, sqlite3_bind_int64(file, 4, row->c.mtime_us));
	must(db, sqlite3_bind_int(file, 5, row->c.mode));
	must(db, sqlite3_bind_int64(file, 6, seq));
	must(db, sqlite3_step(file));
	must(db, sqlite3_reset(file));
	must(db, sqlite3_bind_int64(event, 1, seq));
	must(db,
	    sqlite3_bind_text(
		event, 2, text.data, (int)text.len, SQLITE_STATIC));
	must(db, sqlite3_step(event));
	must(db, sqlite3_reset(event));
	vs_buf_release(&text);
}

int main(int argc, char **argv)
{
	sqlite3_stmt *file, *event;
	struct load_row row;
	enum load_kind kind;
	sqlite3 *db;
	double start;
	long batches;

	if (argc != 4)
		load_die("usage", "ingest_sqlite FILE KIND BATCHES");
	kind = load_kind_parse(argv[2]);
	batches = strtol(argv[3], NULL, 10);
	must(NULL, sqlite3_open(argv[1], &db));
	must(db, sqlite3_exec(db, schema, NULL, NULL, NULL));
	must(db, sqlite3_prepare_v2(db, put_file, -1, &file, NULL));
	must(db, sqlite3_prepare_v2(db, put_event, -1, &event, NULL));
	start = load_now();
	for (long b = 0; b < batches; b++) {
		must(db, sqlite3_exec(db, "BEGIN", NULL, NULL, NULL));
		for (long i = b * LOAD_BATCH; i < (b + 1) * LOAD_BATCH; i++) {
			load_row(&row, kind, (uint64_t)i);
			put(db, file, event, &row, i + 1);
		}
		must(db, sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
	}
	printf("%.6f\n", load_now() - start);
	sqlite3_finalize(file);
	sqlite3_finalize(event);
	sqlite3_close(db);
	return 0;
}
