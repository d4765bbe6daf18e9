#include "agent/state/outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/state/shadow.h"
#include "agent/state/state_sql.h"
#include "common/base/limits.h"
#include "common/base/text.h"

enum { RANK_FRESH, RANK_SCAN, RANK_DEFERRED };

int outbox_coalesce(bool gone, bool cloud_has)
{
	if (gone)
		return cloud_has ? VS_OP_DELETE : -1;
	return cloud_has ? VS_OP_UPDATE : VS_OP_CREATE;
}

/* The integer of a one-row, one-column statement; absent when NULL. */
static int get_int(struct state *s, int sql, int64_t *out, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(s->db, sql, &st, err, "");
	if (rc < 0)
		return rc;
	*out = rc == 1 ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return 0;
}

/* The pending row of path: id (0 for none) and op. */
static int find(
    struct state *s, const char *path, int64_t *id, int *op, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(s->db, SQL_OUTBOX_PENDING, err);
	int rc;

	*id = 0;
	*op = -1;
	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "t", path);
	if (rc == 0)
		rc = vs_db_step(s->db, st, err);
	if (rc <= 0)
		return rc;
	*id = sqlite3_column_int64(st, 0);
	*op = sqlite3_column_int(st, 1);
	sqlite3_reset(st);
	return 0;
}

int outbox_pending(
    struct state *s, const char *path, int *op, struct vs_err *err)
{
	int64_t id;

	return find(s, path, &id, op, err);
}

/* 1 if the batch in flight speaks of path. */
static int is_frozen(struct state *s, const char *path, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(s->db, SQL_OUTBOX_FROZEN, &st, err, "t", path);
	if (rc == 1)
		sqlite3_reset(st);
	return rc;
}

/*
 * 1 if the cloud has path (then had says what, unless its hash is ""), or may
 * soon by the batch in flight.
 */
static int cloud_has(struct state *s, const char *path, struct shadow_row *had,
    struct vs_err *err)
{
	int rc;

	memset(had, 0, sizeof(*had));
	rc = shadow_get(s, path, had, err);
	return rc != 0 ? rc : is_frozen(s, path, err);
}

/* A row about to be pending. */
struct put {
	struct vs_change row;
	struct shadow_row had; /* what the cloud has, "" where not known */
	int64_t id; /* of the row it replaces, or 0 */
	int op; /* -1: none is to be */
	int rank;
	const char *pair; /* the other half of a rename, or NULL */
};

/*
 * Decides, and ends the rename it replaces; a deletion gets the hash that the
 * cloud will have when it arrives, unless the batch in flight changes it or
 * there is no trust in what the cloud has (maybe).
 */
static int prepare(struct state *s, const struct vs_change *c, unsigned how,
    struct put *p, struct vs_err *err)
{
	bool maybe = (how & OUTBOX_MAYBE) != 0;
	int was;
	int rc = cloud_has(s, c->path, &p->had, err);

	if (rc < 0)
		return rc;
	p->rank = (how & OUTBOX_FRESH) != 0 ? RANK_FRESH : RANK_SCAN;
	p->row = *c;
	p->pair = NULL;
	p->op = outbox_coalesce(c->op == VS_OP_DELETE, rc == 1 || maybe);
	if (p->op == VS_OP_DELETE && p->had.hash[0] != '\0') {
		rc = is_frozen(s, c->path, err);
		p->row.hash = rc == 0 && !maybe ? p->had.hash : NULL;
		p->row.size = p->had.size;
	}
	if (rc >= 0)
		rc = find(s, c->path, &p->id, &was, err);
	/* what it replaces was half of a rename, perhaps */
	if (rc == 0 && p->id != 0)
		rc = vs_db_run(s->db, SQL_OUTBOX_UNPAIR, err, "t", c->path);
	return rc;
}

/* Makes it the pending row of its path, or leaves none. */
static int write_put(
    struct state *s, struct put *p, int64_t wall_ms, struct vs_err *err)
{
	const struct vs_change *c = &p->row;

