/* Who is in a project. */
#ifndef ROSTER_H
#define ROSTER_H

#include "cloud/service/call.h"
#include "common/base/buf.h"

/* {"success","members":[{"user_id","name","role","joined_at"}]} */
int roster_list(struct call *call, struct vs_buf *b);

/*
 * Takes a member out, at once: no request, no ticket, no message after it.
 * 404 for who is none.  Appends {"success"}.
 */
int roster_remove(struct call *call, const char *user_id, struct vs_buf *b);

#endif
