#include "cli/verb.h"

#include "cli/human.h"
#include "common/base/json.h"

static json_t *request(struct call *c)
{
	json_t *params = call_params(c);
	const char *id = c->count > 0 ? c->args[0] : NULL;

	if (params != NULL && id == NULL &&
	    json_object_set_new(params, "id", json_null()) != 0) {
		json_decref(params);
		return NULL;
	}
	if (params != NULL && id != NULL &&
	    call_add(c, params, "id", id) != VS_OK) {
		json_decref(params);
		return NULL;
	}
	return params;
}

static int tell(struct call *c, json_t *doc)
{
	struct vs_err err = VS_ERR_INIT;
	char n[HUMAN_SIZE];
	int64_t count = 0;

	if (vs_json_get_i64(doc, "cancelled", true, &count, &err) != VS_OK)
		return trouble_set(
		    &c->trouble, VS_EPROTO, "cancel: %s", err.msg);
	if (count == 0 && c->count > 0) {
		trouble_set(
		    &c->trouble, VS_ENOENT, "no transfer %s runs", c->args[0]);
		trouble_hint(&c->trouble, "see `vsync transfers`");
	}
	if (call_json(c))
		call_print(c, doc);
	else if (c->trouble.err.code == VS_OK)
		print_f(&c->out, "cancelled: %s\n",
		    human_things(count, "transfer", n));
	return c->trouble.err.code;
}

static int run(struct call *c)
{
	bool all = (c->opt.given & OPT_ALL) != 0;
	json_t *params, *doc = NULL;
	int rc;

	if (all == (c->count > 0)) {
		trouble_usage(&c->trouble, "cancel: an id or --all");
		trouble_hint(&c->trouble, "see `vsync transfers`");
		return VS_EINVAL;
	}
	params = request(c);
	if (params == NULL && c->trouble.err.code != VS_OK)
		return c->trouble.err.code;
	rc = call_ask(c, "POST /v1/cancel", params, CALL_LONG_MS, &doc);
	if (rc == VS_OK)
		rc = tell(c, doc);
	json_decref(doc);
	return rc;
}

const struct verb verb_cancel = {
	.name = "cancel",
	.args = "[ID]",
	.summary = "end a transfer that runs, or all of them",
	.examples = "  vsync cancel --all\n"
		    "  vsync cancel 6f1c0de2-1111-4111-8111-111111111111\n",
	.text = "What a cancelled transfer has received is dropped; what "
		"stands in the folder\nis not touched.  `vsync transfers` "
		"shows the ids.\n",
	.takes = OPT_ALL | OPT_PROJECT | OPT_JSON,
	.least = 0,
	.most = 1,
	.run = run,
};
