/*
 * log: pages through the project's events.  A page that says that there is
 * more must get on; one that does not would keep us here for ever.  With
 * --follow whatever the agent tells is a hint to read on: the log is the truth
 * and has each event once, in order.
 */
#include "cli/verb.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/field.h"
#include "cli/human.h"
#include "cli/tail.h"
#include "common/base/json.h"

enum { PAGE = 500 };

/* A reading of the log under way. */
struct reading {
	struct call *c;
	json_t *params; /* of the next page */
	json_t *all; /* --json: the events so far, else NULL */
	int64_t since; /* the last seq that was seen */
	int64_t left; /* events still wanted, -1: all */
	int64_t last_seq; /* the log's head */
	bool open; /* --follow: the stream has begun */
};

static void print_event(struct print *p, const json_t *event)
{
	const json_t *change = json_object_get(event, "change");
	const char *op = field_text(change, "op");
	const char *from = field_text(change, "renamed_from");
	char size[HUMAN_SIZE];

	if (op[0] == '\0')
		op = field_text(change, "operation");
	print_f(p, "%8" PRId64 "  ", field_number(event, "seq"));
	print_text(p, field_text(event, "created_at"));
	print_f(p, "  ");
	print_word(p, PRINT_PLAIN, op, 6);
	print_f(p, "  ");
	print_name(p, field_text(change, "path"));
	if (from[0] != '\0') {
		print_f(p, " <- ");
		print_name(p, from);
	}
	if (strcmp(field_text(change, "kind"), "directory") == 0)
		print_f(p, "/");
	else if (strcmp(op, "delete") != 0)
		print_f(
		    p, "  %s", human_bytes(field_number(change, "size"), size));
	print_f(p, "\n");
}

static int take_event(struct reading *r, json_t *event)
{
	struct call *c = r->c;

	if (r->all != NULL)
		return json_array_append(r->all, event) == 0 ? VS_OK
							     : VS_ENOMEM;
	if (c->opt.given & OPT_LINES)
		print_json(&c->out, event);
	else
		print_event(&c->out, event);
	return VS_OK;
}

static int take_events(struct reading *r, const json_t *events)
{
	size_t i;
	json_t *event;

	json_array_foreach(events, i, event)
	{
		if (r->left == 0)
			break;
		if (take_event(r, event) != VS_OK)
			return trouble_set(
			    &r->c->trouble, VS_ENOMEM, "out of memory");
		if (r->left > 0)
			r->left--;
	}
	return VS_OK;
}

static int ask(struct reading *r, json_t **doc)
{
	int64_t limit = r->left >= 0 && r->left < PAGE ? r->left : PAGE;

	if (json_object_set_new(r->params, "since", json_integer(r->since)) !=
		0 ||
	    json_object_set_new(r->params, "limit", json_integer(limit)) != 0)
		return trouble_set(&r->c->trouble, VS_ENOMEM, "out of memory");
	return call_ask(
	    r->c, "GET /v1/log", json_deep_copy(r->params), CALL_LONG_MS, doc);
}

static int page(struct reading *r, bool *more)
{
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = NULL, *events = NULL;
	int64_t next = 0;
	bool has_more = false;
	int rc = ask(r, &doc);

	if (rc != VS_OK)
		return rc;
	if (vs_json_get_array(doc, "events", true, &events, &err) != VS_OK ||
	    vs_json_get_i64(doc, "next_seq", true, &next, &err) != VS_OK ||
	    vs_json_get_i64(doc, "last_seq", true, &r->last_seq, &err) !=
		VS_OK ||
	    vs_json_get_bool(doc, "has_more", true, &has_more, &err) != VS_OK)
		rc = trouble_set(&r->c->trouble, VS_EPROTO, "log: %s", err.msg);
	else if (has_more && next - 1 <= r->since)
		rc = trouble_set(&r->c->trouble, VS_EPROTO,
		    "log: it does not get on after seq %" PRId64, r->since);
	else
		rc = take_events(r, events);
	*more = has_more && r->left != 0 && r->c->out.error == 0;
	r->since = next - 1;
	json_decref(doc);
	return rc;
}

