#include "agent/engine/work.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/kin.h"
#include "agent/engine/listing.h"
#include "agent/engine/recording.h"
#include "agent/engine/resume.h"
#include "agent/engine/root.h"
#include "agent/engine/rules.h"
#include "agent/engine/scouting.h"
#include "agent/engine/stage.h"
#include "agent/scan/compare.h"
#include "agent/state/manifest.h"
#include "agent/state/past.h"
#include "common/base/path.h"

#define STEP_PATHS 64 /* looked at in one step */
#define STEP_FOLDERS 4 /* listed in one step, while nothing is to look at */
#define AGAIN_MS 500 /* after a file changed under its hash */
#define BUSY_MS 50 /* while something else has the path */
#define TWIN_MS 10000 /* at most, while the file is read by another name */
#define TWIN_RATE 1000000 /* bytes a ms that a hash is taken to read */

/* Writes the parent of path to out ("" for the root). */
static void parent_of(char out[VS_PATH_MAX + 1], const char *path)
{
	size_t n = vs_path_parent_len(path);

	assert(n <= VS_PATH_MAX);
	memcpy(out, path, n);
	out[n] = '\0';
}

/*
 * A unit (its gen at *own) is also led to by one of gen: whoever waits for
 * the older of the two waits for it.
 */
static void adopt(struct engine *e, uint64_t *own, uint64_t gen)
{
	if (gen == 0 || (*own != 0 && *own <= gen))
		return;
	barrier_inherit(&e->barrier, gen);
	barrier_leave(&e->barrier, *own);
	*own = gen;
}

void work_want_dir(
    struct engine *e, const char *path, unsigned flags, uint64_t gen)
{
	bool fresh;
	struct dirq_item *item = dirq_push(e->dirq, path, flags, &fresh);

	if (item == NULL) {
		struct vs_err err = VS_ERR_INIT;

		vs_err_set(&err, VS_ENOMEM, "scan: out of memory");
		core_fault(e, &err);
		return;
	}
	if (fresh && gen == 0)
		item->gen = barrier_enter(&e->barrier);
	else
		adopt(e, &item->gen, gen);
}

/* Puts path among the settling ones; a full table becomes a listing. */
static void put(struct engine *e, const char *path, enum settle_why why,
    int64_t later, const struct settle_item *like)
{
	char parent[VS_PATH_MAX + 1];
	bool fresh;
	struct settle_item *item =
	    settle_put(e->settle, path, why, e->now.mono_ms, later, &fresh);

	if (item == NULL) {
		parent_of(parent, path);
		work_want_dir(e, parent,
		    (like->flags & SETTLE_DEEP) != 0 ? DIRQ_DEEP : 0u,
		    like->gen);
		return;
	}
	item->flags |= like->flags;
	settle_sort(e->settle, item);
	adopt(e, &item->gen, like->gen);
	if (item->gen == 0 && why != SETTLE_LATER)
		item->gen = barrier_enter(&e->barrier);
}

void work_want(struct engine *e, const char *path, unsigned flags, uint64_t gen)
{
	struct settle_item like = { .flags = flags, .gen = gen };

	put(e, path, SETTLE_SEEN, 0, &like);
}

void work_later(struct engine *e, const char *path, unsigned flags,
    uint64_t gen, int64_t ms)
{
	struct settle_item like = { .flags = flags, .gen = gen };

	put(e, path, SETTLE_LATER, e->now.mono_ms + ms, &like);
}

void work_hint(
    struct engine *e, const char *path, enum settle_why why, unsigned flags)
{
	struct settle_item like = { .flags = flags | SETTLE_FRESH };

	put(e, path, why, 0, &like);
}

bool work_is_dir(struct engine *e, const char *path)
{
	struct vs_err err = VS_ERR_INIT;
	int rc = path[0] == '\0' ? 1 : manifest_is_dir(&e->state, path, &err);

	if (rc < 0)
		core_fault(e, &err);
	return rc == 1;
}

bool work_exists(struct engine *e, const char *path)
{
	struct vs_err err = VS_ERR_INIT;
	struct disk_stat seen;
	struct manifest_row row;
	int rc;

	if (e->world.disk->look(e->world.disk, path, &seen, NULL) == 0)
		return true;
	rc = manifest_get(&e->state, path, &row, &err);
	if (rc < 0)
		core_fault(e, &err);
	return rc == 1;
}

