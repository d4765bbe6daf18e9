#include "agent/state/manifest.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/scan/compare.h"
#include "agent/state/state_sql.h"
#include "common/base/path.h"

#define ROOT_DIR 1 /* its row is made with the schema */
#define EACH_PAGE 500 /* names read before the callback may write */
#define EACH_ROWS 50 /* rows, likewise */

/* A row of dirs: its id, 0 when there is none, or negative. */
static int64_t dir_find(struct state *s, int64_t parent, const char *name,
    size_t len, struct vs_err *err)
{
	sqlite3_stmt *st;
	int64_t id = 0;
	int rc;

	rc = vs_db_first(s->db, SQL_DIR_FIND, &st, err, "ib", parent,
	    (const void *)name, len);
	if (rc < 0)
		return rc;
	if (rc == 1)
		id = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return id;
}

static int64_t dir_make(struct state *s, int64_t parent, const char *name,
    size_t len, struct vs_err *err)
{
	int rc = vs_db_run(
	    s->db, SQL_DIR_ADD, err, "ib", parent, (const void *)name, len);

	return rc < 0 ? rc : vs_db_last_rowid(s->db);
}

/* The id of a folder asked for lately, which is the latest then; or 0. */
static int64_t dir_recall(struct state *s, const char *path, size_t len)
{
	struct state_dir found;

	for (int i = 0; i < STATE_DIRS; i++) {
		if (s->dir[i].id == 0 || s->dir[i].len != len ||
		    memcmp(s->dir[i].path, path, len) != 0)
			continue;
		if (i > 0) {
			found = s->dir[i];
			memmove(s->dir + 1, s->dir, (size_t)i * sizeof(found));
			s->dir[0] = found;
		}
		return s->dir[0].id;
	}
	return 0;
}

static void dir_remember(
    struct state *s, const char *path, size_t len, int64_t id)
{
	if (len > VS_PATH_MAX)
		return;
	memmove(s->dir + 1, s->dir, (STATE_DIRS - 1) * sizeof(s->dir[0]));
	s->dir[0].id = id;
	s->dir[0].row = false;
	s->dir[0].len = len;
	memcpy(s->dir[0].path, path, len);
	s->dir[0].path[len] = '\0';
}

/* A number may be given again: it and what was below it are not recalled. */
static void dir_forget(struct state *s)
{
	for (int i = 0; i < STATE_DIRS; i++)
		s->dir[i].id = 0;
	memset(s->unsealed, 0, sizeof(s->unsealed));
}

static int64_t dir_resolve(struct state *s, const char *path, size_t len,
    bool make, struct vs_err *err)
{
	int64_t id = ROOT_DIR;
	size_t at = 0;

	while (at < len && id > 0) {
		const char *slash = memchr(path + at, '/', len - at);
		size_t n =
		    slash != NULL ? (size_t)(slash - path) - at : len - at;
		int64_t parent = id;

		id = dir_find(s, parent, path + at, n, err);
		if (id == 0 && make)
			id = dir_make(s, parent, path + at, n, err);
		at += n + 1;
	}
	return id;
}

/* The id of the first len bytes of path; 0 when unknown and not to make. */
static int64_t dir_id(struct state *s, const char *path, size_t len, bool make,
    struct vs_err *err)
{
	int64_t id = len == 0 ? ROOT_DIR : dir_recall(s, path, len);

	if (id != 0)
		return id;
	id = dir_resolve(s, path, len, make, err);
	if (id > 0)
		dir_remember(s, path, len, id);
	return id;
}

static bool is_unsealed(const struct state *s, int64_t dir)
{
	for (int i = 0; i < STATE_UNSEALED; i++)
		if (s->unsealed[i] == dir)
			return true;
	return false;
}

/* A row of dir is written: what a scan found there is no proof any more. */
static int unseal(struct state *s, int64_t dir, struct vs_err *err)
{
	int rc;

	if (is_unsealed(s, dir))
		return 0;
	rc = vs_db_run(s->db, SQL_DIR_UNSEAL, err, "i", dir);
	if (rc < 0)
		return rc;
	memmove(s->unsealed + 1, s->unsealed,
	    (STATE_UNSEALED - 1) * sizeof(s->unsealed[0]));
	s->unsealed[0] = dir;
	return 0;
}

int64_t manifest_enter(struct state *s, const char *dir, struct vs_err *err)
{
	int64_t id = dir_id(s, dir, strlen(dir), true, err);
	int rc = id < 0 ? (int)id : unseal(s, id, err);

	return rc < 0 ? rc : id;
}

