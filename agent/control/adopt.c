/*
 * adopt: a root that was replaced on purpose is taken for the project's; or
 * the publisher's role comes to this device: first the folder is looked at
 * (nobody takes a role that it cannot fill), then the cloud is asked, then
 * the engine is told, also if whoever asked has gone meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control/verbs.h"
#include "common/base/json.h"
#include "common/base/log.h"

struct adopt {
	char id[80]; /* the project's */
	char device[64]; /* ours */
	bool new_marker;
	json_int_t generation; /* of the publisher; 0: none was asked for */
};

static struct adopt *adopt_new(struct request *r, const struct project *p)
{
	struct adopt *a = calloc(1, sizeof(*a));
	struct vs_err err = VS_ERR_INIT;

	if (a == NULL) {
		vs_err_set(&err, VS_ENOMEM, "adopt: out of memory");
		request_fail(r, &err, NULL);
		return NULL;
	}
	snprintf(a->id, sizeof(a->id), "%s", project_id(p));
	snprintf(a->device, sizeof(a->device), "%s",
	    agent_account(r->agent)->device_id);
	a->new_marker = request_flag(r, "new_marker");
	r->data = a;
	r->data_free = free;
	return a;
}

/* What to do about a folder that cannot be adopted. */
static const char *adopt_hint(int code)
{
	switch (code) {
	case VS_ENOENT:
		return "to publish from this machine: vsync adopt --take-over";
	case VS_ECONFLICT:
		return "put the project's own folder back; if no project uses "
		       "the mark that is there, remove .vsync from the folder, "
		       "then: vsync adopt --new-marker";
	case VS_EROOT:
		return "mount the disk or put the folder back; if this is the "
		       "project's folder, only without its mark: "
		       "vsync adopt --new-marker";
	default:
		return NULL;
	}
}

static void adopt_answer(struct request *r)
{
	const struct adopt *a = r->data;
	const struct config_project *c =
	    config_find(agent_config(r->agent), a->id);

	if (!request_open(r))
		return;
	if (r->err.code < 0) {
		request_fail(r, &r->err, adopt_hint(r->err.code));
		return;
	}
	request_ok(r,
	    json_pack("{s:s, s:s?, s:s?, s:b, s:b, s:I}", "project_id", a->id,
		"name", c != NULL ? c->name : NULL, "root",
		c != NULL ? c->root : NULL, "adopted", a->generation == 0,
		"took_over", a->generation != 0, "generation", a->generation));
}

static void adopt_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	const struct adopt *a = request_of(c)->data;

	engine_adopt(e, a->new_marker, now, &c->err);
	project_return(c);
}

static void took_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	engine_took_over(e, now, &c->err);
	project_return(c);
}

static void took_over(struct request *r, const struct vs_httpc_result *result)
{
	struct adopt *a = r->data;
	struct project *p = agent_project(r->agent, a->id);
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = NULL;
	int64_t generation = 0;
	int rc = session_judge(agent_session(r->agent), result, &err);

	if (rc == VS_OK)
		doc = vs_json_parse(result->body, result->len, &err);
	if (doc == NULL ||
	    vs_json_get_i64(doc, "generation", true, &generation, &err) < 0)
		rc = err.code < 0 ? err.code : VS_EPROTO;
	json_decref(doc);
	if (rc == VS_OK && p == NULL)
		rc = vs_err_set(&err, VS_EAGAIN,
		    "the project is not served at this moment");
	if (rc == VS_OK) {
		a->generation = generation;
		vs_log(VS_LOG_INFO, "adopt: project %s is published from here",
		    a->id);
		request_engine(r, p, took_run, NULL, adopt_answer);
	} else if (request_open(r)) {
		request_fail(r, &err, NULL);
	}
}

static void look_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	json_t *status = engine_status(e, now);
	const char *state = json_string_value(json_object_get(status, "state"));

	if (state != NULL && strcmp(state, "root_lost") == 0)
		vs_err_set(&c->err, VS_EROOT,
		    "this machine cannot publish: its folder is not there as "
		    "it was (vsync status tells more)");
	json_decref(status);
	project_return(c);
}

static void look_answer(struct request *r)
{
	const struct adopt *a = r->data;
	char path[160];

	if (!request_open(r))
		return;
	if (r->err.code < 0) {
		request_fail(r, &r->err, NULL);
		return;
	}
	snprintf(path, sizeof(path), "/api/projects/%s/publisher", a->id);
	request_send(r, "POST", path,
	    json_pack("{s:s}", "device_id", a->device), took_over);
}

void adopt_serve(struct request *r)
{
	struct project *p = request_running(r);
	bool take_over = request_flag(r, "take_over");
	struct vs_err err = VS_ERR_INIT;

	if (p == NULL)
		return;
	if (take_over && request_flag(r, "new_marker")) {
		vs_err_set(
		    &err, VS_EINVAL, "adopt: the folder first, then the role");
		request_fail(r, &err,
		    "vsync adopt --new-marker, then "
		    "vsync adopt --take-over");
		return;
	}
	if (adopt_new(r, p) == NULL)
		return;
	if (take_over)
		request_engine(r, p, look_run, NULL, look_answer);
	else
		request_engine(r, p, adopt_run, NULL, adopt_answer);
}
