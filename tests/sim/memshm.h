/*
 * What connections to one database share in memory: the file's locks and
 * WAL's index with its locks (SQLite's xLock and xShm methods).
 */
#ifndef MEMSHM_H
#define MEMSHM_H

#include <stdbool.h>
#include <sqlite3.h>

struct memshm;

/* One connection's side. */
struct memshm_user {
	struct memshm *shm;
	int level; /* SQLITE_LOCK_* held on the file */
	unsigned shared; /* bits of WAL locks held shared */
	unsigned exclusive;
	bool mapped; /* uses WAL's index */
};

struct memshm *memshm_new(void); /* one reference; aborts without memory */
struct memshm *memshm_ref(struct memshm *s);
void memshm_unref(struct memshm *s); /* NULL is nothing */

/* SQLite's file locks: SQLITE_OK or SQLITE_BUSY. */
int memshm_lock(struct memshm_user *u, int level);
void memshm_unlock(struct memshm_user *u, int level);
bool memshm_reserved(const struct memshm_user *u); /* by anybody */

/* Region i of size bytes, zeroed when new; NULL when absent and !extend. */
void *memshm_map(struct memshm_user *u, int i, int size, bool extend);

/* WAL locks; flags as for xShmLock.  SQLITE_OK or SQLITE_BUSY. */
int memshm_wal_lock(struct memshm_user *u, int at, int n, int flags);

/*
 * Lets go of everything; the last one to leave takes the index along, so
 * that who comes next builds it from the log (as with unix's DMS lock).
 */
void memshm_leave(struct memshm_user *u);

#endif
