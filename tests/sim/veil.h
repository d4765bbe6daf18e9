/* What the rules in a folder hide of it, for whoever judges. */
#ifndef VEIL_H
#define VEIL_H

#include <stdbool.h>

#include "agent/scan/ignore.h"
#include "tests/sim/memfs.h"

/* The rules as the folder's files have them now; they must be good ones. */
struct ignore *veil_load(struct memfs *fs);

/* Calls each for all paths that are hidden; a hidden folder with something
 * shown in it is among them. */
void veil_each(
    struct memfs *fs, void (*each)(void *arg, const char *path), void *arg);

#endif
