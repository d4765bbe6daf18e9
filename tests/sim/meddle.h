/*
 * What people do to the folder in the midst of the engine's own steps: its
 * scans, its looks, its reading of the rules.  In some stretches of a run
 * nobody does, in some it happens all the time.
 */
#ifndef MEDDLE_H
#define MEDDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/folder.h"
#include "tests/sim/memedge.h"

struct meddle {
	struct folder *folder;
	struct world *w;
	uint64_t seed;
	bool on; /* else it holds still */
	int64_t op;
	int64_t calls; /* of the engine since op began */
	int rare; /* one in so many calls; 0: none */
	int64_t count; /* times */
};

/* Borrows folder and w. */
void meddle_init(
    struct meddle *m, struct folder *folder, struct world *w, uint64_t seed);

/* Operation op begins; still: nothing beside it. */
void meddle_begin(struct meddle *m, int64_t op, bool still);

/* For memedge_turn; arg is the struct meddle. */
bool meddle_turn(void *arg, enum memedge_call call, const char *path);

#endif
