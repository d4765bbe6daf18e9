/*
 * The edge between the engine and its folder: a struct disk that hands every
 * call on to another one, and lets the world turn meanwhile.  A folder never
 * holds still for the engine, so between any two calls, and while a listing
 * is under way, something else may be done to it.
 */
#ifndef MEMEDGE_H
#define MEMEDGE_H

#include "agent/scan/disk.h"

/* What the engine asks for. */
enum memedge_call {
	MEMEDGE_ROOT,
	MEMEDGE_LIST, /* before, and half-way */
	MEMEDGE_LOOK,
	MEMEDGE_READ, /* before, and after */
	MEMEDGE_AHEAD,
	MEMEDGE_COOKIE,
	MEMEDGE_WATCH, /* before, and after */
};

struct memedge {
	struct disk disk; /* first: it is what the engine holds */
	struct disk *inner;
	/* true: something was done */
	bool (*turn)(void *arg, enum memedge_call call, const char *path);
	void *arg;
	bool late; /* sabotage: a folder is watched once it was listed */
	bool hasty; /* another one: the root, once the rules were read twice */
	int readings; /* of them, since nothing was watched */
};

/* inner outlives it; what inner cannot do, it cannot do either. */
void memedge_init(struct memedge *m, struct disk *inner);

/* turn: called at the moments above, may change the folder; or NULL. */
void memedge_turn(struct memedge *m,
    bool (*turn)(void *arg, enum memedge_call call, const char *path),
    void *arg);

#endif
