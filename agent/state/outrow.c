#include "agent/state/outrow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/state/state_sql.h"
#include "common/base/limits.h"
#include "common/base/map.h"
#include "common/base/text.h"

#define SEQ_BITS 48
#define SEQ_ROOM 10000 /* given out for each time that it is made durable */
#define PAGE 500 /* rows read before any is written */

int64_t outrow_id(enum outrow_class class, enum outrow_rank rank, int64_t seq)
{
	int64_t lane = (int64_t) class * OUTROW_RANKS + (int64_t)rank;

	assert(seq > 0 && seq >> SEQ_BITS == 0);
	return (lane << SEQ_BITS) | seq;
}

enum outrow_rank outrow_rank(int64_t id)
{
	return (enum outrow_rank)((id >> SEQ_BITS) % OUTROW_RANKS);
}

int64_t outrow_seq(int64_t id)
{
	return id & (((int64_t)1 << SEQ_BITS) - 1);
}

void outrow_lane(enum outrow_class class, enum outrow_rank rank, int64_t *after,
    int64_t *end)
{
	int64_t lane = (int64_t) class * OUTROW_RANKS + (int64_t)rank;

	*after = lane << SEQ_BITS;
	*end = (lane + 1) << SEQ_BITS;
}

int outrow_reserve(struct state *s, int64_t n, struct vs_err *err)
{
	s->outbox_seq += n;
	if (s->outbox_seq <= s->outbox_room)
		return 0;
	s->outbox_room = s->outbox_seq + SEQ_ROOM;
	return state_set_int(s, "outbox_seq", s->outbox_room, err);
}

int outrow_next(struct state *s, int64_t *seq, struct vs_err *err)
{
	int rc = outrow_reserve(s, 1, err);

	*seq = s->outbox_seq;
	return rc;
}

void outrow_read(sqlite3_stmt *st, struct vs_change *c)
{
	memset(c, 0, sizeof(*c));
	c->path = (const char *)sqlite3_column_text(st, 1);
	c->op = (enum vs_op)sqlite3_column_int(st, 2);
	c->kind = (enum vs_kind)sqlite3_column_int(st, 3);
	c->mode = -1;
	c->base_version = -1;
	if (c->op == VS_OP_DELETE)
		return; /* hash and size are to know a rename by */
	c->size = sqlite3_column_int64(st, 4);
	c->mtime_us = sqlite3_column_int64(st, 5);
	c->has_mtime = c->kind != VS_KIND_DIR;
	c->mode = sqlite3_column_int(st, 6);
	c->hash = (const char *)sqlite3_column_text(st, 7);
	c->link_target = (const char *)sqlite3_column_text(st, 8);
	c->recording = sqlite3_column_int(st, 9) != 0;
	c->listed = c->kind == VS_KIND_FILE && c->hash == NULL && !c->recording;
	c->renamed_from = (const char *)sqlite3_column_text(st, 10);
}

void outrow_half(const struct vs_change *rename, struct vs_change *c)
{
	assert(rename->renamed_from != NULL);
	memset(c, 0, sizeof(*c));
	c->path = rename->renamed_from;
	c->op = VS_OP_DELETE;
	c->kind = rename->kind;
	c->mode = -1;
	c->base_version = -1;
}

int outrow_twin(struct state *s, const char *hash, int64_t size,
    struct outrow_twin *out, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc =
	    vs_db_first(s->db, SQL_OUTBOX_TWIN, &st, err, "ti", hash, size);

	if (rc <= 0)
		return rc;
	out->id = sqlite3_column_int64(st, 0);
	vs_text_copy(out->path, sizeof(out->path),
	    (const char *)sqlite3_column_text(st, 1));
	out->approved = sqlite3_column_int(st, 2);
	sqlite3_reset(st);
	return 1;
}

/* A row that may become a rename. */
struct single {
	int64_t id;
	int64_t size;
	bool may;
	char hash[VS_HASH_OPAQUE + 1];
};

static int read_singles(struct state *s, struct single *out, int64_t after,
    int64_t end, int most, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(s->db, SQL_OUTBOX_SINGLES, err);
	int n = 0;
	int rc = st == NULL
	    ? err->code
	    : vs_db_bind(st, err, "iii", after, end, (int64_t)most);

	while (rc == 0 && (rc = vs_db_step(s->db, st, err)) == 1) {
		assert(n < most);
		out[n].id = sqlite3_column_int64(st, 0);
		out[n].may = sqlite3_column_int(st, 1) != 0;
		vs_text_copy(out[n].hash, sizeof(out[n].hash),
		    (const char *)sqlite3_column_text(st, 2));
		out[n++].size = sqlite3_column_int64(st, 3);
		rc = 0;
	}
	return rc < 0 ? rc : n;
}

