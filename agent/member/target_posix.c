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

#include "agent/member/place.h"
#include "agent/scan/disk_posix.h"
#include "common/base/path.h"
#include "common/os/file.h"
#include "common/os/fs.h"

#define LINK_TMP "link.new" /* among the parts */

struct target_posix {
	struct target target; /* first: it is what callers hold */
	struct disk *disk; /* looks and hashes */
	char id[DISK_ID_SIZE]; /* "": none is asked for */
	uv_mutex_t mutex; /* guards root */
	int root; /* descriptor, -1: never found */
	char path[];
};

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

/* A descriptor of the held root for one call, or VS_EROOT. */
static int root_take(struct target_posix *p, struct vs_err *err)
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

/* Makes it, if it is such a one, before something is put into it. */
static int root_make(struct target *t, struct vs_err *err)
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
	int fd = root_is_missing(p) ? parent_open(p, err) : root_take(p, err);
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

static int path_hash(struct target *t, const char *path, struct disk_hash *out,
    const atomic_bool *cancel, struct vs_err *err)
{
	struct disk *d = ((struct target_posix *)t)->disk;
	int r = d->hash(d, path, out, cancel != NULL ? cancel : &never, err);

	if (r == VS_OK && out->writer == DISK_WRITER)
		return vs_err_set(err, VS_EBUSY, "%s is being written", path);
	return r;
}

/* Directories. */

/*
 * Opens the directory name in dir, making it with mode; a new name is
 * durable.
 */
static int dir_make(int dir, const char *name, mode_t mode, struct vs_err *err)
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
		next = dir_make(dir, name, mode, err);
		close(dir);
		if (next < 0)
			return next;
		dir = next;
	}
	return dir;
}

static int path_check(const char *path, struct vs_err *err)
{
	enum vs_path_flaw flaw = vs_path_check(path, strlen(path));

	if (flaw == VS_PATH_GOOD)
		return VS_OK;
	return vs_err_set(
	    err, VS_EPATH, "path refused: %s", vs_path_flaw_text(flaw));
}

static int path_mkdirs(struct target *t, const char *path, struct vs_err *err)
{
	int r = path_check(path, err);
	int root;
	int dir;

	if (r == VS_OK)
		r = root_make(t, err);
	if (r < 0)
		return r;
	root = root_take((struct target_posix *)t, err);
	if (root < 0)
		return root;
	dir = dir_reach(root, path, 0777, err);
	close(root);
	if (dir < 0)
		return dir;
	close(dir);
	return VS_OK;
}

/* Parts. */

/* A descriptor of the folder of parts, made when it is missing. */
static int parts_open(struct target_posix *p, bool make, struct vs_err *err)
{
	int root = root_take(p, err);
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
	vsync = dir_make(root, ".vsync", 0755, err);
	close(root);
	if (vsync < 0)
		return vsync;
	dir = dir_make(vsync, "part", 0700, err);
	close(vsync);
	return dir;
}

