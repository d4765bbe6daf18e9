#include "tests/sim/memvfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/medium.h"
#include "tests/sim/memshm.h"

#define MEMVFS_PATH 512
#define MEMVFS_FILES 16 /* databases with locks of their own */

/* Locks and WAL index of one database name. */
struct shared {
	char name[MEMVFS_PATH];
	struct memshm *shm;
};

struct memvfs {
	sqlite3_vfs vfs;
	struct vs_rand *rand;
	struct medium *medium;
	char *name;
	int64_t wall_ms;
	int64_t generation; /* rises with crash and kill */
	struct memvfs_fault fault;
	bool armed;
	bool halted;
	bool lie;
	int64_t budget; /* bytes of growth left, -1: no limit */
	struct shared shared[MEMVFS_FILES];
	int shared_count;
	struct memvfs_stats stats;
};

/* What SQLite calls an open file. */
struct handle {
	sqlite3_file base;
	struct memvfs *v;
	struct medium_file *file;
	struct memshm_user user; /* shm NULL: not a database */
	int64_t generation;
	bool dir_sync; /* the first sync makes its name durable, too */
	bool vanish; /* delete on close */
	char path[MEMVFS_PATH];
};

static int op_code(enum memvfs_op op)
{
	static const int code[] = {
		[MEMVFS_READ] = SQLITE_IOERR_READ,
		[MEMVFS_WRITE] = SQLITE_IOERR_WRITE,
		[MEMVFS_SYNC] = SQLITE_IOERR_FSYNC,
		[MEMVFS_TRUNCATE] = SQLITE_IOERR_TRUNCATE,
		[MEMVFS_OPEN] = SQLITE_CANTOPEN,
		[MEMVFS_DELETE] = SQLITE_IOERR_DELETE,
	};

	assert(op < MEMVFS_OPS);
	return code[op];
}

/* SQLITE_OK, or the error that this call is to have. */
static int memvfs_check(struct memvfs *v, enum memvfs_op op)
{
	struct memvfs_fault *f = &v->fault;

	v->stats.calls[op]++;
	if (v->halted)
		return op_code(op);
	if (!v->armed || !(f->ops & MEMVFS_BIT(op)) || f->after-- > 0)
		return SQLITE_OK;
	v->armed = f->stays;
	f->after = 0;
	v->stats.failed[op]++;
	return f->code ? f->code : op_code(op);
}

static int handle_check(struct handle *h, enum memvfs_op op)
{
	if (h->generation != h->v->generation)
		return op_code(op);
	return memvfs_check(h->v, op);
}

static int handle_read(
    sqlite3_file *file, void *out, int len, sqlite3_int64 off)
{
	struct handle *h = (struct handle *)file;
	int rc = handle_check(h, MEMVFS_READ);
	size_t got;

	if (rc != SQLITE_OK) {
		if (rc == SQLITE_IOERR_SHORT_READ)
			memset(out, 0, (size_t)len);
		return rc;
	}
	got = medium_read(h->file, out, (size_t)len, off);
	if (got == (size_t)len)
		return SQLITE_OK;
	memset((char *)out + got, 0, (size_t)len - got);
	return SQLITE_IOERR_SHORT_READ;
}

/* A write that fails may have done its first sectors. */
static void write_part(
    struct handle *h, const void *data, size_t len, int64_t off)
{
	size_t part = (size_t)vs_rand_below(h->v->rand, len + 1);

	medium_write(h->file, data, part - part % MEDIUM_SECTOR, off);
}

static bool budget_take(struct memvfs *v, int64_t growth)
{
	if (v->budget < 0 || growth <= 0)
		return true;
	if (growth > v->budget)
		return false;
	v->budget -= growth;
	return true;
}

static int handle_write(
    sqlite3_file *file, const void *data, int len, sqlite3_int64 off)
{
	struct handle *h = (struct handle *)file;
	bool dead = h->generation != h->v->generation || h->v->halted;
	int rc = handle_check(h, MEMVFS_WRITE);

	if (rc != SQLITE_OK) {
		if (!dead && rc != SQLITE_FULL)
			write_part(h, data, (size_t)len, off);
		return rc;
	}
	if (!budget_take(h->v, off + len - medium_size(h->file))) {
		h->v->stats.full++;
		return SQLITE_FULL;
	}
	medium_write(h->file, data, (size_t)len, off);
	return SQLITE_OK;
}

