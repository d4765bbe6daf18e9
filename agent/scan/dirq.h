/*
 * Folders to be listed: a stack (depth first, so that it stays small) with
 * one item a folder.  Grows with folders, never with files.  Those that are
 * gone come when there is no other: what was in them may have gone there.
 */
#ifndef DIRQ_H
#define DIRQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dirq_flags {
	DIRQ_DEEP = 1, /* the folders below, too */
	DIRQ_DATA = 2, /* read contents again */
	DIRQ_GONE = 4, /* take it as empty and remove it: it is not there */
};

struct dirq_item {
	char *path;
	unsigned flags; /* enum dirq_flags */
	uint64_t gen; /* of the barrier */
	bool asked; /* the disk may be reading it already */
	struct dirq_item *prev, *next;
};

struct dirq;

/* An empty one; NULL: out of memory. */
struct dirq *dirq_new(void);

/* Frees it with all items in it.  NULL is nothing. */
void dirq_free(struct dirq *q);

/*
 * On top of its stack.  A folder that is there already gets the flags added
 * (GONE is taken back by a push without it) and comes to the top.  NULL out
 * of memory.  *fresh as in settle_put.
 */
struct dirq_item *dirq_push(
    struct dirq *q, const char *path, unsigned flags, bool *fresh);

/* The item of that folder, still in its stack; NULL if it waits in none. */
struct dirq_item *dirq_find(const struct dirq *q, const char *path);

/* The next one, still in its stack; NULL when empty. */
struct dirq_item *dirq_top(const struct dirq *q);

/* Takes item out; the caller frees it. */
void dirq_take(struct dirq *q, struct dirq_item *item);

/* Frees one that was taken out.  NULL is nothing. */
void dirq_item_free(struct dirq_item *item);

#endif
