/*
 * ls: pages through the agent's listing and forgets each page, so that a
 * project of any size needs the memory of one.  A document is written row by
 * row for the same reason, with "ok" as its last member: only then is known
 * whether all of it came.
 */
#include "cli/verb.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/field.h"
#include "cli/human.h"
#include "common/base/json.h"

/* A listing under way. */
struct listing {
	struct call *c;
	json_t *params; /* of the next page */
	int64_t count; /* rows so far */
	bool begun; /* the document has its head */
};

static void print_badge(struct print *p, const char *badge)
{
	enum print_ink ink = PRINT_PLAIN;

	switch (badge[0]) {
	case '=':
		ink = PRINT_GOOD;
		break;
	case '~':
	case '*':
	case '?':
		ink = PRINT_WARN;
		break;
	case '-':
		ink = PRINT_DIM;
		break;
	case '!':
	case 'x':
		ink = PRINT_BAD;
		break;
	default:
		break;
	}
	char one[2] = { badge[0] > ' ' && badge[0] <= '~' ? badge[0] : '?',
		'\0' };
	print_ink(p, ink, one);
	print_f(p, " ");
}

static void print_long(struct print *p, const json_t *row)
{
	const char *when = field_text(row, "modified_at");
	char size[HUMAN_SIZE] = "-";

	if (strcmp(field_text(row, "kind"), "directory") != 0)
		human_bytes(field_number(row, "size"), size);
	print_f(p, "%9s  ", size);
	print_text(p, when[0] != '\0' ? when : "-                       ");
	print_f(p, "  v%-3" PRId64 " #%-6" PRId64, field_number(row, "version"),
	    field_number(row, "seq"));
	print_f(p, "  ");
}

static void print_row(struct listing *l, const json_t *row)
{
	struct print *p = &l->c->out;
	unsigned given = l->c->opt.given;
	const char *kind = field_text(row, "kind");
	const char *name = field_text(row, "name");

	if (given & OPT_NULL) {
		print_f(p, "%s", field_text(row, "path"));
		if (p->error == 0)
			fputc('\0', p->f);
		return;
	}
	if ((given & OPT_RECURSIVE) || name[0] == '\0')
		name = field_text(row, "path");
	print_badge(p, field_text(row, "badge"));
	if (given & OPT_LONG)
		print_long(p, row);
	print_name(p, name);
	if (strcmp(kind, "directory") == 0)
		print_f(p, "/");
	else if (strcmp(kind, "symlink") == 0)
		print_f(p, "@");
	if (field_text(row, "place")[0] != '\0') {
		print_f(p, "  (here as ");
		print_name(p, field_text(row, "place"));
		print_f(p, ")");
	}
	print_f(p, "\n");
}

static void print_row_json(struct listing *l, json_t *row)
{
	/* Row by row, so that a million of them need no memory. */
	if (l->count > 0)
		print_f(&l->c->out, ",");
	print_json(&l->c->out, row);
}

/* The start of the document, up to the first row. */
static void begin(struct listing *l, const json_t *doc)
{
	json_t *id = json_object_get(doc, "project_id");
	char *text = json_dumps(id, JSON_ENCODE_ANY);

	print_f(&l->c->out, "{\"schema\":%d,\"project_id\":%s,\"files\":[\n",
	    VS_CONTROL_SCHEMA, text != NULL ? text : "null");
	free(text);
	l->begun = true;
}

/* The end of a document that was begun: ok, or what went wrong. */
static void finish(struct listing *l)
{
	struct trouble *f = &l->c->trouble;
	json_t *end = json_object();
	char *text = NULL;

	if (end != NULL && trouble_into(f, end) == VS_OK)
		text = json_dumps(end, JSON_COMPACT);
	print_f(
	    &l->c->out, "],%s\n", text != NULL ? text + 1 : "\"ok\":false}");
	free(text);
	json_decref(end);
	f->told = true;
}

static void print_rows(struct listing *l, const json_t *files)
{
	size_t i;
	json_t *row;

	json_array_foreach(files, i, row)
	{
		if (call_json(l->c))
			print_row_json(l, row);
		else
			print_row(l, row);
		l->count++;
	}
}

/* One page; *more says whether the next one is to be asked for. */
static int page(struct listing *l, bool *more)
{
	struct trouble *f = &l->c->trouble;
	struct vs_err err = VS_ERR_INIT;
	const char *cursor = NULL;
	json_t *doc = NULL, *files = NULL;
	int rc;

	rc = call_ask(
	    l->c, "GET /v1/ls", json_deep_copy(l->params), CALL_LONG_MS, &doc);
	if (rc != VS_OK)
		return rc;
	if (vs_json_get_array(doc, "files", true, &files, &err) != VS_OK ||
	    vs_json_get_str(doc, "next_cursor", false, &cursor, &err) !=
		VS_OK) {
		rc = trouble_set(f, VS_EPROTO, "listing: %s", err.msg);
		goto out;
	}
	if (!l->begun && call_json(l->c))
		begin(l, doc);
	print_rows(l, files);
	*more = cursor != NULL && l->c->out.error == 0;
	if (*more &&
	    json_object_set_new(l->params, "cursor", json_string(cursor)) != 0)
		rc = trouble_set(f, VS_ENOMEM, "out of memory");
out:
	json_decref(doc);
	return rc;
}

static int run(struct call *c)
{
	struct listing l = { .c = c, .params = call_params(c) };
	bool more = true;
	int rc;

	if ((c->opt.given & OPT_NULL) && (c->opt.given & (OPT_LONG | OPT_JSON)))
		rc = trouble_usage(
		    &c->trouble, "ls: -0 goes with neither -l nor --json");
	else
		rc = call_add_path(
		    c, l.params, c->count > 0 ? c->args[0] : NULL);
	if (rc == VS_OK &&
	    json_object_set_new(l.params, "recursive",
		json_boolean((c->opt.given & OPT_RECURSIVE) != 0)) != 0)
		rc = trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	while (rc == VS_OK && more)
		rc = page(&l, &more);
	if (l.begun)
		finish(&l);
	json_decref(l.params);
	return rc;
}

const struct verb verb_ls = {
	.name = "ls",
	.args = "[PATH]",
	.summary = "list a project's files, with a badge",
	.examples = "  vsync ls\n"
		    "  vsync ls -l scenes\n"
		    "  vsync ls -R -0 | xargs -0 -n 1 echo\n",
	.text = "PATH is seen from the working directory where that lies in "
		"the project's\nfolder, else from that folder; it may be "
		"absolute.  A member's agent answers\nfrom its own copy of "
		"the list, also without a network.  Badges:\n\n"
		"  =  synced, or here and whole     -  not here\n"
		"  ~  syncing, or being pulled      *  being recorded\n"
		"  !  held back, or changed here    x  error\n"
		"  ?  listed, and not hashed yet\n",
	.takes = OPT_LONG | OPT_RECURSIVE | OPT_NULL | OPT_PROJECT | OPT_JSON,
	.least = 0,
	.most = 1,
	.run = run,
};
