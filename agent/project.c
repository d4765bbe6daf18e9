#include "agent/project_core.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/scan/disk_posix.h"
#include "common/base/log.h"
#include "common/os/clock.h"
#include "common/os/file.h"

#define RETRY_MS 5000 /* between two tries to open the state */
#define READS 16 /* of the watcher in one turn of the loop */
#define SLEPT_MS 10000 /* a longer gap between the clocks was a sleep */

/* Events: loop -> engine. */

struct raw_message {
	struct mailbox_item item;
	struct project *project;
	char data[];
};

static void hint_take(void *arg, const struct watch_hint *h)
{
	struct project *p = arg;

	engine_hint(p->engine, h, vs_clock_now());
}

static void raw_handle(struct mailbox_item *item)
{
	struct raw_message *m = (struct raw_message *)item;
	struct project *p = m->project;

	/* not open: the scan at opening sees it all */
	if (p->engine != NULL)
		watch_translate(p->watch, m->data, item->weight, hint_take, p);
	free(m);
}

static void raw_put(struct project *p, size_t n)
{
	struct raw_message *m;

	if (mailbox_weight(p->mailbox) + n > PROJECT_RAW_MAX) {
		atomic_store(&p->lost, true);
		return;
	}
	m = project_must(malloc(sizeof(*m) + n));
	m->item.weight = n;
	m->item.handle = raw_handle;
	m->project = p;
	memcpy(m->data, p->raw, n);
	mailbox_put(p->mailbox, &m->item);
}

static void poll_ready(uv_poll_t *poll, int status, int events)
{
	struct project *p = poll->data;
	struct vs_err err = VS_ERR_INIT;
	int n = status < 0 ? status : 1;

	(void)events;
	/* bounded, so that a storm does not starve the other handles */
	for (int i = 0; i < READS && n > 0; i++) {
		n = watch_read(watch_fd(p->watch), p->raw, &err);
		if (n > 0)
			raw_put(p, (size_t)n);
	}
	if (n < 0) {
		vs_log(VS_LOG_ERR, "project: %s: %s", p->id, err.msg);
		atomic_store(&p->lost, true);
		uv_poll_stop(poll);
	}
}

/* Calls: loop -> engine -> loop. */

struct call_message {
	struct mailbox_item item;
	struct project_call *call;
};

static void call_done(struct post_item *item)
{
	struct project_call *c = (struct project_call *)((char *)item -
	    offsetof(struct project_call, item));

	c->done(c);
}

void project_return(struct project_call *c)
{
	c->item.run = call_done;
	post_send(c->project->host->post, &c->item);
}

static void call_handle(struct mailbox_item *item)
{
	struct call_message *m = (struct call_message *)item;
	struct project_call *c = m->call;
	struct project *p = c->project;

	free(m);
	if (p->engine != NULL) {
		c->run(c, p->engine, vs_clock_now());
		return;
	}
	c->err = p->why;
	if (p->stop || c->err.code == VS_OK)
		vs_err_set(&c->err, VS_ECANCELED, "the project is stopping");
	project_return(c);
}

void project_call(struct project *p, struct project_call *c)
{
	struct call_message *m = project_must(calloc(1, sizeof(*m)));

	assert(p->stopped == NULL && c->run != NULL && c->done != NULL);
	vs_err_clear(&c->err);
	c->project = p;
	m->item.handle = call_handle;
	m->call = c;
	mailbox_put(p->mailbox, &m->item);
}

void project_listen(struct project *p, bool wanted)
{
	atomic_store(&p->listened, wanted);
}

/* The engine's thread. */

static int disk_watch_dir(void *arg, const char *dir, struct vs_err *err)
{
	struct project *p = arg;

	if (dir != NULL)
		return watch_add(p->watch, dir, err);
	watch_clear(p->watch);
	return VS_OK;
}

static int64_t disk_watched_dirs(void *arg)
{
	const struct project *p = arg;

	return (int64_t)watch_count(p->watch);
}

