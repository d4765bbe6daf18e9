/* What the engine is asked to do, or to tell. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control/verbs.h"

#define HELD_SHOWN 1000

/* Arguments of a verb, copied: the connection may be gone before its turn. */
struct work {
	char path[VS_PATH_MAX + 1];
	bool flag;
};

static struct work *work_new(struct request *r)
{
	struct work *w = calloc(1, sizeof(*w));
	struct vs_err err = VS_ERR_INIT;

	if (w == NULL) {
		vs_err_set(&err, VS_ENOMEM, "out of memory");
		request_fail(r, &err, NULL);
		return NULL;
	}
	r->data = w;
	r->data_free = free;
	return w;
}

/* The same with the path, checked; NULL: answered. */
static struct work *work_new_path(struct request *r)
{
	const char *path = request_path(r);
	struct work *w;

	if (path == NULL)
		return NULL;
	w = work_new(r);
	if (w != NULL)
		memcpy(w->path, path, strlen(path) + 1);
	return w;
}

/* Answers with the document that was made, or with the error. */
static void work_answer(struct request *r)
{
	struct vs_err err = VS_ERR_INIT;

	if (!request_open(r))
		return;
	if (r->err.code < 0) {
		request_fail(r, &r->err, NULL);
	} else if (r->doc == NULL) {
		vs_err_set(&err, VS_ENOMEM, "out of memory");
		request_fail(r, &err, NULL);
	} else {
		request_ok(r, json_incref(r->doc));
	}
}

static void rescan_done(void *arg, int code, const struct engine_report *report)
{
	struct request *r = arg;
	const struct work *w = r->data;

	if (code < 0)
		vs_err_set(&r->call.err, code, "rescan: %s%s%s",
		    vs_err_text(code), w->path[0] != '\0' ? ": " : "", w->path);
	else
		r->doc = json_pack("{s:I, s:I, s:I, s:f}", "entries",
		    (json_int_t)report->entries, "changed",
		    (json_int_t)report->changed, "errors",
		    (json_int_t)report->errors, "seconds",
		    (double)report->ms / 1000.0);
	project_return(&r->call);
}

static void rescan_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	struct request *r = request_of(c);
	const struct work *w = r->data;

	if (engine_rescan(e, w->path, w->flag, rescan_done, r, now, &c->err) <
	    0)
		project_return(c);
}

void work_rescan(struct request *r)
{
	struct project *p = request_running(r);
	struct work *w = p != NULL ? work_new_path(r) : NULL;

	if (w == NULL)
		return;
	w->flag = request_flag(r, "data");
	request_engine(r, p, rescan_run, NULL, work_answer);
}

static void why_run(struct project_call *c, struct engine *e, struct vs_now now)
{
	struct request *r = request_of(c);
	const struct work *w = r->data;

	r->doc = engine_why(e, w->path, now);
	project_return(c);
}

static void why_run_member(
    struct project_call *c, struct member *m, struct vs_now now)
{
	struct request *r = request_of(c);
	const struct work *w = r->data;

	r->doc = member_why(m, w->path, now);
	project_return(c);
}

/* A path that nobody knows is not found. */
static void why_answer(struct request *r)
{
	const struct work *w = r->data;
	const char *stage = json_string_value(json_object_get(r->doc, "stage"));
	struct vs_err err = VS_ERR_INIT;

	if (!request_open(r) || stage == NULL || strcmp(stage, "absent") != 0) {
		work_answer(r);
		return;
	}
	vs_err_set(
	    &err, VS_ENOENT, "%s is neither on the disk nor known", w->path);
	request_fail_path(r, &err, "vsync ls shows what is known", w->path);
}

void work_why(struct request *r)
{
	struct project *p = request_running(r);

	if (p != NULL && work_new_path(r) != NULL)
		request_engine(r, p, why_run, why_run_member, why_answer);
}