static int handle_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct handle *h = (struct handle *)file;
	int rc = handle_check(h, MEMVFS_TRUNCATE);

	if (rc != SQLITE_OK)
		return rc;
	if (h->v->budget >= 0 && size < medium_size(h->file))
		h->v->budget += medium_size(h->file) - size;
	medium_truncate(h->file, size);
	return SQLITE_OK;
}

static int handle_sync(sqlite3_file *file, int flags)
{
	struct handle *h = (struct handle *)file;
	bool dead = h->generation != h->v->generation || h->v->halted;
	int rc = handle_check(h, MEMVFS_SYNC);

	(void)flags;
	if (rc != SQLITE_OK) {
		if (!dead)
			medium_sync_failed(h->file);
		return rc;
	}
	if (h->v->lie)
		return SQLITE_OK;
	medium_sync(h->file);
	if (h->dir_sync)
		medium_sync_names(h->v->medium);
	h->dir_sync = false;
	return SQLITE_OK;
}

static int handle_size(sqlite3_file *file, sqlite3_int64 *size)
{
	struct handle *h = (struct handle *)file;

	if (h->generation != h->v->generation || h->v->halted)
		return SQLITE_IOERR_FSTAT;
	*size = medium_size(h->file);
	return SQLITE_OK;
}

static int handle_lock(sqlite3_file *file, int level)
{
	struct handle *h = (struct handle *)file;

	if (h->generation != h->v->generation)
		return SQLITE_IOERR_LOCK;
	return h->user.shm ? memshm_lock(&h->user, level) : SQLITE_OK;
}

static int handle_unlock(sqlite3_file *file, int level)
{
	struct handle *h = (struct handle *)file;

	if (h->user.shm)
		memshm_unlock(&h->user, level);
	return SQLITE_OK;
}

static int handle_reserved(sqlite3_file *file, int *out)
{
	struct handle *h = (struct handle *)file;

	*out = h->user.shm && memshm_reserved(&h->user);
	return SQLITE_OK;
}

