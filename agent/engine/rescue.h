/*
 * A state database that is damaged (S7): found, put aside, made anew.
 *
 * It is looked through (quick_check) when it was not closed by us, or when
 * it answered in a way that only a damaged one does.  What is damaged is put
 * aside, never overwritten; a new state takes a few single values of it and
 * nothing else: entries, hashes and what was to be sent come back by a scan
 * and by the cloud's listing, because a row that can be read may still be
 * wrong.  So the loss deletes nothing by itself: what the cloud has and the
 * disk lacks is a deletion like any other, and may be held; what a person
 * had approved is asked again.  The new state has a new epoch.
 */
#ifndef RESCUE_H
#define RESCUE_H

#include "agent/engine/core.h"

#define RESCUE_NAME 4096 /* bytes of the path of one put aside */
#define RESCUE_SHOWN_MS (7 * 24 * 60 * 60 * 1000LL) /* told of in status */

/* Opens the database, made anew if it is damaged. */
int rescue_open(struct engine *e, struct vs_err *err);

/* The database failed with this code: what that says of it. */
void rescue_suspect(struct engine *e, int code);

/* It was read and written as a whole: what was suspected was not so. */
void rescue_trust(struct engine *e);

/* Closes it; the next opening need not look it through. */
void rescue_close(struct engine *e);

/* What became of a damaged one, and where it is; "" if long ago or never. */
int rescue_text(struct engine *e, char *out, size_t cap, struct vs_err *err);

#endif
