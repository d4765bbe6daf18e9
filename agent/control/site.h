/* A folder that is to become a project's: whether it may, and its mark. */
#ifndef SITE_H
#define SITE_H

#include <limits.h>
#include <stdbool.h>

#include "agent/control/request.h"
#include "agent/scan/disk.h"
#include "common/base/err.h"

/*
 * Resolves dir (NULL: none was given) into root: it must be there, ours to
 * read and mark, and pass site_check.
 */
int site_find(struct request *r, const char *dir, char root[PATH_MAX],
    struct vs_err *err);

/* That root (resolved) is no other project's and none of our directories. */
int site_check(struct request *r, const char *root, struct vs_err *err);

/*
 * Marks root and tells the mark's id.  fresh: VS_EEXIST when it has one
 * already; else that one is kept, unless it is of another project here.
 */
int site_mark(struct request *r, const char *root, bool fresh,
    char id[DISK_ID_SIZE], struct vs_err *err);

/* Takes a fresh mark off again. */
void site_unmark(const char *root);

#endif
