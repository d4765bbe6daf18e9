#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inlet.h"
#include "agent/aside.h"
#include "agent/fetcher.h"
#include "agent/member/target_posix.h"
#include "agent/project_core.h"
#include "common/base/log.h"
#include "common/os/clock.h"

#define FILES 4 /* pulled at the same time */
#define CHUNKS 8 /* under way at the same time */

/* Another folder that is pulled to. */
struct elsewhere {
	struct elsewhere *next;
	struct target *target;
	char dir[];
};

struct follower {
	struct project project; /* first */
	struct target *target;
	struct fetcher *fetcher;
	struct inlet *inlet;
	/* engine's thread */
	struct member_world world;
	struct elsewhere *elsewhere;
	char said[64]; /* the state last logged */
};

/* The stream. */

static void inlet_up(void *arg)
{
	struct follower *f = arg;

	if (f->project.member != NULL)
		member_stream_up(f->project.member, vs_clock_now());
}

static void inlet_text(void *arg, const char *text, size_t len)
{
	struct follower *f = arg;

	if (f->project.member != NULL)
		member_stream_text(
		    f->project.member, text, len, vs_clock_now());
}

static void inlet_down(void *arg, int code, const char *why)
{
	struct follower *f = arg;

	vs_log(VS_LOG_DEBUG, "project: %s: stream: %s", f->project.id, why);
	if (f->project.member != NULL)
		member_stream_down(
		    f->project.member, code, why, vs_clock_now());
}

static void world_stream(void *arg, const char *path)
{
	struct follower *f = arg;

	inlet_open(f->inlet, path);
}

/* Chunks: engine -> threads -> engine. */

struct fetching {
	struct fetcher_job job; /* first */
	struct mailbox_item item;
	struct follower *follower;
	uint64_t id;
	char *url;
	char *ticket;
	char *pin;
	char *part;
	char *source;
};

static void fetching_handle(struct mailbox_item *item)
{
	struct fetching *g =
	    (struct fetching *)((char *)item - offsetof(struct fetching, item));
	struct member *m = g->follower->project.member;
	const struct vs_err *err = &g->job.job.err;

	if (m != NULL)
		member_fetched(m, g->id, err->code, err->msg, vs_clock_now());
	free(g->url);
	free(g->ticket);
	free(g->pin);
	free(g->part);
	free(g->source);
	free(g);
}

static void fetching_done(struct crew_job *job)
{
	struct fetching *g = (struct fetching *)job;

	mailbox_put(g->follower->project.mailbox, &g->item);
}

static void world_fetch(void *arg, const struct member_fetch *want)
{
	struct follower *f = arg;
	struct fetching *g = project_must(calloc(1, sizeof(*g)));

	g->item.handle = fetching_handle;
	g->follower = f;
	g->id = want->id;
	g->job.url = g->url = project_must(strdup(want->url));
	g->job.ticket = g->ticket = project_must(strdup(want->ticket));
	g->job.pin = g->pin = project_must(strdup(want->pin));
	g->job.part = g->part = project_must(strdup(want->part));
	g->job.target = want->target;
	g->job.off = want->off;
	g->job.len = want->len;
	if (want->source != NULL) {
		g->job.source = g->source = project_must(strdup(want->source));
		g->job.is = *want->is;
	}
	g->job.job.cancel = &f->project.cancel;
	g->job.job.done = fetching_done;
	fetcher_submit(f->fetcher, &g->job);
}

/* Hashes: engine -> workers -> engine. */

struct hashing {
	struct mailbox_item item;
	struct crew_job job;
	struct follower *follower;
	struct target *target;
	uint64_t id;
	char *name;
	bool path;
	uint8_t sha256[VS_SHA256_SIZE];
};

static struct hashing *hashing_of(struct crew_job *job)
{
	return (struct hashing *)((char *)job - offsetof(struct hashing, job));
}

static void hashing_handle(struct mailbox_item *item)
{
	struct hashing *h = (struct hashing *)item;
	struct member *m = h->follower->project.member;

	if (m != NULL)
		member_hashed(
		    m, h->id, h->job.err.code, h->sha256, vs_clock_now());
	free(h->name);
	free(h);
}

static void file_work(struct hashing *h)
{
	struct disk_hash *out = malloc(sizeof(*out));

	if (out == NULL) {
		vs_err_set(&h->job.err, VS_ENOMEM, "hash: out of memory");
		return;
	}
	if (h->target->hash(
		h->target, h->name, out, h->job.cancel, &h->job.err) == VS_OK)
		memcpy(h->sha256, out->sha256, sizeof(h->sha256));
	free(out);
}

static void hashing_work(struct crew_job *job)
{
	struct hashing *h = hashing_of(job);

	if (h->path)
		file_work(h);
	else
		h->target->part_hash(
		    h->target, h->name, h->sha256, job->cancel, &job->err);
}

static void hashing_done(struct crew_job *job)
{
	struct hashing *h = hashing_of(job);

	if (job->err.code == VS_OK)
		atomic_fetch_add(&h->follower->project.hashed,
		    (unsigned long long)job->size);
	mailbox_put(h->follower->project.mailbox, &h->item);
}

static void world_hash(
    void *arg, uint64_t id, struct target *target, const char *name, bool path)
{
	struct follower *f = arg;
	struct hashing *h = project_must(calloc(1, sizeof(*h)));

	h->item.handle = hashing_handle;
	h->follower = f;
	h->target = target;
	h->id = id;
	h->name = project_must(strdup(name));
	h->path = path;
	h->job.size = target_posix_size(target, name, path);
	h->job.cancel = &f->project.cancel;
	h->job.owner = f;
	h->job.work = hashing_work;
	h->job.done = hashing_done;
	crew_submit(f->project.host->crew, &h->job);
}

