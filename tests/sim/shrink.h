/* A failure with as little as possible around it. */
#ifndef SHRINK_H
#define SHRINK_H

#include "tests/sim/run.h"

/*
 * Leaves out what the failure at result->op of a run with o does not need,
 * as long as it still fails, and prints what is left, with its trace.  Takes
 * at most tries runs.
 */
void shrink_print(
    const struct run_options *o, const struct run_result *result, int tries);

#endif
