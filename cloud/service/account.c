#include "cloud/service/account.h"

#include <assert.h>
#include <string.h>

#include "common/base/path.h"

/* Printable UTF-8 without blanks: it is typed into commands. */
static int check_name(const char *name, struct vs_err *err)
{
	const char *p;

	for (p = name; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f)
			break;
	if (*p != '\0' || p == name || p - name >= STORE_NAME ||
	    name[0] == '-' || !vs_path_utf8(name, strlen(name)))
		return vs_err_set(err, VS_EINVAL,
		    "a user's name has 1 to %d bytes without blanks and does "
		    "not begin with -",
		    STORE_NAME - 1);
	return VS_OK;
}

static int put_token(
    struct account *a, struct account_token *out, struct vs_err *err)
{
	struct store_token t = { .created_ms = a->wall_ms };

	auth_token_make(a->rand, out->text, t.hash);
	vs_rand_uuid(a->rand, out->id);
	memcpy(t.id, out->id, sizeof(t.id));
	memcpy(t.user_id, out->user_id, sizeof(t.user_id));
	return a->store->ops->token_put(a->store, &t, err);
}

static int end(struct account *a, int rc, struct vs_err *err)
{
	if (rc == VS_OK)
		rc = a->store->ops->commit(a->store, err);
	if (rc != VS_OK)
		a->store->ops->rollback(a->store);
	return rc;
}

int account_add_user(struct account *a, const char *name,
    struct account_token *out, struct vs_err *err)
{
	struct store_user u = { .created_ms = a->wall_ms };
	int rc = check_name(name, err);

	if (rc == VS_OK)
		rc = a->store->ops->begin(a->store, err);
	if (rc != VS_OK)
		return rc;
	memset(out, 0, sizeof(*out));
	vs_rand_uuid(a->rand, u.id);
	memcpy(u.name, name, strlen(name) + 1);
	memcpy(out->user_id, u.id, sizeof(u.id));
	memcpy(out->name, u.name, sizeof(u.name));
	rc = a->store->ops->user_put(a->store, &u, err);
	if (rc == VS_OK)
		rc = put_token(a, out, err);
	return end(a, rc, err);
}

int account_add_token(struct account *a, const char *name,
    struct account_token *out, struct vs_err *err)
{
	struct store_user u;
	int rc = a->store->ops->begin(a->store, err);

	if (rc != VS_OK)
		return rc;
	memset(out, 0, sizeof(*out));
	rc = a->store->ops->user_named(a->store, name, &u, err);
	if (rc == VS_OK) {
		memcpy(out->user_id, u.id, sizeof(u.id));
		memcpy(out->name, u.name, sizeof(u.name));
		rc = put_token(a, out, err);
	}
	return end(a, rc, err);
}

int account_revoke(struct account *a, const char *id, struct vs_err *err)
{
	int rc;

	assert(id != NULL);
	rc = a->store->ops->begin(a->store, err);
	if (rc != VS_OK)
		return rc;
	rc = a->store->ops->token_revoke(a->store, id, err);
	return end(a, rc, err);
}

int account_renew_logs(struct account *a, int64_t *count, struct vs_err *err)
{
	int rc = a->store->ops->begin(a->store, err);

	if (rc != VS_OK)
		return rc;
	rc = a->store->ops->projects_renew(a->store, a->rand, count, err);
	return end(a, rc, err);
}
