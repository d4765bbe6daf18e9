#include <string.h>

#include "cloud/api/handlers.h"
#include "cloud/service/ingest.h"
#include "cloud/service/listing.h"
#include "common/base/path.h"

#define CURSOR_MAX 1024 /* bytes */

int api_files_update(
    struct call *call, const struct input *in, struct api_answer *a)
{
	const char *body = in->request->body;

	return ingest_update(
	    call, body == NULL ? "" : body, in->request->len, &a->body);
}

/* A folder as people write it: slashes around it do not matter. */
static int read_prefix(struct call *call, const struct input *in,
    struct vs_buf *text, const char **prefix)
{
	enum vs_path_flaw flaw;
	bool found;
	int rc = input_text(call, in, "prefix", text, &found);

	*prefix = "";
	if (rc != VS_OK || text->len == 0)
		return rc;
	if (text->data[text->len - 1] == '/')
		text->data[--text->len] = '\0';
	*prefix = text->data;
	if (**prefix == '/')
		(*prefix)++;
	if (**prefix == '\0')
		return VS_OK;
	flaw = vs_path_check(*prefix, strlen(*prefix));
	if (flaw == VS_PATH_GOOD || flaw == VS_PATH_RESERVED)
		return VS_OK;
	return fault_set(&call->fault, FAULT_FIELD, "prefix", "prefix: %s",
	    vs_path_flaw_text(flaw));
}

static int read_query(struct call *call, const struct input *in,
    struct listing_query *query, struct vs_buf *cursor)
{
	int64_t depth = 0;
	bool found;
	int rc;

	rc = input_text(call, in, "cursor", cursor, &found);
	if (rc == VS_OK)
		rc = input_number(call, in, "limit", 1, &query->limit);
	if (rc == VS_OK)
		rc = input_flag(call, in, "include_deleted", &query->deleted);
	if (rc == VS_OK)
		rc = input_number(call, in, "depth", 1, &depth);
	if (rc != VS_OK)
		return rc;
	if (depth > 1)
		return fault_set(&call->fault, FAULT_FIELD, "depth",
		    "depth: only 1 is known");
	if (query->limit > VS_PAGE_LIMIT)
		query->limit = VS_PAGE_LIMIT;
	query->children = depth == 1;
	if (cursor->len > 0)
		query->cursor = vs_buf_str(cursor);
	return VS_OK;
}

int api_files_list(
    struct call *call, const struct input *in, struct api_answer *a)
{
	struct listing_query query = { .limit = VS_PAGE_LIMIT };
	struct vs_buf cursor, prefix;
	int rc;

	vs_buf_init(&cursor, CURSOR_MAX);
	vs_buf_init(&prefix, VS_PATH_MAX + 2);
	rc = read_query(call, in, &query, &cursor);
	if (rc == VS_OK)
		rc = read_prefix(call, in, &prefix, &query.prefix);
	if (rc == VS_OK)
		rc = listing_page(call, &query, &a->body);
	vs_buf_release(&cursor);
	vs_buf_release(&prefix);
	return rc;
}
