/* Users, their tokens and their devices. */
#include <assert.h>
#include <string.h>

#include "cloud/store/sqlite.h"

#define TICKET_KEY 32 /* bytes */

static int user_read(struct sqlite *q, sqlite3_stmt *st, struct store_user *u,
    struct vs_err *err)
{
	int rc = sqlite_step(q, st, err);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return vs_err_set(err, VS_ENOENT, "no such user");
	sqlite_copy(st, 0, u->id, sizeof(u->id));
	sqlite_copy(st, 1, u->name, sizeof(u->name));
	u->created_ms = sqlite3_column_int64(st, 2);
	(void)sqlite3_reset(st);
	return VS_OK;
}

static int op_user_named(
    struct store *s, const char *name, struct store_user *u, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_USER_NAMED, err);
	int rc;

	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q, vs_db_bind(st, err, "t", name));
	return rc != VS_OK ? rc : user_read(q, st, u, err);
}

static int op_user_put(
    struct store *s, const struct store_user *u, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	struct store_user other;
	int rc = op_user_named(s, u->name, &other, err);

	if (rc == VS_OK)
		return vs_err_set(
		    err, VS_EEXIST, "user %s exists already", u->name);
	if (rc != VS_ENOENT)
		return rc;
	vs_err_clear(err);
	return sqlite_note(q,
	    vs_db_run(q->db, SQL_USER_PUT, err, "tti", u->id, u->name,
		u->created_ms));
}

static int op_token_put(
    struct store *s, const struct store_token *t, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);

	return sqlite_note(q,
	    vs_db_run(q->db, SQL_TOKEN_PUT, err, "btti", (const void *)t->hash,
		sizeof(t->hash), t->id, t->user_id, t->created_ms));
}

static int op_token_user(struct store *s, const uint8_t hash[VS_SHA256_SIZE],
    struct store_user *u, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_TOKEN_USER, err);
	int rc;

	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q,
	    vs_db_bind(
		st, err, "b", (const void *)hash, (size_t)VS_SHA256_SIZE));
	return rc != VS_OK ? rc : user_read(q, st, u, err);
}

static int op_token_revoke(struct store *s, const char *id, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	int rc = vs_db_run(q->db, SQL_TOKEN_DEL, err, "t", id);

	if (rc != VS_OK)
		return sqlite_note(q, rc);
	if (vs_db_changes(q->db) == 0)
		return vs_err_set(err, VS_ENOENT, "no token %s", id);
	return VS_OK;
}

static int op_tokens(struct store *s,
    int (*row)(void *arg, const struct store_token *t), void *arg,
    struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_TOKENS, err);
	struct store_token t;
	int rc;

	if (st == NULL)
		return q->failed;
	while ((rc = sqlite_step(q, st, err)) > 0) {
		memset(&t, 0, sizeof(t));
		sqlite_copy(st, 0, t.id, sizeof(t.id));
		sqlite_copy(st, 1, t.user_id, sizeof(t.user_id));
		sqlite_copy(st, 2, t.user_name, sizeof(t.user_name));
		if (sqlite3_column_bytes(st, 3) == VS_SHA256_SIZE)
			memcpy(
			    t.hash, sqlite3_column_blob(st, 3), VS_SHA256_SIZE);
		t.created_ms = sqlite3_column_int64(st, 4);
		rc = row(arg, &t);
		if (rc != 0)
			break;
	}
	(void)sqlite3_reset(st);
	return rc < 0 ? rc : VS_OK;
}

static int op_device_put(
    struct store *s, const struct store_device *d, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);

	assert(d->ticket_key != NULL);
	return sqlite_note(q,
	    vs_db_run(q->db, SQL_DEVICE_PUT, err, "ttttttbi", d->id, d->user_id,
		d->name, d->endpoints, d->public_key_pin, d->seal_public_key,
		(const void *)d->ticket_key, (size_t)TICKET_KEY,
		d->created_ms));
}

static int op_device_check(
    struct store *s, const char *id, const char *user_id, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_DEVICE_CHECK, err);
	int rc;

	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q, vs_db_bind(st, err, "tt", id, user_id));
	if (rc == VS_OK)
		rc = sqlite_step(q, st, err);
	if (rc < 0)
		return rc;
	(void)sqlite3_reset(st);
	return rc > 0 ? VS_OK : vs_err_set(err, VS_ENOENT, "no such device");
}

static int op_device_move(
    struct store *s, const struct store_device *d, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	int rc;

	assert(d->endpoints != NULL);
	rc = vs_db_run(q->db, SQL_DEVICE_MOVE, err, "tttt", d->endpoints,
	    d->public_key_pin, d->id, d->user_id);
	if (rc != VS_OK)
		return sqlite_note(q, rc);
	if (vs_db_changes(q->db) == 0)
		return vs_err_set(err, VS_ENOENT, "no such device");
	return VS_OK;
}

static int device_read(sqlite3_stmt *st,
    int (*row)(void *arg, const struct store_device *d), void *arg,
    struct vs_err *err)
{
	struct store_device d = {
		.id = sqlite_text(st, 0),
		.user_id = sqlite_text(st, 1),
		.name = sqlite_text(st, 2),
		.endpoints = sqlite_text(st, 3),
		.public_key_pin = sqlite_text(st, 4),
		.seal_public_key = sqlite_text(st, 5),
		.ticket_key = sqlite3_column_blob(st, 6),
		.created_ms = sqlite3_column_int64(st, 7),
	};
	int rc;

	if (sqlite3_column_bytes(st, 6) != TICKET_KEY)
		return vs_err_set(err, VS_ECORRUPT, "key of a device");
	rc = row(arg, &d);
	return rc < 0 ? rc : VS_OK;
}

static int op_device_get(struct store *s, const char *id, const char *user_id,
    int (*row)(void *arg, const struct store_device *d), void *arg,
    struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(
	    q, id == NULL ? SQL_DEVICE_NEWEST : SQL_DEVICE_GET, err);
	int rc;

	assert(id != NULL || user_id != NULL);
	if (st == NULL)
		return q->failed;
	rc = id == NULL ? vs_db_bind(st, err, "t", user_id)
			: vs_db_bind(st, err, "tt", id, user_id);
	(void)sqlite_note(q, rc);
	if (rc == VS_OK)
		rc = sqlite_step(q, st, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return vs_err_set(err, VS_ENOENT, "no such device");
	rc = device_read(st, row, arg, err);
	(void)sqlite3_reset(st);
	return rc;
}

void sqlite_user_ops(struct store_ops *ops)
{
	ops->user_put = op_user_put;
	ops->user_named = op_user_named;
	ops->token_put = op_token_put;
	ops->token_user = op_token_user;
	ops->token_revoke = op_token_revoke;
	ops->tokens = op_tokens;
	ops->device_put = op_device_put;
	ops->device_check = op_device_check;
	ops->device_move = op_device_move;
	ops->device_get = op_device_get;
}
