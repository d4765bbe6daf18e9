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
	IMP_CLOUD_COPY, /* a backup is taken */
	IMP_CLOUD_RESTORED,
	IMPS,
};

struct imp {
	struct vs_rand rand;
	int64_t count[IMPS];
	bool calm; /* people only */
	struct cloudside_copy *copy;
	int64_t restore_ms; /* 0; or it is to be put back, and takes so long */
};

void imp_init(struct imp *p, uint64_t seed, bool calm);
void imp_release(struct imp *p);

/* Perhaps something happens. */
void imp_act(struct imp *p, struct world *w);

/* Ends all faults. */
void imp_rest(struct imp *p, struct world *w);

const char *imp_name(enum imp_kind kind);

#endif
