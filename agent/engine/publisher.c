#include "agent/engine/publisher.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/ahead.h"
#include "agent/engine/check.h"
#include "agent/engine/epoch.h"
#include "agent/engine/kin.h"
#include "agent/engine/plain.h"
#include "agent/engine/receipt.h"
#include "agent/engine/relist.h"
#include "agent/engine/root.h"
#include "agent/engine/stage.h"
#include "agent/engine/sweep.h"
#include "agent/engine/verdicts.h"
#include "agent/engine/work.h"
#include "agent/publish/pace.h"
#include "agent/publish/verdict.h"
#include "agent/scan/hold.h"
#include "agent/state/outbox.h"

#define ANSWER_MAX (4 * 1024 * 1024) /* bytes of an answer to a batch */

int publisher_load(struct engine *e, struct vs_err *err)
{
	struct core_cloud *c = &e->cloud;
	int64_t relist = 0, dialect = 0, ceiling = 0;
	int rc = state_get_text(
	    &e->state, "log_id", c->log_id, sizeof(c->log_id), err);

	if (rc == 0)
		rc = state_get_int(&e->state, "last_seq", 0, &c->last_seq, err);
	if (rc == 0)
		rc = state_get_int(
		    &e->state, "last_ack", 0, &c->last_ack_ms, err);
	if (rc == 0)
		rc = state_get_int(&e->state, "relist", 1, &relist, err);
	if (rc == 0)
		rc = state_get_int(&e->state, "dialect",
		    c->log_id[0] != '\0' ? DIALECT_OWN : DIALECT_UNKNOWN,
		    &dialect, err);
	if (rc == 0)
		rc = state_get_int(&e->state, "ceiling", 0, &ceiling, err);
	if (rc < 0)
		return rc;
	size_init(&c->size, ceiling);
	c->dialect = (enum dialect)dialect;
	e->state.files_only = c->dialect == DIALECT_PLAIN;
	c->probe = false;
	c->fails = 0;
	c->deferred_ms = e->now.mono_ms;
	c->tree_equal = -1;
	c->relist = relist == 1;
	c->reconcile = relist != 0;
	return epoch_load(e, err);
}

void publisher_ask(
    struct engine *e, enum core_request what, struct engine_send *s)
{
	assert(e->cloud.request == CORE_NO_REQUEST);
	e->cloud.request = what;
	e->cloud.request_id = ++e->serial;
	s->id = e->cloud.request_id;
	e->world.send(e->world.arg, s);
}

void publisher_back_off(
    struct engine *e, int64_t retry_after_ms, const char *why)
{
	struct core_cloud *c = &e->cloud;
	bool was = c->offline;

	c->retry_ms = e->now.mono_ms +
	    vs_backoff_next(&c->backoff, e->world.rand, retry_after_ms);
	c->offline = true;
	snprintf(c->why, sizeof(c->why), "%s", why);
	if (!was)
		core_tell_state(e, "offline");
}

void publisher_reached(struct engine *e)
{
	struct core_cloud *c = &e->cloud;
	bool was = c->offline;

	vs_backoff_reset(&c->backoff);
	c->offline = false;
	c->retry_ms = 0;
	if (was)
		core_tell_state(e, "online");
}

void publisher_stop(struct engine *e, enum core_stop stop, const char *why)
{
	e->cloud.stop = stop;
	e->cloud.offline = false;
	snprintf(e->cloud.why, sizeof(e->cloud.why), "%s", why);
	core_tell_state(e, "stopped");
}

void publisher_fenced(struct engine *e)
{
	/* an epoch that ends with the role was ended by nobody else */
	e->cloud.proven = false;
	publisher_stop(e, CORE_STOP_NOT_PUBLISHER,
	    "another device publishes this project: what changes here stays "
	    "here, and nothing there is undone");
}

void publisher_send_batch(
    struct engine *e, const struct vs_buf *body, int changes)
{
	char path[128];
	struct engine_send s = {
		.method = "POST",
		.path = path,
		.body = vs_buf_str(body),
		.len = body->len,
		.max_body = ANSWER_MAX,
	};

