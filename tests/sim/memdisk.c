#include "tests/sim/memdisk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/scan/roster.h"
#include "common/base/path.h"
#include "tests/sim/memearly.h"
#include "tests/sim/trace.h"

/* An event in the kernel's queue. */
struct raw {
	int wd; /* 0: the queue overflowed; -1: the root went away */
	enum memfs_event what;
	bool is_dir;
	unsigned cookie; /* of both halves of a rename */
	char name[VS_NAME_MAX + 1];
};

/* Whose watch is which: the watching process's side. */
struct watched {
	int wd;
	struct memfs_node *node; /* a reference: the kernel's side */
	char *path;
};

struct memdisk {
	struct memdisk_face face; /* first */
	struct vs_rand *rand;
	struct memfs *fs;
	struct memfs *copy;
	struct memfs *empty;
	enum memdisk_shown shown;
	enum memdisk_shown known; /* what root() found last */
	struct memdisk_lies lies;
	char id[DISK_ID_SIZE];
	struct memdisk_faults faults;
	struct memdisk_stats stats;
	struct watched *watch;
	size_t watches;
	size_t watch_cap;
	int last_wd;
	unsigned cookie; /* of the last rename */
	int ours; /* watch on .vsync */
	struct raw *queue; /* a ring */
	int queue_max;
	int queue_first;
	int queued;
	struct memearly early;
};

static struct memdisk *of(struct disk *d)
{
	return (struct memdisk *)d;
}

static bool chance(struct memdisk *d, int permille)
{
	return permille && vs_rand_below(d->rand, 1000) < (uint64_t)permille;
}

/* The tree that the root's path leads to, or NULL. */
static struct memfs *shown_fs(struct memdisk *d)
{
	switch (d->shown) {
	case MEMDISK_HERE:
		return d->fs;
	case MEMDISK_EMPTY:
		return d->empty;
	case MEMDISK_COPY:
		return d->copy;
	default:
		return NULL;
	}
}

/* --- the kernel's watcher --- */

static void queue_put(struct memdisk *d, const struct raw *e)
{
	int at = (d->queue_first + d->queued) % d->queue_max;

	if (d->queued == d->queue_max)
		return;
	d->queue[at] = *e;
	/* the last place is for saying that there was no more */
	if (d->queued == d->queue_max - 1) {
		d->queue[at] = (struct raw){ .wd = 0 };
		d->stats.overflows++;
	}
	d->queued++;
	d->stats.events++;
}

void memdisk_event(void *arg, struct memfs_node *dir, const char *name,
    enum memfs_event what, bool is_dir)
{
	struct memdisk *d = arg;
	struct raw e = { .what = what, .is_dir = is_dir };

	/* both halves are made, whoever hears of them */
	d->cookie += what == MEMFS_MOVED_FROM;
	e.cookie = d->cookie;
	if (!dir->wd)
		return;
	e.wd = dir->wd;
	snprintf(e.name, sizeof(e.name), "%s", name);
	queue_put(d, &e);
}

static void watch_drop(struct memdisk *d, size_t i)
{
	struct watched *w = &d->watch[i];

	w->node->wd = 0;
	memfs_unref(w->node);
	free(w->path);
	*w = d->watch[--d->watches];
}

static ptrdiff_t watch_by_wd(const struct memdisk *d, int wd)
{
	for (size_t i = 0; i < d->watches; i++)
		if (d->watch[i].wd == wd)
			return (ptrdiff_t)i;
	return -1;
}

/* Drops the watches on path and below, but for one. */
static void watch_drop_tree(struct memdisk *d, const char *path, int keep)
{
	for (size_t i = d->watches; i-- > 0;) {
		const struct watched *w = &d->watch[i];

		if (w->wd != keep && w->wd != d->ours &&
		    (!strcmp(w->path, path) || vs_path_beneath(w->path, path)))
			watch_drop(d, i);
	}
}