int manifest_sealed(struct state *s, const char *dir,
    const uint8_t seal[VS_SHA256_SIZE], struct vs_err *err)
{
	int64_t id = dir_id(s, dir, strlen(dir), false, err);
	sqlite3_stmt *st;
	int rc;

	if (id <= 0)
		return (int)id;
	rc = vs_db_first(s->db, SQL_DIR_SEALED, &st, err, "ib", id,
	    (const void *)seal, (size_t)VS_SHA256_SIZE);
	if (rc == 1)
		sqlite3_reset(st);
	return rc;
}

int manifest_seal(struct state *s, const char *dir,
    const uint8_t seal[VS_SHA256_SIZE], struct vs_err *err)
{
	int64_t id = dir_id(s, dir, strlen(dir), false, err);

	if (id <= 0)
		return (int)id;
	for (int i = 0; i < STATE_UNSEALED; i++)
		if (s->unsealed[i] == id)
			s->unsealed[i] = 0;
	return vs_db_run(s->db, SQL_DIR_SEAL, err, "bi", (const void *)seal,
	    (size_t)VS_SHA256_SIZE, id);
}

/* The directory known by id has another path from now on. */
static int dir_move(
    struct state *s, int64_t id, const char *path, struct vs_err *err)
{
	const char *name = vs_path_name(path);
	int64_t parent = dir_id(s, path, vs_path_parent_len(path), true, err);

	dir_forget(s);
	return parent < 0 ? (int)parent
			  : vs_db_run(s->db, SQL_DIR_MOVE, err, "ibi", parent,
				(const void *)name, strlen(name), id);
}

/* 1 if nothing is in the directory known by id, which is no more then. */
static int dir_yield(struct state *s, int64_t id, struct vs_err *err)
{
	sqlite3_stmt *st;
	int used;
	int rc = vs_db_first(s->db, SQL_DIR_USED, &st, err, "i", id);

	if (rc < 0)
		return rc;
	used = sqlite3_column_int(st, 0);
	sqlite3_reset(st);
	if (used)
		return 0;
	dir_forget(s);
	rc = vs_db_run(s->db, SQL_DIR_DROP, err, "i", id);
	return rc < 0 ? rc : 1;
}

/* What stays gets a number of its own, and what is below it. */
static int stay_behind(struct state *s, const char *path, int64_t id,
    const struct roster *stay, struct vs_err *err)
{
	int64_t own = dir_id(s, path, strlen(path), true, err);
	int rc = own < 0 ? (int)own
			 : vs_db_run(s->db, SQL_DIR_ADOPT, err, "ii", own, id);

	for (size_t i = 0; i < stay->count && rc == 0; i++) {
		const char *name = roster_name(stay, i);

		rc = vs_db_run(s->db, SQL_ENTRY_ADOPT, err, "iib", own, id,
		    (const void *)name, strlen(name));
	}
	return rc;
}

int64_t manifest_rehouse(struct state *s, const char *from, const char *to,
    const struct roster *stay, struct vs_err *err)
{
	int64_t id = dir_id(s, from, strlen(from), false, err);
	int64_t other = id > 0 ? dir_id(s, to, strlen(to), false, err) : 0;
	int rc = 1;

	assert(from[0] != '\0' && to[0] != '\0');
	if (id <= 0 || other < 0)
		return id <= 0 ? id : other;
	if (other > 0)
		rc = dir_yield(s, other, err);
	if (rc <= 0)
		return rc;
	rc = dir_move(s, id, to, err);
	if (rc == 0 && stay->count > 0)
		rc = stay_behind(s, from, id, stay, err);
	return rc < 0 ? rc : id;
}

static void row_stat(sqlite3_stmt *st, int at, struct manifest_row *row)
{
	/* not all of the target, which is long */
	memset(row, 0, offsetof(struct manifest_row, target));
	row->target[0] = '\0';
	row->racy = false;
	row->synced = false;
	row->stat.kind = (enum vs_kind)sqlite3_column_int(st, at);
	row->stat.size = sqlite3_column_int64(st, at + 1);
	row->stat.mtime_ns = sqlite3_column_int64(st, at + 2);
	row->stat.ctime_ns = sqlite3_column_int64(st, at + 3);
	row->stat.ino = (uint64_t)sqlite3_column_int64(st, at + 4);
	row->stat.born_ns = sqlite3_column_int64(st, at + 5);
	row->stat.folder = (uint64_t)sqlite3_column_int64(st, at + 6);
	row->stat.mode = sqlite3_column_int(st, at + 7);
}

