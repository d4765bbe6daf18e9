/* The folder on a real disk, behind struct disk. */
#ifndef DISK_POSIX_H
#define DISK_POSIX_H

#include "agent/scan/disk.h"
#include "common/base/err.h"

#define DISK_MARKER ".vsync/root-id" /* below the root */

/*
 * root: absolute path; it need not exist.  watch (may be NULL) becomes the
 * disk's watch and gets arg.  No descriptor is kept between calls, so the
 * file system can be unmounted at any time.
 */
int disk_posix_new(struct disk **out, const char *root,
    int (*watch)(void *arg, const char *dir, struct vs_err *err), void *arg,
    struct vs_err *err);

void disk_posix_free(struct disk *d); /* no hash may be running */

#endif
