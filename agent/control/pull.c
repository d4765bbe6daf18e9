/* What a member fetches: plans, transfers, second thoughts. */
#include <stdlib.h>
#include <string.h>

#include "agent/control/verbs.h"
#include "common/base/path.h"

#define SHOWN 1000 /* transfers, where nothing is said */
#define SHOWN_MAX 1000000

/* Arguments; the strings live in the request's body. */
struct pull {
	struct member_want want;
	const char *id; /* of a transfer */
	int limit;
	size_t count;
	const char *paths[];
};

static struct pull *pull_new(struct request *r, size_t count)
{
	struct pull *p = calloc(1, sizeof(*p) + count * sizeof(p->paths[0]));
	struct vs_err err = VS_ERR_INIT;

	if (p == NULL) {
		vs_err_set(&err, VS_ENOMEM, "out of memory");
		request_fail(r, &err, NULL);
		return NULL;
	}
	r->data = p;
	r->data_free = free;
	return p;
}

/* Answers with the document that was made, or with the error. */
static void pull_answer(struct request *r)
{
	struct vs_err err = r->err;

	if (!request_open(r))
		return;
	if (err.code == VS_OK && r->doc == NULL)
		vs_err_set(&err, VS_ENOMEM, "out of memory");
	if (err.code < 0)
		request_fail(r, &err,
		    err.code == VS_ENOENT ? "vsync ls shows what there is"
					  : NULL);
	else
		request_ok(r, json_incref(r->doc));
}

static void pull_run(
    struct project_call *c, struct member *m, struct vs_now now)
{
	struct request *r = request_of(c);
	struct pull *p = r->data;

	r->doc = member_pull(m, p->paths, p->count, &p->want, now, &c->err);
	project_return(c);
}

/* A path to pull, or "" for all; false: the request is answered. */
static bool path_good(struct request *r, const char *path)
{
	struct vs_err err = VS_ERR_INIT;
	enum vs_path_flaw flaw = VS_PATH_GOOD;

	if (path == NULL)
		vs_err_set(&err, VS_EINVAL, "paths: not strings");
	else if (*path != '\0')
		flaw = vs_path_check(path, strlen(path));
	if (flaw != VS_PATH_GOOD)
		vs_err_set(&err, VS_EPATH, "path refused: %s",
		    vs_path_flaw_text(flaw));
	if (err.code == VS_OK)
		return true;
	request_fail_path(r, &err,
	    "give a path inside the project, relative to its folder",
	    path != NULL ? path : "");
	return false;
}

static bool paths_take(struct request *r, struct pull *p, const json_t *paths)
{
	const json_t *v;
	size_t i;

	json_array_foreach(paths, i, v)
	{
		if (!path_good(r, json_string_value(v)))
			return false;
		p->paths[p->count++] = json_string_value(v);
	}
	return true;
}

static bool out_good(struct request *r, const char *out)
{
	struct vs_err err = VS_ERR_INIT;

	if (out == NULL || (out[0] == '/' && vs_path_utf8(out, strlen(out))))
		return true;
	vs_err_set(&err, VS_EINVAL, "out must be an absolute path in UTF-8");
	request_fail(r, &err, NULL);
	return false;
}

void pull_serve(struct request *r)
{
	const json_t *paths = json_object_get(r->body, "paths");
	struct project *project = request_running(r);
	struct vs_err err = VS_ERR_INIT;
	struct pull *p;

	if (project == NULL)
		return;
	if (json_array_size(paths) == 0) {
		vs_err_set(&err, VS_EINVAL, "pull: which paths?");
		request_fail(r, &err, NULL);
		return;
	}
	p = pull_new(r, json_array_size(paths));
	if (p == NULL || !paths_take(r, p, paths))
		return;
	p->want.dry = request_flag(r, "dry");
	p->want.force = request_flag(r, "force");
	p->want.out = request_str(r, "out");
	if (out_good(r, p->want.out))
		request_engine(r, project, NULL, pull_run, pull_answer);
}

static void transfers_run(
    struct project_call *c, struct member *m, struct vs_now now)
{
	struct request *r = request_of(c);
	const struct pull *p = r->data;

	(void)now;
	r->doc = member_transfers(m, p->limit);
	project_return(c);
}

void pull_transfers(struct request *r)
{
	struct project *project = request_running(r);
	struct pull *p = project != NULL ? pull_new(r, 0) : NULL;
	int64_t limit;

	if (p == NULL)
		return;
	limit = request_number(r, "limit", SHOWN);
	p->limit = limit < 1 || limit > SHOWN_MAX ? SHOWN : (int)limit;
	request_engine(r, project, NULL, transfers_run, pull_answer);
}

static void cancel_run(
    struct project_call *c, struct member *m, struct vs_now now)
{
	struct request *r = request_of(c);
	const struct pull *p = r->data;
	json_t *status = p->id == NULL ? member_status(m, now) : NULL;
	json_int_t n = p->id != NULL
	    ? 1
	    : json_integer_value(json_object_get(status, "pulls"));

	json_decref(status);
	if (member_cancel(m, p->id, now, &c->err) == VS_OK)
		r->doc = json_pack("{s:I}", "cancelled", n);
	project_return(c);
}

void pull_cancel(struct request *r)
{
	struct project *project = request_running(r);
	struct pull *p = project != NULL ? pull_new(r, 0) : NULL;

	if (p == NULL)
		return;
	p->id = request_str(r, "id");
	request_engine(r, project, NULL, cancel_run, pull_answer);
}
