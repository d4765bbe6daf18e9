/*
 * One request on the control socket, from its arguments to its answer.
 *
 * It lives as long as something holds it: the client's connection (until it
 * is answered or gone), a call to the engine, a request to the cloud, a
 * timer.  Whatever comes back must ask request_open before it goes on.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include <uv.h>

#include "agent/agent.h"
#include "agent/control.h"
#include "agent/project.h"
#include "common/base/err.h"
#include "common/net/httpc.h"
#include "common/net/httpd.h"

struct request {
	struct agent *agent;
	struct control *control;
	/* the verb's own */
	void *data;
	void (*data_free)(void *data);
	void (*gone)(struct request *r); /* the client went away; or NULL */
	json_t *doc; /* a result in the making */
	struct vs_err err;
	struct project_call call;
	/* what the helpers keep */
	struct vs_httpd_req *http; /* NULL: answered or gone */
	json_t *body; /* of a POST, or NULL */
	void (*after)(struct request *r);
	void (*cloud)(struct request *r, const struct vs_httpc_result *result);
	uv_timer_t timer;
	void (*due)(struct request *r);
	bool timed;
	int pins;
};

/* Of a connection with a whole request; NULL out of memory. */
struct request *request_new(
    struct agent *a, struct control *c, struct vs_httpd_req *http);

/* The client went away. */
void request_gone(struct request *r);

/* Something more holds it. */
void request_pin(struct request *r);

/* Something lets go; it is freed with the last. */
void request_unpin(struct request *r);

/* True while the client waits for an answer. */
bool request_open(const struct request *r);

/* An argument, of the query or of the body; NULL if absent. */
const char *request_str(const struct request *r, const char *key);

/* True for true, 1 and "true". */
bool request_flag(const struct request *r, const char *key);

/* Whole numbers; fallback for anything else. */
int64_t request_number(
    const struct request *r, const char *key, int64_t fallback);

/* Answers; doc is taken over and gets "schema" and "ok".  Once. */
void request_ok(struct request *r, json_t *doc);

/* Answers with err and a hint of its own, or the one that suits the code. */
void request_fail(
    struct request *r, const struct vs_err *err, const char *hint);

/* The same, about a path. */
void request_fail_path(struct request *r, const struct vs_err *err,
    const char *hint, const char *path);

/* The connection is answered by other means: the request lets go of it. */
void request_leave(struct request *r);

/* The project that is meant, or NULL: then it has been answered. */
const struct config_project *request_project(struct request *r);

/* The same, running. */
struct project *request_running(struct request *r);

/*
 * The argument "path", checked: "" for the whole project.  NULL: answered.
 * Leading and trailing slashes are taken off by the caller of the agent.
 */
const char *request_path(struct request *r);

/*
 * Runs run or run_member, whichever is of p's role, on the engine's thread
 * and then after on the loop's; the request is held meanwhile.  after sees
 * r->err.
 */
void request_engine(struct request *r, struct project *p,
    void (*run)(struct project_call *c, struct engine *e, struct vs_now now),
    void (*run_member)(
	struct project_call *c, struct member *m, struct vs_now now),
    void (*after)(struct request *r));

/* Engine's thread: whose call it is. */
struct request *request_of(struct project_call *c);

/* Asks the cloud; cloud is called once. */
void request_cloud(struct request *r, struct session *s,
    const struct session_request *q,
    void (*cloud)(struct request *r, const struct vs_httpc_result *result));

/*
 * The same with a JSON document (taken over; NULL for none), for short
 * answers.
 */
void request_send(struct request *r, const char *method, const char *path,
    json_t *body,
    void (*cloud)(struct request *r, const struct vs_httpc_result *result));

/*
 * The document of the cloud's good answer (the caller's), or NULL: then the
 * request is answered, or gone.
 */
json_t *request_document(
    struct request *r, const struct vs_httpc_result *result);

/* Calls due after ms, once, unless it is set anew; < 0 stops it. */
void request_timer(
    struct request *r, int64_t ms, void (*due)(struct request *r));

#endif
