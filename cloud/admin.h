/* The commands of whoever runs the server: users, tokens, a restored log. */
#ifndef ADMIN_H
#define ADMIN_H

#include <stdbool.h>

#include "common/base/err.h"

struct admin {
	const char *path; /* of the SQLite file; a server may be using it */
	bool json; /* one JSON object instead of text */
};

/*
 * Makes a user with a first token.  Standard output gets the token alone (or
 * the object), standard error the token's id, by which it is revoked.
 * VS_EEXIST for a name that is taken, VS_EINVAL for one that is none.
 */
int admin_add_user(const struct admin *a, const char *name, struct vs_err *err);

/* One more token, printed likewise.  VS_ENOENT for a name unknown. */
int admin_add_token(
    const struct admin *a, const char *name, struct vs_err *err);

/* One line a token: id, user, since when; never the token. */
int admin_list_tokens(const struct admin *a, struct vs_err *err);

/* Ends a token by its id, at once.  VS_ENOENT for an id unknown. */
int admin_revoke_token(
    const struct admin *a, const char *id, struct vs_err *err);

/*
 * Gives every project's log a new identity, after the database was put back
 * from a copy: what clients know of the numbers may be of events that are no
 * more.  Prints how many projects there are.
 */
int admin_restored(const struct admin *a, struct vs_err *err);

#endif
