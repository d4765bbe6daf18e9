/* Listing one folder against the manifest. */
#ifndef LISTING_H
#define LISTING_H

#include "agent/engine/core.h"

/* The folder on top of the stack. */
void listing_step(struct engine *e);

/* Watches dir, which is about to be read. */
void listing_watch(struct engine *e, const char *dir);

/* Nothing is to be heard of dir, which is hidden or gone, any more. */
void listing_unwatch(struct engine *e, const char *dir);

#endif