static void watch_put(struct memdisk *d, struct memfs_node *n, const char *path)
{
	struct watched *w;

	if (d->watches == d->watch_cap) {
		d->watch_cap = d->watch_cap ? d->watch_cap * 2 : 32;
		d->watch =
		    realloc(d->watch, d->watch_cap * sizeof(struct watched));
		if (!d->watch)
			abort();
	}
	w = &d->watch[d->watches++];
	w->wd = n->wd ? n->wd : ++d->last_wd;
	w->node = memfs_ref(n);
	w->path = strdup(path);
	if (!w->path)
		abort();
	n->wd = w->wd;
}

static void watch_ours(struct memdisk *d)
{
	struct memfs_node *n = memfs_at(shown_fs(d), ".vsync", NULL);

	if (!n || n->wd)
		return;
	if (watch_by_wd(d, d->ours) >= 0)
		watch_drop(d, (size_t)watch_by_wd(d, d->ours));
	watch_put(d, n, ".vsync");
	d->ours = n->wd;
}

/* A directory gets a watch; one that has it gets its new name. */
static void watch_dir(struct memdisk *d, struct memfs_node *n, const char *path)
{
	ptrdiff_t i = n->wd ? watch_by_wd(d, n->wd) : -1;

	if (i >= 0 && !strcmp(d->watch[i].path, path))
		return;
	if (i >= 0) {
		char *old = strdup(d->watch[i].path);

		if (!old)
			abort();
		watch_drop_tree(d, old, -1);
		free(old);
	}
	for (size_t k = d->watches; k-- > 0;) {
		if (!strcmp(d->watch[k].path, path)) {
			watch_drop_tree(d, path, -1);
			break;
		}
	}
	watch_put(d, n, path);
}

/* The tree that calls other than root() hold to, or NULL. */
static struct memfs *known_fs(struct memdisk *d)
{
	return d->lies.root || d->shown == d->known ? shown_fs(d) : NULL;
}

static int disk_watch(struct disk *disk, const char *dir, struct vs_err *err)
{
	struct memdisk *d = of(disk);
	struct memfs *fs = known_fs(d);
	struct memfs_node *n;
	int code;

	if (!dir) {
		while (d->watches)
			watch_drop(d, d->watches - 1);
		return VS_OK;
	}
	if (!fs)
		return vs_err_set(err, VS_EROOT, "no root");
	n = memfs_at(fs, dir, &code);
	if (!n)
		return vs_err_set(err, code, "watch");
	if (n->kind != VS_KIND_DIR)
		return vs_err_set(err, VS_ENOTDIR, "watch");
	if (n->unreadable)
		return vs_err_set(err, VS_EACCES, "watch");
	if (n->mount)
		return vs_err_set(err, VS_EXDEV, "watch");
	if (!n->wd && chance(d, d->faults.watch_full)) {
		d->stats.watch_full++;
		return vs_err_set(err, VS_ELIMIT, "watches are used up");
	}
	watch_dir(d, n, dir);
	if (!*dir)
		watch_ours(d);
	return VS_OK;
}

static void disk_unwatch(struct disk *disk, const char *dir)
{
	assert(*dir);
	watch_drop_tree(of(disk), dir, -1);
}

static int64_t disk_watched(struct disk *disk)
{
	const struct memdisk *d = of(disk);

	return (int64_t)d->watches - (watch_by_wd(d, d->ours) >= 0);
}

/* --- events to hints, as agent/watch does it --- */

static enum watch_what hint_what(const struct raw *e)
{
	switch (e->what) {
	case MEMFS_CREATED:
	case MEMFS_MOVED_TO:
		return e->is_dir ? WATCH_DIR_APPEARED : WATCH_APPEARED;
	case MEMFS_DELETED:
	case MEMFS_MOVED_FROM:
		return e->is_dir ? WATCH_DIR_VANISHED : WATCH_VANISHED;
	case MEMFS_CLOSED:
		return WATCH_CLOSED;
	case MEMFS_TOUCHED:
		return WATCH_TOUCHED;
	default:
		return WATCH_CHANGED;
	}
}

