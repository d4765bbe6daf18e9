#include "agent/project_core.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/os/clock.h"
#include "common/os/file.h"

#define RETRY_MS 5000 /* between two tries to open the state */

bool project_open(const struct project *p)
{
	return p->engine != NULL || p->member != NULL;
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
	if (p->engine != NULL && c->run != NULL) {
		c->run(c, p->engine, vs_clock_now());
		return;
	}
	if (p->member != NULL && c->run_member != NULL) {
		c->run_member(c, p->member, vs_clock_now());
		return;
	}
	c->err = p->why;
	if (project_open(p))
		vs_err_set(&c->err, VS_ENOTSUP, "%s", p->role->refusal);
	else if (p->stop || c->err.code == VS_OK)
		vs_err_set(&c->err, VS_ECANCELED, "the project is stopping");
	project_return(c);
}

void project_call(struct project *p, struct project_call *c)
{
	struct call_message *m = project_must(calloc(1, sizeof(*m)));

	assert(p->stopped == NULL && c->done != NULL);
	assert(c->run != NULL || c->run_member != NULL);
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

static int state_open(struct project *p, struct vs_now now)
{
	char dir[PATH_MAX];
	int r;

	if (snprintf(dir, sizeof(dir), "%s/projects/%s", p->host->state_dir,
		p->id) >= (int)sizeof(dir) - 16)
		return vs_err_set(&p->why, VS_ELIMIT, "path too long");
	r = vs_file_mkdirs(dir, 0700, &p->why);
	if (r < 0)
		return r;
	return p->role->open(p, dir, now);
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
static int64_t project_try(struct project *p, struct vs_now now)
{
	struct failure *f;

	if (now.mono_ms < p->retry_ms)
		return p->retry_ms;
	vs_err_clear(&p->why);
	if (state_open(p, now) == VS_OK)
		return now.mono_ms;
	assert(!project_open(p));
	f = project_must(calloc(1, sizeof(*f)));
	f->item.run = failure_arrive;
	f->project = p;
	f->why = p->why;
	post_send(p->host->post, &f->item);
	p->retry_ms =
	    p->why.code == VS_ESCHEMA ? INT64_MAX : now.mono_ms + RETRY_MS;
	return p->retry_ms;
}

/* Does what is due; how long there is nothing to do, ms. */
static int64_t project_turn(struct project *p)
{
	struct vs_now now = vs_clock_now();
	int64_t due = now.mono_ms;

	if (!project_open(p))
		due = project_try(p, now);
	if (project_open(p))
		due = p->role->step(p, now);
	return due == INT64_MAX ? due : due - vs_clock_mono_ms();
}

static void project_run(void *arg)
{
	struct project *p = arg;

	while (!p->stop)
		mailbox_serve(p->mailbox, project_turn(p));
	/* waiting calls return from inside */
	p->role->close(p);
	assert(!project_open(p));
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
	p->role->release(p);
	mailbox_free(p->mailbox);
	free(p->id);
	free(p->name);
	free(p->root);
	free(p->root_id);
	free(p->device_id);
	free(p->watch);
	free(p);
}

void project_closed(struct project *p)
{
	void (*stopped)(void *arg) = p->stopped;
	void *arg = p->stopped_arg;

	assert(p->handles > 0);
	if (--p->handles > 0)
		return;
	project_forget(p);
	/* answers that came when nobody took them any more */
	mailbox_serve(p->mailbox, 0);
	project_free(p);
	stopped(arg);
}

static void thread_ended(struct post_item *item)
{
	struct project *p =
	    (struct project *)((char *)item - offsetof(struct project, ended));

	uv_thread_join(&p->thread);
	project_closed(p);
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
	p->role->stop(p);
}

static struct project *project_alloc(
    const struct project_host *host, const struct config_project *c)
{
	const struct project_role *role =
	    c->member ? &project_member : &project_owner;
	struct project *p = project_must(calloc(1, role->size));

	p->role = role;
	p->host = host;
	p->id = project_must(strdup(c->id));
	p->name = project_must(strdup(c->name));
	p->root = project_must(strdup(c->root));
	p->root_id = project_must(strdup(c->root_id));
	p->device_id = project_must(strdup(host->device_id));
	p->list_first = c->list_first;
	p->watch = project_must(strdup(c->watch != NULL ? c->watch : "auto"));
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
	int r = mailbox_new(&p->mailbox, err);

	if (r == VS_OK)
		r = p->role->prepare(p, err);
	if (r == VS_OK) {
		int e = uv_thread_create(&p->thread, project_run, p);

		if (e != 0)
			r = vs_err_errno(err, -e, "thread of the project");
	}
	if (r < 0 && p->handles > 0) {
		p->stopped = start_undone;
		p->role->stop(p);
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

uint64_t project_hashed(const struct project *p)
{
	return atomic_load(&p->hashed);
}

bool project_is_member(const struct project *p)
{
	return p->role == &project_member;
}

bool project_is(const struct project *p, const struct config_project *c)
{
	return strcmp(p->id, c->id) == 0 && strcmp(p->name, c->name) == 0 &&
	    strcmp(p->root, c->root) == 0 &&
	    strcmp(p->root_id, c->root_id) == 0 &&
	    strcmp(p->watch, c->watch != NULL ? c->watch : "auto") == 0 &&
	    project_is_member(p) == c->member;
}