/* The deletion d goes with row id from now on. */
static int wed(struct state *s, int64_t id, const struct outrow_twin *d,
    struct vs_err *err)
{
	int64_t own = outrow_seq(id);
	int64_t half = outrow_seq(d->id);
	int64_t now = half < own ? id - own + half : id;
	int rc = vs_db_run(s->db, SQL_OUTBOX_DROP, err, "i", d->id);

	return rc < 0 ? rc
		      : vs_db_run(s->db, SQL_OUTBOX_WED, err, "itiiii", now,
			    d->path, half, own, (int64_t)d->approved, id);
}

int outrow_marry(struct state *s, enum outrow_rank rank, int64_t *after,
    int most, struct vs_err *err)
{
	struct single *row;
	struct outrow_twin d;
	int64_t lane, end;
	int n, rc = 0;

	outrow_lane(OUTROW_UPSERT, rank, &lane, &end);
	assert(*after >= lane && *after < end && most > 0);
	most = most < PAGE ? most : PAGE;
	row = malloc((size_t)most * sizeof(*row));
	if (row == NULL)
		return vs_err_set(err, VS_ENOMEM, "outbox: out of memory");
	n = read_singles(s, row, *after, end, most, err);
	for (int i = 0; i < n && rc >= 0; i++) {
		*after = row[i].id;
		rc = row[i].may
		    ? outrow_twin(s, row[i].hash, row[i].size, &d, err)
		    : 0;
		if (rc == 1)
			rc = wed(s, row[i].id, &d, err);
	}
	free(row);
	return rc < 0 ? rc : n;
}

int outrow_part(struct state *s, int64_t id, struct vs_err *err)
{
	int rc = vs_db_run(s->db, SQL_OUTBOX_HALF, err, "i", id);

	s->outbox_twins = true;
	return rc < 0 ? rc : vs_db_run(s->db, SQL_OUTBOX_ALONE, err, "i", id);
}

/* The paths of a row in flight. */
static int read_paths(struct state *s, sqlite3_stmt *st)
{
	bool ahead =
	    s->ahead_pos > 0 && sqlite3_column_int64(st, 2) >= s->ahead_pos;
	int rc = 0;

	for (int i = 0; i < 2 && rc == 0; i++) {
		const char *path = (const char *)sqlite3_column_text(st, i);

		if (path != NULL)
			rc = vs_map_put(
			    ahead ? s->ahead : s->flight, path, s, NULL);
	}
	return rc;
}

/* What is in flight, by its paths, into memory: most are not in it. */
int outrow_know_flight(struct state *s, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = 0;

	if (s->flight != NULL)
		return 0;
	s->flight = vs_map_new();
	s->ahead = s->ahead_pos > 0 ? vs_map_new() : NULL;
	if (s->flight == NULL || (s->ahead_pos > 0 && s->ahead == NULL))
		rc = VS_ENOMEM;
	st = vs_db_stmt(s->db, SQL_FLIGHT_PATHS, err);
	if (st == NULL)
		rc = err->code;
	while (rc == 0 && (rc = vs_db_step(s->db, st, err)) == 1) {
		rc = read_paths(s, st);
		if (rc < 0)
			sqlite3_reset(st);
	}
	if (rc < 0)
		state_forget_flight(s);
	return rc == VS_ENOMEM ? vs_err_set(err, rc, "outbox: out of memory")
			       : rc;
}

/* Whether path may be in flight, as far as is known in memory. */
static bool may_fly(const struct state *s, const char *path)
{
	return vs_map_get(s->flight, path) != NULL ||
	    (s->ahead != NULL && vs_map_get(s->ahead, path) != NULL);
}

int outrow_overtake(struct state *s, const char *path, struct vs_err *err)
{
	int rc;

	if (s->newer == NULL || path == NULL)
		return 0;
	rc = outrow_know_flight(s, err);
	if (rc < 0 || !may_fly(s, path))
		return rc;
	return vs_map_put(s->newer, path, s, NULL) < 0
	    ? vs_err_set(err, VS_ENOMEM, "outbox: out of memory")
	    : 0;
}

int outrow_in_flight(
    struct state *s, const char *path, int *op, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = outrow_know_flight(s, err);

	if (rc < 0 || !may_fly(s, path))
		return rc;
	rc = vs_db_first(s->db, SQL_FLIGHT_SAYS, &st, err, "t", path);
	if (rc <= 0)
		return rc;
	if (op != NULL)
		*op = sqlite3_column_int(st, 0);
	sqlite3_reset(st);
	return 1;
}
