/*
 * Invariants: nothing outside the root is ever opened (each name goes
 * through openat2 beneath a descriptor of the root); the root's descriptor
 * lives for one call; nothing but regular files is opened for reading, so
 * that no device or pipe notices us.
 */
#include "agent/scan/disk_posix.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "agent/scan/disk_stat.h"
#include "agent/scan/content.h"
#include "agent/scan/roster.h"
#include "agent/scan/scout.h"
#include "common/base/path.h"
#include "common/os/fs.h"
#include "common/os/prio.h"

#define SCOUTS 2 /* threads that list folders ahead */

struct disk_posix {
	struct disk disk; /* first: it is what callers hold */
	struct disk_watcher watcher;
	struct scout *scout;
	atomic_bool idle; /* nobody waits for the scouts */
	atomic_bool identified; /* the following hold; workers read them */
	_Atomic(dev_t) dev;
	_Atomic(ino_t) ino;
	char root[];
};

static int stat_fd(int fd, struct disk_stat *out, struct vs_err *err)
{
	if (disk_stat_fd(fd, out) != 0)
		return vs_err_errno(err, errno, "stat");
	return VS_OK;
}

/* A descriptor of the root, whatever it is now, or VS_EROOT. */
static int root_open_any(struct disk *d, struct vs_err *err)
{
	const struct disk_posix *p = (const struct disk_posix *)d;
	int fd = open(p->root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		vs_err_errno(err, errno, "root folder");
		if (err != NULL)
			err->code = VS_EROOT;
		return VS_EROOT;
	}
	return fd;
}

/* A descriptor of the root that was last identified, or VS_EROOT. */
static int root_open(struct disk *d, struct vs_err *err)
{
	struct disk_posix *p = (struct disk_posix *)d;
	int fd = root_open_any(d, err);
	struct stat s;

	if (fd < 0 || !atomic_load(&p->identified))
		return fd;
	if (fstat(fd, &s) == 0 && s.st_dev == atomic_load(&p->dev) &&
	    s.st_ino == atomic_load(&p->ino))
		return fd;
	close(fd);
	return vs_err_set(err, VS_EROOT, "root folder: it is another one now");
}

/* Opens path beneath the root of this moment. */
static int beneath(
    struct disk *d, const char *path, int flags, struct vs_err *err)
{
	int rootfd = root_open(d, err);
	int fd;

	if (rootfd < 0)
		return rootfd;
	fd = vs_fs_open(rootfd, path, flags, 0, err);
	close(rootfd);
	return fd;
}

static bool marker_good(const char *id)
{
	size_t n = strspn(id, "0123456789abcdef");

	return n == DISK_ID_SIZE - 1 && (id[n] == '\0' || id[n] == '\n');
}

/* The marker's id, or "" where there is no (good) marker. */
static int marker_read(int rootfd, char id[DISK_ID_SIZE], struct vs_err *err)
{
	char text[DISK_ID_SIZE + 1] = "";
	ssize_t n;
	int fd;

	id[0] = '\0';
	fd = vs_fs_open(rootfd, DISK_MARKER, O_RDONLY, 0, err);
	if (fd == VS_ENOENT || fd == VS_ENOTDIR || fd == VS_ELOOP) {
		vs_err_clear(err);
		return VS_OK;
	}
	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		int e = errno;

		close(fd);
		return vs_err_errno(err, e, "read %s", DISK_MARKER);
	}
	close(fd);
	if (marker_good(text)) {
		memcpy(id, text, DISK_ID_SIZE - 1);
		id[DISK_ID_SIZE - 1] = '\0';
	}
	return VS_OK;
}

/* Others make the id up with each mount, or of the device's number. */
static bool fsid_lasts(const struct statfs *fs)
{
	return fs->f_type == EXT4_SUPER_MAGIC ||
	    fs->f_type == BTRFS_SUPER_MAGIC;
}

static int root_identify(
    struct disk *d, struct disk_root *out, struct vs_err *err)
{
	struct disk_posix *p = (struct disk_posix *)d;
	struct stat s;
	struct statfs fs;
	int fd = root_open_any(d, err);
	int r = VS_OK;

