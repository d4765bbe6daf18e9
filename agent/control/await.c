/*
 * flush: everything that was on the disk is in the cloud; of a member:
 * everything that was in the cloud is listed here.  wait: the same, and then
 * the project says of itself that it is in sync, with proof.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control/status.h"
#include "agent/control/verbs.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/os/clock.h"

#define LOOK_MS 100 /* between two looks at the status */
#define EVER_MS (100LL * 365 * 24 * 60 * 60 * 1000) /* nobody waits so long */

struct await {
	char *id; /* the project's */
	bool sync; /* wait: go on until it is in sync */
	bool flushing; /* the engine has the barrier */
	int64_t until_ms; /* mono; INT64_MAX: as long as it takes */
	int64_t head; /* member: what has to be listed */
	char log_id[64]; /* member: of that log */
	struct project_call cancel;
	struct request *request; /* for cancel */
};

static void await_free(void *data)
{
	struct await *w = data;

	free(w->id);
	free(w);
}

static void barrier_done(void *arg, int code, const char *text)
{
	struct request *r = arg;

	if (code < 0)
		vs_err_set(&r->call.err, code, "flush: %s",
		    text != NULL && *text != '\0' ? text : vs_err_text(code));
	project_return(&r->call);
}

static void barrier_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	struct request *r = request_of(c);

	if (engine_flush(e, barrier_done, r, now, &c->err) < 0)
		project_return(c);
}

static void cancel_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	struct await *w =
	    (struct await *)((char *)c - offsetof(struct await, cancel));

	(void)now;
	engine_flush_cancel(e, w->request);
	project_return(c);
}

/* Nobody waits for the barrier any more; its call comes back now. */
static void cancel_done(struct project_call *c)
{
	struct await *w =
	    (struct await *)((char *)c - offsetof(struct await, cancel));
	struct request *r = w->request;

	/* done was not called and will not be: its hold ends here */
	if (w->flushing) {
		w->flushing = false;
		request_unpin(r);
	}
	request_unpin(r);
}

/* The client gave up, or ran out of time. */
static void await_end(struct request *r)
{
	struct await *w = r->data;
	struct project *p = agent_project(r->agent, w->id);

	if (!w->flushing || p == NULL)
		return;
	assert(w->request == NULL);
	w->request = r;
	w->cancel.run = cancel_run;
	w->cancel.done = cancel_done;
	request_pin(r);
	project_call(p, &w->cancel);
}

static void await_late(struct request *r)
{
	const struct await *w = r->data;
	struct vs_err err = VS_ERR_INIT;

	await_end(r);
	vs_err_set(&err, VS_ETIMEDOUT, "%s in the time given",
	    w->sync           ? "not in sync"
		: w->head > 0 ? "not everything is listed here"
			      : "not everything is in the cloud");
	request_fail(r, &err, "vsync status says what it waits for");
}

static json_t *await_document(const json_t *p)
{
	return json_pack("{s:O, s:I}", "last_seq",
	    json_object_get(p, "last_seq"), "recording",
	    json_integer_value(json_object_get(p, "recording")));
}

static void await_look(struct request *r);

/* P says what was waited for. */
static bool await_over(const struct await *w, const json_t *p)
{
	const char *log_id = json_string_value(json_object_get(p, "log_id"));

	if (json_integer_value(json_object_get(p, "last_seq")) < w->head)
		return false;
	/* a restored server has another log: its numbers begin anew */
	if (w->log_id[0] != '\0' &&
	    (log_id == NULL || strcmp(log_id, w->log_id) != 0))
		return false;
	return !w->sync ||
	    (json_is_true(json_object_get(p, "in_sync")) &&
		json_is_true(json_object_get(p, "tree_equal")));
}

/*
 * What a member waits for does not come by itself; an owner's engine says so
 * of its own, but for the proof that its server does not have.
 */
