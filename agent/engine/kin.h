/*
 * Files that are known already, under another name: renames, also of folders
 * and while the agent was down, and hard links.  What they hold is not read
 * again.
 */
#ifndef KIN_H
#define KIN_H

#include "agent/engine/core.h"

/*
 * The disk has seen at path, which the manifest has not, or not so.  If it is
 * a regular file whose content is known of another name, its row is staged
 * with that hash (and, of a rename, the deletion of the old name): 1.  0: it
 * must be read.  Negative: the database.
 *
 * edited: more was said of path than that it has its name now; then, as when
 * that was said of the old name, a mere likeness is not enough.
 *
 * There need be no look for a writer: the hash is that of the content with
 * these very times, and who writes changes them.
 */
int kin_adopt(struct engine *e, const char *path, const struct disk_stat *seen,
    bool edited, struct vs_err *err);

/* Whether folder dir has gone for sure, with all that was in it. */
bool kin_is_gone(struct engine *e, const char *dir);

/*
 * Whether a hash under way reads the file seen under another name, so that
 * its end is worth waiting for.
 */
bool kin_is_read(const struct engine *e, const struct disk_stat *seen);

/* Forgets what was kept of lost files once nothing may want it any more. */
int kin_tidy(struct engine *e, int64_t *due, struct vs_err *err);

#endif
