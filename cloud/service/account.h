/* What the administrator does: users, tokens, and logs after a restore. */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include "cloud/service/auth.h"
#include "cloud/store/store.h"
#include "common/base/err.h"
#include "common/os/rand.h"

/* What it takes to make one. */
struct account {
	struct store *store; /* that writes; not in a transaction */
	struct vs_rand *rand;
	int64_t wall_ms;
};

/* A token at the only moment its text exists here. */
struct account_token {
	char user_id[STORE_ID];
	char name[STORE_NAME]; /* the user's */
	char id[STORE_ID]; /* the token's, to revoke it by */
	char text[AUTH_TOKEN_SIZE];
};

/*
 * A new user with a first token, in one transaction.  VS_EEXIST for a name
 * that is taken, VS_EINVAL for one with blanks or control characters.
 */
int account_add_user(struct account *a, const char *name,
    struct account_token *out, struct vs_err *err);

/* One more token of a user, in one transaction.  VS_ENOENT. */
int account_add_token(struct account *a, const char *name,
    struct account_token *out, struct vs_err *err);

/* Ends the token with this id, in one transaction.  VS_ENOENT. */
int account_revoke(struct account *a, const char *id, struct vs_err *err);

/* A new identity for every project's log, in one transaction. */
int account_renew_logs(struct account *a, int64_t *count, struct vs_err *err);

#endif
