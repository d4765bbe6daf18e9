#include "agent/state/outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/state/outrow.h"
#include "agent/state/shadow.h"
#include "agent/state/state_sql.h"
#include "common/base/text.h"

/*
 * What one path comes to when something new is known of it: the op to be
 * pending, or -1 for nothing.  cloud_has: the cloud has or may have the path.
 */
static int coalesce(bool gone, bool cloud_has)
{
	if (gone)
		return cloud_has ? VS_OP_DELETE : -1;
	return cloud_has ? VS_OP_UPDATE : VS_OP_CREATE;
}

/* Of SQL_OUTBOX_ADD; SQL_OUTBOX_SET has the old id behind it. */
#define PUT_FORM "iitiiiiittitiii"

/* What waits for a path: a row, or the deletion in the row of a rename. */
struct waiting {
	int64_t id; /* of the row; 0: nothing waits */
	int op;
	int64_t at;
	bool rename; /* the row is one */
	bool half; /* and the path its old name */
	int64_t seq;
};

static int find(
    struct state *s, const char *path, struct waiting *w, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(s->db, SQL_OUTBOX_FIND, &st, err, "t", path);

	memset(w, 0, sizeof(*w));
	w->op = -1;
	if (rc <= 0)
		return rc;
	w->id = sqlite3_column_int64(st, 0);
	w->op = sqlite3_column_int(st, 1);
	w->at = sqlite3_column_int64(st, 2);
	w->rename = sqlite3_column_int(st, 3) != 0;
	w->half = sqlite3_column_int(st, 4) != 0;
	w->seq = sqlite3_column_int64(st, 5);
	sqlite3_reset(st);
	return 0;
}

int outbox_pending(
    struct state *s, const char *path, int *op, struct vs_err *err)
{
	struct waiting w;
	int rc = find(s, path, &w, err);

	*op = w.op;
	return rc;
}

int outbox_waiting(
    struct state *s, const char *path, int *op, struct vs_err *err)
{
	int rc = outbox_pending(s, path, op, err);

	if (rc < 0 || *op >= 0)
		return rc;
	rc = outrow_in_flight(s, path, op, err);
	return rc < 0 ? rc : 0;
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
	return rc != 0 ? rc : outrow_in_flight(s, path, NULL, err);
}

/* A row about to wait. */
struct put {
	struct vs_change row; /* renamed_from: of a rename, and only then */
	struct shadow_row had; /* what the cloud has, "" where not known */
	int64_t id; /* of the row it replaces, or 0 */
	int64_t seq; /* what its path has already, or 0 */
	int64_t half; /* seq of the deletion, in a rename */
	int approved; /* of that deletion */
	int64_t at;
	int op; /* -1: none is to be */
	enum outrow_rank rank;
	struct outrow_twin twin; /* whose path renamed_from may be */
};

/* The rename it replaces or is half of is none any more. */
static int replace(
    struct state *s, const char *path, struct put *p, struct vs_err *err)
{
	struct waiting w;
	int rc = find(s, path, &w, err);

	if (rc < 0 || w.id == 0)
		return rc;
	p->seq = w.seq;
	p->at = w.at;
	if (outrow_rank(w.id) < p->rank)
		p->rank = outrow_rank(w.id);
	if (w.half)
		return vs_db_run(s->db, SQL_OUTBOX_ALONE, err, "i", w.id);
	p->id = w.id;
	if (!w.rename)
		return 0;
	s->outbox_twins = true;
	return vs_db_run(s->db, SQL_OUTBOX_HALF, err, "i", w.id);
}

/* c is no file, and takes the place of one at a server that has files only. */
static bool ousts(const struct state *s, const struct vs_change *c,
    const struct shadow_row *had)
{
	return s->files_only && had != NULL && had->kind == VS_KIND_FILE &&
	    c->kind != VS_KIND_FILE;
}

/* So that file goes; of the other there is nothing to say. */
static void oust(struct put *p)
{
	p->row = (struct vs_change){
		.path = p->row.path,
		.op = VS_OP_DELETE,
		.kind = VS_KIND_FILE,
		.mode = -1,
		.base_version = -1,
	};
}

/*
 * Decides, and ends the rename it replaces; a deletion gets the hash that the
 * cloud will have when it arrives, unless the batch in flight changes it or
 * there is no trust in what the cloud has (maybe).
 */