	e->cloud.sent.changes = changes;
	e->cloud.sent.bytes = (int64_t)body->len;
	e->cloud.sent_ms = e->now.mono_ms;
	snprintf(
	    path, sizeof(path), "/api/projects/%s/files/update", e->project_id);
	publisher_ask(e, CORE_BATCH, &s);
}

static void tell_held(struct engine *e, int64_t n)
{
	const struct engine_event ev = { .news = ENGINE_HELD, .n = n };

	e->world.tell(e->world.arg, &ev);
}

/* Whether what is pending deletes too much. */
static bool deletes_much(struct engine *e, const struct outbox_sums *sums)
{
	struct hold_view v = {
		.live = e->state.cloud_files - sums->approved,
		.baseline = e->state.baseline,
		.creates = sums->creates,
		.deletes = sums->deletes,
	};

	return hold_decide(&v);
}

/* The decision to hold, over all that is pending. */
static int judge_deletes(struct engine *e, bool *any, struct vs_err *err)
{
	struct outbox_sums sums;
	int64_t all, held;
	bool hold, judge;
	int rc = outbox_lone(&e->state, any, &judge, err);

	if (rc < 0 || !judge)
		return rc;
	rc = outbox_sums(&e->state, &sums, err);
	/* nobody is asked about what only has another name */
	if (rc == 0 && deletes_much(e, &sums)) {
		rc = outbox_marry(&e->state, err);
		if (rc == 0)
			rc = outbox_sums(&e->state, &sums, err);
	}
	*any = sums.any_delete;
	if (rc < 0 || !sums.any_delete)
		return rc;
	hold = deletes_much(e, &sums);
	rc = outbox_hold(&e->state, hold ? OUTBOX_HOLD : OUTBOX_UNHOLD, err);
	if (rc < 0 || !hold || vs_db_changes(e->state.db) == 0)
		return rc;
	rc = outbox_count(&e->state, &all, &held, err);
	if (rc == 0)
		tell_held(e, held);
	return rc;
}

/*
 * Fixes the next batch and makes it durable: number of changes.  *due when
 * there is more to look at.
 */
static int freeze(struct engine *e, bool deletes, struct vs_buf *body,
    int64_t *due, struct vs_err *err)
{
	struct vs_batch_id id = e->cloud.batch;
	struct outbox_limits limits = {
		.changes = e->cloud.size.changes,
		.bytes = e->cloud.size.bytes,
		.deferred = e->cloud.deferred_ms <= e->now.mono_ms,
		.skip = plain_is(e) ? plain_skip : NULL,
		.arg = e,
	};
	bool any = false;
	int skipped = 0;
	int n;
	int rc = vs_db_begin(e->state.db, err);

	id.counter++;
	if (rc == 0 && deletes)
		rc = judge_deletes(e, &any, err);
	limits.deletes = deletes && any;
	n = rc < 0 ? rc
		   : outbox_freeze(&e->state, e->device_id, &id, &limits, body,
			 &skipped, err);
	if (n > 0)
		rc = state_set_int(&e->state, "counter", id.counter, err);
	if (n < 0 || rc < 0) {
		vs_db_rollback(e->state.db);
		return n < 0 ? n : rc;
	}
	rc = vs_db_commit(e->state.db, err);
	if (rc < 0)
		return rc;
	if (n > 0)
		e->cloud.batch.counter = id.counter;
	if (skipped > 0)
		*due = e->now.mono_ms;
	else if (n == 0 && !limits.deferred)
		*due = e->cloud.deferred_ms;
	return n;
}