void work_went(struct engine *e, const char *path, uint64_t gen)
{
	char dir[VS_PATH_MAX + 1];

	if (!ignore_has_reach(e->rules.set))
		return;
	parent_of(dir, path);
	if (dir[0] != '\0' && rules_judge(e, dir, true).kind == IGNORE_REACHED)
		work_want_dir(e, dir, 0, gen);
}

static struct core_job *free_job(struct engine *e)
{
	for (int i = 0; i < e->jobs_max; i++)
		if (e->jobs[i].id == 0)
			return &e->jobs[i];
	return NULL;
}

unsigned work_lanes(const struct engine *e)
{
	int jobs = work_jobs(e);
	int spare = e->jobs_max / 4; /* kept for the fresh */
	unsigned lanes = 0;

	if (jobs < e->jobs_max)
		lanes |= 1U << SETTLE_QUICK;
	if (jobs < e->jobs_max - spare)
		lanes |= 1U << SETTLE_FOUND;
	if (jobs < e->jobs_max - spare &&
	    e->large_jobs < (e->jobs_max - spare + 1) / 2)
		lanes |= 1U << SETTLE_LONG;
	return lanes;
}

int work_jobs(const struct engine *e)
{
	return (int)vs_map_count(e->job_by_path);
}

/* Asks for a hash; the item's gen passes to the job. */
static int start_job(struct engine *e, const struct settle_item *item,
    const struct disk_stat *seen, struct vs_err *err)
{
	struct core_job *j = free_job(e);
	struct engine_hash h;

	assert(j != NULL);
	j->path = strdup(item->path);
	if (j->path == NULL ||
	    vs_map_put(e->job_by_path, item->path, j, NULL) < 0) {
		free(j->path);
		j->path = NULL;
		return vs_err_set(err, VS_ENOMEM, "hash: out of memory");
	}
	j->id = ++e->serial * CORE_JOBS_MAX + (uint64_t)(j - e->jobs);
	j->gen = item->gen;
	j->flags = item->flags;
	j->asked_ms = e->now.wall_ms;
	j->stat = *seen;
	j->large = seen->size > CORE_LARGE;
	e->large_jobs += j->large;
	h.id = j->id;
	h.path = j->path;
	h.size = seen->size;
	h.fresh = (item->flags & SETTLE_FRESH) != 0;
	h.held = (item->flags & SETTLE_HELD) != 0;
	e->world.hash(e->world.arg, &h);
	return 0;
}

/* A folder whose row the manifest lacks comes before what is in it. */
static bool parent_first(struct engine *e, const struct settle_item *item)
{
	char parent[VS_PATH_MAX + 1];

	parent_of(parent, item->path);
	if (parent[0] == '\0' || work_is_dir(e, parent) || e->fault.on)
		return false;
	work_want(e, parent, SETTLE_NEEDED, item->gen);
	work_later(e, item->path, item->flags, item->gen, BUSY_MS);
	return true;
}

static int found_dir(struct engine *e, const struct settle_item *item,
    const struct disk_stat *seen, const struct manifest_row *known,
    struct vs_err *err)
{
	struct manifest_row row = { .stat = *seen };
	bool new_dir = known == NULL || known->stat.kind != VS_KIND_DIR;

	row.stat.size = 0;
	/* what is in a hidden one was listed before, and may be gone again */
	if (new_dir && rules_judge(e, item->path, true).kind == IGNORE_REACHED)
		work_later(e, item->path, 0, item->gen, AGAIN_MS);
	else if (new_dir)
		work_want_dir(e, item->path, DIRQ_DEEP, item->gen);
	return stage_upsert(e, item->path, &row, known, err);
}

static int found_gone(struct engine *e, const struct settle_item *item,
    const struct manifest_row *known, struct vs_err *err)
{
	int rc;

	if (known->stat.kind == VS_KIND_DIR) {
		work_want_dir(e, item->path, DIRQ_GONE, item->gen);
		return 0;
	}
	work_went(e, item->path, item->gen);
	rc = stage_delete(e, item->path, known, err);
	if (rc == 0 && (item->flags & SETTLE_EDITED) != 0)
		rc = past_drop(&e->state, known->stat.ino, err);
	return rc;
}

/*
 * A content that is not known by this name: by another one, or by a hash
 * under way, or to be read.  1: the item's gen passed on to a job.
 */
