/*
 * Invariants: every name is opened beneath the held root without following a
 * link; a part is never seen under its final name before its bytes are on
 * the disk; what is replaced is looked at again after it was exchanged, so
 * that an edit in the last instant goes back to its place.
 */
#include "agent/member/target_posix.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <uv.h>

#include "agent/member/target_core.h"
#include "agent/scan/disk_posix.h"
#include "common/base/path.h"
#include "common/os/file.h"
#include "common/os/fs.h"

static const atomic_bool never = false;

static int root_fault(struct vs_err *err, const char *what)
{
	return vs_err_set(err, VS_EROOT, "root folder: %s", what);
}

/* Holds the directory that the path leads to now. */
static int root_hold(struct target_posix *p, struct vs_err *err)
{
	int fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int old;

	if (fd < 0) {
		vs_err_errno(err, errno, "root folder");
		if (err != NULL)
			err->code = VS_EROOT;
		return VS_EROOT;
	}
	uv_mutex_lock(&p->mutex);
	old = p->root;
	p->root = fd;
	uv_mutex_unlock(&p->mutex);
	if (old >= 0)
		close(old);
	return VS_OK;
}

int target_root_take(struct target_posix *p, struct vs_err *err)
{
	int fd = -1;

	uv_mutex_lock(&p->mutex);
	if (p->root >= 0)
		fd = fcntl(p->root, F_DUPFD_CLOEXEC, 0);
	uv_mutex_unlock(&p->mutex);
	return fd >= 0 ? fd : root_fault(err, "it was not found yet");
}

/* True for a folder that is no project's and not there: it may be made. */
static bool root_is_missing(struct target_posix *p)
{
	bool found;

	if (p->id[0] != '\0')
		return false;
	uv_mutex_lock(&p->mutex);
	found = p->root >= 0;
	uv_mutex_unlock(&p->mutex);
	return !found && access(p->path, F_OK) != 0 && errno == ENOENT;
}

int target_root_make(struct target *t, struct vs_err *err)
{
	struct target_posix *p = (struct target_posix *)t;
	int r;

	if (!root_is_missing(p))
		return VS_OK;
	r = vs_file_mkdirs(p->path, 0755, err);
	return r == VS_OK ? t->check(t, err) : r;
}

static bool root_is_held(struct target_posix *p, const struct disk_root *now)
{
	struct stat s;
	bool same;

	uv_mutex_lock(&p->mutex);
	same = p->root >= 0 && fstat(p->root, &s) == 0 &&
	    s.st_dev == now->dev && s.st_ino == now->ino;
	uv_mutex_unlock(&p->mutex);
	return same;
}

static int root_check(struct target *t, struct vs_err *err)
{
	struct target_posix *p = (struct target_posix *)t;
	struct disk_root now;
	int r;

	if (root_is_missing(p))
		return VS_OK;
	r = p->disk->root(p->disk, &now, err);
	if (r < 0)
		return r;
	if (strcmp(p->id, now.id) != 0 && p->id[0] != '\0')
		return root_fault(err,
		    now.id[0] == '\0' ? "its mark (.vsync/root-id) is missing"
				      : "it has the mark of another one");
	if (root_is_held(p, &now))
		return VS_OK;
	if (p->id[0] == '\0' && p->root >= 0)
		return root_fault(err, "it is another one now");
	/* the mark is the right one: it was mounted again, say */
	return root_hold(p, err);
}