static void row_content(sqlite3_stmt *st, int at, struct manifest_row *row)
{
	const void *hash = sqlite3_column_blob(st, at);
	const char *target = (const char *)sqlite3_column_text(st, at + 1);

	row->has_hash =
	    hash != NULL && sqlite3_column_bytes(st, at) == VS_SHA256_SIZE;
	if (row->has_hash)
		memcpy(row->hash, hash, VS_SHA256_SIZE);
	if (target != NULL)
		snprintf(row->target, sizeof(row->target), "%s", target);
}

/* All of a row, from column 0 on. */
static void row_read(sqlite3_stmt *st, struct manifest_row *row)
{
	row_stat(st, 0, row);
	row_content(st, 8, row);
	row->racy = sqlite3_column_int(st, 10) != 0;
	row->synced = sqlite3_column_int(st, 11) != 0;
}

int manifest_get(struct state *s, const char *path, struct manifest_row *row,
    struct vs_err *err)
{
	const char *name = vs_path_name(path);
	int64_t dir = dir_id(s, path, vs_path_parent_len(path), false, err);
	sqlite3_stmt *st;
	int rc;

	if (dir <= 0)
		return (int)dir;
	rc = vs_db_first(s->db, SQL_ENTRY_GET, &st, err, "ib", dir,
	    (const void *)name, strlen(name));
	if (rc <= 0)
		return rc;
	row_read(st, row);
	sqlite3_reset(st);
	return 1;
}

/* The kind of the row of path, or -1 without one, in *kind. */
static int kind_of(
    struct state *s, const char *path, int *kind, struct vs_err *err)
{
	const char *name = vs_path_name(path);
	int64_t dir = dir_id(s, path, vs_path_parent_len(path), false, err);
	sqlite3_stmt *st;
	int rc = 0;

	*kind = -1;
	if (dir > 0)
		rc = vs_db_first(s->db, SQL_ENTRY_GET, &st, err, "ib", dir,
		    (const void *)name, strlen(name));
	if (dir <= 0 || rc <= 0)
		return dir < 0 ? (int)dir : rc;
	*kind = sqlite3_column_int(st, 0);
	sqlite3_reset(st);
	return 0;
}

int manifest_is_dir(struct state *s, const char *path, struct vs_err *err)
{
	size_t n = strlen(path);
	int64_t id;
	int kind, rc;

	if (dir_recall(s, path, n) != 0 && s->dir[0].row)
		return 1;
	rc = kind_of(s, path, &kind, err);
	if (rc < 0 || kind != VS_KIND_DIR)
		return rc;
	id = dir_id(s, path, n, false, err);
	if (id > 0)
		s->dir[0].row = true; /* it is the latest */
	return id < 0 ? (int)id : 1;
}

/* Keeps the counters of struct state with the rows. */
static void count_row(
    struct state *s, const struct manifest_row *row, int64_t sign)
{
	s->counts_dirty = true;
	s->entries += sign;
	s->bytes += sign * row->stat.size;
	if (row->stat.kind == VS_KIND_DIR)
		s->dirs += sign;
}

int manifest_put(struct state *s, const char *path,
    const struct manifest_row *row, const struct manifest_row *old,
    struct vs_err *err)
{
	const char *name = vs_path_name(path);
	const struct disk_stat *t = &row->stat;
	int64_t dir = dir_id(s, path, vs_path_parent_len(path), true, err);
	int rc;

	assert(path[0] != '\0' && !t->odd);
	if (dir < 0)
		return (int)dir;
	rc = unseal(s, dir, err);
	if (rc < 0)
		return rc;
	if (old != NULL && old->stat.kind == VS_KIND_DIR &&
	    t->kind != VS_KIND_DIR)
		dir_forget(s);
	rc = vs_db_run(s->db, SQL_ENTRY_PUT, err, "ibiiiiiiiibtii", dir,
	    (const void *)name, strlen(name), (int64_t)t->kind, t->size,
	    t->mtime_ns, t->ctime_ns, (int64_t)t->ino, t->born_ns,
	    (int64_t)t->folder, (int64_t)t->mode,
	    row->has_hash ? (const void *)row->hash : NULL,
	    (size_t)VS_SHA256_SIZE, row->target[0] != '\0' ? row->target : NULL,
	    (int64_t)row->racy, (int64_t)row->synced);
	if (rc < 0)
		return rc;
	if (old != NULL)
		count_row(s, old, -1);
	count_row(s, row, 1);
	return 0;
}

