/*
 * From the outbox to the cloud: one request in flight a project, batches
 * fixed before they are sent (perhaps one ahead of its turn: ahead.h), rows
 * removed only by a reply that names them (rules R4, R5, R8).
 */
#ifndef PUBLISHER_H
#define PUBLISHER_H

#include "agent/engine/core.h"

/* Reads what is durable of it; begins an epoch where there is none. */
int publisher_load(struct engine *e, struct vs_err *err);

/* Sends what is due.  When it wants to be called again (mono ms). */
int64_t publisher_step(struct engine *e);

/* The answer to the request under way. */
void publisher_answered(struct engine *e, const struct engine_answer *a);

/* Sends one request; its answer comes by engine_answered. */
void publisher_ask(
    struct engine *e, enum core_request what, struct engine_send *s);

/* Sends a batch that is durable, of so many changes at most. */
void publisher_send_batch(
    struct engine *e, const struct vs_buf *body, int changes);

/* After a failure: not again before some time has passed. */
void publisher_back_off(
    struct engine *e, int64_t retry_after_ms, const char *why);

/* An answer came that was one: the cloud is there. */
void publisher_reached(struct engine *e);

/* Another device publishes: nothing is sent until a person acts. */
void publisher_fenced(struct engine *e);

/* Nothing is sent until a person acts. */
void publisher_stop(struct engine *e, enum core_stop stop, const char *why);

#endif
