#include "agent/engine/sweep.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/relist.h"
#include "agent/engine/rescue.h"
#include "agent/engine/resume.h"
#include "agent/engine/root.h"
#include "agent/engine/rules.h"
#include "agent/engine/scouting.h"
#include "agent/engine/stage.h"
#include "agent/engine/work.h"
#include "agent/watch/poll.h"

#define ROWS_START_MS (7 * VS_RESCAN_MS) /* a scan before may skip rows */

static void free_sweep(struct core_sweep *s)
{
	free(s->path);
	free(s);
}

static void end(struct engine *e, struct core_sweep *s, int code)
{
	s->report.ms = e->now.mono_ms - s->start_ms;
	if (s->done != NULL)
		s->done(s->arg, code, &s->report);
	free_sweep(s);
}

int sweep_add(
    struct engine *e, const struct core_sweep *want, struct vs_err *err)
{
	struct core_sweep *s = calloc(1, sizeof(*s));
	struct core_sweep **at = &e->sweeps;

	assert(want->path != NULL);
	if (s != NULL)
		s->path = strdup(want->path);
	if (s == NULL || s->path == NULL) {
		free(s);
		return vs_err_set(err, VS_ENOMEM, "rescan: out of memory");
	}
	s->data = want->data;
	s->rows = want->rows;
	s->done = want->done;
	s->arg = want->arg;
	s->start_ms = e->now.mono_ms;
	while (*at != NULL)
		at = &(*at)->next;
	*at = s;
	return 0;
}

/* A full scan of our own, unless one waits already. */
static void add_full(struct engine *e)
{
	struct core_sweep want = { .path = (char[]){ "" } };

	for (struct core_sweep *s = e->sweeps; s != NULL; s = s->next)
		if (s->path[0] == '\0')
			return;
	sweep_add(e, &want, NULL);
}

void sweep_all(struct engine *e)
{
	resume_cancel(e);
	add_full(e);
}

void sweep_drop(struct engine *e, int code)
{
	struct core_sweep *s = e->sweep;

	e->sweep = NULL;
	if (s != NULL) {
		barrier_forget(&e->barrier, &s->wait);
		end(e, s, code);
	}
	while ((s = e->sweeps) != NULL) {
		e->sweeps = s->next;
		end(e, s, code);
	}
}

/*
 * A row that rotted is found by reading it: by every scan that somebody asks
 * for, twice a day by those of our own, and seldom by one that a start waits
 * for.  What is suspected of worse is read as a whole.
 */
static int rows_due(struct engine *e, bool *due, struct vs_err *err)
{
	int64_t most = e->swept ? VS_RESCAN_MS / 2 : ROWS_START_MS;
	int64_t at;
	int rc = state_get_int(&e->state, "rows_at", 0, &at, err);

	*due = e->fault.suspect || e->now.wall_ms < at ||
	    e->now.wall_ms - at > most;
	return rc;
}

static void begin(struct engine *e)
{
	struct core_sweep *s = e->sweeps;
	unsigned flags = DIRQ_DEEP | (s->data ? DIRQ_DATA : 0u);
	struct vs_err err = VS_ERR_INIT;
	bool due = false;

	if ((!e->stage.open && state_load_trouble(&e->state, &err) < 0) ||
	    rows_due(e, &due, &err) < 0) {
		core_fault(e, &err);
		return;
	}
	s->rows = s->rows || due;
	scouting_void(e); /* what was read is from before the request */
	e->sweeps = s->next;
	s->next = NULL;
	e->sweep = s;
	s->begin_ms = e->now.mono_ms;
	s->walk_ms = -1;
	if (s->path[0] == '\0') {
		e->watch_short = false;
		resume_scan_begins(e);
	}
	if (s->path[0] == '\0')
		work_want_dir(e, "", flags, 0);
	else
		work_want(e, s->path, s->data ? SETTLE_FORCE : 0u, 0);
	if (s->path[0] != '\0' && work_is_dir(e, s->path))
		work_want_dir(e, s->path, flags, 0);
	barrier_wait(&e->barrier, &s->wait);
}

/* Between scans that stand in for watches; never most of the time. */
static int64_t blind_ms(const struct engine *e)
{
	int64_t ms = poll_interval_ms(e->walk_ms);

	return ms > CORE_BLIND_SCAN_MS ? ms : CORE_BLIND_SCAN_MS;
}

