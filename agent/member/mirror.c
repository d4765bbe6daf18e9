#include "agent/member/mirror.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/mirror_sql.h"
#include "common/base/hex.h"
#include "common/db/salvage.h"
#include "common/base/text.h"

#define SWEEP_ROWS 500

int mirror_open(
    struct mirror *m, const char *path, const char *vfs, struct vs_err *err)
{
	struct vs_db_options o = {
		.path = path,
		.vfs = vfs,
		.migrations = mirror_sql_migrations,
		.version = mirror_sql_version,
		.sql = mirror_sql_statements,
		.sql_count = MSQL_COUNT,
	};
	int rc;

	memset(m, 0, sizeof(*m));
	rc = vs_db_open(&m->db, &o, err);
	if (rc == 0)
		rc = mirror_load(m, err);
	if (rc < 0)
		mirror_close(m);
	return rc;
}

int mirror_check(struct mirror *m, struct vs_err *err)
{
	int rc = vs_db_check(m->db, err);

	for (int i = 0; rc == 0 && i < MSQL_COUNT; i++)
		if (vs_db_stmt(m->db, i, err) == NULL)
			rc = err->code;
	return rc;
}

int mirror_make_anew(struct mirror *m, const char *path, const char *vfs,
    const char *aside, struct vs_err *err)
{
	static const struct vs_salvage what[] = {
		{ mirror_sql_salvage_meta, MSQL_META_SET },
		{ mirror_sql_salvage_local, MSQL_LOCAL_PUT },
		{ mirror_sql_salvage_names, MSQL_NAME_PUT },
	};
	int64_t n;
	int rc = mirror_open(m, path, vfs, err);

	if (rc < 0)
		return rc;
	rc = vs_db_begin(m->db, err);
	n = rc < 0 ? rc : vs_salvage_take(m->db, aside, vfs, what, 3, err);
	rc = n < 0 ? (int)n : vs_db_commit(m->db, err);
	if (rc == 0)
		rc = mirror_load(m, err);
	if (rc < 0)
		mirror_close(m);
	return rc;
}

void mirror_close(struct mirror *m)
{
	vs_db_close(m->db);
	m->db = NULL;
}

/* meta's value for key as text, "" when absent. */
static int meta_get(struct mirror *m, const char *key, char *out, size_t cap,
    struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(m->db, MSQL_META_GET, err);
	const char *text;
	int rc;

	out[0] = '\0';
	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "t", key);
	if (rc == 0)
		rc = vs_db_step(m->db, st, err);
	if (rc <= 0)
		return rc;
	text = (const char *)sqlite3_column_text(st, 0);
	snprintf(out, cap, "%s", text != NULL ? text : "");
	sqlite3_reset(st);
	return 0;
}

static int meta_int(
    struct mirror *m, const char *key, int64_t *out, struct vs_err *err)
{
	char text[32];
	int rc = meta_get(m, key, text, sizeof(text), err);

	if (rc == 0)
		*out = strtoll(text, NULL, 10);
	return rc;
}

static int load_renamed(struct mirror *m, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(m->db, MSQL_NAME_ANY, &st, err, "");

	if (rc <= 0)
		return rc;
	m->renamed = sqlite3_column_int(st, 0) != 0;
	sqlite3_reset(st);
	return 0;
}

int mirror_load(struct mirror *m, struct vs_err *err)
{
	char sum[2 * sizeof(m->tree.sum) + 1];
	int rc = meta_get(m, "log_id", m->log_id, sizeof(m->log_id), err);

	if (rc == 0)
		rc = meta_int(m, "last_seq", &m->last_seq, err);
	if (rc == 0)
		rc = meta_int(m, "tree_count", &m->tree.count, err);
	if (rc == 0)
		rc = meta_int(m, "tree_bytes", &m->tree.bytes, err);
	if (rc == 0)
		rc = meta_int(m, "dirs", &m->dirs, err);
	if (rc == 0)
		rc = meta_int(m, "gen", &m->gen, err);
	if (rc == 0)
		rc = meta_get(m, "tree_sum", sum, sizeof(sum), err);
	if (rc == 0)
		rc = load_renamed(m, err);
	if (rc < 0)
		return rc;
	memset(m->tree.sum, 0, sizeof(m->tree.sum));
	if (sum[0] != '\0' &&
	    vs_hex_decode(m->tree.sum, sizeof(m->tree.sum), sum) < 0)
		return vs_err_set(
		    err, VS_ECORRUPT, "mirror: tree_sum is no checksum");
	m->dirty = false;
	return 0;
}

