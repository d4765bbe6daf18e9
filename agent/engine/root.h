/* Whether the folder is still the one it was (rule R2). */
#ifndef ROOT_H
#define ROOT_H

#include <stdbool.h>

#include "agent/engine/core.h"

/*
 * Looks now.  False when it is lost: then all work in memory was dropped,
 * and root_step looks again until it is back.
 */
bool root_check(struct engine *e);

/* What is due: the regular look, or the look for a lost one. */
void root_step(struct engine *e);

/* Reads what is durable of it. */
int root_load(struct engine *e, struct vs_err *err);

/*
 * Whether the folder that is there now is ours; *out is what was found,
 * unless there is none (CORE_ROOT_ABSENT).  err says what is wrong with it.
 */
enum core_root_flaw root_judge(
    struct engine *e, struct disk_root *out, struct vs_err *err);

/*
 * From now on the root is this one, found by root_judge.  Durable with the
 * open transaction; root_accepted once it is.
 */
int root_accept(
    struct engine *e, const struct disk_root *found, struct vs_err *err);

/* That transaction is durable: it is the root in memory, too. */
void root_accepted(struct engine *e, const struct disk_root *found);

#endif
