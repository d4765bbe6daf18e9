#include "agent/member/copies.h"

#include <string.h>

#include "agent/member/mirror_sql.h"
#include "common/base/text.h"

static void read_copy(sqlite3_stmt *st, struct copy *c)
{
	memset(c, 0, sizeof(*c));
	vs_text_copy(
	    c->path, sizeof(c->path), (const char *)sqlite3_column_text(st, 0));
	vs_text_copy(c->local.hash, sizeof(c->local.hash),
	    (const char *)sqlite3_column_text(st, 1));
	c->local.stat.size = sqlite3_column_int64(st, 2);
	c->local.stat.mtime_ns = sqlite3_column_int64(st, 3);
	c->local.stat.ctime_ns = sqlite3_column_int64(st, 4);
	c->local.stat.ino = (uint64_t)sqlite3_column_int64(st, 5);
	c->local.stat.mode = sqlite3_column_int(st, 6);
	c->local.version = sqlite3_column_int64(st, 7);
}

int copies_of_hash(struct mirror *m, const char *hash, struct copy *out,
    int cap, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(m->db, MSQL_LOCAL_OF_HASH, err);
	int n = 0;
	int rc;

	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "ti", hash, (int64_t)cap);
	while (rc == 0 && n < cap && (rc = vs_db_step(m->db, st, err)) == 1) {
		read_copy(st, &out[n++]);
		rc = 0;
	}
	sqlite3_reset(st);
	return rc < 0 ? rc : n;
}

int copies_drop(struct mirror *m, const char *path, struct vs_err *err)
{
	return vs_db_run(m->db, MSQL_LOCAL_DROP, err, "t", path);
}

int copies_made(struct mirror *m, const char *path, struct vs_err *err)
{
	return vs_db_run(m->db, MSQL_MADE_PUT, err, "t", path);
}

int copies_is_made(struct mirror *m, const char *path, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(m->db, MSQL_MADE_GET, &st, err, "t", path);

	if (rc == 1)
		sqlite3_reset(st);
	return rc;
}

int copies_unmade(struct mirror *m, const char *path, struct vs_err *err)
{
	return vs_db_run(m->db, MSQL_MADE_DROP, err, "t", path);
}
