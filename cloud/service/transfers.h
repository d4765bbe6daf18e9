/*
 * Transfers as both of their ends see them: the requester its own, the
 * project's owner, whose device is the source, all of them.  What moves is
 * told to those two (call->tell).
 */
#ifndef TRANSFERS_H
#define TRANSFERS_H

#include <jansson.h>

#include "cloud/service/call.h"
#include "common/base/buf.h"

#define TRANSFERS_CHUNK (4 * 1024 * 1024) /* bytes */
#define TRANSFERS_PUSH_MS 1000 /* between two pushes of progress */
#define TRANSFERS_KEEP_MS (24 * 60 * 60 * 1000LL) /* figures of ended ones */

/* {"success","transfers":[...]}, latest first; status -1 for all. */
int transfers_list(
    struct call *call, int status, int64_t limit, struct vs_buf *b);

/* One as a bare object, with its milestones in "events". */
int transfers_show(struct call *call, const char *id, struct vs_buf *b);

/*
 * {status?, bytes_transferred?, error_message?, route?}: notes how far it is
 * and moves it (moves.h), 409 where that may not be.  Appends
 * {"success","transfer"}.
 */
int transfers_update(
    struct call *call, const char *id, const json_t *body, struct vs_buf *b);

/* The transfer, when the caller may know of it; else 404. */
int transfers_find(struct call *call, const char *id, struct store_transfer *t);

/* Stores t and tells both ends what has happened to it. */
int transfers_save(
    struct call *call, const struct store_transfer *t, const char *type);

/* How many chunks a file of size bytes has. */
int64_t transfers_chunks(int64_t size);

#endif
