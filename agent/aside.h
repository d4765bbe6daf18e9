/* A damaged database goes to another name, for whoever wants to look at it. */
#ifndef ASIDE_H
#define ASIDE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define ASIDE_KEPT 2 /* of one database; older ones are removed */

/*
 * Renames the database at path (absolute, closed) with its log to
 * path.corrupt-DATE, in aside (cap bytes); durable.  wall_ms: now.
 */
int aside_move(const char *path, int64_t wall_ms, char *aside, size_t cap,
    struct vs_err *err);

#endif
