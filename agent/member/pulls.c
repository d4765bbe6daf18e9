#include "agent/member/pulls.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/mirror_sql.h"
#include "common/base/text.h"

static size_t bitmap_bytes(int64_t size)
{
	return (size_t)((size + PULLS_CHUNK - 1) / PULLS_CHUNK + 7) / 8;
}

struct pull *pulls_new(const char *id, const struct mirror_row *row, bool force)
{
	struct pull *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	snprintf(p->id, sizeof(p->id), "%s", id);
	memcpy(p->path, row->path, sizeof(p->path));
	memcpy(p->hash, row->hash, sizeof(p->hash));
	p->size = row->size;
	p->has_mtime = row->has_mtime;
	p->mtime_us = row->mtime_us;
	p->mode = row->mode;
	p->version = row->version;
	p->force = force;
	p->ticket = strdup("");
	p->endpoints = strdup("[]");
	p->received = calloc(1, bitmap_bytes(p->size) + 1);
	if (p->ticket == NULL || p->endpoints == NULL || p->received == NULL) {
		pulls_free(p);
		return NULL;
	}
	return p;
}

void pulls_free(struct pull *p)
{
	if (p == NULL)
		return;
	free(p->ticket);
	free(p->endpoints);
	free(p->received);
	free(p);
}

int64_t pulls_chunks(const struct pull *p)
{
	return (p->size + PULLS_CHUNK - 1) / PULLS_CHUNK;
}

bool pulls_has(const struct pull *p, int64_t chunk)
{
	assert(chunk >= 0 && chunk < pulls_chunks(p));
	return (p->received[chunk / 8] >> (chunk % 8) & 1) != 0;
}

int64_t pulls_chunk_len(const struct pull *p, int64_t chunk)
{
	int64_t left = p->size - chunk * PULLS_CHUNK;

	assert(left > 0);
	return left < PULLS_CHUNK ? left : PULLS_CHUNK;
}

void pulls_mark(struct pull *p, int64_t chunk)
{
	if (pulls_has(p, chunk))
		return;
	p->received[chunk / 8] |= (uint8_t)(1u << (chunk % 8));
	p->bytes += pulls_chunk_len(p, chunk);
}

void pulls_clear(struct pull *p)
{
	memset(p->received, 0, bitmap_bytes(p->size));
	p->bytes = 0;
}

bool pulls_move(enum pull_state from, enum pull_state to)
{
	if (from >= PULL_DONE)
		return false;
	if (to == PULL_FAILED || to == PULL_CANCELLED || to == PULL_QUEUED)
		return true;
	switch (from) {
	case PULL_QUEUED:
		return true; /* what is here already needs no more */
	case PULL_ASKED:
		return to == PULL_FETCHING;
	case PULL_FETCHING:
		return to == PULL_VERIFYING;
	default:
		return to == PULL_DONE;
	}
}

const char *pulls_state_name(enum pull_state s)
{
	switch (s) {
	case PULL_QUEUED:
		return "queued";
	case PULL_ASKED:
		return "asked";
	case PULL_FETCHING:
		return "fetching";
	case PULL_VERIFYING:
		return "verifying";
	case PULL_DONE:
		return "completed";
	case PULL_FAILED:
		return "failed";
	case PULL_CANCELLED:
		return "cancelled";
	}
	return "?";
}

static void copy(char *out, size_t cap, sqlite3_stmt *st, int at)
{
	vs_text_copy(out, cap, (const char *)sqlite3_column_text(st, at));
}

static char *dup(sqlite3_stmt *st, int at)
{
	const char *text = (const char *)sqlite3_column_text(st, at);

	return strdup(text != NULL ? text : "");
}

/* The columns of PULL_COLUMNS; NULL out of memory. */
static struct pull *read_pull(sqlite3_stmt *st)
{
	struct pull *p = calloc(1, sizeof(*p));
	size_t n;

	if (p == NULL)
		return NULL;
	copy(p->id, sizeof(p->id), st, 0);
	copy(p->path, sizeof(p->path), st, 1);
	copy(p->hash, sizeof(p->hash), st, 2);
	p->size = sqlite3_column_int64(st, 3);
	p->has_mtime = sqlite3_column_type(st, 4) != SQLITE_NULL;
	p->mtime_us = sqlite3_column_int64(st, 4);
	p->mode = sqlite3_column_int(st, 5);
	p->version = sqlite3_column_int64(st, 6);
	p->state = (enum pull_state)sqlite3_column_int(st, 7);
	copy(p->transfer, sizeof(p->transfer), st, 8);
	p->ticket = dup(st, 9);
	copy(p->pin, sizeof(p->pin), st, 10);
	p->endpoints = dup(st, 11);
	p->received = calloc(1, bitmap_bytes(p->size) + 1);
	n = (size_t)sqlite3_column_bytes(st, 12);
	p->bytes = sqlite3_column_int64(st, 13);
	copy(p->error, sizeof(p->error), st, 14);
	p->tries = sqlite3_column_int(st, 15);
	p->force = sqlite3_column_int(st, 16) != 0;
	p->ended_ms = sqlite3_column_int64(st, 17);
	copy(p->out, sizeof(p->out), st, 18);
	p->exit = sqlite3_column_int(st, 19);
	copy(p->source, sizeof(p->source), st, 20);
	if (p->ticket == NULL || p->endpoints == NULL || p->received == NULL) {
		pulls_free(p);
		return NULL;
	}
	if (n == bitmap_bytes(p->size) && n > 0)
		memcpy(p->received, sqlite3_column_blob(st, 12), n);
	return p;
}