int manifest_drop(struct state *s, const char *path,
    const struct manifest_row *old, struct vs_err *err)
{
	const char *name = vs_path_name(path);
	int64_t dir = dir_id(s, path, vs_path_parent_len(path), false, err);
	int64_t self = 0;
	int rc;

	if (dir <= 0)
		return (int)dir;
	if (old->stat.kind == VS_KIND_DIR)
		self = dir_find(s, dir, name, strlen(name), err);
	if (self < 0)
		return (int)self;
	rc = unseal(s, dir, err);
	if (rc < 0)
		return rc;
	rc = vs_db_run(s->db, SQL_ENTRY_DROP, err, "ib", dir,
	    (const void *)name, strlen(name));
	if (rc == 0 && self > 0) {
		rc = vs_db_run(s->db, SQL_DIR_DROP, err, "i", self);
		dir_forget(s);
	}
	if (rc == 0)
		count_row(s, old, -1);
	return rc;
}

int manifest_set_synced(
    struct state *s, const char *path, bool synced, struct vs_err *err)
{
	const char *name = vs_path_name(path);
	int64_t dir = dir_id(s, path, vs_path_parent_len(path), false, err);

	if (dir <= 0)
		return (int)dir;
	return vs_db_run(s->db, SQL_ENTRY_SYNCED, err, "iib", (int64_t)synced,
	    dir, (const void *)name, strlen(name));
}

/* A name as a string; blobs in SQLite have no NUL. */
static int name_copy(char *out, sqlite3_stmt *st, int at, struct vs_err *err)
{
	size_t n = (size_t)sqlite3_column_bytes(st, at);

	if (n == 0 || n > VS_NAME_MAX)
		return vs_err_set(err, VS_ECORRUPT,
		    "manifest: a name of %zu "
		    "bytes",
		    n);
	memcpy(out, sqlite3_column_blob(st, at), n);
	out[n] = '\0';
	return 0;
}

int manifest_between(struct state *s, const struct manifest_span *span,
    int (*each)(void *arg, const char *name, const struct manifest_row *row),
    void *arg, struct vs_err *err)
{
	const char *a = vs_path_name(span->first);
	const char *z = vs_path_name(span->last);
	int64_t dir =
	    dir_id(s, span->first, vs_path_parent_len(span->first), false, err);
	struct manifest_row row;
	char name[VS_NAME_MAX + 1];
	sqlite3_stmt *st;
	int n = 0;
	int rc;

	if (dir <= 0)
		return (int)dir;
	rc = vs_db_first(s->db, SQL_ENTRY_BETWEEN, &st, err, "ibbi", dir,
	    (const void *)a, strlen(a), (const void *)z, strlen(z),
	    (int64_t)span->limit);
	while (rc == 1) {
		row_read(st, &row);
		rc = name_copy(name, st, 12, err);
		if (rc == 0)
			rc = each(arg, name, &row);
		n++;
		if (rc != 0) {
			sqlite3_reset(st);
			break;
		}
		rc = vs_db_step(s->db, st, err);
	}
	return rc < 0 ? rc : n;
}

int manifest_synced_between(
    struct state *s, const struct manifest_span *span, struct vs_err *err)
{
	const char *a = vs_path_name(span->first);
	const char *z = vs_path_name(span->last);
	int64_t dir =
	    dir_id(s, span->first, vs_path_parent_len(span->first), false, err);

	if (dir <= 0)
		return (int)dir;
	return vs_db_run(s->db, SQL_ENTRY_SYNCED_BETWEEN, err, "ibb", dir,
	    (const void *)a, strlen(a), (const void *)z, strlen(z));
}

int manifest_list(struct state *s, const char *dir,
    int (*each)(void *arg, const char *name, const struct manifest_row *row),
    void *arg, struct vs_err *err)
{
	char name[VS_NAME_MAX + 1];
	struct manifest_row *row;
	sqlite3_stmt *st;
	int64_t id = dir_id(s, dir, strlen(dir), false, err);
	int rc;

	if (id <= 0)
		return (int)id;
	st = vs_db_stmt(s->db, SQL_ENTRY_LIST, err);
	if (st == NULL)
		return err->code;
	row = malloc(sizeof(*row));
	if (row == NULL)
		return vs_err_set(err, VS_ENOMEM, "manifest: out of memory");
	rc = vs_db_bind(st, err, "i", id);
	while (rc == 0 && (rc = vs_db_step(s->db, st, err)) == 1) {
		row_stat(st, 1, row);
		row->racy = sqlite3_column_int(st, 9) != 0;
		row->synced = sqlite3_column_int(st, 10) != 0;
		row->has_hash = sqlite3_column_int(st, 11) != 0;
		rc = name_copy(name, st, 0, err);
		if (rc == 0)
			rc = each(arg, name, row);
		if (rc < 0)
			sqlite3_reset(st);
	}
	free(row);
	return rc;
}

