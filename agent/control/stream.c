#include <stdlib.h>
#include <string.h>

#include "agent/control/server.h"
#include "agent/control/streams.h"
#include "agent/control/verbs.h"
#include "common/base/buf.h"
#include "common/base/json.h"

#define MANIFEST_MAX (1024L * 1024 * 1024) /* bytes */

void stream_watch(struct request *r)
{
	const char *name = request_str(r, "project");
	const struct config_project *c = NULL;

	if (name != NULL && *name != '\0') {
		c = request_project(r);
		if (c == NULL)
			return;
	}
	streams_open(control_streams(r->control), r, c != NULL ? c->id : NULL);
}

static int manifest_row(void *arg, const struct vs_change *c)
{
	struct vs_buf *b = arg;

	vs_buf_addstr(b, "{\"path\":");
	vs_json_add_str(b, c->path);
	vs_buf_addf(b,
	    ",\"kind\":\"%s\",\"size\":%lld,\"hash\":", vs_kind_name(c->kind),
	    (long long)c->size);
	if (c->hash != NULL)
		vs_json_add_str(b, c->hash);
	else
		vs_buf_addstr(b, "null");
	if (c->has_mtime)
		vs_buf_addf(b, ",\"mtime\":%lld.%03lld",
		    (long long)(c->mtime_us / 1000), llabs(c->mtime_us % 1000));
	else
		vs_buf_addstr(b, ",\"mtime\":null");
	vs_buf_addf(b, ",\"mode\":%d}\n", c->mode);
	return vs_buf_error(b);
}

static void manifest_run(
    struct project_call *call, struct engine *e, struct vs_now now)
{
	struct request *r = request_of(call);

	(void)now;
	engine_each(e, manifest_row, r->data, &call->err);
	project_return(call);
}

static void manifest_run_member(
    struct project_call *call, struct member *m, struct vs_now now)
{
	struct request *r = request_of(call);

	(void)now;
	member_each(m, manifest_row, r->data, &call->err);
	project_return(call);
}

static void manifest_done(struct request *r)
{
	struct vs_httpd_answer a = { .status = 200,
		.type = "application/x-ndjson" };
	struct vs_httpd_req *http = r->http;

	if (!request_open(r))
		return;
	if (r->err.code < 0) {
		request_fail(r, &r->err, NULL);
		return;
	}
	a.body = vs_buf_take(r->data, &a.len);
	request_leave(r);
	vs_httpd_answer(http, &a);
}

static void manifest_free(void *data)
{
	vs_buf_release(data);
	free(data);
}

void stream_manifest(struct request *r)
{
	struct project *p = request_running(r);
	struct vs_err err = VS_ERR_INIT;
	struct vs_buf *b;

	if (p == NULL)
		return;
	b = malloc(sizeof(*b));
	if (b == NULL) {
		vs_err_set(&err, VS_ENOMEM, "manifest: out of memory");
		request_fail(r, &err, NULL);
		return;
	}
	vs_buf_init(b, MANIFEST_MAX);
	r->data = b;
	r->data_free = manifest_free;
	request_engine(r, p, manifest_run, manifest_run_member, manifest_done);
}