	if (fd < 0)
		return fd;
	if (fstat(fd, &s) != 0 || fstatfs(fd, &fs) != 0)
		r = vs_err_errno(err, errno, "root folder");
	if (r == VS_OK) {
		memset(out, 0, sizeof(*out));
		out->dev = s.st_dev;
		out->ino = s.st_ino;
		memcpy(&out->fsid, &fs.f_fsid,
		    sizeof(fs.f_fsid) < sizeof(out->fsid) ? sizeof(fs.f_fsid)
							  : sizeof(out->fsid));
		out->lasting = fsid_lasts(&fs);
		r = marker_read(fd, out->id, err);
	}
	close(fd);
	if (r == VS_OK) {
		atomic_store(&p->dev, s.st_dev);
		atomic_store(&p->ino, s.st_ino);
		atomic_store(&p->identified, true);
	}
	return r;
}

static int vsync_dir_open(int rootfd, bool make, struct vs_err *err)
{
	int made = VS_OK;
	int fd;

	if (make && mkdirat(rootfd, ".vsync", 0755) == 0)
		made = 1;
	else if (make && errno != EEXIST)
		return vs_err_errno(err, errno, "make .vsync");
	fd = vs_fs_open(rootfd, ".vsync", O_RDONLY | O_DIRECTORY, 0, err);
	if (fd >= 0 && made == 1) {
		/* the name .vsync itself must survive a power cut */
		int root =
		    vs_fs_open(rootfd, "", O_RDONLY | O_DIRECTORY, 0, err);

		if (root < 0 || fsync(root) != 0) {
			vs_err_errno(err, errno, "fsync of the root");
			if (root >= 0)
				close(root);
			close(fd);
			return VS_EIO;
		}
		close(root);
	}
	return fd;
}

static int marker_put(int dirfd, const char *id, struct vs_err *err)
{
	char text[DISK_ID_SIZE + 1];
	int fd;
	int r = VS_OK;

	memcpy(text, id, DISK_ID_SIZE - 1);
	text[DISK_ID_SIZE - 1] = '\n';
	(void)unlinkat(dirfd, "root-id.new", 0);
	fd = openat(dirfd, "root-id.new",
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return vs_err_errno(err, errno, "write marker");
	if (write(fd, text, DISK_ID_SIZE) != DISK_ID_SIZE || fsync(fd) != 0)
		r = vs_err_errno(err, errno, "write marker");
	close(fd);
	if (r == VS_OK && renameat(dirfd, "root-id.new", dirfd, "root-id") != 0)
		r = vs_err_errno(err, errno, "rename marker");
	if (r == VS_OK && fsync(dirfd) != 0)
		r = vs_err_errno(err, errno, "fsync of .vsync");
	return r;
}

static int root_mark(struct disk *d, const char *id, struct vs_err *err)
{
	int rootfd;
	int fd;
	int r;

	assert(marker_good(id));
	rootfd = root_open(d, err);
	if (rootfd < 0)
		return rootfd;
	fd = vsync_dir_open(rootfd, true, err);
	r = fd < 0 ? fd : marker_put(fd, id, err);
	if (fd >= 0)
		close(fd);
	close(rootfd);
	return r;
}

static bool name_skipped(const char *dir, const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return true;
	return *dir == '\0' && strcmp(name, ".vsync") == 0;
}

/* One name of a directory. */
static int list_name(DIR *dir, uint64_t folder, const char *name,
    struct roster *out, struct vs_err *err)
{
	struct disk_stat st;
	int r;

	if (disk_stat_at(dirfd(dir), name, &st) != 0) {
		if (errno == ENOENT)
			return VS_OK;
		return vs_err_errno(err, errno, "stat in directory");
	}
	st.folder = folder;
	r = roster_add(out, name, &st);
	return r < 0 ? vs_err_set(err, r, "list: out of memory") : VS_OK;
}

static int dir_read(
    struct disk *d, const char *path, struct roster *out, struct vs_err *err)
{
	int fd = beneath(d, path, O_RDONLY | O_DIRECTORY, err);
	struct stat self;
	DIR *dir;
	int r = VS_OK;

	if (fd < 0)
		return fd;
	dir = fstat(fd, &self) == 0 ? fdopendir(fd) : NULL;
	if (dir == NULL) {
		r = vs_err_errno(err, errno, "open directory");
		close(fd);
		return r;
	}
	while (r >= 0) {
		const struct dirent *e;

		/* only errno tells the end from an error (R3) */
		errno = 0;
		e = readdir(dir);
		if (e == NULL) {
			if (errno != 0)
				r = vs_err_errno(err, errno, "read directory");
			break;
		}
		if (!name_skipped(path, e->d_name))
			r = list_name(dir, self.st_ino, e->d_name, out, err);
	}
	closedir(dir);
	if (r == VS_OK && roster_sort(out) < 0)
		r = vs_err_set(err, VS_ENOMEM, "list: out of memory");
	return r;
}

/* A scout's thread. */
static int dir_read_ahead(
    struct disk *d, const char *path, struct roster *out, struct vs_err *err)
{
	const struct disk_posix *p = (const struct disk_posix *)d;

	int r;

	vs_prio_io(atomic_load_explicit(&p->idle, memory_order_relaxed));
	r = dir_read(d, path, out, err);
	if (r == VS_OK)
		(void)roster_digest(out); /* here, beside the engine */
	return r;
}

static int dir_list(
    struct disk *d, const char *path, struct roster *out, struct vs_err *err)
{
	struct disk_posix *p = (struct disk_posix *)d;
	int r;

	if (scout_take(p->scout, path, out, &r, err))
		return r;
	return dir_read(d, path, out, err);
}

static bool dir_ahead(struct disk *d, const char *path)
{
	return scout_ask(((struct disk_posix *)d)->scout, path);
}

static void dir_behind(struct disk *d, const char *path)
{
	scout_forget(((struct disk_posix *)d)->scout, path);
}

static void disk_idle(struct disk *d, bool idle)
{
	atomic_store(&((struct disk_posix *)d)->idle, idle);
}

static int path_look(
    struct disk *d, const char *path, struct disk_stat *out, struct vs_err *err)
{
	struct stat parent;
	const char *name;
	int rootfd = root_open(d, err);
	int fd;
	int r = VS_OK;

	assert(*path != '\0');
	if (rootfd < 0)
		return rootfd;
	fd = vs_fs_open_parent(rootfd, path, &name, err);
	close(rootfd);
	if (fd < 0)
		return fd;
	if (disk_stat_at(fd, name, out) != 0 || fstat(fd, &parent) != 0)
		r = vs_err_errno(err, errno, "stat");
	else
		out->folder = parent.st_ino;
	close(fd);
	return r;
}

/*
 * A lease can be had only while nobody has the file open for writing
 * (fcntl(2), F_SETLEASE); it is dropped at once.
 */
static enum disk_writer writer_probe(int fd)
{
	/* who opens it meanwhile waits for us, and we are told by a signal
	   that is ignored unless somebody asks for it: SIGIO would kill */
	(void)fcntl(fd, F_SETSIG, SIGURG);
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		(void)fcntl(fd, F_SETLEASE, F_UNLCK);
		return DISK_NO_WRITER;
	}
	return errno == EAGAIN ? DISK_WRITER : DISK_WRITER_UNKNOWN;
}

