/* The network between the engines and the cloud. */
#ifndef WORLDNET_H
#define WORLDNET_H

#include "agent/engine/engine.h"
#include "tests/sim/world.h"

/* For struct engine_world; arg is the struct world. */
void worldnet_send(void *arg, const struct engine_send *s);

/* The same for anybody else; end lives as long as the world. */
void worldnet_send_as(
    struct world *w, const struct world_end *end, const struct engine_send *s);

/* The engine's latest batch arrives once more, within a minute. */
void worldnet_echo(struct world *w);

/* "answer lost", ...: for the summary. */
const char *worldnet_fate(enum world_fate fate);

#endif
