/*
 * The control socket as the agent itself sees it; the verbs behind it are in
 * agent/control/, the protocol in common/proto/control.h.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include "agent/agent.h"
#include "agent/project.h"
#include "common/base/err.h"

struct control;

/* Serves on fd, which it owns from now on (also when it fails). */
int control_start(
    struct control **out, struct agent *a, int fd, struct vs_err *err);

/* Ends what is open, then calls stopped; c is gone. */
void control_stop(struct control *c, void (*stopped)(void *arg), void *arg);

/* Passes news on to those who watch. */
void control_news(
    struct control *c, struct project *p, const struct project_news *n);

/* A project was started: those who watch want to hear of it. */
void control_project(struct control *c, struct project *p);

/* Writes a line a project to the log. */
void control_dump(struct control *c);

#endif
