/*
 * A member's folder for its engine: a struct target over a memfs, with the
 * parts of pulls on a pretend medium that loses at a power cut what was not
 * synced, and everything that goes wrong with such folders.
 */
#ifndef MEMTARGET_H
#define MEMTARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/member/target.h"
#include "common/os/rand.h"
#include "tests/sim/memfs.h"

struct memtarget;

/* Chances in a thousand that a call fails by itself. */
struct memtarget_faults {
	int look_io;
	int write_io;
	int sync_io;
	int finish_io; /* before or after the part has its name */
	int hash_io;
};

struct memtarget_stats {
	int64_t opened; /* parts that were made */
	int64_t kept; /* parts found as they had been left */
	int64_t written; /* bytes */
	int64_t syncs;
	int64_t finished;
	int64_t moved; /* of them */
	int64_t taken;
	int64_t copied; /* bytes of files that became a part's */
	int64_t refused; /* something else stood there */
	int64_t failed; /* by a fault, a full disk, or its end */
};

/* fs and rand are borrowed. */
struct memtarget *memtarget_new(struct memfs *fs, struct vs_rand *rand);
void memtarget_free(struct memtarget *t);

struct target *memtarget_target(struct memtarget *t);

void memtarget_set_faults(
    struct memtarget *t, const struct memtarget_faults *f);

/* Bytes that there are for parts and new files; -1: enough. */
void memtarget_set_space(struct memtarget *t, int64_t bytes);

/* Whether the folder is to be found. */
void memtarget_show(struct memtarget *t, bool here);

/* Its process dies at the call after so many: from there all fails. */
void memtarget_die(struct memtarget *t, int64_t after);
void memtarget_revive(struct memtarget *t);

/* Names that differ only in the case of ASCII letters are one from now on. */
void memtarget_fold(struct memtarget *t);

/* Syncs of parts, or of finished files, answer well and do nothing. */
void memtarget_nosync(struct memtarget *t, bool parts, bool files);

/* Told just before it happens.  Members may be NULL. */
struct memtarget_hooks {
	void *arg;
	/* a name gets its file, from a part or by a move */
	void (*finished)(
	    void *arg, const char *path, const void *data, size_t len);
	/* and the one it had goes, or to what stands at that name; for a move
	   by way of a part taken is told instead */
	void (*moved)(void *arg, const char *from, const char *to);
	/* a file loses its name and becomes a part */
	void (*taken)(void *arg, const char *path);
};

void memtarget_watch(struct memtarget *t, const struct memtarget_hooks *h);

/* Power cut: of the parts only what was synced is sure to be left. */
void memtarget_crash(struct memtarget *t);

/* How many parts there are. */
size_t memtarget_parts(const struct memtarget *t);

/* Bytes of a part as a reader sees them now; fewer at its end. */
size_t memtarget_read(
    struct memtarget *t, const char *name, void *out, size_t len, int64_t off);

const struct memtarget_stats *memtarget_stats(const struct memtarget *t);

#endif
