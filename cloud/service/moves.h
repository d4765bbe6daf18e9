/*
 * Which way a transfer may go, and on whose word.  Pure.
 *
 *   pending -> in_progress -> completed, failed, cancelled
 *   pending -> failed, cancelled; completed on the requester's word
 *   failed  -> pending          the requester resumes it
 *
 * The requester has checked the bytes: what it says of the end stands, and
 * it may say otherwise than the source did.
 */
#ifndef MOVES_H
#define MOVES_H

#include <stdbool.h>

#include "cloud/store/store.h"

/* "pending", ... */
const char *moves_name(enum store_status status);

/* The enum, or VS_EINVAL. */
int moves_parse(const char *name);

/* True for completed, failed and cancelled. */
bool moves_ended(enum store_status status);

/*
 * True if t may become what is asked for; to stay as it is always may.
 * requester: asked by the requester, else by the source.
 */
bool moves_allow(
    const struct store_transfer *t, enum store_status to, bool requester);

#endif
