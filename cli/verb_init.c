/*
 * init: names the folder by its real path, which is how the agent will know
 * it; the rest, and what is allowed, is the agent's to say.
 */
#include "cli/verb.h"

#include <limits.h>
#include <string.h>

#include "cli/field.h"
#include "cli/folder.h"
#include "common/base/json.h"

/*
 * dir, and the name that was given or else the folder's own; that of a
 * project there is comes from the cloud.
 */
static json_t *request(struct call *c, const char *dir)
{
	const char *name = c->opt.name;
	const char *project = c->opt.project;
	json_t *params = json_object();

	if (name == NULL)
		name = project != NULL ? "" : strrchr(dir, '/') + 1;
	if (params == NULL || call_add(c, params, "dir", dir) != VS_OK ||
	    (project != NULL &&
		call_add(c, params, "project", project) != VS_OK) ||
	    (name[0] != '\0' && call_add(c, params, "name", name) != VS_OK) ||
	    ((c->opt.given & OPT_LIST_FIRST) != 0 &&
		json_object_set_new(params, "list_first", json_true()) != 0)) {
		json_decref(params);
		return NULL;
	}
	return params;
}

static void tell(struct call *c, json_t *doc)
{
	json_t *ignored = json_object_get(doc, "ignored"), *v;
	json_t *line = json_object_get(doc, "stignore");
	struct print *out = &c->out;
	size_t i;

	print_name(out, field_text(doc, "root"));
	print_f(out, " is the project ");
	print_name(out, field_text(doc, "name"));
	print_f(out, " (");
	print_text(out, field_text(doc, "project_id"));
	print_f(out,
	    ")\n\n"
	    "  published      names, sizes, times, modes and SHA-256 of "
	    "all files,\n"
	    "                 folders and symbolic links in it; no "
	    "contents\n");
	json_array_foreach(ignored, i, v)
	{
		print_f(
		    out, i == 0 ? "  not published  " : "                 ");
		print_text(out, json_is_string(v) ? json_string_value(v) : "?");
		print_f(out, "\n");
	}
	if (json_is_string(line)) {
		print_f(out, "  for Syncthing  add this line to ");
		print_name(out, field_text(doc, "root"));
		print_f(out, "/.stignore: ");
		print_text(out, json_string_value(line));
		print_f(out, "\n");
	}
	if (json_is_false(json_object_get(doc, "made")))
		print_f(out,
		    "\nOne machine publishes a project.  Where another one "
		    "does, this one only watches\nuntil "
		    "`vsync adopt --take-over`.\n");
	print_f(out, "\nPublish it with `vsync watch`.\n");
}

static int run(struct call *c)
{
	char dir[PATH_MAX];
	json_t *params = NULL, *doc = NULL;
	int rc = folder_find(dir, c->count > 0 ? c->args[0] : ".", &c->trouble);

	if (rc != VS_OK) {
		trouble_hint(
		    &c->trouble, "name the folder that is to be published");
		return rc;
	}
	params = request(c, dir);
	if (params == NULL)
		return c->trouble.err.code != VS_OK
		    ? c->trouble.err.code
		    : trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	rc = call_attend(c, LAUNCH_IDLE);
	if (rc != VS_OK) {
		json_decref(params);
		return rc;
	}
	rc = call_ask(c, "POST /v1/init", params, CALL_LONG_MS, &doc);
	if (rc == VS_OK)
		rc = call_leave(c);
	if (rc == VS_OK && call_json(c))
		call_print(c, doc);
	else if (rc == VS_OK)
		tell(c, doc);
	json_decref(doc);
	return rc;
}

const struct verb verb_init = {
	.name = "init",
	.args = "[DIR]",
	.summary = "make a project of a folder",
	.examples = "  vsync init ~/Film\n"
		    "  vsync init ~/Film --name film --json\n"
		    "  vsync init ~/Film --project film\n",
	.text = "Makes a project that DIR (or the working directory) owns, and "
		"says what it\nwill and will not publish.  Nothing is "
		"published before the agent runs; one\nthat runs picks the "
		"project up at once.\n\nWith --project DIR becomes another "
		"copy of a project that you own already, as\non a second "
		"machine whose folder Syncthing keeps the same.  The machine "
		"that\npublishes it goes on doing so; see "
		"`vsync help adopt`.\n",
	.takes = OPT_LIST_FIRST | OPT_NAME | OPT_PROJECT | OPT_JSON,
	.least = 0,
	.most = 1,
	.run = run,
};