	if (p->op < 0)
		return p->id == 0
		    ? 0
		    : vs_db_run(s->db, SQL_OUTBOX_DROP, err, "i", p->id);
	p->row.op = (enum vs_op)p->op;
	if (p->id != 0)
		return vs_db_run(s->db, SQL_OUTBOX_SET, err, "iiiiittiiti",
		    (int64_t)c->op, (int64_t)c->kind, c->size, c->mtime_us,
		    (int64_t)c->mode, c->hash, c->link_target,
		    (int64_t)c->recording, (int64_t)p->rank, p->pair, p->id);
	return vs_db_run(s->db, SQL_OUTBOX_ADD, err, "tiiiiittiiti", c->path,
	    (int64_t)c->op, (int64_t)c->kind, c->size, c->mtime_us,
	    (int64_t)c->mode, c->hash, c->link_target, (int64_t)c->recording,
	    (int64_t)p->rank, p->pair, wall_ms);
}

int outbox_waiting(
    struct state *s, const char *path, int *op, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = outbox_pending(s, path, op, err);

	if (rc < 0 || *op >= 0)
		return rc;
	rc = vs_db_first(s->db, SQL_OUTBOX_FROZEN, &st, err, "t", path);
	if (rc <= 0)
		return rc;
	*op = sqlite3_column_int(st, 0);
	sqlite3_reset(st);
	return 0;
}

/*
 * The other half of a rename, if it waits here: the deletion of the path that
 * is known to be the old one, else what goes with the content that comes, or
 * the other way round.
 */
static int find_twin(struct state *s, const struct vs_change *row,
    char twin[VS_PATH_MAX + 1], struct vs_err *err)
{
	int64_t other = row->op == VS_OP_DELETE ? VS_OP_CREATE : VS_OP_DELETE;
	sqlite3_stmt *st;
	int rc = 0;

	if (row->op != VS_OP_DELETE && row->renamed_from != NULL)
		rc = vs_db_first(s->db, SQL_OUTBOX_MATE, &st, err, "tti",
		    row->renamed_from, row->hash, row->size);
	if (rc == 0 && row->op != VS_OP_UPDATE)
		rc = vs_db_first(s->db, SQL_OUTBOX_TWIN, &st, err, "tii",
		    row->hash, other, row->size);
	if (rc <= 0)
		return rc;
	vs_text_copy(
	    twin, VS_PATH_MAX + 1, (const char *)sqlite3_column_text(st, 0));
	sqlite3_reset(st);
	return 1;
}

static int pair(
    struct state *s, const struct vs_change *row, struct vs_err *err)
{
	char twin[VS_PATH_MAX + 1];
	int rc;

	if (row->kind != VS_KIND_FILE || row->hash == NULL || row->recording)
		return 0;
	rc = find_twin(s, row, twin, err);
	if (rc <= 0)
		return rc;
	rc = vs_db_run(s->db, SQL_OUTBOX_PAIR, err, "tt", twin, row->path);
	if (rc == 0)
		rc = vs_db_run(
		    s->db, SQL_OUTBOX_PAIR, err, "tt", row->path, twin);
	return rc;
}

int outbox_put(struct state *s, const struct vs_change *c, unsigned how,
    int64_t wall_ms, int *op, struct vs_err *err)
{
	struct put p;
	int rc = prepare(s, c, how, &p, err);

	if (rc == 0)
		rc = write_put(s, &p, wall_ms, err);
	*op = p.op;
	return rc < 0 || p.op < 0 ? rc : pair(s, &p.row, err);
}

int outbox_add(struct state *s, const struct vs_change *c, int64_t wall_ms,
    struct vs_err *err)
{
	struct put p = { .row = *c, .op = VS_OP_CREATE, .rank = RANK_SCAN };

