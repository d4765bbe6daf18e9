/*
 * Files that lost their path, as the manifest had them: by inode, so that one
 * that turns up elsewhere need not be read.  A cache: it may be emptied at
 * any time.  All within the caller's transaction.
 */
#ifndef PAST_H
#define PAST_H

#include "agent/state/manifest.h"
#include "agent/state/state.h"

/*
 * Rows; beyond as many as the cloud ever had files, and PAST_MIN, but at most
 * PAST_MAX, all are forgotten.
 */
#define PAST_MIN 10000
#define PAST_MAX 500000

/*
 * row is about to leave path.  Only a regular file whose hash is known and
 * not racy is kept; another one of the same inode number is replaced.
 */
int past_keep(struct state *s, const char *path, const struct manifest_row *row,
    struct vs_err *err);

/*
 * What is known of the inode of seen, a regular file: 1 with *out (its path
 * is the one it had; of its row only stat and hash), 0 when there is nothing,
 * or negative.
 */
int past_find(struct state *s, const struct disk_stat *seen,
    struct manifest_kin *out, struct vs_err *err);

/* Forgets what is known of inode ino. */
int past_drop(struct state *s, uint64_t ino, struct vs_err *err);

/* Forgets all. */
int past_clear(struct state *s, struct vs_err *err);

#endif
