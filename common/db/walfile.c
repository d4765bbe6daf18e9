/*
 * A file of ours is followed in memory by the one of the VFS below.  There
 * is at most one piece that waits; whatever is not its continuation, and
 * whatever else is done with the file, writes it first.  So the file below
 * never differs from what SQLite knows of it at a moment when anybody can
 * look: others read no further than a commit, which flushes before it is
 * told.  What is rolled back is dropped: it would come down on the pages that
 * another connection has committed since.
 *
 * A write that fails later than it was asked for fails the flush: the commit
 * is as lost as if the write had been refused.
 */
#include "common/db/walfile.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>

#define WALFILE_NAME "vsync-log"
#define WALFILE_PIECE (31 * 4096) /* SQLite writes below 128 KiB at once */

struct walfile {
	sqlite3_file base; /* first: SQLite's pointer is to one of these */
	char *piece; /* WALFILE_PIECE bytes */
	int len; /* of what waits */
	sqlite3_int64 at; /* where it belongs */
};

static struct walfile *walfile_of(sqlite3_file *f)
{
	return (struct walfile *)(void *)f;
}

static sqlite3_file *below(sqlite3_file *f)
{
	return (sqlite3_file *)(void *)(walfile_of(f) + 1);
}

static int write_piece(sqlite3_file *f)
{
	struct walfile *w = walfile_of(f);
	int len = w->len;

	if (len == 0)
		return SQLITE_OK;
	w->len = 0;
	return below(f)->pMethods->xWrite(below(f), w->piece, len, w->at);
}

static int walfile_close(sqlite3_file *f)
{
	int rc = below(f)->pMethods->xClose(below(f));

	free(walfile_of(f)->piece); /* what waits was never committed */
	return rc;
}

static int walfile_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	int rc = write_piece(f);

	if (rc != SQLITE_OK)
		return rc;
	return below(f)->pMethods->xRead(below(f), to, n, at);
}

static int walfile_write(
    sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	struct walfile *w = walfile_of(f);
	int rc = SQLITE_OK;

	if (at != w->at + w->len || n > WALFILE_PIECE - w->len)
		rc = write_piece(f);
	if (rc != SQLITE_OK)
		return rc;
	if (n > WALFILE_PIECE)
		return below(f)->pMethods->xWrite(below(f), from, n, at);
	if (w->len == 0)
		w->at = at;
	memcpy(w->piece + w->len, from, (size_t)n);
	w->len += n;
	return SQLITE_OK;
}

static int walfile_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int rc = write_piece(f);

	if (rc != SQLITE_OK)
		return rc;
	return below(f)->pMethods->xTruncate(below(f), size);
}

static int walfile_sync(sqlite3_file *f, int flags)
{
	int rc = write_piece(f);

	if (rc != SQLITE_OK)
		return rc;
	return below(f)->pMethods->xSync(below(f), flags);
}

static int walfile_size(sqlite3_file *f, sqlite3_int64 *out)
{
	int rc = write_piece(f);

	if (rc != SQLITE_OK)
		return rc;
	return below(f)->pMethods->xFileSize(below(f), out);
}

static int walfile_lock(sqlite3_file *f, int level)
{
	return below(f)->pMethods->xLock(below(f), level);
}

static int walfile_unlock(sqlite3_file *f, int level)
{
	return below(f)->pMethods->xUnlock(below(f), level);
}

static int walfile_reserved(sqlite3_file *f, int *out)
{
	return below(f)->pMethods->xCheckReservedLock(below(f), out);
}

static int walfile_control(sqlite3_file *f, int op, void *arg)
{
	return below(f)->pMethods->xFileControl(below(f), op, arg);
}

static int walfile_sector(sqlite3_file *f)
{
	return below(f)->pMethods->xSectorSize(below(f));
}

static int walfile_device(sqlite3_file *f)
{
	return below(f)->pMethods->xDeviceCharacteristics(below(f));
}

static const sqlite3_io_methods walfile_methods = {
	.iVersion = 1,
	.xClose = walfile_close,
	.xRead = walfile_read,
	.xWrite = walfile_write,
	.xTruncate = walfile_truncate,
	.xSync = walfile_sync,
	.xFileSize = walfile_size,
	.xLock = walfile_lock,
	.xUnlock = walfile_unlock,
	.xCheckReservedLock = walfile_reserved,
	.xFileControl = walfile_control,
	.xSectorSize = walfile_sector,
	.xDeviceCharacteristics = walfile_device,
};

void vs_walfile_drop(void *handle)
{
	sqlite3_file *f = NULL;
	int rc = sqlite3_file_control(
	    handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, (void *)&f);

	if (rc == SQLITE_OK && f != NULL && f->pMethods == &walfile_methods)
		walfile_of(f)->len = 0;
}

static int walfile_open(
    sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);
	struct walfile *w = walfile_of(f);
	int rc;

	assert(real != v);
	(void)v;
	if ((flags & SQLITE_OPEN_WAL) == 0)
		return real->xOpen(real, name, f, flags, out);
	memset(w, 0, sizeof(*w));
	w->piece = malloc(WALFILE_PIECE);
	if (w->piece == NULL)
		return SQLITE_NOMEM;
	memset(below(f), 0, sizeof(sqlite3_file));
	rc = real->xOpen(real, name, below(f), flags, out);
	if (below(f)->pMethods != NULL)
		w->base.pMethods = &walfile_methods; /* it will be closed */
	else
		free(w->piece);
	return rc;
}

void vs_walfile_register(void)
{
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);
	sqlite3_vfs *v;

	if (real == NULL || vs_walfile_vfs() != NULL)
		return;
	v = malloc(sizeof(*v));
	if (v == NULL)
		return;
	*v = *real;
	v->pNext = NULL;
	v->zName = WALFILE_NAME;
	v->szOsFile += (int)sizeof(struct walfile);
	v->xOpen = walfile_open;
	if (sqlite3_vfs_register(v, 0) != SQLITE_OK)
		free(v);
}

const char *vs_walfile_vfs(void)
{
	return sqlite3_vfs_find(WALFILE_NAME) != NULL ? WALFILE_NAME : NULL;
}
