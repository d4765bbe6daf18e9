/* Deletions that wait for a person: shown, approved, rejected. */
#ifndef HELD_H
#define HELD_H

#include <stdbool.h>

#include "cloud/service/call.h"
#include "common/base/buf.h"

#define HELD_SAMPLE 20 /* paths shown of each hold */

/*
 * Appends {"success","count","holds":[{"id","device_id","created_at",
 * "count","paths"}],"log_id","last_seq"}; paths are the first few.
 */
int held_list(struct call *call, struct vs_buf *b);

/*
 * Approves the hold, which deletes what of it is still there, with events,
 * and takes what is left as the new baseline; or rejects it, which forgets
 * it.  Appends {"success","approved","deleted","log_id","last_seq","tree"}.
 * 404 for a hold that is not there (any more).
 */
int held_decide(
    struct call *call, const char *id, bool approve, struct vs_buf *b);

#endif
