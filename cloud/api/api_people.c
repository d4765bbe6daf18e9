#include "cloud/api/handlers.h"
#include "cloud/service/registry.h"
#include "common/base/json.h"

int api_people_device(
    struct call *call, const struct input *in, struct api_answer *a)
{
	json_t *body = input_body(call, in);
	int rc;

	if (body == NULL)
		return VS_EINVAL;
	rc = registry_add_device(call, body, &a->body);
	json_decref(body);
	return rc;
}

int api_people_endpoints(
    struct call *call, const struct input *in, struct api_answer *a)
{
	json_t *body = input_body(call, in);
	int rc;

	if (body == NULL)
		return VS_EINVAL;
	rc = registry_move_device(call, in->args[0], body, &a->body);
	json_decref(body);
	return rc;
}

int api_people_me(
    struct call *call, const struct input *in, struct api_answer *a)
{
	(void)in;
	vs_buf_addf(&a->body, "{\"success\":true,\"user\":{\"id\":\"%s\"",
	    call->user.id);
	vs_buf_addstr(&a->body, ",\"name\":");
	vs_json_add_str(&a->body, call->user.name);
	vs_buf_addstr(&a->body, "}}");
	return VS_OK;
}

int api_people_health(
    struct call *call, const struct input *in, struct api_answer *a)
{
	(void)in;
	(void)call;
	vs_buf_addstr(&a->body, "{\"status\":\"ok\"}");
	return VS_OK;
}
