#include "agent/engine/engine.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/core.h"
#include "agent/engine/epoch.h"
#include "agent/engine/flush.h"
#include "agent/engine/listing.h"
#include "agent/engine/publisher.h"
#include "agent/engine/rescue.h"
#include "agent/engine/resume.h"
#include "agent/engine/root.h"
#include "agent/engine/rules.h"
#include "agent/engine/scouting.h"
#include "agent/engine/stage.h"
#include "agent/engine/sweep.h"
#include "agent/engine/work.h"
#include "common/base/path.h"

#define LIST_WAIT_MS 10000 /* for the cloud, before names go without hashes */
#define STAGE_MS 20 /* a transaction waits no longer for more */
#define STAGE_SCAN_MS 100 /* one that a scan alone has made */
#define STAGE_SEALS_MS 250 /* one that changes nothing */

void core_tell_state(struct engine *e, const char *text)
{
	struct engine_event ev = { .news = ENGINE_STATE, .text = text };

	e->world.tell(e->world.arg, &ev);
}

static void drop_jobs(struct engine *e)
{
	for (int i = 0; i < e->jobs_max; i++) {
		if (e->jobs[i].id == 0)
			continue;
		vs_map_del(e->job_by_path, e->jobs[i].path);
		free(e->jobs[i].path);
		memset(&e->jobs[i], 0, sizeof(e->jobs[i]));
	}
	e->large_jobs = 0;
}

static void drop_paths(struct engine *e)
{
	struct settle_item *item;
	struct dirq_item *dir;

	scouting_void(e);
	while ((item = settle_take(e->settle, SETTLE_ALL, INT64_MAX)) != NULL)
		settle_item_free(item);
	while ((dir = dirq_top(e->dirq)) != NULL) {
		dirq_take(e->dirq, dir);
		dirq_item_free(dir);
	}
}

void core_drop_work(struct engine *e, int code, const char *why)
{
	stage_abort(e);
	drop_jobs(e);
	drop_paths(e);
	sweep_drop(e, code);
	flush_drop(e, code, why);
	barrier_init(&e->barrier);
	e->stalled = false;
}

void core_fault(struct engine *e, const struct vs_err *err)
{
	if (e->fault.on)
		return;
	rescue_suspect(e, err->code);
	e->fault.on = true;
	/* what was called back may only have run out of memory, and no err */
	e->fault.code = err->code < 0 ? err->code : VS_ENOMEM;
	snprintf(e->fault.why, sizeof(e->fault.why), "%s", err->msg);
	e->fault.reopen_ms = e->now.mono_ms +
	    vs_backoff_next(&e->fault.backoff, e->world.rand, -1);
	e->cloud.request = CORE_NO_REQUEST;
	resume_cancel(e);
	core_drop_work(e, e->fault.code, e->fault.why);
	state_close(&e->state);
	core_tell_state(e, "degraded");
}

/* Reads what is durable. */
static int load_values(struct engine *e, struct vs_err *err)
{
	int64_t paused = 0, listed = 0;
	int rc = root_load(e, err);

	if (rc == 0)
		rc = state_get_int(&e->state, "paused", 0, &paused, err);
	if (rc == 0 && e->list_first)
		rc = state_get_int(&e->state, "listed", 0, &listed, err);
	if (rc == 0)
		rc = state_get_int(
		    &e->state, "last_scan", 0, &e->last_scan_ms, err);
	if (rc == 0)
		rc = publisher_load(e, err);
	e->paused = paused != 0;
	e->listing_first = e->list_first && listed == 0;
	e->list_until_ms = e->now.mono_ms + LIST_WAIT_MS;
	e->next_scan_ms = INT64_MAX;
	return rc;
}

/* Opens the database; plans a full scan unless there is a history. */
static int load(struct engine *e, struct vs_err *err)
{
	int rc = rescue_open(e, err);

	if (rc < 0)
		return rc;
	rc = load_values(e, err);
	if (rc == 0)
		rc = resume_load(e, err);
	if (rc == 0)
		sweep_all(e);
	if (rc < 0)
		state_close(&e->state);
	return rc < 0 ? rc : 0;
}

static void reopen(struct engine *e)
{
	struct vs_err err = VS_ERR_INIT;

	e->fault.on = false;
	if (load(e, &err) < 0) {
		core_fault(e, &err);
		return;
	}
	vs_backoff_reset(&e->fault.backoff);
	e->swept = false;
	core_tell_state(e, "reopened");
}

