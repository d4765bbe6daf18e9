/*
 * The member's copy of the project's tree, row by row in the order of the
 * log, with its checksum; and what was pulled of it.
 */
#ifndef MIRROR_H
#define MIRROR_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/scan/disk.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/crypto/tree.h"
#include "common/db/db.h"
#include "common/proto/change.h"
#include "common/proto/listing.h"

struct mirror {
	struct vs_db *db;
	char log_id[48]; /* "" before the first contact */
	int64_t last_seq; /* applied */
	struct vs_tree tree; /* of all rows */
	int64_t dirs; /* rows that are directories */
	int64_t gen; /* given to rows that are written */
	bool renamed; /* something has another name here (names.h) */
	bool dirty; /* the members above differ from the database */
};

/* A row, with memory of its own. */
struct mirror_row {
	char path[VS_PATH_MAX + 1];
	enum vs_kind kind;
	int64_t size;
	char hash[VS_HASH_OPAQUE + 1];
	bool has_mtime;
	int64_t mtime_us;
	int mode; /* -1: not said */
	char target[VS_PATH_MAX + 1];
	int64_t version;
	int64_t seq;
	bool recording;
};

/* What was pulled to a path. */
struct mirror_local {
	char hash[VS_HASH_OPAQUE + 1];
	struct disk_stat stat; /* as it was left */
	int64_t version;
};

/*
 * Opens or makes the database at path and reads the members above; vfs NULL
 * is the default one.  Errors as vs_db_open's, and nothing is open then.
 */
int mirror_open(
    struct mirror *m, const char *path, const char *vfs, struct vs_err *err);

/* Closed already is nothing. */
void mirror_close(struct mirror *m);

/* Looks all of it through: VS_ECORRUPT when it is damaged. */
int mirror_check(struct mirror *m, struct vs_err *err);

/*
 * A new one with what can be had of the damaged one at aside: what was
 * pulled, and whether it is paused.  The list comes from the cloud.  A row
 * of what was pulled counts only for a file that still has the very stat in
 * it, so a wrong or a missing one makes a conflict at worst.
 */
int mirror_make_anew(struct mirror *m, const char *path, const char *vfs,
    const char *aside, struct vs_err *err);

/* Writes log_id, last_seq and totals into the open transaction. */
int mirror_save(struct mirror *m, struct vs_err *err);

/* Reads them back after a rollback. */
int mirror_load(struct mirror *m, struct vs_err *err);

/* 1 with *row, 0 for none, or negative. */
int mirror_get(struct mirror *m, const char *path, struct mirror_row *row,
    struct vs_err *err);

/*
 * One row of the log or of a listing becomes true (deleted: the row goes),
 * unless the mirror has it from a later seq.
 */
int mirror_apply(
    struct mirror *m, const struct vs_listing_row *row, struct vs_err *err);

/*
 * The same for a row of a listing of another log: what the mirror has of it
 * is of no account, whatever its seq.
 */
int mirror_renew(
    struct mirror *m, const struct vs_listing_row *row, struct vs_err *err);

/*
 * Removes a piece of what is not of this gen, after the path given ("" to
 * begin with) in path order, and moves that on: rows removed, 0 at the end.
 */
int mirror_sweep(
    struct mirror *m, char after[VS_PATH_MAX + 1], struct vs_err *err);

/*
 * Rows after the path given, below dir ("" is everything), in path order, at
 * most limit; each may read.  Stops at a negative return.
 */
int mirror_each(struct mirror *m, const char *dir, const char *after, int limit,
    int (*each)(void *arg, const struct mirror_row *row), void *arg,
    struct vs_err *err);

/* The same for the direct children of dir only. */
int mirror_children(struct mirror *m, const char *dir, const char *after,
    int limit, int (*each)(void *arg, const struct mirror_row *row), void *arg,
    struct vs_err *err);

/* What was pulled to path: 1, 0, negative. */
int mirror_local_get(struct mirror *m, const char *path,
    struct mirror_local *local, struct vs_err *err);

/* This was pulled to path, as of wall_ms, instead of what was there. */
int mirror_local_put(struct mirror *m, const char *path,
    const struct mirror_local *local, int64_t wall_ms, struct vs_err *err);

/* How many files that were pulled are known, and their bytes. */
int mirror_local_count(
    struct mirror *m, int64_t *files, int64_t *bytes, struct vs_err *err);

#endif