int pulls_get(
    struct mirror *m, const char *id, struct pull **out, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(m->db, MSQL_PULL_GET, err);
	int rc;

	*out = NULL;
	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "t", id);
	if (rc == 0)
		rc = vs_db_step(m->db, st, err);
	if (rc <= 0)
		return rc;
	*out = read_pull(st);
	sqlite3_reset(st);
	return *out != NULL ? 1
			    : vs_err_set(err, VS_ENOMEM, "pull: out of memory");
}

int pulls_put(
    struct mirror *m, const struct pull *p, int64_t wall_ms, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(m->db, MSQL_PULL_PUT, err);
	int rc;

	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "tttiiiiittttbitiiititi", p->id, p->path,
	    p->hash, p->size, p->mtime_us, (int64_t)p->mode, p->version,
	    (int64_t)p->state, p->transfer, p->ticket, p->pin, p->endpoints,
	    (const void *)p->received, bitmap_bytes(p->size), p->bytes,
	    p->error, (int64_t)p->tries, (int64_t)p->force, p->ended_ms, p->out,
	    (int64_t)p->exit, p->source, wall_ms);
	if (rc == 0 && !p->has_mtime)
		rc = sqlite3_bind_null(st, 5) == SQLITE_OK ? 0 : VS_EBUG;
	return rc < 0 ? rc : vs_db_step(m->db, st, err);
}

struct id {
	char text[40];
};

/* The ids a bound query gives, read whole before each may write. */
static int each_id(struct mirror *m, sqlite3_stmt *st, int limit,
    int (*each)(void *arg, const char *id), void *arg, struct vs_err *err)
{
	struct id *ids = calloc((size_t)limit, sizeof(*ids));
	int n = 0;
	int rc = 0;

	if (ids == NULL) {
		sqlite3_reset(st);
		return vs_err_set(err, VS_ENOMEM, "pull: out of memory");
	}
	while (rc == 0 && n < limit && (rc = vs_db_step(m->db, st, err)) == 1) {
		copy(ids[n].text, sizeof(ids[n].text), st, 0);
		n++;
		rc = 0;
	}
	sqlite3_reset(st);
	for (int i = 0; i < n && rc >= 0; i++)
		rc = each(arg, ids[i].text);
	free(ids);
	return rc < 0 ? rc : 0;
}

int pulls_live(struct mirror *m, int limit,
    int (*each)(void *arg, const char *id), void *arg, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(m->db, MSQL_PULL_LIVE, err);
	int rc;

	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "i", (int64_t)limit);
	return rc < 0 ? rc : each_id(m, st, limit, each, arg, err);
}

int pulls_of_hash(struct mirror *m, const char *hash, const char *but,
    int limit, int (*each)(void *arg, const char *id), void *arg,
    struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(m->db, MSQL_PULL_WANT, err);
	int rc;

	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "tti", hash, but, (int64_t)limit);
	return rc < 0 ? rc : each_id(m, st, limit, each, arg, err);
}

int pulls_live_count(
    struct mirror *m, int64_t *count, int64_t *bytes, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(m->db, MSQL_PULL_LIVE_COUNT, &st, err, "");
	if (rc < 0)
		return rc;
	*count = sqlite3_column_int64(st, 0);
	*bytes = sqlite3_column_int64(st, 1);
	sqlite3_reset(st);
	return 0;
}

int pulls_of_path(struct mirror *m, const char *out, const char *path,
    char id[40], enum pull_state *state, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(m->db, MSQL_PULL_OF_PATH, &st, err, "tt", path, out);
	if (rc <= 0)
		return rc;
	copy(id, 40, st, 0);
	*state = (enum pull_state)sqlite3_column_int(st, 1);
	sqlite3_reset(st);
	return 1;
}

int pulls_list(struct mirror *m, int limit,
    int (*each)(void *arg, const struct pull *p), void *arg, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(m->db, MSQL_PULL_LIST, err);
	int rc;

	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "i", (int64_t)limit);
	while (rc == 0 && (rc = vs_db_step(m->db, st, err)) == 1) {
		struct pull *p = read_pull(st);

		rc = p != NULL ? each(arg, p) : VS_ENOMEM;
		if (rc < 0)
			vs_err_set(err, rc, "pulls: %s", vs_err_text(rc));
		pulls_free(p);
	}
	sqlite3_reset(st);
	return rc < 0 ? rc : 0;
}

int pulls_forget(struct mirror *m, int64_t wall_ms, struct vs_err *err)
{
	return vs_db_run(m->db, MSQL_PULL_OLD, err, "i", wall_ms);
}
