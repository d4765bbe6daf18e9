/* Barriers: engine_flush, from the cookie to the cloud. */
#ifndef FLUSH_H
#define FLUSH_H

#include "agent/engine/core.h"

/* A hint about a path below .vsync. */
void flush_hint(struct engine *e, const char *path);

/* Moves every barrier on as far as it goes. */
void flush_step(struct engine *e);

/* When a step is due for them; INT64_MAX for never. */
int64_t flush_due(const struct engine *e);

/* All end with code. */
void flush_drop(struct engine *e, int code, const char *why);

#endif
