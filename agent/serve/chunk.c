#include "agent/serve/chunk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/scan/disk_posix.h"
#include "common/base/path.h"
#include "common/os/fs.h"

static int64_t time_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

/* VS_OK while fd is the very content that was found. */
static int same(int fd, const struct wire_found *f, struct vs_err *err)
{
	struct stat s;

	if (fstat(fd, &s) != 0)
		return vs_err_errno(err, errno, "stat");
	if (S_ISREG(s.st_mode) && s.st_size == f->size && s.st_ino == f->ino &&
	    time_ns(&s.st_mtim) == f->mtime_ns &&
	    time_ns(&s.st_ctim) == f->ctime_ns)
		return VS_OK;
	return vs_err_set(err, VS_ECHANGED, "the file changed");
}

/* The folder, if it is the one that was found; no descriptor is kept. */
static int root_open(const struct chunk *c, struct vs_err *err)
{
	struct stat s;
	int fd = open(c->root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return vs_err_set(err, VS_EROOT, "the folder is not there");
	if (fstat(fd, &s) == 0 && s.st_dev == c->found->root_dev &&
	    s.st_ino == c->found->root_ino)
		return fd;
	close(fd);
	return vs_err_set(err, VS_EROOT, "the folder is another one");
}

/* What is allowed hangs on a mounted folder, not on its name. */
static bool root_is_shut(int root)
{
	int fd = vs_fs_open(root, DISK_MARKER, O_RDONLY, 0, NULL);

	if (fd >= 0)
		close(fd);
	return fd == VS_EACCES;
}

/* Looks before it opens: no pipe or device shall notice. */
static int file_open(int root, const struct chunk *c, struct vs_err *err)
{
	int fd = vs_fs_open(root, c->path, O_PATH, 0, err);
	int rc;

	if (fd < 0)
		return fd;
	rc = same(fd, c->found, err);
	close(fd);
	if (rc < 0)
		return rc;
	fd = vs_fs_open(root, c->path, O_RDONLY | O_NOATIME, 0, err);
	/* other people's files refuse O_NOATIME (open(2)) */
	if (fd == VS_EACCES)
		fd = vs_fs_open(root, c->path, O_RDONLY, 0, err);
	return fd;
}

static int data_read(int fd, const struct chunk *c, struct vs_err *err)
{
	int64_t done = 0;

	while (done < c->len) {
		ssize_t n = pread(fd, c->data + done, (size_t)(c->len - done),
		    (off_t)(c->off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vs_err_errno(err, errno, "read");
		if (n == 0)
			return vs_err_set(err, VS_ECHANGED, "the file shrank");
		done += n;
	}
	return VS_OK;
}

/* A source that lies, for tests: all it says fits together, but is wrong. */
static void data_spoil(struct chunk *c)
{
#ifdef VS_TEST_HOOKS
	if (getenv("VSYNC_TEST_FLIP") != NULL)
		c->data[c->len / 2] ^= 1;
#else
	(void)c;
#endif
}

int chunk_read(struct chunk *c, struct vs_err *err)
{
	struct vs_err own = VS_ERR_INIT;
	int root;
	int fd;
	int rc;

	assert(c->off >= 0 && c->len > 0);
	assert(c->off + c->len <= c->found->size);
	err = err != NULL ? err : &own;
	if (vs_path_check(c->path, strlen(c->path)) != VS_PATH_GOOD)
		return vs_err_set(err, VS_ENOENT, "not a path");
	root = root_open(c, err);
	if (root < 0)
		return root;
	fd = file_open(root, c, err);
	c->shut_out = fd == VS_EACCES && root_is_shut(root);
	close(root);
	if (fd < 0)
		return fd;
	rc = same(fd, c->found, err);
	if (rc == VS_OK)
		rc = data_read(fd, c, err);
	/* what was written meanwhile shows in the times */
	if (rc == VS_OK)
		rc = same(fd, c->found, err);
	close(fd);
	if (rc < 0)
		return rc;
	data_spoil(c);
	vs_sha256(c->data, (size_t)c->len, c->sha256);
	return VS_OK;
}
