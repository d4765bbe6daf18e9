/*
 * rescan: made for cron, so one line whatever happens, and an exit code that
 * is not 0 when something could not be read.
 */
#include "cli/verb.h"

#include <string.h>

#include "cli/human.h"
#include "common/base/json.h"

struct outcome {
	int64_t entries, changed, errors, ms;
};

static int read_outcome(
    const json_t *doc, struct outcome *o, struct vs_err *err)
{
	int rc = vs_json_get_i64(doc, "entries", true, &o->entries, err);

	if (rc == VS_OK)
		rc = vs_json_get_i64(doc, "changed", true, &o->changed, err);
	if (rc == VS_OK)
		rc = vs_json_get_i64(doc, "errors", true, &o->errors, err);
	o->ms = (int64_t)(1000 *
	    json_number_value(json_object_get(doc, "seconds")));
	return rc;
}

static void tell(struct call *c, const struct outcome *o)
{
	char a[HUMAN_SIZE], b[HUMAN_SIZE], d[HUMAN_SIZE];

	print_f(&c->out, "rescan: %s looked at, %s",
	    human_things(o->entries, "entry", a),
	    human_things(o->changed, "change", b));
	if (o->errors > 0)
		print_f(&c->out, ", %s", human_things(o->errors, "error", a));
	print_f(&c->out, ", %s\n", human_span(o->ms, d));
}

static int judge(struct call *c, json_t *doc)
{
	struct vs_err err = VS_ERR_INIT;
	struct outcome o = { .entries = 0 };
	char n[HUMAN_SIZE];

	if (read_outcome(doc, &o, &err) != VS_OK)
		return trouble_set(
		    &c->trouble, VS_EPROTO, "rescan: %s", err.msg);
	if (o.errors > 0) {
		trouble_set(&c->trouble, VS_EIO, "rescan: %s could not be read",
		    human_things(o.errors, "folder or file", n));
		c->trouble.exit = VS_EXIT_ERROR;
		trouble_hint(&c->trouble, "see `vsync status`");
	}
	if (call_json(c))
		call_print(c, doc);
	else
		tell(c, &o);
	return c->trouble.err.code;
}

static int run(struct call *c)
{
	json_t *params = call_params(c), *doc = NULL;
	int rc = VS_OK;

	if (c->count > 0)
		rc = call_add_path(c, params, c->args[0]);
	if (rc == VS_OK && params != NULL &&
	    json_object_set_new(params, "data",
		json_boolean((c->opt.given & OPT_DATA) != 0)) != 0)
		rc = trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	if (rc != VS_OK) {
		json_decref(params);
		return rc;
	}
	rc = call_ask(c, "POST /v1/rescan", params, -1, &doc);
	if (rc == VS_OK)
		rc = judge(c, doc);
	json_decref(doc);
	return rc;
}

const struct verb verb_rescan = {
	.name = "rescan",
	.args = "[PATH]",
	.summary = "reconcile with the disk now",
	.examples = "  vsync rescan\n"
		    "  vsync rescan scenes --data\n"
		    "  0 4 * * 0  vsync rescan --data >/dev/null    "
		    "(crontab)\n",
	.text = "Looks at PATH, or at the whole folder, and returns when what "
		"it found is\nrecorded; publishing follows.  One line tells "
		"what was found.\n",
	.takes = OPT_DATA | OPT_PROJECT | OPT_JSON,
	.least = 0,
	.most = 1,
	.run = run,
};
