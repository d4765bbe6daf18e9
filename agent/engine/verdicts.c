#include "agent/engine/verdicts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/publisher.h"
#include "agent/engine/relist.h"
#include "agent/engine/stage.h"
#include "agent/state/outbox.h"
#include "agent/state/state_sql.h"

enum { UNDECIDED, APPROVED, REJECTED }; /* cloud_holds.decision */

/* The first hold with this decision: 1 with its id in e->cloud.hold_id. */
static int first(struct engine *e, int64_t decision, struct vs_err *err)
{
	sqlite3_stmt *st;
	const char *id;
	int rc;

	rc = vs_db_first(e->state.db, SQL_HOLD_FIRST, &st, err, "i", decision);
	if (rc <= 0)
		return rc;
	id = (const char *)sqlite3_column_text(st, 0);
	snprintf(e->cloud.hold_id, sizeof(e->cloud.hold_id), "%s",
	    id != NULL ? id : "");
	sqlite3_reset(st);
	return 1;
}

int verdicts_count(struct engine *e, int64_t *n, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(e->state.db, SQL_HOLD_COUNT, &st, err, "");

	if (rc < 0)
		return rc;
	*n = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return 0;
}

int verdicts_open(struct engine *e, struct vs_err *err)
{
	static const struct {
		int64_t decision;
		int open;
	} order[] = { { UNDECIDED, 2 }, { APPROVED, 1 }, { REJECTED, 1 } };
	int rc = 0;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		sqlite3_stmt *st = vs_db_stmt(e->state.db, SQL_HOLD_FIRST, err);

		if (st == NULL)
			return err->code;
		rc = vs_db_bind(st, err, "i", order[i].decision);
		if (rc == 0)
			rc = vs_db_step(e->state.db, st, err);
		if (rc == 1) {
			sqlite3_reset(st);
			return order[i].open;
		}
		if (rc < 0)
			break;
	}
	return rc;
}

static void send(struct engine *e)
{
	char path[256];
	const char *body = e->cloud.hold_approve ? "{\"approve\":true}"
						 : "{\"approve\":false}";
	struct engine_send s = {
		.method = "POST",
		.path = path,
		.body = body,
		.len = strlen(body),
		.max_body = 65536,
	};

	snprintf(path, sizeof(path), "/api/projects/%s/holds/%s", e->project_id,
	    e->cloud.hold_id);
	publisher_ask(e, CORE_HOLD, &s);
}

int verdicts_due(struct engine *e, struct vs_err *err)
{
	int rc = first(e, APPROVED, err);

	e->cloud.hold_approve = rc == 1;
	return rc == 0 ? first(e, REJECTED, err) : rc;
}

bool verdicts_step(struct engine *e)
{
	struct vs_err err = VS_ERR_INIT;
	int rc = verdicts_due(e, &err);

	if (rc == 1)
		send(e);
	if (rc < 0)
		core_fault(e, &err);
	return rc != 0;
}

/*
 * The decision was taken.  What was approved is gone from the cloud: our
 * belief is compared with its listing.
 */
static int taken(struct engine *e, struct vs_err *err)
{
	int rc = stage_begin(e, err);

	if (rc == 0)
		rc = vs_db_run(
		    e->state.db, SQL_HOLD_DROP, err, "t", e->cloud.hold_id);
	if (rc == 0 && e->cloud.hold_approve)
		rc = relist_need(e, err);
	return rc < 0 ? rc : stage_commit(e, err);
}

void verdicts_answered(struct engine *e, const struct engine_answer *a)
{
	struct vs_err err = VS_ERR_INIT;
	int rc;

	if (a->code < 0 || (a->status != 200 && a->status != 404)) {
		publisher_back_off(e, a->retry_after_ms,
		    a->code < 0 ? a->why
				: "the server did not take the decision on "
				  "held deletions");
		return;
	}
	publisher_reached(e);
	rc = taken(e, &err);
	if (rc < 0 && rc != VS_EROOT)
		core_fault(e, &err);
}

int engine_decide(
    struct engine *e, bool approve, struct vs_now now, struct vs_err *err)
{
	struct vs_err own = VS_ERR_INIT;
	struct outbox_sums sums;
	int rc;

	err = err != NULL ? err : &own;
	e->now = now;
	if (e->fault.on)
		return vs_err_set(err, e->fault.code, "%s", e->fault.why);
	rc = stage_begin(e, err);
	if (rc == 0)
		rc = outbox_sums(&e->state, &sums, err);
	if (rc == 0)
		rc = outbox_hold(
		    &e->state, approve ? OUTBOX_APPROVE : OUTBOX_REJECT, err);
	if (rc == 0)
		rc = vs_db_run(e->state.db, SQL_HOLD_DECIDE, err, "i",
		    (int64_t)(approve ? APPROVED : REJECTED));
	if (rc == 0 && approve) {
		e->state.baseline = e->state.cloud_files + sums.creates -
		    sums.deletes - sums.approved;
		e->state.totals_dirty = true;
	}
	if (rc == 0)
		rc = stage_commit(e, err);
	if (rc == VS_EROOT)
		return vs_err_set(err, rc, "%s", e->root.why);
	if (rc < 0)
		core_fault(e, err);
	return rc;
}
