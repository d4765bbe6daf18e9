/*
 * inotify(7) behind watch.h.
 *
 * A watch follows its directory, wherever that is moved.  When a directory
 * leaves its name, what is known at and below it is put aside, with the half
 * of the rename; the other half puts it back under its new name, and what
 * the kernel says of it from then on carries that name.  What does not come
 * back is let go, in slices, since each watch let go is one more event in
 * the kernel's queue.
 *
 * A scan may be ahead of the events: then the directory at a name is not
 * the one an event is about.  Whatever is mislabelled or let go by that has
 * an event of its own still to come, which has it watched and listed anew;
 * watch_add asks the kernel, whose descriptor for a directory is always the
 * same, and moves the label.
 *
 * Events of watches that were let go may still be under way and are ignored:
 * the kernel numbers watches upwards and uses no number twice, so what is
 * unknown and not above the highest given was let go.  Anything else means
 * that something was missed: overflow.
 *
 * .vsync at the root is watched flat, for the cookies of the barrier; it is
 * none of the owner's directories and nothing else in it is reported.
 */
#include "agent/watch/backend.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/watch/halves.h"
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

#define SLICE 1024 /* watches let go in one tick */
#define SLICE_MS 10 /* between two slices: the reader takes their echo */

struct inotify {
	struct watch watch; /* first */
	int fd;
	int ours; /* descriptor of .vsync, -1: none */
	int highest; /* descriptor ever given */
	struct wdmap *map;
	struct halves halves;
	struct half *doomed; /* whose watches are let go, by newer */
	int64_t slice_ms; /* mono: the next slice */
	unsigned char scan; /* mark of what this one asked for */
	char root[];
};

/* One translation under way. */
struct translation {
	struct inotify *watch;
	int64_t now_ms;
	char path[VS_PATH_MAX + VS_NAME_MAX + 2];
};

static struct inotify *of(struct watch *w)
{
	return (struct inotify *)w;
}

/* Why there is no instance: of the user, or of this process' descriptors. */
static int instance_refused(int why, struct vs_err *err)
{
	int spare;

	if (why != EMFILE && why != ENFILE)
		return vs_err_errno(err, why, "inotify");
	spare = dup(STDERR_FILENO);
	if (why == ENFILE || spare < 0)
		return vs_err_set(
		    err, VS_EAGAIN, "inotify: no file descriptor is left");
	close(spare);
	return vs_err_set(err, VS_ELIMIT, "inotify: no instance is left");
}

static int inotify_make(
    struct watch **out, const char *root, struct vs_err *err)
{
	size_t len = strlen(root) + 1;
	struct inotify *w = calloc(1, sizeof(*w) + len);
	int r;

	if (w == NULL)
		return vs_err_set(err, VS_ENOMEM, "watch: out of memory");
	memcpy(w->root, root, len);
	w->ours = -1;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0) {
		r = instance_refused(errno, err);
		free(w);
		return r;
	}
	r = wdmap_new(&w->map, err);
	if (r < 0) {
		close(w->fd);
		free(w);
		return r;
	}
	*out = &w->watch;
	return VS_OK;
}

static void inotify_free(struct watch *watch)
{
	struct inotify *w = of(watch);
	struct half *half;

	while ((half = halves_alone(&w->halves, INT64_MAX)) != NULL)
		free(half);
	while ((half = w->doomed) != NULL) {
		w->doomed = half->newer;
		free(half);
	}
	close(w->fd);
	wdmap_free(w->map);
	free(w);
}

static int inotify_fd(const struct watch *w)
{
	return ((const struct inotify *)w)->fd;
}

static int inotify_read(struct watch *w, void *raw, struct vs_err *err)
{
	ssize_t n;

	do {
		n = read(inotify_fd(w), raw, WATCH_RAW_MAX);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0)
		return vs_err_errno(err, errno, "inotify: read");
	return (int)n;
}

