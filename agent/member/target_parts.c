#include "agent/member/target_core.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/scan/disk_stat.h"
#include "common/base/path.h"
#include "common/os/fs.h"

#define LINK_TMP "link.new" /* among the parts */

int target_parts_open(struct target_posix *p, bool make, struct vs_err *err)
{
	int root = target_root_take(p, err);
	int vsync;
	int dir;

	if (root < 0)
		return root;
	if (!make) {
		dir = vs_fs_open(
		    root, TARGET_PARTS, O_RDONLY | O_DIRECTORY, 0, err);
		close(root);
		return dir;
	}
	vsync = target_dir_make(root, ".vsync", 0755, err);
	close(root);
	if (vsync < 0)
		return vsync;
	dir = target_dir_make(vsync, "part", 0700, err);
	close(vsync);
	return dir;
}

/* In a folder that is no project's nothing of ours stays behind. */
static void tidy(struct target_posix *p)
{
	int root;

	if (p->id[0] != '\0')
		return;
	root = target_root_take(p, NULL);
	if (root < 0)
		return;
	/* refused as long as anything is inside */
	(void)unlinkat(root, TARGET_PARTS, AT_REMOVEDIR);
	(void)unlinkat(root, ".vsync", AT_REMOVEDIR);
	close(root);
}

