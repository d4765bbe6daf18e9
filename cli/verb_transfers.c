/*
 * transfers: the rows as they are, the live ones first.  --follow opens the
 * stream before it asks for them, so that nothing falls in between, and then
 * says what moves.
 */
#include "cli/verb.h"

#include <stdlib.h>
#include <string.h>

#include "cli/field.h"
#include "cli/human.h"
#include "cli/tail.h"
#include "common/base/json.h"

struct listing {
	struct call *c;
	json_t *params; /* project, limit */
	bool listed; /* the rows have been shown */
	json_t *said; /* --follow: id -> its last state */
};

static enum print_ink ink_of(const char *state)
{
	if (strcmp(state, "completed") == 0)
		return PRINT_GOOD;
	if (strcmp(state, "failed") == 0)
		return PRINT_BAD;
	return strcmp(state, "cancelled") == 0 ? PRINT_DIM : PRINT_WARN;
}

static void print_row(struct print *p, const json_t *row)
{
	const char *state = field_text(row, "state");
	const char *error = field_text(row, "error");
	int64_t size = field_number(row, "size"),
		bytes = field_number(row, "bytes");
	bool done = strcmp(state, "completed") == 0;
	char a[HUMAN_SIZE];

	print_text(p, field_text(row, "id"));
	print_f(p, "  ");
	print_word(p, ink_of(state), state, 9);
	print_f(p, "  %3d %%  %9s  ",
	    done || size <= 0 ? 100 : (int)(100 * (double)bytes / (double)size),
	    human_bytes(size, a));
	print_name(p, field_text(row, "path"));
	if (error[0] != '\0') {
		print_f(p, ": ");
		print_text(p, error);
	}
	print_f(p, "\n");
}

static void show(struct listing *l, const json_t *row)
{
	const char *id = field_text(row, "id"),
		   *state = field_text(row, "state");
	struct call *c = l->c;

	if (l->said != NULL && id[0] != '\0')
		json_object_set_new(l->said, id, json_string(state));
	if (c->opt.given & OPT_LINES)
		print_json(&c->out, row);
	else
		print_row(&c->out, row);
}

/* The rows as they are now; --json has them as the agent's document. */
static int list(struct listing *l)
{
	struct call *c = l->c;
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = NULL, *rows = NULL, *row;
	size_t i;
	int rc = call_ask(c, "GET /v1/transfers", json_deep_copy(l->params),
	    CALL_SHORT_MS, &doc);

	if (rc == VS_OK &&
	    vs_json_get_array(doc, "transfers", true, &rows, &err) != VS_OK)
		rc = trouble_set(
		    &c->trouble, VS_EPROTO, "transfers: %s", err.msg);
	if (rc == VS_OK && (c->opt.given & OPT_JSON)) {
		call_print(c, doc);
		rows = NULL;
	}
	json_array_foreach(rows, i, row)
	{
		show(l, row);
	}
	json_decref(doc);
	return rc;
}

/* An event in the form of a row; NULL out of memory. */
static json_t *row_of(const json_t *event)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I}", "id",
	    field_text(event, "pull"), "path", field_text(event, "path"),
	    "state", field_text(event, "text"), "size",
	    (json_int_t)field_number(event, "size"), "bytes",
	    (json_int_t)field_number(event, "n"));
}

static bool on_event(void *arg, const json_t *event)
{
	struct listing *l = arg;
	const char *said;
	json_t *row;

	if (!l->listed) {
		l->listed = true;
		if (list(l) != VS_OK)
			return false;
	}
	if (strcmp(field_text(event, "type"), "pull") != 0)
		return true;
	said = field_text(l->said, field_text(event, "pull"));
	/* People want what moves, programs all there is. */
	if (!(l->c->opt.given & OPT_LINES) &&
	    strcmp(said, field_text(event, "text")) == 0)
		return true;
	row = row_of(event);
	if (row != NULL)
		show(l, row);
	json_decref(row);
	return true;
}

static int run(struct call *c)
{
	struct listing l = { .c = c, .params = json_object() };
	bool follow = (c->opt.given & OPT_FOLLOW) != 0;
	int rc;

	if (follow && (c->opt.given & OPT_JSON)) {
		json_decref(l.params);
		trouble_usage(
		    &c->trouble, "transfers: --follow makes no document");
		trouble_hint(&c->trouble, "say --json-lines");
		return VS_EINVAL;
	}
	if (l.params == NULL || (follow && (l.said = json_object()) == NULL))
		rc = trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	else
		rc = tail_project(c, l.params);
	if (rc == VS_OK && c->opt.limit >= 0 &&
	    json_object_set_new(
		l.params, "limit", json_integer((json_int_t)c->opt.limit)) != 0)
		rc = trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	if (rc == VS_OK)
		rc = follow ? tail_run(c, l.params, on_event, &l) : list(&l);
	json_decref(l.params);
	json_decref(l.said);
	return rc;
}

const struct verb verb_transfers = {
	.name = "transfers",
	.args = "",
	.summary = "pulls that run, and those that ran",
	.examples = "  vsync transfers\n"
		    "  vsync transfers --follow\n"
		    "  vsync transfers -n 20 --json\n",
	.text = "Those that run come first, then the latest that ended; each "
		"with its id,\nstate, what is here of it, size and path.  "
		"--follow goes on with each that\nmoves, until Ctrl-C.\n",
	.takes = OPT_FOLLOW | OPT_LIMIT | OPT_PROJECT | OPT_JSON | OPT_LINES,
	.least = 0,
	.most = 0,
	.run = run,
};
