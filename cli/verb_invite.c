/*
 * invite: the token is the data and goes to standard output alone, so that
 * it can go to a file or a mail; what there is to say of it goes beside.
 */
#include "cli/verb.h"

#include "common/base/json.h"

static json_t *request(struct call *c)
{
	json_t *params = call_params(c);

	if (params != NULL && c->opt.expires_s >= 0 &&
	    json_object_set_new(
		params, "expires_in", json_integer(c->opt.expires_s)) != 0) {
		json_decref(params);
		params = NULL;
	}
	return params;
}

static int tell(struct call *c, json_t *doc)
{
	struct vs_err err = VS_ERR_INIT;
	const char *token = NULL, *until = NULL;

	if (vs_json_get_str(doc, "token", true, &token, &err) != VS_OK ||
	    vs_json_get_str(doc, "expires_at", false, &until, &err) != VS_OK)
		return trouble_set(
		    &c->trouble, VS_EPROTO, "invite: %s", err.msg);
	if (call_json(c)) {
		call_print(c, doc);
		return VS_OK;
	}
	print_text(&c->out, token);
	print_f(&c->out, "\n");
	print_flush(&c->out);
	print_f(&c->note, "vsync: for one member");
	if (until != NULL) {
		print_f(&c->note, ", until ");
		print_text(&c->note, until);
	}
	print_f(&c->note,
	    "; it is a secret: whoever has it can join\n"
	    "vsync: who is invited runs `vsync join - DIR` and pastes it\n");
	return VS_OK;
}

static int run(struct call *c)
{
	json_t *doc = NULL;
	int rc = call_attend(c, LAUNCH_IDLE);

	if (rc == VS_OK)
		rc = call_ask(
		    c, "POST /v1/invite", request(c), CALL_LONG_MS, &doc);
	if (rc == VS_OK)
		rc = call_leave(c);
	if (rc == VS_OK)
		rc = tell(c, doc);
	json_decref(doc);
	return rc;
}

const struct verb verb_invite = {
	.name = "invite",
	.args = "",
	.summary = "let somebody join a project of yours",
	.examples = "  vsync invite --project film\n"
		    "  vsync invite --expires 12h > bob.invite\n",
	.text = "Prints a token that one person can join with, once, within 7 "
		"days unless\n--expires says otherwise.  It is a secret: "
		"whoever has it can list and fetch\nthe project's files.  No "
		"agent needs to run.\n",
	.takes = OPT_EXPIRES | OPT_PROJECT | OPT_JSON,
	.least = 0,
	.most = 0,
	.run = run,
};
