/* What the agent tells as it happens, for verbs that go on after a list. */
#ifndef TAIL_H
#define TAIL_H

#include <stdbool.h>
#include <jansson.h>

#include "cli/call.h"

/*
 * Reads /v1/watch of params (borrowed: "project") until a signal (VS_OK), a
 * reader that left, or trouble; exit 69 when the agent ends.  event gets
 * each object, borrowed, the first one as soon as nothing can be missed any
 * more; it may call call_ask, and ends the stream with false after trouble.
 */
int tail_run(struct call *c, json_t *params,
    bool (*event)(void *arg, const json_t *event), void *arg);

/* Finds the project that is meant and adds its id as "project" to params. */
int tail_project(struct call *c, json_t *params);

#endif
