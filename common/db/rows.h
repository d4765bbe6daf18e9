/*
 * Rows of the program's own as a table: one statement looks up or writes as
 * many as there are, where a statement a row would be begun and ended for
 * each.
 */
#ifndef VS_ROWS_H
#define VS_ROWS_H

#include <stddef.h>

#include "common/db/db.h"

/*
 * What a table is made of.  The owner sets at and count before it runs a
 * statement that reads the table, and leaves both, and what at points to,
 * alone until that statement is reset.
 */
struct vs_rows {
	const char *name; /* of the table */
	const char *columns; /* "a, b, ..." */
	/* gives column of row i to x by one of sqlite3_result_*, or nothing
	   for NULL; text and blobs may be SQLITE_STATIC */
	void (*column)(
	    const void *at, size_t i, int column, sqlite3_context *x);
	const void *at;
	size_t count;
};

/*
 * Makes the table known to a connection; before a statement that names it is
 * first asked for.  rows is the caller's and outlives db.  A statement sees
 * the rows in their order as long as no other table is read before them:
 * CROSS JOIN keeps what is on its left outside.
 */
int vs_rows_attach(struct vs_db *db, struct vs_rows *rows, struct vs_err *err);

#endif