int mirror_save(struct mirror *m, struct vs_err *err)
{
	char sum[2 * sizeof(m->tree.sum) + 1];
	const struct {
		const char *key;
		int64_t value;
	} ints[] = {
		{ "last_seq", m->last_seq },
		{ "tree_count", m->tree.count },
		{ "tree_bytes", m->tree.bytes },
		{ "dirs", m->dirs },
		{ "gen", m->gen },
	};
	int rc;

	vs_hex_encode(sum, m->tree.sum, sizeof(m->tree.sum));
	rc = vs_db_run(m->db, MSQL_META_SET, err, "tt", "log_id", m->log_id);
	if (rc == 0)
		rc =
		    vs_db_run(m->db, MSQL_META_SET, err, "tt", "tree_sum", sum);
	for (size_t i = 0; i < sizeof(ints) / sizeof(ints[0]) && rc == 0; i++)
		rc = vs_db_run(m->db, MSQL_META_SET, err, "ti", ints[i].key,
		    ints[i].value);
	m->dirty = false;
	return rc;
}

/* The columns of MIRROR_COLUMNS. */
static void read_row(sqlite3_stmt *st, struct mirror_row *r)
{
	vs_text_copy(
	    r->path, sizeof(r->path), (const char *)sqlite3_column_text(st, 0));
	r->kind = (enum vs_kind)sqlite3_column_int(st, 1);
	r->size = sqlite3_column_int64(st, 2);
	vs_text_copy(
	    r->hash, sizeof(r->hash), (const char *)sqlite3_column_text(st, 3));
	r->has_mtime = sqlite3_column_type(st, 4) != SQLITE_NULL;
	r->mtime_us = sqlite3_column_int64(st, 4);
	r->mode = sqlite3_column_int(st, 5);
	vs_text_copy(r->target, sizeof(r->target),
	    (const char *)sqlite3_column_text(st, 6));
	r->version = sqlite3_column_int64(st, 7);
	r->seq = sqlite3_column_int64(st, 8);
	r->recording = sqlite3_column_int(st, 9) != 0;
}

int mirror_get(struct mirror *m, const char *path, struct mirror_row *row,
    struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(m->db, MSQL_FILE_GET, &st, err, "t", path);
	if (rc <= 0)
		return rc;
	read_row(st, row);
	sqlite3_reset(st);
	return 1;
}

/* Adds (sign 1) or takes away a row. */
static void total(struct mirror *m, const char *path, enum vs_kind kind,
    int64_t size, const char *hash, int sign)
{
	struct vs_tree_row t = {
		.path = path,
		.kind = vs_kind_name(kind),
		.size = size,
		.hash = hash,
	};

	if (sign > 0)
		vs_tree_add(&m->tree, &t);
	else
		vs_tree_sub(&m->tree, &t);
	if (kind == VS_KIND_DIR)
		m->dirs += sign;
	m->dirty = true;
}

static int drop(
    struct mirror *m, const struct mirror_row *old, struct vs_err *err)
{
	total(m, old->path, old->kind, old->size, old->hash, -1);
	return vs_db_run(m->db, MSQL_FILE_DROP, err, "t", old->path);
}

static int put(
    struct mirror *m, const struct vs_listing_row *row, struct vs_err *err)
{
	const struct vs_change *c = &row->c;
	const char *hash = c->hash != NULL ? c->hash : "";
	sqlite3_stmt *st = vs_db_stmt(m->db, MSQL_FILE_PUT, err);
	int rc;

