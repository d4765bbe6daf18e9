/* The log, and the batches it was written by. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/store/sqlite.h"

static int op_events_put(struct store *s, int64_t project,
    const struct store_event *events, size_t n, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);

	q->news.at = events;
	q->news.count = n;
	return sqlite_set_run(q, SQL_EVENTS_PUT, &q->news, project, err);
}

static int op_events(struct store *s, int64_t project, int64_t from_seq,
    int64_t limit, int (*row)(void *arg, const struct store_event *e),
    void *arg, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_EVENTS, err);
	struct store_event e;
	int rc;

	if (st == NULL)
		return q->failed;
	rc = sqlite_note(
	    q, vs_db_bind(st, err, "iii", project, from_seq, limit));
	if (rc != VS_OK)
		return rc;
	while ((rc = sqlite_step(q, st, err)) > 0) {
		e.seq = sqlite3_column_int64(st, 0);
		e.change = sqlite_text(st, 1);
		e.created_ms = sqlite3_column_int64(st, 2);
		rc = row(arg, &e);
		if (rc != 0)
			break;
	}
	(void)sqlite3_reset(st);
	return rc < 0 ? rc : VS_OK;
}

static int epoch_read(
    sqlite3_stmt *st, struct store_epoch *e, struct vs_err *err)
{
	int n = sqlite3_column_bytes(st, 4);

	e->generation = sqlite3_column_int64(st, 0);
	e->counter = sqlite3_column_int64(st, 1);
	if (sqlite3_column_bytes(st, 2) == VS_SHA256_SIZE)
		memcpy(e->digest, sqlite3_column_blob(st, 2), VS_SHA256_SIZE);
	e->current = sqlite3_column_int(st, 3) != 0;
	if (sqlite3_column_type(st, 4) == SQLITE_NULL)
		return VS_OK;
	e->answer = malloc((size_t)n + 1);
	if (e->answer == NULL)
		return vs_err_set(err, VS_ENOMEM, "answer of a batch");
	if (n > 0)
		memcpy(e->answer, sqlite3_column_blob(st, 4), (size_t)n);
	e->answer[n] = '\0';
	e->answer_len = (size_t)n;
	return VS_OK;
}

static int op_epoch_get(struct store *s, int64_t project, const char *device,
    const char *epoch, struct store_epoch *e, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_EPOCH_GET, err);
	int rc;

	assert(strlen(device) < STORE_ID && strlen(epoch) < STORE_EPOCH);
	memset(e, 0, sizeof(*e));
	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q, vs_db_bind(st, err, "itt", project, device, epoch));
	if (rc == VS_OK)
		rc = sqlite_step(q, st, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return vs_err_set(err, VS_ENOENT, "no such epoch");
	rc = epoch_read(st, e, err);
	(void)sqlite3_reset(st);
	memcpy(e->device_id, device, strlen(device));
	memcpy(e->epoch, epoch, strlen(epoch));
	return rc;
}

static int op_epoch_head(struct store *s, int64_t project, const char *device,
    struct store_epoch *e, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_EPOCH_HEAD, err);
	int rc;

	assert(strlen(device) < STORE_ID);
	memset(e, 0, sizeof(*e));
	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q, vs_db_bind(st, err, "it", project, device));
	if (rc == VS_OK)
		rc = sqlite_step(q, st, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return vs_err_set(err, VS_ENOENT, "no epoch");
	memcpy(e->device_id, device, strlen(device));
	snprintf(e->epoch, sizeof(e->epoch), "%s", sqlite_text(st, 0));
	e->generation = sqlite3_column_int64(st, 1);
	e->counter = sqlite3_column_int64(st, 2);
	e->current = true;
	(void)sqlite3_reset(st);
	return VS_OK;
}

static int op_epoch_put(struct store *s, int64_t project,
    const struct store_epoch *e, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	int rc = VS_OK;

	if (e->current)
		rc = vs_db_run(q->db, SQL_EPOCH_END, err, "itt", project,
		    e->device_id, e->epoch);
	if (rc == VS_OK)
		rc = vs_db_run(q->db, SQL_EPOCH_PUT, err, "ittiibib", project,
		    e->device_id, e->epoch, e->generation, e->counter,
		    (const void *)e->digest, sizeof(e->digest),
		    (int64_t)e->current, (const void *)e->answer,
		    e->answer_len);
	return sqlite_note(q, rc);
}

void sqlite_event_ops(struct store_ops *ops)
{
	ops->events_put = op_events_put;
	ops->events = op_events;
	ops->epoch_get = op_epoch_get;
	ops->epoch_head = op_epoch_head;
	ops->epoch_put = op_epoch_put;
}