/* Every folder was asked for: the limit may have been lifted. */
static void limit_review(struct engine *e)
{
	if (!e->watch_limit || e->watch_short)
		return;
	e->watch_limit = false;
	core_tell_state(e, "watched again");
}

/* The next one of our own: daily, within a quarter of a day either way. */
static int64_t next_scan(struct engine *e)
{
	int64_t jitter =
	    (int64_t)vs_rand_below(e->world.rand, (uint64_t)VS_RESCAN_MS / 2);

	if (e->watch_limit)
		return e->now.mono_ms + blind_ms(e);
	return e->now.mono_ms + VS_RESCAN_MS - VS_RESCAN_MS / 4 + jitter;
}

/* That, or sooner where listing the root failed and asked for it. */
static int64_t scan_after(struct engine *e, const struct core_sweep *s)
{
	int64_t due = next_scan(e);

	return s->report.errors > 0 && e->next_scan_ms < due ? e->next_scan_ms
							     : due;
}

static void finish_full(struct engine *e, const struct core_sweep *s)
{
	struct engine_event ev = {
		.news = ENGINE_SCANNED,
		.n = s->report.entries,
		.ms = s->walk_ms,
	};
	struct vs_err err = VS_ERR_INIT;

	e->swept = true;
	resume_scan_ended(e);
	rules_again(e);
	e->walk_ms = s->walk_ms;
	limit_review(e);
	e->last_scan_ms = e->now.wall_ms;
	e->next_scan_ms = scan_after(e, s);
	if (stage_begin(e, &err) < 0 ||
	    state_set_int(&e->state, "last_scan", e->last_scan_ms, &err) < 0 ||
	    (s->rows &&
		state_set_int(&e->state, "rows_at", e->now.wall_ms, &err) <
		    0)) {
		core_fault(e, &err);
		return;
	}
	/* however it came to that: no later start lists first */
	if (e->list_first && s->report.errors == 0 &&
	    state_set_int(&e->state, "listed", 1, &err) < 0) {
		core_fault(e, &err);
		return;
	}
	if (e->listing_first && s->report.errors == 0) {
		/* all is listed: now for the contents */
		e->listing_first = false;
		add_full(e);
	}
	relist_reconcile(e);
	if (s->rows)
		rescue_trust(e);
	e->world.tell(e->world.arg, &ev);
}

static void finish(struct engine *e)
{
	struct core_sweep *s = e->sweep;

	if (s->walk_ms < 0)
		s->walk_ms = e->now.mono_ms - s->begin_ms;

	if (!root_check(e))
		return; /* it ended there, with VS_EROOT */
	barrier_forget(&e->barrier, &s->wait);
	e->sweep = NULL;
	if (s->path[0] == '\0')
		finish_full(e, s);
	end(e, s, e->fault.on ? e->fault.code : VS_OK);
}

/*
 * Only what the cloud lacks is listed without a hash: its listing comes
 * first, unless it takes too long.
 */
static bool must_wait(struct engine *e)
{
	if (!e->listing_first || !e->cloud.relist)
		return false;
	e->listing_first = e->now.mono_ms < e->list_until_ms;
	return e->listing_first;
}

bool sweep_lists_first(const struct engine *e)
{
	return e->listing_first && dirq_top(e->dirq) != NULL;
}

void sweep_step(struct engine *e)
{
	struct core_sweep *s = e->sweep;

	/* what it led to may take long: that is not the walk's fault */
	if (s != NULL && s->walk_ms < 0 && dirq_top(e->dirq) == NULL)
		s->walk_ms = e->now.mono_ms - s->begin_ms;
	if (e->sweep != NULL && e->sweep->wait.left == 0)
		finish(e);
	if (e->fault.on || e->root.lost)
		return;
	if (e->next_scan_ms <= e->now.mono_ms && e->sweep == NULL) {
		e->next_scan_ms = next_scan(e);
		add_full(e);
	}
	if (e->sweep != NULL || e->sweeps == NULL || must_wait(e) ||
	    !root_check(e))
		return;
	if (e->sweeps->path[0] == '\0')
		rules_begin(e);
	if (e->sweeps != NULL) /* else the root was lost meanwhile */
		begin(e);
}
