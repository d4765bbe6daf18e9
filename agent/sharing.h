/*
 * What this machine offers to other devices: the chunk server over the
 * owner's folders that run here (agent/serve/), and at the cloud the key of
 * this device and the addresses it is reached at.  All on the loop's thread.
 */
#ifndef SHARING_H
#define SHARING_H

#include "agent/agent.h"
#include "common/base/err.h"

struct sharing;

/* Begins with nothing; a is borrowed. */
int sharing_new(struct sharing **out, struct agent *a, struct vs_err *err);

/*
 * Configuration, account or projects are others now: listens, serves and
 * tells the cloud accordingly.  What fails is logged and tried again.
 */
void sharing_apply(struct sharing *s);

/*
 * Ends the chunk server, then calls stopped.  The struct stays until
 * sharing_free: a request to the cloud may still be under way.
 */
void sharing_stop(struct sharing *s, void (*stopped)(void *arg), void *arg);

/* After sharing_stop, and when no request is under way.  NULL is nothing. */
void sharing_free(struct sharing *s);

#endif
