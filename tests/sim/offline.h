/*
 * A long time without the cloud, with many changes and an end of the agent
 * every day: nothing of the agent's may grow with either, and all must be
 * in the log soon after the network is back.
 */
#ifndef OFFLINE_H
#define OFFLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/score.h"

struct offline_options {
	struct world_options world;
	int64_t days;
	int64_t changes; /* in all of them */
	int64_t names; /* in the folder, about */
};

struct offline_result {
	int64_t changes; /* done */
	int64_t outbox; /* the most rows there were */
	int64_t room; /* the most names there were to have rows */
	int64_t database; /* bytes at most, with its log */
	int64_t heap; /* bytes that the agent's engine held at most */
	int64_t converge_ms; /* from the network's return until all was sent */
	int64_t events; /* it took */
	char failure[1024]; /* "": all well */
};

/* False when a ceiling was broken or it did not converge. */
bool offline_run(const struct offline_options *o, struct offline_result *result,
    struct score *score);

#endif
