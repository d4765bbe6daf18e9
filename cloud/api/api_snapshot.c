#include <inttypes.h>
#include <string.h>

#include "cloud/api/handlers.h"
#include "cloud/service/snapshot.h"

/* Below /projects, and for who asks for JSON, the form is one object. */
static enum snapshot_form choose_form(const struct input *in)
{
	const char *accept = in->request->accept;

	if (in->bare)
		return SNAPSHOT_OBJECT;
	if (accept != NULL && strstr(accept, "application/json") != NULL)
		return SNAPSHOT_OBJECT;
	return SNAPSHOT_LINES;
}

static bool is_known(const struct input *in, const char *etag)
{
	const char *known = in->request->if_none_match;

	return known != NULL && strstr(known, etag) != NULL;
}

int api_snapshot_get(
    struct call *call, const struct input *in, struct api_answer *a)
{
	enum snapshot_form form = choose_form(in);
	char etag[SNAPSHOT_ETAG];
	bool deleted = false;
	int rc;

	rc = input_flag(call, in, "include_deleted", &deleted);
	if (rc != VS_OK)
		return rc;
	snapshot_etag(call, form, deleted, etag);
	rc = api_header(call, a, "ETag: %s", etag);
	if (rc == VS_OK)
		rc = api_header(call, a, "Vary: Accept");
	if (rc == VS_OK)
		rc = api_header(call, a, "X-Snapshot-Seq: %" PRId64,
		    call->project.last_seq);
	if (rc == VS_OK)
		rc = api_header(call, a, "X-Log-Id: %s", call->project.log_id);
	if (rc != VS_OK)
		return rc;
	if (is_known(in, etag)) {
		a->status = 304;
		return VS_OK;
	}
	if (form == SNAPSHOT_LINES) {
		a->type = "application/x-ndjson";
		rc = api_header(call, a, "Content-Encoding: gzip");
	}
	return rc == VS_OK ? snapshot_write(call, form, deleted, &a->body) : rc;
}
