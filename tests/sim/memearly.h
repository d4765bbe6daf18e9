/*
 * Folders that were read before their turn, as a thread beside might: each
 * is kept until it is listed, or dropped.
 */
#ifndef MEMEARLY_H
#define MEMEARLY_H

#include <stdbool.h>

#include "agent/scan/roster.h"

#define MEMEARLY_MAX 32

struct memearly_dir {
	char *dir; /* NULL: free */
	struct roster names;
	int code; /* of the reading */
};

struct memearly {
	struct memearly_dir at[MEMEARLY_MAX];
};

/* The one of that name, or NULL. */
struct memearly_dir *memearly_find(struct memearly *m, const char *dir);

/* A new one with empty names, for the caller to fill; NULL: no room. */
struct memearly_dir *memearly_add(struct memearly *m, const char *dir);

void memearly_drop(struct memearly_dir *y);
void memearly_drop_all(struct memearly *m);

#endif
