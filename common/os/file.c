#include "common/os/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_CHUNK 16384 /* bytes of one read(2) */

static int file_read_fd(int fd, struct vs_buf *b)
{
	char chunk[FILE_CHUNK];
	ssize_t n;

	for (;;) {
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		vs_buf_add(b, chunk, (size_t)n);
		if (vs_buf_error(b) != VS_OK)
			return 0;
	}
}

int vs_file_read(const char *path, struct vs_buf *b, struct vs_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return vs_err_errno(err, errno, "open %s", path);
	rc = file_read_fd(fd, b);
	close(fd);
	if (rc < 0)
		return vs_err_errno(err, -rc, "read %s", path);
	if (vs_buf_error(b) != VS_OK)
		return vs_err_set(err, vs_buf_error(b),
		    "read %s: longer than %zu bytes", path, b->max);
	return VS_OK;
}

static int file_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The directory of path, open; a descriptor or -errno. */
static int file_open_dir(const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) : 0;
	int fd;

	if (len >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, len);
	dir[len] = '\0';
	if (len == 0)
		memcpy(dir, slash != NULL ? "/" : ".", 2);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

/* Fills the temporary file; -errno on failure. */
static int file_fill(int fd, const void *data, size_t len, mode_t mode)
{
	int rc = file_write_all(fd, data, len);

	if (rc == 0 && fchmod(fd, mode) < 0)
		rc = -errno;
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	return rc;
}

int vs_file_write(const char *path, const void *data, size_t len, mode_t mode,
    struct vs_err *err)
{
	char temp[PATH_MAX];
	int fd = -1;
	int dir = -1;
	int rc = 0;

	assert(data != NULL || len == 0);
	if ((size_t)snprintf(temp, sizeof(temp), "%s.XXXXXX", path) >=
	    sizeof(temp))
		return vs_err_errno(err, ENAMETOOLONG, "write %s", path);
	dir = file_open_dir(path);
	if (dir < 0)
		return vs_err_errno(err, -dir, "open the folder of %s", path);
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		rc = -errno;
		goto out;
	}
	rc = file_fill(fd, data, len, mode);
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(temp, path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(temp);
	else if (fsync(dir) < 0)
		rc = -errno;
out:
	close(dir);
	return rc < 0 ? vs_err_errno(err, -rc, "write %s", path) : VS_OK;
}

/* One step of mkdir -p; 0 or -errno. */
static int file_mkdir(const char *path, mode_t mode)
{
	struct stat st;
	int why;

	if (mkdir(path, mode) == 0)
		return 0;
	why = errno;
	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	return -why;
}

int vs_file_mkdirs(const char *path, mode_t mode, struct vs_err *err)
{
	char step[PATH_MAX];
	size_t len = strlen(path);
	int rc = 0;

	if (len == 0 || len >= sizeof(step))
		return vs_err_errno(err, len == 0 ? ENOENT : ENAMETOOLONG,
		    "make folder %s", path);
	memcpy(step, path, len + 1);
	for (size_t i = 1; i <= len && rc == 0; i++) {
		if (step[i] != '/' && step[i] != '\0')
			continue;
		step[i] = '\0';
		rc = file_mkdir(step, mode);
		if (rc < 0)
			break;
		step[i] = i < len ? '/' : '\0';
	}
	if (rc < 0)
		return vs_err_errno(err, -rc, "make folder %s", step);
	return VS_OK;
}
