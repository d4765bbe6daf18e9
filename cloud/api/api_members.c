#include "cloud/api/handlers.h"
#include "cloud/service/invite.h"
#include "cloud/service/roster.h"

int api_members_invite(
    struct call *call, const struct input *in, struct api_answer *a)
{
	json_t *body = input_body(call, in);
	int rc;

	if (body == NULL)
		return VS_EINVAL;
	rc = invite_make(call, body, &a->body);
	json_decref(body);
	return rc;
}

int api_members_accept(
    struct call *call, const struct input *in, struct api_answer *a)
{
	return invite_accept(call, in->args[0], &a->body);
}

int api_members_list(
    struct call *call, const struct input *in, struct api_answer *a)
{
	(void)in;
	return roster_list(call, &a->body);
}

int api_members_remove(
    struct call *call, const struct input *in, struct api_answer *a)
{
	return roster_remove(call, in->args[1], &a->body);
}
