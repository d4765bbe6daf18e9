#include "agent/control.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/control/server.h"
#include "agent/control/status.h"
#include "agent/control/streams.h"
#include "agent/control/verbs.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/net/httpd.h"

#define CONNECTIONS 64 /* at most; a person has few commands running */

struct control {
	struct agent *agent;
	struct vs_httpd *httpd;
	struct streams *streams;
	void (*stopped)(void *arg);
	void *arg;
};

struct route {
	const char *method;
	const char *path;
	void (*serve)(struct request *r);
};

static const struct route routes[] = {
	{ "GET", "/v1/version", about_version },
	{ "POST", "/v1/login", login_serve },
	{ "POST", "/v1/init", init_serve },
	{ "GET", "/v1/status", status_serve },
	{ "GET", "/v1/ls", remote_ls },
	{ "GET", "/v1/log", remote_log },
	{ "GET", "/v1/why", work_why },
	{ "POST", "/v1/check-ignore", ignored_serve },
	{ "POST", "/v1/rescan", work_rescan },
	{ "POST", "/v1/flush", await_flush },
	{ "POST", "/v1/wait", await_sync },
	{ "POST", "/v1/adopt", adopt_serve },
	{ "POST", "/v1/pause", work_pause },
	{ "POST", "/v1/resume", work_resume },
	{ "GET", "/v1/held", work_held },
	{ "POST", "/v1/held", work_decide },
	{ "GET", "/v1/watch", stream_watch },
	{ "GET", "/v1/manifest", stream_manifest },
	{ "POST", "/v1/invite", people_invite },
	{ "POST", "/v1/join", join_serve },
	{ "GET", "/v1/members", people_members },
	{ "POST", "/v1/members/remove", people_remove },
	{ "POST", "/v1/pull", pull_serve },
	{ "GET", "/v1/transfers", pull_transfers },
	{ "POST", "/v1/cancel", pull_cancel },
	{ "GET", "/metrics", metrics_serve },
	{ "POST", "/v1/quit", about_quit },
};

struct streams *control_streams(struct control *c)
{
	return c->streams;
}

/* The route, or NULL; *known: the path is there for another method. */
static const struct route *route_find(
    const char *method, const char *path, bool *known)
{
	*known = false;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(routes[i].path, path) != 0)
			continue;
		*known = true;
		if (strcmp(routes[i].method, method) == 0)
			return &routes[i];
	}
	return NULL;
}

/* The members there are, of any verb, and their types. */
static const struct {
	const char *key;
	json_type type;
} members[] = {
	{ "project", JSON_STRING },
	{ "cwd", JSON_STRING },
	{ "path", JSON_STRING },
	{ "url", JSON_STRING },
	{ "token", JSON_STRING },
	{ "device", JSON_STRING },
	{ "dir", JSON_STRING },
	{ "name", JSON_STRING },
	{ "timeout_ms", JSON_INTEGER },
	{ "data", JSON_TRUE },
	{ "approve", JSON_TRUE },
	{ "take_over", JSON_TRUE },
	{ "new_marker", JSON_TRUE },
	{ "expires_in", JSON_INTEGER },
	{ "user", JSON_STRING },
	{ "paths", JSON_ARRAY },
	{ "dry", JSON_TRUE },
	{ "force", JSON_TRUE },
	{ "out", JSON_STRING },
	{ "id", JSON_STRING },
};

static int body_check(const json_t *body, struct vs_err *err)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const json_t *v = json_object_get(body, members[i].key);

		if (v == NULL || json_is_null(v) ||
		    json_typeof(v) == members[i].type ||
		    (json_is_boolean(v) && members[i].type == JSON_TRUE))
			continue;
		return vs_err_set(
		    err, VS_EINVAL, "%s: of a wrong type", members[i].key);
	}
	return VS_OK;
}

