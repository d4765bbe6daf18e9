#include "tests/sim/dbcopy.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "common/base/err.h"

/* The whole of it, in SQLite's memory. */
struct dbcopy {
	sqlite3 *db;
};

static int copy_all(sqlite3 *to, sqlite3 *from)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");

	if (!b)
		return VS_EIO;
	sqlite3_backup_step(b, -1);
	return sqlite3_backup_finish(b) == SQLITE_OK ? VS_OK : VS_EIO;
}

struct dbcopy *dbcopy_save(const char *file, const char *vfs)
{
	struct dbcopy *copy = calloc(1, sizeof(*copy));
	sqlite3 *from = NULL;
	int rc = VS_EIO;

	if (!copy || sqlite3_open(":memory:", &copy->db) != SQLITE_OK)
		abort();
	if (sqlite3_open_v2(file, &from, SQLITE_OPEN_READONLY, vfs) ==
	    SQLITE_OK)
		rc = copy_all(copy->db, from);
	sqlite3_close(from);
	if (rc == VS_OK)
		return copy;
	dbcopy_free(copy);
	return NULL;
}

void dbcopy_free(struct dbcopy *copy)
{
	if (!copy)
		return;
	sqlite3_close(copy->db);
	free(copy);
}

int dbcopy_restore(const struct dbcopy *copy, const char *file, const char *vfs)
{
	sqlite3 *to = NULL;
	int rc = VS_EIO;

	if (sqlite3_open_v2(file, &to, SQLITE_OPEN_READWRITE, vfs) == SQLITE_OK)
		rc = copy_all(to, copy->db);
	sqlite3_close(to);
	return rc;
}
