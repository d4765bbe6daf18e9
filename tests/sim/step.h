/*
 * Forty concrete operations on a small tree of fixed names, for trying every
 * short sequence of them (series.h):
 *
 *   foo  bar  A/foo  A/bar  A/C/foo  B/ (empty)  s -> foo
 */
#ifndef STEP_H
#define STEP_H

#include <stdbool.h>

#include "tests/sim/world.h"

#define STEPS 40

/* A folder with somebody who may have a file open in it. */
struct step_place {
	struct world *w;
	struct memfs_node *writer;
};

/* Makes the tree that steps begin with. */
void step_prepare(struct step_place *p);

/* Does one of them; false when it cannot be done as things stand. */
bool step_do(struct step_place *p, int step);

/* Closes what is open. */
void step_rest(struct step_place *p);

/* "mv A B", ...: for people. */
const char *step_name(int step);

#endif
