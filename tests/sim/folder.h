/*
 * What people and programs do in a folder: save, rename, delete, replace,
 * record for hours, unpack an archive.
 */
#ifndef FOLDER_H
#define FOLDER_H

#include <stdint.h>

#include "tests/sim/world.h"

#define FOLDER_WRITERS 4 /* files left open for writing at a time */

struct folder {
	struct vs_rand rand; /* its own, so that faults change no operation */
	struct memfs_node *writer[FOLDER_WRITERS];
	int64_t done; /* operations that did something */
};

void folder_init(struct folder *f, uint64_t seed);

/* One random operation. */
void folder_act(struct folder *f, struct world *w);

/* Closes what is open for writing. */
void folder_rest(struct folder *f, struct world *w);

#endif