/* Reads the body of a POST; false: answered. */
static bool body_read(struct request *r)
{
	struct vs_err err = VS_ERR_INIT;
	const char *data;
	size_t len = 0;

	if (strcmp(vs_httpd_method(r->http), "POST") != 0)
		return true;
	data = vs_httpd_body(r->http, &len);
	r->body = len > 0 ? vs_json_parse(data, len, &err) : json_object();
	if (json_is_object(r->body) && body_check(r->body, &err) == VS_OK)
		return true;
	if (err.code == VS_OK)
		vs_err_set(&err, VS_EINVAL, "the body is no JSON object");
	request_fail(r, &err, NULL);
	return false;
}

static void control_handle(void *arg, struct vs_httpd_req *http)
{
	struct control *c = arg;
	struct request *r = request_new(c->agent, c, http);
	struct vs_err err = VS_ERR_INIT;
	struct vs_httpd_answer none = { .status = 503 };
	const struct route *route;
	bool known;

	if (r == NULL) {
		vs_httpd_answer(http, &none);
		return;
	}
	route = route_find(vs_httpd_method(http), vs_httpd_path(http), &known);
	if (route == NULL) {
		vs_err_set(&err, known ? VS_EINVAL : VS_ENOENT,
		    known ? "not with this method"
			  : "this agent knows no such request");
		request_fail(
		    r, &err, "do the versions of vsync and vsync-agent agree?");
		return;
	}
	if (body_read(r))
		route->serve(r);
}

static void control_gone(void *arg, struct vs_httpd_req *http)
{
	struct request *r = vs_httpd_data(http);

	(void)arg;
	if (r != NULL)
		request_gone(r);
}

int control_start(
    struct control **out, struct agent *a, int fd, struct vs_err *err)
{
	struct control *c = calloc(1, sizeof(*c));
	const struct vs_httpd_options o = {
		.fd = fd,
		.max_body = VS_CONTROL_BODY,
		.max_inflated = VS_CONTROL_BODY,
		.connections = CONNECTIONS,
		.check_peer = true,
		.handle = control_handle,
		.gone = control_gone,
		.arg = c,
	};
	int r;

	if (c != NULL)
		c->streams = streams_new(a);
	if (c == NULL || c->streams == NULL) {
		close(fd);
		free(c);
		return vs_err_set(err, VS_ENOMEM, "control: out of memory");
	}
	c->agent = a;
	r = vs_httpd_new(&c->httpd, agent_loop(a), &o, err);
	if (r < 0) {
		streams_free(c->streams);
		free(c);
		return r;
	}
	*out = c;
	return VS_OK;
}

static void control_closed(void *arg)
{
	struct control *c = arg;
	void (*stopped)(void *arg) = c->stopped;
	void *stopped_arg = c->arg;

	streams_free(c->streams);
	free(c);
	stopped(stopped_arg);
}

void control_stop(struct control *c, void (*stopped)(void *arg), void *arg)
{
	assert(c->stopped == NULL && stopped != NULL);
	c->stopped = stopped;
	c->arg = arg;
	vs_httpd_close(c->httpd, control_closed, c);
}

void control_news(
    struct control *c, struct project *p, const struct project_news *n)
{
	streams_news(c->streams, p, n);
}

void control_project(struct control *c, struct project *p)
{
	streams_project(c->streams, p);
}

static const char *word(const json_t *p, const char *key)
{
	const char *s = json_string_value(json_object_get(p, key));

	return s != NULL ? s : "?";
}

static long long count(const json_t *p, const char *key)
{
	return (long long)json_integer_value(json_object_get(p, key));
}

static void dump_seen(void *arg, json_t *doc)
{
	size_t i;
	json_t *p;

	(void)arg;
	json_array_foreach(json_object_get(doc, "projects"), i, p)
	    vs_log(VS_LOG_INFO,
		"status: %s: %s, files %lld, folders %lld, watched %lld, "
		"settling %lld, hashing %lld, outbox %lld, held %lld, seq "
		"%lld",
		word(p, "id"), word(p, "state"), count(p, "files"),
		count(p, "directories"), count(p, "dirs_watched"),
		count(p, "settling"), count(p, "hashing"), count(p, "outbox"),
		count(p, "held"), count(p, "last_seq"));
	json_decref(doc);
}

void control_dump(struct control *c)
{
	status_gather(c->agent, dump_seen, c);
}
