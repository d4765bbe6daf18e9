/*
 * Opening is done in an order that leaves alone what it does not know: the
 * schema's version is looked at without locks or journal first, then once
 * more through the real connection, before anything is written.
 */
#include "common/db/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/db/walfile.h"
#include "common/db/words.h"

#define DB_BUSY_MS 500
#define DB_CACHE_KIB 2000 /* as SQLite's own */
#define DB_LOG_PAGES 4000
#define DB_VERSION_MAX 100000 /* beyond is no schema, but damage */
#define DB_PATH_MAX 16384 /* bytes of a path as a URI, escapes included */

struct vs_db {
	sqlite3 *handle;
	const char *const *sql;
	int sql_count;
	sqlite3_stmt **stmts; /* NULL until first asked for */
	sqlite3_stmt
	    *hold; /* on its row: the file's lock is held for reading */
	int64_t ordinal; /* of the rows of a statement */
	bool readonly;
};

/* What the system said, where SQLite only knows that it failed. */
static int db_io_code(sqlite3 *h, int fallback)
{
	int errnum = sqlite3_system_errno(h);
	int code = errnum != 0 ? vs_err_of_errno(errnum) : fallback;

	switch (code) {
	case VS_ENOENT:
	case VS_ENOTDIR:
	case VS_EACCES:
	case VS_ENOSPC:
	case VS_EROFS:
	case VS_ELIMIT:
	case VS_ENOMEM:
		return code;
	default:
		return fallback;
	}
}

static int db_code_extended(int rc)
{
	switch (rc) {
	case SQLITE_IOERR_NOMEM:
		return VS_ENOMEM;
	case SQLITE_IOERR_CORRUPTFS:
	case SQLITE_IOERR_DATA:
		return VS_ECORRUPT;
	case SQLITE_READONLY_DBMOVED:
		return VS_EIO;
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
		return VS_EEXIST;
	default:
		return VS_OK;
	}
}

static int db_code(sqlite3 *h, int rc)
{
	int code = db_code_extended(rc);

	if (code != VS_OK)
		return code;
	switch (rc & 0xFF) {
	case SQLITE_NOMEM:
		return VS_ENOMEM;
	case SQLITE_IOERR:
		return db_io_code(h, VS_EIO) == VS_ENOSPC ? VS_ENOSPC : VS_EIO;
	case SQLITE_FULL:
		return VS_ENOSPC;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return VS_ECORRUPT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return VS_EBUSY;
	case SQLITE_CANTOPEN:
		return db_io_code(h, VS_EIO);
	case SQLITE_READONLY:
		return VS_EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return VS_EACCES;
	case SQLITE_TOOBIG:
		return VS_ELIMIT;
	case SQLITE_INTERRUPT:
		return VS_ECANCELED;
	case SQLITE_CONSTRAINT:
		return VS_ECONFLICT;
	default:
		return VS_EBUG;
	}
}

static int db_error(sqlite3 *h, int rc, const char *what, struct vs_err *err)
{
	return vs_err_set(err, db_code(h, rc), "%s: %s", what,
	    h != NULL ? sqlite3_errmsg(h) : sqlite3_errstr(rc));
}

