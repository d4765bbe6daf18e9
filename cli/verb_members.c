#include "cli/verb.h"

#include <string.h>

#include "cli/field.h"
#include "common/base/json.h"

static int list(struct call *c)
{
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = NULL, *members = NULL, *m;
	struct print *p = &c->out;
	size_t i;
	int rc =
	    call_ask(c, "GET /v1/members", call_params(c), CALL_LONG_MS, &doc);

	if (rc == VS_OK &&
	    vs_json_get_array(doc, "members", true, &members, &err) != VS_OK)
		rc = trouble_set(&c->trouble, VS_EPROTO, "%s", err.msg);
	if (rc == VS_OK && call_json(c)) {
		call_print(c, doc);
		members = NULL;
	}
	json_array_foreach(members, i, m)
	{
		print_word(p, PRINT_PLAIN, field_text(m, "role"), 7);
		print_f(p, " ");
		print_text(p,
		    field_text(m, "joined_at")[0] ? field_text(m, "joined_at")
						  : "-");
		print_f(p, "  ");
		print_text(p, field_text(m, "user_id"));
		print_f(p, "  ");
		print_name(p, field_text(m, "name"));
		print_f(p, "\n");
	}
	json_decref(doc);
	return rc;
}

static int drop(struct call *c, const char *user)
{
	json_t *params = call_params(c), *doc = NULL;
	int rc = VS_OK;

	if (params != NULL)
		rc = call_add(c, params, "user", user);
	if (rc != VS_OK) {
		json_decref(params);
		return rc;
	}
	rc = call_ask(c, "POST /v1/members/remove", params, CALL_LONG_MS, &doc);
	if (rc == VS_OK && call_json(c)) {
		call_print(c, doc);
	} else if (rc == VS_OK) {
		print_f(&c->out, "removed: ");
		print_name(&c->out, user);
		print_f(&c->out, "\n");
	}
	json_decref(doc);
	return rc;
}

static int run(struct call *c)
{
	if (c->count == 0)
		return list(c);
	if (strcmp(c->args[0], "remove") == 0 && c->count == 2)
		return drop(c, c->args[1]);
	if (strcmp(c->args[0], "remove") == 0)
		trouble_usage(&c->trouble, "members: remove whom?");
	else
		trouble_usage(
		    &c->trouble, "members: remove, not %s", c->args[0]);
	trouble_hint(&c->trouble, "see `vsync help members`");
	return VS_EINVAL;
}

const struct verb verb_members = {
	.name = "members",
	.args = "[remove NAME]",
	.summary = "who can see a project, and an end to it",
	.examples = "  vsync members\n"
		    "  vsync members --project film --json\n"
		    "  vsync members remove bob\n",
	.text = "Lists role, since when, id and name.  remove takes a name or "
		"an id: that member\nsees nothing new from then on and "
		"fetches nothing more; what was pulled stays\nwhere it is.\n",
	.takes = OPT_PROJECT | OPT_JSON,
	.least = 0,
	.most = 2,
	.run = run,
};