static struct engine *make(
    const struct engine_world *world, const struct engine_options *o)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->world = *world;
	e->db_path = strdup(o->db_path);
	e->vfs = o->vfs != NULL ? strdup(o->vfs) : NULL;
	e->settle = settle_new();
	e->dirq = dirq_new();
	e->job_by_path = vs_map_new();
	e->growing = vs_map_new();
	e->list_first = o->list_first;
	e->ahead_least = o->ahead_least > 0 ? o->ahead_least : VS_BATCH_FLOOR;
	e->jobs_max = o->hash_jobs < 1     ? 1
	    : o->hash_jobs > CORE_JOBS_MAX ? CORE_JOBS_MAX
					   : o->hash_jobs;
	snprintf(e->project_id, sizeof(e->project_id), "%s", o->project_id);
	snprintf(e->device_id, sizeof(e->device_id), "%s", o->device_id);
	snprintf(e->root_id, sizeof(e->root_id), "%s", o->root_id);
	barrier_init(&e->barrier);
	if (e->db_path == NULL || e->settle == NULL || e->dirq == NULL ||
	    e->job_by_path == NULL || e->growing == NULL ||
	    (o->vfs != NULL && e->vfs == NULL)) {
		engine_close(e);
		return NULL;
	}
	return e;
}

int engine_open(struct engine **out, const struct engine_world *world,
    const struct engine_options *o, struct vs_now now, struct vs_err *err)
{
	struct engine *e = make(world, o);
	int rc;

	*out = NULL;
	if (e == NULL)
		return vs_err_set(err, VS_ENOMEM, "engine: out of memory");
	e->now = now;
	rc = rules_init(e, err);
	if (rc == 0)
		rc = load(e, err);
	if (rc < 0) {
		engine_close(e);
		return rc;
	}
	*out = e;
	return 0;
}

static bool free_growing(void *arg, const char *key, void *value)
{
	(void)arg;
	(void)key;
	free(value);
	return true;
}

void engine_close(struct engine *e)
{
	if (e == NULL)
		return;
	resume_close(e);
	if (e->settle != NULL && e->dirq != NULL && e->job_by_path != NULL)
		core_drop_work(e, VS_ECANCELED, "the agent is stopping");
	resume_leave(e);
	rescue_close(e);
	rules_release(e);
	settle_free(e->settle);
	dirq_free(e->dirq);
	vs_map_free(e->job_by_path);
	if (e->growing != NULL)
		vs_map_each(e->growing, free_growing, NULL);
	vs_map_free(e->growing);
	free(e->db_path);
	free(e->vfs);
	free(e);
}

/*
 * A name that cannot travel is noted by the listing of its folder, or of the
 * first one above whose own name can.
 */
static void list_parent(struct engine *e, const char *path)
{
	char parent[VS_PATH_MAX + VS_NAME_MAX + 2];
	size_t n = vs_path_parent_len(path);

	if (n >= sizeof(parent))
		return;
	memcpy(parent, path, n);
	parent[n] = '\0';
	while (n > 0 && vs_path_check(parent, n) != VS_PATH_GOOD) {
		n = vs_path_parent_len(parent);
		parent[n] = '\0';
	}
	work_want_dir(e, parent, 0, 0);
}

/*
 * A folder moved out is looked at after the one that may have moved in, so
 * that what went is still known by its old name when it is found: a rename.
 */
static void moved_dir(struct engine *e, const struct watch_hint *h)
{
	bool out = h->what == WATCH_DIR_VANISHED;
	uint64_t gen = barrier_enter(&e->barrier);

	work_later(e, h->path, out ? 0u : SETTLE_DEEP, gen,
	    out ? 2 * VS_SETTLE_MS : VS_SETTLE_MS);
	barrier_leave(&e->barrier, gen);
}

static void path_hint(struct engine *e, const struct watch_hint *h)
{
	const struct settle_item *item = settle_find(e->settle, h->path);

	switch (h->what) {
	case WATCH_CHANGED:
		work_hint(e, h->path, SETTLE_WRITTEN, SETTLE_EDITED);
		break;
	case WATCH_TOUCHED:
		if (item == NULL || !item->open)
			work_hint(e, h->path, SETTLE_CLOSED, SETTLE_EDITED);
		break;
	case WATCH_CLOSED:
		work_hint(e, h->path, SETTLE_CLOSED, SETTLE_EDITED);
		break;
	case WATCH_DIR_VANISHED:
		scouting_void(e);
		if (h->moved)
			moved_dir(e, h);
		else
			work_hint(e, h->path, SETTLE_CLOSED, 0);
		break;
	case WATCH_DIR_APPEARED:
		scouting_void(e);
		if (h->moved) {
			moved_dir(e, h);
			break;
		}
		work_want(e, h->path, 0, 0);
		work_want_dir(e, h->path, DIRQ_DEEP, 0);
		break;
	default:
		work_hint(e, h->path, SETTLE_CLOSED, 0);
		break;
	}
}

