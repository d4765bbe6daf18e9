/*
 * The judge of members: what they list is what the cloud lists, what they
 * pulled is what the log named, what people changed there stays.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "tests/sim/oracle.h"

/* What got a name since the last call had a content that the log names. */
bool judge_finished(const struct oracle *o, struct world *w);

/*
 * Every member comes to rest, lists the same, and pulls something (all:
 * everything), after which a second pull finds nothing to fetch.
 */
bool judge_members(const struct oracle *o, struct world *w, bool all);

#endif