/* Whether a batch is due; *due when to ask again. */
static int plan(struct engine *e, struct pace *p, struct vs_err *err)
{
	struct outbox_ready up, del;
	struct pace_view v = {
		.wall_ms = e->now.wall_ms,
		.quiet = work_quiet(e),
		.idle_ms = e->now.mono_ms - e->last_delete_ms,
		.sent_ms = e->now.mono_ms - e->cloud.sent_ms,
		.listing = sweep_lists_first(e),
	};
	int rc = outbox_ready(&e->state, false, VS_BATCH_FLOOR, &up, err);

	if (rc == 0)
		rc = outbox_ready(&e->state, true, VS_BATCH_FLOOR, &del, err);
	if (rc < 0)
		return rc;
	v.upserts = up.changes;
	v.upserts_ms = up.oldest_ms;
	v.deletes = del.changes;
	v.deletes_ms = del.oldest_ms;
	*p = pace_decide(&v);
	return 0;
}

/* Sends the batch that is fixed already: 1, or 0 when there is none. */
static int resend(struct engine *e, struct vs_buf *body, struct vs_err *err)
{
	int64_t counter;
	int rc = e->cloud.overtaken
	    ? outbox_frozen_ahead(&e->state, &counter, body, err)
	    : outbox_frozen(&e->state, &counter, body, err);

	if (rc <= 0)
		return rc;
	if (!root_check(e))
		return 1; /* it may hold deletions (R2) */
	publisher_send_batch(e, body, e->cloud.size.changes);
	return 1;
}

static int next_batch(
    struct engine *e, struct vs_buf *body, int64_t *due, struct vs_err *err)
{
	struct pace p;
	int n;
	int rc = plan(e, &p, err);

	if (rc < 0)
		return rc;
	if (!p.go && p.wait_ms >= 0) {
		*due = e->now.mono_ms + p.wait_ms + 1;
		return 0;
	}
	if (!p.go) {
		rc = kin_tidy(e, due, err);
		if (rc == 0)
			check_step(e, due);
		return rc;
	}
	if (!root_check(e))
		return 0; /* a deletion may be in it (R2) */
	n = freeze(e, p.deletes, body, due, err);
	if (n > 0)
		publisher_send_batch(e, body, n);
	return n < 0 ? n : 0;
}

static int step(struct engine *e, int64_t *due, struct vs_err *err)
{
	struct vs_buf body;
	int rc;

	if (verdicts_step(e))
		return 0;
	vs_buf_init(&body, VS_BATCH_INFLATED);
	rc = resend(e, &body, err);
	if (rc == 0 && e->cloud.probe)
		plain_probe(e);
	else if (rc == 0 && e->cloud.relist && plain_is(e))
		plain_replay(e);
	else if (rc == 0 && e->cloud.relist)
		relist_step(e);
	else if (rc == 0 && !epoch_wary(e))
		rc = next_batch(e, &body, due, err);
	vs_buf_release(&body);
	return rc < 0 ? rc : 0;
}

int64_t publisher_step(struct engine *e)
{
	struct core_cloud *c = &e->cloud;
	struct vs_err err = VS_ERR_INIT;
	int64_t due = INT64_MAX;
	int rc = 0;

	assert(!e->stage.open);
	if (e->paused || e->root.lost || e->fault.on || c->stop != CORE_GO)
		return INT64_MAX;
	if (c->request == CORE_NO_REQUEST && c->retry_ms > e->now.mono_ms)
		return c->retry_ms;
	if (c->request == CORE_NO_REQUEST)
		rc = step(e, &due, &err);
	/* what was sent just now leaves time for the next one */
	if (rc == 0 && !e->fault.on && !e->root.lost)
		rc = ahead_step(e, &err);
	if (rc < 0)
		core_fault(e, &err);
	return due;
}

/* A sentence for an answer that is no success. */
static void describe(char out[VS_ERR_MSG], const struct engine_answer *a)
{
	char code[64];

	if (a->code < 0) {
		snprintf(out, VS_ERR_MSG, "%s", a->why);
		return;
	}
	verdict_error_code(code, sizeof(code), a->body, a->len);
	if (code[0] != '\0')
		snprintf(out, VS_ERR_MSG, "the server answered %ld (%s)",
		    a->status, code);
	else
		snprintf(out, VS_ERR_MSG,
		    "the server answered %ld, but not as a vsync cloud does",
		    a->status);
}

