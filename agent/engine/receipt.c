#include "agent/engine/receipt.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/ahead.h"
#include "agent/engine/check.h"
#include "agent/engine/epoch.h"
#include "agent/engine/plain.h"
#include "agent/engine/publisher.h"
#include "agent/engine/relist.h"
#include "agent/engine/stage.h"
#include "agent/state/acks.h"
#include "agent/state/outbox.h"
#include "agent/state/state_sql.h"

/* What was told about one change of the batch. */
struct told {
	char *path;
	const char *op;
	int64_t seq;
	int64_t size;
};

/* An answer being applied. */
struct receipt {
	struct engine *e;
	struct vs_batch_reply reply;
	struct acks *acks; /* what was taken */
	struct vs_map *synced; /* path to what became of it; NULL: not yet */
	size_t next; /* result that is due, as they come in order */
	struct vs_map *wronged; /* path to element of errors without index */
	json_t *held[VS_BATCH_CHANGES];
	json_t *refused[VS_BATCH_CHANGES];
	struct told told[VS_BATCH_CHANGES];
	int told_count;
	int sent; /* changes of the batch */
	int named; /* paths of results that are in it */
	int64_t first_seq; /* least of results, 0 for none */
	int64_t last_seq; /* largest */
	int left; /* changes the answer does not name */
	int refusals;
	bool approved; /* a person approved deletions of this batch */
	bool holds; /* the cloud holds something */
	bool clean; /* and the batch ahead holds: it may be under way */
	struct size_sent took; /* the batch that it answers */
	struct vs_err *err;
};