/* One name, with whatever happened to it. */
static void name_hint(struct engine *e, const struct watch_hint *h)
{
	bool hidden, good;

	rules_hint(e, h);
	hidden = rules_hide(e, h->path, true);
	good = vs_path_check(h->path, strlen(h->path)) == VS_PATH_GOOD;
	/* a folder that was renamed so is still watched */
	if (h->what == WATCH_DIR_APPEARED && (hidden || !good))
		listing_unwatch(e, h->path);
	if (hidden)
		return;
	if (good)
		path_hint(e, h);
	else
		list_parent(e, h->path);
}

/* Not about a single name. */
static void wide_hint(struct engine *e, const struct watch_hint *h)
{
	if (h->what == WATCH_OVERFLOW)
		engine_doubt(e, "the kernel dropped events", e->now);
	else if (h->what == WATCH_CAUGHT_UP)
		resume_caught_up(e);
	else if (h->what == WATCH_SCAN ||
	    (h->what == WATCH_ROOT_GONE && root_check(e)))
		sweep_all(e);
}

void engine_hint(
    struct engine *e, const struct watch_hint *h, struct vs_now now)
{
	struct watch_hint old = { .moved = true, .path = h->from };

	e->now = now;
	resume_heard(e);
	if (e->fault.on || e->root.lost || !e->rules.ready)
		return; /* a full scan follows anyway */
	if (h->path[0] == '\0') {
		wide_hint(e, h);
		return;
	}
	if (strncmp(h->path, ".vsync/", 7) == 0) {
		flush_hint(e, h->path);
		return;
	}
	/* a rename: the name that went first, so that it is known to be gone
	   when the one that came is looked at */
	old.what =
	    h->what == WATCH_DIR_APPEARED ? WATCH_DIR_VANISHED : WATCH_VANISHED;
	if (h->from != NULL)
		name_hint(e, &old);
	name_hint(e, h);
}

void engine_doubt(struct engine *e, const char *why, struct vs_now now)
{
	e->now = now;
	e->overflows++;
	if (e->fault.on || e->root.lost)
		return;
	scouting_void(e);
	core_tell_state(e, why);
	sweep_all(e);
}

void engine_hashed(struct engine *e, uint64_t id, int code,
    const struct disk_hash *h, struct vs_now now)
{
	struct vs_err err = VS_ERR_INIT;
	int rc = 0;

	e->now = now;
	if (e->fault.on)
		return;
	if (stage_full(e))
		rc = stage_commit(e, &err);
	if (rc < 0 && rc != VS_EROOT)
		core_fault(e, &err);
	if (rc == 0)
		work_hashed(e, id, code, h);
}

void engine_answered(struct engine *e, uint64_t id,
    const struct engine_answer *a, struct vs_now now)
{
	struct vs_err err = VS_ERR_INIT;
	int rc;

	e->now = now;
	if (e->fault.on || e->cloud.request == CORE_NO_REQUEST ||
	    e->cloud.request_id != id)
		return;
	rc = stage_commit(e, &err);
	if (rc < 0 && rc != VS_EROOT)
		core_fault(e, &err);
	if (!e->fault.on)
		publisher_answered(e, a);
}

/*
 * When the transaction is to end: now, if nothing more is coming at once.
 * Nobody waits for a single file of a scan: there it is worth to wait for
 * those that are being read, so that one flush serves them all.
 */
static int64_t commit_due(const struct engine *e, bool more)
{
	bool waited = e->stage.fresh || e->flushes != NULL;
	int64_t ms = e->stage.changes == 0 ? STAGE_SEALS_MS
	    : waited                       ? STAGE_MS
					   : STAGE_SCAN_MS;

	if (stage_full(e) || (!more && (waited || work_jobs(e) == 0)))
		return e->now.mono_ms;
	return e->stage.since_ms + ms;
}

