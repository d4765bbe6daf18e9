/*
 * These commands write to the database themselves, beside a server that may
 * be running: the store's lock file keeps the two apart, and the server
 * sees a new token or a revoked one with its next request.
 */
#include "cloud/admin.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cloud/service/account.h"
#include "cloud/store/store.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/stamp.h"
#include "common/os/clock.h"
#include "common/os/rand.h"

#define OUTPUT_MAX (16 * 1024 * 1024) /* bytes */

static int open_account(
    const struct admin *a, struct account *account, struct vs_err *err)
{
	const struct store_options o = { .path = a->path };

	memset(account, 0, sizeof(*account));
	account->rand = vs_rand_os();
	account->wall_ms = vs_clock_wall_ms();
	return store_open(&account->store, &o, err);
}

/* A token that cannot be printed is as good as none: that is an error. */
static int print(struct vs_buf *b, struct vs_err *err)
{
	int rc = vs_buf_error(b);

	if (rc == VS_OK &&
	    (fputs(vs_buf_str(b), stdout) == EOF || fflush(stdout) == EOF))
		rc = vs_err_errno(err, errno, "standard output");
	else if (rc != VS_OK)
		rc = vs_err_set(err, rc, "output: %s", vs_err_text(rc));
	if (b->data != NULL)
		explicit_bzero(b->data, b->len);
	vs_buf_release(b);
	return rc;
}

static int print_token(
    const struct admin *a, const struct account_token *t, struct vs_err *err)
{
	struct vs_buf b;

	vs_buf_init(&b, OUTPUT_MAX);
	if (a->json) {
		vs_buf_addf(&b, "{\"user_id\":\"%s\",\"name\":", t->user_id);
		vs_json_add_str(&b, t->name);
		vs_buf_addf(&b, ",\"token_id\":\"%s\",\"token\":\"%s\"}\n",
		    t->id, t->text);
	} else {
		vs_buf_addf(&b, "%s\n", t->text);
		(void)fprintf(stderr, "token id of %s: %s\n", t->name, t->id);
	}
	return print(&b, err);
}

static int add(const struct admin *a, const char *name,
    int (*make)(struct account *account, const char *user,
	struct account_token *out, struct vs_err *err),
    struct vs_err *err)
{
	struct account_token t = { .id = "" };
	struct account account;
	int rc = open_account(a, &account, err);

	if (rc == VS_OK)
		rc = make(&account, name, &t, err);
	store_close(account.store);
	if (rc == VS_OK)
		rc = print_token(a, &t, err);
	explicit_bzero(&t, sizeof(t));
	return rc;
}

int admin_add_user(const struct admin *a, const char *name, struct vs_err *err)
{
	int rc = add(a, name, account_add_user, err);

	if (rc == VS_EEXIST)
		(void)vs_err_set(err, rc,
		    "user %s exists already; `vsync-cloud token add %s` "
		    "makes another token",
		    name, name);
	return rc;
}

int admin_add_token(const struct admin *a, const char *name, struct vs_err *err)
{
	int rc = add(a, name, account_add_token, err);

	if (rc == VS_ENOENT)
		(void)vs_err_set(err, rc,
		    "no user %s; `vsync-cloud user add %s` makes one", name,
		    name);
	return rc;
}

struct admin_list {
	struct vs_buf *b;
	bool json;
	int64_t rows;
};

static int add_token(void *arg, const struct store_token *t)
{
	struct admin_list *list = arg;
	char stamp[VS_STAMP_SIZE];

	(void)vs_stamp_format(t->created_ms, stamp);
	if (!list->json) {
		vs_buf_addf(list->b, "%s %s %s\n", t->id, stamp, t->user_name);
		return vs_buf_error(list->b);
	}
	if (list->rows++ > 0)
		vs_buf_addch(list->b, ',');
	vs_buf_addf(list->b,
	    "{\"token_id\":\"%s\",\"user_id\":\"%s\",\"name\":", t->id,
	    t->user_id);
	vs_json_add_str(list->b, t->user_name);
	vs_buf_addf(list->b, ",\"created_at\":\"%s\"}", stamp);
	return vs_buf_error(list->b);
}

int admin_list_tokens(const struct admin *a, struct vs_err *err)
{
	struct admin_list list = { .json = a->json };
	struct account account;
	struct vs_buf b;
	int rc = open_account(a, &account, err);

	vs_buf_init(&b, OUTPUT_MAX);
	list.b = &b;
	if (rc == VS_OK)
		rc = account.store->ops->begin(account.store, err);
	if (rc == VS_OK) {
		if (a->json)
			vs_buf_addstr(&b, "{\"tokens\":[");
		rc = account.store->ops->tokens(
		    account.store, add_token, &list, err);
		if (a->json)
			vs_buf_addstr(&b, "]}\n");
		account.store->ops->rollback(account.store);
	}
	store_close(account.store);
	if (rc == VS_OK)
		return print(&b, err);
	vs_buf_release(&b);
	return rc;
}

int admin_revoke_token(
    const struct admin *a, const char *id, struct vs_err *err)
{
	struct account account;
	int rc = open_account(a, &account, err);

	assert(id != NULL);
	if (rc == VS_OK)
		rc = account_revoke(&account, id, err);
	store_close(account.store);
	if (rc == VS_ENOENT)
		(void)vs_err_set(err, rc,
		    "no token has this id; `vsync-cloud token list` shows "
		    "them");
	return rc;
}

int admin_restored(const struct admin *a, struct vs_err *err)
{
	struct account account;
	int64_t count = 0;
	struct vs_buf b;
	int rc = open_account(a, &account, err);

	if (rc == VS_OK)
		rc = account_renew_logs(&account, &count, err);
	store_close(account.store);
	if (rc != VS_OK)
		return rc;
	vs_buf_init(&b, OUTPUT_MAX);
	if (a->json)
		vs_buf_addf(&b, "{\"projects\":%" PRId64 "}\n", count);
	else
		vs_buf_addf(&b, "%" PRId64 " projects have a new log\n", count);
	return print(&b, err);
}
