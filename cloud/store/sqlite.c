/*
 * One connection and the rules around it.
 *
 * - Any failure of SQLite uses the store up (sqlite_note): after an I/O
 *   error or a full disk nobody can tell what a later commit would contain.
 *   Refusals that we decide (a name is taken, a row is not there) do not.
 * - The writer holds the lock file from begin to the end of the transaction
 *   and while it opens, tidies or closes, which is when SQLite checkpoints.
 *   It is let go by the kernel when a process dies.
 * - A reader needs no lock: it sees the state at its first read.
 */
#include "cloud/store/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES 10000 /* of 1 ms: how long another process may write */

/*
 * The writer's.  Paths come in any order and each changes a page of its own:
 * what is in memory need not be read again, and what changes often goes home
 * once for many times.
 */
#define CACHE_KIB (32 * 1024)
#define LOG_PAGES 16384 /* 64 MiB */

struct sqlite *sqlite_of(struct store *s)
{
	assert(s != NULL);
	return (struct sqlite *)(void *)s;
}

int sqlite_note(struct sqlite *q, int rc)
{
	if (rc < 0 && q->failed == VS_OK)
		q->failed = rc;
	return rc;
}

int sqlite_step(struct sqlite *q, sqlite3_stmt *st, struct vs_err *err)
{
	return sqlite_note(q, vs_db_step(q->db, st, err));
}

sqlite3_stmt *sqlite_stmt(
    struct sqlite *q, enum sqlite_sql i, struct vs_err *err)
{
	struct vs_err local = VS_ERR_INIT;
	sqlite3_stmt *st;

	assert(q->db != NULL);
	if (err == NULL)
		err = &local;
	st = vs_db_stmt(q->db, (int)i, err);
	if (st == NULL)
		(void)sqlite_note(q, err->code < 0 ? err->code : VS_EIO);
	return st;
}

const char *sqlite_text(sqlite3_stmt *st, int column)
{
	return (const char *)sqlite3_column_text(st, column);
}

void sqlite_copy(sqlite3_stmt *st, int column, char *out, size_t cap)
{
	const char *text = sqlite_text(st, column);

	assert(cap > 0);
	(void)snprintf(out, cap, "%s", text == NULL ? "" : text);
}

/*
 * SQLite 3.40 must not write or checkpoint from two connections at once.
 * Inside this program there is one that writes; against other processes
 * (a command that adds a user) the lock file is held while writing.
 */
static int lock_take(struct sqlite *q, struct vs_err *err)
{
	static const struct timespec pause = { .tv_nsec = 1000000 };
	int i;

	if (q->lock_fd < 0)
		return VS_OK;
	for (i = 0; i < LOCK_TRIES; i++) {
		if (flock(q->lock_fd, LOCK_EX | LOCK_NB) == 0)
			return VS_OK;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return vs_err_errno(err, errno, "lock the database");
		(void)nanosleep(&pause, NULL);
	}
	return vs_err_set(
	    err, VS_EBUSY, "database: another process is writing");
}

static void lock_drop(struct sqlite *q)
{
	if (q->lock_fd >= 0)
		(void)flock(q->lock_fd, LOCK_UN);
}

static int lock_open(struct sqlite *q, const char *path, struct vs_err *err)
{
	char name[4096];
	int n = snprintf(name, sizeof(name), "%s-lock", path);

	if (n < 0 || (size_t)n >= sizeof(name))
		return vs_err_set(err, VS_EINVAL, "%s: name too long", path);
	q->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (q->lock_fd < 0)
		return vs_err_errno(err, errno, "open %s", name);
	return VS_OK;
}

static void op_close(struct store *s)
{
	struct sqlite *q = sqlite_of(s);
	bool locked = false;

	/* the last connection moves the WAL home: that is writing, too */
	if (q->db != NULL && !q->readonly)
		locked = lock_take(q, NULL) == VS_OK;
	vs_db_close(q->db);
	if (locked)
		lock_drop(q);
	if (q->lock_fd >= 0)
		(void)close(q->lock_fd);
	free(q);
}

