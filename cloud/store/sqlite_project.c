/* Projects and the heads of their logs. */
#include <assert.h>
#include <string.h>

#include "cloud/store/sqlite.h"

#define COLUMN_MEMBER 15 /* after SQLITE_PROJECT_COLUMNS */

static void project_read(sqlite3_stmt *st, struct store_project *p)
{
	memset(p, 0, sizeof(*p));
	p->no = sqlite3_column_int64(st, 0);
	sqlite_copy(st, 1, p->id, sizeof(p->id));
	sqlite_copy(st, 2, p->owner_id, sizeof(p->owner_id));
	sqlite_copy(st, 3, p->name, sizeof(p->name));
	sqlite_copy(st, 4, p->log_id, sizeof(p->log_id));
	p->last_seq = sqlite3_column_int64(st, 5);
	p->stamp_us = sqlite3_column_int64(st, 6);
	p->tree.count = sqlite3_column_int64(st, 7);
	p->tree.bytes = sqlite3_column_int64(st, 8);
	if (sqlite3_column_bytes(st, 9) == (int)sizeof(p->tree.sum))
		memcpy(p->tree.sum, sqlite3_column_blob(st, 9),
		    sizeof(p->tree.sum));
	p->files = sqlite3_column_int64(st, 10);
	p->baseline = sqlite3_column_int64(st, 11);
	sqlite_copy(st, 12, p->publisher, sizeof(p->publisher));
	p->generation = sqlite3_column_int64(st, 13);
	p->created_ms = sqlite3_column_int64(st, 14);
}

static int op_project_put(
    struct store *s, struct store_project *p, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	int rc;

	assert(p->no == 0);
	rc = sqlite_note(q,
	    vs_db_run(q->db, SQL_PROJECT_PUT, err, "ttttiiiibiitii", p->id,
		p->owner_id, p->name, p->log_id, p->last_seq, p->stamp_us,
		p->tree.count, p->tree.bytes, (const void *)p->tree.sum,
		sizeof(p->tree.sum), p->files, p->baseline, p->publisher,
		p->generation, p->created_ms));
	if (rc == VS_OK)
		p->no = vs_db_last_rowid(q->db);
	return rc;
}

static int op_project_get(struct store *s, const char *id, const char *user_id,
    struct store_project *p, enum store_role *role, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_PROJECT_GET, err);
	int rc;

	*role = STORE_NOBODY;
	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q, vs_db_bind(st, err, "tt", id, user_id));
	if (rc == VS_OK)
		rc = sqlite_step(q, st, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return vs_err_set(err, VS_ENOENT, "no such project");
	project_read(st, p);
	*role = strcmp(p->owner_id, user_id) == 0 ? STORE_OWNER : STORE_MEMBER;
	assert(*role == STORE_OWNER ||
	    sqlite3_column_type(st, COLUMN_MEMBER) != SQLITE_NULL);
	(void)sqlite3_reset(st);
	return VS_OK;
}

static int op_project_save(
    struct store *s, const struct store_project *p, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);

	assert(p->no > 0 && p->last_seq >= 0 && p->files >= 0);
	return sqlite_note(q,
	    vs_db_run(q->db, SQL_PROJECT_SAVE, err, "iiiibiitii", p->last_seq,
		p->stamp_us, p->tree.count, p->tree.bytes,
		(const void *)p->tree.sum, sizeof(p->tree.sum), p->files,
		p->baseline, p->publisher, p->generation, p->no));
}

static int op_projects(struct store *s, const char *user_id,
    int (*row)(void *arg, const struct store_project *p, enum store_role role),
    void *arg, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_PROJECTS, err);
	struct store_project p;
	int rc;

	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q, vs_db_bind(st, err, "t", user_id));
	if (rc != VS_OK)
		return rc;
	while ((rc = sqlite_step(q, st, err)) > 0) {
		project_read(st, &p);
		rc = row(arg, &p,
		    strcmp(p.owner_id, user_id) == 0 ? STORE_OWNER
						     : STORE_MEMBER);
		if (rc != 0)
			break;
	}
	(void)sqlite3_reset(st);
	return rc < 0 ? rc : VS_OK;
}

static int op_project_find(struct store *s, const char *id,
    struct store_project *p, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_PROJECT_FIND, err);
	int rc;

	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q, vs_db_bind(st, err, "t", id));
	if (rc == VS_OK)
		rc = sqlite_step(q, st, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return vs_err_set(err, VS_ENOENT, "no such project");
	project_read(st, p);
	(void)sqlite3_reset(st);
	return VS_OK;
}

/* The number of the project after no; 0 after the last one. */
static int project_after(
    struct sqlite *q, int64_t no, int64_t *next, struct vs_err *err)
{
	sqlite3_stmt *st = sqlite_stmt(q, SQL_PROJECT_AFTER, err);
	int rc;

	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q, vs_db_bind(st, err, "i", no));
	if (rc == VS_OK)
		rc = sqlite_step(q, st, err);
	if (rc < 0)
		return rc;
	*next = sqlite3_column_int64(st, 0);
	(void)sqlite3_reset(st);
	return VS_OK;
}

static int op_projects_renew(
    struct store *s, struct vs_rand *rand, int64_t *count, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	char log_id[STORE_ID];
	int64_t no = 0;
	int rc;

	*count = 0;
	rc = project_after(q, 0, &no, err);
	while (rc == VS_OK && no > 0) {
		vs_rand_uuid(rand, log_id);
		rc = sqlite_note(q,
		    vs_db_run(q->db, SQL_PROJECT_RENEW, err, "ti", log_id, no));
		if (rc == VS_OK)
			rc = project_after(q, no, &no, err);
		(*count)++;
	}
	return rc;
}

void sqlite_project_ops(struct store_ops *ops)
{
	ops->project_put = op_project_put;
	ops->project_get = op_project_get;
	ops->project_save = op_project_save;
	ops->projects = op_projects;
	ops->project_find = op_project_find;
	ops->projects_renew = op_projects_renew;
}