static void commit_step(struct engine *e, bool more)
{
	struct vs_err err = VS_ERR_INIT;
	int rc;

	if (!e->stage.open || commit_due(e, more) > e->now.mono_ms)
		return;
	rc = stage_commit(e, &err);
	if (rc < 0 && rc != VS_EROOT)
		core_fault(e, &err);
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When the outside has brought nothing, the next moment of our own. */
static int64_t next_due(const struct engine *e, int64_t sender)
{
	int64_t due = least(e->root.check_ms, flush_due(e));

	due = least(due, sender);
	due = least(due, e->next_scan_ms);
	due = least(due, resume_due(e));
	if (e->listing_first && e->sweep == NULL)
		due = least(due, e->list_until_ms);
	due = least(due, rules_due(e));
	due = least(due, settle_due(e->settle, work_lanes(e)));
	if (e->stage.open)
		due = least(due, commit_due(e, false));
	return due > e->now.mono_ms ? due : e->now.mono_ms + 1;
}

static bool alive(const struct engine *e)
{
	return !e->fault.on && !e->root.lost;
}

/* All but what is held on the way. */
static int64_t step(struct engine *e, struct vs_now now)
{
	int64_t sender = INT64_MAX;
	bool more;

	e->now = now;
	if (e->fault.on && now.mono_ms >= e->fault.reopen_ms)
		reopen(e);
	if (e->fault.on)
		return e->fault.reopen_ms;
	root_step(e);
	if (!alive(e))
		return e->fault.on ? e->fault.reopen_ms : e->root.check_ms;
	more = rules_step(e);
	if (!alive(e))
		return now.mono_ms;
	if (!more)
		return least(e->root.check_ms, rules_due(e));
	sweep_step(e);
	more = alive(e) && work_step(e);
	if (alive(e))
		commit_step(e, more);
	if (alive(e))
		sweep_step(e);
	if (alive(e))
		resume_step(e);
	if (alive(e))
		flush_step(e);
	if (alive(e) && !e->stage.open)
		sender = publisher_step(e);
	if (alive(e))
		flush_step(e); /* what was held just now ends a barrier */
	if (!alive(e))
		return now.mono_ms;
	/* a scan may have begun after this step's work was done */
	more = more || (!e->stalled && dirq_top(e->dirq) != NULL);
	return more ? now.mono_ms : next_due(e, sender);
}

int64_t engine_step(struct engine *e, struct vs_now now)
{
	int64_t due = step(e, now);

	if (e->state.db != NULL)
		vs_db_let_go(e->state.db);
	return due;
}

int engine_rescan(struct engine *e, const char *path, bool data,
    void (*done)(void *arg, int code, const struct engine_report *r), void *arg,
    struct vs_now now, struct vs_err *err)
{
	struct core_sweep want = {
		.path = (char *)(uintptr_t)path,
		.data = data,
		.rows = true,
		.done = done,
		.arg = arg,
	};

	e->now = now;
	if (e->fault.on)
		return vs_err_set(err, e->fault.code, "%s", e->fault.why);
	if (!root_check(e))
		return vs_err_set(err, VS_EROOT, "%s", e->root.why);
	if (!e->rules.ready && e->rules.why[0] != '\0')
		return vs_err_set(err, VS_EBUSY, "rescan: the ignore rules: %s",
		    e->rules.why);
	if (path[0] != '\0' &&
	    vs_path_check(path, strlen(path)) != VS_PATH_GOOD)
		return vs_err_set(err, VS_EPATH, "rescan: the path %s",
		    vs_path_flaw_text(vs_path_check(path, strlen(path))));
	if (path[0] != '\0' && !work_exists(e, path))
		return vs_err_set(err, VS_ENOENT,
		    "rescan: there is no such path, on the disk or known");
	e->cloud.check_ms = now.mono_ms; /* who asks wants to be sure */
	return sweep_add(e, &want, err);
}

int engine_pause(struct engine *e, bool paused, struct vs_err *err)
{
	struct vs_err own = VS_ERR_INIT;
	int rc;

	err = err != NULL ? err : &own;
	if (e->fault.on)
		return vs_err_set(err, e->fault.code, "%s", e->fault.why);
	rc = stage_begin(e, err);
	if (rc == 0)
		rc = state_set_int(&e->state, "paused", paused, err);
	if (rc == 0 && !paused && e->cloud.stop == CORE_STOP_STALE)
		rc = epoch_resume(e, err);
	if (rc == 0)
		rc = stage_commit(e, err);
	if (rc == VS_EROOT)
		return vs_err_set(err, rc, "%s", e->root.why);
	if (rc < 0) {
		core_fault(e, err);
		return rc;
	}
	e->paused = paused;
	if (!paused) {
		e->cloud.stop = CORE_GO;
		e->cloud.retry_ms = 0;
	}
	core_tell_state(e, paused ? "paused" : "resumed");
	return 0;
}
