#include "cli/patience.h"

#include <assert.h>

enum { GRACE_MS = 10000 }; /* for the agent to say that time is over */

int patience_ask(struct call *c, const char *method_path, json_t **doc)
{
	json_t *params = call_params(c);
	int64_t ms = c->opt.timeout_ms;

	assert(ms >= -1);
	if (ms >= 0 && params != NULL &&
	    json_object_set_new(params, "timeout_ms", json_integer(ms)) != 0) {
		json_decref(params);
		params = NULL;
	}
	return call_ask(
	    c, method_path, params, ms >= 0 ? ms + GRACE_MS : -1, doc);
}
