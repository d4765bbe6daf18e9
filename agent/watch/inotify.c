/*
 * inotify(7) behind watch.h.
 *
 * A watch follows its directory, wherever that is moved; so when a parent
 * says that a directory left its name, the watches below are dropped and
 * the owner, who hears of its new name, adds them anew.  Events of dropped
 * watches may still be under way and are ignored: the kernel numbers watches
 * upwards and uses no number twice, so what is unknown and not above the
 * highest given was dropped.  Anything else means that something was missed:
 * overflow.
 *
 * .vsync at the root is watched flat, for the cookies of the barrier; it is
 * none of the owner's directories and nothing else in it is reported.
 */
#include "agent/watch/watch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/watch/wdmap.h"
#include "common/base/limits.h"
#include "common/base/path.h"
#include "common/os/fs.h"

#define OURS ".vsync"
#define COOKIE "cookie-"
#define MASK \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_FROM | \
	    IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | \
	    IN_ATTRIB | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK)

struct watch {
	int fd;
	int ours; /* descriptor of .vsync, -1: none */
	int highest; /* descriptor ever given */
	struct wdmap *map;
	char root[];
};

/* One translation under way. */
struct translation {
	struct watch *watch;
	void (*hint)(void *arg, const struct watch_hint *h);
	void *arg;
	char path[VS_PATH_MAX + VS_NAME_MAX + 2];
};

const char *watch_name(void)
{
	return "inotify";
}

int watch_new(struct watch **out, const char *root, struct vs_err *err)
{
	size_t len = strlen(root) + 1;
	struct watch *w;
	int r;

	assert(root[0] == '/');
	w = calloc(1, sizeof(*w) + len);
	if (w == NULL)
		return vs_err_set(err, VS_ENOMEM, "watch: out of memory");
	memcpy(w->root, root, len);
	w->ours = -1;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0) {
		r = vs_err_errno(err, errno,
		    "inotify: no instance left (fs.inotify."
		    "max_user_instances)");
		free(w);
		return r;
	}
	r = wdmap_new(&w->map, err);
	if (r < 0) {
		close(w->fd);
		free(w);
		return r;
	}
	*out = w;
	return VS_OK;
}

void watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	close(w->fd);
	wdmap_free(w->map);
	free(w);
}

int watch_fd(const struct watch *w)
{
	return w->fd;
}

int watch_read(int fd, void *raw, struct vs_err *err)
{
	ssize_t n;

	do {
		n = read(fd, raw, WATCH_RAW_MAX);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0)
		return vs_err_errno(err, errno, "inotify: read");
	return (int)n;
}

size_t watch_count(const struct watch *w)
{
	return wdmap_count(w->map);
}

/* Which watches to let go, but for one that only changes its name. */
struct letting_go {
	struct watch *watch;
	int keep;
};

static void wd_gone(void *arg, int wd)
{
	const struct letting_go *g = arg;

	/* refused when the directory itself is gone: nothing is left to do */
	if (wd != g->keep)
		(void)inotify_rm_watch(g->watch->fd, wd);
}

static void dir_drop(struct watch *w, struct wdmap_dir *d, int keep)
{
	struct letting_go g = { .watch = w, .keep = keep };

	wdmap_drop(w->map, d, wd_gone, &g);
}

void watch_clear(struct watch *w)
{
	dir_drop(w, wdmap_at(w->map, ""), -1);
	if (w->ours >= 0)
		(void)inotify_rm_watch(w->fd, w->ours);
	w->ours = -1;
}

/* Watches the directory open as fd; a descriptor or a negative code. */
static int fd_watch(struct watch *w, int fd, struct vs_err *err)
{
	char link[48];
	int wd;

	/* by descriptor, so that no link can be slipped in; "/." because
	   the last step must not be the magic link itself */
	snprintf(link, sizeof(link), "/proc/self/fd/%d/.", fd);
	wd = inotify_add_watch(w->fd, link, MASK);
	if (wd < 0 && errno == ENOSPC)
		return vs_err_set(err, VS_ELIMIT,
		    "inotify: limit of watches reached "
		    "(fs.inotify.max_user_watches)");
	if (wd < 0)
		return vs_err_errno(err, errno, "inotify: watch");
	if (wd > w->highest)
		w->highest = wd;
	return wd;
}

