/* Deletions that wait for a person. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cloud/store/sqlite.h"

static int op_hold_cut(struct store *s, int64_t project,
    const char *const *paths, size_t n, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	size_t i;
	int rc = VS_OK;

	for (i = 0; i < n && rc == VS_OK; i++)
		rc = vs_db_run(
		    q->db, SQL_HOLD_PATH_DEL, err, "it", project, paths[i]);
	if (rc == VS_OK && n > 0)
		rc = vs_db_run(q->db, SQL_HOLD_SWEEP, err, "i", project);
	return sqlite_note(q, rc);
}

static int op_hold_put(struct store *s, int64_t project,
    const struct store_hold *h, const char *const *paths, size_t n,
    struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	size_t i;
	int rc;

	assert(n > 0);
	rc = vs_db_run(q->db, SQL_HOLD_PUT, err, "itti", project, h->id,
	    h->device_id, h->created_ms);
	for (i = 0; i < n && rc == VS_OK; i++)
		rc = vs_db_run(q->db, SQL_HOLD_PATH_PUT, err, "itt", project,
		    paths[i], h->id);
	return sqlite_note(q, rc);
}

static int op_hold_drop(
    struct store *s, int64_t project, const char *id, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	int rc = vs_db_run(q->db, SQL_HOLD_DROP_PATHS, err, "it", project, id);

	if (rc == VS_OK)
		rc = vs_db_run(q->db, SQL_HOLD_DROP, err, "it", project, id);
	if (rc != VS_OK)
		return sqlite_note(q, rc);
	if (vs_db_changes(q->db) == 0)
		return vs_err_set(err, VS_ENOENT, "no such hold");
	return VS_OK;
}

static int op_hold_below(
    struct store *s, int64_t project, const char *path, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_HOLD_BELOW, err);
	char lo[VS_PATH_MAX + 2], hi[VS_PATH_MAX + 2];
	int rc;

	if (st == NULL)
		return q->failed;
	assert(strlen(path) <= VS_PATH_MAX);
	/* '0' follows '/': all that begins with "path/" */
	(void)snprintf(lo, sizeof(lo), "%s/", path);
	(void)snprintf(hi, sizeof(hi), "%s0", path);
	rc = sqlite_note(q, vs_db_bind(st, err, "itt", project, lo, hi));
	if (rc == VS_OK)
		rc = sqlite_step(q, st, err);
	(void)sqlite3_reset(st);
	return rc;
}

static int op_holds(struct store *s, int64_t project,
    int (*row)(void *arg, const struct store_hold *h), void *arg,
    struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_HOLDS, err);
	struct store_hold h;
	int rc;

	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q, vs_db_bind(st, err, "i", project));
	if (rc != VS_OK)
		return rc;
	while ((rc = sqlite_step(q, st, err)) > 0) {
		memset(&h, 0, sizeof(h));
		sqlite_copy(st, 0, h.id, sizeof(h.id));
		sqlite_copy(st, 1, h.device_id, sizeof(h.device_id));
		h.created_ms = sqlite3_column_int64(st, 2);
		h.count = sqlite3_column_int64(st, 3);
		rc = row(arg, &h);
		if (rc != 0)
			break;
	}
	(void)sqlite3_reset(st);
	return rc < 0 ? rc : VS_OK;
}

static int op_hold_paths(struct store *s, int64_t project, const char *id,
    int64_t limit, int (*row)(void *arg, const char *path), void *arg,
    struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_HOLD_PATHS, err);
	int rc;

	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q, vs_db_bind(st, err, "iti", project, id, limit));
	if (rc != VS_OK)
		return rc;
	while ((rc = sqlite_step(q, st, err)) > 0) {
		rc = row(arg, sqlite_text(st, 0));
		if (rc != 0)
			break;
	}
	(void)sqlite3_reset(st);
	return rc < 0 ? rc : VS_OK;
}

void sqlite_hold_ops(struct store_ops *ops)
{
	ops->hold_put = op_hold_put;
	ops->hold_cut = op_hold_cut;
	ops->hold_drop = op_hold_drop;
	ops->hold_below = op_hold_below;
	ops->holds = op_holds;
	ops->hold_paths = op_hold_paths;
}