static size_t inotify_count(const struct watch *w)
{
	return wdmap_count(((const struct inotify *)w)->map);
}

static void wd_gone(void *arg, int wd)
{
	const struct inotify *w = arg;

	/* refused when the directory itself is gone: nothing is left to do */
	(void)inotify_rm_watch(w->fd, wd);
}

/* Lets go what a half holds, if anything, and of the half. */
static void half_doom(struct inotify *w, struct half *half)
{
	if (half->holder == NULL) {
		free(half);
		return;
	}
	if (w->doomed == NULL)
		w->slice_ms = INT64_MIN;
	half->newer = w->doomed;
	w->doomed = half;
}

/* Lets d and what is below it go; at once where there is no memory. */
static void dir_doom(struct inotify *w, struct wdmap_dir *d)
{
	struct half *half = wdmap_is_root(d) ? NULL : half_new("");

	if (half != NULL)
		half->holder = wdmap_detach(w->map, d);
	if (half == NULL || half->holder == NULL) {
		wdmap_drop(w->map, d, wd_gone, w);
		free(half);
		return;
	}
	half_doom(w, half);
}

/* Lets go up to most directories, of one thing after the other. */
static void doomed_trim(struct inotify *w, size_t most)
{
	struct half *half;

	while (most > 0 && (half = w->doomed) != NULL) {
		if (!wdmap_trim(w->map, half->holder, &most, wd_gone, w))
			return;
		w->doomed = half->newer;
		free(half);
	}
}

static void inotify_remove(struct watch *watch, const char *dir)
{
	struct inotify *w = of(watch);
	struct wdmap_dir *at = wdmap_at(w->map, dir);

	if (at != NULL)
		dir_doom(w, at);
}

static void ours_drop(struct inotify *w)
{
	if (w->ours >= 0)
		(void)inotify_rm_watch(w->fd, w->ours);
	w->ours = -1;
}

/* Lets go of everything at once. */
static void all_drop(struct inotify *w)
{
	wdmap_drop(w->map, wdmap_at(w->map, ""), wd_gone, w);
	doomed_trim(w, SIZE_MAX);
	for (struct half *h = w->halves.oldest; h != NULL; h = h->newer) {
		if (h->holder != NULL)
			wdmap_trim(w->map, h->holder, &(size_t){ SIZE_MAX },
			    wd_gone, w);
		h->holder = NULL;
	}
	ours_drop(w);
}

/*
 * In slices, too; a scan that comes first takes back what it finds.  Halves
 * that wait are still to be told.
 */
static void inotify_clear(struct watch *watch)
{
	struct inotify *w = of(watch);
	int root = wdmap_wd(wdmap_at(w->map, ""));
	struct half *all = half_new("");

	for (struct half *h = w->halves.oldest; h != NULL; h = h->newer)
		h->due_ms = INT64_MIN;
	if (all != NULL)
		all->holder = wdmap_detach_all(w->map);
	if (all == NULL || all->holder == NULL) {
		free(all);
		all_drop(w);
		return;
	}
	half_doom(w, all);
	if (root >= 0)
		(void)inotify_rm_watch(w->fd, root);
	ours_drop(w);
}

/* Watches the directory open as fd; a descriptor or a negative code. */
static int fd_watch(struct inotify *w, int fd, struct vs_err *err)
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

static int dir_watch(struct inotify *w, const char *dir, struct vs_err *err)
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

static void ours_watch(struct inotify *w)
{
	int wd = dir_watch(w, OURS, NULL);

	/* without it the barrier has no cookie and says so itself */
	if (wd < 0 || wd == w->ours)
		return;
	if (w->ours >= 0)
		(void)inotify_rm_watch(w->fd, w->ours);
	w->ours = wd;
}

/*
 * known is at dir now, and its event is still to be read; another one that
 * had the name is let go.
 */