	assert(c->op != VS_OP_DELETE && c->hash == NULL);
	return write_put(s, &p, wall_ms, err);
}

/* A content that the cloud has at its old path moves; else both are told. */
static bool is_move(const struct put *from, const struct put *to)
{
	return from->op == VS_OP_DELETE && from->row.hash != NULL &&
	    to->op >= 0 && to->row.hash != NULL &&
	    from->row.size == to->row.size &&
	    strcmp(from->row.hash, to->row.hash) == 0;
}

int outbox_move(struct state *s, const struct outbox_move *m, unsigned how,
    int64_t wall_ms, struct vs_err *err)
{
	struct vs_change gone = {
		.path = m->to->renamed_from,
		.op = VS_OP_DELETE,
		.kind = m->to->kind,
		.mode = -1,
		.base_version = -1,
	};
	struct put from, to;
	int rc = prepare(s, &gone, how, &from, err);

	assert(m->to->op != VS_OP_DELETE && gone.path != NULL);
	if (rc == 0)
		rc = prepare(s, m->to, how, &to, err);
	if (rc < 0)
		return rc;
	*m->from_op = from.op;
	*m->to_op = to.op;
	if (is_move(&from, &to)) {
		from.pair = to.row.path;
		to.pair = from.row.path;
	}
	rc = write_put(s, &from, wall_ms, err);
	if (rc == 0)
		rc = write_put(s, &to, wall_ms, err);
	return rc;
}

int outbox_announced(struct state *s, const char *path, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(s->db, SQL_OUTBOX_ANNOUNCED, &st, err, "t", path);

	if (rc <= 0)
		return rc;
	rc = sqlite3_column_int(st, 0) != 0;
	sqlite3_reset(st);
	return rc;
}

/* 1 if the cloud holds a deletion of path, which an upsert must end. */
static int in_hold(struct state *s, const char *path, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(s->db, SQL_HOLD_HAS, &st, err, "t", path);

	if (rc == 1)
		sqlite3_reset(st);
	return rc;
}

