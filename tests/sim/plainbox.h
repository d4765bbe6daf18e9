/*
 * A server that knows only deltas and a log of events, as the team's older
 * one does: no listing, no batches, no checksum, no name of its log.  What is
 * sent twice is logged twice; what it cannot answer is a page of HTML.  It
 * keeps all it ever acknowledged, until an older copy is put back.
 */
#ifndef PLAINBOX_H
#define PLAINBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/os/rand.h"
#include "common/proto/change.h"
#include "tests/sim/cloudbox.h"
#include "tests/sim/sched.h"
#include "tests/sim/table.h"

struct plainbox;

#define PLAINBOX_OWNER 6 /* of its events in the schedule */

/* Chances in a thousand. */
struct plainbox_faults {
	int leaves; /* a change is left out: not stored, no result */
	int html; /* a batch comes to a page of HTML, nothing stored */
	int down; /* nobody listens */
};

struct plainbox_options {
	struct sched *sched; /* this and rand are borrowed */
	struct vs_rand *rand;
	int64_t limit; /* of a body, bytes: 413 beyond */
	bool liar; /* what is left out is in the results (a control) */
	/* c was stored; may be NULL */
	void (*stored)(void *arg, const struct vs_change *c);
	void *arg;
};

struct plainbox_stats {
	int64_t batches;
	int64_t stored;
	int64_t left_out;
	int64_t pages; /* of HTML */
	int64_t too_large;
	int64_t restored;
};

struct plainbox *plainbox_new(const struct plainbox_options *o);
void plainbox_free(struct plainbox *b);

/* Hands a request in; done is called once, later.  Any token will do. */
void plainbox_deliver(struct plainbox *b, const struct cloudbox_call *call);

void plainbox_fail(struct plainbox *b, const struct plainbox_faults *f);

/* Its process ends: requests under way break. */
void plainbox_crash(struct plainbox *b);

/* A copy is made; the copy is put back, if there is one. */
void plainbox_keep(struct plainbox *b);
void plainbox_restore(struct plainbox *b);

/* The files it has, sorted; and the seq of its last event. */
const struct table *plainbox_files(const struct plainbox *b);
int64_t plainbox_seq(const struct plainbox *b);

const struct plainbox_stats *plainbox_stats(const struct plainbox *b);

#endif