static int db_exec(sqlite3 *h, const char *sql, struct vs_err *err)
{
	int rc = sqlite3_exec(h, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? VS_OK : db_error(h, rc, "database", err);
}

/* The first column of the first row of sql as an integer. */
static int db_get_int(sqlite3 *h, const char *sql, int *out, struct vs_err *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(h, sql, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? VS_OK : db_error(h, rc, "database", err);
}

/* The path as a URI that ignores journal and locks. */
static void db_peek_uri(struct vs_buf *b, const char *path)
{
	vs_buf_addstr(b, "file:");
	for (; *path != '\0'; path++) {
		if (strchr("?#%", *path) != NULL)
			vs_buf_addf(b, "%%%02X", (unsigned char)*path);
		else
			vs_buf_addch(b, *path);
	}
	vs_buf_addstr(b, "?immutable=1");
}

/*
 * The version in the file's header, without a trace.  Whatever else is wrong
 * with the file is found when it is opened in earnest: then it counts as 0.
 */
static int db_peek_version(const struct vs_db_options *o)
{
	struct vs_buf uri;
	sqlite3 *h = NULL;
	int version = 0;
	int rc;

	vs_buf_init(&uri, DB_PATH_MAX);
	db_peek_uri(&uri, o->path);
	if (vs_buf_error(&uri) != VS_OK)
		goto out;
	rc = sqlite3_open_v2(vs_buf_str(&uri), &h,
	    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI,
	    o->vfs);
	if (rc == SQLITE_OK)
		(void)db_get_int(h, "PRAGMA user_version", &version, NULL);
	sqlite3_close(h);
out:
	vs_buf_release(&uri);
	return version;
}

static int db_check_version(
    const struct vs_db_options *o, int version, struct vs_err *err)
{
	if (version < 0 || version > DB_VERSION_MAX)
		return vs_err_set(
		    err, VS_ECORRUPT, "schema %d cannot be", version);
	if (version > o->version)
		return vs_err_set(err, VS_ESCHEMA,
		    "schema %d is newer than the %d this program knows",
		    version, o->version);
	if (o->readonly && version < o->version)
		return vs_err_set(err, VS_ESCHEMA,
		    "schema %d is older than %d and opened for reading only",
		    version, o->version);
	return VS_OK;
}

/* Lets a build for tests do without the flush, to see that it matters. */
static bool db_flushes(void)
{
#ifdef VS_TEST_HOOKS
	const char *s = getenv("VSYNC_TEST_SYNCHRONOUS");

	if (s != NULL && strcmp(s, "NORMAL") == 0)
		return false;
#endif
	return true;
}

static const char *db_synchronous(void)
{
	return db_flushes() ? "PRAGMA synchronous=FULL"
			    : "PRAGMA synchronous=NORMAL";
}

/* How much it keeps in memory, and of the log before it tidies up. */
static int db_setup_sizes(
    sqlite3 *h, const struct vs_db_options *o, struct vs_err *err)
{
	char sql[96];

	snprintf(sql, sizeof(sql),
	    "PRAGMA cache_size=-%d;PRAGMA wal_autocheckpoint=%d",
	    o->cache_kib > 0 ? o->cache_kib : DB_CACHE_KIB,
	    o->log_pages > 0 ? o->log_pages : DB_LOG_PAGES);
	return db_exec(h, sql, err);
}

static int db_setup(
    sqlite3 *h, const struct vs_db_options *o, struct vs_err *err)
{
	static const char pragmas[] =
	    "PRAGMA trusted_schema=OFF;"
	    "PRAGMA cell_size_check=ON;"
	    "PRAGMA foreign_keys=ON;"
	    "PRAGMA secure_delete=FAST;"
	    "PRAGMA fullfsync=ON;" /* systems that have it: macOS */
	    "PRAGMA checkpoint_fullfsync=ON;"
	    "PRAGMA temp_store=MEMORY";
	int rc = db_exec(h, pragmas, err);

	if (rc == VS_OK)
		rc = db_setup_sizes(h, o, err);
	return rc < 0 ? rc : db_exec(h, db_synchronous(), err);
}

/* WAL, or what a special file system makes of it; never less durable. */
static int db_setup_journal(
    sqlite3 *h, const struct vs_db_options *o, struct vs_err *err)
{
	sqlite3_stmt *st = NULL;
	const char *mode = "";
	bool good;
	int rc =
	    sqlite3_prepare_v2(h, "PRAGMA journal_mode=WAL", -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		mode = (const char *)sqlite3_column_text(st, 0);
	good = mode != NULL &&
	    (strcmp(mode, "wal") == 0 || strcmp(mode, "memory") == 0 ||
		(o->vfs != NULL && strcmp(mode, "delete") == 0));
	sqlite3_finalize(st);
	if (rc != SQLITE_ROW)
		return db_error(h, rc, "write-ahead log", err);
	if (!good)
		return vs_err_set(err, VS_ENOTSUP,
		    "this file system does not carry a write-ahead log");
	return VS_OK;
}

/* Lets a build for tests migrate in steps, to see that it matters. */
static int db_migrate_begin(struct vs_db *db, struct vs_err *err)
{
#ifdef VS_TEST_HOOKS
	if (getenv("VSYNC_TEST_MIGRATE_IN_STEPS") != NULL)
		return VS_OK;
#endif
	return vs_db_begin(db, err);
}

/* Takes the schema from version to what we know, or not at all. */
static int db_migrate(struct vs_db *db, const struct vs_db_options *o,
    int version, struct vs_err *err)
{
	char sql[64];
	int rc;

	if (version == o->version)
		return VS_OK;
	rc = db_migrate_begin(db, err);
	if (rc < 0)
		return rc;
	/* Somebody else may have been at it before we had the lock. */
	rc = db_get_int(db->handle, "PRAGMA user_version", &version, err);
	if (rc == VS_OK)
		rc = db_check_version(o, version, err);
	for (; rc == VS_OK && version < o->version; version++)
		rc = db_exec(db->handle, o->migrations[version], err);
	snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", o->version);
	if (rc == VS_OK)
		rc = db_exec(db->handle, sql, err);
	if (rc == VS_OK && vs_db_in_transaction(db))
		rc = vs_db_commit(db, err);
	if (rc < 0)
		vs_db_rollback(db);
	return rc;
}

static int db_start(
    struct vs_db *db, const struct vs_db_options *o, struct vs_err *err)
{
	int version = 0;
	int rc;

	sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* else one with a parameter where a partial index has a constant is
	   prepared anew for each value */
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
	rc = db_get_int(db->handle, "PRAGMA user_version", &version, err);
	if (rc == VS_OK)
		rc = db_check_version(o, version, err);
	/* A log of a newer program stays where that program left it. */
	if (rc == VS_ESCHEMA)
		sqlite3_db_config(
		    db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (rc == VS_OK)
		rc = db_setup(db->handle, o, err);
	if (rc < 0 || o->readonly)
		return rc;
	rc = db_setup_journal(db->handle, o, err);
	if (rc == VS_OK)
		rc = db_migrate(db, o, version, err);
	/*
	 * A log that was left may be readable and yet not on the disk: its
	 * sync failed, and the kernel took the pages for clean.  Nothing
	 * durable can follow such a gap, so the log goes home first.
	 */
	return rc < 0 ? rc : vs_db_checkpoint(db, err);
}

/*
 * Makes the file itself for our eyes only; SQLite gives its log and index
 * the same mode.  Only a new file is ever opened here: closing another
 * descriptor of a database would drop this process's locks on it.
 */
static void db_make_file(const struct vs_db_options *o)
{
	int fd;

	if (o->vfs != NULL || o->readonly || o->path[0] == ':')
		return;
	fd = open(o->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

static struct vs_db *db_alloc(const struct vs_db_options *o)
{
	struct vs_db *db = calloc(1, sizeof(*db));

	if (db == NULL)
		return NULL;
	db->sql = o->sql;
	db->sql_count = o->sql_count;
	db->readonly = o->readonly;
	if (o->sql_count > 0) {
		db->stmts = calloc((size_t)o->sql_count, sizeof(*db->stmts));
		if (db->stmts == NULL) {
			free(db);
			return NULL;
		}
	}
	return db;
}

static int db_open_handle(
    struct vs_db *db, const struct vs_db_options *o, struct vs_err *err)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	const char *vfs = o->vfs;
	int rc;

	if (vfs == NULL && !o->readonly && db_flushes())
		vfs = vs_walfile_vfs();
	db_make_file(o);
	flags |= o->readonly ? SQLITE_OPEN_READONLY
			     : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	rc = sqlite3_open_v2(o->path, &db->handle, flags, vfs);
	if (rc == SQLITE_OK)
		rc = vs_words_add(db->handle, &db->ordinal);
	if (rc == SQLITE_OK)
		sqlite3_rollback_hook(db->handle, vs_walfile_drop, db->handle);
	if (rc == SQLITE_OK)
		return VS_OK;
	return db_error(db->handle, rc, "database", err);
}

void vs_db_lean(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	vs_walfile_register();
}

int vs_db_open(
    struct vs_db **out, const struct vs_db_options *o, struct vs_err *err)
{
	struct vs_db *db;
	int rc;

	assert(out != NULL && o != NULL && o->path != NULL);
	assert(o->version == 0 || o->migrations != NULL);
	*out = NULL;
	db = db_alloc(o);
	if (db == NULL)
		return vs_err_set(err, VS_ENOMEM, "open %s", o->path);
	rc = VS_OK;
	if (db_peek_version(o) > o->version)
		rc = db_check_version(o, db_peek_version(o), err);
	if (rc == VS_OK)
		rc = db_open_handle(db, o, err);
	if (rc == VS_OK)
		rc = db_start(db, o, err);
	if (rc == VS_OK) {
		*out = db;
		return VS_OK;
	}
	vs_db_close(db);
	if (err != NULL)
		vs_err_wrap(err, "open %s", o->path);
	return rc;
}

void vs_db_close(struct vs_db *db)
{
	int rc;

	if (db == NULL)
		return;
	for (int i = 0; i < db->sql_count; i++)
		sqlite3_finalize(db->stmts[i]);
	sqlite3_finalize(db->hold);
	free(db->stmts);
	rc = sqlite3_close(db->handle);
	assert(rc == SQLITE_OK);
	(void)rc;
	free(db);
}

sqlite3_stmt *vs_db_stmt(struct vs_db *db, int i, struct vs_err *err)
{
	int rc;

	assert(i >= 0 && i < db->sql_count);
	db->ordinal = 0;
	if (db->stmts[i] != NULL) {
		sqlite3_reset(db->stmts[i]);
		sqlite3_clear_bindings(db->stmts[i]);
		return db->stmts[i];
	}
	rc = sqlite3_prepare_v3(db->handle, db->sql[i], -1,
	    SQLITE_PREPARE_PERSISTENT, &db->stmts[i], NULL);
	if (rc == SQLITE_OK && db->stmts[i] != NULL)
		return db->stmts[i];
	db_error(db->handle, rc, db->sql[i], err);
	return NULL;
}

/* Binds one value of the kind c, taken from ap. */
static int db_bind_one(sqlite3_stmt *st, int i, char c, va_list *ap)
{
	const void *p;
	sqlite3_uint64 len;

	switch (c) {
	case 'i':
		return sqlite3_bind_int64(st, i, va_arg(*ap, int64_t));
	case 't':
		return sqlite3_bind_text(
		    st, i, va_arg(*ap, const char *), -1, SQLITE_STATIC);
	case 'b':
		p = va_arg(*ap, const void *);
		len = va_arg(*ap, size_t);
		return sqlite3_bind_blob64(st, i, p, len, SQLITE_STATIC);
	case 'x':
		p = va_arg(*ap, const char *);
		len = va_arg(*ap, size_t);
		return sqlite3_bind_text64(
		    st, i, p, len, SQLITE_STATIC, SQLITE_UTF8);
	case 'n':
		return sqlite3_bind_null(st, i);
	default:
		assert(c == 'n'); /* no such letter */
		return SQLITE_MISUSE;
	}
}

static int db_bind_all(
    sqlite3_stmt *st, struct vs_err *err, const char *fmt, va_list *ap)
{
	int rc = SQLITE_OK;

	assert((int)strlen(fmt) == sqlite3_bind_parameter_count(st));
	for (int i = 0; fmt[i] != '\0' && rc == SQLITE_OK; i++)
		rc = db_bind_one(st, i + 1, fmt[i], ap);
	if (rc == SQLITE_OK)
		return VS_OK;
	return db_error(sqlite3_db_handle(st), rc, "bind", err);
}

int vs_db_bind(sqlite3_stmt *st, struct vs_err *err, const char *fmt, ...)
{
	va_list ap;
	int rc;

	assert(st != NULL && fmt != NULL);
	va_start(ap, fmt);
	rc = db_bind_all(st, err, fmt, &ap);
	va_end(ap);
	return rc;
}

int vs_db_step(struct vs_db *db, sqlite3_stmt *st, struct vs_err *err)
{
	int rc = sqlite3_step(st);
	int code = VS_OK;

	if (rc == SQLITE_ROW)
		return 1;
	/* Before the reset, which may change the connection's message. */
	if (rc != SQLITE_DONE)
		code = db_error(db->handle, rc, "database", err);
	sqlite3_reset(st);
	return code;
}

int vs_db_first(struct vs_db *db, int i, sqlite3_stmt **st, struct vs_err *err,
    const char *fmt, ...)
{
	va_list ap;
	int rc;

	*st = vs_db_stmt(db, i, err);
	if (*st == NULL)
		return db_code(
		    db->handle, sqlite3_extended_errcode(db->handle));
	va_start(ap, fmt);
	rc = db_bind_all(*st, err, fmt, &ap);
	va_end(ap);
	return rc < 0 ? rc : vs_db_step(db, *st, err);
}

int vs_db_run(struct vs_db *db, int i, struct vs_err *err, const char *fmt, ...)
{
	sqlite3_stmt *st = vs_db_stmt(db, i, err);
	va_list ap;
	int rc;

	if (st == NULL)
		return db_code(
		    db->handle, sqlite3_extended_errcode(db->handle));
	va_start(ap, fmt);
	rc = db_bind_all(st, err, fmt, &ap);
	va_end(ap);
	if (rc < 0)
		return rc;
	do {
		rc = vs_db_step(db, st, err);
	} while (rc > 0);
	sqlite3_clear_bindings(st);
	return rc;
}

int vs_db_exec(struct vs_db *db, const char *sql, struct vs_err *err)
{
	return db_exec(db->handle, sql, err);
}

void vs_db_hold(struct vs_db *db)
{
	if (vs_db_in_transaction(db))
		return;
	if (db->hold == NULL)
		(void)sqlite3_prepare_v3(db->handle,
		    "SELECT 1 FROM sqlite_schema LIMIT 1", -1,
		    SQLITE_PREPARE_PERSISTENT, &db->hold, NULL);
	/* a statement on its row, so that what is written is not part of it */
	if (db->hold != NULL && !sqlite3_stmt_busy(db->hold) &&
	    sqlite3_step(db->hold) != SQLITE_ROW)
		sqlite3_reset(db->hold);
}

void vs_db_let_go(struct vs_db *db)
{
	if (db->hold != NULL)
		sqlite3_reset(db->hold);
}

sqlite3 *vs_db_handle(const struct vs_db *db)
{
	return db->handle;
}

int vs_db_begin(struct vs_db *db, struct vs_err *err)
{
	assert(!vs_db_in_transaction(db));
	vs_db_let_go(db); /* else no commit would tidy up the log */
	return db_exec(db->handle, "BEGIN IMMEDIATE", err);
}

int vs_db_commit(struct vs_db *db, struct vs_err *err)
{
	assert(vs_db_in_transaction(db));
	return db_exec(db->handle, "COMMIT", err);
}

void vs_db_rollback(struct vs_db *db)
{
	/* A failed statement may have rolled back already. */
	if (vs_db_in_transaction(db))
		(void)db_exec(db->handle, "ROLLBACK", NULL);
}

bool vs_db_in_transaction(const struct vs_db *db)
{
	return sqlite3_get_autocommit(db->handle) == 0;
}

int64_t vs_db_last_rowid(const struct vs_db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int vs_db_changes(const struct vs_db *db)
{
	return sqlite3_changes(db->handle);
}

int vs_db_checkpoint(struct vs_db *db, struct vs_err *err)
{
	int rc;

	assert(!db->readonly && !vs_db_in_transaction(db));
	vs_db_let_go(db);
	/* Nobody waits for a reader here. */
	sqlite3_busy_timeout(db->handle, 0);
	rc = sqlite3_wal_checkpoint_v2(
	    db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
	if (rc == SQLITE_OK || (rc & 0xFF) == SQLITE_BUSY)
		return VS_OK;
	return db_error(db->handle, rc, "checkpoint", err);
}

/*
 * What a check found: a page that could not be read, for a disk that fails or
 * want of memory, says nothing of the database.
 */
static int check_verdict(struct vs_db *db, const char *text, struct vs_err *err)
{
	static const char mark[] = "error code=";
	const char *at = text != NULL ? strstr(text, mark) : NULL;
	int rc = at != NULL ? (int)strtol(at + strlen(mark), NULL, 10)
			    : SQLITE_CORRUPT;

	if (text != NULL && strcmp(text, "ok") == 0)
		return VS_OK;
	if ((rc & 0xFF) == SQLITE_IOERR || (rc & 0xFF) == SQLITE_NOMEM)
		return db_error(db->handle, rc, "check", err);
	return vs_err_set(
	    err, VS_ECORRUPT, "check: %s", text != NULL ? text : "no answer");
}

int vs_db_check(struct vs_db *db, struct vs_err *err)
{
	sqlite3_stmt *st = NULL;
	int code;
	int rc = sqlite3_prepare_v2(
	    db->handle, "PRAGMA quick_check(1)", -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc != SQLITE_ROW)
		code = db_error(db->handle, rc, "check", err);
	else
		code = check_verdict(
		    db, (const char *)sqlite3_column_text(st, 0), err);
	sqlite3_finalize(st);
	return code;
}