int outbox_drop(struct state *s, const char *path, struct vs_err *err)
{
	int64_t id;
	int was;
	int rc = find(s, path, &id, &was, err);

	if (rc < 0 || id == 0)
		return rc;
	rc = in_hold(s, path, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = vs_db_run(s->db, SQL_OUTBOX_UNPAIR, err, "t", path);
	return rc < 0 ? rc : vs_db_run(s->db, SQL_OUTBOX_DROP, err, "i", id);
}

int outbox_spare(struct state *s, const struct vs_change *c, struct vs_err *err)
{
	struct shadow_row had;
	int rc = shadow_get(s, c->path, &had, err);

	if (rc <= 0 || !shadow_has(&had, c))
		return rc < 0 ? rc : 0;
	rc = is_frozen(s, c->path, err);
	if (rc == 0)
		rc = in_hold(s, c->path, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = vs_db_run(s->db, SQL_SHADOW_DROP, err, "t", c->path);
	if (rc == 0)
		rc = outbox_drop(s, c->path, err);
	return rc < 0 ? rc : 1;
}

int outbox_ready(struct state *s, bool deletes, int64_t limit,
    struct outbox_ready *out, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(s->db,
	    deletes ? SQL_OUTBOX_GONE_COUNT : SQL_OUTBOX_READY_COUNT, &st, err,
	    "i", limit);
	if (rc < 0)
		return rc;
	out->changes = sqlite3_column_int64(st, 0);
	out->oldest_ms = sqlite3_column_int64(st, 1);
	sqlite3_reset(st);
	return 0;
}

/* Columns id, path, op, kind, size, mtime, mode, hash, target, state. */
static void read_change(sqlite3_stmt *st, struct vs_change *c)
{
	memset(c, 0, sizeof(*c));
	c->path = (const char *)sqlite3_column_text(st, 1);
	c->op = (enum vs_op)sqlite3_column_int(st, 2);
	c->kind = (enum vs_kind)sqlite3_column_int(st, 3);
	c->size = sqlite3_column_int64(st, 4);
	c->mtime_us = sqlite3_column_int64(st, 5);
	c->has_mtime = c->op != VS_OP_DELETE && c->kind != VS_KIND_DIR;
	c->mode = c->op != VS_OP_DELETE ? sqlite3_column_int(st, 6) : -1;
	c->hash = (const char *)sqlite3_column_text(st, 7);
	c->link_target = (const char *)sqlite3_column_text(st, 8);
	c->recording = c->op != VS_OP_DELETE && sqlite3_column_int(st, 9) != 0;
	c->listed = c->op != VS_OP_DELETE && c->kind == VS_KIND_FILE &&
	    c->hash == NULL && !c->recording;
	c->base_version = -1;
	if (c->op == VS_OP_DELETE) {
		/* kept to know a rename by, not to travel */
		c->hash = NULL;
		c->size = 0;
	}
}

/* A batch being put together. */
struct freeze {
	struct state *s;
	const struct outbox_limits *limits;
	struct vs_buf *body;
	int64_t ids[VS_BATCH_CHANGES];
	int n;
	int64_t skipped[VS_BATCH_CHANGES];
	int nskipped;
};

/* Rows of one rank, up to a part of the batch. */
struct share {
	int rank;
	bool deletes;
	int64_t after; /* id of the last row taken */
	int changes; /* of the whole batch, then */
	int64_t bytes;
};

static void freeze_one(struct freeze *f, sqlite3_stmt *st, const char *from)
{
	struct vs_change c;

	read_change(st, &c);
	c.renamed_from = from;
	vs_batch_put(f->body, f->n == 0, &c);
	f->ids[f->n++] = sqlite3_column_int64(st, 0);
}

/* What a server that knows files only has no place for. */
static bool is_plain(const struct vs_change *c)
{
	return c->kind == VS_KIND_FILE && !c->recording &&
	    (c->op == VS_OP_DELETE || c->hash != NULL);
}

/* 1 if the row was skipped, 0 if it goes, or negative. */
static int skip(struct freeze *f, sqlite3_stmt *st, struct vs_err *err)
{
	const struct outbox_limits *l = f->limits;
	struct vs_change c;
	int rc;

	if (l->skip == NULL)
		return 0;
	read_change(st, &c);
	if (is_plain(&c))
		return 0;
	rc = l->skip(l->arg, &c, err);
	f->skipped[f->nskipped++] = sqlite3_column_int64(st, 0);
	return rc < 0 ? rc : 1;
}

/*
 * A change and, right behind the new name of a rename, the deletion of the
 * old one.  1: the two have no room in this batch, though in another one.
 */
static int freeze_change(struct freeze *f, sqlite3_stmt *st, struct vs_err *err)
{
	const char *from = (const char *)sqlite3_column_text(st, 10);
	sqlite3_stmt *half;
	int rc = skip(f, st, err);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (from != NULL && f->n > 0 && f->n + 2 > f->limits->changes)
		return 1;
	if (from == NULL || f->n + 2 > f->limits->changes) {
		freeze_one(f, st, NULL);
		return 0;
	}
	rc = vs_db_first(f->s->db, SQL_OUTBOX_HALF, &half, err, "t", from);
	if (rc < 0)
		return rc;
	freeze_one(f, st, rc == 1 ? from : NULL);
	if (rc == 1) {
		freeze_one(f, half, NULL);
		sqlite3_reset(half);
	}
	return 0;
}

static int freeze_share(
    struct freeze *f, struct share *share, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(f->s->db,
	    share->deletes ? SQL_OUTBOX_READY_GONE : SQL_OUTBOX_READY, err);
	int rc;

	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "ii", (int64_t)share->rank, share->after);
	while (rc == 0 && f->n < share->changes &&
	    f->nskipped < VS_BATCH_CHANGES &&
	    (f->n == 0 || (int64_t)f->body->len < share->bytes)) {
		rc = vs_db_step(f->s->db, st, err);
		if (rc <= 0)
			return rc;
		rc = freeze_change(f, st, err);
		if (rc == 0)
			share->after = sqlite3_column_int64(st, 0);
	}
	sqlite3_reset(st);
	return rc < 0 ? rc : 0;
}

/*
 * Fresh changes first, but never all of the room: what a scan found goes on,
 * too.  A batch too small to share is the others' every fourth time.
 */
static int freeze_some(
    struct freeze *f, bool deletes, int64_t turn, struct vs_err *err)
{
	const struct outbox_limits *l = f->limits;
	int most = l->changes - l->changes / 4;
	struct share fresh = { .rank = RANK_FRESH,
		.deletes = deletes,
		.changes = l->changes < 4 && turn % 4 == 0 ? 0 : most,
		.bytes = l->bytes - l->bytes / 4 };
	struct share found = { .rank = RANK_SCAN,
		.deletes = deletes,
		.changes = l->changes,
		.bytes = l->bytes };
	struct share deferred = { .rank = RANK_DEFERRED,
		.deletes = deletes,
		.changes = 1,
		.bytes = l->bytes };
	int rc = freeze_share(f, &fresh, err);

	if (rc >= 0)
		rc = freeze_share(f, &found, err);
	fresh.changes = l->changes;
	fresh.bytes = l->bytes;
	if (rc >= 0)
		rc = freeze_share(f, &fresh, err);
	if (rc >= 0 && l->deferred && f->n == 0)
		rc = freeze_share(f, &deferred, err);
	return rc;
}

static int freeze_rows(
    struct freeze *f, const struct vs_batch_id *id, struct vs_err *err)
{
	struct vs_db *db = f->s->db;
	int rc = 0;

	for (int i = 0; i < f->nskipped && rc == 0; i++)
		rc = vs_db_run(db, SQL_OUTBOX_DROP, err, "i", f->skipped[i]);
	if (rc < 0 || f->n == 0)
		return rc;
	for (int i = 0; i < f->n && rc == 0; i++)
		rc = vs_db_run(
		    db, SQL_OUTBOX_FREEZE, err, "ii", (int64_t)i, f->ids[i]);
	if (rc == 0)
		rc = vs_db_run(db, SQL_OUTBOX_WIDOW, err, "");
	if (rc == 0)
		rc = vs_db_run(db, SQL_BATCH_PUT, err, "ib", id->counter,
		    (const void *)f->body->data, f->body->len);
	return rc;
}

int outbox_freeze(struct state *s, const char *device_id,
    const struct vs_batch_id *id, const struct outbox_limits *limits,
    struct vs_buf *body, int *skipped, struct vs_err *err)
{
	struct freeze f = { .s = s, .limits = limits, .body = body };
	int rc;

	assert(limits->changes >= 1 && limits->changes <= VS_BATCH_CHANGES);
	*skipped = 0;
	vs_batch_open(body, device_id, id);
	rc = freeze_some(&f, false, id->counter, err);
	if (rc >= 0 && limits->deletes)
		rc = freeze_some(&f, true, id->counter, err);
	vs_batch_shut(body);
	if (rc < 0)
		return rc;
	if (vs_buf_error(body) < 0)
		return vs_err_set(
		    err, vs_buf_error(body), "outbox: batch does not fit");
	rc = freeze_rows(&f, id, err);
	*skipped = f.nskipped;
	return rc < 0 ? rc : f.n;
}

int outbox_frozen(
    struct state *s, int64_t *counter, struct vs_buf *body, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(s->db, SQL_BATCH_GET, &st, err, "");
	if (rc <= 0)
		return rc;
	*counter = sqlite3_column_int64(st, 0);
	if (body != NULL)
		vs_buf_add(body, sqlite3_column_blob(st, 1),
		    (size_t)sqlite3_column_bytes(st, 1));
	sqlite3_reset(st);
	return 1;
}

/* A change that outlives its statement. */
struct copy {
	struct vs_change c;
	int64_t id;
	char path[VS_PATH_MAX + 1];
	char hash[VS_HASH_OPAQUE + 1];
	char target[VS_PATH_MAX + 1];
};

static const char *keep(char *out, size_t cap, const char *text)
{
	if (text == NULL)
		return NULL;
	vs_text_copy(out, cap, text);
	return out;
}

/* The ids of the batch in flight, in its order; how many. */
static int frozen_ids(struct state *s, int64_t **ids, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(s->db, SQL_OUTBOX_BATCH, err);
	int cap = 0;
	int n = 0;
	int rc = st == NULL ? err->code : 0;

	*ids = NULL;
	while (rc >= 0 && (rc = vs_db_step(s->db, st, err)) == 1) {
		if (n == cap) {
			int64_t *more;

			cap = cap != 0 ? 2 * cap : VS_BATCH_CHANGES;
			more = realloc(*ids, (size_t)cap * sizeof(**ids));
			if (more == NULL) {
				sqlite3_reset(st);
				return vs_err_set(
				    err, VS_ENOMEM, "outbox: out of memory");
			}
			*ids = more;
		}
		(*ids)[n++] = sqlite3_column_int64(st, 0);
	}
	return rc < 0 ? rc : n;
}

/* Row id: 1, or 0 when it is no more. */
static int frozen_row(
    struct state *s, int64_t id, struct copy *k, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(s->db, SQL_OUTBOX_ROW, &st, err, "i", id);
	if (rc <= 0)
		return rc;
	read_change(st, &k->c);
	k->id = sqlite3_column_int64(st, 0);
	k->c.path = keep(k->path, sizeof(k->path), k->c.path);
	k->c.hash = keep(k->hash, sizeof(k->hash), k->c.hash);
	k->c.link_target = keep(k->target, sizeof(k->target), k->c.link_target);
	sqlite3_reset(st);
	return 1;
}

int outbox_each_frozen(struct state *s,
    int (*each)(void *arg, int index, const struct vs_change *c, bool *done),
    void *arg, struct vs_err *err)
{
	struct copy *k = malloc(sizeof(*k));
	int64_t *ids = NULL;
	int n = k != NULL ? frozen_ids(s, &ids, err)
			  : vs_err_set(err, VS_ENOMEM, "outbox: out of memory");
	int rc = n < 0 ? n : 0;

	for (int i = 0; i < n && rc >= 0; i++) {
		bool done = false;

		rc = frozen_row(s, ids[i], k, err);
		if (rc == 1)
			rc = each(arg, i, &k->c, &done);
		if (rc >= 0 && done)
			rc = vs_db_run(s->db, SQL_OUTBOX_DROP, err, "i", k->id);
	}
	free(ids);
	free(k);
	return rc < 0 ? rc : 0;
}

int outbox_tried(struct state *s, struct vs_err *err)
{
	return vs_db_run(s->db, SQL_OUTBOX_TRIED, err, "");
}

int outbox_tries(
    struct state *s, const char *path, int64_t *tries, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(s->db, SQL_OUTBOX_TRIES, &st, err, "t", path);

	*tries = 0;
	if (rc <= 0)
		return rc;
	*tries = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return 0;
}

int outbox_defer(struct state *s, bool *was, struct vs_err *err)
{
	int rc = vs_db_run(s->db, SQL_OUTBOX_DEFER, err, "");

	*was = rc == 0 && vs_db_changes(s->db) == 0;
	return rc;
}

int outbox_thaw(struct state *s, struct vs_err *err)
{
	int rc = vs_db_run(s->db, SQL_OUTBOX_THAW_OLD, err, "");

	if (rc == 0)
		rc = vs_db_run(s->db, SQL_OUTBOX_THAW, err, "");
	return rc < 0 ? rc : vs_db_run(s->db, SQL_BATCH_DROP, err, "");
}

int outbox_divorce(struct state *s, struct vs_err *err)
{
	return vs_db_run(s->db, SQL_OUTBOX_DIVORCE, err, "");
}

int outbox_refine(struct state *s, struct vs_err *err)
{
	int rc = vs_db_run(s->db, SQL_OUTBOX_NEW, err, "");

	return rc < 0 ? rc : vs_db_run(s->db, SQL_OUTBOX_NEEDLESS, err, "");
}

int outbox_count(
    struct state *s, int64_t *all, int64_t *held, struct vs_err *err)
{
	int rc = get_int(s, SQL_OUTBOX_COUNT, all, err);

	return rc < 0 ? rc : get_int(s, SQL_OUTBOX_HELD_COUNT, held, err);
}

int outbox_lone(struct state *s, bool *any, bool *to_judge, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(s->db, SQL_OUTBOX_LONE, &st, err, "");

	if (rc < 0)
		return rc;
	*any = sqlite3_column_int(st, 0) != 0;
	*to_judge = sqlite3_column_int(st, 1) != 0;
	sqlite3_reset(st);
	return 0;
}

int outbox_sums(struct state *s, struct outbox_sums *out, struct vs_err *err)
{
	sqlite3_stmt *st;
	int64_t any = 0;
	int rc = get_int(s, SQL_OUTBOX_DELETES, &any, err);

	memset(out, 0, sizeof(*out));
	out->any_delete = any != 0;
	if (rc < 0 || any == 0)
		return rc;
	st = vs_db_stmt(s->db, SQL_OUTBOX_SUMS, err);
	if (st == NULL)
		return err->code;
	while ((rc = vs_db_step(s->db, st, err)) == 1) {
		int64_t n = sqlite3_column_int64(st, 2);

		if (sqlite3_column_int(st, 0) == VS_OP_CREATE)
			out->creates += n;
		else if (sqlite3_column_int(st, 0) != VS_OP_DELETE)
			continue;
		else if (sqlite3_column_int(st, 1) != 0)
			out->approved += n;
		else
			out->deletes += n;
	}
	return rc;
}

int outbox_hold(struct state *s, enum outbox_hold what, struct vs_err *err)
{
	static const int sql[] = {
		[OUTBOX_HOLD] = SQL_OUTBOX_HOLD,
		[OUTBOX_UNHOLD] = SQL_OUTBOX_UNHOLD,
		[OUTBOX_APPROVE] = SQL_OUTBOX_APPROVE,
		[OUTBOX_REJECT] = SQL_OUTBOX_REJECT,
	};

	assert(what >= OUTBOX_HOLD && what <= OUTBOX_REJECT);
	return vs_db_run(s->db, sql[what], err, "");
}

int outbox_each_held(struct state *s, int limit,
    int (*each)(void *arg, const char *path, enum vs_kind kind), void *arg,
    struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(s->db, SQL_OUTBOX_HELD_LIST, err);
	int rc;

	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "i", (int64_t)limit);
	while (rc >= 0 && (rc = vs_db_step(s->db, st, err)) == 1) {
		rc = each(arg, (const char *)sqlite3_column_text(st, 0),
		    (enum vs_kind)sqlite3_column_int(st, 1));
		if (rc < 0)
			sqlite3_reset(st);
	}
	return rc;
}

int outbox_marks(struct state *s, int64_t *last, int64_t *least,
    int64_t *least_held, struct vs_err *err)
{
	int rc = get_int(s, SQL_OUTBOX_LAST, last, err);

	if (rc == 0)
		rc = get_int(s, SQL_OUTBOX_LEAST, least, err);
	if (rc == 0)
		rc = get_int(s, SQL_OUTBOX_LEAST_HELD, least_held, err);
	return rc;
}