/* In a folder that is no project's nothing of ours stays behind. */
static void parts_tidy(struct target_posix *p)
{
	int root;

	if (p->id[0] != '\0')
		return;
	root = root_take(p, NULL);
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

static int part_open(struct target *t, const char *name, int64_t size,
    bool *kept, struct vs_err *err)
{
	struct stat s;
	int r = root_make(t, err);
	int dir;

	assert(strchr(name, '/') == NULL && size >= 0);
	if (r < 0)
		return r;
	dir = parts_open((struct target_posix *)t, true, err);
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

/* A descriptor of the part itself. */
static int part_fd(
    struct target *t, const char *name, int flags, struct vs_err *err)
{
	char path[sizeof(TARGET_PARTS) + VS_NAME_MAX + 2];
	int root = root_take((struct target_posix *)t, err);
	int fd;

	if (root < 0)
		return root;
	snprintf(path, sizeof(path), TARGET_PARTS "/%s", name);
	fd = vs_fs_open(root, path, flags, 0, err);
	close(root);
	return fd;
}

static int part_write(struct target *t, const char *name, int64_t off,
    const void *data, size_t len, struct vs_err *err)
{
	int fd = part_fd(t, name, O_WRONLY, err);
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

static int part_sync(struct target *t, const char *name, struct vs_err *err)
{
	int fd = part_fd(t, name, O_WRONLY, err);
	int r = VS_OK;

	if (fd < 0)
		return fd;
	if (fdatasync(fd) != 0)
		r = vs_err_errno(err, errno, "sync part");
	close(fd);
	return r;
}

static int part_hash(struct target *t, const char *name,
    uint8_t out[VS_SHA256_SIZE], const atomic_bool *cancel, struct vs_err *err)
{
	char path[sizeof(TARGET_PARTS) + VS_NAME_MAX + 2];
	struct disk_hash *h = malloc(sizeof(*h));
	int r;

	if (h == NULL)
		return vs_err_set(err, VS_ENOMEM, "hash: out of memory");
	snprintf(path, sizeof(path), TARGET_PARTS "/%s", name);
	r = path_hash(t, path, h, cancel, err);
	if (r == VS_OK)
		memcpy(out, h->sha256, VS_SHA256_SIZE);
	free(h);
	return r;
}

static void part_drop(struct target *t, const char *name)
{
	struct target_posix *p = (struct target_posix *)t;
	int dir = parts_open(p, false, NULL);

	if (dir < 0)
		return;
	(void)unlinkat(dir, name, 0);
	close(dir);
	parts_tidy(p);
}

/* Into place. */

/* Opens the directory of path so that it can be synced. */
static int place_open(
    struct target *t, const char *path, struct place *at, struct vs_err *err)
{
	char parent[VS_PATH_MAX + 1];
	size_t n;
	int root;
	int r = path_check(path, err);

	if (r < 0)
		return r;
	n = vs_path_parent_len(path);
	memcpy(parent, path, n);
	parent[n] = '\0';
	root = root_take((struct target_posix *)t, err);
	if (root < 0)
		return root;
	at->name = vs_path_name(path);
	at->dir = vs_fs_open(root, parent, O_RDONLY | O_DIRECTORY, 0, err);
	close(root);
	return at->dir < 0 ? at->dir : VS_OK;
}

/* Mode and time as the owner has them, and all of it on the disk. */
static int part_dress(int fd, int mode, int64_t mtime_us, struct vs_err *err)
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

static void stat_tell(const struct stat *s, struct disk_stat *out)
{
	*out = (struct disk_stat){
		.kind = VS_KIND_FILE,
		.size = (int64_t)s->st_size,
		.mtime_ns = place_ns(&s->st_mtim),
		.ctime_ns = place_ns(&s->st_ctim),
		.ino = s->st_ino,
		.mode = (int)(s->st_mode & 07777),
	};
}

static int part_finish(struct target *t, const char *name, const char *path,
    const struct disk_stat *want, int mode, int64_t mtime_us,
    struct disk_stat *now, struct vs_err *err)
{
	struct place at = { .dir = -1, .want = want };
	int dir = -1;
	int fd = part_fd(t, name, O_RDONLY, err);
	struct stat s;
	int r = fd < 0 ? fd : VS_OK;

	if (r == VS_OK)
		r = place_open(t, path, &at, err);
	if (r == VS_OK)
		dir = parts_open((struct target_posix *)t, false, err);
	if (r == VS_OK && dir < 0)
		r = dir;
	if (r == VS_OK)
		r = part_dress(fd, mode, mtime_us, err);
	if (r == VS_OK)
		r = place_put(dir, name, &at, err);
	/* it may be tried again, whatever the mode forbids */
	if (r < 0 && fd >= 0)
		(void)fchmod(fd, 0600);
	if (r == VS_OK && fstat(fd, &s) != 0)
		r = vs_err_errno(err, errno, "stat of the new file");
	if (r == VS_OK)
		stat_tell(&s, now);
	if (dir >= 0)
		close(dir);
	if (at.dir >= 0)
		close(at.dir);
	if (fd >= 0)
		close(fd);
	if (r == VS_OK)
		parts_tidy((struct target_posix *)t);
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
	int dir = parts_open((struct target_posix *)t, true, err);
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
	parts_tidy((struct target_posix *)t);
	return r;
}

static int path_link(struct target *t, const char *path, const char *to,
    const struct disk_stat *want, struct vs_err *err)
{
	struct place at = { .dir = -1, .want = want, .links = true };
	int r = path_check(path, err);

	if (r == VS_OK && !link_stays(path, to))
		r = vs_err_set(err, VS_EPATH,
		    "the link leads out of the folder: it is not made");
	if (r == VS_OK)
		r = root_make(t, err);
	if (r == VS_OK)
		r = place_open(t, path, &at, err);
	if (r == VS_OK)
		r = link_put(t, to, &at, err);
	if (at.dir >= 0)
		close(at.dir);
	return r;
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
		.hash = path_hash,
		.mkdirs = path_mkdirs,
		.part_open = part_open,
		.part_write = part_write,
		.part_sync = part_sync,
		.part_hash = part_hash,
		.part_finish = part_finish,
		.part_drop = part_drop,
		.link = path_link,
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
