/*
 * This device as the cloud knows it: its key's pin and where it can be
 * reached.  Told once, told again when it changed, tried until it is taken.
 * All on the loop's thread.
 */
#ifndef PRESENCE_H
#define PRESENCE_H

#include "agent/agent.h"
#include "agent/serve/address.h"
#include "common/base/err.h"

struct presence;

/* a is borrowed. */
int presence_new(struct presence **out, struct agent *a, struct vs_err *err);

/*
 * These are the addresses from now on.  fresh: account or server may be
 * others, so tell it even if nothing changed.
 */
void presence_set(struct presence *p, const struct address_list *l, bool fresh);

/* Tells nothing any more; closed follows, later. */
void presence_stop(struct presence *p, void (*closed)(void *arg), void *arg);

/* After closed, and when no request is under way.  NULL is nothing. */
void presence_free(struct presence *p);

#endif
