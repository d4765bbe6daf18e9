/* What the ignore rules say of paths. */
#include <stdlib.h>
#include <string.h>

#include "agent/control/verbs.h"
#include "common/base/path.h"

/* Arguments; the strings live in the request's body. */
struct ignored {
	size_t count;
	const char *paths[];
};

static int path_check(const char *path, struct vs_err *err)
{
	enum vs_path_flaw flaw;

	if (path == NULL)
		return vs_err_set(err, VS_EINVAL, "paths: not strings");
	if (path[0] == '\0')
		return VS_OK;
	flaw = vs_path_check(path, strlen(path));
	if (flaw != VS_PATH_GOOD && flaw != VS_PATH_RESERVED)
		return vs_err_set(
		    err, VS_EPATH, "path refused: %s", vs_path_flaw_text(flaw));
	return VS_OK;
}

static struct ignored *arguments(struct request *r, struct vs_err *err)
{
	const json_t *paths = json_object_get(r->body, "paths");
	size_t count = json_array_size(paths);
	struct ignored *in =
	    calloc(1, sizeof(*in) + count * sizeof(in->paths[0]));
	const json_t *v;
	size_t i;

	if (in == NULL) {
		vs_err_set(err, VS_ENOMEM, "out of memory");
		return NULL;
	}
	r->data = in;
	r->data_free = free;
	if (count == 0)
		vs_err_set(err, VS_EINVAL, "paths: none are named");
	json_array_foreach(paths, i, v)
	{
		in->paths[i] = json_string_value(v);
		if (err->code == VS_OK)
			path_check(in->paths[i], err);
	}
	in->count = count;
	return in;
}

static void ignored_run(
    struct project_call *c, struct engine *e, struct vs_now now)
{
	struct request *r = request_of(c);
	const struct ignored *in = r->data;
	json_t *results = json_array();

	(void)now;
	for (size_t i = 0; i < in->count && c->err.code == VS_OK; i++) {
		json_t *one = engine_ignored(e, in->paths[i], &c->err);

		if (json_array_append_new(results, one) != 0 &&
		    c->err.code == VS_OK)
			vs_err_set(&c->err, VS_ENOMEM, "out of memory");
	}
	r->doc = json_pack(
	    "{s:o, s:s}", "results", results, "fault", engine_rules_fault(e));
	project_return(c);
}

static void ignored_answer(struct request *r)
{
	struct vs_err err = r->err;

	if (!request_open(r))
		return;
	if (err.code == VS_OK && r->doc == NULL)
		vs_err_set(&err, VS_ENOMEM, "out of memory");
	if (err.code < 0)
		request_fail(r, &err, NULL);
	else
		request_ok(r, json_incref(r->doc));
}

void ignored_serve(struct request *r)
{
	struct project *p = request_running(r);
	struct vs_err err = VS_ERR_INIT;

	if (p == NULL)
		return;
	arguments(r, &err);
	if (err.code < 0)
		request_fail(r, &err, NULL);
	else
		request_engine(r, p, ignored_run, NULL, ignored_answer);
}
