#include "agent/engine/epoch.h"

#include <stdio.h>
#include <string.h>

#include "agent/engine/ahead.h"
#include "agent/engine/publisher.h"
#include "agent/engine/relist.h"
#include "agent/state/outbox.h"

#define TWICE \
	"another agent publishes with a copy of this state: this one has " \
	"stopped, so that neither undoes what the other does"

static int follow(
    struct engine *e, const struct vs_batch_mark *m, struct vs_err *err)
{
	int rc = state_set_text(&e->state, "follows_epoch", m->epoch, err);

	e->cloud.batch.follows = *m;
	e->cloud.batch.counter = 0;
	e->cloud.overtaken = false;
	if (rc == 0)
		rc = state_set_int(
		    &e->state, "follows_counter", m->counter, err);
	if (rc == 0)
		rc = state_set_int(&e->state, "counter", 0, err);
	return rc < 0 ? rc : outbox_thaw(&e->state, err);
}

/* The epoch itself; what was sent before is answered to nobody. */
static int begin(struct engine *e, struct vs_err *err)
{
	struct core_cloud *c = &e->cloud;
	struct vs_batch_mark last = c->batch.follows;
	struct vs_batch_id id;
	int rc;

	ahead_id(e, &id);
	if (id.counter > 0) {
		memcpy(last.epoch, id.epoch, sizeof(last.epoch));
		last.counter = id.counter;
	}
	vs_rand_uuid(e->world.rand, c->batch.epoch);
	c->request = CORE_NO_REQUEST;
	c->proven = false;
	rc = state_set_text(&e->state, "epoch", c->batch.epoch, err);
	if (rc == 0)
		rc = follow(e, &last, err);
	return rc < 0 ? rc : relist_need(e, err);
}

int epoch_doubt(struct engine *e, struct vs_err *err)
{
	int rc = begin(e, err);

	if (rc == 0)
		rc = state_set_int(&e->state, "wary", 1, err);
	e->cloud.wary = true;
	return rc;
}

static int load_follows(struct engine *e, struct vs_err *err)
{
	struct vs_batch_mark *m = &e->cloud.batch.follows;
	int rc = state_get_text(
	    &e->state, "follows_epoch", m->epoch, sizeof(m->epoch), err);

	e->cloud.batch.linked = true;
	return rc < 0
	    ? rc
	    : state_get_int(&e->state, "follows_counter", 0, &m->counter, err);
}

int epoch_load(struct engine *e, struct vs_err *err)
{
	struct core_cloud *c = &e->cloud;
	int64_t wary = 0, fenced = 0;
	int rc = state_get_text(
	    &e->state, "epoch", c->batch.epoch, sizeof(c->batch.epoch), err);

	if (rc == 0)
		rc = state_get_int(
		    &e->state, "counter", 0, &c->batch.counter, err);
	if (rc == 0)
		rc = load_follows(e, err);
	if (rc == 0)
		rc = state_get_int(&e->state, "wary", 0, &wary, err);
	if (rc == 0)
		rc = state_get_int(&e->state, "fenced", 0, &fenced, err);
	if (rc < 0)
		return rc;
	c->wary = wary != 0;
	c->overtaken = false;
	c->proven = false;
	if (fenced != 0) {
		c->stop = CORE_STOP_STALE;
		snprintf(c->why, sizeof(c->why), "%s", TWICE);
	}
	if (c->batch.epoch[0] != '\0')
		return 0;
	rc = vs_db_begin(e->state.db, err);
	if (rc == 0)
		rc = begin(e, err);
	return rc < 0 ? rc : vs_db_commit(e->state.db, err);
}

bool epoch_wary(const struct engine *e)
{
	return e->cloud.wary && !e->swept;
}

int epoch_settled(struct engine *e, struct vs_err *err)
{
	if (!e->cloud.wary)
		return 0;
	return state_set_int(&e->state, "wary", 0, err);
}

void epoch_proven(struct engine *e)
{
	e->cloud.proven = true;
}

/* True if this state mended itself a short while ago, or by another clock. */
static int mended(struct engine *e, bool *recently, struct vs_err *err)
{
	int64_t at = 0;
	int rc = state_get_int(&e->state, "mended_at", 0, &at, err);

	*recently = at != 0 && e->now.wall_ms - at < EPOCH_MEND_MS;
	return rc;
}

static int mend(struct engine *e, struct vs_err *err)
{
	int rc = state_set_int(&e->state, "mended_at", e->now.wall_ms, err);

	return rc < 0 ? rc : epoch_doubt(e, err);
}

int epoch_ended(struct engine *e, struct vs_err *err)
{
	bool stop = false;
	int rc = vs_db_begin(e->state.db, err);

	if (rc < 0)
		return rc;
	rc = mended(e, &stop, err);
	stop = stop || e->cloud.proven;
	if (rc == 0)
		rc = stop ? state_set_int(&e->state, "fenced", 1, err)
			  : mend(e, err);
	if (rc < 0) {
		vs_db_rollback(e->state.db);
		return rc;
	}
	rc = vs_db_commit(e->state.db, err);
	if (rc < 0)
		return rc;
	if (stop)
		publisher_stop(e, CORE_STOP_STALE, TWICE);
	else
		core_tell_state(e,
		    "this state is older than what the cloud has seen of this "
		    "device, as after a restored backup: the cloud's listing "
		    "is compared with the disk");
	return 0;
}

int epoch_follow(
    struct engine *e, const struct vs_batch_mark *m, struct vs_err *err)
{
	int rc = vs_db_begin(e->state.db, err);

	if (rc < 0)
		return rc;
	rc = follow(e, m, err);
	if (rc == 0)
		return vs_db_commit(e->state.db, err);
	vs_db_rollback(e->state.db);
	return rc;
}

int epoch_resume(struct engine *e, struct vs_err *err)
{
	int rc = state_set_int(&e->state, "fenced", 0, err);

	if (rc == 0)
		rc = state_set_int(&e->state, "mended_at", 0, err);
	return rc < 0 ? rc : epoch_doubt(e, err);
}
