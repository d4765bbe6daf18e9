/*
 * What kind of file system a directory lies on.  On one whose files others
 * change behind this machine's back no event tells of that, and a database
 * with a write-ahead log must not lie there.
 */
#ifndef VS_FSTYPE_H
#define VS_FSTYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

#define VS_FSTYPE_NAME 40

struct vs_fstype {
	char name[VS_FSTYPE_NAME]; /* "nfs", "fuse.sshfs"; "" for others */
	bool remote; /* changes from elsewhere make no event here */
};

/*
 * Pure: what statfs(2) gives as f_type on Linux.  type: the mount's type as
 * /proc/self/mountinfo names it, or NULL; it tells one FUSE from another.
 */
struct vs_fstype vs_fstype_of(uint32_t magic, const char *type);

/*
 * Whether the file system of fd is this machine's kernel's own affair: on the
 * others, FUSE whatever is behind it among them, reading may wait for another
 * machine or process.  False where it cannot be had.
 */
bool vs_fstype_near(int fd);

/* Of the open directory fd (O_PATH will do). */
int vs_fstype_read(int fd, struct vs_fstype *out, struct vs_err *err);

/*
 * Of the directory that path (absolute) leads to, or of the nearest one above
 * that exists.
 */
int vs_fstype_at(const char *path, struct vs_fstype *out, struct vs_err *err);

#endif
