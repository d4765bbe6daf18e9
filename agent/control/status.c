#include "agent/control/status.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/control/refusal.h"
#include "agent/control/verbs.h"
#include "common/base/stamp.h"

#define PATIENCE_MS 3000 /* for a thread that is busy with a slow disk */

struct gather;

/* One project asked. */
struct part {
	struct project_call call;
	struct gather *gather;
	size_t index; /* in the configuration */
	char *id;
	json_t *doc; /* made on the engine's thread */
};

struct gather {
	struct agent *agent;
	void (*done)(void *arg, json_t *doc);
	void *arg;
	json_t *projects; /* P, or null where none has come yet */
	int waiting; /* parts under way */
	bool told; /* done was called */
	uv_timer_t timer;
	bool timer_open;
};

static json_t *project_problem(int code, const char *message, const char *hint)
{
	if (hint == NULL)
		hint = refusal_hint(code);
	return json_pack("{s:s, s:s, s:s, s:s}", "code", refusal_code(code),
	    "severity", "error", "message", message, "hint",
	    hint != NULL ? hint : "");
}

/* P of a project that has no engine to ask. */
static json_t *project_silent(json_t *problem)
{
	return json_pack("{s:s, s:b, s:[o], s:i, s:i, s:i, s:i, s:f, s:i, "
			 "s:i, s:i, s:i, s:i, s:i, s:i, s:[], s:b, s:n, s:n, "
			 "s:i, s:n, s:i, s:n, s:n, s:n, s:{s:i, s:[]}}",
	    "state", "degraded", "in_sync", 0, "problems", problem, "files", 0,
	    "directories", 0, "bytes", 0, "dirs_watched", 0, "coverage", 0.0,
	    "overflows", 0, "settling", 0, "hashing", 0, "recording", 0,
	    "outbox", 0, "in_flight", 0, "held", 0, "refused", "scanning", 0,
	    "last_scan_at", "last_ack_at", "last_seq", 0, "log_id",
	    "lag_seconds", 0, "tree", "cloud_tree", "tree_equal", "conflicts",
	    "count", 0, "first");
}

/* The engine does not know where its folder is: people want to. */
static void problems_place(json_t *engine, const char *root)
{
	json_t *problems = json_object_get(engine, "problems");
	size_t i;
	json_t *p;

	json_array_foreach(problems, i, p)
	{
		const char *code =
		    json_string_value(json_object_get(p, "code"));
		const char *text =
		    json_string_value(json_object_get(p, "message"));

		if (code != NULL && strcmp(code, "root_lost") == 0)
			json_object_set_new(p, "message",
			    json_sprintf(
				"%s: %s", root, text != NULL ? text : "lost"));
	}
}

/* Who it is, in front of what its engine says. */
static json_t *project_named(const struct config_project *c, json_t *engine)
{
	json_t *p = json_pack("{s:s, s:s, s:s, s:s}", "id", c->id, "name",
	    c->name, "root", c->root, "role", c->member ? "member" : "owner");

	problems_place(engine, c->root);
	if (p == NULL || engine == NULL || json_object_update(p, engine) != 0) {
		json_decref(p);
		p = NULL;
	}
	json_decref(engine);
	return p;
}

static json_t *agent_part(struct agent *a)
{
	char stamp[VS_STAMP_SIZE];
	const struct account *account = agent_account(a);
	bool in = account->token[0] != '\0' && account->device_id[0] != '\0';

	return json_pack("{s:s, s:i, s:s, s:s?, s:s?, s:b}", "version",
	    VS_VERSION, "pid", (int)getpid(), "started_at",
	    vs_stamp_format(agent_started_ms(a), stamp), "server",
	    agent_config(a)->url, "device_id",
	    account->device_id[0] != '\0' ? account->device_id : NULL,
	    "logged_in", in);
}

/* P of project i as far as it is known without its engine. */
static json_t *part_default(struct agent *a, size_t i)
{
	const struct config_project *c = &agent_config(a)->projects[i];
	json_t *problem;

	if (agent_project(a, c->id) != NULL)
		problem = project_problem(
		    VS_EBUSY, "its folder or its state answers slowly", NULL);
	else if (agent_account(a)->device_id[0] == '\0')
		problem = project_problem(VS_EAUTH, "not logged in", NULL);
	else if (agent_idle(a))
		problem = project_problem(VS_ENOAGENT,
		    "this agent was started for one command only",
		    "run vsync watch, or start vsync-agent");
	else
		problem = project_problem(VS_EAGAIN,
		    "it is not served; the agent's log says why", NULL);
	return project_named(c, project_silent(problem));
}

static void gather_free(struct gather *g)
{
	if (g->waiting > 0 || g->timer_open || !g->told)
		return;
	json_decref(g->projects);
	free(g);
}

static void gather_closed(uv_handle_t *handle)
{
	struct gather *g = handle->data;

	g->timer_open = false;
	gather_free(g);
}

/* Tells what there is, once. */
static void gather_tell(struct gather *g)
{
	json_t *doc;

	assert(g->timer_open);
	if (g->told)
		return;
	g->told = true;
	for (size_t i = 0; i < json_array_size(g->projects); i++)
		if (json_is_null(json_array_get(g->projects, i)) &&
		    i < agent_config(g->agent)->nprojects)
			json_array_set_new(
			    g->projects, i, part_default(g->agent, i));
	doc = json_pack("{s:o, s:O}", "agent", agent_part(g->agent), "projects",
	    g->projects);
	g->done(g->arg, doc);
	if (!uv_is_closing((uv_handle_t *)&g->timer))
		uv_close((uv_handle_t *)&g->timer, gather_closed);
}

