/*
 * What a disk keeps of a folder of files when the power goes: each file is a
 * live image (what a reader sees, the page cache) and a durable one (what
 * was synced), with the writes in between in order.  A crash builds the new
 * image out of the durable one and a seeded choice of pending sectors; of
 * the creations and removals of names a seeded first part survives.
 *
 * One thread.  Nothing here fails but for memory, which aborts: a simulator
 * that runs on without it would prove nothing.
 */
#ifndef MEDIUM_H
#define MEDIUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/os/rand.h"

#define MEDIUM_SECTOR 512 /* bytes that a crash keeps or loses together */

struct medium;
struct medium_file;

/* rand is borrowed and decides what survives. */
struct medium *medium_new(struct vs_rand *rand);
void medium_free(struct medium *m); /* every file is closed by now */

/*
 * A reference to the file of that name, made (empty, its name not yet
 * durable) if create and absent, else NULL.  *made may be NULL.
 */
struct medium_file *medium_open(
    struct medium *m, const char *name, bool create, bool *made);
void medium_close(struct medium_file *f); /* drops the reference */

/* True if there is such a name now. */
bool medium_exists(const struct medium *m, const char *name);

/* Calls each for all names. */
void medium_each(const struct medium *m,
    void (*each)(void *arg, const char *name), void *arg);

/* Removes the name; who has the file open keeps it.  False: no such. */
bool medium_remove(struct medium *m, const char *name);

/* Bytes read, fewer than len at the end of the file. */
size_t medium_read(
    const struct medium_file *f, void *out, size_t len, int64_t off);

/* Writes into the live image; a gap before off is filled with zeros. */
void medium_write(
    struct medium_file *f, const void *data, size_t len, int64_t off);

void medium_truncate(struct medium_file *f, int64_t size);
int64_t medium_size(const struct medium_file *f); /* of the live image */

/* Makes what was written durable. */
void medium_sync(struct medium_file *f);

/*
 * A sync that failed: some of the pending writes are lost for good, readable
 * until a crash, never made durable by a later sync.
 */
void medium_sync_failed(struct medium_file *f);

/* Makes all names durable (fsync of the directory). */
void medium_sync_names(struct medium *m);

/* Power cut and reboot. */
void medium_crash(struct medium *m);

#endif
