#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/aside.h"
#include "agent/project_core.h"
#include "agent/project_watch.h"
#include "agent/scan/disk_posix.h"
#include "common/base/log.h"
#include "common/os/clock.h"

#define SLEPT_MS 10000 /* a longer gap between the clocks was a sleep */

struct owner {
	struct project project; /* first */
	struct project_watch *watch;
	struct disk *disk;
	/* engine's thread */
	struct engine_world world;
	int64_t ahead_ms; /* of one clock before the other */
};

static void hint_take(void *arg, const struct watch_hint *h)
{
	struct owner *o = arg;

	engine_hint(o->project.engine, h, vs_clock_now());
}

/* Hashes: engine -> workers -> engine. */

struct hashing {
	struct mailbox_item item;
	struct crew_job job;
	struct owner *owner;
	uint64_t id;
	char *path;
	bool held;
	struct disk_hash hash;
};

static struct hashing *hashing_of(struct crew_job *job)
{
	return (struct hashing *)((char *)job - offsetof(struct hashing, job));
}

static void hashing_handle(struct mailbox_item *item)
{
	struct hashing *h = (struct hashing *)item;
	struct project *p = &h->owner->project;

	if (p->engine != NULL)
		engine_hashed(p->engine, h->id, h->job.err.code, &h->hash,
		    vs_clock_now());
	free(h->path);
	free(h);
}

static void hashing_work(struct crew_job *job)
{
	struct hashing *h = hashing_of(job);
	struct disk *disk = h->owner->disk;

	if (h->held)
		disk->hash_held(
		    disk, h->path, &h->hash, job->cancel, &job->err);
	else
		disk->hash(disk, h->path, &h->hash, job->cancel, &job->err);
}

static void hashing_done(struct crew_job *job)
{
	struct hashing *h = hashing_of(job);
	struct project *p = &h->owner->project;

	if (job->err.code == VS_OK && h->hash.stat.kind == VS_KIND_FILE &&
	    (h->held || h->hash.writer != DISK_WRITER))
		atomic_fetch_add(
		    &p->hashed, (unsigned long long)h->hash.stat.size);
	mailbox_put(p->mailbox, &h->item);
}

static void world_hash(void *arg, const struct engine_hash *want)
{
	struct owner *o = arg;
	struct hashing *h = project_must(calloc(1, sizeof(*h)));

	assert(want->path[0] != '\0');
	h->item.handle = hashing_handle;
	h->owner = o;
	h->id = want->id;
	h->path = project_must(strdup(want->path));
	h->held = want->held;
	h->job.size = want->size;
	h->job.urgent = want->fresh;
	h->job.cancel = &o->project.cancel;
	h->job.owner = o;
	h->job.work = hashing_work;
	h->job.done = hashing_done;
	crew_submit(o->project.host->crew, &h->job);
}

/* News. */

static void event_log(const struct project *p, const struct engine_event *e)
{
	const char *text = e->text != NULL ? e->text : "";

	switch (e->news) {
	case ENGINE_STATE:
		vs_log(VS_LOG_INFO, "project: %s: %s", p->id,
		    *text != '\0' ? text : "state changed");
		break;
	case ENGINE_SCANNED:
		vs_log(VS_LOG_INFO, "project: %s: scan ended: %lld entries",
		    p->id, (long long)e->n);
		break;
	case ENGINE_HELD:
		vs_log(VS_LOG_WARN,
		    "project: %s: %lld deletions are held: see vsync held",
		    p->id, (long long)e->n);
		break;
	case ENGINE_REFUSED:
		vs_log(VS_LOG_WARN, "project: %s: a path was refused: %s",
		    p->id, text);
		break;
	default:
		break;
	}
}

static void world_tell(void *arg, const struct engine_event *e)
{
	static const char *const types[] = {
		[ENGINE_COMMITTED] = "committed",
		[ENGINE_PUBLISHED] = "published",
		[ENGINE_HELD] = "held",
		[ENGINE_REFUSED] = "refused",
		[ENGINE_RECORDING] = "recording",
		[ENGINE_SCANNED] = "scanned",
		[ENGINE_STATE] = "state",
	};
	struct owner *o = arg;
	const struct project_news n = {
		.type = types[e->news],
		.state = e->news == ENGINE_STATE || e->news == ENGINE_HELD,
		.small = e->news == ENGINE_COMMITTED ||
		    e->news == ENGINE_PUBLISHED || e->news == ENGINE_RECORDING,
		.path = e->path,
		.op = e->op,
		.text = e->text,
		.seq = e->seq,
		.size = e->size,
		.n = e->n,
	};

	event_log(&o->project, e);
	if (e->news == ENGINE_SCANNED)
		project_watch_scanned(o->watch, e->ms, vs_clock_now());
	project_tell(&o->project, &n);
}

