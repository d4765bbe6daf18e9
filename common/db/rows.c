/*
 * A table of SQLite's that has no rows but those in memory, as little as
 * its interface asks for: it is read from the first row to the last.  It is
 * there without having been created, and only in the connection it was
 * attached to.
 */
#include "common/db/rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"

#define ROWS_SCHEMA_MAX 4096 /* bytes of a declaration */

struct rows_table {
	sqlite3_vtab base; /* first: SQLite's pointer is to one of these */
	const struct vs_rows *rows;
};

struct rows_cursor {
	sqlite3_vtab_cursor base; /* first, as above */
	size_t i;
};

static const struct vs_rows *rows_of(const sqlite3_vtab_cursor *c)
{
	const struct rows_table *t =
	    (const struct rows_table *)(const void *)c->pVtab;

	return t->rows;
}

static struct rows_cursor *cursor_of(sqlite3_vtab_cursor *c)
{
	return (struct rows_cursor *)(void *)c;
}

static int rows_connect(sqlite3 *h, void *aux, int argc,
    const char *const *argv, sqlite3_vtab **out, char **message)
{
	const struct vs_rows *rows = aux;
	struct rows_table *t;
	struct vs_buf sql;
	int rc;

	(void)argc;
	(void)argv;
	(void)message;
	vs_buf_init(&sql, ROWS_SCHEMA_MAX);
	vs_buf_addf(&sql, "CREATE TABLE x(%s)", rows->columns);
	rc = vs_buf_error(&sql) == VS_OK
	    ? sqlite3_declare_vtab(h, vs_buf_str(&sql))
	    : SQLITE_NOMEM;
	vs_buf_release(&sql);
	if (rc != SQLITE_OK)
		return rc;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return SQLITE_NOMEM;
	t->rows = rows;
	*out = &t->base;
	return SQLITE_OK;
}

static int rows_disconnect(sqlite3_vtab *table)
{
	free(table);
	return SQLITE_OK;
}

/* There is one way to read it, and few rows. */
static int rows_plan(sqlite3_vtab *table, sqlite3_index_info *plan)
{
	(void)table;
	plan->estimatedRows = 1;
	plan->estimatedCost = 1;
	return SQLITE_OK;
}

static int rows_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
	struct rows_cursor *c = calloc(1, sizeof(*c));

	(void)table;
	if (c == NULL)
		return SQLITE_NOMEM;
	*out = &c->base;
	return SQLITE_OK;
}

static int rows_close(sqlite3_vtab_cursor *c)
{
	free(c);
	return SQLITE_OK;
}

static int rows_first(sqlite3_vtab_cursor *c, int index, const char *name,
    int argc, sqlite3_value **argv)
{
	(void)index;
	(void)name;
	(void)argc;
	(void)argv;
	cursor_of(c)->i = 0;
	return SQLITE_OK;
}

static int rows_next(sqlite3_vtab_cursor *c)
{
	cursor_of(c)->i++;
	return SQLITE_OK;
}

static int rows_end(sqlite3_vtab_cursor *c)
{
	return cursor_of(c)->i >= rows_of(c)->count;
}

static int rows_column(sqlite3_vtab_cursor *c, sqlite3_context *x, int column)
{
	const struct vs_rows *rows = rows_of(c);

	assert(cursor_of(c)->i < rows->count);
	rows->column(rows->at, cursor_of(c)->i, column, x);
	return SQLITE_OK;
}

static int rows_rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *out)
{
	*out = (sqlite3_int64)cursor_of(c)->i;
	return SQLITE_OK;
}

static const sqlite3_module rows_module = {
	.xConnect = rows_connect,
	.xBestIndex = rows_plan,
	.xDisconnect = rows_disconnect,
	.xOpen = rows_open,
	.xClose = rows_close,
	.xFilter = rows_first,
	.xNext = rows_next,
	.xEof = rows_end,
	.xColumn = rows_column,
	.xRowid = rows_rowid,
};

int vs_rows_attach(struct vs_db *db, struct vs_rows *rows, struct vs_err *err)
{
	sqlite3 *h = vs_db_handle(db);

	assert(rows->name != NULL && rows->columns != NULL);
	assert(rows->column != NULL);
	if (sqlite3_create_module(h, rows->name, &rows_module, rows) ==
	    SQLITE_OK)
		return VS_OK;
	return vs_err_set(
	    err, VS_ENOMEM, "table %s: %s", rows->name, sqlite3_errmsg(h));
}
