/*
 * A file system in memory, as a person's programs use it: files, folders,
 * symlinks, inodes, times.  No faults and no watcher: memdisk.c puts those
 * around it.
 *
 * Paths are as everywhere: relative, "" is the root.  Functions that change
 * something return false when a real one would have failed (no such file,
 * not empty, into itself).
 */
#ifndef MEMFS_H
#define MEMFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/scan/disk.h"
#include "common/base/limits.h"
#include "common/os/rand.h"

struct memfs;

enum memfs_event {
	MEMFS_CREATED,
	MEMFS_MODIFIED,
	MEMFS_TOUCHED,
	MEMFS_CLOSED, /* open for writing until now */
	MEMFS_DELETED,
	MEMFS_MOVED_FROM,
	MEMFS_MOVED_TO,
};

/*
 * A name and its inode; alive as long as it has the name or a reference.
 * Names of one inode form a ring and are kept alike.
 */
struct memfs_node {
	struct memfs_node *twin; /* next in the ring; NULL: the only one */
	struct memfs_node *parent; /* NULL: root, or without a name */
	char *name;
	int refs;
	enum vs_kind kind;
	uint64_t ino;
	int64_t mtime_ns;
	int64_t ctime_ns;
	int64_t born_ns;
	bool moved; /* it changed its name, or has had two */
	bool quiet; /* it was edited and had its mtime put back */
	int mode;
	uint8_t *data; /* content, or the symlink's target */
	size_t size;
	int writers; /* opened for writing */
	struct memfs_node **child; /* by name */
	size_t children;
	size_t child_cap;
	int wd; /* watch on this directory, 0: none (memdisk's) */
	bool hidden; /* .vsync at the root */
	bool spared; /* memfs_pick passes it by */
	bool unreadable; /* EACCES (memdisk's) */
	bool mount; /* another file system lies over it (memdisk's) */
};

struct memfs_hooks {
	void *arg;
	/* ns since 1970 */
	int64_t (*now)(void *arg);
	/* path is there no more (each one of a tree) */
	void (*removed)(void *arg, const char *path);
	/* n, no directory, has a name or a content that it had not */
	void (*shown)(void *arg, const struct memfs_node *n);
};

/* hooks are copied; members may be NULL but now. */
struct memfs *memfs_new(const struct memfs_hooks *hooks);
void memfs_free(struct memfs *fs); /* no references may be left */

/* Who hears of each change: name in dir; of a directory or not. */
void memfs_watch(struct memfs *fs,
    void (*event)(void *arg, struct memfs_node *dir, const char *name,
	enum memfs_event what, bool is_dir),
    void *arg);

/* Granularity of its time stamps in ns; 1: every change has its own. */
void memfs_grain(struct memfs *fs, int64_t ns);

/*
 * Nobody edits a file, puts its mtime back and renames that very file before
 * it is looked at: the one thing that a rename by inode, size and mtime is
 * blind to.  memfs_may_hide says whether n may be edited so; renames and
 * links of one that was fail.  Rash: all of it happens.
 */
void memfs_rash(struct memfs *fs);
bool memfs_may_hide(const struct memfs *fs, const struct memfs_node *n);

/* The mtime is put back after an edit; n may hide. */
void memfs_hide(struct memfs *fs, struct memfs_node *n, int64_t mtime_ns);

/* How many names there are, all kinds, the hidden ones not counted. */
size_t memfs_count(const struct memfs *fs);

/* True if since the last call a file changed under a name other than the
 * one used: nobody who watches that name's folder was told. */
bool memfs_unseen(struct memfs *fs);

/* The node or NULL; *code (may be NULL) gets VS_ENOENT, VS_ENOTDIR
 * (parent missing or no directory), VS_ELOOP. */
struct memfs_node *memfs_at(struct memfs *fs, const char *path, int *code);

/*
 * What path is to a disk that takes names which differ in the case of ASCII
 * letters only for one: spelled as what is there, as far as it is.  path
 * itself or out.
 */
const char *memfs_alike(
    struct memfs *fs, const char *path, char out[VS_PATH_MAX + 1]);

/* Its path; false when it has none (any more). */
bool memfs_path(const struct memfs_node *n, char out[VS_PATH_MAX + 1]);

void memfs_stat(const struct memfs_node *n, struct disk_stat *out);

struct memfs_node *memfs_ref(struct memfs_node *n);
void memfs_unref(struct memfs_node *n);

/*
 * Opens a file for writing, made when absent; a reference until
 * memfs_close.  NULL when the path is no file or has no parent.
 */
struct memfs_node *memfs_open(struct memfs *fs, const char *path);
void memfs_write(struct memfs *fs, struct memfs_node *n, size_t off,
    const void *data, size_t len);
void memfs_truncate(struct memfs *fs, struct memfs_node *n, size_t size);
void memfs_close(struct memfs *fs, struct memfs_node *n);

bool memfs_mkdir(struct memfs *fs, const char *path);
bool memfs_symlink(struct memfs *fs, const char *path, const char *target);
bool memfs_link(struct memfs *fs, const char *from, const char *to);
bool memfs_unlink(struct memfs *fs, const char *path);
bool memfs_rmtree(struct memfs *fs, const char *path);

/* rename(2): over a file or an empty directory of the same kind. */
bool memfs_rename(struct memfs *fs, const char *from, const char *to);

bool memfs_chmod(struct memfs *fs, const char *path, int mode);
bool memfs_utimes(struct memfs *fs, const char *path, int64_t mtime_ns);

/*
 * Some node below the root, by a random walk; NULL when there is none of
 * the kind on its way.  kind < 0: any.  Never hidden ones.
 */
struct memfs_node *memfs_pick(struct memfs *fs, struct vs_rand *rand, int kind);

#endif
