/* What runs did, added up, over processes too. */
#ifndef SCORE_H
#define SCORE_H

#include <stdint.h>

#include "tests/sim/folder.h"
#include "tests/sim/gremlin.h"
#include "tests/sim/imp.h"
#include "tests/sim/oracle.h"
#include "tests/sim/plainbox.h"

/* Nothing but int64_t, so that two can be added. */
struct score {
	int64_t ops;
	int64_t acts[FOLDER_ACTS];
	int64_t events;
	int64_t renames;
	int64_t bare; /* files listed before they were hashed */
	int64_t compared;
	int64_t virtual_ms;
	int64_t gremlins[GREMLINS];
	int64_t fates[WORLD_FATES];
	int64_t engine_crashes;
	int64_t cloud_crashes;
	int64_t ahead; /* batches sent before an answer was applied */
	int64_t overtaken; /* and such of which the answer was never applied */
	int64_t failed_groups;
	int64_t engine_opens;
	int64_t vfs_faults;
	int64_t full;
	int64_t overflows;
	int64_t pairs; /* renames told as one */
	int64_t list_io;
	int64_t look_io;
	int64_t hash_io;
	int64_t watch_full;
	int64_t early; /* folders read before their turn */
	int64_t hashes;
	int64_t changed_hashes;
	int64_t news[ENGINE_STATE + 1];
	int64_t restores;
	int64_t states;
	int64_t sequences; /* of steps that were tried */
	int64_t empty; /* and those that were others */
	int64_t coarse; /* runs on a coarse clock */
	int64_t unwatched; /* runs without a watcher */
	struct memlog_stats history;
	struct plainbox_stats plain;
	int64_t imps[IMPS];
	struct membox_stats members;
};

/* Of one world. */
void score_world(struct score *t, const struct world *w);

/* Of what happened to it; each may be NULL. */
void score_run(struct score *t, const struct folder *f, const struct gremlin *g,
    const struct imp *p, const struct oracle *o);

void score_add(struct score *t, const struct score *more);

/* Some lines on standard output. */
void score_print(const struct score *t);

#endif