static int dir_relabel(struct inotify *w, struct wdmap_dir *known,
    const char *dir, struct vs_err *err)
{
	int wd = wdmap_wd(known);
	struct wdmap_dir *holder, *at;
	int r = VS_ENOMEM;

	holder = wdmap_detach(w->map, known);
	at = wdmap_at(w->map, dir);
	if (at != NULL)
		dir_doom(w, at);
	if (holder != NULL)
		r = wdmap_attach(w->map, holder, dir, err);
	if (r == VS_OK)
		return VS_OK;
	if (holder != NULL)
		wdmap_trim(w->map, holder, &(size_t){ SIZE_MAX }, wd_gone, w);
	(void)inotify_rm_watch(w->fd, wd);
	return r;
}

static int dir_add(struct inotify *w, const char *dir, struct vs_err *err)
{
	int wd = dir_watch(w, dir, err);
	struct wdmap_dir *known, *at;

	assert(wd < 0 || wd <= w->highest);
	if (wd < 0)
		return wd;
	if (*dir == '\0')
		ours_watch(w);
	else if (wd == w->ours)
		w->ours = -1;
	known = wdmap_by_wd(w->map, wd);
	at = wdmap_at(w->map, dir);
	if (known != NULL && known == at)
		return VS_OK;
	if (known != NULL && (*dir == '\0' || wdmap_is_root(known))) {
		/* the root is another directory of the same tree: anew */
		all_drop(w);
		return dir_add(w, dir, err);
	}
	if (known != NULL)
		return dir_relabel(w, known, dir, err);
	/* another directory had the name */
	if (at != NULL && wdmap_wd(at) >= 0)
		dir_doom(w, at);
	return wdmap_put(w->map, dir, wd, err);
}

static int inotify_add(struct watch *watch, const char *dir, struct vs_err *err)
{
	struct inotify *w = of(watch);
	int r = dir_add(w, dir, err);

	if (r == VS_OK)
		wdmap_mark(wdmap_at(w->map, dir), w->scan);
	return r;
}

/*
 * A scan asks for each directory.  What was watched and not asked for since
 * the one before left while nobody could tell: events were lost, or the
 * directories above it are not watched.
 */
static void inotify_scanned(
    struct watch *watch, int64_t took_ms, int64_t now_ms)
{
	struct inotify *w = of(watch);

	(void)took_ms;
	(void)now_ms;
	wdmap_sift(w->map, w->scan, wd_gone, w);
	w->scan++;
}

static void hint_give(struct inotify *w, const struct watch_hint *h)
{
	w->watch.ear.hint(w->watch.ear.arg, h);
}

static void hint_plain(
    struct inotify *w, enum watch_what what, bool moved, const char *path)
{
	const struct watch_hint h = {
		.what = what, .moved = moved, .path = path
	};

	hint_give(w, &h);
}

/* Its other half did not come: it is gone from here. */
static void half_alone(struct inotify *w, struct half *half)
{
	if (half->path[0] != '\0')
		hint_plain(w, half->dir ? WATCH_DIR_VANISHED : WATCH_VANISHED,
		    true, half->path);
	half_doom(w, half);
}

/* No partner can come any more. */
static void halves_end(struct inotify *w)
{
	struct half *half;

	while ((half = halves_alone(&w->halves, INT64_MAX)) != NULL)
		half_alone(w, half);
}

static int64_t inotify_due(const struct watch *watch)
{
	const struct inotify *w = (const struct inotify *)watch;
	int64_t due = halves_due(&w->halves);

	return w->doomed != NULL && w->slice_ms < due ? w->slice_ms : due;
}

static void inotify_tick(struct watch *watch, int64_t now_ms)
{
	struct inotify *w = of(watch);
	struct half *half;

	while ((half = halves_alone(&w->halves, now_ms)) != NULL)
		half_alone(w, half);
	if (w->doomed == NULL || now_ms < w->slice_ms)
		return;
	doomed_trim(w, SLICE);
	w->slice_ms = now_ms + SLICE_MS;
}

