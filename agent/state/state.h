/*
 * The project's database: manifest (what the disk had when last looked at),
 * past (what it had of files that lost their path), shadow (what the cloud
 * has where that differs), outbox (what the cloud has yet to hear), and a few
 * single values.  manifest.c, past.c, shadow.c and outbox.c work on it; every
 * statement is in state_sql.c.
 *
 * Three trees meet here.  The cloud's belief is: the entries with synced = 1,
 * plus the shadow.  The tree checksum is over exactly that.
 */
#ifndef STATE_H
#define STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/crypto/tree.h"
#include "common/db/db.h"

struct vs_map;

#define STATE_UNSEALED 8 /* folders known to have no seal */
#define STATE_DIRS 2 /* folders whose id is remembered: old and new */

/* A folder of the manifest that was asked for lately. */
struct state_dir {
	int64_t id; /* 0: none */
	bool row; /* its own row is known to be there, a directory's */
	size_t len;
	char path[VS_PATH_MAX + 1];
};

struct state {
	struct vs_db *db;
	struct vs_tree tree; /* what the cloud has acknowledged */
	int64_t cloud_files; /* of it, all that is no directory */
	int64_t baseline; /* highest cloud_files since the last approval */
	int64_t entries; /* rows of the manifest */
	int64_t dirs; /* of them, directories */
	int64_t bytes; /* sum of their sizes */
	bool totals_dirty; /* the first four are newer than the database */
	bool counts_dirty; /* the manifest's three are */
	bool files_only; /* the cloud takes nothing else (the caller's) */
	bool untroubled; /* no path has trouble noted */
	int64_t past; /* rows of past, at most */
	int64_t outbox_seq; /* newest given out (agent/state/outrow.h) */
	int64_t outbox_room; /* up to which the database knows of them */
	bool outbox_twins; /* a deletion may wait for its content */
	struct vs_map *flight; /* paths in flight, and others; NULL: unread */
	struct vs_map *ahead; /* those of the batch ahead; NULL: none, unread */
	struct vs_map *newer; /* of both, those for which something may wait;
				 NULL: not known */
	int64_t ahead_pos; /* the first of its rows; 0: there is none */
	struct state_dir dir[STATE_DIRS]; /* the latest first */
	int64_t unsealed[STATE_UNSEALED]; /* ids, the latest first; 0: none */
};

/* Opens or makes the database at path; vfs NULL is the default one. */
int state_open(
    struct state *s, const char *path, const char *vfs, struct vs_err *err);

/* Rolls back what is open.  Closed already is nothing. */
void state_close(struct state *s);

/*
 * Looks all of it through (a second for a million entries): VS_ECORRUPT when
 * it is damaged, or VS_EBUG when it is not what we made.
 */
int state_check(struct state *s, struct vs_err *err);

/*
 * Takes from the damaged database at path what is worth it and cannot do
 * harm: whether it is paused or fenced, which root it knew.  In the open
 * transaction; what cannot be read is left.
 */
int state_salvage(
    struct state *s, const char *path, const char *vfs, struct vs_err *err);

/* Single values, by key: *out is the number there, absent for none. */
int state_get_int(struct state *s, const char *key, int64_t absent,
    int64_t *out, struct vs_err *err);

/* Text is copied into out (cap bytes, cut to fit), "" for none. */
int state_get_text(struct state *s, const char *key, char *out, size_t cap,
    struct vs_err *err);

/* In the open transaction; over what was there. */
int state_set_int(
    struct state *s, const char *key, int64_t value, struct vs_err *err);

/* Likewise; value is copied. */
int state_set_text(
    struct state *s, const char *key, const char *value, struct vs_err *err);

/* Writes the totals into the open transaction when they changed. */
int state_save_totals(struct state *s, struct vs_err *err);

/* Looks whether any path has trouble noted; outside of a transaction. */
int state_load_trouble(struct state *s, struct vs_err *err);

/* Reads whether a batch waits behind the one in flight, and where. */
int state_load_ahead(struct state *s, struct vs_err *err);

/* What is in flight is asked of the database when it is wanted next. */
void state_forget_flight(struct state *s);

/* Reads them back, and forgets what else it remembers (after a rollback). */
int state_load_totals(struct state *s, struct vs_err *err);

#endif