static int dir_watch(struct watch *w, const char *dir, struct vs_err *err)
{
	int rootfd = open(w->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;
	int wd;

	if (rootfd < 0)
		return vs_err_errno(err, errno, "inotify: root folder");
	fd = vs_fs_open(rootfd, dir, O_PATH | O_DIRECTORY, 0, err);
	close(rootfd);
	if (fd < 0)
		return fd;
	wd = fd_watch(w, fd, err);
	close(fd);
	return wd;
}

static void ours_watch(struct watch *w)
{
	int wd = dir_watch(w, OURS, NULL);

	/* without it the barrier has no cookie and says so itself */
	if (wd < 0 || wd == w->ours)
		return;
	if (w->ours >= 0)
		(void)inotify_rm_watch(w->fd, w->ours);
	w->ours = wd;
}

int watch_add(struct watch *w, const char *dir, struct vs_err *err)
{
	struct wdmap_dir *known;
	struct wdmap_dir *at;
	int wd = dir_watch(w, dir, err);

	assert(wd < 0 || wd <= w->highest);
	if (wd < 0)
		return wd;
	if (*dir == '\0')
		ours_watch(w);
	known = wdmap_by_wd(w->map, wd);
	at = wdmap_at(w->map, dir);
	if (known != NULL && known == at)
		return VS_OK;
	/* moved here, and its event is still to be read: what was below its
	   old name will be listed and watched again */
	if (known != NULL) {
		dir_drop(w, known, wd);
		at = wdmap_at(w->map, dir);
	}
	/* another directory had the name */
	if (at != NULL && wdmap_wd(at) >= 0)
		dir_drop(w, at, -1);
	return wdmap_put(w->map, dir, wd, err);
}

static void hint_give(
    struct translation *t, enum watch_what what, bool moved, const char *path)
{
	struct watch_hint h = { .what = what, .moved = moved, .path = path };

	t->hint(t->arg, &h);
}

/* What happened to the watched directory itself; true if that was all. */
static bool translate_self(
    struct translation *t, struct wdmap_dir *d, const struct inotify_event *e)
{
	const uint32_t own =
	    IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF;
	bool root = wdmap_is_root(d);

	if ((e->mask & own) == 0)
		return false;
	if (root) {
		hint_give(t, WATCH_ROOT_GONE, false, "");
	} else if ((e->mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0 &&
	    !wdmap_parent_watched(d) &&
	    wdmap_path(d, t->path, sizeof(t->path)) >= 0) {
		/* nobody else will tell */
		hint_give(t, WATCH_DIR_VANISHED, (e->mask & IN_MOVE_SELF) != 0,
		    t->path);
	}
	if ((e->mask & IN_IGNORED) != 0)
		wdmap_unwatch(t->watch->map, d);
	return true;
}

static enum watch_what what_of(uint32_t mask)
{
	bool dir = (mask & IN_ISDIR) != 0;

	if ((mask & (IN_CREATE | IN_MOVED_TO)) != 0)
		return dir ? WATCH_DIR_APPEARED : WATCH_APPEARED;
	if ((mask & (IN_DELETE | IN_MOVED_FROM)) != 0)
		return dir ? WATCH_DIR_VANISHED : WATCH_VANISHED;
	if ((mask & IN_CLOSE_WRITE) != 0)
		return WATCH_CLOSED;
	return (mask & IN_ATTRIB) != 0 ? WATCH_TOUCHED : WATCH_CHANGED;
}

static void translate_ours(struct translation *t, const struct inotify_event *e)
{
	if ((e->mask & IN_IGNORED) != 0) {
		t->watch->ours = -1;
		return;
	}
	if (e->len == 0 || strncmp(e->name, COOKIE, strlen(COOKIE)) != 0 ||
	    (e->mask & (IN_CREATE | IN_DELETE)) == 0)
		return;
	if (vs_path_join(t->path, sizeof(t->path), OURS, e->name) >= 0)
		hint_give(t, what_of(e->mask), false, t->path);
}

/* e names something in the watched directory d. */
static void translate_name(
    struct translation *t, struct wdmap_dir *d, const struct inotify_event *e)
{
	struct watch *w = t->watch;
	enum watch_what what = what_of(e->mask);
	struct wdmap_dir *sub;
	int len;

	if (wdmap_is_root(d) && strcmp(e->name, OURS) == 0) {
		if (what == WATCH_DIR_APPEARED)
			ours_watch(w);
		return;
	}
	len = wdmap_path(d, t->path, VS_PATH_MAX + 1);
	if (len >= 0) {
		char *end = t->path + len;

		snprintf(end, sizeof(t->path) - (size_t)len, "%s%s",
		    len > 0 ? "/" : "", e->name);
	} else {
		/* deeper than a path may be: whoever scans will say so */
		hint_give(t, WATCH_OVERFLOW, false, "");
		return;
	}
	sub = what == WATCH_DIR_VANISHED ? wdmap_at(w->map, t->path) : NULL;
	if (sub != NULL)
		dir_drop(w, sub, -1);
	hint_give(
	    t, what, (e->mask & (IN_MOVED_TO | IN_MOVED_FROM)) != 0, t->path);
}

static void translate_event(
    struct translation *t, const struct inotify_event *e)
{
	struct watch *w = t->watch;
	struct wdmap_dir *d;

	if ((e->mask & IN_Q_OVERFLOW) != 0) {
		hint_give(t, WATCH_OVERFLOW, false, "");
		return;
	}
	if (e->wd == w->ours) {
		translate_ours(t, e);
		return;
	}
	d = wdmap_by_wd(w->map, e->wd);
	if (d == NULL) {
		if (e->wd > w->highest)
			hint_give(t, WATCH_OVERFLOW, false, "");
		return;
	}
	if (translate_self(t, d, e))
		return;
	/* a directory's own attributes come from its parent, by name */
	if (e->len > 0)
		translate_name(t, d, e);
	else if (wdmap_is_root(d))
		hint_give(t, WATCH_TOUCHED, false, "");
}

void watch_translate(struct watch *w, const void *raw, size_t len,
    void (*hint)(void *arg, const struct watch_hint *h), void *arg)
{
	struct translation *t = malloc(sizeof(*t));
	const char *p = raw;
	const char *end = p + len;

	if (t == NULL) {
		struct watch_hint lost = { .what = WATCH_OVERFLOW, .path = "" };

		hint(arg, &lost);
		return;
	}
	t->watch = w;
	t->hint = hint;
	t->arg = arg;
	while (p < end) {
		const struct inotify_event *e =
		    (const struct inotify_event *)(const void *)p;

		assert((size_t)(end - p) >= sizeof(*e));
		assert((size_t)(end - p) >= sizeof(*e) + e->len);
		translate_event(t, e);
		p += sizeof(*e) + e->len;
	}
	free(t);
}
