/*
 * Exactly once: whether a numbered batch is new, the latest one again, or
 * out of order.  Pure.
 *
 * A device numbers its batches 1, 2, ... within an epoch, a random id of
 * its state.  An epoch that was never seen begins with 1 and ends the one
 * before it; if it says which batch of the device it follows, then only
 * while that is the latest.  So the first batch of a state that is no more,
 * or that went on from another place, ends nothing when it arrives late.  An
 * epoch also ends when the role of the publisher moves: what
 * a fenced-off device still had in flight can never arrive later.
 */
#ifndef GATE_H
#define GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "cloud/store/store.h"
#include "common/proto/batch.h"

enum gate_verdict {
	GATE_PASS, /* new: do it */
	GATE_REPEAT, /* the latest one again: its answer again */
	GATE_MISMATCH, /* the latest counter with another body */
	GATE_GAP, /* another counter is due */
	GATE_STALE, /* an epoch that has ended */
};

/*
 * known: what is stored of the epoch, NULL if it was never seen;
 * generation: the project's publisher now; counter >= 1 and digest: of the
 * batch.  *expected gets the counter that is due.
 */
enum gate_verdict gate_check(const struct store_epoch *known,
    int64_t generation, int64_t counter, const uint8_t digest[VS_SHA256_SIZE],
    int64_t *expected);

/*
 * Whether id, the first of an epoch that was never seen, may begin it.
 * head: the device's current epoch, NULL if it has none; *latest gets the
 * batch that is to be followed.
 */
bool gate_begin(const struct store_epoch *head, int64_t generation,
    const struct vs_batch_id *id, struct vs_batch_mark *latest);

#endif