/*
 * The watched directory d ended, or was moved.  Its parent tells of that by
 * name, where it is watched; else nobody else will.
 */
static void self_gone(
    struct translation *t, struct wdmap_dir *d, const struct inotify_event *e)
{
	struct inotify *w = t->watch;
	bool move = (e->mask & IN_MOVE_SELF) != 0;

	if (wdmap_parent_watched(d) ||
	    wdmap_path(d, t->path, sizeof(t->path)) < 0) {
		/* put aside, or put back already, if it was moved */
		if (!move)
			wdmap_unwatch(w->map, d);
		return;
	}
	if (move)
		dir_doom(w, d);
	else
		wdmap_unwatch(w->map, d);
	hint_plain(w, WATCH_DIR_VANISHED, move, t->path);
}

/* The kernel let the watch go; why, was told before, or is not known. */
static void self_ignored(struct translation *t, struct wdmap_dir *d)
{
	bool named = wdmap_path(d, t->path, sizeof(t->path)) >= 0;

	wdmap_unwatch(t->watch->map, d);
	if (named)
		hint_plain(t->watch, WATCH_DIR_APPEARED, false, t->path);
}

/* What happened to the watched directory itself; true if that was all. */
static bool translate_self(
    struct translation *t, struct wdmap_dir *d, const struct inotify_event *e)
{
	struct inotify *w = t->watch;

	if ((e->mask &
		(IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF)) == 0)
		return false;
	if (wdmap_is_root(d)) {
		if ((e->mask & IN_MOVE_SELF) == 0)
			wdmap_unwatch(w->map, d);
		hint_plain(w, WATCH_ROOT_GONE, false, "");
	} else if ((e->mask & IN_UNMOUNT) != 0) {
		/* the root says so itself, if only it is watched */
		wdmap_unwatch(w->map, d);
		if (wdmap_wd(wdmap_at(w->map, "")) < 0)
			hint_plain(w, WATCH_ROOT_GONE, false, "");
	} else if ((e->mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
		self_gone(t, d, e);
	} else {
		self_ignored(t, d);
	}
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
	/* whoever waits for the cookie waits for what came before it */
	halves_end(t->watch);
	if (vs_path_join(t->path, sizeof(t->path), OURS, e->name) >= 0)
		hint_plain(t->watch, what_of(e->mask), false, t->path);
}

/*
 * The name in d was left: whether another one was taken is still to be heard.
 * t->path is "" below what is put aside, here and in the following.
 */
static void moved_from(
    struct translation *t, struct wdmap_dir *d, const struct inotify_event *e)
{
	struct inotify *w = t->watch;
	bool dir = (e->mask & IN_ISDIR) != 0;
	struct wdmap_dir *at = dir ? wdmap_child(w->map, d, e->name) : NULL;
	struct half *half = half_new(t->path);

	if (half != NULL && at != NULL)
		half->holder = wdmap_detach(w->map, at);
	if (half == NULL || (at != NULL && half->holder == NULL)) {
		free(half);
		if (at != NULL)
			wdmap_drop(w->map, at, wd_gone, w);
		if (t->path[0] != '\0')
			hint_plain(w, what_of(e->mask), true, t->path);
		return;
	}
	half->cookie = e->cookie;
	half->dir = dir;
	half->due_ms = t->now_ms + WATCH_HALF_MS;
	if (w->halves.count == HALVES_MAX)
		half_alone(w, halves_alone(&w->halves, INT64_MAX));
	halves_put(&w->halves, half);
}

/* The name in d was taken, maybe by what left another one. */
static void moved_to(
    struct translation *t, struct wdmap_dir *d, const struct inotify_event *e)
{
	struct inotify *w = t->watch;
	bool dir = (e->mask & IN_ISDIR) != 0;
	struct half *half = halves_match(&w->halves, e->cookie, dir);
	struct watch_hint h = {
		.what = what_of(e->mask),
		.moved = true,
		.path = t->path,
		.from =
		    half != NULL && half->path[0] != '\0' ? half->path : NULL,
	};

