#include "cli/verb.h"

static int run(struct call *c)
{
	const struct verb *v;

	if (c->count == 0) {
		verb_print_all(&c->out);
		return VS_OK;
	}
	v = verb_find(c->args[0]);
	if (v == NULL) {
		trouble_usage(&c->trouble, "no verb %s", c->args[0]);
		v = verb_nearest(c->args[0]);
		if (v != NULL)
			trouble_hint(&c->trouble,
			    "did you mean `vsync help %s`?", v->name);
		else
			trouble_hint(&c->trouble, "see `vsync help`");
		return VS_EINVAL;
	}
	verb_print(v, &c->out);
	return VS_OK;
}

const struct verb verb_help = {
	.name = "help",
	.args = "[VERB]",
	.summary = "what there is, or all about one verb",
	.examples = "  vsync help\n"
		    "  vsync help watch\n",
	.text = "Lists the verbs that exist.\n",
	.takes = 0,
	.least = 0,
	.most = 1,
	.run = run,
};
