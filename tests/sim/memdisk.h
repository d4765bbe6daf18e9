/*
 * The owner's folder for the engine: a struct disk over a memfs, with the
 * kernel's watcher beside it and everything that goes wrong with folders.
 *
 * As on a real disk each call resolves the root by its name anew, watches
 * belong to inodes and names to whoever watches, and events queue up until
 * they are read (memdisk_deliver).
 */
#ifndef MEMDISK_H
#define MEMDISK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/scan/disk.h"
#include "agent/watch/watch.h"
#include "common/os/rand.h"
#include "tests/sim/memfs.h"

struct memdisk;
struct memlog;

/* What the root's path leads to. */
enum memdisk_shown {
	MEMDISK_HERE, /* the owner's folder */
	MEMDISK_GONE, /* nothing */
	MEMDISK_EMPTY, /* an empty folder below the mount point */
	MEMDISK_COPY, /* a copy with the same marker, half of it there */
	MEMDISK_SHOWN,
};

/* Chances in a thousand that a call fails by itself. */
struct memdisk_faults {
	int list_io; /* VS_EIO, after some entries */
	int look_io;
	int hash_io;
	int watch_full; /* VS_ELIMIT */
	int mark_io;
};

struct memdisk_stats {
	int64_t events; /* put into the queue */
	int64_t overflows;
	int64_t pairs; /* renames told as one */
	int64_t list_io;
	int64_t look_io;
	int64_t hash_io;
	int64_t watch_full;
	int64_t early; /* listings that were read ahead */
	int64_t hash_changed; /* files that changed while hashed */
};

/* What it begins with: the engine holds the disk. */
struct memdisk_face {
	struct disk disk; /* first */
	struct memlog *log; /* the watcher with a history, if it has one */
};

/* rand is borrowed. */
struct memdisk *memdisk_new(struct vs_rand *rand);
void memdisk_free(struct memdisk *d); /* no hash may be under way */

/* For memfs_watch; arg is the struct memdisk. */
void memdisk_event(void *arg, struct memfs_node *dir, const char *name,
    enum memfs_event what, bool is_dir);

/* The folder, once it is made; copy is what MEMDISK_COPY shows. */
void memdisk_attach(struct memdisk *d, struct memfs *fs, struct memfs *copy);

struct disk *memdisk_disk(struct memdisk *d);

/*
 * Changes what is shown.  noisy: as by an unmount, the watches go with an
 * event; else nobody is told and old watches stay on hidden inodes.
 */
void memdisk_show(struct memdisk *d, enum memdisk_shown what, bool noisy);

/* True while the owner's folder is what is shown. */
bool memdisk_is_here(const struct memdisk *d);

/* The agent's process died: its watches and queue are gone. */
void memdisk_forget(struct memdisk *d);

void memdisk_set_faults(struct memdisk *d, const struct memdisk_faults *f);

/* Events that the queue holds before it overflows. */
void memdisk_set_queue(struct memdisk *d, int max);

/* Sabotage. */
struct memdisk_lies {
	bool root; /* it is the one known whatever is shown */
	bool stale; /* a folder once read ahead is listed as it was before */
	bool mixed; /* what changes while it is hashed is not noticed */
	bool blank; /* a folder that cannot be read has nothing in it */
};
void memdisk_sabotage(struct memdisk *d, const struct memdisk_lies *lies);

/* Hands at most max queued events over as hints, in order; how many. */
int memdisk_deliver(struct memdisk *d, int max,
    void (*hint)(void *arg, const struct watch_hint *h), void *arg);
bool memdisk_pending(const struct memdisk *d);

/* A hash in two moments: what changes in between is seen as on a disk. */
struct memdisk_hash {
	struct memfs_node *node; /* NULL: failed at the start */
	struct vs_sha256 *sha;
	size_t done; /* bytes read at the start */
	int code;
	uint64_t was; /* of the content at the start */
	bool torn; /* another one by now, and no stat tells */
	struct disk_hash out;
};
void memdisk_hash_start(
    struct memdisk *d, const char *path, bool held, struct memdisk_hash *h);
int memdisk_hash_end(
    struct memdisk *d, struct memdisk_hash *h, struct vs_err *err);

const struct memdisk_stats *memdisk_stats(const struct memdisk *d);

#endif
