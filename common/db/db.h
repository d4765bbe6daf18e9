/*
 * SQLite as both programs use it: WAL, synchronous=FULL (macOS: fullfsync),
 * one read-write connection a file in one process, every other one read-only
 * (3.40's WAL-reset fault; see DESIGN), foreign keys on, statements in a
 * table that is prepared once.  What is deleted is overwritten where its page
 * is written anyway; a page that is freed is not written for that.
 *
 * A connection belongs to one thread.  After VS_EIO, VS_ENOSPC or
 * VS_ECORRUPT from a write the caller rolls back and closes; it never
 * retries the commit (an fsync that failed must not be tried again).
 */
#ifndef VS_DB_H
#define VS_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sqlite3.h>

#include "common/base/err.h"

struct vs_db;

struct vs_db_options {
	const char *path;
	const char *vfs; /* NULL: the default one */
	bool readonly;
	int cache_kib; /* of pages kept in memory; 0: SQLite's own 2,000 */
	int log_pages; /* after which a commit moves the log home; 0: 4,000 */
	const char *const *migrations; /* [v] takes schema v to v + 1 (SQL) */
	int version; /* how many: the schema we know */
	const char *const *sql; /* statements by index */
	int sql_count;
};

/*
 * Once, before the process uses any of this: SQLite keeps no account of its
 * memory, which would cost a lock for every piece of it, and writes its logs
 * in large pieces (common/db/walfile.h).
 */
void vs_db_lean(void);

/*
 * Opens (and creates, unless readonly), checks user_version, migrates in one
 * transaction.  VS_ESCHEMA for a newer schema (the file is left untouched),
 * VS_ECORRUPT, VS_EBUSY, VS_EIO, ...  Statements are prepared lazily.
 */
int vs_db_open(
    struct vs_db **out, const struct vs_db_options *o, struct vs_err *err);

/* Rolls back what is open, frees the statements.  NULL is nothing. */
void vs_db_close(struct vs_db *db);

/*
 * Statement i, reset, its bindings cleared; NULL with err set when it does
 * not prepare.  It stays the connection's.  Its SQL may use the words of
 * common/db/words.h, ordinal() where it runs to its end before another one is
 * asked for.
 */
sqlite3_stmt *vs_db_stmt(struct vs_db *db, int i, struct vs_err *err);

/*
 * Binds in order by fmt: 'i' int64_t; 't' const char * (NULL binds NULL);
 * 'b' const void * and size_t (blob; NULL binds NULL); 'x' const char * and
 * size_t (text with length); 'n' NULL.  Memory must live until the
 * statement is reset.
 */
int vs_db_bind(sqlite3_stmt *st, struct vs_err *err, const char *fmt, ...);

/* 1 with a row, 0 when done (and reset), or a negative code (and reset). */
int vs_db_step(struct vs_db *db, sqlite3_stmt *st, struct vs_err *err);

/*
 * Statement i with bindings, to its first row: 1 with *st on it (reset it
 * when done), 0 when there is none, or a negative code.
 */
int vs_db_first(struct vs_db *db, int i, sqlite3_stmt **st, struct vs_err *err,
    const char *fmt, ...);

/* Statement i with bindings, to its end; rows are ignored. */
int vs_db_run(
    struct vs_db *db, int i, struct vs_err *err, const char *fmt, ...);

/* SQL that is no statement of the table (pragmas, savepoints). */
int vs_db_exec(struct vs_db *db, const char *sql, struct vs_err *err);

/*
 * Many small readings follow: until it is let go, they share one lock of the
 * file and see it as it is now, apart from what is written by this
 * connection.  Nothing inside of a transaction; one that begins lets go.  No
 * error: what is wrong is found by the readings.
 */
void vs_db_hold(struct vs_db *db);

/* Ends that; nothing when it is not held. */
void vs_db_let_go(struct vs_db *db);

/* The connection, for what of SQLite is not here; it stays db's. */
sqlite3 *vs_db_handle(const struct vs_db *db);

/*
 * Begins a transaction that writes (IMMEDIATE); none may be open.  VS_EBUSY
 * when another connection writes for longer than half a second.
 */
int vs_db_begin(struct vs_db *db, struct vs_err *err);

/* Ends it: on VS_OK, and only then, what it wrote is durable. */
int vs_db_commit(struct vs_db *db, struct vs_err *err);

/* Undoes it; never fails, and is nothing without a transaction. */
void vs_db_rollback(struct vs_db *db);

/* False also when a statement's failure has rolled back already. */
bool vs_db_in_transaction(const struct vs_db *db);

/* Of the last row that this connection inserted. */
int64_t vs_db_last_rowid(const struct vs_db *db);

/* Rows that the last INSERT, UPDATE or DELETE touched. */
int vs_db_changes(const struct vs_db *db);

/*
 * Moves the WAL into the database (no other connection of this process may
 * be writing).  For quiet moments; a busy reader makes it do less, not fail.
 */
int vs_db_checkpoint(struct vs_db *db, struct vs_err *err);

/* PRAGMA quick_check: VS_OK or VS_ECORRUPT with its first line. */
int vs_db_check(struct vs_db *db, struct vs_err *err);

#endif
