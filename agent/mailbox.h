/*
 * Messages to a thread that waits for them with a limit of time.  Any
 * thread puts, one takes.
 */
#ifndef MAILBOX_H
#define MAILBOX_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct mailbox;

/* Embedded first in the sender's own struct. */
struct mailbox_item {
	struct mailbox_item *next;
	size_t weight; /* bytes counted while it waits */
	/* the taker's thread; owns the item */
	void (*handle)(struct mailbox_item *item);
};

/* VS_ENOMEM, or what the system says. */
int mailbox_new(struct mailbox **out, struct vs_err *err);

/* It must be empty and nobody may put any more. */
void mailbox_free(struct mailbox *m);

/* Any thread; item is the taker's from now on. */
void mailbox_put(struct mailbox *m, struct mailbox_item *item);

/* Any thread: bytes that wait. */
size_t mailbox_weight(struct mailbox *m);

/*
 * Waits up to wait_ms (INT64_MAX: for ever) for something, then handles all
 * that is there in order.
 */
void mailbox_serve(struct mailbox *m, int64_t wait_ms);

#endif
