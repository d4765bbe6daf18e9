/*
 * A watcher with a history, in place of memdisk's: it tells of the whole
 * folder by path, keeps what it told of over the end of who listens, and may
 * tell it again.  Old events come in the order of names, those of one name as
 * one, whatever came between; the log may be another one at any start, or
 * have a hole; what does not fit into the listener's queue is in no log.
 */
#ifndef MEMLOG_H
#define MEMLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/memdisk.h"

struct memlog;

struct memlog_stats {
	int64_t resumed; /* starts that were told what happened before */
	int64_t refused; /* that asked for it in vain */
	int64_t holes; /* of those told, that were told to scan */
	int64_t old; /* hints of what happened before */
};

/* d, which outlives it, asks it from now on.  rand is borrowed. */
struct memlog *memlog_new(struct memdisk *d, struct vs_rand *rand);
void memlog_free(struct memlog *l);

/* Sabotage: marks are of events that are still to be told, or to come. */
void memlog_hurry(struct memlog *l);

/* As memdisk_event, in the order in which it happens. */
void memlog_event(struct memlog *l, const struct memfs_node *dir,
    const char *name, enum memfs_event what, bool is_dir);

/* Somebody begins to listen; he is there no more. */
void memlog_begin(struct memlog *l);
void memlog_end(struct memlog *l);

/* Events that wait to be told, at most.  NULL is nothing. */
void memlog_room(struct memlog *l, size_t max);

/* As memdisk_deliver, memdisk_pending. */
int memlog_deliver(struct memlog *l, int max,
    void (*hint)(void *arg, const struct watch_hint *h), void *arg);
bool memlog_pending(const struct memlog *l);

const struct memlog_stats *memlog_stats(const struct memlog *l);

#endif