static void stop_by(struct engine *e, enum verdict v)
{
	switch (v) {
	case VERDICT_AUTH:
		publisher_stop(e, CORE_STOP_AUTH,
		    "the server refuses the token: run `vsync login`");
		break;
	case VERDICT_FORBIDDEN:
		publisher_stop(e, CORE_STOP_FORBIDDEN,
		    "this user may not write to the project");
		break;
	case VERDICT_GONE:
		publisher_stop(
		    e, CORE_STOP_GONE, "the server does not know the project");
		break;
	default:
		publisher_fenced(e);
		break;
	}
}

/* In one transaction; with a negative code it was rolled back. */
static int in_transaction(struct engine *e,
    int (*run)(struct engine *e, struct vs_err *err), struct vs_err *err)
{
	int rc = vs_db_begin(e->state.db, err);

	if (rc < 0)
		return rc;
	rc = run(e, err);
	if (rc == 0)
		rc = state_save_totals(&e->state, err);
	if (rc == 0)
		return vs_db_commit(e->state.db, err);
	vs_db_rollback(e->state.db);
	return rc;
}

/* The first batch of an epoch is made anew, behind what the cloud has. */
static int order(struct engine *e, const struct engine_answer *a,
    const char *why, struct vs_err *err)
{
	struct vs_batch_id id;
	struct vs_batch_mark m;

	ahead_id(e, &id);
	if (id.counter == 1 && verdict_follows(&m, a->body, a->len) &&
	    (strcmp(m.epoch, id.follows.epoch) != 0 ||
		m.counter != id.follows.counter))
		return epoch_follow(e, &m, err);
	/* this is just what was said */
	publisher_back_off(e, a->retry_after_ms, why);
	return 0;
}

static void batch_answered(struct engine *e, const struct engine_answer *a)
{
	struct vs_err err = VS_ERR_INIT;
	char why[VS_ERR_MSG] = "";
	enum verdict v =
	    verdict_of(a->code, a->status, a->type, a->body, a->len);
	int rc = 0;

	if (v != VERDICT_READ)
		describe(why, a);
	e->cloud.sent.ms = e->now.mono_ms - e->cloud.sent_ms;
	switch (v) {
	case VERDICT_READ:
		rc = receipt_take(e, a, &err);
		break;
	case VERDICT_RETRY:
		rc = receipt_failed(e, a, why, &err);
		break;
	case VERDICT_SPLIT:
		/* what it follows cannot be made anew */
		rc = e->cloud.overtaken ? in_transaction(e, epoch_doubt, &err)
					: receipt_split(e, a, why, &err);
		break;
	case VERDICT_RESYNC:
		if (!ahead_overtaken(e, a))
			rc = in_transaction(e, epoch_doubt, &err);
		break;
	case VERDICT_ORDER:
		rc = order(e, a, why, &err);
		break;
	case VERDICT_STALE:
		rc = epoch_ended(e, &err);
		break;
	default:
		stop_by(e, v);
		break;
	}
	if (rc < 0)
		core_fault(e, &err);
}

void publisher_answered(struct engine *e, const struct engine_answer *a)
{
	enum core_request what = e->cloud.request;
	enum verdict v =
	    verdict_of(a->code, a->status, a->type, a->body, a->len);

	e->cloud.request = CORE_NO_REQUEST;
	if (what == CORE_BATCH)
		batch_answered(e, a);
	else if (v == VERDICT_AUTH || v == VERDICT_FORBIDDEN)
		stop_by(e, v);
	else if (what == CORE_PAGE)
		relist_answered(e, a);
	else if (what == CORE_CHECK)
		check_answered(e, a);
	else if (what == CORE_PROBE)
		plain_probed(e, a);
	else if (what == CORE_REPLAY)
		plain_replayed(e, a);
	else
		verdicts_answered(e, a);
}