/* The path that e is about; false: its watch is gone. */
static bool raw_path(struct memdisk *d, const struct raw *e,
    char out[VS_PATH_MAX + VS_NAME_MAX + 2])
{
	ptrdiff_t i = e->wd > 0 ? watch_by_wd(d, e->wd) : -1;

	if (i < 0)
		return false;
	if (vs_path_join(out, VS_PATH_MAX + VS_NAME_MAX + 2, d->watch[i].path,
		e->name) < 0)
		abort();
	return true;
}

static void translate(struct memdisk *d, const struct raw *e,
    void (*hint)(void *arg, const struct watch_hint *h), void *arg)
{
	char path[VS_PATH_MAX + VS_NAME_MAX + 2];
	struct watch_hint h = { .what = WATCH_OVERFLOW, .path = "" };

	if (e->wd <= 0) {
		h.what = e->wd ? WATCH_ROOT_GONE : WATCH_OVERFLOW;
		hint(arg, &h);
		return;
	}
	if (!raw_path(d, e, path))
		return;
	h.what = hint_what(e);
	h.moved = e->what == MEMFS_MOVED_TO || e->what == MEMFS_MOVED_FROM;
	h.path = path;
	if (h.what == WATCH_DIR_VANISHED)
		watch_drop_tree(d, path, -1);
	hint(arg, &h);
}

/* What is watched at or below from is so under its new name from now on. */
static void watch_rename(struct memdisk *d, const char *from, const char *to)
{
	char path[2 * VS_PATH_MAX];
	size_t len = strlen(from);

	for (size_t i = 0; i < d->watches; i++)
		if (!strcmp(d->watch[i].path, to)) {
			watch_drop_tree(d, from, -1);
			return;
		}
	for (size_t i = 0; i < d->watches; i++) {
		struct watched *w = &d->watch[i];

		if (w->wd == d->ours ||
		    (strcmp(w->path, from) && !vs_path_beneath(w->path, from)))
			continue;
		snprintf(path, sizeof(path), "%s%s", to, w->path + len);
		free(w->path);
		w->path = strdup(path);
		if (!w->path)
			abort();
	}
}

/* Two halves of a rename are one hint, mostly; true if they were. */
static bool translate_pair(struct memdisk *d, const struct raw *e,
    void (*hint)(void *arg, const struct watch_hint *h), void *arg)
{
	char from[VS_PATH_MAX + VS_NAME_MAX + 2];
	char to[VS_PATH_MAX + VS_NAME_MAX + 2];
	const struct raw *next = &d->queue[d->queue_first];
	struct watch_hint h = { .moved = true, .path = to, .from = from };

	if (e->what != MEMFS_MOVED_FROM || e->wd <= 0 || !d->queued ||
	    next->wd <= 0 || next->what != MEMFS_MOVED_TO ||
	    next->cookie != e->cookie || chance(d, 50) ||
	    !raw_path(d, e, from) || !raw_path(d, next, to))
		return false;
	d->stats.pairs++;
	h.what = hint_what(next);
	d->queue_first = (d->queue_first + 1) % d->queue_max;
	d->queued--;
	if (e->is_dir)
		watch_rename(d, from, to);
	hint(arg, &h);
	return true;
}

int memdisk_deliver(struct memdisk *d, int max,
    void (*hint)(void *arg, const struct watch_hint *h), void *arg)
{
	int n = 0;

	while (n < max && d->queued) {
		struct raw e = d->queue[d->queue_first];

		d->queue_first = (d->queue_first + 1) % d->queue_max;
		d->queued--;
		n++;
		if (!translate_pair(d, &e, hint, arg))
			translate(d, &e, hint, arg);
	}
	return n;
}

bool memdisk_pending(const struct memdisk *d)
{
	return d->queued > 0;
}

/* --- struct disk --- */

static int disk_root(
    struct disk *disk, struct disk_root *out, struct vs_err *err)
{
	struct memdisk *d = of(disk);