static bool stat_same(const struct disk_stat *a, const struct disk_stat *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns &&
	    a->ctime_ns == b->ctime_ns && a->ino == b->ino &&
	    a->born_ns == b->born_ns;
}

/*
 * It was longer when it had been read: what was read is what it once was, if
 * nothing of it has changed since it was read.
 */
static int grown_hash(int fd, struct disk_hash *out,
    const struct disk_stat *after, const atomic_bool *cancel,
    struct vs_err *err)
{
	uint8_t again[VS_SHA256_SIZE];
	int64_t n;

	if (after->ino != out->stat.ino ||
	    after->born_ns != out->stat.born_ns ||
	    after->size <= out->stat.size || out->stat.size == 0)
		return vs_err_set(err, VS_ECHANGED, "changed while read");
	n = content_hash(fd, out->stat.size, again, cancel, err);
	if (n < 0)
		return (int)n;
	if (n != out->stat.size ||
	    memcmp(again, out->sha256, sizeof(again)) != 0)
		return vs_err_set(err, VS_ECHANGED, "changed while read");
	out->grown = true;
	return VS_OK;
}

static int file_hash(int fd, bool held, struct disk_hash *out,
    const atomic_bool *cancel, struct vs_err *err)
{
	struct disk_stat after;
	int64_t n;
	int r;

	r = stat_fd(fd, &out->stat, err);
	if (r < 0)
		return r;
	if (out->stat.odd || out->stat.kind != VS_KIND_FILE)
		return vs_err_set(err, VS_ECHANGED, "no longer a file");
	out->writer = writer_probe(fd);
	if (out->writer == DISK_WRITER && !held)
		return VS_OK;
	n = content_hash(fd, out->stat.size, out->sha256, cancel, err);
	if (n < 0)
		return (int)n;
	r = stat_fd(fd, &after, err);
	if (r < 0)
		return r;
	if (n != out->stat.size)
		return vs_err_set(err, VS_ECHANGED, "changed while read");
	if (!stat_same(&out->stat, &after))
		return grown_hash(fd, out, &after, cancel, err);
	return VS_OK;
}

