/* What goes wrong, when, and for how long. */
#ifndef GREMLIN_H
#define GREMLIN_H

#include "tests/sim/world.h"

enum gremlin_kind {
	GREMLIN_NET, /* the network gets bad */
	GREMLIN_NET_DOWN,
	GREMLIN_NO_TOKEN,
	GREMLIN_CLOUD_KILL,
	GREMLIN_CLOUD_POWER,
	GREMLIN_CLOUD_DISK, /* one error below the cloud's database */
	GREMLIN_CLOUD_FULL,
	GREMLIN_CLOUD_INSIDE, /* dies at the n-th access to its database */
	GREMLIN_CLOUD_COPY, /* somebody makes a backup */
	GREMLIN_CLOUD_RESTORED,
	GREMLIN_PLAIN, /* changes left out, pages of HTML, nobody there */
	GREMLIN_BOTH_POWER, /* agent and cloud at one moment */
	GREMLIN_AGENT_KILL,
	GREMLIN_AGENT_POWER,
	GREMLIN_AGENT_INSIDE, /* dies at the n-th access to its database */
	GREMLIN_AGENT_OVERLAP, /* likewise, right after a batch went ahead */
	GREMLIN_AGENT_DISK,
	GREMLIN_AGENT_FULL,
	GREMLIN_STATE_COPY, /* somebody makes a backup */
	GREMLIN_STATE_RESTORED,
	GREMLIN_STATE_DELETED,
	GREMLIN_OVERFLOW,
	GREMLIN_ROOT,
	GREMLIN_UNREADABLE,
	GREMLIN_MOUNT,
	GREMLIN_FOLDER_IO, /* errors in listing, looking, hashing */
	GREMLIN_SLOW_HASH,
	GREMLIN_CLOCK,
	GREMLIN_PAUSE,
	GREMLIN_RESCAN,
	GREMLIN_DOUBT,
	GREMLIN_DECIDE,
	GREMLIN_DECIDE_CLOUD, /* what the cloud holds */
	GREMLIN_RULES, /* other ignore rules while the agent is down */
	GREMLIN_FLUSH,
	GREMLINS,
};

#define GREMLIN_SHUT 3 /* folders at a time */

struct gremlin {
	uint64_t seed;
	struct vs_rand rand; /* a new one for each operation */
	int64_t count[GREMLINS];
	bool blind; /* what happened takes a scan to be found */
	int usual; /* chance of a fault in the network; -1: to be drawn */
	/* unreadable or mounted over; references */
	struct memfs_node *shut[GREMLIN_SHUT];
	struct dbcopy *copy; /* an older cloud, kept for a bad day */
	struct dbcopy *state; /* an older agent's database */
	bool fresh; /* the agent has no state: it must see its root once */
	int64_t fresh_scans;
	int64_t restore_ms; /* > 0: put it back, and start after so long */
};

void gremlin_init(struct gremlin *g, uint64_t seed);
void gremlin_release(struct gremlin *g);

/* Maybe starts something beside operation op; now and then, not always. */
void gremlin_act(struct gremlin *g, struct world *w, int64_t op);

/*
 * The cloud's copy was put back.  A plain server's log has no name: numbers
 * of before are those of other events now, and no state that is older could
 * tell.
 */
void gremlin_restored(struct gremlin *g, const struct world *w);

/* Another machine publishes: the cloud's copy is thrown away. */
void gremlin_moved(struct gremlin *g);

/* Maybe ends the agent beside operation op in order, and starts it again. */
void gremlin_restart(struct gremlin *g, struct world *w, int64_t op);

/* Ends all of it: from here on everything works, and blind is false again
 * for what comes after. */
void gremlin_rest(struct gremlin *g, struct world *w);

/* "cloud: power cut", ...: for the summary. */
const char *gremlin_name(enum gremlin_kind kind);

#endif