static int read_all(struct reading *r)
{
	bool more = r->left != 0;
	int rc = VS_OK;

	while (rc == VS_OK && more)
		rc = page(r, &more);
	return rc;
}

/* Something happened: reads on, unless it is known to be nothing new. */
static bool on_event(void *arg, const json_t *event)
{
	struct reading *r = arg;
	bool status = strcmp(field_text(event, "type"), "status") == 0;
	int64_t seq = field_number(event, status ? "last_seq" : "seq");

	/* What came between the last page and the stream is read at once. */
	if (r->open && seq <= r->since)
		return true;
	r->open = true;
	return read_all(r) == VS_OK && r->left != 0;
}

static int follow(struct reading *r)
{
	json_t *params = json_object();
	int rc;

	if (params == NULL)
		return trouble_set(&r->c->trouble, VS_ENOMEM, "out of memory");
	if (r->c->count == 0)
		rc = tail_project(r->c, params);
	else /* the path has told */
		rc = call_add(r->c, params, "project",
		    json_string_value(json_object_get(r->params, "project")));
	if (rc == VS_OK)
		rc = tail_run(r->c, params, on_event, r);
	/* The last one that was wanted is no end of the agent. */
	if (r->left == 0 && rc == VS_ENOAGENT) {
		r->c->trouble = (struct trouble)TROUBLE_INIT;
		rc = VS_OK;
	}
	json_decref(params);
	return rc;
}

static int tell_json(struct reading *r)
{
	json_t *doc = json_pack("{s:i, s:O, s:I}", "schema", VS_CONTROL_SCHEMA,
	    "events", r->all, "last_seq", (json_int_t)r->last_seq);

	if (doc == NULL)
		return trouble_set(&r->c->trouble, VS_ENOMEM, "out of memory");
	call_print(r->c, doc);
	json_decref(doc);
	return VS_OK;
}

static int run(struct call *c)
{
	struct reading r = {
		.c = c,
		.params = call_params(c),
		.since = c->opt.since,
		.left = c->opt.limit,
	};
	int rc = VS_OK;

	if ((c->opt.given & OPT_JSON) && (c->opt.given & OPT_FOLLOW)) {
		json_decref(r.params);
		trouble_usage(&c->trouble, "log: --follow makes no document");
		trouble_hint(&c->trouble, "say --json-lines");
		return VS_EINVAL;
	}
	if (c->opt.given & OPT_JSON)
		r.all = json_array();
	if (r.params == NULL || ((c->opt.given & OPT_JSON) && r.all == NULL))
		rc = trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	if (rc == VS_OK && c->count > 0)
		rc = call_add_path(c, r.params, c->args[0]);
	if (rc == VS_OK)
		rc = read_all(&r);
	if (rc == VS_OK && r.all != NULL)
		rc = tell_json(&r);
	if (rc == VS_OK && (c->opt.given & OPT_FOLLOW) && r.left != 0) {
		print_flush(&c->out);
		rc = follow(&r);
	}
	json_decref(r.params);
	json_decref(r.all);
	return rc;
}

const struct verb verb_log = {
	.name = "log",
	.args = "[PATH]",
	.summary = "the project's events, in the order of the log",
	.examples = "  vsync log\n"
		    "  vsync log scenes --since 1200 --limit 50\n"
		    "  vsync log --since 0 --json-lines\n"
		    "  vsync log --follow\n",
	.text = "With PATH only events of that file, or of what lies below "
		"that folder.\n--follow goes on with what comes, until "
		"Ctrl-C.\n",
	.takes = OPT_SINCE | OPT_LIMIT | OPT_FOLLOW | OPT_PROJECT | OPT_JSON |
	    OPT_LINES,
	.least = 0,
	.most = 1,
	.run = run,
};
