#include "cli/pausing.h"
#include "cli/verb.h"

static int run(struct call *c)
{
	return pausing_ask(c, "POST /v1/pause", "paused");
}

const struct verb verb_pause = {
	.name = "pause",
	.args = "",
	.summary = "stop publishing, go on recording",
	.examples = "  vsync pause\n"
		    "  vsync pause --project film\n",
	.text = "Changes are recorded and wait; a restart does not end the "
		"pause.  Without\n--project all projects are meant.\n",
	.takes = OPT_PROJECT | OPT_JSON,
	.least = 0,
	.most = 0,
	.run = run,
};
