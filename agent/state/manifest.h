/*
 * The manifest: what the folder held when it was last looked at, a row a
 * path.  All within the caller's transaction.
 */
#ifndef MANIFEST_H
#define MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/scan/compare.h"
#include "agent/scan/disk.h"
#include "agent/scan/roster.h"
#include "agent/state/state.h"
#include "common/base/limits.h"

struct manifest_row {
	struct disk_stat stat; /* odd is never set */
	bool has_hash; /* false for directories */
	uint8_t hash[VS_SHA256_SIZE];
	char target[VS_PATH_MAX + 1]; /* symlinks, else "" */
	bool racy; /* a later write may have left these times */
	bool synced; /* the cloud has exactly this */
};

/* Names of one folder, as they stand in order. */
struct manifest_span {
	const char *first; /* paths */
	const char *last;
	int limit; /* rows to be shown of it at most */
};

/* 1 with *row filled, 0 when there is none, or negative. */
int manifest_get(struct state *s, const char *path, struct manifest_row *row,
    struct vs_err *err);

/* What is known elsewhere of a file that was seen. */
struct manifest_kin {
	enum compare_kin kin;
	char path[VS_PATH_MAX + 1]; /* unless it is a stranger */
	struct manifest_row row;
};

/*
 * The rows of the inode of seen, a regular file, that may know its content:
 * nth 0 is the one with its ctime, higher ones have another.  1 with *out,
 * 0 when there is no such row, or negative.  Racy rows and those without a
 * hash know nothing and are passed over.
 */
int manifest_kin(struct state *s, const struct disk_stat *seen, int nth,
    struct manifest_kin *out, struct vs_err *err);

/* 0 if it has nothing to show of seen, whatever nth; else 1; or negative. */
int manifest_has_kin(
    struct state *s, const struct disk_stat *seen, struct vs_err *err);

/*
 * The nth path (from 0) of a regular file with the inode of row that is known
 * with another hash, time or mode.  1 with path, 0 when there is none, or
 * negative.
 */
int manifest_stale(struct state *s, const struct manifest_row *row, int nth,
    char path[VS_PATH_MAX + 1], struct vs_err *err);

/* 1 if the row of path is a directory's, 0 if it is not, or negative. */
int manifest_is_dir(struct state *s, const char *path, struct vs_err *err);

/*
 * The number by which rows know directory dir, for one that is about to be
 * written there by other means than manifest_put: unsealed, and made if need
 * be.  Or negative.
 */
int64_t manifest_enter(struct state *s, const char *dir, struct vs_err *err);

/* Inserts or replaces; old is the row there was, NULL for none. */
int manifest_put(struct state *s, const char *path,
    const struct manifest_row *row, const struct manifest_row *old,
    struct vs_err *err);

/* Removes the row; of a directory the children must be gone. */
int manifest_drop(struct state *s, const char *path,
    const struct manifest_row *old, struct vs_err *err);

/* The cloud has exactly the row of path, or not; none is nothing. */
int manifest_set_synced(
    struct state *s, const char *path, bool synced, struct vs_err *err);

/*
 * The rows of span in their order: how many were shown.  Not beyond one for
 * which each returns 1; stops at a negative return and returns it.
 */
int manifest_between(struct state *s, const struct manifest_span *span,
    int (*each)(void *arg, const char *name, const struct manifest_row *row),
    void *arg, struct vs_err *err);

/* The cloud has exactly all rows of span, whatever its limit. */
int manifest_synced_between(
    struct state *s, const struct manifest_span *span, struct vs_err *err);

/*
 * The rows of directory from become rows of directory to, which has none, but
 * for those of the names in stay.  The directories' own rows are left as they
 * are.  The number by which the rows know their directory, 0 when that cannot
 * be done, or negative.
 */
int64_t manifest_rehouse(struct state *s, const char *from, const char *to,
    const struct roster *stay, struct vs_err *err);

/*
 * The rows of directory dir in the order of their names' bytes; hash and
 * target are left empty, though has_hash is not.  Stops at a negative return
 * and returns it.
 */
int manifest_list(struct state *s, const char *dir,
    int (*each)(void *arg, const char *name, const struct manifest_row *row),
    void *arg, struct vs_err *err);

/*
 * A seal of a folder says in a few bytes what was found in it when its rows
 * said just that.  Any put or drop of a row of the folder takes it away, and
 * so does another path.
 *
 * 1 if dir has this very seal, 0 if not, or negative.
 */
int manifest_sealed(struct state *s, const char *dir,
    const uint8_t seal[VS_SHA256_SIZE], struct vs_err *err);

/* Seals dir; nothing for a folder that has no row in it. */
int manifest_seal(struct state *s, const char *dir,
    const uint8_t seal[VS_SHA256_SIZE], struct vs_err *err);

/*
 * The first limit (at most 500) of the rows that Syncthing named as conflict
 * copies; how many there are is SQL_CONFLICT_COUNT.
 */
int manifest_conflicts(struct state *s, int limit,
    int (*each)(void *arg, const char *path), void *arg, struct vs_err *err);

/*
 * All rows with their paths, a directory's together.  each may write, but
 * not to the rows that are yet to come.
 */
int manifest_each(struct state *s,
    int (*each)(void *arg, const char *path, const struct manifest_row *row),
    void *arg, struct vs_err *err);

#endif
