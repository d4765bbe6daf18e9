/*
 * What a pull would do, file by file; the same plan is shown by a dry run
 * and carried out.
 */
#ifndef PLAN_H
#define PLAN_H

#include <jansson.h>

#include "agent/member/member_core.h"

#define PLAN_SHOWN 10000 /* files named in the document */

/* As member_pull. */
json_t *plan_make(struct member *m, const char *const *paths, size_t n,
    const struct member_want *want, struct vs_err *err);

#endif
