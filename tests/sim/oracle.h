/*
 * The judge: what the folder holds, what the agent believes, what the cloud
 * lists, and what its log adds up to must be one and the same once
 * everything has come to rest.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/table.h"
#include "tests/sim/world.h"

/* The log so far, replayed. */
struct oracle {
	struct table replay;
	int64_t seq; /* last event replayed */
	char log_id[40]; /* of which log */
	bool again; /* it reads what was judged before */
	bool whole; /* the last reading came to its end */
	struct vs_map *named; /* "path//hash" that a log ever named */
	struct vs_map *deletes; /* path: deletions in the log */
	struct vs_map *recording; /* paths the log shows as such */
	int64_t compared; /* times */
	int64_t renames; /* that the log tells as such */
	int64_t bare; /* files that it lists before their hash is known */
};

void oracle_init(struct oracle *o);
void oracle_release(struct oracle *o);

/*
 * Lets the world come to rest: nothing fails any more, the agent rescans,
 * held deletions are approved, and it says itself that all is published.
 * scan: ask for a full rescan (else only for the barrier).  False (with
 * w->failure) when that takes over some hours.
 */
bool oracle_settle(struct world *w, bool scan);

/*
 * Reads on in the log; each event must change something and be true.  must:
 * no answer is a failure, too; else the cloud may be ill.
 */
bool oracle_follow(struct oracle *o, struct world *w, bool must);

/* True if a log named this content for path. */
bool oracle_named(const struct oracle *o, const char *path, const char *hash);

/* What is shown of the folder, and the manifest of the running engine. */
bool oracle_tables(struct world *w, struct table *disk, struct table *own);

/* All pages of GET /files; false when the cloud does not answer. */
bool oracle_listing(struct world *w, struct table *t);

/* Compares all; whole: the log is replayed once more from its start. */
bool oracle_compare(struct oracle *o, struct world *w, bool whole);

#endif
