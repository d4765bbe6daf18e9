#include "cli/patience.h"
#include "cli/field.h"
#include "cli/human.h"
#include "cli/verb.h"

static int run(struct call *c)
{
	json_t *doc = NULL;
	char a[HUMAN_SIZE];
	int rc;

	if (!(c->opt.given & OPT_IN_SYNC)) {
		trouble_usage(&c->trouble, "wait: for what?");
		trouble_hint(&c->trouble, "say `vsync wait --in-sync`");
		return VS_EINVAL;
	}
	rc = patience_ask(c, "POST /v1/wait", &doc);
	if (rc == VS_OK && call_json(c))
		call_print(c, doc);
	else if (rc == VS_OK)
		print_f(&c->out, "in sync at seq %s\n",
		    human_count(field_number(doc, "last_seq"), a));
	json_decref(doc);
	return rc;
}

const struct verb verb_wait = {
	.name = "wait",
	.args = "",
	.summary = "wait until folder and cloud are proven the same",
	.examples = "  vsync wait --in-sync\n"
		    "  vsync wait --in-sync --timeout 60\n",
	.text = "Waits for the state, whatever happens meanwhile; "
		"`vsync flush` waits only\nfor what is there when it is "
		"called.\n",
	.takes = OPT_IN_SYNC | OPT_TIMEOUT | OPT_PROJECT | OPT_JSON,
	.least = 0,
	.most = 0,
	.run = run,
};
