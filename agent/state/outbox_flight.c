#include "agent/state/outbox.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "agent/state/outrow.h"
#include "agent/state/state_sql.h"
#include "common/base/limits.h"
#include "common/base/map.h"

#define RANGES 4 /* of rows that follow one another, in one class */

/* A batch being put together. */
struct freeze {
	struct state *s;
	const struct outbox_limits *limits;
	struct vs_buf *body;
	bool ahead; /* of one that is in flight */
	int n; /* changes */
	int64_t skipped[VS_BATCH_CHANGES];
	int nskipped;
	struct {
		int64_t first;
		int64_t last;
	} range[2 * RANGES];
	int ranges;
	int64_t bulky; /* id of a rename that fits into no batch, or 0 */
};

/* Rows of one lane, up to a part of the batch. */
struct share {
	enum outrow_class class;
	enum outrow_rank rank;
	int64_t after; /* id of the last row taken, or 0 */
	int changes; /* of the whole batch, then */
	int64_t bytes;
};

/* What a server that knows files only has no place for. */
static bool is_plain(const struct vs_change *c)
{
	return c->kind == VS_KIND_FILE && !c->recording &&
	    (c->op == VS_OP_DELETE || c->hash != NULL);
}

/* 1 if the row was skipped, 0 if it goes, or negative. */
static int skip(
    struct freeze *f, int64_t id, const struct vs_change *c, struct vs_err *err)
{
	const struct outbox_limits *l = f->limits;
	int rc;

	if (l->skip == NULL || is_plain(c))
		return 0;
	rc = l->skip(l->arg, c, err);
	f->skipped[f->nskipped++] = id;
	return rc < 0 ? rc : 1;
}

static int freeze_one(
    struct freeze *f, const struct vs_change *c, struct vs_err *err)
{
	struct vs_map *known = f->ahead ? f->s->ahead : f->s->flight;

	vs_batch_put(f->body, f->n++ == 0, c);
	return known == NULL ? 0
	    : vs_map_put(known, c->path, f->s, NULL) < 0
	    ? vs_err_set(err, VS_ENOMEM, "outbox: out of memory")
	    : 0;
}

/*
 * A change and, right behind the new name of a rename, the deletion of the
 * old one.  1: the two have no room in this batch, though in another one.
 */
