/*
 * The kernel's own way to stay below a directory (openat2(2)), for fs.c: one
 * file a system.
 */
#ifndef VS_BENEATH_H
#define VS_BENEATH_H

#include <sys/types.h>

/*
 * Opens path below rootfd without leaving it, following a link, or entering
 * another mount.  A descriptor, or a negative errno; -ENOSYS where the system
 * has no such call.
 */
int vs_beneath_open(int rootfd, const char *path, int flags, mode_t mode);

#endif
