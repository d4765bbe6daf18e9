/*
 * why: shows what the agent knows of a path.  The facts are printed as they
 * come: which ones there are is the agent's to say, and may grow.
 */
#include "cli/verb.h"

#include <stdlib.h>

/* One of disk, manifest, outbox and cloud, its members on one line. */
static void print_facts(struct print *p, const json_t *doc, const char *key)
{
	json_t *facts = json_object_get(doc, key), *v;
	const char *name, *gap = "";

	print_f(p, "  %-9s ", key);
	if (!json_is_object(facts)) {
		print_f(p, "nothing\n");
		return;
	}
	json_object_foreach(facts, name, v)
	{
		char *text = NULL;
		if (json_is_null(v))
			continue;
		print_f(p, "%s", gap);
		print_text(p, name);
		print_f(p, " ");
		if (json_is_string(v))
			print_name(p, json_string_value(v));
		else if ((text = json_dumps(
			      v, JSON_ENCODE_ANY | JSON_COMPACT)) != NULL)
			print_text(p, text);
		free(text);
		gap = ", ";
	}
	print_f(p, "\n");
}

static void tell(struct print *p, const json_t *doc)
{
	static const char *const parts[] = { "disk", "manifest", "outbox",
		"cloud" };
	const char *path = json_string_value(json_object_get(doc, "path"));
	const char *stage = json_string_value(json_object_get(doc, "stage"));
	const char *text = json_string_value(json_object_get(doc, "text"));
	const char *waits =
	    json_string_value(json_object_get(doc, "waits_for"));

	print_name(p, path != NULL ? path : "?");
	print_f(p, ": ");
	print_text(p, stage != NULL ? stage : "?");
	if (text != NULL && text[0] != '\0') {
		print_f(p, ": ");
		print_text(p, text);
	}
	print_f(p, "\n");
	if (waits != NULL && waits[0] != '\0') {
		print_f(p, "  waits for ");
		print_text(p, waits);
		print_f(p, "\n");
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		print_facts(p, doc, parts[i]);
}

static int run(struct call *c)
{
	json_t *params = call_params(c), *doc = NULL;
	int rc = call_add_path(c, params, c->args[0]);

	if (rc != VS_OK) {
		json_decref(params);
		return rc;
	}
	rc = call_ask(c, "GET /v1/why", params, CALL_LONG_MS, &doc);
	if (rc == VS_OK && call_json(c))
		call_print(c, doc);
	else if (rc == VS_OK)
		tell(&c->out, doc);
	json_decref(doc);
	return rc;
}

const struct verb verb_why = {
	.name = "why",
	.args = "PATH",
	.summary = "where a path stands, and what it waits for",
	.examples = "  vsync why master.mov\n"
		    "  vsync why ~/Film/scenes/12 --json\n",
	.text = "Shows what disk, manifest, outbox and cloud have of it.\n",
	.takes = OPT_PROJECT | OPT_JSON,
	.least = 1,
	.most = 1,
	.run = run,
};
