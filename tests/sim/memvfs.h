/*
 * An SQLite VFS in memory: real SQLite above, a struct medium below.  Locks,
 * WAL's shared memory and directory syncs behave as SQLite's own unix VFS
 * does; on top of that it can fail, fill up, lie about syncs, and lose its
 * power.
 *
 * One thread.  Connections must be closed before memvfs_free; those that
 * were open over a crash or a kill get errors from every call until closed.
 */
#ifndef MEMVFS_H
#define MEMVFS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/os/rand.h"

struct memvfs;

enum memvfs_op {
	MEMVFS_READ,
	MEMVFS_WRITE,
	MEMVFS_SYNC,
	MEMVFS_TRUNCATE,
	MEMVFS_OPEN,
	MEMVFS_DELETE,
	MEMVFS_OPS,
};

#define MEMVFS_BIT(op) (1u << (op))
#define MEMVFS_ANY (MEMVFS_BIT(MEMVFS_OPS) - 1)
#define MEMVFS_MUTATING (MEMVFS_ANY & ~MEMVFS_BIT(MEMVFS_READ))

/* A fault to come. */
struct memvfs_fault {
	unsigned ops; /* MEMVFS_BITs that count and fail */
	int64_t after; /* so many calls pass first */
	bool stays; /* all later ones fail, too */
	int code; /* SQLite's; 0: the op's own SQLITE_IOERR_* */
};

struct memvfs_stats {
	int64_t calls[MEMVFS_OPS];
	int64_t failed[MEMVFS_OPS]; /* by a fault */
	int64_t full; /* writes refused for the budget */
	int64_t crashes;
	int64_t kills;
};

/*
 * Registers a VFS with SQLite under name.  rand is borrowed; it decides what
 * a crash spares and fills SQLite's own generator.
 */
struct memvfs *memvfs_new(const char *name, struct vs_rand *rand);
void memvfs_free(struct memvfs *v); /* NULL is nothing */

/* The time that SQLite may ask for. */
void memvfs_clock(struct memvfs *v, int64_t wall_ms);

/* Arms one fault (a former one is disarmed); heal disarms. */
void memvfs_fail(struct memvfs *v, const struct memvfs_fault *fault);
void memvfs_heal(struct memvfs *v);

/* Everything fails from now until the next memvfs_crash or memvfs_kill. */
void memvfs_halt(struct memvfs *v);
/* Files may grow by so many bytes together, then SQLITE_FULL; -1: freely. */
void memvfs_budget(struct memvfs *v, int64_t bytes);

/* Syncs answer well and do nothing: the control that must lose data. */
void memvfs_nosync(struct memvfs *v, bool lie);

/* Power cut: what was not synced may be gone.  Heals faults. */
void memvfs_crash(struct memvfs *v);

/* kill -9: files stay as they are, locks and shared memory go.  Heals. */
void memvfs_kill(struct memvfs *v);

/* True if there is a file of that name. */
bool memvfs_exists(const struct memvfs *v, const char *name);

/* Removes a file that nobody has open, for good. */
void memvfs_remove(struct memvfs *v, const char *name);

/* Bytes of the file of that name, 0 when there is none. */
int64_t memvfs_size(const struct memvfs *v, const char *name);

/* Changes a byte of a file (bit rot); false: no such byte. */
bool memvfs_flip(struct memvfs *v, const char *name, int64_t off);

/* Puts bytes over those of a file (bit rot of other kinds). */
bool memvfs_poke(struct memvfs *v, const char *name, int64_t off,
    const void *data, size_t len);

/* Makes a file shorter, or removes it (size -1). */
bool memvfs_cut(struct memvfs *v, const char *name, int64_t size);

/* Another name for a file that nobody has open; what has it goes. */
bool memvfs_move(struct memvfs *v, const char *from, const char *to);

const struct memvfs_stats *memvfs_stats(const struct memvfs *v);

#endif
