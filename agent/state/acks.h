/*
 * What the cloud acknowledged of one batch, taken over together.  A batch
 * names many paths of a folder: what is known of them is read in two
 * statements, and written in as few as there are runs without another name
 * between, where it is as usual; what is not goes path by path (shadow_ack).
 * The end is the same.
 */
#ifndef ACKS_H
#define ACKS_H

#include <stdbool.h>

#include "agent/state/state.h"
#include "common/proto/change.h"

struct acks;

/* NULL without memory. */
struct acks *acks_new(void);

void acks_free(struct acks *a); /* NULL is nothing */

/*
 * The cloud acknowledged c, which is copied; latest: nothing newer about its
 * path waits in the outbox.  At most VS_BATCH_CHANGES, a path once.
 */
int acks_add(
    struct acks *a, const struct vs_change *c, bool latest, struct vs_err *err);

/*
 * Totals and belief follow what was added, deletions first.  Within the
 * caller's transaction; each add is settled once.
 */
int acks_settle(struct acks *a, struct state *s, struct vs_err *err);

#endif