	memset(out, 0, sizeof(*out));
	if (d->shown != MEMDISK_GONE)
		d->known = d->shown;
	out->dev = 1;
	out->ino = 2;
	out->fsid = 3;
	memcpy(out->id, d->id, sizeof(out->id));
	if (d->lies.root || d->shown == MEMDISK_HERE)
		return VS_OK;
	if (d->shown == MEMDISK_GONE)
		return vs_err_set(err, VS_EROOT, "no root");
	out->ino = d->shown == MEMDISK_COPY ? 77 : 99;
	if (d->shown == MEMDISK_EMPTY) {
		out->dev = 11;
		out->fsid = 13;
		out->id[0] = '\0';
	}
	return VS_OK;
}

static int disk_mark(struct disk *disk, const char *id, struct vs_err *err)
{
	struct memdisk *d = of(disk);

	if (!shown_fs(d))
		return vs_err_set(err, VS_EROOT, "no root");
	if (chance(d, d->faults.mark_io))
		return vs_err_set(err, VS_EIO, "write marker");
	if (d->shown == MEMDISK_HERE)
		snprintf(d->id, sizeof(d->id), "%s", id);
	return VS_OK;
}

/* The last node on the way to path that there is. */
static struct memfs_node *nearest(struct memfs *fs, const char *path)
{
	char dir[VS_PATH_MAX + 1];
	struct memfs_node *n = NULL;
	size_t len = strlen(path);

	memcpy(dir, path, len + 1);
	while (!n) {
		dir[vs_path_parent_len(dir)] = '\0';
		n = memfs_at(fs, dir, NULL);
	}
	return n;
}

/*
 * The node at path, or NULL and *code.  deep: path itself is entered, too,
 * not only what leads to it.
 */
static struct memfs_node *disk_at(
    struct memdisk *d, const char *path, bool deep, int *code)
{
	struct memfs *fs = known_fs(d);
	struct memfs_node *n, *p;

	*code = VS_EROOT;
	if (!fs)
		return NULL;
	n = memfs_at(fs, path, code);
	p = n ? (deep ? n : n->parent) : nearest(fs, path);
	for (; p; p = p->parent) {
		if (!p->unreadable && !p->mount)
			continue;
		*code = p->mount ? VS_EXDEV : VS_EACCES;
		n = NULL;
	}
	return n;
}

static int disk_read(
    struct disk *disk, const char *dir, struct roster *out, struct vs_err *err)
{
	struct memdisk *d = of(disk);
	int code;
	struct memfs_node *n = disk_at(d, dir, true, &code);
	size_t stop = SIZE_MAX;

	if (!n && code == VS_EACCES && d->lies.blank)
		return VS_OK;
	if (!n)
		return vs_err_set(err, code, "list");
	if (n->kind != VS_KIND_DIR)
		return vs_err_set(err,
		    n->kind == VS_KIND_SYMLINK ? VS_ELOOP : VS_ENOTDIR, "list");
	if (chance(d, d->faults.list_io))
		stop = (size_t)vs_rand_below(d->rand, n->children + 1);
	for (size_t i = 0; i < n->children && i < stop; i++) {
		struct disk_stat st;

		if (n->child[i]->hidden)
			continue;
		memfs_stat(n->child[i], &st);
		code = roster_add(out, n->child[i]->name, &st);
		if (code < 0)
			return code;
	}
	if (stop == SIZE_MAX)
		return roster_sort(out);
	d->stats.list_io++;
	return vs_err_set(err, VS_EIO, "read directory");
}

/* Reads dir for a listing to come. */
static bool read_early(struct memdisk *d, const char *dir)
{
	struct memearly_dir *y = memearly_add(&d->early, dir);

	if (y)
		y->code = disk_read(&d->face.disk, dir, &y->names, NULL);
	return y != NULL;
}

static bool disk_ahead(struct disk *disk, const char *dir)
{
	struct memdisk *d = of(disk);

	if (d->lies.stale && memearly_find(&d->early, dir))
		return true;
	assert(!memearly_find(&d->early, dir));
	return read_early(d, dir);
}

static void disk_behind(struct disk *disk, const char *dir)
{
	struct memearly_dir *y = memearly_find(&of(disk)->early, dir);

	if (of(disk)->lies.stale)
		return;
	assert(y && "asked for and not listed since");
	memearly_drop(y);
}