/* The path of directory id, written to the end of out; returns its start. */
static int dir_path(
    struct state *s, int64_t id, char *out, size_t cap, struct vs_err *err)
{
	size_t at = cap - 1;
	int rc;

	out[at] = '\0';
	while (id != ROOT_DIR) {
		sqlite3_stmt *st = vs_db_stmt(s->db, SQL_DIR_UP, err);
		size_t n;

		if (st == NULL)
			return err->code;
		rc = vs_db_bind(st, err, "i", id);
		if (rc == 0)
			rc = vs_db_step(s->db, st, err);
		if (rc < 0)
			return rc;
		n = rc == 1 ? (size_t)sqlite3_column_bytes(st, 1) : 0;
		if (n == 0 || n + 1 > at) {
			sqlite3_reset(st);
			return vs_err_set(err, VS_ECORRUPT,
			    "manifest: directory %lld is nowhere",
			    (long long)id);
		}
		if (at != cap - 1)
			out[--at] = '/';
		at -= n;
		memcpy(out + at, sqlite3_column_blob(st, 1), n);
		id = sqlite3_column_int64(st, 0);
		sqlite3_reset(st);
	}
	memmove(out, out + at, cap - at);
	return 0;
}

/* The path of the row that st is on, by its columns 12 and 13. */
static int kin_path(struct state *s, sqlite3_stmt *st, int at,
    char path[VS_PATH_MAX + 1], struct vs_err *err)
{
	char dir[VS_PATH_MAX + 1] = "";
	char name[VS_NAME_MAX + 1];
	int64_t id = sqlite3_column_int64(st, at);
	int rc = name_copy(name, st, at + 1, err);

	for (int i = 0; rc == 0 && i < STATE_DIRS; i++)
		if (s->dir[i].id == id)
			return vs_path_join(
			    path, VS_PATH_MAX + 1, s->dir[i].path, name);
	if (rc == 0)
		rc = dir_path(s, id, dir, sizeof(dir), err);
	if (rc == 0 && id != ROOT_DIR)
		dir_remember(s, dir, strlen(dir), id);
	return rc < 0 ? rc : vs_path_join(path, VS_PATH_MAX + 1, dir, name);
}

int manifest_has_kin(
    struct state *s, const struct disk_stat *seen, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(s->db, SQL_ENTRY_KIN, &st, err, "iii",
	    (int64_t)seen->ino, seen->mtime_ns, seen->size);

	if (rc <= 0)
		return rc;
	rc = sqlite3_column_int(st, 0);
	sqlite3_reset(st);
	return rc;
}

int manifest_kin(struct state *s, const struct disk_stat *seen, int nth,
    struct manifest_kin *out, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	if (nth == 0)
		rc = vs_db_first(s->db, SQL_ENTRY_TWIN, &st, err, "iiii",
		    (int64_t)seen->ino, seen->ctime_ns, seen->mtime_ns,
		    seen->size);
	else
		rc = vs_db_first(s->db, SQL_ENTRY_MOVED, &st, err, "iiiii",
		    (int64_t)seen->ino, seen->ctime_ns, seen->mtime_ns,
		    seen->size, (int64_t)(nth - 1));
	if (rc <= 0)
		return rc;
	row_read(st, &out->row);
	out->kin = out->row.has_hash ? compare_kin(seen, &out->row.stat)
				     : COMPARE_STRANGER;
	if (out->kin != COMPARE_STRANGER)
		rc = kin_path(s, st, 12, out->path, err);
	sqlite3_reset(st);
	return rc < 0 ? rc : 1;
}

int manifest_stale(struct state *s, const struct manifest_row *row, int nth,
    char path[VS_PATH_MAX + 1], struct vs_err *err)
{
	const struct disk_stat *t = &row->stat;
	sqlite3_stmt *st;
	int rc = vs_db_first(s->db, SQL_ENTRY_STALE, &st, err, "iiibi",
	    (int64_t)t->ino, t->mtime_ns, (int64_t)t->mode,
	    (const void *)row->hash, sizeof(row->hash), (int64_t)nth);

	if (rc <= 0)
		return rc;
	rc = kin_path(s, st, 0, path, err);
	sqlite3_reset(st);
	return rc < 0 ? rc : 1;
}

