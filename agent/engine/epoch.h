/*
 * Epochs of this device's state, and what becomes of one that has ended.
 *
 * An epoch is a random id of the state; the cloud takes its batches by
 * number and ends the one before when it sees a new one.  An epoch that the
 * cloud calls ended (stale_epoch) has been followed by another of the same
 * device.  Either this state was put back from an older copy, and the newer
 * epoch was our own: then we begin another, compare listings, and go on.  Or
 * a copy of this state runs elsewhere: then two of them would end each
 * other's epochs for ever, each undoing what the other publishes, and one
 * has to stop.  They are told apart by what an older copy cannot do:
 *
 *  - a state that was put back has not published since it was opened;
 *    so an epoch that was acknowledged since then (proven) and yet has
 *    ended was ended by somebody who runs now: stop;
 *  - agents that are restarted all the time prove nothing: so a state that
 *    mended itself within EPOCH_MEND_MS does not do so again: stop.
 *
 * Who begins an epoch says which batch of the device was the latest; where
 * the cloud knows better it says so (epoch_order), and the first batch is
 * made anew.  So one that was sent by a state that is no more, and arrives
 * late, ends no epoch and puts nothing back.
 *
 * Who stops stays so over a restart, until a person resumes.
 */
#ifndef EPOCH_H
#define EPOCH_H

#include "agent/engine/core.h"

#define EPOCH_MEND_MS (60 * 60 * 1000) /* once in that time, by itself */

/* Reads what is durable of it; begins one when there is none. */
int epoch_load(struct engine *e, struct vs_err *err);

/*
 * A new epoch in the open transaction: the batch in flight is pending again,
 * listings are compared, and as what is pending may be older than the disk,
 * nothing of it is sent before a full scan has ended.
 */
int epoch_doubt(struct engine *e, struct vs_err *err);

/* True while nothing may be sent because of the above. */
bool epoch_wary(const struct engine *e);

/* In the open transaction: what is pending agrees with the disk again. */
int epoch_settled(struct engine *e, struct vs_err *err);

/* The cloud has acknowledged a batch of this epoch. */
void epoch_proven(struct engine *e);

/* The cloud says that this epoch has ended.  No transaction may be open. */
int epoch_ended(struct engine *e, struct vs_err *err);

/*
 * The cloud says that this epoch has to follow m: what was frozen is pending
 * again, and its counter due again.  No transaction may be open.
 */
int epoch_follow(
    struct engine *e, const struct vs_batch_mark *m, struct vs_err *err);

/* A person says: go on.  In the open transaction. */
int epoch_resume(struct engine *e, struct vs_err *err);

#endif
