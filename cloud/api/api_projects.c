#include "cloud/api/handlers.h"
#include "cloud/service/registry.h"

int api_projects_list(
    struct call *call, const struct input *in, struct api_answer *a)
{
	(void)in;
	return registry_list_projects(call, &a->body);
}

int api_projects_add(
    struct call *call, const struct input *in, struct api_answer *a)
{
	json_t *body = input_body(call, in);
	int rc;

	if (body == NULL)
		return VS_EINVAL;
	rc = registry_add_project(call, body, &a->body);
	if (rc == VS_OK)
		a->status = 201;
	json_decref(body);
	return rc;
}

int api_projects_publisher(
    struct call *call, const struct input *in, struct api_answer *a)
{
	json_t *body = input_body(call, in);
	int rc;

	if (body == NULL)
		return VS_EINVAL;
	rc = registry_take_over(call, body, &a->body);
	json_decref(body);
	return rc;
}
