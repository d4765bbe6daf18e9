#include "cloud/service/auth.h"

#include <assert.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/crypto/sha256.h"

#define TOKEN_BYTES 32
#define TOKEN_MAX 512 /* bytes of what is hashed at all */

int auth_user(struct call *call, const char *token)
{
	uint8_t hash[VS_SHA256_SIZE];
	struct vs_err err = VS_ERR_INIT;
	int rc;

	if (token == NULL || token[0] == '\0')
		return fault_set(&call->fault, FAULT_TOKEN, "",
		    "no token: send Authorization: Bearer TOKEN");
	if (strlen(token) > TOKEN_MAX)
		return fault_set(
		    &call->fault, FAULT_TOKEN, "", "unknown token");
	/* looked up by hash: time tells nothing of a token's text */
	vs_sha256(token, strlen(token), hash);
	rc = call->store->ops->token_user(call->store, hash, &call->user, &err);
	if (rc == VS_ENOENT)
		return fault_set(
		    &call->fault, FAULT_TOKEN, "", "unknown token");
	return rc == VS_OK ? VS_OK : fault_store(&call->fault, &err);
}

int auth_project(struct call *call, const char *id, bool owner)
{
	struct vs_err err = VS_ERR_INIT;
	int rc;

	assert(call->user.id[0] != '\0');
	rc = call->store->ops->project_get(
	    call->store, id, call->user.id, &call->project, &call->role, &err);
	if (rc == VS_ENOENT)
		return fault_set(
		    &call->fault, FAULT_NOT_FOUND, "", "no such project");
	if (rc != VS_OK)
		return fault_store(&call->fault, &err);
	assert(call->role != STORE_NOBODY);
	if (owner && call->role != STORE_OWNER)
		return fault_set(&call->fault, FAULT_FORBIDDEN, "",
		    "only the project's owner may do this");
	return VS_OK;
}

void auth_token_make(
    struct vs_rand *r, char text[AUTH_TOKEN_SIZE], uint8_t hash[VS_SHA256_SIZE])
{
	uint8_t secret[TOKEN_BYTES];

	r->bytes(r, secret, sizeof(secret));
	vs_hex_encode(text, secret, sizeof(secret));
	vs_sha256(text, AUTH_TOKEN_SIZE - 1, hash);
	explicit_bzero(secret, sizeof(secret));
}
