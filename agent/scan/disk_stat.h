/*
 * What the operating system says of one name, as struct disk_stat: one
 * system call, birth time included.  A system is a file (disk_stat_SYSTEM.c).
 */
#ifndef DISK_STAT_H
#define DISK_STAT_H

#include "agent/scan/disk.h"

/*
 * name in directory dirfd, no link followed, nothing mounted by it; 0, or
 * -1 with errno.
 */
int disk_stat_at(int dirfd, const char *name, struct disk_stat *out);

/* What descriptor fd is of, O_PATH ones too; 0, or -1 with errno. */
int disk_stat_fd(int fd, struct disk_stat *out);

#endif
