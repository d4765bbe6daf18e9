/*
 * What is in the folder already gets another name, or its bytes become a
 * part's: nothing has to come over the network.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/member/target_core.h"
#include "agent/scan/disk_stat.h"
#include "common/base/path.h"
#include "common/os/fs.h"

#define PIECE (256 * 1024) /* read at a time where bytes are copied by us */

static bool stat_same(const struct disk_stat *a, const struct disk_stat *b)
{
	return a->ino == b->ino && a->size == b->size &&
	    a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* The file at path if it is what was seen there: a descriptor. */
static int file_open(struct target *t, const char *path,
    const struct disk_stat *is, struct vs_err *err)
{
	int root = target_root_take((struct target_posix *)t, err);
	struct disk_stat now;
	int fd;

	if (root < 0)
		return root;
	fd = vs_fs_open(root, path, O_RDONLY, 0, err);
	close(root);
	if (fd < 0 || (disk_stat_fd(fd, &now) == 0 && stat_same(&now, is)))
		return fd;
	close(fd);
	return vs_err_set(err, VS_ECHANGED, "%s was changed meanwhile", path);
}

/* Moves. */

static bool is_dressed(int fd, const struct target_move *m)
{
	struct stat s;
	int mode = m->mode >= 0 ? m->mode & 0777 : 0644;
	int64_t us = m->mtime_us;

	if (fstat(fd, &s) != 0 || (int)(s.st_mode & 07777) != mode)
		return false;
	return us == -1 ||
	    (int64_t)s.st_mtim.tv_sec * 1000000 + s.st_mtim.tv_nsec / 1000 ==
	    us;
}

static int move_by(struct target *t, const struct target_move *m,
    const struct place *from, const struct place *at, struct vs_err *err)
{
	struct place_way way = { .via = m->via, .old = m->old };
	int r;

	assert(m->over != NULL && m->old != NULL);
	assert(strchr(m->via, '/') == NULL && strchr(m->old, '/') == NULL);
	way.parts = target_parts_open((struct target_posix *)t, true, err);
	if (way.parts < 0)
		return way.parts;
	r = place_move_by(from->dir, from->name, m->is, at, &way, err);
	close(way.parts);
	return r;
}

static int move_named(struct target *t, const struct target_move *m,
    const struct place *from, struct vs_err *err)
{
	struct place at = { .dir = -1, .want = m->over };
	int r = target_place_open(t, m->to, &at, err);

	if (r < 0)
		return r;
	r = m->via != NULL ? move_by(t, m, from, &at, err)
			   : place_move(from->dir, from->name, m->is, &at, err);
	close(at.dir);
	return r;
}

int target_move(struct target *t, const struct target_move *m,
    struct disk_stat *now, struct vs_err *err)
{
	struct place from = { .dir = -1 };
	int fd = -1;
	int r = target_place_open(t, m->from, &from, err);

	if (r == VS_OK)
		r = fd = file_open(t, m->from, m->is, err);
	if (r >= 0)
		r = move_named(t, m, &from, err);
	if (r == VS_OK && !is_dressed(fd, m))
		r = target_dress(fd, m->mode, m->mtime_us, err);
	if (r == VS_OK && disk_stat_fd(fd, now) != 0)
		r = vs_err_errno(err, errno, "stat of the moved file");
	if (fd >= 0)
		close(fd);
	if (from.dir >= 0)
		close(from.dir);
	return r;
}

int target_part_take(struct target *t, const char *name, const char *path,
    const struct disk_stat *is, struct vs_err *err)
{
	struct place at = { .dir = -1, .want = is };
	int r = target_place_open(t, path, &at, err);
	int dir;

	assert(strchr(name, '/') == NULL);
	if (r < 0)
		return r;
	dir = target_parts_open((struct target_posix *)t, true, err);
	r = dir < 0 ? dir : place_take(&at, dir, name, err);
	if (dir >= 0)
		close(dir);
	close(at.dir);
	return r;
}

int target_rmdir(struct target *t, const char *path, struct vs_err *err)
{
	struct place at = { .dir = -1 };
	int r = target_place_open(t, path, &at, err);

	if (r < 0)
		return r;
	if (unlinkat(at.dir, at.name, AT_REMOVEDIR) != 0)
		r = vs_err_errno(err, errno, "remove the folder");
	close(at.dir);
	return r;
}

/* Copies. */

static int piece_write(
    int to, const char *at, size_t n, int64_t off, struct vs_err *err)
{
	while (n > 0) {
		ssize_t got = pwrite(to, at, n, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return vs_err_errno(err, errno, "write part");
		at += got;
		off += got;
		n -= (size_t)got;
	}
	return VS_OK;
}

/* Where the kernel cannot do it. */
static int bytes_copy(
    int from, int to, int64_t off, int64_t len, struct vs_err *err)
{
	char *buf = malloc(PIECE);
	int r = buf != NULL ? VS_OK
			    : vs_err_set(err, VS_ENOMEM, "copy: out of memory");

	while (len > 0 && r == VS_OK) {
		ssize_t n = pread(
		    from, buf, len < PIECE ? (size_t)len : PIECE, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = vs_err_errno(err, errno, "read the copy here");
		else if (n == 0)
			r = vs_err_set(err, VS_ECHANGED, "it became shorter");
		else
			r = piece_write(to, buf, (size_t)n, off, err);
		off += n;
		len -= n;
	}
	free(buf);
	return r;
}

/* By the kernel, which on some file systems only shares the blocks. */
static int range_copy(
    int from, int to, int64_t off, int64_t len, struct vs_err *err)
{
	loff_t in = (loff_t)off, out = (loff_t)off;

	while (len > 0) {
		ssize_t n =
		    copy_file_range(from, &in, to, &out, (size_t)len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		/* what it cannot do for whatever reason is done by hand */
		if (n <= 0)
			return bytes_copy(from, to, (int64_t)in, len, err);
		len -= n;
	}
	return VS_OK;
}

int target_part_copy(struct target *t, const char *name, const char *path,
    const struct disk_stat *is, int64_t off, int64_t len, struct vs_err *err)
{
	struct disk_stat now;
	int from = file_open(t, path, is, err);
	int to = -1;
	int r = from < 0 ? from : VS_OK;

	assert(off >= 0 && len >= 0);
	if (r == VS_OK) {
		to = target_part_fd(t, name, O_WRONLY, err);
		r = to < 0 ? to : range_copy(from, to, off, len, err);
	}
	if (r == VS_OK &&
	    (disk_stat_fd(from, &now) != 0 || !stat_same(&now, is)))
		r = vs_err_set(
		    err, VS_ECHANGED, "%s was changed meanwhile", path);
	if (to >= 0)
		close(to);
	if (from >= 0)
		close(from);
	return r;
}
