/* The folder on a real disk, behind struct disk. */
#ifndef DISK_POSIX_H
#define DISK_POSIX_H

#include "agent/scan/disk.h"
#include "common/base/err.h"

#define DISK_MARKER ".vsync/root-id" /* below the root */

/* What the folder's watcher does for struct disk. */
struct disk_watcher {
	/* dir NULL: forget all */
	int (*watch)(void *arg, const char *dir, struct vs_err *err);
	void (*unwatch)(void *arg, const char *dir); /* or NULL */
	int64_t (*watched)(void *arg);
	void (*watching)(void *arg, struct disk_watching *out); /* or NULL */
	void (*told)(void *arg, char out[DISK_MARK_SIZE]); /* or NULL */
	bool (*resume)(void *arg, const char *mark); /* or NULL */
	void *arg;
};

/*
 * root: absolute path; it need not exist.  w (copied; may be NULL) becomes
 * the disk's watch, unwatch and so on.  No descriptor is kept between
 * calls, so the file system can be unmounted at any time.
 */
int disk_posix_new(struct disk **out, const char *root,
    const struct disk_watcher *w, struct vs_err *err);

/* No call may be under way, on any thread.  NULL is nothing. */
void disk_posix_free(struct disk *d);

#endif
