/* POST /files/update: a batch of changes into the log and the state. */
#ifndef INGEST_H
#define INGEST_H

#include <stddef.h>

#include "cloud/service/call.h"
#include "common/base/buf.h"

#define INGEST_ANSWER_MAX (32 * 1024 * 1024) /* bytes */

/*
 * Does the batch in body, all of it or (with call->fault) nothing, and
 * appends the answer to b.  The same numbered batch again gives the first
 * answer again, to the byte, and changes nothing.
 */
int ingest_update(
    struct call *call, const char *body, size_t len, struct vs_buf *b);

#endif
