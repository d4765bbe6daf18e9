#include "cloud/service/roster.h"

#include <assert.h>

#include "common/base/json.h"
#include "common/base/stamp.h"

static int add_member(void *arg, const struct store_member *m)
{
	char stamp[VS_STAMP_SIZE];
	struct vs_buf *b = arg;

	if (b->data[b->len - 1] == '}')
		vs_buf_addch(b, ',');
	vs_buf_addf(b, "{\"user_id\":\"%s\",\"name\":", m->user_id);
	vs_json_add_str(b, m->name);
	vs_buf_addf(b, ",\"role\":\"%s\",\"joined_at\":\"%s\"}",
	    m->role == STORE_OWNER ? "owner" : "member",
	    vs_stamp_format(m->joined_ms, stamp));
	return vs_buf_error(b);
}

int roster_list(struct call *call, struct vs_buf *b)
{
	struct vs_err err = VS_ERR_INIT;
	int rc;

	vs_buf_addstr(b, "{\"success\":true,\"members\":[");
	rc = vs_buf_error(b);
	if (rc == VS_OK)
		rc = call->store->ops->members(
		    call->store, call->project.no, add_member, b, &err);
	if (rc != VS_OK) {
		if (err.code == VS_OK)
			(void)vs_err_set(&err, rc, "list of members");
		return fault_store(&call->fault, &err);
	}
	vs_buf_addstr(b, "]}");
	return VS_OK;
}

int roster_remove(struct call *call, const char *user_id, struct vs_buf *b)
{
	struct vs_err err = VS_ERR_INIT;
	int rc;

	assert(call->role == STORE_OWNER);
	rc = call->store->ops->member_del(
	    call->store, call->project.no, user_id, &err);
	if (rc == VS_ENOENT)
		return fault_set(
		    &call->fault, FAULT_NOT_FOUND, "", "no such member");
	if (rc != VS_OK)
		return fault_store(&call->fault, &err);
	call->tell.rights = true;
	vs_buf_addstr(b, "{\"success\":true}");
	return VS_OK;
}
