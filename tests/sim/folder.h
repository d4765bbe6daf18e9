/*
 * What people and programs do in a folder: save, rename, delete, replace,
 * record for hours, unpack an archive.
 */
#ifndef FOLDER_H
#define FOLDER_H

#include <stdint.h>

#include "tests/sim/world.h"

#define FOLDER_WRITERS 4 /* files left open for writing at a time */

#define FOLDER_RULES_FILES 3 /* one includes another; see struct world */

enum folder_act {
	FOLDER_SAVE,
	FOLDER_SAVE_ATOMIC,
	FOLDER_EDIT,
	FOLDER_EDIT_QUIET, /* and the old mtime put back */
	FOLDER_APPEND, /* to a file that only ever grows */
	FOLDER_TRUNCATE,
	FOLDER_UNLINK,
	FOLDER_MKDIR,
	FOLDER_RMTREE,
	FOLDER_WIPE, /* everything, or nearly */
	FOLDER_RENAME,
	FOLDER_RENAME_OVER,
	FOLDER_RENAME_DEEP,
	FOLDER_RENAME_TWICE, /* there and on, or there and back */
	FOLDER_SWAP,
	FOLDER_CYCLE,
	FOLDER_LINK,
	FOLDER_SYMLINK,
	FOLDER_CHMOD,
	FOLDER_UTIMES,
	FOLDER_CHANGE_KIND,
	FOLDER_RECORD,
	FOLDER_BURST,
	FOLDER_RULES, /* other things are hidden than before */
	FOLDER_ACTS,
};

struct folder {
	uint64_t seed;
	/* its own, and a new one for each operation: what else happens, and
	   which operations are left out, changes none of the others */
	struct vs_rand rand;
	struct memfs_node *writer[FOLDER_WRITERS];
	size_t many; /* names; beyond it more goes than comes */
	int64_t done; /* operations that did something */
	int64_t count[FOLDER_ACTS]; /* of them */
};

void folder_init(struct folder *f, uint64_t seed);

/* The operation of that number: a few are drawn until one can be done. */
void folder_act(struct folder *f, struct world *w, int64_t op);

/* One of a kind, if it can be done; number as of folder_act. */
void folder_do(
    struct folder *f, struct world *w, int64_t number, enum folder_act act);

/* Something happens at path, or in it; number as of folder_act. */
void folder_aim(
    struct folder *f, struct world *w, int64_t number, const char *path);

/* "save", "rename over", ...: for the summary. */
const char *folder_name(enum folder_act act);

/* Closes what is open for writing. */
void folder_rest(struct folder *f, struct world *w);

#endif
