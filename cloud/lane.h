/*
 * A thread with a store of its own and a queue of jobs before it.
 *
 * The writer takes what is there, up to a group, does each job in a
 * savepoint (one that is alone: in the transaction itself), and hands them
 * back after one commit: what is answered is durable, and a small request
 * costs one fsync.  A reader does one job at a
 * time, each in a view of its own.
 *
 * When the store fails, every job of the group is answered 503 (507 for a
 * full disk), and the database is opened anew for the next one; a commit is
 * never tried twice.
 */
#ifndef LANE_H
#define LANE_H

#include <stdbool.h>

#include "cloud/job.h"
#include "cloud/store/store.h"

#define LANE_GROUP 256 /* jobs of one commit */

struct lane;

struct lane_options {
	struct store_options store;
	/* on the lane's thread: jobs that have their answers; the list is
	   the callee's */
	void (*done)(void *arg, struct job_list *jobs);
	/* on the lane's thread, once, as the last thing it does */
	void (*ended)(void *arg);
	void *arg;
};

/* Opens the store (its errors are returned) and starts the thread. */
int lane_start(
    struct lane **out, const struct lane_options *o, struct vs_err *err);

/* Hands a job in; from one thread, and not after lane_stop. */
void lane_push(struct lane *lane, struct job *job);

/* Ends the thread once its queue is empty; ended() follows. */
void lane_stop(struct lane *lane);

/* Waits for the end of a stopped lane and frees it.  NULL is nothing. */
void lane_join(struct lane *lane);

/*
 * What the thread does with the jobs of one commit: begin, a savepoint for
 * each of several, commit, unless it is one that leaves nothing.  VS_OK:
 * all have their answers, durably.  Else none of them has happened, the
 * store is used up, and all are answered accordingly.
 */
int lane_commit(struct store *s, struct job_list *jobs);

#endif