/* Other folders. */

static struct target *world_target_at(void *arg, const char *dir)
{
	struct follower *f = arg;
	struct vs_err err = VS_ERR_INIT;
	size_t len = strlen(dir) + 1;
	struct elsewhere *e;

	for (e = f->elsewhere; e != NULL; e = e->next)
		if (strcmp(e->dir, dir) == 0)
			return e->target;
	if (dir[0] != '/' || len > PATH_MAX)
		return NULL;
	e = project_must(calloc(1, sizeof(*e) + len));
	memcpy(e->dir, dir, len);
	if (target_posix_new(&e->target, dir, NULL, &err) < 0 ||
	    e->target->check(e->target, &err) < 0) {
		target_posix_free(e->target);
		free(e);
		return NULL;
	}
	e->next = f->elsewhere;
	f->elsewhere = e;
	return e->target;
}

/* News. */

static void world_tell(void *arg, const struct member_event *e)
{
	static const char *const types[] = {
		[MEMBER_CHANGED] = "changed",
		[MEMBER_CAUGHT_UP] = "caught_up",
		[MEMBER_PULL] = "pull",
		[MEMBER_STATE] = "state",
	};
	struct follower *f = arg;
	const struct project_news n = {
		.type = types[e->news],
		.state = e->news == MEMBER_STATE,
		.small = e->news == MEMBER_CHANGED || e->news == MEMBER_PULL,
		.path = e->path,
		.op = e->op,
		.text = e->text,
		.pull = e->pull,
		.seq = e->seq,
		.size = e->size,
		.n = e->n,
	};

	/* in_sync, again and again: once is enough */
	if (n.state && e->text != NULL && strcmp(f->said, e->text) != 0) {
		vs_log(VS_LOG_INFO, "project: %s: %s", f->project.id, e->text);
		snprintf(f->said, sizeof(f->said), "%s", e->text);
	}
	project_tell(&f->project, &n);
}

/* The role. */

static int world_set_aside(
    void *arg, const char *path, char *aside, size_t cap, struct vs_err *err)
{
	const struct follower *f = arg;
	int rc = aside_move(path, vs_clock_wall_ms(), aside, cap, err);

	if (rc == VS_OK)
		vs_log(VS_LOG_WARN,
		    "project: %s: its state database is damaged; it is kept "
		    "as %s",
		    f->project.id, aside);
	return rc;
}

static int member_prepare(struct project *p, struct vs_err *err)
{
	struct follower *f = (struct follower *)p;
	const struct inlet_options o = {
		.session = p->host->session,
		.post = p->host->post,
		.mailbox = p->mailbox,
		.up = inlet_up,
		.text = inlet_text,
		.down = inlet_down,
		.arg = f,
	};
	int r = target_posix_new(&f->target, p->root, p->root_id, err);

	if (r == VS_OK)
		r = fetcher_new(&f->fetcher, p->host->key, CHUNKS, err);
	if (r == VS_OK)
		r = inlet_new(&f->inlet, &o, err);
	if (r < 0)
		return r;
	f->world = (struct member_world){
		.arg = f,
		.target = f->target,
		.target_at = world_target_at,
		.rand = vs_rand_os(),
		.send = project_ask,
		.stream = world_stream,
		.fetch = world_fetch,
		.hash = world_hash,
		.tell = world_tell,
		.set_aside = world_set_aside,
	};
	return VS_OK;
}

static int member_start(struct project *p, const char *dir, struct vs_now now)
{
	struct follower *f = (struct follower *)p;
	char db[PATH_MAX];
	const struct member_options o = {
		.db_path = db,
		.project_id = p->id,
		.device_id = p->device_id,
		.files = FILES,
		.chunks = CHUNKS,
	};
	int r;

	snprintf(db, sizeof(db), "%s/mirror.db", dir);
	r = member_open(&p->member, &f->world, &o, now, &p->why);
	if (r < 0)
		p->member = NULL;
	return r;
}

static int64_t member_turn(struct project *p, struct vs_now now)
{
	return member_step(p->member, now);
}

static void member_answer(struct project *p, uint64_t id,
    const struct engine_answer *a, struct vs_now now)
{
	member_answered(p->member, id, a, now);
}

static void member_end(struct project *p)
{
	struct follower *f = (struct follower *)p;

	member_close(p->member);
	p->member = NULL;
	crew_forget(p->host->crew, f);
	fetcher_forget(f->fetcher);
}

static void member_stop(struct project *p)
{
	/* all there is on the loop goes with the release */
	assert(p->stopped != NULL);
}

static void member_release(struct project *p)
{
	struct follower *f = (struct follower *)p;

	inlet_free(f->inlet);
	fetcher_free(f->fetcher);
	target_posix_free(f->target);
	while (f->elsewhere != NULL) {
		struct elsewhere *e = f->elsewhere;

		f->elsewhere = e->next;
		target_posix_free(e->target);
		free(e);
	}
}

const struct project_role project_member = {
	.name = "member",
	.size = sizeof(struct follower),
	.refusal = "this project is another's: its owner's agent does this",
	.prepare = member_prepare,
	.open = member_start,
	.step = member_turn,
	.answered = member_answer,
	.close = member_end,
	.stop = member_stop,
	.release = member_release,
};