static int prepare(struct state *s, const struct vs_change *c, unsigned how,
    struct put *p, struct vs_err *err)
{
	bool maybe = (how & OUTBOX_MAYBE) != 0;
	int rc = cloud_has(s, c->path, &p->had, err);

	if (rc < 0)
		return rc;
	p->rank = (how & OUTBOX_FRESH) != 0 ? OUTROW_FRESH : OUTROW_SCAN;
	p->row = *c;
	p->row.renamed_from = NULL;
	p->id = p->seq = p->half = p->at = 0;
	p->approved = 0;
	p->op = coalesce(
	    c->op == VS_OP_DELETE || ousts(s, c, rc == 1 ? &p->had : NULL),
	    rc == 1 || maybe);
	if (p->op == VS_OP_DELETE && c->op != VS_OP_DELETE)
		oust(p);
	if (p->op == VS_OP_DELETE && p->had.hash[0] != '\0') {
		rc = outrow_in_flight(s, c->path, NULL, err);
		p->row.hash = rc == 0 && !maybe ? p->had.hash : NULL;
		p->row.size = p->had.size;
	}
	return rc < 0 ? rc : replace(s, c->path, p, err);
}

/* Its id: where it stands. */
static int number(
    struct state *s, struct put *p, int64_t *id, struct vs_err *err)
{
	enum outrow_class class =
	    p->op == VS_OP_DELETE ? OUTROW_GONE : OUTROW_UPSERT;
	int rc = p->seq == 0 ? outrow_next(s, &p->seq, err) : 0;
	bool older = p->row.renamed_from != NULL && p->half < p->seq;

	if (rc == 0)
		*id = outrow_id(class, p->rank, older ? p->half : p->seq);
	return rc;
}

/* Makes it what waits for its path, or leaves nothing. */
static int write_put(
    struct state *s, struct put *p, int64_t wall_ms, struct vs_err *err)
{
	const struct vs_change *c = &p->row;
	int64_t at = p->at != 0 ? p->at : wall_ms;
	sqlite3_stmt *st;
	int64_t id = 0;
	int rc;

	if (p->op < 0)
		return p->id == 0
		    ? 0
		    : vs_db_run(s->db, SQL_OUTBOX_DROP, err, "i", p->id);
	rc = number(s, p, &id, err);
	if (rc == 0)
		rc = outrow_overtake(s, c->path, err);
	if (rc == 0)
		rc = outrow_overtake(s, c->renamed_from, err);
	if (rc < 0)
		return rc;
	s->outbox_twins |= p->op == VS_OP_DELETE && c->hash != NULL;
	st = vs_db_stmt(
	    s->db, p->id != 0 ? SQL_OUTBOX_SET : SQL_OUTBOX_ADD, err);
	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, p->id != 0 ? PUT_FORM "i" : PUT_FORM, id, at,
	    c->path, (int64_t)p->op, (int64_t)c->kind, c->size, c->mtime_us,
	    (int64_t)c->mode, c->hash, c->link_target, (int64_t)c->recording,
	    c->renamed_from, p->half, p->seq, (int64_t)p->approved, p->id);
	return rc < 0 ? rc : vs_db_step(s->db, st, err);
}

/*
 * The other half of a rename, if it waits here: the deletion of the path that
 * is known to be the old one, else of one whose content comes.  What comes
 * before its deletion is found when it leaves (outrow_marry).
 */
static int find_twin(struct state *s, const struct vs_change *c, struct put *p,
    struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = 0;

	if (c->renamed_from != NULL)
		rc = vs_db_first(s->db, SQL_OUTBOX_MATE, &st, err, "tti",
		    c->renamed_from, c->hash, c->size);
	if (rc == 1) {
		p->twin.id = sqlite3_column_int64(st, 0);
		vs_text_copy(p->twin.path, sizeof(p->twin.path),
		    (const char *)sqlite3_column_text(st, 1));
		p->twin.approved = sqlite3_column_int(st, 2);
		sqlite3_reset(st);
	} else if (rc == 0 && p->op == VS_OP_CREATE) {
		rc = outrow_twin(s, c->hash, c->size, &p->twin, err);
	}
	return rc;
}

static int pair(struct state *s, const struct vs_change *c, struct put *p,
    struct vs_err *err)
{
	int rc;

