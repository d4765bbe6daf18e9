/*
 * Counts units of work so that somebody can wait for all that were there
 * when he came, and for what they led to, but not for later ones.  Pure.
 */
#ifndef BARRIER_H
#define BARRIER_H

#include <stdbool.h>
#include <stdint.h>

struct barrier_wait {
	uint64_t gen; /* units up to this one count */
	int64_t left; /* of them, still under way; 0: passed */
	struct barrier_wait *next;
};

struct barrier {
	uint64_t gen; /* given to new units; starts at 1 */
	int64_t units; /* under way */
	struct barrier_wait *waits;
};

/* No unit, nobody waiting. */
void barrier_init(struct barrier *b);

/* A new unit; its gen.  Each is left exactly once. */
uint64_t barrier_enter(struct barrier *b);

/* A unit that another one of this gen led to.  gen 0 is no unit. */
void barrier_inherit(struct barrier *b, uint64_t gen);

/* The unit is done with.  gen 0 is no unit. */
void barrier_leave(struct barrier *b, uint64_t gen);

/* Waits from now on; w is the caller's until barrier_forget. */
void barrier_wait(struct barrier *b, struct barrier_wait *w);

/* Waits no more, passed or not; one that does not wait is nothing. */
void barrier_forget(struct barrier *b, struct barrier_wait *w);

#endif
