/*
 * Worker threads for what blocks: reading and hashing files, fetching
 * chunks.  Three lanes: jobs of up to CREW_SMALL bytes; larger ones; and those
 * over CREW_LARGE.  The two lanes of larger ones together leave CREW_SPARE
 * workers, so that with one worker a processor and these more, each job has
 * a processor; only that either lane may always have one job, and that one
 * worker stays for small ones.  So a film of a terabyte does not hold up a
 * saved script, nor a saved clip, nor do clips the film.
 */
#ifndef CREW_H
#define CREW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

#define CREW_SPARE 2 /* workers that larger jobs leave */
#define CREW_SMALL (16 * 1024 * 1024) /* bytes; the fast lane */
#define CREW_LARGE (1024LL * 1024 * 1024) /* bytes; the slow lane beyond */

struct crew;

/* Zeroed by the caller, who keeps it until done returns. */
struct crew_job {
	int64_t size; /* bytes to work on, as far as known */
	bool urgent; /* before the others of its lane */
	const atomic_bool *cancel;
	const void *owner; /* for crew_forget */
	/* a worker's thread; err says how it went */
	void (*work)(struct crew_job *job);
	/* a worker's thread, once; may free the job */
	void (*done)(struct crew_job *job);
	struct vs_err err;
	struct crew_job *next; /* the crew's own */
};

/* workers: at least 3 are started, so that each lane has one. */
int crew_new(struct crew **out, int workers, struct vs_err *err);

/* Waits for the threads; no job may be left. */
void crew_free(struct crew *c);

/* Any thread. */
void crew_submit(struct crew *c, struct crew_job *job);

/*
 * Drops the queued jobs of owner (done is called with VS_ECANCELED, on this
 * thread) and waits for the running ones; set their cancel first.
 */
void crew_forget(struct crew *c, const void *owner);

#endif
