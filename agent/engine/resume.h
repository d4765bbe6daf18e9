/*
 * A start without a full scan, where the system keeps a history of the
 * folder and tells what changed since the last run.
 *
 * A mark (struct disk, told) says how far the watcher has told; it is taken
 * when the engine is at rest, so that everything before it is durable here.
 * An engine that ends in order leaves its last mark in the state; the next
 * one takes it out and has it told from there.  So a mark is never older
 * than the run before, and after a crash or a power cut there is none, and a
 * full scan: not only we may have lost something then.
 *
 * The state counts as swept once the last of the history was told and
 * processed; before, nothing is in sync.  Whatever asks for a full scan,
 * meanwhile or later, voids the mark until that scan has ended well.  The
 * periodic scan comes when it is due, counted from the last one, however
 * often the agent is restarted: it finds what a history cannot know (the
 * disk was used by another system; mmap).
 *
 *   none --load, the disk resumes--> catching up --all processed--> swept
 *     ^                                   |
 *     +------------- a doubt -------------+   (a full scan, as ever)
 */
#ifndef RESUME_H
#define RESUME_H

#include "agent/engine/core.h"

/*
 * At the start, with all else that is durable loaded: takes the last run's
 * mark.  1: what changed since is going to be told, and the periodic scan is
 * planned; 0: a full scan is needed.
 */
int resume_load(struct engine *e, struct vs_err *err);

/* The last of the history was told; what it led to may be under way. */
void resume_caught_up(struct engine *e);

/* Ends the catching up, or takes a mark, if it is time to. */
void resume_step(struct engine *e);

/* When resume_step has something to do; INT64_MAX for never. */
int64_t resume_due(const struct engine *e);

/* History is still being told or processed. */
bool resume_pending(const struct engine *e);

/*
 * The rules were read for the first time: whether they are those with which
 * the last run ended, so that no scan is needed for them.
 */
bool resume_rules(struct engine *e);

/* A word of the watcher is about to be taken. */
void resume_heard(struct engine *e);

/*
 * Something could not be looked at: no mark holds until a full scan has
 * ended that began after this and met no such thing.
 */
void resume_doubt(struct engine *e);

/* A full scan is needed for all that the history may have to tell. */
void resume_cancel(struct engine *e);

/* A full scan begins. */
void resume_scan_begins(struct engine *e);

/* It has ended, and saw all that the history would have told. */
void resume_scan_ended(struct engine *e);

/* The engine ends in order, its work is about to be dropped: a last mark. */
void resume_close(struct engine *e);

/* Its work is dropped: leaves the mark, if one holds, to the next start. */
void resume_leave(struct engine *e);

#endif