static int handle_control(sqlite3_file *file, int op, void *arg)
{
	(void)file;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int handle_sector(sqlite3_file *file)
{
	(void)file;
	return 4096;
}

static int handle_device(sqlite3_file *file)
{
	(void)file;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int handle_shm_map(
    sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
	struct handle *h = (struct handle *)file;

	*out = NULL;
	if (h->generation != h->v->generation || h->v->halted)
		return SQLITE_IOERR_SHMMAP;
	assert(h->user.shm);
	*out = memshm_map(&h->user, region, size, extend);
	return *out || !extend ? SQLITE_OK : SQLITE_IOERR_SHMSIZE;
}

static int handle_shm_lock(sqlite3_file *file, int at, int n, int flags)
{
	struct handle *h = (struct handle *)file;

	if (h->generation != h->v->generation && !(flags & SQLITE_SHM_UNLOCK))
		return SQLITE_IOERR_SHMLOCK;
	return memshm_wal_lock(&h->user, at, n, flags);
}

static void handle_shm_barrier(sqlite3_file *file)
{
	(void)file;
}

static int handle_shm_unmap(sqlite3_file *file, int wipe)
{
	struct handle *h = (struct handle *)file;

	(void)wipe;
	if (h->user.shm)
		memshm_leave(&h->user);
	return SQLITE_OK;
}

static int handle_close(sqlite3_file *file)
{
	struct handle *h = (struct handle *)file;

	if (h->user.shm) {
		memshm_unlock(&h->user, SQLITE_LOCK_NONE);
		memshm_leave(&h->user);
		memshm_unref(h->user.shm);
	}
	medium_close(h->file);
	if (h->vanish && h->generation == h->v->generation)
		medium_remove(h->v->medium, h->path);
	return SQLITE_OK;
}

static const sqlite3_io_methods handle_methods = {
	.iVersion = 2,
	.xClose = handle_close,
	.xRead = handle_read,
	.xWrite = handle_write,
	.xTruncate = handle_truncate,
	.xSync = handle_sync,
	.xFileSize = handle_size,
	.xLock = handle_lock,
	.xUnlock = handle_unlock,
	.xCheckReservedLock = handle_reserved,
	.xFileControl = handle_control,
	.xSectorSize = handle_sector,
	.xDeviceCharacteristics = handle_device,
	.xShmMap = handle_shm_map,
	.xShmLock = handle_shm_lock,
	.xShmBarrier = handle_shm_barrier,
	.xShmUnmap = handle_shm_unmap,
};

/* The locks of a database, made at its first use in this generation. */
static struct memshm *shared_get(struct memvfs *v, const char *name)
{
	struct shared *s;

	for (int i = 0; i < v->shared_count; i++)
		if (!strcmp(v->shared[i].name, name))
			return memshm_ref(v->shared[i].shm);
	if (v->shared_count == MEMVFS_FILES)
		abort();
	s = &v->shared[v->shared_count++];
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->shm = memshm_new();
	return memshm_ref(s->shm);
}

static void shared_clear(struct memvfs *v)
{
	while (v->shared_count)
		memshm_unref(v->shared[--v->shared_count].shm);
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
    int flags, int *out_flags)
{
	struct memvfs *v = vfs->pAppData;
	struct handle *h = (struct handle *)file;
	bool made;
	int rc;

	memset(h, 0, sizeof(*h));
	rc = memvfs_check(v, MEMVFS_OPEN);
	if (rc != SQLITE_OK)
		return rc;
	if (name && strlen(name) >= sizeof(h->path))
		return SQLITE_CANTOPEN;
	if (name)
		memcpy(h->path, name, strlen(name) + 1);
	else
		sqlite3_snprintf(sizeof(h->path), h->path, "temp-%lld",
		    (long long)vs_rand_u64(v->rand));
	h->file =
	    medium_open(v->medium, h->path, flags & SQLITE_OPEN_CREATE, &made);
	if (!h->file)
		return SQLITE_CANTOPEN;
	h->base.pMethods = &handle_methods;
	h->v = v;
	h->generation = v->generation;
	h->vanish = !name || (flags & SQLITE_OPEN_DELETEONCLOSE);
	h->dir_sync = (flags & SQLITE_OPEN_CREATE) &&
	    (flags &
		(SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL |
		    SQLITE_OPEN_SUPER_JOURNAL));
	if (flags & SQLITE_OPEN_MAIN_DB)
		h->user.shm = shared_get(v, h->path);
	if (out_flags)
		*out_flags = flags;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	struct memvfs *v = vfs->pAppData;
	int rc = memvfs_check(v, MEMVFS_DELETE);

	if (rc != SQLITE_OK)
		return rc;
	if (!medium_remove(v->medium, name))
		return SQLITE_IOERR_DELETE_NOENT;
	if (sync && !v->lie)
		medium_sync_names(v->medium);
	return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	struct memvfs *v = vfs->pAppData;

	(void)flags;
	if (v->halted)
		return SQLITE_IOERR_ACCESS;
	*out = medium_exists(v->medium, name);
	return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int cap, char *out)
{
	(void)vfs;
	if (strlen(name) >= (size_t)cap)
		return SQLITE_CANTOPEN;
	memcpy(out, name, strlen(name) + 1);
	return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *vfs, int len, char *out)
{
	struct memvfs *v = vfs->pAppData;

	v->rand->bytes(v->rand, out, (size_t)len);
	return len;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	return us;
}

static int vfs_time64(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
	const struct memvfs *v = vfs->pAppData;

	/* ms since the Julian epoch */
	*out = 210866760000000LL + v->wall_ms;
	return SQLITE_OK;
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
	sqlite3_int64 ms;

	vfs_time64(vfs, &ms);
	*out = (double)ms / 86400000.0;
	return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int len, char *out)
{
	(void)vfs;
	(void)len;
	(void)out;
	return 0;
}

static const sqlite3_vfs vfs_template = {
	.iVersion = 2,
	.szOsFile = sizeof(struct handle),
	.mxPathname = MEMVFS_PATH - 16,
	.xOpen = vfs_open,
	.xDelete = vfs_delete,
	.xAccess = vfs_access,
	.xFullPathname = vfs_full_path,
	.xRandomness = vfs_random,
	.xSleep = vfs_sleep,
	.xCurrentTime = vfs_time,
	.xCurrentTimeInt64 = vfs_time64,
	.xGetLastError = vfs_last_error,
};

struct memvfs *memvfs_new(const char *name, struct vs_rand *rand)
{
	struct memvfs *v = calloc(1, sizeof(*v));

	if (!v)
		abort();
	v->name = strdup(name);
	if (!v->name)
		abort();
	v->rand = rand;
	v->budget = -1;
	v->medium = medium_new(rand);
	v->vfs = vfs_template;
	v->vfs.zName = v->name;
	v->vfs.pAppData = v;
	if (sqlite3_vfs_register(&v->vfs, 0) != SQLITE_OK)
		abort();
	return v;
}

void memvfs_free(struct memvfs *v)
{
	if (!v)
		return;
	sqlite3_vfs_unregister(&v->vfs);
	shared_clear(v);
	medium_free(v->medium);
	free(v->name);
	free(v);
}

void memvfs_clock(struct memvfs *v, int64_t wall_ms)
{
	v->wall_ms = wall_ms;
}

void memvfs_fail(struct memvfs *v, const struct memvfs_fault *fault)
{
	assert(fault->ops && fault->after >= 0);
	v->fault = *fault;
	v->armed = true;
}

void memvfs_heal(struct memvfs *v)
{
	v->armed = false;
}

void memvfs_halt(struct memvfs *v)
{
	v->halted = true;
}

void memvfs_budget(struct memvfs *v, int64_t bytes)
{
	assert(bytes >= -1);
	v->budget = bytes;
}

void memvfs_nosync(struct memvfs *v, bool lie)
{
	v->lie = lie;
}

/* Open handles are of the past from now on. */
static void memvfs_turn(struct memvfs *v)
{
	v->generation++;
	v->halted = false;
	v->armed = false;
	v->budget = -1;
	shared_clear(v);
}

void memvfs_crash(struct memvfs *v)
{
	memvfs_turn(v);
	v->stats.crashes++;
	medium_crash(v->medium);
}

void memvfs_kill(struct memvfs *v)
{
	memvfs_turn(v);
	v->stats.kills++;
}

bool memvfs_exists(const struct memvfs *v, const char *name)
{
	return medium_exists(v->medium, name);
}

void memvfs_remove(struct memvfs *v, const char *name)
{
	medium_remove(v->medium, name);
	medium_sync_names(v->medium);
}

int64_t memvfs_size(const struct memvfs *v, const char *name)
{
	struct medium_file *f = medium_open(v->medium, name, false, NULL);
	int64_t size = f ? medium_size(f) : 0;

	medium_close(f);
	return size;
}

bool memvfs_flip(struct memvfs *v, const char *name, int64_t off)
{
	struct medium_file *f = medium_open(v->medium, name, false, NULL);
	uint8_t byte;
	bool ok;

	if (!f)
		return false;
	ok = medium_read(f, &byte, 1, off) == 1;
	if (ok) {
		byte ^= 0x10;
		medium_write(f, &byte, 1, off);
		medium_sync(f);
	}
	medium_close(f);
	return ok;
}

bool memvfs_poke(struct memvfs *v, const char *name, int64_t off,
    const void *data, size_t len)
{
	struct medium_file *f = medium_open(v->medium, name, false, NULL);

	if (!f)
		return false;
	medium_write(f, data, len, off);
	medium_sync(f);
	medium_close(f);
	return true;
}

bool memvfs_cut(struct memvfs *v, const char *name, int64_t size)
{
	struct medium_file *f;

	if (size < 0)
		return medium_remove(v->medium, name);
	f = medium_open(v->medium, name, false, NULL);
	if (!f)
		return false;
	medium_truncate(f, size);
	medium_sync(f);
	medium_close(f);
	return true;
}

bool memvfs_move(struct memvfs *v, const char *from, const char *to)
{
	int64_t size = memvfs_size(v, from);
	struct medium_file *a, *b;
	uint8_t *data;

	if (!memvfs_exists(v, from))
		return false;
	(void)medium_remove(v->medium, to);
	a = medium_open(v->medium, from, false, NULL);
	b = medium_open(v->medium, to, true, NULL);
	data = malloc((size_t)size + 1);
	if (!data)
		abort();
	(void)medium_read(a, data, (size_t)size, 0);
	medium_write(b, data, (size_t)size, 0);
	medium_sync(b);
	free(data);
	medium_close(a);
	medium_close(b);
	(void)medium_remove(v->medium, from);
	medium_sync_names(v->medium);
	return true;
}

const struct memvfs_stats *memvfs_stats(const struct memvfs *v)
{
	return &v->stats;
}
