/*
 * Folders of the stack that are read before their turn.
 *
 * What was read early is merged only if nothing was looked at, hashed or
 * hinted at in that folder since it was asked for: then the merge is exactly
 * that of a listing made at the moment of the reading, with the watch added
 * before.
 */
#ifndef SCOUTING_H
#define SCOUTING_H

#include "agent/engine/core.h"

/* Asks for the folders next in turn, while nothing else goes on. */
void scouting_ask(struct engine *e);

/* item is listed now: by what was read ahead, if it was. */
void scouting_used(struct engine *e, struct dirq_item *item);

/* item is not going to be listed. */
void scouting_drop(struct engine *e, struct dirq_item *item);

/* The manifest's row of path changes: the reading of its folder is void. */
void scouting_touch(struct engine *e, const char *path);

/* All readings are void. */
void scouting_void(struct engine *e);

#endif
