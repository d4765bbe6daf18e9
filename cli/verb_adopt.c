#include "cli/verb.h"

#include "cli/field.h"

static int add_flag(struct call *c, json_t *params, const char *key)
{
	if (params != NULL &&
	    json_object_set_new(params, key, json_true()) == 0)
		return VS_OK;
	return trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
}

static void tell(struct call *c, const json_t *doc)
{
	struct print *out = &c->out;

	if (json_is_true(json_object_get(doc, "took_over"))) {
		print_name(out, field_text(doc, "name"));
		print_f(out,
		    " is published from this machine now: the cloud's list is "
		    "compared with ");
		print_name(out, field_text(doc, "root"));
		print_f(out,
		    ", and what differs is published.  The machine that "
		    "published before stops sending and undoes nothing.\n");
	} else {
		print_name(out, field_text(doc, "root"));
		print_f(out, " is the folder of ");
		print_name(out, field_text(doc, "name"));
		print_f(out,
		    " now: it is read anew, and what differs from the cloud's "
		    "list is published; many deletions at once are held.\n");
	}
	print_f(out, "See `vsync status`, and `vsync held` if it asks.\n");
}

static int run(struct call *c)
{
	json_t *params = call_params(c), *doc = NULL;
	int rc = params != NULL ? VS_OK : c->trouble.err.code;

	if (rc == VS_OK && (c->opt.given & OPT_TAKE_OVER) != 0)
		rc = add_flag(c, params, "take_over");
	if (rc == VS_OK && (c->opt.given & OPT_NEW_MARKER) != 0)
		rc = add_flag(c, params, "new_marker");
	if (rc != VS_OK) {
		json_decref(params);
		return rc;
	}
	rc = call_ask(c, "POST /v1/adopt", params, CALL_LONG_MS, &doc);
	if (rc == VS_OK && call_json(c))
		call_print(c, doc);
	else if (rc == VS_OK)
		tell(c, doc);
	json_decref(doc);
	return rc;
}

const struct verb verb_adopt = {
	.name = "adopt",
	.args = "",
	.summary = "accept a replaced folder, or take the role over",
	.examples = "  vsync adopt\n"
		    "  vsync adopt --new-marker\n"
		    "  vsync adopt --take-over\n",
	.text = "Accepts the folder that stands in the place of the project's: "
		"a backup that\nwas put back, another disk.  It is read anew, "
		"what differs is published, and\nmany deletions at once are "
		"held as always.  --new-marker accepts one that has\nno "
		".vsync/root-id, as a backup without it; look first that the "
		"disk is mounted.\n\n"
		"--take-over makes this machine the one that publishes the "
		"project; let what\ncarries the folder between the machines "
		"finish before.  The machine that\npublished until now stops "
		"sending, says so in its status, and undoes nothing.\n",
	.takes = OPT_TAKE_OVER | OPT_NEW_MARKER | OPT_PROJECT | OPT_JSON,
	.least = 0,
	.most = 0,
	.run = run,
};
