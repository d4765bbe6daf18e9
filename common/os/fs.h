/*
 * Paths below a held directory: openat2(2) with RESOLVE_BENEATH,
 * RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS and RESOLVE_NO_XDEV, so that no
 * name from a disk, database or network leads out of it.  Where that call is
 * missing or refused (Linux before 5.6, some sandboxes, macOS): one component
 * after the other, never through a link, and never onto another device.
 */
#ifndef VS_FS_H
#define VS_FS_H

#include <sys/types.h>

#include "common/base/err.h"

/*
 * Opens path ("" is the directory itself) below rootfd with flags
 * (O_CLOEXEC, O_NOFOLLOW and O_NONBLOCK are added) and mode (for O_CREAT).
 * A descriptor >= 0, or VS_ENOENT, VS_ENOTDIR, VS_ELOOP (a symlink on the
 * way), VS_EXDEV (out of the root, or into another mount), VS_EACCES, ...
 */
int vs_fs_open(
    int rootfd, const char *path, int flags, mode_t mode, struct vs_err *err);

/*
 * Opens the directory that holds path and points *name at its last
 * component.  A missing parent is VS_ENOTDIR, never VS_ENOENT.
 */
int vs_fs_open_parent(
    int rootfd, const char *path, const char **name, struct vs_err *err);

#endif
