#include "agent/control/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control/refusal.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/path.h"
#include "common/proto/control.h"

#define ANSWER_MAX (64 * 1024 * 1024) /* bytes */
#define SHORT_MAX (4 * 1024 * 1024) /* bytes of an answer of the cloud */
#define CLOUD_MS 20000

struct request *request_new(
    struct agent *a, struct control *c, struct vs_httpd_req *http)
{
	struct request *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->agent = a;
	r->control = c;
	r->http = http;
	r->pins = 1;
	vs_httpd_set_data(http, r);
	return r;
}

void request_pin(struct request *r)
{
	assert(r->pins > 0);
	r->pins++;
}

void request_unpin(struct request *r)
{
	assert(r->pins > 0);
	if (--r->pins > 0)
		return;
	if (r->data_free != NULL)
		r->data_free(r->data);
	json_decref(r->doc);
	json_decref(r->body);
	free(r);
}

bool request_open(const struct request *r)
{
	return r->http != NULL;
}

void request_leave(struct request *r)
{
	if (r->http != NULL)
		vs_httpd_set_data(r->http, NULL);
	r->http = NULL;
	request_timer(r, -1, NULL);
	request_unpin(r);
}

void request_gone(struct request *r)
{
	r->http = NULL;
	if (r->gone != NULL)
		r->gone(r);
	request_leave(r);
}

const char *request_str(const struct request *r, const char *key)
{
	assert(r->http != NULL);
	if (r->body != NULL)
		return json_string_value(json_object_get(r->body, key));
	return vs_httpd_query(r->http, key);
}

bool request_flag(const struct request *r, const char *key)
{
	const char *s;

	assert(r->http != NULL);
	if (r->body != NULL)
		return json_is_true(json_object_get(r->body, key));
	s = vs_httpd_query(r->http, key);
	return s != NULL && (strcmp(s, "1") == 0 || strcmp(s, "true") == 0);
}

int64_t request_number(
    const struct request *r, const char *key, int64_t fallback)
{
	const json_t *v;
	const char *s;
	long long n;
	char *end;

	if (r->body != NULL) {
		v = json_object_get(r->body, key);
		return json_is_integer(v) ? json_integer_value(v) : fallback;
	}
	s = vs_httpd_query(r->http, key);
	if (s == NULL || *s == '\0')
		return fallback;
	n = strtoll(s, &end, 10);
	return *end == '\0' ? n : fallback;
}

static void request_answer(struct request *r, int status, json_t *doc)
{
	struct vs_httpd_answer a = { .status = status,
		.type = "application/json" };
	struct vs_httpd_req *http = r->http;
	struct vs_buf b;

	assert(http != NULL);
	vs_buf_init(&b, ANSWER_MAX);
	if (doc == NULL || vs_json_dump(&b, doc) < 0) {
		vs_buf_reset(&b);
		vs_buf_addstr(&b, REFUSAL_NO_MEMORY);
		a.status = 500;
	}
	vs_buf_addch(&b, '\n');
	json_decref(doc);
	a.body = vs_buf_take(&b, &a.len);
	request_leave(r);
	vs_httpd_answer(http, &a);
}

void request_ok(struct request *r, json_t *doc)
{
	if (doc != NULL &&
	    (json_object_set_new(
		 doc, "schema", json_integer(VS_CONTROL_SCHEMA)) != 0 ||
		json_object_set_new(doc, "ok", json_true()) != 0)) {
		json_decref(doc);
		doc = NULL;
	}
	request_answer(r, 200, doc);
}

void request_fail_path(struct request *r, const struct vs_err *err,
    const char *hint, const char *path)
{
	assert(err->code < 0);
	request_answer(
	    r, refusal_status(err->code), refusal_document(err, hint, path));
}

void request_fail(struct request *r, const struct vs_err *err, const char *hint)
{
	request_fail_path(r, err, hint, NULL);
}

static const struct config_project *project_missing(
    struct request *r, int code, const char *what, const char *hint)
{
	struct vs_err err = VS_ERR_INIT;

	vs_err_set(&err, code, "%s", what);
	request_fail(r, &err, hint);
	return NULL;
}

const struct config_project *request_project(struct request *r)
{
	const struct config *c = agent_config(r->agent);
	const char *name = request_str(r, "project");
	const char *cwd = request_str(r, "cwd");
	const struct config_project *p = NULL;
	struct vs_err err = VS_ERR_INIT;

	if (name != NULL && *name != '\0') {
		p = config_find(c, name);
		if (p != NULL)
			return p;
		vs_err_set(&err, VS_ENOENT, "there is no project %s", name);
		request_fail(r, &err, "vsync status lists the projects");
		return NULL;
	}
	if (c->nprojects == 0)
		return project_missing(r, VS_ENOENT, "there is no project yet",
		    "make one of a folder: vsync init DIR");
	if (cwd != NULL)
		p = config_at(c, cwd);
	if (p == NULL && c->nprojects == 1)
		p = &c->projects[0];
	if (p == NULL)
		return project_missing(r, VS_EINVAL,
		    "there are several projects: which one?",
		    "name it with --project, or go into its folder");
	return p;
}

