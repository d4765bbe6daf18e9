#include "agent/engine/ahead.h"

#include <assert.h>
#include <string.h>

#include "agent/engine/epoch.h"
#include "agent/engine/plain.h"
#include "agent/engine/publisher.h"
#include "agent/engine/root.h"
#include "agent/engine/stage.h"
#include "agent/engine/sweep.h"
#include "agent/engine/verdicts.h"
#include "agent/publish/verdict.h"
#include "agent/state/outbox.h"
#include "agent/state/shadow.h"
#include "common/base/buf.h"

void ahead_id(const struct engine *e, struct vs_batch_id *id)
{
	*id = e->cloud.batch;
	if (outbox_is_ahead(&e->state) && !e->cloud.overtaken)
		id->counter--;
}

/* Nothing may stand in its way that has yet to be answered or compared. */
static bool may_freeze(const struct engine *e)
{
	const struct core_cloud *c = &e->cloud;

	return c->request == CORE_BATCH && c->proven && !c->offline &&
	    c->dialect == DIALECT_OWN && !c->relist && !c->probe &&
	    !epoch_wary(e) && !sweep_lists_first(e) &&
	    !outbox_is_ahead(&e->state);
}

/*
 * Whether enough waits to fill one, so that waiting would gain nothing.
 * Deletions that wait for a batch with room for them get it.
 */
static int is_due(struct engine *e, struct vs_err *err)
{
	int full = e->cloud.size.changes;
	struct outbox_ready up;
	bool lone, judge;
	int rc = outbox_lone(&e->state, &lone, &judge, err);

	if (rc < 0)
		return rc;
	if (!lone && full > e->ahead_least)
		full = e->ahead_least;
	rc = outbox_ready(&e->state, false, full, &up, err);
	return rc < 0 ? rc : up.changes >= full;
}

/* In a transaction; 1 if one was fixed, to be counted once it is durable. */
static int freeze(struct engine *e, struct vs_err *err)
{
	struct vs_batch_id id = e->cloud.batch;
	const struct outbox_limits limits = {
		.changes = e->cloud.size.changes,
		.bytes = e->cloud.size.bytes,
	};
	int n;

	id.counter++;
	n = outbox_freeze_ahead(&e->state, e->device_id, &id, &limits, err);
	if (n <= 0)
		return n;
	n = state_set_int(&e->state, "counter", id.counter, err);
	if (n == 0)
		e->cloud.batch.counter = id.counter;
	return n < 0 ? n : 1;
}

int ahead_freeze(struct engine *e, struct vs_err *err)
{
	int rc = may_freeze(e) ? is_due(e, err) : 0;

	return rc <= 0 ? rc : freeze(e, err);
}

int ahead_step(struct engine *e, struct vs_err *err)
{
	int rc = may_freeze(e) ? is_due(e, err) : 0;

	assert(!e->stage.open);
	if (rc <= 0)
		return rc;
	rc = vs_db_begin(e->state.db, err);
	if (rc == 0)
		rc = freeze(e, err);
	return rc < 0 ? rc : vs_db_commit(e->state.db, err);
}

/* All of a batch of so many changes was taken, by the log that is known. */
static bool is_clean(
    const struct engine *e, const struct vs_batch_reply *r, int64_t changes)
{
	return r->has_tree && r->log_id[0] != '\0' &&
	    strcmp(r->log_id, e->cloud.log_id) == 0 &&
	    json_array_size(r->held) == 0 && json_array_size(r->errors) == 0 &&
	    r->total == changes && r->synced == changes &&
	    r->count == (size_t)changes;
}

/* 1, or 0: it is sent later, as any batch that is fixed; or negative. */
static int may_send(struct engine *e, struct vs_err *err)
{
	int due;

	if (e->paused || e->cloud.stop != CORE_GO || e->root.lost)
		return 0;
	due = verdicts_due(e, err);
	if (due != 0)
		return due < 0 ? due : 0; /* a person waits for that */
	if (root_check(e)) /* a rename is half a deletion (R2) */
		return 1;
	return e->fault.on ? vs_err_set(err, e->fault.code, "%s", e->fault.why)
			   : 0;
}

static int send(struct engine *e, struct vs_err *err)
{
	struct vs_buf body;
	int64_t counter;
	int rc;

	vs_buf_init(&body, VS_BATCH_INFLATED);
	rc = outbox_frozen_ahead(&e->state, &counter, &body, err);
	if (rc == 1)
		publisher_send_batch(e, &body, e->cloud.size.changes);
	vs_buf_release(&body);
	return rc < 0 ? rc : 0;
}

int ahead_send(
    struct engine *e, const struct vs_batch_reply *reply, struct vs_err *err)
{
	int64_t changes;
	int rc = outbox_frozen_size(&e->state, &changes, err);

	assert(e->cloud.request == CORE_NO_REQUEST && !e->stage.open);
	if (rc < 0 || !is_clean(e, reply, changes))
		return rc;
	rc = may_send(e, err);
	if (rc == 1)
		rc = send(e, err);
	return rc < 0 ? rc : 1;
}

int ahead_recall(struct engine *e, struct vs_err *err)
{
	int rc;

	e->cloud.overtaken = false;
	if (!outbox_is_ahead(&e->state))
		return 0;
	rc = outbox_recall(&e->state, err);
	return rc < 0 ? rc
		      : state_set_int(&e->state, "counter",
			    --e->cloud.batch.counter, err);
}

bool ahead_overtaken(struct engine *e, const struct engine_answer *a)
{
	struct core_cloud *c = &e->cloud;

	if (!outbox_is_ahead(&e->state) || c->overtaken ||
	    verdict_due(a->body, a->len) != c->batch.counter + 1)
		return false;
	c->overtaken = true;
	return true;
}

struct taken {
	struct engine *e;
	struct vs_err *err;
};

static int take(void *arg, const struct outbox_flown *f, bool *done)
{
	struct taken *t = arg;
	int rc = shadow_ack(&t->e->state, &f->c, f->latest, t->err);

	*done = true;
	return rc < 0 ? rc : stage_no_refusal(t->e, f->c.path, t->err);
}

int ahead_taken(struct engine *e, struct vs_err *err)
{
	struct taken t = { .e = e, .err = err };
	int rc = stage_begin(e, err);

	assert(e->cloud.overtaken);
	if (rc == 0)
		rc = outbox_each_frozen(&e->state, take, &t, err);
	if (rc == 0)
		rc = outbox_settle(&e->state, err);
	if (rc == 0)
		rc = stage_commit(e, err);
	e->cloud.overtaken = false;
	return rc;
}
