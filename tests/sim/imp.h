/*
 * What members' people do, and what goes wrong with members: their share of
 * folder.h and gremlin.h.
 */
#ifndef IMP_H
#define IMP_H

#include "tests/sim/membox.h"

enum imp_kind {
	/* people */
	IMP_PULL,
	IMP_PULL_ALL,
	IMP_PULL_FORCED,
	IMP_DRY,
	IMP_EDIT,
	IMP_REMOVE,
	IMP_RENAME,
	IMP_TOUCH,
	IMP_CANCEL,
	IMP_CANCEL_ALL,
	IMP_PAUSE,
	IMP_LOOK, /* list, status, why, transfers */
	IMP_BIG, /* the owner saves a file of several chunks */
	/* machines */
	IMP_KILL,
	IMP_POWER,
	IMP_INSIDE, /* dies at the n-th access to database or folder */
	IMP_DB, /* error below the database */
	IMP_DB_FULL,
	IMP_DISK, /* errors of the folder */
	IMP_DISK_FULL,
	IMP_ROOT,
	IMP_STREAM, /* cuts, with and without loss */
	IMP_CUT,
	IMP_STRIKE, /* power goes whenever a pull has got on */
	IMP_CHUNKS, /* broken connections, wrong bits */
	IMP_TOKEN,
	IMP_SLOW,
	IMPS,
};

struct imp {
	uint64_t seed;
	struct vs_rand rand; /* a new one for each operation */
	int64_t count[IMPS];
	bool calm; /* people only */
};

void imp_init(struct imp *p, uint64_t seed, bool calm);

/* Perhaps something happens beside operation op. */
void imp_act(struct imp *p, struct world *w, int64_t op);

/* Ends all faults. */
void imp_rest(struct imp *p, struct world *w);

const char *imp_name(enum imp_kind kind);

#endif