	if (st == NULL)
		return err->code;
	total(m, c->path, c->kind, c->size, hash, 1);
	if (c->has_mtime)
		rc = vs_db_bind(st, err, "tiitiitiiii", c->path,
		    (int64_t)c->kind, c->size, hash, c->mtime_us,
		    (int64_t)c->mode, c->link_target, row->version, row->seq,
		    (int64_t)c->recording, m->gen);
	else
		rc = vs_db_bind(st, err, "tiitnitiiii", c->path,
		    (int64_t)c->kind, c->size, hash, (int64_t)c->mode,
		    c->link_target, row->version, row->seq,
		    (int64_t)c->recording, m->gen);
	return rc < 0 ? rc : vs_db_step(m->db, st, err);
}

static int apply(struct mirror *m, const struct vs_listing_row *row, bool renew,
    struct vs_err *err)
{
	struct mirror_row *old = malloc(sizeof(*old));
	int rc;

	if (old == NULL)
		return vs_err_set(err, VS_ENOMEM, "mirror: out of memory");
	rc = mirror_get(m, row->c.path, old, err);
	if (rc < 0)
		goto out;
	if (rc == 1 && old->seq > row->seq && !renew) {
		rc = 0;
		goto out;
	}
	if (row->deleted) {
		rc = rc == 1 ? drop(m, old, err) : 0;
		goto out;
	}
	if (rc == 1)
		total(m, old->path, old->kind, old->size, old->hash, -1);
	rc = put(m, row, err);
out:
	free(old);
	return rc;
}

int mirror_apply(
    struct mirror *m, const struct vs_listing_row *row, struct vs_err *err)
{
	return apply(m, row, false, err);
}

int mirror_renew(
    struct mirror *m, const struct vs_listing_row *row, struct vs_err *err)
{
	return apply(m, row, true, err);
}

/* Rows of a query, read whole before anything is written. */
struct rows {
	struct mirror_row *at;
	int count;
	int cap;
};

static int read_rows(
    struct mirror *m, sqlite3_stmt *st, struct rows *r, struct vs_err *err)
{
	int rc = 0;

	r->count = 0;
	while (r->count < r->cap && (rc = vs_db_step(m->db, st, err)) == 1)
		read_row(st, &r->at[r->count++]);
	if (rc == 1)
		sqlite3_reset(st);
	return rc < 0 ? rc : 0;
}

static int rows_init(struct rows *r, int cap, struct vs_err *err)
{
	r->count = 0;
	r->cap = cap;
	r->at = malloc((size_t)cap * sizeof(*r->at));
	return r->at != NULL
	    ? 0
	    : vs_err_set(err, VS_ENOMEM, "mirror: out of memory");
}

int mirror_sweep(
    struct mirror *m, char after[VS_PATH_MAX + 1], struct vs_err *err)
{
	struct rows r;
	sqlite3_stmt *st;
	int rc = rows_init(&r, SWEEP_ROWS, err);

	if (rc < 0)
		return rc;
	st = vs_db_stmt(m->db, MSQL_FILE_STALE, err);
	rc = st == NULL
	    ? err->code
	    : vs_db_bind(st, err, "tii", after, m->gen, (int64_t)SWEEP_ROWS);
	if (rc == 0)
		rc = read_rows(m, st, &r, err);
	for (int i = 0; i < r.count && rc == 0; i++)
		rc = drop(m, &r.at[i], err);
	if (rc == 0 && r.count > 0)
		memcpy(after, r.at[r.count - 1].path, sizeof(r.at[0].path));
	free(r.at);
	return rc < 0 ? rc : r.count;
}

/* The bounds of what is below dir, both exclusive. */
static void bounds(
    const char *dir, const char *after, char *from, char *to, size_t cap)
{
	if (dir[0] == '\0') {
		snprintf(from, cap, "%s", after);
		snprintf(to, cap, "\xff");
		return;
	}
	snprintf(from, cap, "%s/", dir);
	if (strcmp(after, from) > 0)
		snprintf(from, cap, "%s", after);
	snprintf(to, cap, "%s0", dir); /* '0' follows '/' */
}

