#include "cloud/api/handlers.h"
#include "cloud/service/held.h"
#include "common/base/json.h"

int api_holds_list(
    struct call *call, const struct input *in, struct api_answer *a)
{
	(void)in;
	return held_list(call, &a->body);
}

int api_holds_decide(
    struct call *call, const struct input *in, struct api_answer *a)
{
	struct vs_err err = VS_ERR_INIT;
	json_t *body = input_body(call, in);
	bool approve;
	int rc;

	if (body == NULL)
		return VS_EINVAL;
	if (vs_json_get_bool(body, "approve", true, &approve, &err) != VS_OK)
		rc = fault_set(
		    &call->fault, FAULT_FIELD, "approve", "%s", err.msg);
	else
		rc = held_decide(call, in->args[1], approve, &a->body);
	json_decref(body);
	return rc;
}
