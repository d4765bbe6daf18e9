/* The status of everything, gathered from the projects' threads. */
#ifndef STATUS_H
#define STATUS_H

#include <jansson.h>

#include "agent/agent.h"
#include "agent/project.h"

/*
 * Asks all projects and calls done once, later, on the loop's thread, with
 * the document of GET /v1/status (without "schema" and "ok"; done's own; NULL
 * out of memory).  A project whose thread does not answer within seconds is
 * reported as busy.
 */
void status_gather(
    struct agent *a, void (*done)(void *arg, json_t *doc), void *arg);

/*
 * Asks one project; done gets its object P, or NULL when it does not
 * answer.
 */
void status_of(struct agent *a, struct project *p,
    void (*done)(void *arg, json_t *doc), void *arg);

#endif
