#include "common/db/salvage.h"

#include <assert.h>

/* Reading only, and nothing that the file itself says is run. */
static sqlite3 *open_damaged(const char *path, const char *vfs)
{
	static const char pragmas[] = "PRAGMA trusted_schema=OFF;"
				      "PRAGMA cell_size_check=ON";
	sqlite3 *h = NULL;
	int rc = sqlite3_open_v2(
	    path, &h, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, vfs);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h, pragmas, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return h;
	sqlite3_close(h);
	return NULL;
}

/* One row: 1 if it went in, 0 if not, or negative. */
static int take_row(
    struct vs_db *db, sqlite3_stmt *row, int insert, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(db, insert, err);
	int rc;

	if (st == NULL)
		return err->code;
	assert(sqlite3_bind_parameter_count(st) == sqlite3_column_count(row));
	for (int i = 0; i < sqlite3_column_count(row); i++)
		if (sqlite3_bind_value(
			st, i + 1, sqlite3_column_value(row, i)) != SQLITE_OK)
			return 0;
	rc = vs_db_step(db, st, err);
	if (rc == VS_ECONFLICT || rc == VS_EEXIST)
		return 0;
	return rc < 0 ? rc : 1;
}

static int64_t take_all(struct vs_db *db, sqlite3 *from,
    const struct vs_salvage *what, struct vs_err *err)
{
	sqlite3_stmt *st = NULL;
	int64_t n = 0;
	int rc = 0;

	if (sqlite3_prepare_v2(from, what->select, -1, &st, NULL) != SQLITE_OK)
		return 0;
	while (rc >= 0 && sqlite3_step(st) == SQLITE_ROW) {
		rc = take_row(db, st, what->insert, err);
		n += rc > 0;
	}
	sqlite3_finalize(st);
	return rc < 0 ? rc : n;
}

int64_t vs_salvage_take(struct vs_db *db, const char *path, const char *vfs,
    const struct vs_salvage *what, int n, struct vs_err *err)
{
	struct vs_err own = VS_ERR_INIT;
	sqlite3 *from = open_damaged(path, vfs);
	int64_t total = 0;
	int64_t rc = 0;

	assert(vs_db_in_transaction(db));
	err = err != NULL ? err : &own;
	if (from == NULL)
		return 0;
	for (int i = 0; i < n && rc >= 0; i++) {
		rc = take_all(db, from, &what[i], err);
		total += rc > 0 ? rc : 0;
	}
	sqlite3_close(from);
	return rc < 0 ? rc : total;
}