static int world_set_aside(
    void *arg, const char *path, char *aside, size_t cap, struct vs_err *err)
{
	const struct owner *o = arg;
	int rc = aside_move(path, vs_clock_wall_ms(), aside, cap, err);

	if (rc == VS_OK)
		vs_log(VS_LOG_WARN,
		    "project: %s: its state database is damaged; it is kept "
		    "as %s",
		    o->project.id, aside);
	return rc;
}

/* The role. */

static int owner_prepare(struct project *p, struct vs_err *err)
{
	struct owner *o = (struct owner *)p;
	const struct watch_ear ear = { .hint = hint_take, .arg = o };
	struct disk_watcher w;
	int r = project_watch_new(&o->watch, p, p->watch, &ear, err);

	if (r < 0)
		return r;
	project_watch_disk(o->watch, &w);
	r = disk_posix_new(&o->disk, p->root, &w, err);
	if (r < 0)
		return r;
	o->ahead_ms = vs_clock_mono_ms() - (int64_t)(uv_hrtime() / 1000000);
	o->world = (struct engine_world){
		.arg = o,
		.disk = o->disk,
		.rand = vs_rand_os(),
		.hash = world_hash,
		.send = project_ask,
		.tell = world_tell,
		.set_aside = world_set_aside,
	};
	return VS_OK;
}

static int owner_open(struct project *p, const char *dir, struct vs_now now)
{
	struct owner *o = (struct owner *)p;
	char db[PATH_MAX];
	const struct engine_options options = {
		.db_path = db,
		.project_id = p->id,
		.device_id = p->device_id,
		.root_id = p->root_id,
		.hash_jobs = p->host->hash_jobs,
		.list_first = p->list_first,
	};
	int r;

	snprintf(db, sizeof(db), "%s/manifest.db", dir);
	project_watch_review(o->watch);
	r = engine_open(&p->engine, &o->world, &options, now, &p->why);
	if (r < 0)
		p->engine = NULL;
	return r;
}

/* What was missed is said once, whatever it was. */
static void doubt_check(struct owner *o, struct vs_now now)
{
	struct engine *e = o->project.engine;
	int64_t ahead = now.mono_ms - (int64_t)(uv_hrtime() / 1000000);
	bool slept = ahead - o->ahead_ms > SLEPT_MS;

	o->ahead_ms = ahead;
	if (project_watch_lost(o->watch))
		engine_doubt(e, "too many events at once", now);
	else if (slept)
		engine_doubt(e, "woke from sleep", now);
}

static int64_t owner_step(struct project *p, struct vs_now now)
{
	struct owner *o = (struct owner *)p;
	int64_t heard, due;

	doubt_check(o, now);
	heard = project_watch_step(o->watch, now);
	due = engine_step(p->engine, now);
	return heard < due ? heard : due;
}

static void owner_answered(struct project *p, uint64_t id,
    const struct engine_answer *a, struct vs_now now)
{
	engine_answered(p->engine, id, a, now);
}

static void owner_close(struct project *p)
{
	engine_close(p->engine);
	p->engine = NULL;
	crew_forget(p->host->crew, p);
}

static void owner_stop(struct project *p)
{
	project_watch_stop(((struct owner *)p)->watch);
}

static void owner_release(struct project *p)
{
	struct owner *o = (struct owner *)p;

	project_watch_free(o->watch);
	disk_posix_free(o->disk);
}

const struct project_role project_owner = {
	.name = "owner",
	.size = sizeof(struct owner),
	.refusal = "this project is published from here: nothing of it is "
		   "pulled to here",
	.prepare = owner_prepare,
	.open = owner_open,
	.step = owner_step,
	.answered = owner_answered,
	.close = owner_close,
	.stop = owner_stop,
	.release = owner_release,
};
