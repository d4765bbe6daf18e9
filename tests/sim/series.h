/*
 * Every sequence of up to so many steps (step.h), with an end of the agent,
 * of its machine, or of both machines after each: exhaustively.
 *
 * The world is prepared once; each sequence goes on in a process that is
 * forked from where its beginning left the world.  A sequence with a step
 * that cannot be done as things stand is that of its other steps, and void.
 */
#ifndef SERIES_H
#define SERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/score.h"

#define SERIES_LENGTH 4 /* steps of a sequence, at most */

struct series_options {
	struct world_options world;
	int length; /* steps of the longest sequences */
	int64_t share; /* one in so many of the longest; 1: all */
	const int *only; /* length steps: this one sequence; or NULL */
};

struct series_result {
	int64_t passed;
	int64_t failed;
	int64_t empty;
};

/* All sequences that begin with first; adds to result. */
void series_run(
    const struct series_options *o, int first, struct series_result *result);

#endif