static int part_reserve(
    int dir, const char *name, int64_t size, struct vs_err *err)
{
	int fd = openat(dir, name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int e;

	if (fd < 0)
		return vs_err_errno(err, errno, "make part");
	do {
		e = size > 0 ? posix_fallocate(fd, 0, size) : 0;
	} while (e == EINTR);
	close(fd);
	if (e == 0)
		return VS_OK;
	(void)unlinkat(dir, name, 0);
	return vs_err_errno(err, e, "reserve %lld bytes", (long long)size);
}

int target_part_open(struct target *t, const char *name, int64_t size,
    bool *kept, struct vs_err *err)
{
	struct stat s;
	int r = target_root_make(t, err);
	int dir;

	assert(strchr(name, '/') == NULL && size >= 0);
	if (r < 0)
		return r;
	dir = target_parts_open((struct target_posix *)t, true, err);
	if (dir < 0)
		return dir;
	*kept = fstatat(dir, name, &s, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(s.st_mode) && s.st_size == size &&
	    fchmodat(dir, name, 0600, 0) == 0;
	if (!*kept) {
		if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
			r = vs_err_errno(err, errno, "replace part");
		else
			r = part_reserve(dir, name, size, err);
	}
	close(dir);
	return r;
}

int target_part_fd(
    struct target *t, const char *name, int flags, struct vs_err *err)
{
	char path[sizeof(TARGET_PARTS) + VS_NAME_MAX + 2];
	int root = target_root_take((struct target_posix *)t, err);
	int fd;

	if (root < 0)
		return root;
	snprintf(path, sizeof(path), TARGET_PARTS "/%s", name);
	fd = vs_fs_open(root, path, flags, 0, err);
	close(root);
	return fd;
}

int target_part_write(struct target *t, const char *name, int64_t off,
    const void *data, size_t len, struct vs_err *err)
{
	int fd = target_part_fd(t, name, O_WRONLY, err);
	const char *at = data;
	int r = VS_OK;

	assert(off >= 0);
	if (fd < 0)
		return fd;
	while (len > 0 && r == VS_OK) {
		ssize_t n = pwrite(fd, at, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = vs_err_errno(err, errno, "write part");
			break;
		}
		at += n;
		off += n;
		len -= (size_t)n;
	}
	close(fd);
	return r;
}

int target_part_sync(struct target *t, const char *name, struct vs_err *err)
{
	int fd = target_part_fd(t, name, O_WRONLY, err);
	int r = VS_OK;

	if (fd < 0)
		return fd;
	if (fdatasync(fd) != 0)
		r = vs_err_errno(err, errno, "sync part");
	close(fd);
	return r;
}

int target_part_hash(struct target *t, const char *name,
    uint8_t out[VS_SHA256_SIZE], const atomic_bool *cancel, struct vs_err *err)
{
	char path[sizeof(TARGET_PARTS) + VS_NAME_MAX + 2];
	struct disk_hash *h = malloc(sizeof(*h));
	int r;

	if (h == NULL)
		return vs_err_set(err, VS_ENOMEM, "hash: out of memory");
	snprintf(path, sizeof(path), TARGET_PARTS "/%s", name);
	r = target_hash(t, path, h, cancel, err);
	if (r == VS_OK)
		memcpy(out, h->sha256, VS_SHA256_SIZE);
	free(h);
	return r;
}

void target_part_drop(struct target *t, const char *name)
{
	struct target_posix *p = (struct target_posix *)t;
	int dir = target_parts_open(p, false, NULL);

	if (dir < 0)
		return;
	(void)unlinkat(dir, name, 0);
	close(dir);
	tidy(p);
}

int target_parts(struct target *t, int (*each)(void *arg, const char *name),
    void *arg, struct vs_err *err)
{
	struct vs_err why = VS_ERR_INIT;
	int fd = target_parts_open((struct target_posix *)t, false, &why);
	struct dirent *e;
	DIR *dir;
	int r = VS_OK;

	if (fd == VS_ENOENT || fd == VS_ENOTDIR)
		return VS_OK;
	if (fd < 0)
		return vs_err_set(err, fd, "%s", why.msg);
	dir = fdopendir(fd);
	if (dir == NULL) {
		r = vs_err_errno(err, errno, "list parts");
		close(fd);
		return r;
	}
	while (r >= 0 && (errno = 0, e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			r = each(arg, e->d_name);
	if (r >= 0 && errno != 0)
		r = vs_err_errno(err, errno, "list parts");
	closedir(dir);
	return r < 0 ? r : VS_OK;
}

/* Into place. */

int target_place_open(
    struct target *t, const char *path, struct place *at, struct vs_err *err)
{
	char parent[VS_PATH_MAX + 1];
	size_t n;
	int root;
	int r = target_path_check(path, err);

	if (r < 0)
		return r;
	n = vs_path_parent_len(path);
	memcpy(parent, path, n);
	parent[n] = '\0';
	root = target_root_take((struct target_posix *)t, err);
	if (root < 0)
		return root;
	at->name = vs_path_name(path);
	at->dir = vs_fs_open(root, parent, O_RDONLY | O_DIRECTORY, 0, err);
	close(root);
	return at->dir < 0 ? at->dir : VS_OK;
}

int target_dress(int fd, int mode, int64_t mtime_us, struct vs_err *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	int64_t us = mtime_us % 1000000;

	/* set-id bits of somebody else's file are nobody's to take over */
	if (fchmod(fd, mode >= 0 ? (mode_t)mode & 0777 : 0644) != 0 &&
	    errno != EPERM)
		return vs_err_errno(err, errno, "mode of the part");
	if (us < 0)
		us += 1000000;
	times[1].tv_sec = (time_t)((mtime_us - us) / 1000000);
	times[1].tv_nsec = us * 1000;
	if (mtime_us != -1 && futimens(fd, times) != 0)
		return vs_err_errno(err, errno, "time of the part");
	if (fsync(fd) != 0)
		return vs_err_errno(err, errno, "sync part");
	return VS_OK;
}

int target_part_finish(struct target *t, const char *name, const char *path,
    const struct disk_stat *want, int mode, int64_t mtime_us,
    struct disk_stat *now, struct vs_err *err)
{
	struct place at = { .dir = -1, .want = want };
	int dir = -1;
	int fd = target_part_fd(t, name, O_RDONLY, err);
	int r = fd < 0 ? fd : VS_OK;

	if (r == VS_OK)
		r = target_place_open(t, path, &at, err);
	if (r == VS_OK)
		dir = target_parts_open((struct target_posix *)t, false, err);
	if (r == VS_OK && dir < 0)
		r = dir;
	if (r == VS_OK)
		r = target_dress(fd, mode, mtime_us, err);
	if (r == VS_OK)
		r = place_put(dir, name, &at, err);
	/* it may be tried again, whatever the mode forbids */
	if (r < 0 && fd >= 0)
		(void)fchmod(fd, 0600);
	if (r == VS_OK && disk_stat_fd(fd, now) != 0)
		r = vs_err_errno(err, errno, "stat of the new file");
	if (dir >= 0)
		close(dir);
	if (at.dir >= 0)
		close(at.dir);
	if (fd >= 0)
		close(fd);
	if (r == VS_OK)
		tidy((struct target_posix *)t);
	return r;
}

/* Links. */

/* True if to, read from the folder of path, stays beneath the root. */
static bool link_stays(const char *path, const char *to)
{
	int depth = 0;

	if (*to == '\0' || *to == '/')
		return false;
	for (; *path != '\0'; path++)
		depth += *path == '/' ? 1 : 0;
	while (*to != '\0') {
		size_t n = strcspn(to, "/");

		if (n == 2 && memcmp(to, "..", 2) == 0)
			depth--;
		else if (n > 0 && !(n == 1 && *to == '.'))
			depth++;
		if (depth < 0)
			return false;
		to += n + (to[n] == '/' ? 1 : 0);
	}
	return true;
}

/* A link replaces what stands there by way of the parts. */
static int link_put(struct target *t, const char *to, const struct place *at,
    struct vs_err *err)
{
	int dir = target_parts_open((struct target_posix *)t, true, err);
	int r;

	if (dir < 0)
		return dir;
	(void)unlinkat(dir, LINK_TMP, 0);
	if (symlinkat(to, dir, LINK_TMP) != 0)
		r = vs_err_errno(err, errno, "make link");
	else
		r = place_put(dir, LINK_TMP, at, err);
	if (r < 0)
		(void)unlinkat(dir, LINK_TMP, 0);
	close(dir);
	tidy((struct target_posix *)t);
	return r;
}

int target_link(struct target *t, const char *path, const char *to,
    const struct disk_stat *want, struct vs_err *err)
{
	struct place at = { .dir = -1, .want = want, .links = true };
	int r = target_path_check(path, err);

	if (r == VS_OK && !link_stays(path, to))
		r = vs_err_set(err, VS_EPATH,
		    "the link leads out of the folder: it is not made");
	if (r == VS_OK)
		r = target_root_make(t, err);
	if (r == VS_OK)
		r = target_place_open(t, path, &at, err);
	if (r == VS_OK)
		r = link_put(t, to, &at, err);
	if (at.dir >= 0)
		close(at.dir);
	return r;
}
