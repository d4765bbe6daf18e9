/*
 * Pieces of work done by several processes at once.  Each piece is a
 * function of its number alone, so who does it changes nothing.
 */
#ifndef GANG_H
#define GANG_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/score.h"

struct gang_work {
	/* One piece; false when it failed (it has printed why). */
	bool (*piece)(void *arg, int64_t no, struct score *score);
	void *arg;
	int64_t from; /* numbers from, from + 1, ... */
	int64_t count;
	bool one; /* stop at the first that failed */
};

struct gang_result {
	int64_t passed;
	int64_t failed;
};

/*
 * Does all pieces with jobs processes; a process that dies has failed in the
 * piece it was at, and the rest of its share.  score gets the sums.
 */
void gang_run(const struct gang_work *w, int jobs, struct gang_result *result,
    struct score *score);

#endif
