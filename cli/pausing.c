#include "cli/pausing.h"

#include <assert.h>

int pausing_ask(struct call *c, const char *method_path, const char *done)
{
	json_t *params = json_object(), *doc = NULL;
	const char *project = c->opt.project;
	int rc;

	assert(done[0] != '\0');
	/* No working directory here: none named means all of them. */
	if (params != NULL && project != NULL &&
	    call_add(c, params, "project", project) != VS_OK) {
		json_decref(params);
		return c->trouble.err.code;
	}
	rc = call_ask(c, method_path, params, CALL_SHORT_MS, &doc);
	if (rc == VS_OK && call_json(c)) {
		call_print(c, doc);
	} else if (rc == VS_OK) {
		print_f(&c->out, "%s: ", done);
		if (project != NULL)
			print_name(&c->out, project);
		else
			print_f(&c->out, "all projects");
		print_f(&c->out, "\n");
	}
	json_decref(doc);
	return rc;
}
