#include "tests/sim/memshm.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MEMSHM_REGIONS 64 /* of 32 KiB: over 250,000 frames */

struct memshm {
	int refs;
	int mapped; /* connections that use the index */
	int readers; /* connections that hold SHARED or more */
	const struct memshm_user *writer; /* RESERVED or more */
	const struct memshm_user *pending; /* PENDING or EXCLUSIVE */
	int wal_shared[SQLITE_SHM_NLOCK];
	bool wal_exclusive[SQLITE_SHM_NLOCK];
	void *region[MEMSHM_REGIONS];
};

struct memshm *memshm_new(void)
{
	struct memshm *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->refs = 1;
	return s;
}

struct memshm *memshm_ref(struct memshm *s)
{
	assert(s->refs > 0);
	s->refs++;
	return s;
}

static void regions_free(struct memshm *s)
{
	for (int i = 0; i < MEMSHM_REGIONS; i++) {
		free(s->region[i]);
		s->region[i] = NULL;
	}
}

void memshm_unref(struct memshm *s)
{
	if (!s || --s->refs)
		return;
	regions_free(s);
	free(s);
}

/* RESERVED and above, for who holds SHARED already. */
static int lock_write(struct memshm_user *u, int level)
{
	struct memshm *s = u->shm;

	if (s->writer && s->writer != u)
		return SQLITE_BUSY;
	if (level == SQLITE_LOCK_EXCLUSIVE) {
		s->writer = u;
		s->pending = u;
		u->level = SQLITE_LOCK_PENDING;
		if (s->readers > 1)
			return SQLITE_BUSY;
	}
	s->writer = u;
	u->level = level;
	return SQLITE_OK;
}

int memshm_lock(struct memshm_user *u, int level)
{
	struct memshm *s = u->shm;

	if (u->level >= level)
		return SQLITE_OK;
	if (level > SQLITE_LOCK_SHARED)
		return lock_write(u, level);
	if (s->pending)
		return SQLITE_BUSY;
	s->readers++;
	u->level = SQLITE_LOCK_SHARED;
	return SQLITE_OK;
}

void memshm_unlock(struct memshm_user *u, int level)
{
	struct memshm *s = u->shm;

	if (u->level <= level)
		return;
	if (s->writer == u)
		s->writer = NULL;
	if (s->pending == u)
		s->pending = NULL;
	if (level == SQLITE_LOCK_NONE) {
		assert(s->readers > 0);
		s->readers--;
	}
	u->level = level;
}

bool memshm_reserved(const struct memshm_user *u)
{
	return u->shm->writer != NULL;
}

void *memshm_map(struct memshm_user *u, int i, int size, bool extend)
{
	struct memshm *s = u->shm;

	if (i >= MEMSHM_REGIONS)
		return NULL;
	s->mapped += !u->mapped;
	u->mapped = true;
	if (!s->region[i] && extend) {
		s->region[i] = calloc(1, (size_t)size);
		if (!s->region[i])
			abort();
	}
	return s->region[i];
}

static void wal_unlock(struct memshm_user *u, int i)
{
	unsigned bit = 1u << i;

	if (u->shared & bit)
		u->shm->wal_shared[i]--;
	if (u->exclusive & bit)
		u->shm->wal_exclusive[i] = false;
	u->shared &= ~bit;
	u->exclusive &= ~bit;
}

static bool wal_free(const struct memshm_user *u, int i, bool exclusive)
{
	unsigned bit = 1u << i;
	int others = u->shm->wal_shared[i] - !!(u->shared & bit);

	if (u->shm->wal_exclusive[i] && !(u->exclusive & bit))
		return false;
	return !exclusive || others == 0;
}

int memshm_wal_lock(struct memshm_user *u, int at, int n, int flags)
{
	bool exclusive = flags & SQLITE_SHM_EXCLUSIVE;

	assert(at >= 0 && n > 0 && at + n <= SQLITE_SHM_NLOCK);
	if (flags & SQLITE_SHM_UNLOCK) {
		for (int i = at; i < at + n; i++)
			wal_unlock(u, i);
		return SQLITE_OK;
	}
	for (int i = at; i < at + n; i++)
		if (!wal_free(u, i, exclusive))
			return SQLITE_BUSY;
	for (int i = at; i < at + n; i++) {
		if (exclusive) {
			u->shm->wal_exclusive[i] = true;
			u->exclusive |= 1u << i;
		} else if (!(u->shared & (1u << i))) {
			u->shm->wal_shared[i]++;
			u->shared |= 1u << i;
		}
	}
	return SQLITE_OK;
}

void memshm_leave(struct memshm_user *u)
{
	for (int i = 0; i < SQLITE_SHM_NLOCK; i++)
		wal_unlock(u, i);
	if (!u->mapped)
		return;
	u->mapped = false;
	if (!--u->shm->mapped)
		regions_free(u->shm);
}