static int must_know(struct engine *e, const struct settle_item *item,
    const struct disk_stat *seen, struct vs_err *err)
{
	int64_t wait_ms = BUSY_MS + seen->size / TWIN_RATE;
	bool edited = (item->flags & SETTLE_EDITED) != 0;
	int rc = kin_adopt(e, item->path, seen, edited, err);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (!kin_is_read(e, seen)) {
		rc = start_job(e, item, seen, err);
		return rc < 0 ? rc : 1;
	}
	work_later(e, item->path, item->flags, item->gen,
	    wait_ms < TWIN_MS ? wait_ms : TWIN_MS);
	return 0;
}

/*
 * It must be read, but perhaps not yet, or not at all: as act.  force: read
 * it even if another name tells what it is.
 */
static int read_content(struct engine *e, const struct settle_item *item,
    const struct disk_stat *seen, const struct manifest_row *known, bool force,
    struct vs_err *err)
{
	int64_t wait = recording_wait(e, item->path, seen, known);
	bool room = (work_lanes(e) & 1U << SETTLE_LONG) != 0;
	int rc;

	if (wait > 0) {
		recording_later(e, item->path, item->flags, seen->size, wait);
		return 0;
	}
	if (seen->size > CORE_LARGE && (item->flags & SETTLE_FRESH) == 0 &&
	    ((item->flags & SETTLE_LARGE) == 0 || !room)) {
		work_later(
		    e, item->path, item->flags | SETTLE_LARGE, item->gen, 0);
		return 0;
	}
	if (!force)
		return must_know(e, item, seen, err);
	rc = start_job(e, item, seen, err);
	return rc < 0 ? rc : 1;
}

static bool is_dir(const struct disk_stat *seen)
{
	return seen != NULL && !seen->odd && seen->kind == VS_KIND_DIR;
}

/* Whether the trouble with a folder is over, its listing tells. */
static int list_again(
    struct engine *e, const struct settle_item *item, struct vs_err *err)
{
	int rc = stage_troubled(e, item->path, err);

	if (rc == 1)
		work_want_dir(e, item->path, 0, item->gen);
	return rc < 0 ? rc : 0;
}

/*
 * What the look at item's path says.  1: the item's gen passed on to a job.
 */
static int act(struct engine *e, const struct settle_item *item,
    const struct disk_stat *seen, const struct manifest_row *known,
    struct vs_err *err)
{
	enum compare_verdict v =
	    compare_stat(seen, known != NULL ? &known->stat : NULL);
	bool force = (item->flags & SETTLE_FORCE) != 0;

	if (v == COMPARE_SAME && seen->kind != VS_KIND_DIR &&
	    (force || ((item->flags & SETTLE_RECHECK) != 0 && known->racy))) {
		v = COMPARE_READ;
		force = true;
	}
	if (known == NULL && (v == COMPARE_READ || v == COMPARE_DIR) &&
	    parent_first(e, item))
		return 0;
	if (is_dir(seen) && (item->flags & SETTLE_DEEP) != 0)
		work_want_dir(e, item->path, DIRQ_DEEP, item->gen);
	switch (v) {
	case COMPARE_SAME:
		return is_dir(seen) ? list_again(e, item, err)
				    : stage_no_trouble(e, item->path, err);
	case COMPARE_READ:
		return read_content(e, item, seen, known, force, err);
	case COMPARE_DIR:
		if (list_again(e, item, err) < 0)
			return err->code;
		return found_dir(e, item, seen, known, err);
	case COMPARE_GONE:
		return found_gone(e, item, known, err);
	case COMPARE_SWAP:
		work_want_dir(e, item->path, DIRQ_GONE, item->gen);
		work_later(e, item->path, item->flags, item->gen, BUSY_MS);
		return 0;
	case COMPARE_NONE:
		return stage_no_trouble(e, item->path, err);
	}
	return 0;
}

/* The look itself failed. */
static int look_failed(struct engine *e, const struct settle_item *item,
    const struct vs_err *why, struct vs_err *err)
{
	char parent[VS_PATH_MAX + 1];

	if (why->code == VS_EROOT) {
		if (root_check(e))
			work_later(
			    e, item->path, item->flags, item->gen, BUSY_MS);
		return 0;
	}
	if (why->code == VS_ENOTDIR) {
		parent_of(parent, item->path);
		if (parent[0] != '\0')
			work_want(e, parent, 0, item->gen);
		else
			root_check(e);
		return 0;
	}
	if (e->sweep != NULL) {
		e->sweep->report.errors++;
		resume_doubt(e);
	}
	work_later(e, item->path, 0, 0, CORE_TROUBLE_MS);
	return stage_trouble(e, item->path, false, why->msg, err);
}

