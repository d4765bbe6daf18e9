/*
 * version: an agent that does not run, hangs or is of another version is
 * what somebody who asks for versions may have; it is no error here.
 */
#include "cli/verb.h"

#include <string.h>

enum { PATIENCE_MS = 2000 }; /* the answer is no use when it is late */

/* {cli, agent}: agent is null where none answers, whatever the reason. */
static json_t *document(struct call *c)
{
	json_t *agent = NULL;
	json_t *doc = json_pack("{s:i, s:s, s:n}", "schema", VS_CONTROL_SCHEMA,
	    "version", VS_VERSION, "agent");

	if (doc == NULL)
		return NULL;
	if (call_ask(c, "GET /v1/version", json_object(), PATIENCE_MS,
		&agent) == VS_OK) {
		json_object_del(agent, "schema");
		json_object_del(agent, "ok");
		json_object_set(doc, "agent", agent);
	}
	json_decref(agent);
	c->trouble = (struct trouble)TROUBLE_INIT;
	return doc;
}

static int run(struct call *c)
{
	json_t *doc = document(c);
	const json_t *agent = json_object_get(doc, "agent");
	const char *version =
	    json_string_value(json_object_get(agent, "version"));

	if (doc == NULL)
		return trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	if (call_json(c)) {
		call_print(c, doc);
	} else {
		print_f(&c->out, "vsync %s (protocol %d)\n", VS_VERSION,
		    VS_CONTROL_SCHEMA);
		print_f(&c->out, "agent ");
		print_text(&c->out, version != NULL ? version : "not running");
		print_f(&c->out, "\n");
	}
	json_decref(doc);
	return VS_OK;
}

const struct verb verb_version = {
	.name = "version",
	.args = "",
	.summary = "versions of this program and of the agent",
	.examples = "  vsync version\n"
		    "  vsync version --json\n",
	.text = "Ends with 0 also where no agent runs.\n",
	.takes = OPT_JSON,
	.least = 0,
	.most = 0,
	.run = run,
};
