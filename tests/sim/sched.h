/*
 * Virtual time: events in order of their moment, ties broken by the seed.
 * Nothing waits; the clock jumps.
 */
#ifndef SCHED_H
#define SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/os/clock.h"
#include "common/os/rand.h"

struct sched;

/*
 * An event's function; data is what sched_add got, and the function's to
 * free.  due is false when the event will not happen (sched_clear).
 */
typedef void sched_fn(void *arg, void *data, bool due);

struct sched *sched_new(struct vs_rand *rand, struct vs_now start);
void sched_free(struct sched *s);

/* What the clocks show. */
struct vs_now sched_now(const struct sched *s);

/* The wall clock is set by ms. */
void sched_jump(struct sched *s, int64_t ms);

/*
 * Calls fn(arg, data) in delay_ms.  owner marks events that are to be
 * dropped together.
 */
void sched_add(struct sched *s, int64_t delay_ms, int owner, sched_fn *fn,
    void *arg, void *data);

/* Moment of the next event, INT64_MAX when there is none. */
int64_t sched_next(const struct sched *s);

/* Moves the clock on to mono_ms, past no event. */
void sched_wait(struct sched *s, int64_t mono_ms);

/* Runs the next event; false when there is none. */
bool sched_one(struct sched *s);

/* Drops an owner's events. */
void sched_clear(struct sched *s, int owner);

#endif