/* pathfd: O_PATH descriptor of a symbolic link. */
static int link_hash(int pathfd, struct disk_hash *out, struct vs_err *err)
{
	ssize_t n = readlinkat(pathfd, "", out->target, sizeof(out->target));

	if (n < 0)
		return vs_err_errno(err, errno, "read link");
	if ((size_t)n >= sizeof(out->target))
		return vs_err_set(err, VS_ELIMIT, "link target too long");
	out->target[n] = '\0';
	out->writer = DISK_NO_WRITER;
	vs_sha256(out->target, (size_t)n, out->sha256);
	return VS_OK;
}

static int file_open(int rootfd, const char *path, struct vs_err *err)
{
	int fd = vs_fs_open(rootfd, path, O_RDONLY | O_NOATIME, 0, err);

	/* other people's files refuse O_NOATIME (open(2)) */
	if (fd == VS_EACCES) {
		vs_err_clear(err);
		fd = vs_fs_open(rootfd, path, O_RDONLY, 0, err);
	}
	return fd;
}

/* What path is, below rootfd: a link is hashed; 1: a file, to be read. */
static int hash_look(
    int rootfd, const char *path, struct disk_hash *out, struct vs_err *err)
{
	int fd = vs_fs_open(rootfd, path, O_PATH, 0, err);
	int r;

	if (fd < 0)
		return fd;
	r = stat_fd(fd, &out->stat, err);
	if (r == VS_OK && out->stat.kind == VS_KIND_SYMLINK)
		r = link_hash(fd, out, err);
	else if (r == VS_OK &&
	    (out->stat.odd || out->stat.kind != VS_KIND_FILE))
		r = vs_err_set(err, VS_ECHANGED, "no longer a file");
	else if (r == VS_OK)
		r = 1;
	close(fd);
	return r;
}

static int hash_at(struct disk *d, const char *path, bool held,
    struct disk_hash *out, const atomic_bool *cancel, struct vs_err *err)
{
	int rootfd = root_open(d, err);
	int fd;
	int r;

	assert(*path != '\0' && cancel != NULL);
	if (rootfd < 0)
		return rootfd;
	out->target[0] = '\0';
	out->grown = false;
	r = hash_look(rootfd, path, out, err);
	fd = r == 1 ? file_open(rootfd, path, err) : r;
	close(rootfd);
	if (r != 1 || fd < 0)
		return fd;
	r = file_hash(fd, held, out, cancel, err);
	close(fd);
	return r;
}

static int path_hash(struct disk *d, const char *path, struct disk_hash *out,
    const atomic_bool *cancel, struct vs_err *err)
{
	return hash_at(d, path, false, out, cancel, err);
}

static int path_hash_held(struct disk *d, const char *path,
    struct disk_hash *out, const atomic_bool *cancel, struct vs_err *err)
{
	return hash_at(d, path, true, out, cancel, err);
}

/* All of fd, which has st, into out. */
static int text_fill(int fd, const struct disk_stat *st, struct disk_text *out,
    struct vs_err *err)
{
	struct disk_stat after;
	ssize_t n = 1;
	int r;

	out->len = 0;
	while (n > 0 && out->len < sizeof(out->data)) {
		n = read(
		    fd, out->data + out->len, sizeof(out->data) - out->len);
		if (n < 0)
			return vs_err_errno(err, errno, "read");
		out->len += (size_t)n;
	}
	r = stat_fd(fd, &after, err);
	if (r == VS_OK &&
	    (out->len != (size_t)st->size || !stat_same(st, &after)))
		r = vs_err_set(err, VS_ECHANGED, "changed while read");
	return r;
}

static int path_read(
    struct disk *d, const char *path, struct disk_text *out, struct vs_err *err)
{
	struct disk_stat st;
	int rootfd;
	int fd;
	int r = path_look(d, path, &st, err);

