#include "cli/pausing.h"
#include "cli/verb.h"

static int run(struct call *c)
{
	return pausing_ask(c, "POST /v1/resume", "resumed");
}

const struct verb verb_resume = {
	.name = "resume",
	.args = "",
	.summary = "publish again",
	.examples = "  vsync resume\n"
		    "  vsync resume --project film\n",
	.text = "What was recorded meanwhile is published.  Without --project "
		"all projects\nare meant.\n",
	.takes = OPT_PROJECT | OPT_JSON,
	.least = 0,
	.most = 0,
	.run = run,
};
