/*
 * Rescans: of everything or of one path, ours and the user's, one after the
 * other.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include "agent/engine/core.h"

/*
 * A full scan of our own, unless one waits already; until it has ended, no
 * history of the watcher's stands in for it (resume.h).
 */
void sweep_all(struct engine *e);

/* A rescan as engine_rescan describes it. */
int sweep_add(
    struct engine *e, const struct core_sweep *want, struct vs_err *err);

/* Starts what waits, ends what is through. */
void sweep_step(struct engine *e);

/* Whether names come first, and folders are still to be listed. */
bool sweep_lists_first(const struct engine *e);

/* All end with code (work was dropped). */
void sweep_drop(struct engine *e, int code);

#endif