static int op_begin(struct store *s, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	int rc;

	assert(!vs_db_in_transaction(q->db));
	if (q->readonly)
		return sqlite_note(q, vs_db_exec(q->db, "BEGIN", err));
	rc = lock_take(q, err);
	if (rc == VS_OK) {
		rc = vs_db_begin(q->db, err);
		if (rc != VS_OK)
			lock_drop(q);
	}
	return sqlite_note(q, rc);
}

static int op_commit(struct store *s, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	int rc;

	if (q->failed != VS_OK)
		return vs_err_set(err, q->failed, "the transaction is lost");
	rc = sqlite_note(q, vs_db_commit(q->db, err));
	if (rc == VS_OK)
		lock_drop(q);
	return rc;
}

static void op_rollback(struct store *s)
{
	struct sqlite *q = sqlite_of(s);

	vs_db_rollback(q->db);
	lock_drop(q);
}

static int op_savepoint(struct store *s, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);

	return sqlite_note(q, vs_db_exec(q->db, "SAVEPOINT one", err));
}

static int op_release(struct store *s, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);

	return sqlite_note(q, vs_db_exec(q->db, "RELEASE one", err));
}

static int op_rollback_to(struct store *s, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);

	return sqlite_note(
	    q, vs_db_exec(q->db, "ROLLBACK TO one; RELEASE one", err));
}

static int op_failed(const struct store *s)
{
	return ((const struct sqlite *)(const void *)s)->failed;
}

static int op_tidy(struct store *s, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	int rc;

	assert(!q->readonly);
	rc = lock_take(q, err);
	if (rc != VS_OK)
		return rc;
	rc = sqlite_note(q, vs_db_checkpoint(q->db, err));
	lock_drop(q);
	return rc;
}

static void fill_ops(struct sqlite *q)
{
	q->ops.close = op_close;
	q->ops.begin = op_begin;
	q->ops.commit = op_commit;
	q->ops.rollback = op_rollback;
	q->ops.savepoint = op_savepoint;
	q->ops.release = op_release;
	q->ops.rollback_to = op_rollback_to;
	q->ops.failed = op_failed;
	q->ops.tidy = op_tidy;
	sqlite_user_ops(&q->ops);
	sqlite_project_ops(&q->ops);
	sqlite_file_ops(&q->ops);
	sqlite_event_ops(&q->ops);
	sqlite_hold_ops(&q->ops);
	sqlite_member_ops(&q->ops);
	sqlite_transfer_ops(&q->ops);
	q->base.ops = &q->ops;
}

int store_open(
    struct store **out, const struct store_options *o, struct vs_err *err)
{
	const struct vs_db_options db = {
		.path = o->path,
		.vfs = o->vfs,
		.readonly = o->readonly,
		.cache_kib = o->readonly ? 0 : CACHE_KIB,
		.log_pages = LOG_PAGES,
		.migrations = sqlite_sql_migrations,
		.version = sqlite_sql_version,
		.sql = sqlite_sql,
		.sql_count = SQL_COUNT,
	};
	struct sqlite *q = calloc(1, sizeof(*q));
	int rc;

	assert(o->path != NULL);
	*out = NULL;
	if (q == NULL)
		return vs_err_set(err, VS_ENOMEM, "open %s", o->path);
	q->lock_fd = -1;
	q->readonly = o->readonly;
	fill_ops(q);
	if (o->vfs == NULL && !o->readonly) {
		rc = lock_open(q, o->path, err);
		if (rc != VS_OK)
			goto out;
	}
	rc = lock_take(q, err);
	if (rc != VS_OK)
		goto out;
	rc = vs_db_open(&q->db, &db, err);
	if (rc == VS_OK)
		rc = sqlite_set_attach(q, err);
	lock_drop(q);
out:
	if (rc != VS_OK)
		op_close(&q->base);
	else
		*out = &q->base;
	return rc;
}

void store_close(struct store *s)
{
	if (s != NULL)
		s->ops->close(s);
}

const char *store_url_file(const char *url)
{
	static const char scheme[] = "sqlite:";

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return NULL;
	url += sizeof(scheme) - 1;
	return url[0] == '\0' ? NULL : url;
}
