#include "common/os/fs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/base/path.h"
#include "common/os/beneath.h"

/* Just to pass through: needs search permission, not read permission. */
#ifdef O_PATH
#define FS_SEARCH O_PATH
#else
#define FS_SEARCH O_SEARCH
#endif
#define FS_STEP (FS_SEARCH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Why opening name failed: a symlink where a directory was wanted is ELOOP. */
static int fs_walk_errno(int dir, const char *name, int why)
{
	struct stat st;

	if (why == ENOTDIR &&
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode))
		return -ELOOP;
	return -why;
}

/* Opens one component; it must lie on device dev. */
static int fs_walk_open(
    int dir, const char *name, int flags, mode_t mode, dev_t dev)
{
	struct stat st;
	int fd = openat(dir, name, flags, mode);
	int why;

	if (fd < 0)
		return fs_walk_errno(dir, name, errno);
	if (fstat(fd, &st) == 0 && st.st_dev == dev)
		return fd;
	why = EXDEV;
	close(fd);
	return -why;
}

/* Takes the next component of *path into name; false at the end. */
static int fs_walk_next(const char **path, char name[NAME_MAX + 1])
{
	size_t len;

	*path += strspn(*path, "/");
	len = strcspn(*path, "/");
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, *path, len);
	name[len] = '\0';
	*path += len;
	return strcmp(name, "..") == 0 ? -EXDEV : 0;
}

/*
 * The same without openat2: component by component, never through a link.
 * A mount of the same device on itself is not seen.
 */
static int fs_walk(int rootfd, const char *path, int flags, mode_t mode)
{
	char name[NAME_MAX + 1];
	struct stat st;
	int dir = rootfd;
	int fd;
	int rc;
	bool last;

	if (path[0] == '/')
		return -EXDEV;
	if (fstat(rootfd, &st) < 0)
		return -errno;
	do {
		rc = fs_walk_next(&path, name);
		last = path[0] == '\0';
		if (rc == 0)
			rc = fs_walk_open(
			    dir, name, last ? flags : FS_STEP, mode, st.st_dev);
		fd = rc;
		if (dir != rootfd)
			close(dir);
		dir = fd;
	} while (fd >= 0 && !last);
	return fd;
}

/*
 * Kernels before 5.6 have no openat2, some sandboxes refuse it, and it takes
 * no path of PATH_MAX bytes.
 */
static int fs_resolve(int rootfd, const char *path, int flags, mode_t mode)
{
	int fd;

	if (strlen(path) >= PATH_MAX)
		return fs_walk(rootfd, path, flags, mode);
	fd = vs_beneath_open(rootfd, path, flags, mode);
	if (fd == -ENOSYS || fd == -EPERM)
		return fs_walk(rootfd, path, flags, mode);
	return fd;
}

int vs_fs_open(
    int rootfd, const char *path, int flags, mode_t mode, struct vs_err *err)
{
	int fd;

	assert(rootfd >= 0 && path != NULL);
	flags |= O_CLOEXEC | O_NOFOLLOW;
	/* openat2 refuses what O_PATH would ignore. */
	if ((flags & O_PATH) == 0)
		flags |= O_NONBLOCK;
	fd = fs_resolve(rootfd, path[0] == '\0' ? "." : path, flags, mode);
	if (fd < 0)
		return vs_err_errno(
		    err, -fd, "open %s", path[0] == '\0' ? "the folder" : path);
	return fd;
}

int vs_fs_open_parent(
    int rootfd, const char *path, const char **name, struct vs_err *err)
{
	char parent[VS_PATH_MAX + 1];
	size_t len;
	int fd;

	assert(path != NULL && path[0] != '\0' && name != NULL);
	len = vs_path_parent_len(path);
	if (len >= sizeof(parent))
		return vs_err_set(err, VS_EPATH, "open the folder of %s: %s",
		    path, vs_path_flaw_text(VS_PATH_LONG));
	memcpy(parent, path, len);
	parent[len] = '\0';
	*name = vs_path_name(path);
	fd = vs_fs_open(rootfd, parent, O_PATH | O_DIRECTORY, 0, err);
	/* VS_ENOENT is kept for the name itself. */
	if (fd == VS_ENOENT)
		return vs_err_set(err, VS_ENOTDIR,
		    "open the folder of %s: there is none", path);
	return fd;
}