/* What was seen, or NULL where the rules hide it. */
static const struct disk_stat *shown(struct engine *e,
    const struct settle_item *item, const struct disk_stat *seen,
    const struct manifest_row *known)
{
	bool dir = !seen->odd && seen->kind == VS_KIND_DIR;
	enum ignore_kind kind = rules_judge(e, item->path, dir).kind;

	if (kind != IGNORE_REACHED)
		return kind == IGNORE_SHOWN ? seen : NULL;
	/* published only for what is in it */
	if ((item->flags & SETTLE_NEEDED) != 0)
		return seen;
	if (known != NULL && known->stat.kind == VS_KIND_DIR) {
		work_want_dir(e, item->path, 0, item->gen);
		return seen;
	}
	work_want_dir(e, item->path, DIRQ_DEEP, item->gen);
	return NULL;
}

/* 1: the gen passed on; 0: leave it; negative: the database. */
static int look(
    struct engine *e, const struct settle_item *item, struct vs_err *err)
{
	struct vs_err why = VS_ERR_INIT;
	struct manifest_row *known;
	const struct disk_stat *there = NULL;
	struct disk_stat seen;
	int found, rc;

	found = e->world.disk->look(e->world.disk, item->path, &seen, &why);
	if (found < 0 && found != VS_ENOENT)
		return look_failed(e, item, &why, err);
	known = malloc(sizeof(*known));
	if (known == NULL)
		return vs_err_set(err, VS_ENOMEM, "look: out of memory");
	rc = manifest_get(&e->state, item->path, known, err);
	if (rc >= 0 && found == 0)
		there = shown(e, item, &seen, rc == 1 ? known : NULL);
	if (rc >= 0)
		rc = act(e, item, there, rc == 1 ? known : NULL, err);
	free(known);
	return rc;
}

/* Takes one path that is due; false when there is none to take. */
static bool take_path(struct engine *e)
{
	struct vs_err err = VS_ERR_INIT;
	struct settle_item *item;
	int rc = 0;

	if (stage_full(e))
		return false;
	item = settle_take(e->settle, work_lanes(e), e->now.mono_ms);
	if (item == NULL)
		return false;
	e->fresh = (item->flags & SETTLE_FRESH) != 0;
	if (vs_map_get(e->job_by_path, item->path) != NULL)
		work_later(e, item->path, item->flags, item->gen, BUSY_MS);
	else
		rc = look(e, item, &err);
	if (rc < 0)
		core_fault(e, &err);
	else if (rc == 0 && !e->fault.on && !e->root.lost)
		stage_leave(e, item->gen);
	settle_item_free(item);
	return !e->fault.on && !e->root.lost;
}

/* A few folders; true when there was one. */
static bool list_folders(struct engine *e)
{
	int n = 0;

	while (n < STEP_FOLDERS && !stage_full(e) && !e->stalled &&
	    !e->fault.on && !e->root.lost && dirq_top(e->dirq) != NULL) {
		vs_db_hold(e->state.db); /* until the step ends */
		scouting_ask(e);
		listing_step(e);
		n++;
		if (settle_due(e->settle, work_lanes(e)) <= e->now.mono_ms)
			break;
	}
	return n > 0;
}

bool work_step(struct engine *e)
{
	bool more = true;

	for (int i = 0; i < STEP_PATHS && more; i++)
		more = take_path(e);
	if (e->fault.on || e->root.lost)
		return false;
	if (e->stalled)
		e->stalled = settle_count(e->settle) > SETTLE_MAX / 2;
	more = list_folders(e) || more;
	return more || stage_full(e);
}

bool work_quiet(const struct engine *e)
{
	return dirq_top(e->dirq) == NULL && work_jobs(e) == 0 &&
	    settle_due(e->settle, SETTLE_ALL) > e->now.mono_ms + VS_SETTLE_MS;
}

/*
 * Whether the path still leads to what was read: while it was, a folder
 * above it may have been renamed and another one put in its place, and
 * their listings have passed.
 */
static bool still_there(struct engine *e, const char *path,
    const struct disk_hash *h, struct disk_stat *now)
{
	if (e->world.disk->look(e->world.disk, path, now, NULL) < 0)
		return false;
	if (h->grown)
		return !now->odd && now->kind == VS_KIND_FILE &&
		    now->ino == h->stat.ino &&
		    now->born_ns == h->stat.born_ns &&
		    now->size >= h->stat.size;
	return compare_stat(now, &h->stat) == COMPARE_SAME;
}