static int query(struct mirror *m, const char *from, const char *to, int limit,
    struct rows *r, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(m->db, MSQL_FILE_AFTER, err);
	int rc;

	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "tti", from, to, (int64_t)limit);
	return rc < 0 ? rc : read_rows(m, st, r, err);
}

int mirror_each(struct mirror *m, const char *dir, const char *after, int limit,
    int (*each)(void *arg, const struct mirror_row *row), void *arg,
    struct vs_err *err)
{
	char from[VS_PATH_MAX + 2], to[VS_PATH_MAX + 2];
	struct rows r;
	int rc = rows_init(&r, limit, err);

	if (rc < 0)
		return rc;
	bounds(dir, after, from, to, sizeof(from));
	rc = query(m, from, to, limit, &r, err);
	for (int i = 0; i < r.count && rc >= 0; i++)
		rc = each(arg, &r.at[i]);
	free(r.at);
	return rc < 0 ? rc : 0;
}

int mirror_children(struct mirror *m, const char *dir, const char *after,
    int limit, int (*each)(void *arg, const struct mirror_row *row), void *arg,
    struct vs_err *err)
{
	char from[VS_PATH_MAX + 2], to[VS_PATH_MAX + 2];
	size_t skip = dir[0] != '\0' ? strlen(dir) + 1 : 0;
	struct rows r;
	int rc = rows_init(&r, 1, err);

	if (rc < 0)
		return rc;
	bounds(dir, after, from, to, sizeof(from));
	while (limit > 0 && rc >= 0) {
		const char *slash;

		rc = query(m, from, to, 1, &r, err);
		if (rc < 0 || r.count == 0)
			break;
		snprintf(from, sizeof(from), "%s", r.at[0].path);
		slash = strchr(r.at[0].path + skip, '/');
		if (slash != NULL) {
			/* inside a folder: over it */
			snprintf(from, sizeof(from), "%.*s/\xff",
			    (int)(slash - r.at[0].path), r.at[0].path);
			continue;
		}
		rc = each(arg, &r.at[0]);
		limit--;
	}
	free(r.at);
	return rc < 0 ? rc : 0;
}

int mirror_local_get(struct mirror *m, const char *path,
    struct mirror_local *local, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(m->db, MSQL_LOCAL_GET, &st, err, "t", path);
	if (rc <= 0)
		return rc;
	memset(local, 0, sizeof(*local));
	vs_text_copy(local->hash, sizeof(local->hash),
	    (const char *)sqlite3_column_text(st, 0));
	local->stat.size = sqlite3_column_int64(st, 1);
	local->stat.mtime_ns = sqlite3_column_int64(st, 2);
	local->stat.ctime_ns = sqlite3_column_int64(st, 3);
	local->stat.ino = (uint64_t)sqlite3_column_int64(st, 4);
	local->stat.mode = sqlite3_column_int(st, 5);
	local->version = sqlite3_column_int64(st, 6);
	sqlite3_reset(st);
	return 1;
}

int mirror_local_put(struct mirror *m, const char *path,
    const struct mirror_local *local, int64_t wall_ms, struct vs_err *err)
{
	const struct disk_stat *t = &local->stat;

	return vs_db_run(m->db, MSQL_LOCAL_PUT, err, "ttiiiiiii", path,
	    local->hash, t->size, t->mtime_ns, t->ctime_ns, (int64_t)t->ino,
	    (int64_t)t->mode, local->version, wall_ms);
}

int mirror_local_count(
    struct mirror *m, int64_t *files, int64_t *bytes, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(m->db, MSQL_LOCAL_COUNT, &st, err, "");
	if (rc < 0)
		return rc;
	*files = sqlite3_column_int64(st, 0);
	*bytes = sqlite3_column_int64(st, 1);
	sqlite3_reset(st);
	return 0;
}