	if (p->op < 0 || p->op == VS_OP_DELETE || c->kind != VS_KIND_FILE ||
	    c->hash == NULL || c->recording || !s->outbox_twins)
		return 0;
	rc = find_twin(s, c, p, err);
	if (rc <= 0 || p->twin.id == p->id)
		return rc < 0 ? rc : 0;
	p->row.renamed_from = p->twin.path;
	p->half = outrow_seq(p->twin.id);
	p->approved = p->twin.approved;
	return vs_db_run(s->db, SQL_OUTBOX_DROP, err, "i", p->twin.id);
}

int outbox_put(struct state *s, const struct vs_change *c, unsigned how,
    int64_t wall_ms, int *op, struct vs_err *err)
{
	struct put p;
	int rc;

	assert(c->path[0] != '\0');
	rc = prepare(s, c, how, &p, err);
	if (rc == 0)
		rc = pair(s, c, &p, err);
	if (rc == 0)
		rc = write_put(s, &p, wall_ms, err);
	*op = p.op;
	return rc;
}

/* A content that the cloud has at its old path moves; else both are told. */
static bool is_move(const struct put *from, const struct put *to)
{
	return from->op == VS_OP_DELETE && from->row.hash != NULL &&
	    to->op >= 0 && to->row.hash != NULL &&
	    from->row.size == to->row.size &&
	    strcmp(from->row.hash, to->row.hash) == 0;
}

/* The deletion goes into the row of the new name. */
static int join(
    struct state *s, struct put *from, struct put *to, struct vs_err *err)
{
	int rc = 0;

	/* older by a hair, as it would be by itself */
	if (from->seq == 0)
		rc = outrow_next(s, &from->seq, err);
	if (rc == 0 && from->id != 0)
		rc = vs_db_run(s->db, SQL_OUTBOX_DROP, err, "i", from->id);
	to->row.renamed_from = from->row.path;
	to->half = from->seq;
	return rc;
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
	int rc;

	assert(m->to->op != VS_OP_DELETE && gone.path != NULL);
	rc = prepare(s, &gone, how, &from, err);
	if (rc == 0)
		rc = prepare(s, m->to, how, &to, err);
	if (rc < 0)
		return rc;
	*m->from_op = from.op;
	*m->to_op = to.op;
	if (is_move(&from, &to)) {
		rc = join(s, &from, &to, err);
	} else {
		rc = write_put(s, &from, wall_ms, err);
		if (rc == 0)
			rc = pair(s, m->to, &to, err);
	}
	return rc < 0 ? rc : write_put(s, &to, wall_ms, err);
}

/* 1 if the statement's first value is true for path. */
static int is_so(struct state *s, int sql, const char *path, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(s->db, sql, &st, err, "t", path);

	if (rc <= 0)
		return rc;
	rc = sqlite3_column_int(st, 0) != 0;
	sqlite3_reset(st);
	return rc;
}

int outbox_announced(struct state *s, const char *path, struct vs_err *err)
{
	int rc = is_so(s, SQL_OUTBOX_ANNOUNCED, path, err);

	if (rc != 0)
		return rc;
	rc = outrow_in_flight(s, path, NULL, err);
	return rc <= 0 ? rc : is_so(s, SQL_FLIGHT_ANNOUNCED, path, err);
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
	struct waiting w;
	int rc = find(s, path, &w, err);

	if (rc < 0 || w.id == 0)
		return rc;
	rc = in_hold(s, path, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (w.half)
		return vs_db_run(s->db, SQL_OUTBOX_ALONE, err, "i", w.id);
	if (w.rename) {
		s->outbox_twins = true;
		rc = vs_db_run(s->db, SQL_OUTBOX_HALF, err, "i", w.id);
	}
	return rc < 0 ? rc : vs_db_run(s->db, SQL_OUTBOX_DROP, err, "i", w.id);
}

int outbox_spare(struct state *s, const struct vs_change *c, struct vs_err *err)
{
	struct shadow_row had;
	int rc = shadow_get(s, c->path, &had, err);

	if (rc <= 0 || !shadow_has(&had, c))
		return rc < 0 ? rc : 0;
	rc = outrow_in_flight(s, c->path, NULL, err);
	if (rc == 0)
		rc = in_hold(s, c->path, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = vs_db_run(s->db, SQL_SHADOW_DROP, err, "t", c->path);
	if (rc == 0)
		rc = outbox_drop(s, c->path, err);
	return rc < 0 ? rc : 1;
}