	/* where it cannot be put back, what is there is to be watched anew */
	if (half != NULL && half->holder != NULL &&
	    wdmap_attach_below(w->map, half->holder, d, e->name, NULL) == VS_OK)
		half->holder = NULL;
	if (t->path[0] != '\0')
		hint_give(w, &h);
	else if (h.from != NULL)
		hint_plain(
		    w, dir ? WATCH_DIR_VANISHED : WATCH_VANISHED, true, h.from);
	if (half != NULL)
		half_doom(w, half);
}

/* t->path becomes that of the name in d; false: deeper than a path may be. */
static bool name_path(
    struct translation *t, struct wdmap_dir *d, const struct inotify_event *e)
{
	int len = wdmap_path(d, t->path, VS_PATH_MAX + 1);

	if (len >= 0)
		snprintf(t->path + len, sizeof(t->path) - (size_t)len, "%s%s",
		    len > 0 ? "/" : "", e->name);
	else
		t->path[0] = '\0';
	return len != VS_ELIMIT;
}

/* e names something in the watched directory d. */
static void translate_name(
    struct translation *t, struct wdmap_dir *d, const struct inotify_event *e)
{
	struct inotify *w = t->watch;
	enum watch_what what = what_of(e->mask);
	struct wdmap_dir *sub;

	if (wdmap_is_root(d) && strcmp(e->name, OURS) == 0) {
		if (what == WATCH_DIR_APPEARED)
			ours_watch(w);
	} else if (!name_path(t, d, e)) {
		/* whoever scans will say so */
		hint_plain(w, WATCH_OVERFLOW, false, "");
	} else if ((e->mask & IN_MOVED_FROM) != 0) {
		moved_from(t, d, e);
	} else if ((e->mask & IN_MOVED_TO) != 0) {
		moved_to(t, d, e);
	} else if (t->path[0] != '\0') {
		sub = what == WATCH_DIR_VANISHED
		    ? wdmap_child(w->map, d, e->name)
		    : NULL;
		if (sub != NULL)
			dir_doom(w, sub);
		hint_plain(w, what, false, t->path);
	}
}

static void translate_event(
    struct translation *t, const struct inotify_event *e)
{
	struct inotify *w = t->watch;
	struct wdmap_dir *d;

	if ((e->mask & IN_Q_OVERFLOW) != 0) {
		halves_end(w);
		hint_plain(w, WATCH_OVERFLOW, false, "");
		return;
	}
	if (e->wd == w->ours) {
		translate_ours(t, e);
		return;
	}
	d = wdmap_by_wd(w->map, e->wd);
	if (d == NULL) {
		if (e->wd > w->highest)
			hint_plain(w, WATCH_OVERFLOW, false, "");
		return;
	}
	if (translate_self(t, d, e))
		return;
	/* a directory's own attributes come from its parent, by name */
	if (e->len > 0)
		translate_name(t, d, e);
	else if (wdmap_is_root(d))
		hint_plain(w, WATCH_TOUCHED, false, "");
}

static void inotify_translate(
    struct watch *watch, const void *raw, size_t len, int64_t now_ms)
{
	struct translation *t = malloc(sizeof(*t));
	const char *p = raw;
	const char *end = p + len;

	if (t == NULL) {
		hint_plain(of(watch), WATCH_OVERFLOW, false, "");
		return;
	}
	t->watch = of(watch);
	t->now_ms = now_ms;
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

const struct watch_backend watch_events = {
	.name = "inotify",
	.make = inotify_make,
	.free = inotify_free,
	.fd = inotify_fd,
	.read = inotify_read,
	.translate = inotify_translate,
	.due = inotify_due,
	.tick = inotify_tick,
	.add = inotify_add,
	.remove = inotify_remove,
	.clear = inotify_clear,
	.scanned = inotify_scanned,
	.count = inotify_count,
};
