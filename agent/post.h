/*
 * What other threads hand to the loop: a queue of small requests and one
 * uv_async that wakes the loop.  Order is kept.
 */
#ifndef POST_H
#define POST_H

#include <uv.h>

#include "common/base/err.h"

struct post;

/* Embedded in the sender's own struct; run is called once, on the loop. */
struct post_item {
	struct post_item *next;
	void (*run)(struct post_item *item);
};

/* Keeps the loop alive until post_close. */
int post_new(struct post **out, uv_loop_t *loop, struct vs_err *err);

/* Any thread; never blocks for long, never fails. */
void post_send(struct post *p, struct post_item *item);

/*
 * Loop's thread, when no other thread can send any more: runs what is
 * queued, then lets go of the loop.  The memory is freed on a later turn.
 */
void post_close(struct post *p);

#endif
