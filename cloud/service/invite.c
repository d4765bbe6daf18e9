/*
 * Like any token it is 256 random bits of which only the hash is stored: a
 * copy of the database opens no project.  An invitation that was used stays
 * used, also after its member was removed.
 */
#include "cloud/service/invite.h"

#include <assert.h>
#include <string.h>

#include "cloud/service/auth.h"
#include "cloud/service/registry.h"
#include "common/base/json.h"
#include "common/base/stamp.h"

static int read_wish(struct call *call, const json_t *body, int64_t *life)
{
	struct vs_err err = VS_ERR_INIT;
	const char *role = "member";

	if (vs_json_get_str(body, "role", false, &role, &err) != VS_OK)
		return fault_set(
		    &call->fault, FAULT_FIELD, "role", "%s", err.msg);
	if (strcmp(role, "member") != 0)
		return fault_set(&call->fault, FAULT_FIELD, "role",
		    "role: an invitation makes a member");
	*life = INVITE_LIFE_S;
	if (vs_json_get_i64(body, "expires_in", false, life, &err) != VS_OK)
		return fault_set(
		    &call->fault, FAULT_FIELD, "expires_in", "%s", err.msg);
	if (*life < 1 || *life > INVITE_LIFE_MAX_S)
		return fault_set(&call->fault, FAULT_FIELD, "expires_in",
		    "expires_in: 1 to %d seconds", INVITE_LIFE_MAX_S);
	return VS_OK;
}

int invite_make(struct call *call, const json_t *body, struct vs_buf *b)
{
	struct store_invite i = { .project = call->project.no,
		.created_ms = call->wall_ms };
	char text[AUTH_TOKEN_SIZE], stamp[VS_STAMP_SIZE];
	struct vs_err err = VS_ERR_INIT;
	int64_t life;

	assert(call->role == STORE_OWNER);
	if (read_wish(call, body, &life) != VS_OK)
		return VS_EINVAL;
	i.expires_ms = call->wall_ms + life * 1000;
	auth_token_make(call->rand, text, i.hash);
	if (call->store->ops->invite_put(call->store, &i, &err) != VS_OK)
		return fault_store(&call->fault, &err);
	vs_buf_addf(b,
	    "{\"success\":true,\"token\":\"%s\",\"expires_at\":\"%s\"}", text,
	    vs_stamp_format(i.expires_ms, stamp));
	explicit_bzero(text, sizeof(text));
	return VS_OK;
}

static int refuse(struct call *call)
{
	return fault_set(&call->fault, FAULT_NOT_FOUND, "",
	    "no such invitation: it may have been used, or its time is over");
}

/* Finds it, and what the caller is in its project. */
static int find(struct call *call, const char *token, struct store_invite *i)
{
	const struct store_ops *ops = call->store->ops;
	uint8_t hash[VS_SHA256_SIZE];
	struct vs_err err = VS_ERR_INIT;
	int rc;

	vs_sha256(token, strlen(token), hash);
	rc = ops->invite_get(call->store, hash, i, &err);
	if (rc == VS_ENOENT)
		return refuse(call);
	if (rc == VS_OK)
		rc = ops->project_get(call->store, i->project_id, call->user.id,
		    &call->project, &call->role, &err);
	if (rc == VS_OK || rc == VS_ENOENT)
		return VS_OK;
	return fault_store(&call->fault, &err);
}

static int join(struct call *call, const struct store_invite *i)
{
	const struct store_ops *ops = call->store->ops;
	struct vs_err err = VS_ERR_INIT;
	int rc;

	if (i->used_by[0] != '\0' || i->expires_ms <= call->wall_ms)
		return refuse(call);
	rc = ops->member_put(
	    call->store, i->project, call->user.id, call->wall_ms, &err);
	if (rc == VS_OK)
		rc = ops->invite_use(call->store, i->hash, call->user.id, &err);
	if (rc == VS_OK)
		rc = ops->project_get(call->store, i->project_id, call->user.id,
		    &call->project, &call->role, &err);
	return rc == VS_OK ? VS_OK : fault_store(&call->fault, &err);
}

/* True for who used it, and for whom an open one would let in. */
static bool shows(const struct call *call, const struct store_invite *i)
{
	if (i->used_by[0] != '\0')
		return strcmp(i->used_by, call->user.id) == 0;
	return i->expires_ms > call->wall_ms;
}

int invite_accept(struct call *call, const char *token, struct vs_buf *b)
{
	struct store_invite i;
	int rc = find(call, token, &i);

	if (rc == VS_OK && call->role == STORE_NOBODY)
		rc = join(call, &i);
	else if (rc == VS_OK && !shows(call, &i))
		rc = refuse(call);
	if (rc != VS_OK)
		return rc;
	vs_buf_addstr(b, "{\"success\":true,\"project\":");
	registry_put_project(b, &call->project, call->role);
	vs_buf_addf(b, ",\"role\":\"%s\"}",
	    call->role == STORE_OWNER ? "owner" : "member");
	return VS_OK;
}