static int await_stuck(const json_t *p, const char **hint, struct vs_err *err)
{
	static const struct {
		const char *role;
		const char *code;
		int error;
	} table[] = {
		{ "member", "paused", VS_EBUSY },
		{ "member", "auth", VS_EAUTH },
		{ "member", "project_gone", VS_EFORBIDDEN },
		{ "owner", "no_proof", VS_ENOTSUP },
	};
	const char *role = json_string_value(json_object_get(p, "role"));
	const json_t *problem;
	size_t i;

	if (role == NULL)
		return VS_OK;
	json_array_foreach(json_object_get(p, "problems"), i, problem)
	{
		const char *code =
		    json_string_value(json_object_get(problem, "code"));
		const char *text =
		    json_string_value(json_object_get(problem, "message"));

		*hint = json_string_value(json_object_get(problem, "hint"));
		for (size_t j = 0; j < sizeof(table) / sizeof(table[0]); j++)
			if (code != NULL && strcmp(code, table[j].code) == 0 &&
			    strcmp(role, table[j].role) == 0)
				return vs_err_set(err, table[j].error, "%s",
				    text != NULL ? text : code);
	}
	return VS_OK;
}

static void await_seen(void *arg, json_t *p)
{
	struct request *r = arg;
	const struct await *w = r->data;
	struct vs_err err = VS_ERR_INIT;
	const char *hint = NULL;

	if (request_open(r)) {
		if (await_over(w, p))
			request_ok(r, await_document(p));
		else if (await_stuck(p, &hint, &err) < 0)
			request_fail(r, &err, hint);
		else
			request_timer(r, LOOK_MS, await_look);
	}
	json_decref(p);
	request_unpin(r);
}

static void await_look(struct request *r)
{
	const struct await *w = r->data;
	struct project *p = agent_project(r->agent, w->id);
	struct vs_err err = VS_ERR_INIT;

	if (vs_clock_mono_ms() >= w->until_ms) {
		await_late(r);
		return;
	}
	if (p == NULL) {
		vs_err_set(&err, VS_ECANCELED, "the project was stopped");
		request_fail(r, &err, NULL);
		return;
	}
	request_pin(r);
	status_of(r->agent, p, await_seen, r);
}

/* The barrier has been passed, or cannot be. */
static void await_flushed(struct request *r)
{
	struct await *w = r->data;

	assert(w->flushing);
	w->flushing = false;
	if (!request_open(r))
		return;
	if (r->err.code < 0)
		request_fail(r, &r->err, NULL);
	else
		await_look(r);
}

/* The cloud said how far its log goes: that far the mirror has to come. */
static void await_headed(
    struct request *r, const struct vs_httpc_result *result)
{
	struct await *w = r->data;
	json_t *doc = request_document(r, result);
	struct vs_err err = VS_ERR_INIT;
	const char *log_id = "";

	if (doc == NULL)
		return;
	if (vs_json_get_i64(doc, "last_seq", true, &w->head, &err) < 0 ||
	    vs_json_get_str(doc, "log_id", true, &log_id, &err) < 0) {
		err.code = VS_EPROTO;
		vs_err_wrap(&err, "the server's answer");
		request_fail(r, &err, NULL);
	} else {
		vs_text_copy(w->log_id, sizeof(w->log_id), log_id);
		await_look(r);
	}
	json_decref(doc);
}

static void await_head(struct request *r)
{
	const struct await *w = r->data;
	char path[160];

	snprintf(path, sizeof(path),
	    "/api/projects/%s/events?since_seq=0&limit=1", w->id);
	request_send(r, "GET", path, NULL, await_headed);
}

static void await_serve(struct request *r, bool sync)
{
	struct project *p = request_running(r);
	struct await *w = p != NULL ? calloc(1, sizeof(*w)) : NULL;
	struct vs_err err = VS_ERR_INIT;
	int64_t ms;

	if (p == NULL)
		return;
	ms = request_number(r, "timeout_ms", -1);
	if (w != NULL)
		w->id = strdup(project_id(p));
	if (w == NULL || w->id == NULL) {
		free(w);
		vs_err_set(&err, VS_ENOMEM, "out of memory");
		request_fail(r, &err, NULL);
		return;
	}
	w->sync = sync;
	w->until_ms =
	    ms < 0 || ms > EVER_MS ? INT64_MAX : vs_clock_mono_ms() + ms;
	r->data = w;
	r->data_free = await_free;
	r->gone = await_end;
	if (project_is_member(p)) {
		await_head(r);
	} else {
		w->flushing = true;
		request_engine(r, p, barrier_run, NULL, await_flushed);
	}
	if (ms >= 0)
		request_timer(r, ms, await_late);
}

void await_flush(struct request *r)
{
	await_serve(r, false);
}

void await_sync(struct request *r)
{
	await_serve(r, true);
}
