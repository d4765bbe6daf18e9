#include "agent/state/past.h"

#include <string.h>

#include "agent/scan/compare.h"
#include "agent/state/state_sql.h"
#include "common/base/text.h"

/* As many as can go at once, and some: it must not grow by churn. */
static int64_t most(const struct state *s)
{
	int64_t n = s->baseline + PAST_MIN;

	return n < PAST_MAX ? n : PAST_MAX;
}

int past_keep(struct state *s, const char *path, const struct manifest_row *row,
    struct vs_err *err)
{
	const struct disk_stat *t = &row->stat;
	int rc = 0;

	if (t->kind != VS_KIND_FILE || !row->has_hash || row->racy)
		return 0;
	if (s->past >= most(s))
		rc = past_clear(s, err);
	s->past++;
	return rc < 0 ? rc
		      : vs_db_run(s->db, SQL_PAST_PUT, err, "iiiiibti",
			    (int64_t)t->ino, t->born_ns, t->size, t->mtime_ns,
			    t->ctime_ns, (const void *)row->hash,
			    (size_t)VS_SHA256_SIZE, path, (int64_t)t->folder);
}

static void read_row(
    sqlite3_stmt *st, const struct disk_stat *seen, struct manifest_row *row)
{
	const void *hash = sqlite3_column_blob(st, 4);

	memset(row, 0, sizeof(*row));
	row->stat.kind = VS_KIND_FILE;
	row->stat.ino = seen->ino;
	row->stat.born_ns = sqlite3_column_int64(st, 0);
	row->stat.size = sqlite3_column_int64(st, 1);
	row->stat.mtime_ns = sqlite3_column_int64(st, 2);
	row->stat.ctime_ns = sqlite3_column_int64(st, 3);
	row->stat.folder = (uint64_t)sqlite3_column_int64(st, 6);
	row->has_hash =
	    hash != NULL && sqlite3_column_bytes(st, 4) == VS_SHA256_SIZE;
	if (row->has_hash)
		memcpy(row->hash, hash, VS_SHA256_SIZE);
}

int past_find(struct state *s, const struct disk_stat *seen,
    struct manifest_kin *out, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	if (s->past == 0)
		return 0;
	rc =
	    vs_db_first(s->db, SQL_PAST_GET, &st, err, "i", (int64_t)seen->ino);
	if (rc <= 0)
		return rc;
	read_row(st, seen, &out->row);
	vs_text_copy(out->path, sizeof(out->path),
	    (const char *)sqlite3_column_text(st, 5));
	sqlite3_reset(st);
	out->kin = out->row.has_hash ? compare_kin(seen, &out->row.stat)
				     : COMPARE_STRANGER;
	return 1;
}

int past_drop(struct state *s, uint64_t ino, struct vs_err *err)
{
	return vs_db_run(s->db, SQL_PAST_DROP, err, "i", (int64_t)ino);
}

int past_clear(struct state *s, struct vs_err *err)
{
	int rc = vs_db_run(s->db, SQL_PAST_CLEAR, err, "");

	if (rc == 0)
		s->past = 0;
	return rc;
}
