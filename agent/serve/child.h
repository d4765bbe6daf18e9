/*
 * The chunk server: a process of its own that hands out pieces of published
 * files over TLS.  It has no database, no token and no way to write; what it
 * may serve it asks the agent, request by request (agent/serve/wire.h).
 *
 * The agent starts its own program with --serve: descriptor CHILD_WIRE is
 * the socket to the agent, CHILD_LISTEN the one that listens.
 */
#ifndef CHILD_H
#define CHILD_H

#include "common/base/err.h"

#define CHILD_WIRE 3
#define CHILD_LISTEN 4

/*
 * Serves until the agent is gone; that ends the process.  Comes back with
 * an error only: VS_EINVAL when nobody is at CHILD_WIRE.
 */
int child_run(struct vs_err *err);

#endif
