/*
 * GET /snapshot: a whole project at one exact seq.  Rows go straight from
 * the store into the answer; what is held in memory is the answer, and of
 * the lines form only its compressed bytes.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <stdbool.h>

#include "cloud/service/call.h"
#include "common/base/buf.h"

#define SNAPSHOT_MAX (1024UL * 1024 * 1024) /* bytes of an answer */
#define SNAPSHOT_ETAG 128 /* bytes of an ETag, quotes and NUL included */

enum snapshot_form {
	SNAPSHOT_LINES, /* gzip, one row as JSON a line */
	SNAPSHOT_OBJECT, /* one JSON object */
};

/* The ETag of a snapshot: its log, seq, form and options. */
void snapshot_etag(const struct call *call, enum snapshot_form form,
    bool deleted, char out[SNAPSHOT_ETAG]);

/* Appends the snapshot in that form, deleted rows too if asked for. */
int snapshot_write(
    struct call *call, enum snapshot_form form, bool deleted, struct vs_buf *b);

#endif
