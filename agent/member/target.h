/*
 * A member's folder as the member's engine sees it: a struct of functions,
 * faked in the simulator.  Paths are validated and resolved beneath the
 * folder without following any link (target_posix.c).  A pull is written to
 * a part file below .vsync/part/ of the same file system and appears under
 * its name only whole and verified.
 *
 * Called on the member engine's thread, but for part_write and part_hash,
 * which any worker may call.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/scan/disk.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/crypto/sha256.h"

/* A file of the folder that gets another name. */
struct target_move {
	const char *from;
	const struct disk_stat *is; /* what stands there, to the last bit */
	const char *to;
	const struct disk_stat *over; /* what stands there; NULL: nothing */
	int mode; /* -1: 0644 */
	int64_t mtime_us; /* -1: as it is */
	const char *via; /* part that it is on the way; NULL: none */
	const char *old; /* part that what stood at to becomes, with via */
};

struct target {
	/* VS_EROOT when the folder is not there as it was. */
	int (*check)(struct target *t, struct vs_err *err);

	/* Bytes free for us on the file system. */
	int (*space)(struct target *t, int64_t *bytes, struct vs_err *err);

	/* As disk->look: what stands at path. */
	int (*look)(struct target *t, const char *path, struct disk_stat *out,
	    struct vs_err *err);

	/*
	 * The path by which the disk itself lists what stands at path: the
	 * same, or another one where it takes both for one, as with names
	 * that differ in case only.  Codes as of look.
	 */
	int (*spelled)(struct target *t, const char *path,
	    char out[VS_PATH_MAX + 1], struct vs_err *err);

	/* Content of a regular file, for telling a local edit from a copy. */
	int (*hash)(struct target *t, const char *path, struct disk_hash *out,
	    const atomic_bool *cancel, struct vs_err *err);

	/* mkdir -p of path and its parents, without following links. */
	int (*mkdirs)(struct target *t, const char *path, struct vs_err *err);

	/*
	 * Makes the part (name: a UUID) with size bytes reserved
	 * (fallocate); keeps the content of one that is there with that
	 * size.  *kept tells.  VS_ENOSPC removes it again.
	 */
	int (*part_open)(struct target *t, const char *name, int64_t size,
	    bool *kept, struct vs_err *err);

	/* Any thread: all len bytes at off. */
	int (*part_write)(struct target *t, const char *name, int64_t off,
	    const void *data, size_t len, struct vs_err *err);

	/* Durable: everything written before the call. */
	int (*part_sync)(
	    struct target *t, const char *name, struct vs_err *err);

	/* Any thread: SHA-256 of the whole part. */
	int (*part_hash)(struct target *t, const char *name,
	    uint8_t out[VS_SHA256_SIZE], const atomic_bool *cancel,
	    struct vs_err *err);

	/*
	 * The part becomes path: fsync, mode and mtime, rename, fsync of the
	 * directory.  want is what stands at path now (NULL: nothing); if
	 * that is not so any more it is VS_ECHANGED and nothing happens.
	 * Never replaces anything but a regular file.  *now: the new stat.
	 */
	int (*part_finish)(struct target *t, const char *name, const char *path,
	    const struct disk_stat *want, int mode, int64_t mtime_us,
	    struct disk_stat *now, struct vs_err *err);

	void (*part_drop)(struct target *t, const char *name);

	/*
	 * Calls each for every part there is, which may drop it.  Stops at a
	 * negative return.  NULL: they cannot be listed.
	 */
	int (*parts)(struct target *t, int (*each)(void *arg, const char *name),
	    void *arg, struct vs_err *err);

	/*
	 * The file m->from gets the name m->to, durably, and mode and mtime
	 * with it; *now: its new stat.  What stood at m->to (m->over) stands
	 * at m->from after that: in one step both exchange their names, so
	 * that neither is ever without one.  With via (neither it nor old is
	 * there yet) it becomes the part old instead, and never stands under
	 * a name of another file: m->from is free.  VS_ECHANGED when one of
	 * them is not what the caller saw; then nothing has happened.  Any
	 * other code: it cannot be done here, and what stands where is to be
	 * seen, the part via being the file if it is not at m->from any more.
	 */
	int (*move)(struct target *t, const struct target_move *m,
	    struct disk_stat *now, struct vs_err *err);

	/*
	 * The file at path becomes the part name (there is none yet), if it
	 * is what was seen there but for its ctime; else VS_ECHANGED.
	 */
	int (*part_take)(struct target *t, const char *name, const char *path,
	    const struct disk_stat *is, struct vs_err *err);

	/*
	 * Any thread: len bytes at off of the file at path are written to
	 * the part, at the same place; VS_ECHANGED when the file is not what
	 * was seen (is), before or after.
	 */
	int (*part_copy)(struct target *t, const char *name, const char *path,
	    const struct disk_stat *is, int64_t off, int64_t len,
	    struct vs_err *err);

	/* Removes a folder in which nothing is; else an error. */
	int (*rmdir)(struct target *t, const char *path, struct vs_err *err);

	/* A symlink at path where nothing stands (want as above). */
	int (*link)(struct target *t, const char *path, const char *to,
	    const struct disk_stat *want, struct vs_err *err);
};

#endif