static int index_one(json_t *slot[VS_BATCH_CHANGES], struct vs_map *by_path,
    json_t *list, struct vs_err *err)
{
	struct vs_batch_item it;
	json_t *el;
	size_t i;

	json_array_foreach(list, i, el)
	{
		int rc = vs_batch_item_read(el, &it, err);

		if (rc < 0)
			return rc;
		if (it.index >= 0 && it.index < VS_BATCH_CHANGES)
			slot[it.index] = el;
		else if (by_path != NULL && it.index < 0)
			rc = vs_map_put(by_path, it.path, el, NULL);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int index_synced(struct receipt *r, struct vs_err *err)
{
	r->synced = vs_map_new();
	if (r->synced == NULL)
		return vs_err_set(err, VS_ENOMEM, "answer: out of memory");
	for (size_t i = 0; i < r->reply.count; i++) {
		struct vs_batch_item *it = &r->reply.results[i];

		if (vs_map_put(r->synced, it->path, it, NULL) < 0)
			return vs_err_set(
			    err, VS_ENOMEM, "answer: out of memory");
	}
	return 0;
}

/* What became of path, NULL when that is not said. */
static int find_synced(
    struct receipt *r, const char *path, const struct vs_batch_item **it)
{
	int rc = 0;

	if (r->next < r->reply.count &&
	    strcmp(r->reply.results[r->next].path, path) == 0) {
		*it = &r->reply.results[r->next++];
		return 0;
	}
	if (r->synced == NULL)
		rc = index_synced(r, r->err);
	*it = rc < 0 ? NULL : vs_map_get(r->synced, path);
	return rc;
}

static int index_reply(struct receipt *r, struct vs_err *err)
{
	int rc;

	r->wronged = vs_map_new();
	r->acks = acks_new();
	if (r->wronged == NULL || r->acks == NULL)
		return vs_err_set(err, VS_ENOMEM, "answer: out of memory");
	rc = index_one(r->held, NULL, r->reply.held, err);
	return rc < 0 ? rc
		      : index_one(r->refused, r->wronged, r->reply.errors, err);
}

static void tell_later(
    struct receipt *r, const struct vs_change *c, int64_t seq)
{
	struct told *t = &r->told[r->told_count];

	if (r->told_count >= VS_BATCH_CHANGES)
		return;
	t->path = strdup(c->path);
	t->op = vs_op_name(c->op);
	t->seq = seq;
	t->size = c->size;
	r->told_count += t->path != NULL;
}

static int acknowledged(struct receipt *r, const struct outbox_flown *f,
    const struct vs_batch_item *it)
{
	const struct vs_change *c = &f->c;
	struct state *s = &r->e->state;
	int rc = acks_add(r->acks, c, f->latest, r->err);

	if (rc == 0 && r->holds)
		rc = vs_db_run(s->db, SQL_HOLD_DROP_PATH, r->err, "t", c->path);
	if (rc == 0) /* a refusal that is over */
		rc = stage_no_refusal(r->e, c->path, r->err);
	if (it->seq > r->last_seq)
		r->last_seq = it->seq;
	if (r->first_seq == 0 || it->seq < r->first_seq)
		r->first_seq = it->seq;
	tell_later(r, c, it->seq);
	return rc;
}

static int held(struct receipt *r, const struct vs_change *c, json_t *el)
{
	struct vs_batch_item it;
	int rc = vs_batch_item_read(el, &it, r->err);

	if (rc < 0)
		return rc;
	return vs_db_run(r->e->state.db, SQL_HOLD_PUT, r->err, "titi", c->path,
	    (int64_t)c->kind, it.hold_id != NULL ? it.hold_id : "",
	    (int64_t)r->approved);
}

/*
 * A person is asked once: what the cloud holds of a batch with approved
 * deletions is approved as well.  What else such a batch deletes has passed
 * the agent's own rule, with the baseline that the approval set.
 */
static int find_approval(struct receipt *r, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(r->e->state.db, SQL_HOLD_APPROVED, &st, err, "");

	if (rc < 0)
		return rc;
	r->approved = sqlite3_column_int(st, 0) != 0;
	r->holds = sqlite3_column_int(st, 1) != 0;
	sqlite3_reset(st);
	return 0;
}

static int refused(struct receipt *r, const struct vs_change *c, json_t *el)
{
	struct vs_batch_item it;
	int rc = vs_batch_item_read(el, &it, r->err);

	if (rc < 0)
		return rc;
	r->refusals++;
	return stage_trouble(r->e, c->path, true,
	    it.error != NULL ? it.error : "the cloud refused it", r->err);
}

/*
 * The answer does not name it: it is sent again, but not for ever.  1: it
 * leaves the outbox.
 */
static int left_out(struct receipt *r, const struct vs_change *c)
{
	int64_t tries = 0;
	int rc = 0;

	if (plain_is(r->e))
		rc = outbox_tries(&r->e->state, c->path, &tries, r->err);
	if (rc < 0 || tries < PLAIN_TRIES) {
		r->left++;
		return rc;
	}
	r->refusals++;
	rc = stage_trouble(r->e, c->path, true,
	    "the server answers for the others of a batch, but not for this",
	    r->err);
	return rc < 0 ? rc : 1;
}

static int apply(void *arg, const struct outbox_flown *f, bool *done)
{
	struct receipt *r = arg;
	const struct vs_change *c = &f->c;
	int index = f->index;
	const struct vs_batch_item *it;
	int rc = find_synced(r, c->path, &it);

	assert(index < VS_BATCH_CHANGES);
	*done = true;
	if (rc < 0)
		return rc;
	if (it == NULL && vs_map_get(r->wronged, c->path) != NULL)
		return refused(r, c, vs_map_get(r->wronged, c->path));
	if (r->refused[index] != NULL)
		return refused(r, c, r->refused[index]);
	if (r->held[index] != NULL)
		return held(r, c, r->held[index]);
	if (it != NULL)
		return acknowledged(r, f, it);
	rc = left_out(r, c);
	*done = rc == 1;
	return rc < 0 ? rc : 0;
}

/* The answer's log, seq and checksum against ours. */
static int compare(struct receipt *r, struct vs_err *err)
{
	struct core_cloud *c = &r->e->cloud;
	struct state *s = &r->e->state;
	bool other = c->log_id[0] != '\0' && r->reply.log_id[0] != '\0' &&
	    strcmp(c->log_id, r->reply.log_id) != 0;
	int rc = 0;

	if (r->reply.log_id[0] != '\0') {
		snprintf(c->log_id, sizeof(c->log_id), "%s", r->reply.log_id);
		rc = state_set_text(s, "log_id", c->log_id, err);
		if (rc == 0)
			rc = plain_set(r->e, DIALECT_OWN, err);
	}
	if (rc == 0 && plain_is(r->e))
		rc = plain_compare(r->e, r->first_seq, err);
	if (r->reply.last_seq >= 0)
		c->last_seq = r->reply.last_seq;
	else if (r->last_seq > c->last_seq)
		c->last_seq = r->last_seq;
	c->last_ack_ms = r->e->now.wall_ms;
	c->check_ms = r->e->now.mono_ms + CHECK_MS;
	if (rc == 0)
		rc = state_set_int(s, "last_seq", c->last_seq, err);
	if (rc == 0)
		rc = state_set_int(s, "last_ack", c->last_ack_ms, err);
	if (!r->reply.has_tree || r->left > 0)
		return rc;
	c->tree = r->reply.tree;
	c->tree_equal = vs_tree_equal(&c->tree, &s->tree);
	if (rc == 0 && (other || c->tree_equal == 0))
		rc = relist_need(r->e, err);
	return rc;
}

/* How large the next batches may be; what the server takes is kept. */
static int resize(struct receipt *r, struct vs_err *err)
{
	struct core_cloud *c = &r->e->cloud;
	int64_t was = c->size.ceiling;

	size_taken(&c->size, &r->took);
	return was == c->size.ceiling
	    ? 0
	    : state_set_int(&r->e->state, "ceiling", c->size.ceiling, err);
}

static int apply_all(struct receipt *r, struct vs_err *err)
{
	struct engine *e = r->e;
	int rc = stage_begin(e, err);

	if (rc == 0 && !r->clean)
		rc = ahead_recall(e, err);
	if (rc == 0 && plain_is(e))
		rc = outbox_tried(&e->state, err);
	if (rc == 0)
		rc = find_approval(r, err);
	if (rc == 0)
		rc = outbox_each_frozen(&e->state, apply, r, err);
	if (rc == 0)
		rc = acks_settle(r->acks, &e->state, err);
	if (rc == 0)
		rc = outbox_settle(&e->state, err);
	if (rc == 0)
		rc = compare(r, err);
	if (rc == 0)
		rc = resize(r, err);
	if (rc == 0)
		rc = ahead_freeze(e, err);
	return rc < 0 ? rc : stage_commit(e, err);
}

static void tell(struct receipt *r)
{
	struct engine *e = r->e;

	for (int i = 0; i < r->told_count; i++) {
		struct engine_event ev = {
			.news = ENGINE_PUBLISHED,
			.path = r->told[i].path,
			.op = r->told[i].op,
			.seq = r->told[i].seq,
			.size = r->told[i].size,
		};

		e->world.tell(e->world.arg, &ev);
	}
	if (r->refusals > 0)
		core_tell_state(e, "refused");
}

static void release(struct receipt *r)
{
	for (int i = 0; i < r->told_count; i++)
		free(r->told[i].path);
	acks_free(r->acks);
	vs_map_free(r->synced);
	vs_map_free(r->wronged);
	vs_batch_reply_release(&r->reply);
	free(r);
}

static int take(struct receipt *r, struct vs_err *err)
{
	struct engine *e = r->e;
	int rc = apply_all(r, err);

	if (rc == VS_EROOT)
		return 0; /* rolled back; the batch is sent again */
	if (rc < 0)
		return rc;
	epoch_proven(e);
	e->cloud.fails = 0;
	if (r->left == 0 || r->told_count > 0)
		publisher_reached(e);
	if (r->left > 0)
		publisher_back_off(
		    e, -1, "the server answered only for part of a batch");
	tell(r);
	return 0;
}

static int count_named(void *arg, const struct outbox_flown *f, bool *done)
{
	struct receipt *r = arg;

	(void)done;
	r->sent++;
	r->named += vs_map_get(r->synced, f->c.path) != NULL;
	return 0;
}

/* A plain server does not echo the batch: its paths must be ours. */
static int check_plain(struct receipt *r, struct vs_err *why)
{
	int rc = index_synced(r, why);

	if (rc == 0)
		rc = outbox_each_frozen(&r->e->state, count_named, r, r->err);
	if (rc < 0)
		return rc;
	if ((size_t)r->named != vs_map_count(r->synced))
		return vs_err_set(why, VS_EPROTO,
		    "answer to a batch: it names what was not sent");
	return dialect_reply(&r->reply, r->sent, why);
}

/* It has learned to name its log: the batch is offered again. */
static int upgrade(struct engine *e, struct vs_err *err)
{
	int rc = stage_begin(e, err);

	if (rc == 0)
		rc = plain_upgrade(e, err);
	if (rc == 0)
		rc = stage_commit(e, err);
	return rc == VS_EROOT ? 0 : rc;
}

static int no_receipt(
    struct engine *e, const struct engine_answer *a, const char *why)
{
	e->cloud.probe = e->cloud.dialect == DIALECT_UNKNOWN;
	publisher_back_off(e, a->retry_after_ms, why);
	return 0;
}

/*
 * The answer is one to the batch that was sent: the next one leaves before
 * anything is done with it.
 */
static int go_ahead(struct receipt *r, struct vs_err *err)
{
	struct engine *e = r->e;
	int rc = e->cloud.overtaken ? ahead_taken(e, err) : 0;

	r->took = e->cloud.sent;
	if (rc == 0 && !plain_is(e) && outbox_is_ahead(&e->state))
		rc = ahead_send(e, &r->reply, err);
	r->clean = rc == 1;
	return rc < 0 ? rc : 0;
}

/* 0 if it is an answer to the batch that was sent. */
static int read_reply(
    struct receipt *r, const struct engine_answer *a, struct vs_err *why)
{
	struct vs_batch_id want;

	ahead_id(r->e, &want);
	return vs_batch_reply_read(
	    &r->reply, a->body, a->len, plain_is(r->e) ? NULL : &want, why);
}

int receipt_take(
    struct engine *e, const struct engine_answer *a, struct vs_err *err)
{
	struct receipt *r = calloc(1, sizeof(*r));
	struct vs_err why = VS_ERR_INIT;
	int rc;

	assert(!e->stage.open);
	if (r == NULL)
		return vs_err_set(err, VS_ENOMEM, "answer: out of memory");
	r->e = e;
	r->err = err;
	rc = read_reply(r, a, &why);
	if (rc == 0)
		rc = go_ahead(r, err);
	if (rc == 0)
		rc = index_reply(r, &why);
	if (rc == 0 && plain_is(e) && r->reply.log_id[0] == '\0')
		rc = check_plain(r, &why);
	if (err->code < 0)
		rc = err->code; /* the database's */
	else if (rc < 0)
		rc = no_receipt(e, a, why.msg);
	else if (plain_is(e) && r->reply.log_id[0] != '\0')
		rc = upgrade(e, err);
	else
		rc = take(r, err);
	release(r);
	return rc;
}

struct split {
	struct engine *e;
	const char *why;
	struct vs_err *err;
	int count;
};

static int count_one(void *arg, const struct outbox_flown *f, bool *done)
{
	struct split *s = arg;

	(void)done;
	s->count = f->index + 1;
	return 0;
}

static int refuse_one(void *arg, const struct outbox_flown *f, bool *done)
{
	struct split *s = arg;

	*done = true;
	return stage_trouble(s->e, f->c.path, true, s->why, s->err);
}

/* Half of what it was, under the same counter: the cloud never kept it. */
static int thaw(struct engine *e, struct split *s, struct vs_err *err)
{
	int rc = stage_begin(e, err);

	if (rc == 0)
		rc = ahead_recall(e, err);
	if (rc == 0 && s->count <= 1)
		rc = outbox_each_frozen(&e->state, refuse_one, s, err);
	if (rc == 0)
		rc = outbox_settle(&e->state, err);
	if (rc == 0)
		rc = state_set_int(
		    &e->state, "ceiling", e->cloud.size.ceiling, err);
	if (rc == 0 && e->cloud.batch.counter > 0)
		rc = state_set_int(
		    &e->state, "counter", --e->cloud.batch.counter, err);
	return rc < 0 ? rc : stage_commit(e, err);
}

int receipt_split(struct engine *e, const struct engine_answer *a,
    const char *why, struct vs_err *err)
{
	struct split s = { .e = e, .why = why, .err = err };
	int rc = outbox_each_frozen(&e->state, count_one, &s, err);

	if (rc < 0)
		return rc;
	if (s.count <= 1 && a->status == 413) {
		/* a few hundred bytes are not too large: something else
		   stands in the way */
		publisher_back_off(e, a->retry_after_ms, why);
		return 0;
	}
	e->cloud.sent.changes = s.count;
	if (a->status == 413)
		size_refused(&e->cloud.size, &e->cloud.sent);
	else
		size_failed(&e->cloud.size, &e->cloud.sent);
	rc = thaw(e, &s, err);
	return rc == VS_EROOT ? 0 : rc;
}

/*
 * The batch is put together anew: smaller and soon, or alone and behind all
 * others; what was alone already waits by itself and holds nobody up.
 */
static int shrink(struct engine *e, struct vs_err *err)
{
	struct core_cloud *c = &e->cloud;
	struct split s = { .e = e, .err = err };
	bool alone = false;
	int rc = outbox_each_frozen(&e->state, count_one, &s, err);

	if (rc == 0)
		rc = stage_begin(e, err);
	if (rc == 0 && s.count <= 1)
		rc = outbox_defer(&e->state, &alone, err);
	if (rc == 0)
		rc = outbox_thaw(&e->state, err);
	if (rc == 0)
		rc = stage_commit(e, err);
	c->sent.changes = s.count;
	size_failed(&c->size, &c->sent);
	if (alone) {
		c->deferred_ms = e->now.mono_ms +
		    vs_backoff_next(&c->deferred, e->world.rand, -1);
		publisher_reached(e);
	} else if (s.count > 1) {
		vs_backoff_reset(&c->backoff);
	}
	return rc;
}

int receipt_failed(struct engine *e, const struct engine_answer *a,
    const char *why, struct vs_err *err)
{
	publisher_back_off(e, a->retry_after_ms, why);
	if (!plain_is(e) || a->code < 0 || a->status < 500 ||
	    ++e->cloud.fails < PLAIN_FAILS)
		return 0;
	return shrink(e, err);
}
