/* Who asks, and what that person may do in a project. */
#ifndef AUTH_H
#define AUTH_H

#include "cloud/service/call.h"

#define AUTH_TOKEN_SIZE 65 /* bytes of a token's text, NUL included */

/*
 * Finds the user of a bearer token (NULL: none was sent) and sets
 * call->user.  401 without one, with an unknown one and with a revoked one.
 */
int auth_user(struct call *call, const char *token);

/*
 * Finds the project and the role of call->user, and sets them in call.  404
 * for a project that does not exist and for a stranger alike; 403 for a
 * member when owner is asked for.
 */
int auth_project(struct call *call, const char *id, bool owner);

/* A new token of 256 random bits; only its hash is to be stored. */
void auth_token_make(struct vs_rand *r, char text[AUTH_TOKEN_SIZE],
    uint8_t hash[VS_SHA256_SIZE]);

#endif
