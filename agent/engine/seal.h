/*
 * Folders that are as they were, told without a look at their rows.
 *
 * When a scan finds that all there is in a folder is just what its rows say,
 * a digest of that listing stays with the folder until one of the rows is
 * written (manifest_seal).  A later listing with the same digest would be
 * found the same, name by name, under the same rules: so most folders cost a
 * restart one row, not one for each file.  Which scans look at the rows all
 * the same, sweep.c says.
 */
#ifndef SEAL_H
#define SEAL_H

#include "agent/engine/core.h"
#include "agent/scan/roster.h"

/* 1 if names, all that is in dir, are as they were sealed; 0 or negative. */
int seal_holds(struct engine *e, const char *dir, struct roster *names,
    struct vs_err *err);

/* Every one of names was found to be as its row says, or to have none. */
int seal_put(struct engine *e, const char *dir, struct roster *names,
    struct vs_err *err);

#endif