static void gather_late(uv_timer_t *timer)
{
	gather_tell(timer->data);
}

static void part_run(
    struct project_call *call, struct engine *e, struct vs_now now)
{
	struct part *p = (struct part *)call;

	p->doc = engine_status(e, now);
	project_return(call);
}

static void part_run_member(
    struct project_call *call, struct member *m, struct vs_now now)
{
	struct part *p = (struct part *)call;

	p->doc = member_status(m, now);
	project_return(call);
}

static void part_done(struct project_call *call)
{
	struct part *p = (struct part *)call;
	struct gather *g = p->gather;
	const struct config_project *c =
	    config_find(agent_config(g->agent), p->id);

	if (p->doc == NULL && call->err.code < 0)
		p->doc = project_silent(
		    project_problem(call->err.code, call->err.msg, NULL));
	/* the configuration may be another by now */
	if (!g->told && c != NULL && p->doc != NULL)
		json_array_set_new(g->projects, p->index,
		    project_named(c, json_incref(p->doc)));
	json_decref(p->doc);
	free(p->id);
	free(p);
	assert(g->waiting > 0);
	g->waiting--;
	if (g->waiting == 0)
		gather_tell(g);
	gather_free(g);
}

static void gather_ask(struct gather *g, struct project *project, size_t i)
{
	struct part *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->id = strdup(project_id(project));
	if (p == NULL || p->id == NULL) {
		free(p);
		return;
	}
	p->gather = g;
	p->index = i;
	p->call.run = part_run;
	p->call.run_member = part_run_member;
	p->call.done = part_done;
	g->waiting++;
	project_call(project, &p->call);
}

static struct gather *gather_new(
    struct agent *a, void (*done)(void *arg, json_t *doc), void *arg)
{
	struct gather *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->agent = a;
	g->done = done;
	g->arg = arg;
	g->projects = json_array();
	uv_timer_init(agent_loop(a), &g->timer);
	g->timer.data = g;
	g->timer_open = true;
	return g;
}

void status_gather(
    struct agent *a, void (*done)(void *arg, json_t *doc), void *arg)
{
	const struct config *c = agent_config(a);
	struct gather *g = gather_new(a, done, arg);

	if (g == NULL) {
		done(arg, NULL);
		return;
	}
	for (size_t i = 0; i < c->nprojects; i++) {
		struct project *p = agent_project(a, c->projects[i].id);

		json_array_append_new(g->projects, json_null());
		if (p != NULL)
			gather_ask(g, p, i);
	}
	uv_timer_start(
	    &g->timer, gather_late, g->waiting > 0 ? PATIENCE_MS : 0, 0);
}

/* One project. */

struct single {
	struct project_call call;
	struct agent *agent;
	char *id;
	json_t *doc;
	void (*done)(void *arg, json_t *doc);
	void *arg;
};

static void single_run(
    struct project_call *call, struct engine *e, struct vs_now now)
{
	struct single *s = (struct single *)call;

	s->doc = engine_status(e, now);
	project_return(call);
}

static void single_run_member(
    struct project_call *call, struct member *m, struct vs_now now)
{
	struct single *s = (struct single *)call;

	s->doc = member_status(m, now);
	project_return(call);
}

static void single_done(struct project_call *call)
{
	struct single *s = (struct single *)call;
	const struct config_project *c =
	    config_find(agent_config(s->agent), s->id);
	json_t *p = NULL;

	if (c != NULL && s->doc != NULL)
		p = project_named(c, json_incref(s->doc));
	s->done(s->arg, p);
	json_decref(s->doc);
	free(s->id);
	free(s);
}

void status_of(struct agent *a, struct project *p,
    void (*done)(void *arg, json_t *doc), void *arg)
{
	struct single *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->id = strdup(project_id(p));
	if (s == NULL || s->id == NULL) {
		free(s);
		done(arg, NULL);
		return;
	}
	s->agent = a;
	s->done = done;
	s->arg = arg;
	s->call.run = single_run;
	s->call.run_member = single_run_member;
	s->call.done = single_done;
	project_call(p, &s->call);
}

/* The verb. */

static void status_gathered(void *arg, json_t *doc)
{
	struct request *r = arg;

	if (request_open(r))
		request_ok(r, doc);
	else
		json_decref(doc);
	request_unpin(r);
}

/* Keeps the project that was asked for; by name or id. */
static void status_narrow(void *arg, json_t *doc)
{
	struct request *r = arg;
	json_t *projects = json_object_get(doc, "projects");
	const char *id = r->data;

	for (size_t i = json_array_size(projects); i-- > 0;) {
		json_t *p = json_array_get(projects, i);
		const char *own = json_string_value(json_object_get(p, "id"));

		if (own == NULL || strcmp(own, id) != 0)
			json_array_remove(projects, i);
	}
	status_gathered(arg, doc);
}

void status_serve(struct request *r)
{
	const char *name = request_str(r, "project");
	const struct config_project *c;

	if (name == NULL || *name == '\0') {
		request_pin(r);
		status_gather(r->agent, status_gathered, r);
		return;
	}
	c = request_project(r);
	if (c == NULL)
		return;
	request_pin(r);
	r->data = strdup(c->id);
	r->data_free = free;
	status_gather(
	    r->agent, r->data != NULL ? status_narrow : status_gathered, r);
}
