#include "agent/state/shadow.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/state/state_sql.h"
#include "common/base/hex.h"
#include "common/base/text.h"

#define EACH_PAGE 200 /* paths read before the callback may write */

/* All of a row, from column 0 on. */
static void row_read(sqlite3_stmt *st, struct shadow_row *row)
{
	row->kind = (enum vs_kind)sqlite3_column_int(st, 0);
	row->size = sqlite3_column_int64(st, 1);
	vs_text_copy(row->hash, sizeof(row->hash),
	    (const char *)sqlite3_column_text(st, 2));
	row->recording = sqlite3_column_int(st, 3) != 0;
	row->has_mtime = sqlite3_column_type(st, 4) != SQLITE_NULL;
	row->mtime_us = sqlite3_column_int64(st, 4);
	row->mode = sqlite3_column_type(st, 5) != SQLITE_NULL
	    ? sqlite3_column_int(st, 5)
	    : -1;
}

int shadow_get(struct state *s, const char *path, struct shadow_row *row,
    struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(s->db, SQL_SHADOW_GET, &st, err, "t", path);

	if (rc <= 0)
		return rc;
	row_read(st, row);
	sqlite3_reset(st);
	return 1;
}

int shadow_between(struct state *s, const struct manifest_span *span,
    int (*each)(void *arg, const char *path, const struct shadow_row *row),
    void *arg, struct vs_err *err)
{
	struct shadow_row row;
	sqlite3_stmt *st;
	int n = 0;
	int rc = vs_db_first(s->db, SQL_SHADOW_BETWEEN, &st, err, "tti",
	    span->first, span->last, (int64_t)span->limit);

	while (rc == 1) {
		row_read(st, &row);
		rc = each(arg, (const char *)sqlite3_column_text(st, 6), &row);
		n++;
		if (rc != 0) {
			sqlite3_reset(st);
			break;
		}
		rc = vs_db_step(s->db, st, err);
	}
	return rc < 0 ? rc : n;
}

int shadow_drop_between(
    struct state *s, const struct manifest_span *span, struct vs_err *err)
{
	return vs_db_run(
	    s->db, SQL_SHADOW_DROP_BETWEEN, err, "tt", span->first, span->last);
}

static int put(struct state *s, const char *path, const struct shadow_row *row,
    struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(s->db, SQL_SHADOW_PUT, err);
	int rc;

	if (st == NULL)
		return err->code;
	if (row->has_mtime)
		rc = vs_db_bind(st, err, "tiitiii", path, (int64_t)row->kind,
		    row->size, row->hash, (int64_t)row->recording,
		    row->mtime_us, (int64_t)row->mode);
	else
		rc = vs_db_bind(st, err, "tiitini", path, (int64_t)row->kind,
		    row->size, row->hash, (int64_t)row->recording,
		    (int64_t)row->mode);
	return rc < 0 ? rc : vs_db_step(s->db, st, err);
}

void shadow_total(
    struct state *s, const char *path, const struct shadow_row *row, int sign)
{
	struct vs_tree_row t = {
		.path = path,
		.kind = vs_kind_name(row->kind),
		.size = row->size,
		.hash = row->hash,
	};

	if (sign > 0)
		vs_tree_add(&s->tree, &t);
	else
		vs_tree_sub(&s->tree, &t);
	if (row->kind != VS_KIND_DIR)
		s->cloud_files += sign;
	if (s->cloud_files > s->baseline)
		s->baseline = s->cloud_files;
	s->totals_dirty = true;
}

static void of_manifest(struct shadow_row *out, const struct manifest_row *row)
{
	memset(out, 0, sizeof(*out));
	out->kind = row->stat.kind;
	out->size = row->stat.size;
	out->has_mtime = row->stat.kind != VS_KIND_DIR;
	out->mtime_us = row->stat.mtime_ns / 1000;
	out->mode = row->stat.mode;
	if (row->has_hash)
		vs_hex_encode(out->hash, row->hash, VS_SHA256_SIZE);
}

void shadow_of(struct shadow_row *out, const struct vs_change *c)
{
	memset(out, 0, sizeof(*out));
	out->kind = c->kind;
	out->size = c->size;
	out->recording = c->recording;
	out->has_mtime = c->has_mtime && c->kind != VS_KIND_DIR;
	out->mtime_us = c->mtime_us;
	out->mode = c->mode;
	vs_text_copy(out->hash, sizeof(out->hash), c->hash);
}

int shadow_keep(struct state *s, const char *path,
    const struct manifest_row *old, struct vs_err *err)
{
	struct shadow_row row;

	if (old == NULL || !old->synced)
		return 0;
	of_manifest(&row, old);
	return put(s, path, &row, err);
}

bool shadow_has(const struct shadow_row *row, const struct vs_change *c)
{
	struct shadow_row want;

	shadow_of(&want, c);
	return row->kind == want.kind && row->size == want.size &&
	    strcmp(row->hash, want.hash) == 0 &&
	    (want.mode < 0 || row->mode == want.mode) &&
	    row->recording == want.recording &&
	    row->has_mtime == want.has_mtime &&
	    (!want.has_mtime || row->mtime_us == want.mtime_us);
}

