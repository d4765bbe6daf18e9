/*
 * held: lists what waits; approve asks a person, because it deletes for
 * everybody, and where nobody can be asked it wants to be told --yes.
 */
#include "cli/verb.h"

#include <string.h>

#include "cli/ask.h"
#include "cli/field.h"
#include "cli/human.h"
#include "common/base/json.h"

static int ask_held(struct call *c, json_t **doc, int64_t *count)
{
	struct vs_err err = VS_ERR_INIT;
	int rc =
	    call_ask(c, "GET /v1/held", call_params(c), CALL_SHORT_MS, doc);

	if (rc == VS_OK &&
	    vs_json_get_i64(*doc, "count", true, count, &err) != VS_OK)
		rc = trouble_set(&c->trouble, VS_EPROTO, "held: %s", err.msg);
	return rc;
}

static void print_list(struct call *c, const json_t *doc, int64_t count)
{
	const json_t *held = json_object_get(doc, "held");
	char n[HUMAN_SIZE];
	size_t i;
	json_t *v;

	json_array_foreach(held, i, v)
	{
		if (c->opt.given & OPT_NULL) {
			print_f(&c->out, "%s", field_text(v, "path"));
			if (c->out.error == 0)
				fputc('\0', c->out.f);
			continue;
		}
		print_name(&c->out, field_text(v, "path"));
		print_f(&c->out, "%s\n",
		    strcmp(field_text(v, "kind"), "directory") == 0 ? "/" : "");
	}
	print_flush(&c->out);
	if (count == 0) {
		print_f(&c->note, "nothing is held\n");
		return;
	}
	if (count > (int64_t)json_array_size(held))
		print_f(&c->note, "... and %s more\n",
		    human_count(count - (int64_t)json_array_size(held), n));
	print_f(&c->note,
	    "%s held: `vsync held approve` deletes them from the project,\n"
	    "`vsync held reject` keeps them listed\n",
	    human_things(count, "deletion", n));
}

static int list(struct call *c)
{
	json_t *doc = NULL;
	int64_t count = 0;
	int rc = ask_held(c, &doc, &count);

	if (rc == VS_OK && call_json(c))
		call_print(c, doc);
	else if (rc == VS_OK)
		print_list(c, doc, count);
	json_decref(doc);
	return rc;
}

/* VS_OK once a person, or --yes, has agreed to count deletions. */
static int confirm(struct call *c, int64_t count)
{
	char question[128], n[HUMAN_SIZE];
	bool yes = false;
	int rc;

	if (c->opt.given & OPT_YES)
		return VS_OK;
	snprintf(question, sizeof(question),
	    "Delete %s from the project, for everybody?",
	    human_things(count, "path", n));
	rc = ask_yes(&yes, question, &c->intr, &c->trouble);
	if (rc == VS_ENOTSUP) {
		trouble_usage(&c->trouble,
		    "held approve: there is no terminal to ask on");
		trouble_hint(
		    &c->trouble, "say --yes to approve without asking");
		return VS_EINVAL;
	}
	if (rc == VS_OK && !yes) {
		rc = trouble_set(&c->trouble, VS_EHELD,
		    "nothing was approved, the deletions stay held");
		c->trouble.exit = VS_EXIT_DECIDE;
	}
	return rc;
}

static int decide(struct call *c, bool approve)
{
	json_t *params, *doc = NULL;
	int64_t count = 0;
	char n[HUMAN_SIZE];
	int rc = ask_held(c, &doc, &count);

	json_decref(doc);
	doc = NULL;
	if (rc == VS_OK && approve && count > 0)
		rc = confirm(c, count);
	if (rc != VS_OK)
		return rc;
	params = call_params(c);
	if (params != NULL &&
	    json_object_set_new(params, "approve", json_boolean(approve)) != 0)
		rc = trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	if (rc != VS_OK) {
		json_decref(params);
		return rc;
	}
	rc = call_ask(c, "POST /v1/held", params, CALL_LONG_MS, &doc);
	if (rc == VS_OK && call_json(c))
		call_print(c, doc);
	else if (rc == VS_OK)
		print_f(&c->out, "%s: %s\n", approve ? "approved" : "rejected",
		    human_things(field_number(doc, "count"), "deletion", n));
	json_decref(doc);
	return rc;
}

static int run(struct call *c)
{
	if (c->count == 0)
		return list(c);
	if (c->opt.given & OPT_NULL)
		return trouble_usage(
		    &c->trouble, "held: -0 is for the list alone");
	if (strcmp(c->args[0], "approve") == 0)
		return decide(c, true);
	if (strcmp(c->args[0], "reject") == 0)
		return decide(c, false);
	trouble_usage(
	    &c->trouble, "held: approve or reject, not %s", c->args[0]);
	trouble_hint(&c->trouble, "see `vsync help held`");
	return VS_EINVAL;
}

const struct verb verb_held = {
	.name = "held",
	.args = "[approve|reject]",
	.summary = "bulk deletions that wait for a person",
	.examples = "  vsync held\n"
		    "  vsync held approve\n"
		    "  vsync held approve --yes\n"
		    "  vsync held reject\n",
	.text = "When many files vanish at once their deletions are held, here "
		"and in the\ncloud, until somebody says that it was meant.  "
		"approve publishes them;\nreject drops them: the files stay "
		"listed until a scan finds them gone again.\n",
	.takes = OPT_YES | OPT_NULL | OPT_PROJECT | OPT_JSON,
	.least = 0,
	.most = 1,
	.run = run,
};
