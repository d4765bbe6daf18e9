#include "cloud/api/handlers.h"
#include "cloud/service/download.h"
#include "cloud/service/moves.h"
#include "cloud/service/transfers.h"

#define LIMIT 100 /* unless told */
#define STATUS_MAX 32 /* bytes */

int api_transfers_request(
    struct call *call, const struct input *in, struct api_answer *a)
{
	json_t *body = input_body(call, in);
	int rc;

	if (body == NULL)
		return VS_EINVAL;
	rc = download_request(call, body, &a->body);
	json_decref(body);
	return rc;
}

/* -1 without the parameter. */
static int read_status(struct call *call, const struct input *in, int *status)
{
	struct vs_buf text;
	bool found;
	int rc;

	*status = -1;
	vs_buf_init(&text, STATUS_MAX);
	rc = input_text(call, in, "status", &text, &found);
	if (rc == VS_OK && found) {
		*status = moves_parse(vs_buf_str(&text));
		if (*status < 0)
			rc = fault_set(&call->fault, FAULT_FIELD, "status",
			    "status: pending, in_progress, completed, failed "
			    "or cancelled");
	}
	vs_buf_release(&text);
	return rc;
}

int api_transfers_list(
    struct call *call, const struct input *in, struct api_answer *a)
{
	int64_t limit = LIMIT;
	int status, rc;

	rc = read_status(call, in, &status);
	if (rc == VS_OK)
		rc = input_number(call, in, "limit", 1, &limit);
	if (rc != VS_OK)
		return rc;
	if (limit > VS_PAGE_LIMIT)
		limit = VS_PAGE_LIMIT;
	return transfers_list(call, status, limit, &a->body);
}

int api_transfers_show(
    struct call *call, const struct input *in, struct api_answer *a)
{
	return transfers_show(call, in->args[1], &a->body);
}

int api_transfers_update(
    struct call *call, const struct input *in, struct api_answer *a)
{
	json_t *body = input_body(call, in);
	int rc;

	if (body == NULL)
		return VS_EINVAL;
	rc = transfers_update(call, in->args[1], body, &a->body);
	json_decref(body);
	return rc;
}

int api_transfers_ticket(
    struct call *call, const struct input *in, struct api_answer *a)
{
	return download_renew(call, in->args[1], &a->body);
}