bool shadow_same(const struct manifest_row *row, const struct vs_change *c)
{
	char hex[VS_HASH_HEX + 1] = "";

	if (row->has_hash)
		vs_hex_encode(hex, row->hash, VS_SHA256_SIZE);
	return row->stat.kind == c->kind && row->stat.size == c->size &&
	    strcmp(hex, c->hash != NULL ? c->hash : "") == 0 &&
	    (c->mode < 0 || c->mode == row->stat.mode) &&
	    (!c->has_mtime || c->kind == VS_KIND_DIR ||
		c->mtime_us == row->stat.mtime_ns / 1000);
}

/* What the cloud had at path: 1 with *row, 0, or negative. */
static int believed(struct state *s, const char *path,
    const struct manifest_row *now, struct shadow_row *row, struct vs_err *err)
{
	if (now != NULL && now->synced) {
		of_manifest(row, now);
		return 1;
	}
	return shadow_get(s, path, row, err);
}

/* The cloud has row at path now: as synced entry or as shadow. */
static int settle(struct state *s, const struct vs_change *c,
    const struct manifest_row *now, bool latest, struct vs_err *err)
{
	struct shadow_row row;
	int rc;

	/* a mark must be known of, to be taken off again */
	if (now != NULL && latest && !c->recording && shadow_same(now, c)) {
		rc = vs_db_run(s->db, SQL_SHADOW_DROP, err, "t", c->path);
		if (rc == 0)
			rc = manifest_set_synced(s, c->path, true, err);
		return rc;
	}
	shadow_of(&row, c);
	rc = put(s, c->path, &row, err);
	if (rc == 0 && now != NULL && now->synced)
		rc = manifest_set_synced(s, c->path, false, err);
	return rc;
}

int shadow_ack(
    struct state *s, const struct vs_change *c, bool latest, struct vs_err *err)
{
	struct manifest_row *now = malloc(sizeof(*now));
	struct shadow_row row;
	bool have;
	int rc;

	if (now == NULL)
		return vs_err_set(err, VS_ENOMEM, "shadow: out of memory");
	rc = manifest_get(s, c->path, now, err);
	if (rc < 0)
		goto out;
	have = rc == 1;
	rc = believed(s, c->path, have ? now : NULL, &row, err);
	if (rc < 0)
		goto out;
	if (rc == 1)
		shadow_total(s, c->path, &row, -1);
	if (c->op == VS_OP_DELETE) {
		rc = vs_db_run(s->db, SQL_SHADOW_DROP, err, "t", c->path);
		if (rc == 0 && have && now->synced)
			rc = manifest_set_synced(s, c->path, false, err);
	} else {
		shadow_of(&row, c);
		shadow_total(s, c->path, &row, 1);
		rc = settle(s, c, have ? now : NULL, latest, err);
	}
out:
	free(now);
	return rc;
}

int shadow_learn(struct state *s, const struct vs_change *c, struct vs_err *err)
{
	return shadow_ack(s, c, true, err);
}

int shadow_forget(struct state *s, struct vs_err *err)
{
	int rc = vs_db_run(s->db, SQL_SHADOW_CLEAR, err, "");

	if (rc == 0)
		rc = vs_db_run(s->db, SQL_ENTRY_FORGET, err, "");
	if (rc < 0)
		return rc;
	memset(&s->tree, 0, sizeof(s->tree));
	s->cloud_files = 0;
	s->totals_dirty = true;
	return 0;
}

struct page {
	char path[VS_PATH_MAX + 1];
	enum vs_kind kind;
};

static int read_page(
    struct state *s, const char *after, struct page *page, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(s->db, SQL_SHADOW_AFTER, err);
	int n = 0;
	int rc;

	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "ti", after, (int64_t)EACH_PAGE);
	while (rc == 0 && (rc = vs_db_step(s->db, st, err)) == 1) {
		const char *path = (const char *)sqlite3_column_text(st, 0);

		assert(n < EACH_PAGE);
		snprintf(page[n].path, sizeof(page[n].path), "%s",
		    path != NULL ? path : "");
		page[n++].kind = (enum vs_kind)sqlite3_column_int(st, 1);
		rc = 0;
	}
	return rc < 0 ? rc : n;
}

int shadow_each(struct state *s,
    int (*each)(void *arg, const char *path, enum vs_kind kind), void *arg,
    struct vs_err *err)
{
	struct page *page = malloc(EACH_PAGE * sizeof(*page));
	char after[VS_PATH_MAX + 1] = "";
	int n = 0;
	int rc = 0;

	if (page == NULL)
		return vs_err_set(err, VS_ENOMEM, "shadow: out of memory");
	while (rc >= 0 && (n = read_page(s, after, page, err)) > 0) {
		for (int i = 0; i < n && rc >= 0; i++)
			rc = each(arg, page[i].path, page[i].kind);
		memcpy(after, page[n - 1].path, sizeof(after));
	}
	free(page);
	return rc < 0 ? rc : (n < 0 ? n : 0);
}
