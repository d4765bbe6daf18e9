/*
 * One owner, one cloud, and what lies between, in one process on a virtual
 * clock: the real engine on a folder and a database in memory, the real
 * service in a cloudbox, and a network that loses, doubles and mangles.
 *
 * A run is a function of its seed.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/engine/engine.h"
#include "common/base/map.h"
#include "common/os/rand.h"
#include "tests/sim/cloudbox.h"
#include "tests/sim/cloudside.h"
#include "tests/sim/memdisk.h"
#include "tests/sim/memedge.h"
#include "tests/sim/memfs.h"
#include "tests/sim/memlog.h"
#include "tests/sim/memvfs.h"
#include "tests/sim/plainbox.h"
#include "tests/sim/sched.h"
#include "tests/sim/trace.h"

#define WORLD_ENGINE 1 /* owner of the engine's events */
#define WORLD_NET 3
#define WORLD_PLAN 4 /* programs that start again */
#define WORLD_GREMLIN 5 /* faults that end */
#define WORLD_TWIN 7 /* of the second machine's engine */
#define WORLD_MEMBER 16 /* and the following: a member's process each */

#define WORLD_MEMBERS 2 /* at most */

/* Sabotage, each of which must be found out. */
enum world_sabotage {
	WORLD_HONEST,
	WORLD_NOSYNC_AGENT, /* the agent's disk lies about syncs */
	WORLD_NOSYNC_CLOUD, /* the cloud's does */
	WORLD_NO_DEDUPE, /* the cloud forgets which batches it has */
	WORLD_UNLINKED, /* and is not told what an epoch follows */
	WORLD_NO_GUARD, /* the root looks right whatever lies there */
	WORLD_UNVERIFIED, /* members believe what comes */
	WORLD_NOSYNC_PART, /* their disks lie about syncs of parts */
	WORLD_NOSYNC_FILE, /* and of files before they get their names */
	WORLD_STALE_LISTING, /* folders read ahead are never read again */
	WORLD_LATE_WATCH, /* folders are watched once they were listed */
	WORLD_ADOPT, /* files that look as before a rename are not */
	WORLD_MIXED_HASH, /* what changes while it is hashed is not noticed */
	WORLD_UNSTEADY, /* not all chance comes from the seed */
	WORLD_EARLY_MARK, /* the watcher says it told what it did not yet */
	WORLD_HOARD, /* the outbox never forgets */
	WORLD_HASTY_RULES, /* the root is watched after its rules were read */
	WORLD_BLANK, /* a folder that cannot be read has nothing in it */
	WORLD_PLAIN_LIAR, /* the plain server claims what it left out */
	WORLD_ONE_DEVICE, /* the second machine says that it is the first */
	WORLD_LOST_HASH, /* some files are never hashed */
	WORLD_FORGETFUL, /* a start forgets the batch fixed ahead */
	WORLD_SABOTAGES,
};

struct membox;

struct world_options {
	uint64_t seed;
	int members;
	bool print; /* trace to standard output */
	bool coarse; /* file times tick every 4 ms */
	bool unwatched; /* the folder has no watcher */
	bool history; /* its watcher tells what happened while nobody heard */
	bool list_first; /* a new state publishes names before hashes */
	bool plain; /* the server is a plain one, at first */
	bool twin; /* the owner has a second machine */
	bool forget; /* keep no record of what the folder ever had */
	enum world_sabotage sabotage;
	bool rot; /* the agent's database may be damaged: it is put aside */
};

/* What may become of a request. */
enum world_fate {
	WORLD_SERVED,
	WORLD_REQUEST_LOST,
	WORLD_ANSWER_LOST,
	WORLD_DOUBLED, /* arrives once more, later */
	WORLD_LATE, /* arrives after its sender gave up */
	WORLD_CUT, /* served, but the answer is cut off */
	WORLD_HTML, /* 200 from a captive portal */
	WORLD_BAD_GATEWAY, /* 502, HTML */
	WORLD_UNAVAILABLE, /* 503 */
	WORLD_TOO_MANY, /* 429 with Retry-After */
	WORLD_TOO_LARGE, /* 413, HTML */
	WORLD_UNAUTHORIZED, /* 401 */
	WORLD_FATES,
};

/* Who sends: what hears the answer, unless its life is another by then. */
struct world_end {
	const char *token;
	const int *life;
	void (*answered)(void *arg, uint64_t id, const struct engine_answer *a);
	void *arg;
};

struct world_net {
	int fault; /* chances in a thousand of not being served */
	int delay_ms; /* at most, each way */
	bool down; /* nothing gets through */
	bool no_token; /* 401 for everything */
	int forced; /* so many of the next requests have one fate */
	enum world_fate force;
};