static int disk_list(
    struct disk *disk, const char *dir, struct roster *out, struct vs_err *err)
{
	struct memdisk *d = of(disk);
	struct memearly_dir *y = memearly_find(&d->early, dir);
	int code;

	if (!y)
		return disk_read(disk, dir, out, err);
	code = y->code;
	*out = y->names;
	memset(&y->names, 0, sizeof(y->names));
	memearly_drop(y);
	d->stats.early++;
	/* sabotage: always one listing behind */
	if (d->lies.stale)
		read_early(d, dir);
	return code < 0 ? vs_err_set(err, code, "list") : VS_OK;
}

static int disk_look(struct disk *disk, const char *path, struct disk_stat *out,
    struct vs_err *err)
{
	struct memdisk *d = of(disk);
	int code;
	struct memfs_node *n = disk_at(d, path, false, &code);

	if (chance(d, d->faults.look_io)) {
		d->stats.look_io++;
		return vs_err_set(err, VS_EIO, "stat");
	}
	if (!n)
		return vs_err_set(err, code, "stat");
	memfs_stat(n, out);
	return VS_OK;
}

void memdisk_hash_start(
    struct memdisk *d, const char *path, bool held, struct memdisk_hash *h)
{
	struct memfs_node *n;

	memset(h, 0, sizeof(*h));
	n = disk_at(d, path, false, &h->code);
	if (!n)
		return;
	h->code = VS_OK;
	if (chance(d, d->faults.hash_io)) {
		d->stats.hash_io++;
		h->code = VS_EIO;
	} else if (n->kind == VS_KIND_DIR) {
		h->code = VS_ECHANGED;
	}
	if (h->code != VS_OK)
		return;
	memfs_stat(n, &h->out.stat);
	h->out.writer = n->writers ? DISK_WRITER : DISK_NO_WRITER;
	if (n->writers && !held)
		return;
	h->node = memfs_ref(n);
	h->sha = vs_sha256_new();
	if (!h->sha)
		abort();
	h->done = n->size / 2;
	h->was = trace_digest(n->data, n->size);
	vs_sha256_start(h->sha);
	vs_sha256_add(h->sha, n->data, h->done);
}

/* Reads what is left; VS_ECHANGED when it is not what was begun. */
static int hash_finish(struct memdisk *d, struct memdisk_hash *h)
{
	struct memfs_node *n = h->node;
	struct disk_stat now;

	if (n->size > h->done)
		vs_sha256_add(h->sha, n->data + h->done, n->size - h->done);
	vs_sha256_end(h->sha, h->out.sha256);
	memfs_stat(n, &now);
	if (d->lies.mixed)
		h->out.stat = now;
	if (now.size != h->out.stat.size ||
	    now.mtime_ns != h->out.stat.mtime_ns ||
	    now.ctime_ns != h->out.stat.ctime_ns) {
		d->stats.hash_changed++;
		return VS_ECHANGED;
	}
	h->torn = h->was != trace_digest(n->data, n->size);
	if (n->kind == VS_KIND_SYMLINK) {
		memcpy(h->out.target, n->data, n->size);
		h->out.target[n->size] = '\0';
	}
	return VS_OK;
}

int memdisk_hash_end(
    struct memdisk *d, struct memdisk_hash *h, struct vs_err *err)
{
	int code = h->code;

	if (h->node) {
		code = hash_finish(d, h);
		memfs_unref(h->node);
		vs_sha256_free(h->sha);
		h->node = NULL;
		h->sha = NULL;
	}
	return code == VS_OK ? VS_OK : vs_err_set(err, code, "hash");
}

static int disk_hash(struct disk *disk, const char *path, struct disk_hash *out,
    const atomic_bool *cancel, struct vs_err *err)
{
	struct memdisk_hash h;
	int code;

	(void)cancel;
	memdisk_hash_start(of(disk), path, false, &h);
	code = memdisk_hash_end(of(disk), &h, err);
	*out = h.out;
	return code;
}

static int disk_text(struct disk *disk, const char *path, struct disk_text *out,
    struct vs_err *err)
{
	struct memdisk *d = of(disk);
	int code;
	struct memfs_node *n = disk_at(d, path, false, &code);

