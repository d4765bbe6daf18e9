#include <string.h>

#include "cloud/api/handlers.h"
#include "cloud/service/eventlog.h"
#include "common/base/limits.h"

int api_events_list(
    struct call *call, const struct input *in, struct api_answer *a)
{
	int64_t since = 0, from = -1, limit = VS_PAGE_LIMIT, wait = 0, rows;
	int rc;

	rc = input_number(call, in, "since_seq", 0, &since);
	if (rc == VS_OK)
		rc = input_number(call, in, "from_seq", 0, &from);
	if (rc == VS_OK)
		rc = input_number(call, in, "limit", 1, &limit);
	if (rc == VS_OK)
		rc = input_number(call, in, "wait", 0, &wait);
	if (rc != VS_OK)
		return rc;
	/* written so that no seq is too large to be added to */
	if (from < 0)
		from = since == INT64_MAX ? since : since + 1;
	if (limit > VS_PAGE_LIMIT)
		limit = VS_PAGE_LIMIT;
	if (wait > VS_WAIT_MAX_S)
		wait = VS_WAIT_MAX_S;
	rc = eventlog_page(call, from, limit, &a->body, &rows);
	if (rc != VS_OK || rows > 0 || wait == 0)
		return rc;
	memcpy(a->project_id, call->project.id, sizeof(a->project_id));
	a->wait_ms = wait * 1000;
	a->wait_seq = from - 1;
	return VS_OK;
}
