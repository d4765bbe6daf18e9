/*
 * The SQLite store from inside: what its files share.  The calls are those
 * of struct store_ops (store.h has their contracts), grouped by table.
 */
#ifndef SQLITE_H
#define SQLITE_H

#include <sqlite3.h>

#include "cloud/store/sqlite_sql.h"
#include "cloud/store/store.h"
#include "common/db/db.h"
#include "common/db/rows.h"

struct sqlite {
	struct store base; /* first: a struct store * is one of these */
	struct store_ops ops; /* base points here */
	struct vs_db *db;
	struct vs_rows wanted; /* const char *: paths to look up */
	struct vs_rows given; /* const struct store_file *: to be written */
	struct vs_rows news; /* struct store_event: to be logged */
	int failed; /* the first fatal code, VS_OK before */
	int lock_fd; /* of the file beside the database, or -1 */
	bool readonly;
};

/* The struct behind s, and its connection. */
struct sqlite *sqlite_of(struct store *s);

/* Notes a fatal code, the first one for failed(); returns rc. */
int sqlite_note(struct sqlite *q, int rc);

/* vs_db_step, noted. */
int sqlite_step(struct sqlite *q, sqlite3_stmt *st, struct vs_err *err);

/* vs_db_stmt, noted; after NULL q->failed is the code. */
sqlite3_stmt *sqlite_stmt(
    struct sqlite *q, enum sqlite_sql i, struct vs_err *err);

/* A column as a string, NULL for NULL; lives until the next step. */
const char *sqlite_text(sqlite3_stmt *st, int column);

/* A column copied into out of cap bytes, "" for NULL. */
void sqlite_copy(sqlite3_stmt *st, int column, char *out, size_t cap);

/* Makes the tables wanted, given and news known to the connection. */
int sqlite_set_attach(struct sqlite *q, struct vs_err *err);

/*
 * Runs statement i, which writes what is in rows to a project, and empties
 * rows.  0 or a negative code, noted.
 */
int sqlite_set_run(struct sqlite *q, enum sqlite_sql i, struct vs_rows *rows,
    int64_t project, struct vs_err *err);

/* Fills in users, tokens and devices. */
void sqlite_user_ops(struct store_ops *ops);

/* Fills in projects. */
void sqlite_project_ops(struct store_ops *ops);

/* Fills in the rows of the listing. */
void sqlite_file_ops(struct store_ops *ops);

/* Fills in the log and the epochs. */
void sqlite_event_ops(struct store_ops *ops);

/* Fills in the holds. */
void sqlite_hold_ops(struct store_ops *ops);

/* Fills in members, invitations and what is known of rights. */
void sqlite_member_ops(struct store_ops *ops);

/* Fills in the transfers and their milestones. */
void sqlite_transfer_ops(struct store_ops *ops);

#endif