	if (chance(d, d->faults.look_io)) {
		d->stats.look_io++;
		return vs_err_set(err, VS_EIO, "read");
	}
	if (!n)
		return vs_err_set(err, code, "read");
	if (n->kind != VS_KIND_FILE)
		return vs_err_set(err, VS_EINVAL, "no regular file");
	if (n->writers)
		return vs_err_set(err, VS_EBUSY, "being written");
	if (n->size > sizeof(out->data))
		return vs_err_set(err, VS_ELIMIT, "too large");
	memcpy(out->data, n->data, n->size);
	out->len = n->size;
	return VS_OK;
}

static int disk_cookie(struct disk *disk, const char *name, struct vs_err *err)
{
	struct memdisk *d = of(disk);
	struct memfs *fs = known_fs(d);
	char path[VS_NAME_MAX + 16];
	struct memfs_node *n;

	snprintf(path, sizeof(path), ".vsync/cookie-%s", name);
	n = fs ? memfs_open(fs, path) : NULL;
	if (!n)
		return vs_err_set(err, VS_EROOT, "make cookie");
	memfs_close(fs, n);
	memfs_unlink(fs, path);
	return VS_OK;
}

/* --- setting it up --- */

static int64_t no_time(void *arg)
{
	(void)arg;
	return 1;
}

struct memdisk *memdisk_new(struct vs_rand *rand)
{
	struct memfs_hooks hooks = { .now = no_time };
	struct memdisk *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	d->face.disk = (struct disk){
		.root = disk_root,
		.mark = disk_mark,
		.list = disk_list,
		.ahead = disk_ahead,
		.behind = disk_behind,
		.look = disk_look,
		.hash = disk_hash,
		.hash_held = disk_hash,
		.read = disk_text,
		.cookie = disk_cookie,
		.watch = disk_watch,
		.unwatch = disk_unwatch,
		.watched = disk_watched,
	};
	d->rand = rand;
	d->empty = memfs_new(&hooks);
	memdisk_set_queue(d, 4096);
	return d;
}

void memdisk_attach(struct memdisk *d, struct memfs *fs, struct memfs *copy)
{
	d->fs = fs;
	d->copy = copy;
}

void memdisk_free(struct memdisk *d)
{
	if (!d)
		return;
	memdisk_forget(d);
	memfs_free(d->empty);
	free(d->watch);
	free(d->queue);
	free(d);
}

struct disk *memdisk_disk(struct memdisk *d)
{
	return &d->face.disk;
}

void memdisk_forget(struct memdisk *d)
{
	memearly_drop_all(&d->early);
	while (d->watches)
		watch_drop(d, d->watches - 1);
	d->queued = 0;
	d->last_wd = 0;
}

void memdisk_show(struct memdisk *d, enum memdisk_shown what, bool noisy)
{
	struct raw gone = { .wd = -1 };

	assert(what < MEMDISK_SHOWN);
	d->shown = what;
	if (!noisy)
		return;
	while (d->watches)
		watch_drop(d, d->watches - 1);
	queue_put(d, &gone);
}

bool memdisk_is_here(const struct memdisk *d)
{
	return d->shown == MEMDISK_HERE;
}

void memdisk_set_faults(struct memdisk *d, const struct memdisk_faults *f)
{
	d->faults = *f;
}

void memdisk_set_queue(struct memdisk *d, int max)
{
	assert(max > 1);
	if (max == d->queue_max)
		return;
	free(d->queue);
	d->queue = calloc((size_t)max, sizeof(*d->queue));
	if (!d->queue)
		abort();
	d->queue_max = max;
	d->queue_first = 0;
	/* what was queued is lost: say so */
	if (d->queued) {
		d->queued = 0;
		queue_put(d, &(struct raw){ .wd = 0 });
	}
}

void memdisk_sabotage(struct memdisk *d, const struct memdisk_lies *lies)
{
	d->lies = *lies;
}

const struct memdisk_stats *memdisk_stats(const struct memdisk *d)
{
	return &d->stats;
}
