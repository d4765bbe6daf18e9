/*
 * The stream has a client of its own, so that an event can be answered with
 * a question of call_ask while the stream stays open.
 */
#include "cli/tail.h"

#include <assert.h>

#include "cli/place.h"
#include "common/base/json.h"

struct tailing {
	struct call *c;
	bool (*event)(void *arg, const json_t *event);
	void *arg;
};

static bool on_line(void *arg, const char *line, size_t len)
{
	struct tailing *f = arg;
	json_t *event;
	bool more;

	if (len == 0)
		return true;
	event = vs_json_parse(line, len, NULL);
	if (!json_is_object(event)) {
		json_decref(event);
		trouble_set(&f->c->trouble, VS_EPROTO,
		    "the agent sent a line that makes no sense");
		return false;
	}
	more = f->event(f->arg, event);
	json_decref(event);
	return more && print_flush(&f->c->out) == 0;
}

int tail_run(struct call *c, json_t *params,
    bool (*event)(void *arg, const json_t *event), void *arg)
{
	struct tailing f = { .c = c, .event = event, .arg = arg };
	struct client_sink sink = { .line = on_line, .arg = &f };
	struct client_request r = {
		.method = "GET",
		.path = "/v1/watch",
		.params = params,
		.timeout_ms = -1,
	};
	struct client *client = NULL;
	int rc;

	if (call_client(c) == NULL)
		return c->trouble.err.code;
	rc = client_new(&client, &c->intr, &c->trouble);
	if (rc != VS_OK)
		return rc;
	rc = client_stream(client, &r, &sink, &c->trouble);
	client_free(client);
	/* A signal is how a person ends it, a reader by leaving. */
	if (c->intr.number != 0 || c->out.error != 0) {
		c->trouble = (struct trouble)TROUBLE_INIT;
		return VS_OK;
	}
	if (rc == VS_OK && c->trouble.err.code == VS_OK) {
		trouble_set(&c->trouble, VS_ENOAGENT, "the agent ended");
		trouble_hint(&c->trouble, "start it again with `vsync watch`");
	}
	return c->trouble.err.code;
}

int tail_project(struct call *c, json_t *params)
{
	struct place_wish wish = { .name = c->opt.project, .cwd = c->cwd };
	const json_t *project = NULL;
	json_t *doc = NULL;
	int rc;

	assert(params != NULL);
	rc = call_ask(c, "GET /v1/status", json_object(), CALL_SHORT_MS, &doc);
	if (rc == VS_OK)
		rc = place_project(json_object_get(doc, "projects"), &wish,
		    &project, &c->trouble);
	if (rc == VS_OK)
		rc = call_add(c, params, "project",
		    json_string_value(json_object_get(project, "id")));
	json_decref(doc);
	return rc;
}
