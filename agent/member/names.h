/*
 * Where a file of the project stands in a member's folder: under its own
 * name, or, on a disk that takes this name for another file's (one that
 * folds case, or composes characters), under that name with ~case1 behind
 * it.  A choice is a row of the member's database, made once and kept: later
 * versions go to the same place, and so does one that was deleted and came
 * back.  A file that the listing does not have any more keeps its place, as
 * it keeps its copy here.
 *
 * What stands where is the disk's own word (target->spelled); how it folds
 * names is not known here.  Folders that are one there are one; only files
 * get another name.
 *
 * out is "" for the project's folder, else the one pulled into.  Functions
 * return 0 or 1 as said, or what the database failed with.
 */
#ifndef NAMES_H
#define NAMES_H

#include "agent/member/member_core.h"

#define NAMES_MAX 999 /* other names of one path that are tried */

/* The place of path: 1 if that is another name than its own. */
int names_place(struct mirror *db, const char *out, const char *path,
    char place[VS_PATH_MAX + 1], struct vs_err *err);

/* Whose place it is: 1 if that path has another name. */
int names_owner(struct mirror *db, const char *out, const char *place,
    char path[VS_PATH_MAX + 1], struct vs_err *err);

/*
 * 1 if what the disk lists as spelled, where the place of path is, is
 * another one's of the project.
 */
int names_taken(struct mirror *db, const char *out, const char *path,
    const char *spelled, struct vs_err *err);

/*
 * Chooses another place for the file of row and remembers it: the first with
 * a number where nothing stands, or just this content (a copy that the
 * database knew of before it was lost).  1, or 0 when there is none, with
 * the reason in err.
 */
int names_choose(struct member *m, const char *out,
    const struct mirror_row *row, struct vs_err *err);

/* How many files of the listing have another name in the project's folder. */
int names_count(struct mirror *db, int64_t *n, struct vs_err *err);

#endif
