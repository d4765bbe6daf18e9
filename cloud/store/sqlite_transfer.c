/* Transfers, their running figures and their milestones. */
#include <assert.h>
#include <string.h>

#include "cloud/store/sqlite.h"

#define COLUMN_RUNNING 17 /* in SQLITE_TRANSFER_COLUMNS */

static void transfer_read(sqlite3_stmt *st, struct store_transfer *t)
{
	memset(t, 0, sizeof(*t));
	sqlite_copy(st, 0, t->id, sizeof(t->id));
	sqlite_copy(st, 1, t->requester_id, sizeof(t->requester_id));
	sqlite_copy(st, 2, t->requester_device, sizeof(t->requester_device));
	sqlite_copy(st, 3, t->source_id, sizeof(t->source_id));
	sqlite_copy(st, 4, t->source_device, sizeof(t->source_device));
	sqlite_copy(st, 5, t->source_name, sizeof(t->source_name));
	sqlite_copy(st, 6, t->path, sizeof(t->path));
	sqlite_copy(st, 7, t->hash, sizeof(t->hash));
	t->size = sqlite3_column_int64(st, 8);
	t->version = sqlite3_column_int64(st, 9);
	t->status = (enum store_status)sqlite3_column_int(st, 10);
	t->verdict = sqlite3_column_int(st, 11) != 0;
	sqlite_copy(st, 12, t->route, sizeof(t->route));
	sqlite_copy(st, 13, t->error, sizeof(t->error));
	t->created_ms = sqlite3_column_int64(st, 14);
	t->ended_ms = sqlite3_column_int64(st, 15);
	t->bytes = sqlite3_column_int64(st, 16);
	if (sqlite3_column_type(st, COLUMN_RUNNING) == SQLITE_NULL)
		return;
	t->bytes = sqlite3_column_int64(st, COLUMN_RUNNING);
	t->started_ms = sqlite3_column_int64(st, COLUMN_RUNNING + 1);
	t->started_bytes = sqlite3_column_int64(st, COLUMN_RUNNING + 2);
	t->updated_ms = sqlite3_column_int64(st, COLUMN_RUNNING + 3);
	t->pushed_ms = sqlite3_column_int64(st, COLUMN_RUNNING + 4);
}

static int op_transfer_put(struct store *s, int64_t project,
    const struct store_transfer *t, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	int rc;

	assert(project > 0 && t->bytes >= 0 && t->bytes <= t->size);
	rc = vs_db_run(q->db, SQL_TRANSFER_PUT, err,
	    "titttttt"
	    "iiiittiii",
	    t->id, project, t->requester_id, t->requester_device, t->source_id,
	    t->source_device, t->path, t->hash, t->size, t->version,
	    (int64_t)t->status, (int64_t)t->verdict, t->route, t->error,
	    t->created_ms, t->ended_ms, t->bytes);
	if (rc == VS_OK)
		rc = vs_db_run(q->db, SQL_PROGRESS_PUT, err, "tiiiiii", t->id,
		    t->bytes, t->started_ms, t->started_bytes, t->updated_ms,
		    t->pushed_ms, t->ended_ms);
	return sqlite_note(q, rc);
}

/* The row of a statement that was bound. */
static int transfer_one(struct sqlite *q, sqlite3_stmt *st, int rc,
    struct store_transfer *t, struct vs_err *err)
{
	(void)sqlite_note(q, rc);
	if (rc == VS_OK)
		rc = sqlite_step(q, st, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return vs_err_set(err, VS_ENOENT, "no such transfer");
	transfer_read(st, t);
	(void)sqlite3_reset(st);
	return VS_OK;
}

static int op_transfer_get(struct store *s, int64_t project, const char *id,
    struct store_transfer *t, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_TRANSFER_GET, err);

	if (st == NULL)
		return q->failed;
	return transfer_one(
	    q, st, vs_db_bind(st, err, "it", project, id), t, err);
}

static int op_transfer_same(struct store *s, int64_t project,
    struct store_transfer *t, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_TRANSFER_SAME, err);

	if (st == NULL)
		return q->failed;
	return transfer_one(q, st,
	    vs_db_bind(st, err, "itttt", project, t->requester_id,
		t->requester_device, t->path, t->hash),
	    t, err);
}

static int op_transfers(struct store *s, int64_t project,
    const struct store_transfers *which,
    int (*row)(void *arg, const struct store_transfer *t), void *arg,
    struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(
	    q, which->user_id == NULL ? SQL_TRANSFERS : SQL_TRANSFERS_OF, err);
	struct store_transfer t;
	int rc;

	if (st == NULL)
		return q->failed;
	rc = which->user_id == NULL
	    ? vs_db_bind(
		  st, err, "iii", project, (int64_t)which->status, which->limit)
	    : vs_db_bind(st, err, "iiit", project, (int64_t)which->status,
		  which->limit, which->user_id);
	if (rc != VS_OK)
		return sqlite_note(q, rc);
	while ((rc = sqlite_step(q, st, err)) > 0) {
		transfer_read(st, &t);
		rc = row(arg, &t);
		if (rc != 0)
			break;
	}
	(void)sqlite3_reset(st);
	return rc < 0 ? rc : VS_OK;
}

static int op_transfers_sweep(
    struct store *s, int64_t before_ms, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);

	return sqlite_note(
	    q, vs_db_run(q->db, SQL_PROGRESS_SWEEP, err, "i", before_ms));
}

static int op_milestone_put(struct store *s, const char *transfer,
    const struct store_milestone *m, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);

	assert(m->type != NULL && m->user_id != NULL);
	return sqlite_note(q,
	    vs_db_run(q->db, SQL_MILESTONE_PUT, err, "tttii", transfer, m->type,
		m->user_id, m->at_ms, m->bytes));
}

static int op_milestones(struct store *s, const char *transfer,
    int (*row)(void *arg, const struct store_milestone *m), void *arg,
    struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_MILESTONES, err);
	struct store_milestone m;
	int rc;

	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q, vs_db_bind(st, err, "t", transfer));
	if (rc != VS_OK)
		return rc;
	while ((rc = sqlite_step(q, st, err)) > 0) {
		m.type = sqlite_text(st, 0);
		m.user_id = sqlite_text(st, 1);
		m.at_ms = sqlite3_column_int64(st, 2);
		m.bytes = sqlite3_column_int64(st, 3);
		rc = row(arg, &m);
		if (rc != 0)
			break;
	}
	(void)sqlite3_reset(st);
	return rc < 0 ? rc : VS_OK;
}

void sqlite_transfer_ops(struct store_ops *ops)
{
	ops->transfer_put = op_transfer_put;
	ops->transfer_get = op_transfer_get;
	ops->transfer_same = op_transfer_same;
	ops->transfers = op_transfers;
	ops->transfers_sweep = op_transfers_sweep;
	ops->milestone_put = op_milestone_put;
	ops->milestones = op_milestones;
}