struct project *request_running(struct request *r)
{
	const struct config_project *c = request_project(r);
	struct vs_err err = VS_ERR_INIT;
	struct project *p;

	if (c == NULL)
		return NULL;
	p = agent_project(r->agent, c->id);
	if (p != NULL)
		return p;
	if (agent_account(r->agent)->device_id[0] == '\0')
		vs_err_set(&err, VS_EAUTH,
		    "project %s is not served: not logged in", c->name);
	else
		vs_err_set(&err, VS_EAGAIN,
		    "project %s is not served at this moment", c->name);
	request_fail(r, &err, NULL);
	return NULL;
}

const char *request_path(struct request *r)
{
	const char *path = request_str(r, "path");
	struct vs_err err = VS_ERR_INIT;
	enum vs_path_flaw flaw;

	if (path == NULL || *path == '\0')
		return "";
	flaw = vs_path_check(path, strlen(path));
	if (flaw == VS_PATH_GOOD)
		return path;
	vs_err_set(&err, VS_EPATH, "path refused: %s", vs_path_flaw_text(flaw));
	request_fail_path(r, &err,
	    "give a path inside the project, relative to its folder", path);
	return NULL;
}

struct request *request_of(struct project_call *c)
{
	return (struct request *)((char *)c - offsetof(struct request, call));
}

static void engine_done(struct project_call *c)
{
	struct request *r = request_of(c);

	r->err = c->err;
	r->after(r);
	request_unpin(r);
}

void request_engine(struct request *r, struct project *p,
    void (*run)(struct project_call *c, struct engine *e, struct vs_now now),
    void (*run_member)(
	struct project_call *c, struct member *m, struct vs_now now),
    void (*after)(struct request *r))
{
	assert(after != NULL);
	request_pin(r);
	r->after = after;
	r->call.run = run;
	r->call.run_member = run_member;
	r->call.done = engine_done;
	project_call(p, &r->call);
}

static void cloud_done(void *arg, const struct vs_httpc_result *result)
{
	struct request *r = arg;

	r->cloud(r, result);
	request_unpin(r);
}

void request_cloud(struct request *r, struct session *s,
    const struct session_request *q,
    void (*cloud)(struct request *r, const struct vs_httpc_result *result))
{
	struct session_request own = *q;

	assert(s != NULL && cloud != NULL);
	request_pin(r);
	r->cloud = cloud;
	own.done = cloud_done;
	own.arg = r;
	session_send(s, &own);
}

void request_send(struct request *r, const char *method, const char *path,
    json_t *body,
    void (*cloud)(struct request *r, const struct vs_httpc_result *result))
{
	struct session_request q = { .method = method,
		.path = path,
		.max_body = SHORT_MAX,
		.timeout_ms = CLOUD_MS };
	struct vs_err err = VS_ERR_INIT;
	struct vs_buf b;

	vs_buf_init(&b, SHORT_MAX);
	if (body != NULL && vs_json_dump(&b, body) < 0) {
		vs_err_set(&err, VS_ENOMEM, "out of memory");
		request_fail(r, &err, NULL);
	} else {
		q.body = body != NULL ? vs_buf_str(&b) : NULL;
		q.len = b.len;
		request_cloud(r, agent_session(r->agent), &q, cloud);
	}
	vs_buf_release(&b);
	json_decref(body);
}

json_t *request_document(
    struct request *r, const struct vs_httpc_result *result)
{
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = NULL;

	if (!request_open(r))
		return NULL;
	if (session_judge(agent_session(r->agent), result, &err) == VS_OK) {
		doc = vs_json_parse(result->body, result->len, &err);
		if (doc == NULL)
			err.code = VS_EPROTO;
	}
	if (doc == NULL)
		request_fail(r, &err, NULL);
	return doc;
}

static void timer_closed(uv_handle_t *handle)
{
	struct request *r = handle->data;

	r->timed = false;
	request_unpin(r);
}

static void timer_due(uv_timer_t *timer)
{
	struct request *r = timer->data;

	if (request_open(r))
		r->due(r);
}

void request_timer(
    struct request *r, int64_t ms, void (*due)(struct request *r))
{
	if (ms < 0) {
		if (r->timed && !uv_is_closing((uv_handle_t *)&r->timer))
			uv_close((uv_handle_t *)&r->timer, timer_closed);
		return;
	}
	assert(due != NULL);
	if (!r->timed) {
		uv_timer_init(agent_loop(r->agent), &r->timer);
		r->timer.data = r;
		r->timed = true;
		request_pin(r);
	}
	r->due = due;
	uv_timer_start(&r->timer, timer_due, (uint64_t)ms, 0);
}
