#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/project_core.h"
#include "agent/scan/disk_posix.h"
#include "common/base/log.h"
#include "common/os/clock.h"

#define READS 16 /* of the watcher in one turn of the loop */
#define SLEPT_MS 10000 /* a longer gap between the clocks was a sleep */

struct owner {
	struct project project; /* first */
	struct watch *watch; /* NULL: none to be had, scans only */
	struct disk *disk;
	atomic_bool lost; /* events were dropped here */
	/* engine's thread */
	struct engine_world world;
	int64_t ahead_ms; /* of one clock before the other */
	/* loop's thread */
	uv_poll_t poll;
	char raw[WATCH_RAW_MAX]; /* the kernel's events, not yet copied */
};

/* Events: loop -> engine. */

struct raw_message {
	struct mailbox_item item;
	struct owner *owner;
	char data[];
};

static void hint_take(void *arg, const struct watch_hint *h)
{
	struct owner *o = arg;

	engine_hint(o->project.engine, h, vs_clock_now());
}

static void raw_handle(struct mailbox_item *item)
{
	struct raw_message *m = (struct raw_message *)item;
	struct owner *o = m->owner;

	/* not open: the scan at opening sees it all */
	if (o->project.engine != NULL)
		watch_translate(o->watch, m->data, item->weight, hint_take, o);
	free(m);
}

static void raw_put(struct owner *o, size_t n)
{
	struct mailbox *box = o->project.mailbox;
	struct raw_message *m;

	if (mailbox_weight(box) + n > PROJECT_WAITING_MAX) {
		atomic_store(&o->lost, true);
		return;
	}
	m = project_must(malloc(sizeof(*m) + n));
	m->item.weight = n;
	m->item.handle = raw_handle;
	m->owner = o;
	memcpy(m->data, o->raw, n);
	mailbox_put(box, &m->item);
}

static void poll_ready(uv_poll_t *poll, int status, int events)
{
	struct owner *o = poll->data;
	struct vs_err err = VS_ERR_INIT;
	int n = status < 0 ? status : 1;

	(void)events;
	/* bounded, so that a storm does not starve the other handles */
	for (int i = 0; i < READS && n > 0; i++) {
		n = watch_read(watch_fd(o->watch), o->raw, &err);
		if (n > 0)
			raw_put(o, (size_t)n);
	}
	if (n < 0) {
		vs_log(VS_LOG_ERR, "project: %s: %s", o->project.id, err.msg);
		atomic_store(&o->lost, true);
		uv_poll_stop(poll);
	}
}

/* Hashes: engine -> workers -> engine. */

struct hashing {
	struct mailbox_item item;
	struct crew_job job;
	struct owner *owner;
	uint64_t id;
	char *path;
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

	disk->hash(disk, h->path, &h->hash, job->cancel, &job->err);
}

static void hashing_done(struct crew_job *job)
{
	struct hashing *h = hashing_of(job);
	struct project *p = &h->owner->project;

	if (job->err.code == VS_OK && h->hash.stat.kind == VS_KIND_FILE &&
	    h->hash.writer != DISK_WRITER)
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
	h->job.size = want->size;
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
		.state = e->news == ENGINE_STATE,
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
	project_tell(&o->project, &n);
}

/* The role. */

static int disk_watch_dir(void *arg, const char *dir, struct vs_err *err)
{
	struct owner *o = arg;

	if (dir != NULL)
		return watch_add(o->watch, dir, err);
	watch_clear(o->watch);
	return VS_OK;
}

static int64_t disk_watched_dirs(void *arg)
{
	const struct owner *o = arg;

	return (int64_t)watch_count(o->watch);
}

static int watch_start(struct owner *o, struct vs_err *err)
{
	struct project *p = &o->project;
	int r = watch_new(&o->watch, p->root, err);

	if (r < 0) {
		/* scans still find everything, later */
		vs_log(VS_LOG_WARN,
		    "project: %s: %s; only scans will find "
		    "changes",
		    p->id, err != NULL ? err->msg : "");
		vs_err_clear(err);
		o->watch = NULL;
		return VS_OK;
	}
	r = uv_poll_init(p->host->loop, &o->poll, watch_fd(o->watch));
	if (r != 0)
		return vs_err_errno(err, -r, "watcher on the loop");
	o->poll.data = o;
	p->handles++;
	r = uv_poll_start(&o->poll, UV_READABLE, poll_ready);
	return r == 0 ? VS_OK : vs_err_errno(err, -r, "watcher on the loop");
}

static int owner_prepare(struct project *p, struct vs_err *err)
{
	struct owner *o = (struct owner *)p;
	const struct disk_watcher w = {
		.watch = disk_watch_dir, .watched = disk_watched_dirs, .arg = o
	};
	int r = watch_start(o, err);

	if (r == VS_OK)
		r = disk_posix_new(
		    &o->disk, p->root, o->watch != NULL ? &w : NULL, err);
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
	};
	int r;

	snprintf(db, sizeof(db), "%s/manifest.db", dir);
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
	if (atomic_exchange(&o->lost, false))
		engine_doubt(e, "too many events at once", now);
	else if (slept)
		engine_doubt(e, "woke from sleep", now);
}

static int64_t owner_step(struct project *p, struct vs_now now)
{
	doubt_check((struct owner *)p, now);
	return engine_step(p->engine, now);
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

static void poll_closed(uv_handle_t *handle)
{
	struct owner *o = handle->data;

	project_closed(&o->project);
}

static void owner_stop(struct project *p)
{
	struct owner *o = (struct owner *)p;

	if (o->watch != NULL)
		uv_close((uv_handle_t *)&o->poll, poll_closed);
}

static void owner_release(struct project *p)
{
	struct owner *o = (struct owner *)p;

	watch_free(o->watch);
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
