/*
 * The insides of a member's folder on a real disk, for target_posix.c (the
 * root and what stands in it), target_parts.c (what is put there),
 * target_moves.c (what gets another name there) and target_names.c (which
 * names the disk has for it).
 */
#ifndef TARGET_CORE_H
#define TARGET_CORE_H

#include <sys/types.h>
#include <uv.h>

#include "agent/member/place.h"
#include "agent/member/target_posix.h"
#include "agent/scan/disk_posix.h"

struct target_posix {
	struct target target; /* first: it is what callers hold */
	struct disk *disk; /* looks and hashes */
	char id[DISK_ID_SIZE]; /* "": none is asked for */
	uv_mutex_t mutex; /* guards root */
	int root; /* descriptor, -1: never found */
	char path[];
};

/* A descriptor of the held root for one call, or VS_EROOT. */
int target_root_take(struct target_posix *p, struct vs_err *err);

/* Makes a root that is to be made, before something is put into it. */
int target_root_make(struct target *t, struct vs_err *err);

/*
 * Opens the directory name in dir, making it with mode; a new name is
 * durable.
 */
int target_dir_make(int dir, const char *name, mode_t mode, struct vs_err *err);

/* VS_EPATH for what is no path of a project. */
int target_path_check(const char *path, struct vs_err *err);

/* A descriptor of the folder of parts, made when it is missing. */
int target_parts_open(struct target_posix *p, bool make, struct vs_err *err);

/* A descriptor of the part itself. */
int target_part_fd(
    struct target *t, const char *name, int flags, struct vs_err *err);

/* Opens the directory of path so that it can be synced. */
int target_place_open(
    struct target *t, const char *path, struct place *at, struct vs_err *err);

/*
 * Mode (-1: 0644) and time (-1: as it is) as the owner has them, and all of
 * the file on the disk.
 */
int target_dress(int fd, int mode, int64_t mtime_us, struct vs_err *err);

/* As in struct target. */
int target_spelled(struct target *t, const char *path,
    char out[VS_PATH_MAX + 1], struct vs_err *err);
int target_hash(struct target *t, const char *path, struct disk_hash *out,
    const atomic_bool *cancel, struct vs_err *err);
int target_part_open(struct target *t, const char *name, int64_t size,
    bool *kept, struct vs_err *err);
int target_part_write(struct target *t, const char *name, int64_t off,
    const void *data, size_t len, struct vs_err *err);
int target_part_sync(struct target *t, const char *name, struct vs_err *err);
int target_part_hash(struct target *t, const char *name,
    uint8_t out[VS_SHA256_SIZE], const atomic_bool *cancel, struct vs_err *err);
int target_part_finish(struct target *t, const char *name, const char *path,
    const struct disk_stat *want, int mode, int64_t mtime_us,
    struct disk_stat *now, struct vs_err *err);
void target_part_drop(struct target *t, const char *name);
int target_parts(struct target *t, int (*each)(void *arg, const char *name),
    void *arg, struct vs_err *err);
int target_move(struct target *t, const struct target_move *m,
    struct disk_stat *now, struct vs_err *err);
int target_part_take(struct target *t, const char *name, const char *path,
    const struct disk_stat *is, struct vs_err *err);
int target_part_copy(struct target *t, const char *name, const char *path,
    const struct disk_stat *is, int64_t off, int64_t len, struct vs_err *err);
int target_rmdir(struct target *t, const char *path, struct vs_err *err);
int target_link(struct target *t, const char *path, const char *to,
    const struct disk_stat *want, struct vs_err *err);

#endif