/* Names as they are read, before a callback may write. */
struct names {
	int64_t dir;
	char name[VS_NAME_MAX + 1];
};

/* The rows of a bound statement, at most EACH_PAGE; how many. */
static int read_names(
    struct state *s, sqlite3_stmt *st, struct names *page, struct vs_err *err)
{
	int n = 0;
	int rc = 0;

	while (rc == 0 && (rc = vs_db_step(s->db, st, err)) == 1) {
		page[n].dir = sqlite3_column_int64(st, 0);
		rc = name_copy(page[n].name, st, 1, err);
		n++;
		if (rc < 0)
			sqlite3_reset(st);
	}
	return rc < 0 ? rc : n;
}

int manifest_conflicts(struct state *s, int limit,
    int (*each)(void *arg, const char *path), void *arg, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(s->db, SQL_CONFLICT_LIST, err);
	struct names *page;
	char dir[VS_PATH_MAX + 1];
	char path[VS_PATH_MAX + 1];
	int n, rc;

	assert(limit > 0 && limit <= EACH_PAGE);
	if (st == NULL)
		return err->code;
	page = calloc(EACH_PAGE, sizeof(*page));
	if (page == NULL)
		return vs_err_set(err, VS_ENOMEM, "manifest: out of memory");
	rc = vs_db_bind(st, err, "i", (int64_t)limit);
	n = rc < 0 ? rc : read_names(s, st, page, err);
	for (int i = 0; i < n && rc >= 0; i++) {
		rc = dir_path(s, page[i].dir, dir, sizeof(dir), err);
		if (rc >= 0)
			rc =
			    vs_path_join(path, sizeof(path), dir, page[i].name);
		if (rc >= 0)
			rc = each(arg, path);
	}
	free(page);
	return n < 0 ? n : rc < 0 ? rc : 0;
}

/* Rows as they are read, likewise; and where that stands. */
struct each {
	int64_t dir;
	char name[VS_NAME_MAX + 1];
	struct {
		struct names at;
		struct manifest_row row;
	} page[EACH_ROWS];
};

/* What comes next, at most EACH_ROWS rows; how many. */
static int each_page(struct state *s, struct each *e, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(s->db, SQL_ENTRY_EACH, err);
	int n = 0;
	int rc;

	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "ibi", e->dir, (const void *)e->name,
	    strlen(e->name), (int64_t)EACH_ROWS);
	while (rc == 0 && (rc = vs_db_step(s->db, st, err)) == 1) {
		row_read(st, &e->page[n].row);
		e->page[n].at.dir = sqlite3_column_int64(st, 12);
		rc = name_copy(e->page[n].at.name, st, 13, err);
		n++;
		if (rc < 0)
			sqlite3_reset(st);
	}
	if (rc == 0 && n > 0) {
		e->dir = e->page[n - 1].at.dir;
		memcpy(e->name, e->page[n - 1].at.name, sizeof(e->name));
	}
	return rc < 0 ? rc : n;
}

int manifest_each(struct state *s,
    int (*each)(void *arg, const char *path, const struct manifest_row *row),
    void *arg, struct vs_err *err)
{
	struct each *e = malloc(sizeof(*e));
	char dir[VS_PATH_MAX + 1] = "";
	char path[VS_PATH_MAX + 1];
	int64_t dir_at = ROOT_DIR;
	int n = 0;
	int rc = 0;

	if (e == NULL)
		return vs_err_set(err, VS_ENOMEM, "manifest: out of memory");
	e->dir = 0;
	e->name[0] = '\0';
	while (rc >= 0 && (n = each_page(s, e, err)) > 0)
		for (int i = 0; i < n && rc >= 0; i++) {
			const struct names *at = &e->page[i].at;

			if (at->dir != dir_at)
				rc =
				    dir_path(s, at->dir, dir, sizeof(dir), err);
			dir_at = at->dir;
			if (rc >= 0)
				rc = vs_path_join(
				    path, sizeof(path), dir, at->name);
			if (rc >= 0)
				rc = each(arg, path, &e->page[i].row);
		}
	free(e);
	return rc < 0 ? rc : n < 0 ? n : 0;
}