static int state_open(struct project *p, struct vs_now now)
{
	char dir[PATH_MAX];
	char db[PATH_MAX + 16];
	struct engine_options o = {
		.db_path = db,
		.project_id = p->id,
		.device_id = p->device_id,
		.root_id = p->root_id,
		.hash_jobs = p->host->hash_jobs,
	};
	int r;

	if (snprintf(dir, sizeof(dir), "%s/projects/%s", p->host->state_dir,
		p->id) >= (int)sizeof(dir))
		return vs_err_set(&p->why, VS_ELIMIT, "path too long");
	snprintf(db, sizeof(db), "%s/manifest.db", dir);
	r = vs_file_mkdirs(dir, 0700, &p->why);
	if (r < 0)
		return r;
	return engine_open(&p->engine, &p->world, &o, now, &p->why);
}

struct failure {
	struct post_item item;
	struct project *project;
	struct vs_err why;
};

static void failure_arrive(struct post_item *item)
{
	struct failure *f = (struct failure *)item;

	f->project->host->failed(f->project->host->arg, f->project, &f->why);
	free(f);
}

/* Tries to open the state if it is time to; when to be called again. */
static int64_t project_open(struct project *p, struct vs_now now)
{
	struct failure *f;

	if (now.mono_ms < p->retry_ms)
		return p->retry_ms;
	vs_err_clear(&p->why);
	if (state_open(p, now) == VS_OK)
		return now.mono_ms;
	p->engine = NULL;
	f = project_must(calloc(1, sizeof(*f)));
	f->item.run = failure_arrive;
	f->project = p;
	f->why = p->why;
	post_send(p->host->post, &f->item);
	p->retry_ms =
	    p->why.code == VS_ESCHEMA ? INT64_MAX : now.mono_ms + RETRY_MS;
	return p->retry_ms;
}

/* What was missed is said once, whatever it was. */
static void doubt_check(struct project *p, struct vs_now now)
{
	int64_t ahead = now.mono_ms - (int64_t)(uv_hrtime() / 1000000);
	bool slept = ahead - p->ahead_ms > SLEPT_MS;

	p->ahead_ms = ahead;
	if (atomic_exchange(&p->lost, false))
		engine_doubt(p->engine, "too many events at once", now);
	else if (slept)
		engine_doubt(p->engine, "woke from sleep", now);
}

/* Does what is due; how long there is nothing to do, ms. */
static int64_t project_turn(struct project *p)
{
	struct vs_now now = vs_clock_now();
	int64_t due = now.mono_ms;

	if (p->engine == NULL)
		due = project_open(p, now);
	if (p->engine != NULL) {
		doubt_check(p, now);
		due = engine_step(p->engine, now);
	}
	return due == INT64_MAX ? due : due - vs_clock_mono_ms();
}

static void project_run(void *arg)
{
	struct project *p = arg;

	p->ahead_ms = vs_clock_mono_ms() - (int64_t)(uv_hrtime() / 1000000);
	while (!p->stop)
		mailbox_serve(p->mailbox, project_turn(p));
	/* waiting calls return from inside */
	engine_close(p->engine);
	p->engine = NULL;
	hasher_forget(p->host->hasher, p);
	mailbox_serve(p->mailbox, 0);
	post_send(p->host->post, &p->ended);
}

struct stop_message {
	struct mailbox_item item;
	struct project *project;
};

static void stop_handle(struct mailbox_item *item)
{
	struct stop_message *m = (struct stop_message *)item;

	m->project->stop = true;
	free(m);
}

/* Beginning and end. */

static void project_free(struct project *p)
{
	mailbox_free(p->mailbox);
	watch_free(p->watch);
	disk_posix_free(p->disk);
	free(p->id);
	free(p->name);
	free(p->root);
	free(p->root_id);
	free(p->device_id);
	free(p);
}

