/*
 * The worker threads that read and hash files for all projects.  Two lanes:
 * files up to HASHER_SMALL bytes, and larger ones, which never occupy all
 * workers, so that a film of a terabyte does not hold up a saved script.
 */
#ifndef HASHER_H
#define HASHER_H

#include <stdatomic.h>
#include <stdint.h>

#include "agent/scan/disk.h"
#include "common/base/err.h"

#define HASHER_SMALL (16 * 1024 * 1024) /* bytes; the fast lane */

struct hasher;

/* Zeroed by the caller, who keeps it until done returns. */
struct hasher_job {
	/* in */
	struct disk *disk;
	char *path;
	int64_t size; /* as last seen */
	const atomic_bool *cancel;
	const void *owner; /* for hasher_forget */
	/* on a worker's thread, once; may free the job */
	void (*done)(struct hasher_job *job);
	/* out */
	int code;
	struct vs_err err;
	struct disk_hash hash;
	/* the hasher's own */
	struct hasher_job *next;
};

/* workers: at least 2 are started, so that each lane has one. */
int hasher_new(struct hasher **out, int workers, struct vs_err *err);

/* Waits for the threads; no job may be left. */
void hasher_free(struct hasher *h);

/* Any thread. */
void hasher_submit(struct hasher *h, struct hasher_job *job);

/*
 * Drops the queued jobs of owner (done is called with VS_ECANCELED, on this
 * thread) and waits for the running ones; set their cancel first.
 */
void hasher_forget(struct hasher *h, const void *owner);

#endif
