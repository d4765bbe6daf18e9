#include "cli/patience.h"
#include "cli/field.h"
#include "cli/human.h"
#include "cli/verb.h"

static int run(struct call *c)
{
	json_t *doc = NULL;
	const json_t *recording;
	char a[HUMAN_SIZE];
	int64_t n;
	int rc = patience_ask(c, "POST /v1/flush", &doc);

	if (rc != VS_OK)
		return rc;
	if (call_json(c)) {
		call_print(c, doc);
		goto out;
	}
	recording = json_object_get(doc, "recording");
	n = json_is_array(recording) ? (int64_t)json_array_size(recording)
				     : json_integer_value(recording);
	print_f(&c->out, "flushed: all is in the cloud, up to seq %s\n",
	    human_count(field_number(doc, "last_seq"), a));
	if (n > 0)
		print_f(&c->note,
		    "vsync: %s still being written, published when closed\n",
		    human_things(n, "file", a));
out:
	json_decref(doc);
	return rc;
}

const struct verb verb_flush = {
	.name = "flush",
	.args = "",
	.summary = "wait until what is on the disk now is in the cloud",
	.examples = "  vsync flush\n"
		    "  vsync flush --timeout 60 && poweroff\n",
	.text = "A barrier: when it ends with 0, everything that was on the "
		"disk before the\ncall is in the cloud's log.\n",
	.takes = OPT_TIMEOUT | OPT_PROJECT | OPT_JSON,
	.least = 0,
	.most = 0,
	.run = run,
};
