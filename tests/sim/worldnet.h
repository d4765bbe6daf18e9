/* The network between the engine and the cloud. */
#ifndef WORLDNET_H
#define WORLDNET_H

#include "agent/engine/engine.h"
#include "tests/sim/world.h"

/* For struct engine_world; arg is the struct world. */
void worldnet_send(void *arg, const struct engine_send *s);

/* "answer lost", ...: for the summary. */
const char *worldnet_fate(enum world_fate fate);

#endif
