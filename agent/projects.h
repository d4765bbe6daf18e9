/*
 * The projects that run, and those that are being stopped: what makes them
 * agree with a configuration.  All functions on the loop's thread.
 */
#ifndef PROJECTS_H
#define PROJECTS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/config.h"
#include "agent/project.h"

struct projects;

struct projects_calls {
	void (*started)(void *arg, struct project *p);
	/* From the loop: one that was stopped is gone. */
	void (*stopped)(void *arg);
	void *arg;
};

/* None yet.  host is kept and must outlive it.  NULL: out of memory. */
struct projects *projects_new(
    const struct project_host *host, const struct projects_calls *calls);

/* None may be left.  NULL is nothing. */
void projects_free(struct projects *ps);

/*
 * Stops what config does not have so, or what was started with another
 * generation of the account; starts what it has and what does not run.  One
 * that is being stopped is started by a later call, when it is gone.  What
 * cannot be started is logged.
 */
void projects_apply(
    struct projects *ps, const struct config *config, unsigned generation);

/* Stops them all; calls.stopped as each is gone. */
void projects_stop(struct projects *ps);

/* The running one with this id, or NULL. */
struct project *projects_find(const struct projects *ps, const char *id);

/* How many run; those being stopped are not counted. */
size_t projects_count(const struct projects *ps);

/* None is being stopped. */
bool projects_settled(const struct projects *ps);

/* None runs, and none is being stopped. */
bool projects_none(const struct projects *ps);

#endif