/*
 * A hard link tells the watcher of one name, that by which it was written:
 * the others are looked at for it.
 */
static int wake_links(struct engine *e, const struct core_job *j,
    const struct manifest_row *row, struct vs_err *err)
{
	char path[VS_PATH_MAX + 1];
	int rc = row->stat.kind == VS_KIND_FILE && row->stat.links != 1;

	for (int nth = 0; rc == 1; nth++) {
		rc = manifest_stale(&e->state, row, nth, path, err);
		if (rc == 1 && strcmp(path, j->path) != 0)
			work_want(e, path, 0, j->gen);
	}
	return rc;
}

static int hashed_well(struct engine *e, const struct core_job *j,
    const struct disk_hash *h, const struct disk_stat *now, struct vs_err *err)
{
	struct manifest_row *old = malloc(2 * sizeof(*old));
	struct manifest_row *row;
	char parent[VS_PATH_MAX + 1];
	int rc;

	if (old == NULL)
		return vs_err_set(err, VS_ENOMEM, "hash: out of memory");
	row = old + 1;
	memset(row, 0, sizeof(*row));
	row->stat = h->grown ? h->stat : *now;
	row->has_hash = true;
	memcpy(row->hash, h->sha256, sizeof(row->hash));
	if (h->stat.kind == VS_KIND_SYMLINK)
		memcpy(row->target, h->target, sizeof(row->target));
	row->racy = compare_racy(&h->stat, j->asked_ms);
	rc = manifest_get(&e->state, j->path, old, err);
	parent_of(parent, j->path);
	if (rc >= 0 &&
	    ((rc == 1 && old->stat.kind == VS_KIND_DIR) ||
		!work_is_dir(e, parent))) {
		work_want(e, j->path, j->flags, j->gen);
		rc = 0;
	} else if (rc >= 0) {
		recording_published(
		    e, j->path, &row->stat, rc == 1 ? old : NULL);
		rc = stage_upsert(e, j->path, row, rc == 1 ? old : NULL, err);
		if (rc == 0 && h->grown)
			work_later(e, j->path, 0, 0, AGAIN_MS);
		else if (rc == 0 && row->racy)
			work_later(e, j->path, SETTLE_RECHECK, j->gen,
			    compare_tick_ms(&h->stat) + 1);
		if (rc == 0)
			rc = wake_links(e, j, row, err);
	}
	free(old);
	return rc;
}

static int hash_failed(
    struct engine *e, const struct core_job *j, int code, struct vs_err *err)
{
	switch (code) {
	case VS_ECHANGED:
		work_later(e, j->path, j->flags & ~(unsigned)SETTLE_HELD,
		    j->gen, AGAIN_MS);
		return 0;
	case VS_ENOENT:
	case VS_ENOTDIR:
	case VS_ELOOP:
	case VS_EROOT:
		work_want(e, j->path, j->flags, j->gen);
		return 0;
	case VS_ECANCELED:
		return 0;
	default:
		if (e->sweep != NULL) {
			e->sweep->report.errors++;
			resume_doubt(e);
		}
		work_later(e, j->path, j->flags, 0, CORE_TROUBLE_MS);
		return stage_trouble(e, j->path, false, vs_err_text(code), err);
	}
}

void work_hashed(
    struct engine *e, uint64_t id, int code, const struct disk_hash *h)
{
	struct core_job *slot = &e->jobs[id % CORE_JOBS_MAX];
	struct vs_err err = VS_ERR_INIT;
	struct core_job j = *slot;
	struct disk_stat now;
	int rc = 0;

	if (id == 0 || slot->id != id)
		return; /* of work that was dropped */
	vs_map_del(e->job_by_path, j.path);
	memset(slot, 0, sizeof(*slot));
	e->large_jobs -= j.large;
	e->fresh = (j.flags & SETTLE_FRESH) != 0;
	if (code < 0)
		rc = hash_failed(e, &j, code, &err);
	else if (rules_hide(e, j.path, false))
		work_want(e, j.path, j.flags, j.gen);
	else if (recording_found(e, &j, h, &rc, &err))
		e->fresh = false;
	else if (!still_there(e, j.path, h, &now))
		work_later(e, j.path, j.flags, j.gen, AGAIN_MS);
	else
		rc = hashed_well(e, &j, h, &now, &err);
	if (rc < 0)
		core_fault(e, &err);
	else if (!e->fault.on)
		stage_leave(e, j.gen);
	free(j.path);
}