	if (r < 0)
		return r;
	if (st.odd || st.kind != VS_KIND_FILE)
		return vs_err_set(err, VS_EINVAL, "no regular file");
	rootfd = root_open(d, err);
	if (rootfd < 0)
		return rootfd;
	fd = file_open(rootfd, path, err);
	close(rootfd);
	if (fd < 0)
		return fd;
	r = stat_fd(fd, &st, err);
	if (r == VS_OK && (st.odd || st.kind != VS_KIND_FILE))
		r = vs_err_set(err, VS_ECHANGED, "no longer a file");
	if (r == VS_OK && writer_probe(fd) == DISK_WRITER)
		r = vs_err_set(err, VS_EBUSY, "being written");
	if (r == VS_OK && st.size > (int64_t)sizeof(out->data))
		r = vs_err_set(
		    err, VS_ELIMIT, "over %zu bytes", sizeof(out->data));
	if (r == VS_OK)
		r = text_fill(fd, &st, out, err);
	close(fd);
	return r;
}

static int cookie_make(struct disk *d, const char *name, struct vs_err *err)
{
	char file[VS_NAME_MAX + 1];
	int rootfd;
	int dir;
	int fd;
	int r = VS_OK;
	int n = snprintf(file, sizeof(file), "cookie-%s", name);

	assert(strchr(name, '/') == NULL);
	if (n < 0 || (size_t)n >= sizeof(file))
		return vs_err_set(err, VS_EINVAL, "cookie: name too long");
	rootfd = root_open(d, err);
	if (rootfd < 0)
		return rootfd;
	dir = vsync_dir_open(rootfd, false, err);
	close(rootfd);
	if (dir < 0)
		return dir;
	fd = openat(dir, file,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		r = vs_err_errno(err, errno, "make cookie");
	else
		close(fd);
	if (fd >= 0 && unlinkat(dir, file, 0) != 0)
		r = vs_err_errno(err, errno, "remove cookie");
	close(dir);
	return r;
}

static int disk_watch(struct disk *d, const char *dir, struct vs_err *err)
{
	struct disk_posix *p = (struct disk_posix *)d;
	int fd = dir != NULL ? root_open(d, err) : -1;

	if (dir != NULL && fd < 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return p->watcher.watch(p->watcher.arg, dir, err);
}

static void disk_unwatch(struct disk *d, const char *dir)
{
	struct disk_posix *p = (struct disk_posix *)d;

	p->watcher.unwatch(p->watcher.arg, dir);
}

static int64_t disk_watched(struct disk *d)
{
	struct disk_posix *p = (struct disk_posix *)d;

	return p->watcher.watched(p->watcher.arg);
}

static void disk_watching(struct disk *d, struct disk_watching *out)
{
	struct disk_posix *p = (struct disk_posix *)d;

	p->watcher.watching(p->watcher.arg, out);
}

static void disk_told(struct disk *d, char out[DISK_MARK_SIZE])
{
	struct disk_posix *p = (struct disk_posix *)d;

	p->watcher.told(p->watcher.arg, out);
}

static bool disk_resume(struct disk *d, const char *mark)
{
	struct disk_posix *p = (struct disk_posix *)d;

	return p->watcher.resume(p->watcher.arg, mark);
}

int disk_posix_new(struct disk **out, const char *root,
    const struct disk_watcher *w, struct vs_err *err)
{
	struct disk_posix *p;
	size_t len = strlen(root) + 1;
	int r;

	assert(root[0] == '/');
	p = calloc(1, sizeof(*p) + len);
	if (p == NULL)
		return vs_err_set(err, VS_ENOMEM, "disk: out of memory");
	memcpy(p->root, root, len);
	p->disk = (struct disk){
		.root = root_identify,
		.mark = root_mark,
		.list = dir_list,
		.look = path_look,
		.hash = path_hash,
		.hash_held = path_hash_held,
		.ahead = dir_ahead,
		.behind = dir_behind,
		.idle = disk_idle,
		.read = path_read,
		.cookie = cookie_make,
	};
	if (w != NULL) {
		p->watcher = *w;
		p->disk.watch = disk_watch;
		p->disk.watched = disk_watched;
		if (w->unwatch != NULL)
			p->disk.unwatch = disk_unwatch;
		if (w->watching != NULL)
			p->disk.watching = disk_watching;
		if (w->told != NULL)
			p->disk.told = disk_told;
		if (w->resume != NULL)
			p->disk.resume = disk_resume;
	}
	r = scout_new(&p->scout, SCOUTS, dir_read_ahead, &p->disk, err);
	if (r < 0) {
		free(p);
		return r;
	}
	*out = &p->disk;
	return VS_OK;
}

void disk_posix_free(struct disk *d)
{
	if (d != NULL)
		scout_free(((struct disk_posix *)d)->scout);
	free(d);
}