static void held_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	struct request *r = request_of(c);

	(void)now;
	r->doc = engine_held(e, HELD_SHOWN);
	project_return(c);
}

void work_held(struct request *r)
{
	struct project *p = request_running(r);

	if (p != NULL)
		request_engine(r, p, held_run, NULL, work_answer);
}

static void decide_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	struct request *r = request_of(c);
	const struct work *w = r->data;
	json_t *held = engine_held(e, 0);

	if (engine_decide(e, w->flag, now, &c->err) == VS_OK)
		r->doc =
		    json_pack("{s:O}", "count", json_object_get(held, "count"));
	json_decref(held);
	project_return(c);
}

void work_decide(struct request *r)
{
	struct vs_err err = VS_ERR_INIT;
	struct project *p = request_running(r);
	struct work *w;

	if (p == NULL)
		return;
	/* nobody approves by forgetting to say so */
	if (!json_is_boolean(json_object_get(r->body, "approve"))) {
		vs_err_set(&err, VS_EINVAL, "held: approve must be said");
		request_fail(r, &err, NULL);
		return;
	}
	w = work_new(r);
	if (w == NULL)
		return;
	w->flag = request_flag(r, "approve");
	request_engine(r, p, decide_run, NULL, work_answer);
}

/* One project of those to be paused or resumed. */
struct pausing {
	struct project_call call;
	struct request *request;
	bool paused;
};

/* Those of one request. */
struct pausings {
	int waiting;
	int done;
};

static void pausing_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	struct pausing *p = (struct pausing *)c;

	(void)now;
	engine_pause(e, p->paused, &c->err);
	project_return(c);
}

static void pausing_run_member(
    struct project_call *c, struct member *m, struct vs_now now)
{
	struct pausing *p = (struct pausing *)c;

	(void)now;
	member_pause(m, p->paused, &c->err);
	project_return(c);
}

static void pausing_done(struct project_call *c)
{
	struct pausing *p = (struct pausing *)c;
	struct request *r = p->request;
	struct pausings *all = r->data;

	if (c->err.code < 0 && r->err.code == VS_OK)
		r->err = c->err;
	all->done += c->err.code == VS_OK ? 1 : 0;
	free(p);
	if (--all->waiting == 0) {
		r->doc = json_pack("{s:i}", "projects", all->done);
		work_answer(r);
	}
	request_unpin(r);
}

static void pausing_start(struct request *r, struct project *p, bool paused)
{
	struct pausing *one = calloc(1, sizeof(*one));
	struct pausings *all = r->data;

	if (one == NULL) {
		vs_err_set(&r->err, VS_ENOMEM, "out of memory");
		return;
	}
	one->request = r;
	one->paused = paused;
	one->call.run = pausing_run;
	one->call.run_member = pausing_run_member;
	one->call.done = pausing_done;
	all->waiting++;
	request_pin(r);
	project_call(p, &one->call);
}

static void pause_all(struct request *r, bool paused)
{
	const struct config *c = agent_config(r->agent);
	struct pausings *all = calloc(1, sizeof(*all));
	struct vs_err err = VS_ERR_INIT;
	const char *name = request_str(r, "project");
	struct project *p = NULL;

	r->data = all;
	r->data_free = free;
	if (name != NULL && (p = request_running(r)) == NULL)
		return;
	if (p != NULL && all != NULL)
		pausing_start(r, p, paused);
	for (size_t i = 0; i < c->nprojects && name == NULL && all != NULL;
	     i++) {
		p = agent_project(r->agent, c->projects[i].id);
		if (p != NULL)
			pausing_start(r, p, paused);
	}
	if (all == NULL || all->waiting == 0) {
		vs_err_set(&err, VS_ENOENT, "no project is served");
		request_fail(r, &err, "make one of a folder: vsync init DIR");
	}
}

void work_pause(struct request *r)
{
	pause_all(r, true);
}

void work_resume(struct request *r)
{
	pause_all(r, false);
}
