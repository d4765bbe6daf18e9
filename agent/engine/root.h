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

#endif
