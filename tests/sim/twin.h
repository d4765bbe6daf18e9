/*
 * Two machines of one owner with the same folder, which something else (as
 * Syncthing would) carries from the one that publishes to the other: late, a
 * part at a time, and now and then all of it.  Now and then the other takes
 * over.  What the follower does to its copy is nobody's business until then.
 */
#ifndef TWIN_H
#define TWIN_H

#include "tests/sim/folder.h"
#include "tests/sim/oracle.h"

struct twin {
	struct world *w; /* the first machine's; it has the second's */
	uint64_t seed;
	struct vs_rand rand; /* a new one for each operation */
	struct folder folder; /* what people do on the second */
	bool second; /* it publishes */
	bool owed; /* and its agent does not know yet */
	int64_t carried; /* paths */
	int64_t moves; /* of the role */
};

/* Adds a second machine to w, whose folder is empty so far. */
bool twin_init(struct twin *t, struct world *w);

/* Perhaps something happens beside operation op; o knows the log. */
bool twin_act(struct twin *t, struct oracle *o, int64_t op);

/* Whoever publishes, and the other. */
struct world *twin_leader(const struct twin *t);
struct world *twin_follower(const struct twin *t);

/* People end what they do on the second machine. */
bool twin_rest(struct twin *t);

/*
 * After the leader was judged: the follower has heard that it is one, knows
 * its own folder, and has added nothing to the log.
 */
bool twin_judge(struct twin *t, struct oracle *o);

#endif