struct world_stats {
	int64_t fates[WORLD_FATES];
	int64_t hints;
	int64_t hashes;
	int64_t steps;
	int64_t opens; /* of the engine */
	int64_t open_failures;
	int64_t rescues; /* damaged databases put aside */
	int64_t ahead; /* batches sent before the answer was applied */
	int64_t overtaken; /* batches of which the cloud had the next one */
	int64_t engine_crashes;
	int64_t cloud_crashes;
	int64_t restores;
	int64_t states; /* of the agent that were replaced */
	int64_t news[ENGINE_STATE + 1];
};

struct world {
	struct plainbox_stats plain_stats; /* of one that was replaced */
	struct world_options o;
	struct world *host; /* of a second machine: the first, or NULL */
	struct world *twin; /* the other way round */
	char device[40]; /* the second one's */
	const char *vfs_name; /* of the agent's database */
	int owner; /* of the engine's events */
	bool follows; /* another machine publishes */
	bool moved; /* the role of the publisher was another's (the host's) */
	int64_t follows_seq; /* of the log, when that began */
	struct vs_rand rand;
	struct vs_rand engine_rand;
	struct sched *sched;
	struct trace trace;
	struct memfs *fs;
	struct memfs *copy;
	struct memdisk *disk;
	struct memlog *log; /* its watcher, in a world with history */
	struct memedge edge; /* of it, for the engine */
	struct memvfs *agent_vfs;
	struct memvfs *cloud_vfs;
	struct cloudbox *cloud;
	struct plainbox *plain; /* in its place, or NULL */
	struct membox *member[WORLD_MEMBERS];
	int members;
	struct engine *engine; /* NULL while it is down */
	struct world_end end;
	int life; /* of the engine; rises with each start */
	bool renew; /* the cloud's next start is that of a restored one */
	bool unsettled; /* and no batch was acknowledged since */
	char *batch; /* its latest, and the path it went to; or NULL */
	char *batch_path;
	uint64_t asked; /* id of the engine's latest request, 0: another life */
	bool listed; /* its state has published every name and every hash */
	bool hearing; /* it is being told an answer */
	bool overtaken; /* it heard that the cloud has its second batch */
	int overlap; /* n: its n-th access after a batch sent then fails */
	char epoch[40]; /* of its latest batch */
	bool late_epoch; /* the first batch of the next epoch is late */
	bool excused; /* it may begin another */
	int64_t step_at; /* when the engine's next step is planned */
	int64_t step_serial;
	int64_t stuck; /* steps in a row that wanted another one at once */
	bool hints_due;
	struct world_net net;
	int hash_ms; /* at most */
	int hint_ms;
	struct vs_map *removed; /* path: how often it went away */
	/* which file of rules changes: one at a time, because they are read one
	   after the other, and a mixture of two moments hides what no moment
	   did */
	unsigned rules;
	bool veiled; /* some rules show what is in a hidden folder */
	bool unveiled; /* and the agent may not know them all yet */
	struct vs_map *shown; /* "path//hash" that ever was in the folder */
	struct world_stats stats;
	char failure[1024]; /* "" while all is well */
};

/* NULL when it could not be set up (the reason is printed). */
struct world *world_new(const struct world_options *o);
void world_free(struct world *w);

/*
 * A second machine of the owner's, with a folder of its own (empty), an agent
 * of its own, and the host's clock and cloud: it ends with the host.  What is
 * for one world is for it, too, but world_free.
 */
struct world *world_second(struct world *host, const char *device);

/* Notes the first failure; returns false. */
bool world_fail(struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

struct vs_now world_now(const struct world *w);

/* Lets ms pass; false once something failed. */
bool world_run(struct world *w, int64_t ms);

/* The engine was given something: it gets a step soon. */
void world_poke(struct world *w);

/* Ends the process, with the machine if power; starts again in down_ms. */
void world_crash_engine(struct world *w, bool power, int64_t down_ms);
/* The same without any harm: it ends and starts again. */
void world_stop_engine(struct world *w, int64_t down_ms);
void world_crash_cloud(struct world *w, bool power, int64_t down_ms);

/*
 * The engine's process ends; then its database is an older one (copy), or
 * gone (NULL).
 */
void world_replace_state(
    struct world *w, const struct dbcopy *copy, int64_t down_ms);

/* Another database took its place, with another log. */
void world_restore_cloud(
    struct world *w, const struct dbcopy *copy, int64_t down_ms);

/* The plain server is replaced by a cloud, under the same address. */
void world_upgrade(struct world *w);

/* True if path ever had this content (hash in hex) in the folder, or nobody
 * kept a record. */
bool world_shown(const struct world *w, const char *path, const char *hash);

/* The rules in the folder changed: what they hide is as if it was gone. */
void world_veil(struct world *w);

/* How often path was taken away from the folder. */
int64_t world_removed(const struct world *w, const char *path);

#endif
