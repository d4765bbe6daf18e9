/* Members, invitations, and the stamp of rights. */
#include <assert.h>
#include <string.h>

#include "cloud/store/sqlite.h"

static int op_member_put(struct store *s, int64_t project, const char *user_id,
    int64_t joined_ms, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);

	assert(project > 0);
	return sqlite_note(q,
	    vs_db_run(q->db, SQL_MEMBER_PUT, err, "iti", project, user_id,
		joined_ms));
}

static int op_member_del(
    struct store *s, int64_t project, const char *user_id, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	int rc;

	assert(project > 0);
	rc = vs_db_run(q->db, SQL_MEMBER_DEL, err, "it", project, user_id);
	if (rc != VS_OK)
		return sqlite_note(q, rc);
	if (vs_db_changes(q->db) == 0)
		return vs_err_set(err, VS_ENOENT, "no such member");
	return VS_OK;
}

static int op_members(struct store *s, int64_t project,
    int (*row)(void *arg, const struct store_member *m), void *arg,
    struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_MEMBERS, err);
	struct store_member m;
	int rc;

	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q, vs_db_bind(st, err, "i", project));
	if (rc != VS_OK)
		return rc;
	while ((rc = sqlite_step(q, st, err)) > 0) {
		sqlite_copy(st, 0, m.user_id, sizeof(m.user_id));
		sqlite_copy(st, 1, m.name, sizeof(m.name));
		m.role =
		    sqlite3_column_int(st, 2) != 0 ? STORE_OWNER : STORE_MEMBER;
		m.joined_ms = sqlite3_column_int64(st, 3);
		rc = row(arg, &m);
		if (rc != 0)
			break;
	}
	(void)sqlite3_reset(st);
	return rc < 0 ? rc : VS_OK;
}

static int op_access_stamp(struct store *s, int64_t *stamp, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_ACCESS, err);
	int rc;

	if (st == NULL)
		return q->failed;
	rc = sqlite_step(q, st, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return sqlite_note(
		    q, vs_err_set(err, VS_ECORRUPT, "the stamp of rights"));
	*stamp = sqlite3_column_int64(st, 0);
	(void)sqlite3_reset(st);
	return VS_OK;
}

static int op_invite_put(
    struct store *s, const struct store_invite *i, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);

	assert(i->project > 0 && i->used_by[0] == '\0');
	return sqlite_note(q,
	    vs_db_run(q->db, SQL_INVITE_PUT, err, "biii", (const void *)i->hash,
		sizeof(i->hash), i->project, i->created_ms, i->expires_ms));
}

static int op_invite_get(struct store *s, const uint8_t hash[VS_SHA256_SIZE],
    struct store_invite *i, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_INVITE_GET, err);
	int rc;

	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q,
	    vs_db_bind(
		st, err, "b", (const void *)hash, (size_t)VS_SHA256_SIZE));
	if (rc == VS_OK)
		rc = sqlite_step(q, st, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return vs_err_set(err, VS_ENOENT, "no such invitation");
	memcpy(i->hash, hash, VS_SHA256_SIZE);
	sqlite_copy(st, 0, i->project_id, sizeof(i->project_id));
	i->project = sqlite3_column_int64(st, 1);
	sqlite_copy(st, 2, i->used_by, sizeof(i->used_by));
	i->created_ms = sqlite3_column_int64(st, 3);
	i->expires_ms = sqlite3_column_int64(st, 4);
	(void)sqlite3_reset(st);
	return VS_OK;
}

static int op_invite_use(struct store *s, const uint8_t hash[VS_SHA256_SIZE],
    const char *user_id, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);

	return sqlite_note(q,
	    vs_db_run(q->db, SQL_INVITE_USE, err, "tb", user_id,
		(const void *)hash, (size_t)VS_SHA256_SIZE));
}

void sqlite_member_ops(struct store_ops *ops)
{
	ops->member_put = op_member_put;
	ops->member_del = op_member_del;
	ops->members = op_members;
	ops->access_stamp = op_access_stamp;
	ops->invite_put = op_invite_put;
	ops->invite_get = op_invite_get;
	ops->invite_use = op_invite_use;
}
