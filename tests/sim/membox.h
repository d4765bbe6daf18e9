/*
 * A member's process and its machine: the real engine on a database and a
 * folder in memory, with a person who edits there, and everything between it,
 * the cloud and the owner's chunk server (memwire.c).
 */
#ifndef MEMBOX_H
#define MEMBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/member/member.h"
#include "common/base/map.h"
#include "tests/sim/cloudside.h"
#include "tests/sim/memfs.h"
#include "tests/sim/memtarget.h"
#include "tests/sim/memvfs.h"
#include "tests/sim/world.h"

/* Chances in a thousand, for each time. */
struct membox_faults {
	int cut; /* the stream, before a message */
	int lost; /* what it had to say, with that */
	int net; /* a chunk's connection */
	int flip; /* a bit of a chunk on its way */
	int rot; /* a bit behind the chunk's hash */
	int torn; /* the source does not look twice */
	int late; /* a ticket is too old when it gets there */
	int strike; /* power goes just when a pull has got on */
};

struct membox_stats {
	int64_t opens;
	int64_t crashes;
	int64_t steps;
	int64_t streams;
	int64_t cuts;
	int64_t messages;
	int64_t chunks; /* asked for */
	int64_t came;
	int64_t refused; /* tickets */
	int64_t changed; /* at the source */
	int64_t wrong; /* parts whose hash was not the one named */
	int64_t pulls[8]; /* by the end: completed, failed, cancelled */
	int64_t finished; /* files under their names */
	int64_t moved; /* of them: from another name */
	int64_t taken; /* files replaced by such a move */
	int64_t copied; /* chunks of files that were there */
	int64_t relists;
};

/* What got a name, or lost it: judged once the log is known that far. */
struct membox_file {
	char *path;
	char hash[65];
	struct membox_file *next;
};

struct membox_stream {
	bool wanted; /* opening or open */
	bool open;
	bool due; /* a look at the feed is planned */
	int64_t serial; /* what is planned for an older one is void */
	struct cloudside_socket socket;
};

struct membox {
	struct world *w;
	int no; /* 0, 1... */
	int owner; /* of its events in the schedule */
	struct vs_rand rand; /* the engine's */
	struct cloudside_user user;
	struct memvfs *vfs;
	struct memfs *fs;
	struct memtarget *target;
	struct member *m; /* NULL while it is down */
	int life;
	int64_t step_at;
	int64_t step_serial;
	int64_t stuck;
	struct world_end end;
	struct membox_stream stream;
	struct membox_faults faults;
	int hash_ms; /* at most */
	bool no_token; /* its token is refused */
	bool rusty; /* power went since the parts were last looked at */
	struct vs_map *placed; /* path: hash that a pull left there, malloc'd */
	struct vs_map *spoiled; /* parts that got what is wrong */
	struct vs_map *sure; /* path: and it knows that it did */
	struct vs_map *forced; /* path: a pull was told to replace it */
	bool force_all;
	struct membox_file *finished;
	struct membox_stats stats;
};

struct membox *membox_new(struct world *w, int no);
void membox_free(struct membox *b);

/* The engine was given something: it gets a step soon. */
void membox_poke(struct membox *b);

/* Ends its process, with the machine if power; starts again in down_ms. */
void membox_crash(struct membox *b, bool power, int64_t down_ms);

#endif
