/* One run of one seed: operations, faults, and judgements in between. */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/score.h"
#include "tests/sim/world.h"

/* What of an operation is left out. */
#define RUN_NO_ACT 1
#define RUN_NO_GREMLIN 2
#define RUN_NO_IMP 4
#define RUN_NO_MEDDLE 8

struct run_options {
	struct world_options world;
	int64_t ops;
	bool calm; /* nothing goes wrong */
	const uint8_t *skip; /* RUN_NO_* by operation, from 1; or NULL */
};

struct run_result {
	uint64_t hash; /* of the trace */
	int64_t op; /* at which it failed */
	char failure[1024]; /* "": it passed */
};

/* True when all was well; score may be NULL. */
bool run_seed(const struct run_options *o, struct run_result *result,
    struct score *score);

#endif