static int freeze_change(struct freeze *f, sqlite3_stmt *st, struct vs_err *err)
{
	int64_t id = sqlite3_column_int64(st, 0);
	struct vs_change c, half;
	bool fits;
	int rc;

	outrow_read(st, &c);
	rc = skip(f, id, &c, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	fits = c.renamed_from == NULL || f->n + 2 <= f->limits->changes;
	if (!fits && f->n == 0)
		f->bulky = id;
	if (!fits)
		return 1;
	rc = freeze_one(f, &c, err);
	if (rc < 0 || c.renamed_from == NULL)
		return rc;
	outrow_half(&c, &half);
	return freeze_one(f, &half, err);
}

static int freeze_rows(
    struct freeze *f, struct share *share, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(f->s->db, SQL_OUTBOX_READY, err);
	int64_t lane, end;
	int rc;

	outrow_lane(share->class, share->rank, &lane, &end);
	if (st == NULL)
		return err->code;
	rc = vs_db_bind(
	    st, err, "ii", share->after != 0 ? share->after : lane, end);
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

/* The next rows of the share, and where they are. */
static int freeze_share(
    struct freeze *f, struct share *share, struct vs_err *err)
{
	int64_t end, first = share->after;
	int rc = 0;

	if (first == 0)
		outrow_lane(share->class, share->rank, &first, &end);
	do {
		f->bulky = 0;
		rc = freeze_rows(f, share, err);
		/* its halves go one after the other */
		if (rc == 0 && f->bulky != 0)
			rc = outrow_part(f->s, f->bulky, err);
	} while (rc == 0 && f->bulky != 0);
	if (rc < 0 || share->after <= first)
		return rc;
	assert(f->ranges < 2 * RANGES);
	f->range[f->ranges].first = first + 1;
	f->range[f->ranges++].last = share->after;
	return 0;
}

/*
 * Fresh changes first, but never all of the room: what a scan found goes on,
 * too.  A batch too small to share is the others' every fourth time.
 */
static int freeze_some(
    struct freeze *f, enum outrow_class class, int64_t turn, struct vs_err *err)
{
	const struct outbox_limits *l = f->limits;
	int most = l->changes - l->changes / 4;
	struct share fresh = { .rank = OUTROW_FRESH,
		.class = class,
		.changes = l->changes < 4 && turn % 4 == 0 ? 0 : most,
		.bytes = l->bytes - l->bytes / 4 };
	struct share found = { .rank = OUTROW_SCAN,
		.class = class,
		.changes = l->changes,
		.bytes = l->bytes };
	struct share deferred = { .rank = OUTROW_DEFERRED,
		.class = class,
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

/* From what waits to what is under way. */
static int move_rows(
    struct freeze *f, const struct vs_batch_id *id, struct vs_err *err)
{
	struct vs_db *db = f->s->db;
	int rc = 0;

	for (int i = 0; i < f->nskipped && rc == 0; i++)
		rc = vs_db_run(db, SQL_OUTBOX_DROP, err, "i", f->skipped[i]);
	if (rc == 0 && f->n > 0)
		rc = vs_db_run(db, SQL_BATCH_PUT, err, "ib", id->counter,
		    (const void *)f->body->data, f->body->len);
	for (int i = 0; i < f->ranges && rc == 0; i++) {
		rc = vs_db_run(db, SQL_FLIGHT_TAKE, err, "ii",
		    f->range[i].first, f->range[i].last);
		if (rc == 0)
			rc = vs_db_run(db, SQL_FLIGHT_TAKEN, err, "ii",
			    f->range[i].first, f->range[i].last);
	}
	return rc;
}

/* Deletions that came behind what is about to leave. */
static int marry(struct freeze *f, struct vs_err *err)
{
	struct state *s = f->s;
	sqlite3_stmt *st;
	int64_t after, end;
	int rc = 0;

	if (s->outbox_twins) {
		rc = vs_db_first(s->db, SQL_OUTBOX_ANY_TWIN, &st, err, "");
		if (rc < 0)
			return rc;
		s->outbox_twins = sqlite3_column_int(st, 0) != 0;
		sqlite3_reset(st);
		rc = 0;
	}
	for (int i = 0; i < OUTROW_RANKS && rc >= 0 && s->outbox_twins; i++) {
		outrow_lane(OUTROW_UPSERT, (enum outrow_rank)i, &after, &end);
		rc = outrow_marry(
		    s, (enum outrow_rank)i, &after, f->limits->changes, err);
	}
	return rc < 0 ? rc : 0;
}

static int freeze_all(struct freeze *f, const char *device_id,
    const struct vs_batch_id *id, struct vs_err *err)
{
	int rc = marry(f, err);

	vs_batch_open(f->body, device_id, id);
	if (rc == 0)
		rc = freeze_some(f, OUTROW_UPSERT, id->counter, err);
	if (rc == 0 && f->limits->deletes)
		rc = freeze_some(f, OUTROW_GONE, id->counter, err);
	vs_batch_shut(f->body);
	if (rc == 0 && vs_buf_error(f->body) < 0)
		rc = vs_err_set(
		    err, vs_buf_error(f->body), "outbox: batch does not fit");
	return rc < 0 ? rc : move_rows(f, id, err);
}

int outbox_freeze(struct state *s, const char *device_id,
    const struct vs_batch_id *id, const struct outbox_limits *limits,
    struct vs_buf *body, int *skipped, struct vs_err *err)
{
	struct freeze f = { .s = s, .limits = limits, .body = body };
	int rc;

	assert(limits->changes >= 1 && limits->changes <= VS_BATCH_CHANGES);
	*skipped = 0;
	rc = freeze_all(&f, device_id, id, err);
	if (rc == 0 && f.n > 0) {
		/* what waits now is of other paths */
		vs_map_free(s->newer);
		s->newer = vs_map_new();
	}
	*skipped = f.nskipped;
	return rc < 0 ? rc : f.n;
}

int outbox_freeze_ahead(struct state *s, const char *device_id,
    const struct vs_batch_id *id, const struct outbox_limits *limits,
    struct vs_err *err)
{
	struct vs_buf body;
	struct freeze f = {
		.s = s, .limits = limits, .body = &body, .ahead = true
	};
	int rc = outrow_know_flight(s, err);

	assert(limits->changes >= 1 && limits->changes <= VS_BATCH_CHANGES);
	assert(!limits->deletes && limits->skip == NULL);
	assert(s->ahead_pos == 0);
	if (rc < 0)
		return rc;
	s->ahead = vs_map_new();
	if (s->ahead == NULL)
		return vs_err_set(err, VS_ENOMEM, "outbox: out of memory");
	vs_buf_init(&body, VS_BATCH_INFLATED);
	rc = freeze_all(&f, device_id, id, err);
	vs_buf_release(&body);
	if (rc == 0)
		rc = state_load_ahead(s, err);
	if (rc < 0 || f.n == 0)
		state_forget_flight(s);
	return rc < 0 ? rc : f.n;
}

/* The batch that statement sql finds: 1 with *counter and body, or 0. */
static int frozen(struct state *s, int sql, int64_t *counter,
    struct vs_buf *body, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(s->db, sql, &st, err, "");
	if (rc <= 0)
		return rc;
	*counter = sqlite3_column_int64(st, 0);
	if (body != NULL)
		vs_buf_add(body, sqlite3_column_blob(st, 1),
		    (size_t)sqlite3_column_bytes(st, 1));
	sqlite3_reset(st);
	return 1;
}

int outbox_frozen(
    struct state *s, int64_t *counter, struct vs_buf *body, struct vs_err *err)
{
	return frozen(s, SQL_BATCH_GET, counter, body, err);
}

int outbox_frozen_ahead(
    struct state *s, int64_t *counter, struct vs_buf *body, struct vs_err *err)
{
	return frozen(s, SQL_BATCH_NEXT, counter, body, err);
}

bool outbox_is_ahead(const struct state *s)
{
	return s->ahead_pos > 0;
}

/* The rows of the batch in flight are those before this. */
static int64_t end_of_flight(const struct state *s)
{
	return s->ahead_pos > 0 ? s->ahead_pos : INT64_MAX;
}

int outbox_frozen_size(struct state *s, int64_t *changes, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(
	    s->db, SQL_FLIGHT_SIZE, &st, err, "i", end_of_flight(s));

	*changes = 0;
	if (rc <= 0)
		return rc;
	*changes = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return 0;
}

/* A row of the flight, and which of its changes are done. */
struct flown {
	int64_t pos;
	bool rename;
	bool own;
	bool half;
};

/* The rows of the flight that were shown. */
struct shown {
	struct state *s;
	int (*each)(void *arg, const struct outbox_flown *f, bool *done);
	void *arg;
	int changes;
	struct flown row[VS_BATCH_CHANGES];
	int rows;
	int done; /* rows of which nothing is left */
	bool any; /* something is done */
};

/* Whether the batch ahead speaks of path, too. */
static bool is_ahead(const struct state *s, const char *path)
{
	return s->ahead != NULL && vs_map_get(s->ahead, path) != NULL;
}

/* Whether nothing waits for path, or goes ahead; newer: something does. */
static int is_latest(struct state *s, const char *path, bool newer,
    bool *latest, struct vs_err *err)
{
	int op = -1;
	int rc = 0;

	if (s->newer != NULL && vs_map_get(s->newer, path) != NULL)
		rc = outbox_pending(s, path, &op, err);
	*latest = !newer && op < 0 && !is_ahead(s, path);
	return rc;
}

static int show_row(struct shown *v, sqlite3_stmt *st, struct vs_err *err)
{
	struct flown *r = &v->row[v->rows];
	struct outbox_flown f = { .index = v->changes++ };
	struct vs_change c;
	int rc;

	if (v->rows == VS_BATCH_CHANGES)
		return vs_err_set(
		    err, VS_ECORRUPT, "outbox: a batch of too many");
	v->rows++;
	outrow_read(st, &f.c);
	memset(r, 0, sizeof(*r));
	r->pos = sqlite3_column_int64(st, 0);
	r->rename = f.c.renamed_from != NULL;
	rc = is_latest(
	    v->s, f.c.path, sqlite3_column_int(st, 11) != 0, &f.latest, err);
	if (rc >= 0)
		rc = v->each(v->arg, &f, &r->own);
	if (rc >= 0 && r->rename) {
		outrow_half(&f.c, &c);
		f.c = c;
		f.index = v->changes++;
		rc = is_latest(v->s, f.c.path, sqlite3_column_int(st, 12) != 0,
		    &f.latest, err);
		if (rc >= 0)
			rc = v->each(v->arg, &f, &r->half);
	}
	v->any |= r->own || r->half;
	v->done += r->own && (r->half || !r->rename);
	return rc < 0 ? rc : 0;
}

/* What is done leaves, where something else does not. */
static int leave(struct state *s, const struct flown *r, struct vs_err *err)
{
	int sql = r->own && (r->half || !r->rename) ? SQL_FLIGHT_DROP
	    : r->own                                ? SQL_FLIGHT_HALF
	    : r->half                               ? SQL_FLIGHT_OWN
						    : -1;

	return sql < 0 ? 0 : vs_db_run(s->db, sql, err, "i", r->pos);
}

int outbox_each_frozen(struct state *s,
    int (*each)(void *arg, const struct outbox_flown *f, bool *done), void *arg,
    struct vs_err *err)
{
	struct shown v = { .s = s, .each = each, .arg = arg };
	int sql = s->newer != NULL ? SQL_FLIGHT_SHOW : SQL_FLIGHT_LIST;
	sqlite3_stmt *st = vs_db_stmt(s->db, sql, err);
	int64_t end = end_of_flight(s);
	int rc = st == NULL ? err->code : vs_db_bind(st, err, "i", end);

	if (rc == 0 && s->ahead_pos > 0)
		rc = outrow_know_flight(s, err);
	while (rc == 0 && (rc = vs_db_step(s->db, st, err)) == 1) {
		rc = show_row(&v, st, err);
		if (rc < 0)
			sqlite3_reset(st);
	}
	if (rc == 0 && v.any && v.done == v.rows)
		return vs_db_run(
		    s->db, SQL_FLIGHT_CLEAR, err, "ii", (int64_t)0, end);
	for (int i = 0; i < v.rows && rc == 0 && v.any; i++)
		rc = leave(s, &v.row[i], err);
	return rc;
}

int outbox_tried(struct state *s, struct vs_err *err)
{
	return vs_db_run(s->db, SQL_FLIGHT_TRIED, err, "");
}

int outbox_tries(
    struct state *s, const char *path, int64_t *tries, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(s->db, SQL_FLIGHT_SAYS, &st, err, "t", path);

	*tries = 0;
	if (rc <= 0)
		return rc;
	*tries = sqlite3_column_int64(st, 1);
	sqlite3_reset(st);
	return 0;
}

int outbox_defer(struct state *s, bool *was, struct vs_err *err)
{
	int rc = vs_db_run(s->db, SQL_FLIGHT_DEFER, err, "");

	*was = rc == 0 && vs_db_changes(s->db) == 0;
	return rc;
}

/* The rows of a batch from first to before end are pending again. */
static int thaw(
    struct state *s, int64_t first, int64_t end, int drop, struct vs_err *err)
{
	static const int sql[] = { SQL_FLIGHT_THAW, SQL_FLIGHT_THAW_HALVES,
		SQL_FLIGHT_CLEAR };
	int rc = 0;

	s->outbox_twins = true;
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]) && rc == 0; i++)
		rc = vs_db_run(s->db, sql[i], err, "ii", first, end);
	return rc < 0 ? rc : vs_db_run(s->db, drop, err, "");
}

int outbox_recall(struct state *s, struct vs_err *err)
{
	int64_t first = s->ahead_pos;

	if (first == 0)
		return 0;
	state_forget_flight(s);
	s->ahead_pos = 0;
	return thaw(s, first, INT64_MAX, SQL_BATCH_RECALL, err);
}

/* Of newer, what is not in flight any more is forgotten. */
static bool keep_ahead(void *arg, const char *path, void *value)
{
	struct state *s = arg;

	(void)value;
	if (!is_ahead(s, path))
		vs_map_del(s->newer, path);
	return true;
}

int outbox_settle(struct state *s, struct vs_err *err)
{
	int rc = thaw(s, 0, end_of_flight(s), SQL_BATCH_OVER, err);

	if (s->newer != NULL && s->ahead_pos > 0)
		rc = rc < 0 ? rc : outrow_know_flight(s, err);
	if (s->newer != NULL)
		vs_map_each(s->newer, keep_ahead, s);
	vs_map_free(s->flight);
	s->flight = s->ahead;
	s->ahead = NULL;
	s->ahead_pos = 0;
	return rc;
}

int outbox_thaw(struct state *s, struct vs_err *err)
{
	int rc = outbox_recall(s, err);

	return rc < 0 ? rc : outbox_settle(s, err);
}
