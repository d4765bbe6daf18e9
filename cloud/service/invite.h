/* Invitations to a project: made by its owner, used once. */
#ifndef INVITE_H
#define INVITE_H

#include <jansson.h>

#include "cloud/service/call.h"
#include "common/base/buf.h"

#define INVITE_LIFE_S (7 * 24 * 60 * 60) /* unless told */
#define INVITE_LIFE_MAX_S (366 * 24 * 60 * 60)

/* A new one, body {role?, expires_in?}; {"success","token","expires_at"}. */
int invite_make(struct call *call, const json_t *body, struct vs_buf *b);

/*
 * Makes the caller a member by a token; {"success","project","role"}.  Who
 * is in the project already is told so, and the invitation stays open; the
 * one who used it gets the same answer again.  404 for a token that is
 * unknown, used by somebody else, or over, which all look the same.
 */
int invite_accept(struct call *call, const char *token, struct vs_buf *b);

#endif