/* What it will be made in: the nearest folder above that is there. */
static int parent_open(const struct target_posix *p, struct vs_err *err)
{
	char path[PATH_MAX];
	int fd = -1;

	snprintf(path, sizeof(path), "%s", p->path);
	while (fd < 0 && path[1] != '\0') {
		char *slash = strrchr(path, '/');

		slash[slash == path ? 1 : 0] = '\0';
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return fd >= 0 ? fd : root_fault(err, "nothing to make it in");
}

static int root_space(struct target *t, int64_t *bytes, struct vs_err *err)
{
	struct target_posix *p = (struct target_posix *)t;
	struct statvfs fs;
	int fd =
	    root_is_missing(p) ? parent_open(p, err) : target_root_take(p, err);
	int r = VS_OK;

	if (fd < 0)
		return fd;
	if (fstatvfs(fd, &fs) != 0)
		r = vs_err_errno(err, errno, "space of the folder");
	else
		*bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	close(fd);
	return r;
}

static int path_look(struct target *t, const char *path, struct disk_stat *out,
    struct vs_err *err)
{
	struct target_posix *p = (struct target_posix *)t;

	if (root_is_missing(p))
		return vs_err_set(err, VS_ENOENT, "stat: there is no folder");
	return p->disk->look(p->disk, path, out, err);
}

int target_hash(struct target *t, const char *path, struct disk_hash *out,
    const atomic_bool *cancel, struct vs_err *err)
{
	struct disk *d = ((struct target_posix *)t)->disk;
	int r = d->hash(d, path, out, cancel != NULL ? cancel : &never, err);

	if (r == VS_OK && out->writer == DISK_WRITER)
		return vs_err_set(err, VS_EBUSY, "%s is being written", path);
	return r;
}

/* Directories. */

int target_dir_make(int dir, const char *name, mode_t mode, struct vs_err *err)
{
	bool made = mkdirat(dir, name, mode) == 0;
	int fd;

	if (!made && errno != EEXIST)
		return vs_err_errno(err, errno, "make the folder %s", name);
	fd = vs_fs_open(dir, name, O_RDONLY | O_DIRECTORY, 0, err);
	if (fd >= 0 && made && fsync(dir) != 0) {
		vs_err_errno(err, errno, "fsync of a folder");
		close(fd);
		return VS_EIO;
	}
	return fd;
}

/* A descriptor of path below root, made as far as it is missing. */
static int dir_reach(
    int root, const char *path, mode_t mode, struct vs_err *err)
{
	char name[VS_NAME_MAX + 1];
	int dir = fcntl(root, F_DUPFD_CLOEXEC, 0);

	if (dir < 0)
		return vs_err_errno(err, errno, "the folder");
	while (*path != '\0') {
		size_t n = strcspn(path, "/");
		int next;

		assert(n > 0 && n <= VS_NAME_MAX);
		memcpy(name, path, n);
		name[n] = '\0';
		path += n + (path[n] == '/' ? 1 : 0);
		next = target_dir_make(dir, name, mode, err);
		close(dir);
		if (next < 0)
			return next;
		dir = next;
	}
	return dir;
}

int target_path_check(const char *path, struct vs_err *err)
{
	enum vs_path_flaw flaw = vs_path_check(path, strlen(path));

	if (flaw == VS_PATH_GOOD)
		return VS_OK;
	return vs_err_set(
	    err, VS_EPATH, "path refused: %s", vs_path_flaw_text(flaw));
}

static int path_mkdirs(struct target *t, const char *path, struct vs_err *err)
{
	int r = target_path_check(path, err);
	int root;
	int dir;

	if (r == VS_OK)
		r = target_root_make(t, err);
	if (r < 0)
		return r;
	root = target_root_take((struct target_posix *)t, err);
	if (root < 0)
		return root;
	dir = dir_reach(root, path, 0777, err);
	close(root);
	if (dir < 0)
		return dir;
	close(dir);
	return VS_OK;
}

int64_t target_posix_size(struct target *t, const char *name, bool path)
{
	char part[sizeof(TARGET_PARTS) + VS_NAME_MAX + 2];
	struct disk_stat s;

	snprintf(part, sizeof(part), TARGET_PARTS "/%s", name);
	return path_look(t, path ? name : part, &s, NULL) == VS_OK ? s.size : 0;
}

int target_posix_new(
    struct target **out, const char *root, const char *id, struct vs_err *err)
{
	size_t len = strlen(root) + 1;
	struct target_posix *p;
	int r;

	assert(root[0] == '/' && (id == NULL || strlen(id) < sizeof(p->id)));
	p = calloc(1, sizeof(*p) + len);
	if (p == NULL || uv_mutex_init(&p->mutex) != 0) {
		free(p);
		return vs_err_set(err, VS_ENOMEM, "target: out of memory");
	}
	memcpy(p->path, root, len);
	if (id != NULL)
		memcpy(p->id, id, strlen(id) + 1);
	p->root = -1;
	p->target = (struct target){
		.check = root_check,
		.space = root_space,
		.look = path_look,
		.spelled = target_spelled,
		.hash = target_hash,
		.mkdirs = path_mkdirs,
		.part_open = target_part_open,
		.part_write = target_part_write,
		.part_sync = target_part_sync,
		.part_hash = target_part_hash,
		.part_finish = target_part_finish,
		.part_drop = target_part_drop,
		.parts = target_parts,
		.move = target_move,
		.part_take = target_part_take,
		.part_copy = target_part_copy,
		.rmdir = target_rmdir,
		.link = target_link,
	};
	r = disk_posix_new(&p->disk, root, NULL, err);
	if (r < 0) {
		target_posix_free(&p->target);
		return r;
	}
	*out = &p->target;
	return VS_OK;
}

void target_posix_free(struct target *t)
{
	struct target_posix *p = (struct target_posix *)t;

	if (p == NULL)
		return;
	if (p->root >= 0)
		close(p->root);
	uv_mutex_destroy(&p->mutex);
	disk_posix_free(p->disk);
	free(p);
}