static void handle_closed(struct project *p)
{
	void (*stopped)(void *arg) = p->stopped;
	void *arg = p->stopped_arg;

	assert(p->handles > 0);
	if (--p->handles > 0)
		return;
	project_world_end(p);
	/* answers that came when nobody took them any more */
	mailbox_serve(p->mailbox, 0);
	project_free(p);
	stopped(arg);
}

static void poll_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

static void thread_ended(struct post_item *item)
{
	struct project *p =
	    (struct project *)((char *)item - offsetof(struct project, ended));

	uv_thread_join(&p->thread);
	handle_closed(p);
}

void project_stop(struct project *p, void (*stopped)(void *arg), void *arg)
{
	struct stop_message *m = project_must(calloc(1, sizeof(*m)));

	assert(stopped != NULL && p->stopped == NULL);
	p->stopped = stopped;
	p->stopped_arg = arg;
	atomic_store(&p->cancel, true);
	m->item.handle = stop_handle;
	m->project = p;
	mailbox_put(p->mailbox, &m->item);
	if (p->watch != NULL)
		uv_close((uv_handle_t *)&p->poll, poll_closed);
}

static int watch_start(struct project *p, struct vs_err *err)
{
	int r = watch_new(&p->watch, p->root, err);

	if (r < 0) {
		/* scans still find everything, later */
		vs_log(VS_LOG_WARN,
		    "project: %s: %s; only scans will find "
		    "changes",
		    p->id, err != NULL ? err->msg : "");
		vs_err_clear(err);
		p->watch = NULL;
		return VS_OK;
	}
	r = uv_poll_init(p->host->loop, &p->poll, watch_fd(p->watch));
	if (r != 0)
		return vs_err_errno(err, -r, "watcher on the loop");
	p->poll.data = p;
	p->handles++;
	r = uv_poll_start(&p->poll, UV_READABLE, poll_ready);
	return r == 0 ? VS_OK : vs_err_errno(err, -r, "watcher on the loop");
}

static struct project *project_alloc(
    const struct project_host *host, const struct config_project *c)
{
	struct project *p = project_must(calloc(1, sizeof(*p)));

	p->host = host;
	p->id = project_must(strdup(c->id));
	p->name = project_must(strdup(c->name));
	p->root = project_must(strdup(c->root));
	p->root_id = project_must(strdup(c->root_id));
	p->device_id = project_must(strdup(host->device_id));
	p->ended.run = thread_ended;
	return p;
}

static void start_undone(void *arg)
{
	(void)arg;
}

int project_start(struct project **out, const struct project_host *host,
    const struct config_project *c, struct vs_err *err)
{
	struct project *p = project_alloc(host, c);
	const struct disk_watcher w = {
		.watch = disk_watch_dir, .watched = disk_watched_dirs, .arg = p
	};
	int r = mailbox_new(&p->mailbox, err);

	if (r == VS_OK)
		r = watch_start(p, err);
	if (r == VS_OK)
		r = disk_posix_new(
		    &p->disk, p->root, p->watch != NULL ? &w : NULL, err);
	if (r == VS_OK)
		project_world(p);
	if (r == VS_OK) {
		int e = uv_thread_create(&p->thread, project_run, p);

		if (e != 0)
			r = vs_err_errno(err, -e, "thread of the project");
	}
	if (r < 0 && p->handles > 0) {
		p->stopped = start_undone;
		uv_close((uv_handle_t *)&p->poll, poll_closed);
		return r;
	}
	if (r < 0) {
		project_free(p);
		return r;
	}
	p->handles++;
	*out = p;
	return VS_OK;
}

const char *project_id(const struct project *p)
{
	return p->id;
}

const char *project_name(const struct project *p)
{
	return p->name;
}

const char *project_root(const struct project *p)
{
	return p->root;
}

uint64_t project_hashed(const struct project *p)
{
	return atomic_load(&p->hashed);
}

bool project_is(const struct project *p, const struct config_project *c)
{
	return strcmp(p->id, c->id) == 0 && strcmp(p->name, c->name) == 0 &&
	    strcmp(p->root, c->root) == 0 &&
	    strcmp(p->root_id, c->root_id) == 0;
}
