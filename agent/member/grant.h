/*
 * What a pull asks of the cloud: a transfer, and a ticket for it; later
 * another ticket.  0 or what the database failed with.
 */
#ifndef GRANT_H
#define GRANT_H

#include "agent/member/member_core.h"

/*
 * What is wanted may have changed since it was queued: 1 when the pull is for
 * the content that the mirror names now, 0 when it cannot go on now.
 */
int grant_refresh(
    struct member *m, struct member_active *a, struct vs_err *err);

/* A new one: queued -> asked. */
int grant_ask(struct member *m, struct member_active *a, struct vs_err *err);

/* Another ticket for the transfer that there is. */
void grant_renew(struct member *m, struct member_active *a);

/* The cloud's answer to one of them: asked -> fetching, or back. */
int grant_answered(struct member *m, struct member_active *a,
    const struct engine_answer *an, struct vs_err *err);

#endif
