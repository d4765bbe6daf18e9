#include "tests/sim/memlog.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/path.h"

#define MEMLOG_PURGED 8 /* one end in so many: another log from then on */
#define MEMLOG_HOLED 8 /* one old log in so many has a hole */
#define MEMLOG_HURRY 8 /* events to come that are said to be told */
#define OURS ".vsync"
#define COOKIE OURS "/cookie-"

/* They accumulate: what happened to a name, in no order. */
enum flags {
	CREATED = 1,
	REMOVED = 2,
	RENAMED = 4,
	MODIFIED = 8,
	TOUCHED = 16,
	IS_DIR = 32,
	FROM = 64, /* the first half of a rename */
};

struct entry {
	uint64_t id;
	unsigned flags; /* enum flags; 0: in no log any more */
	unsigned cookie; /* of both halves of a rename */
	char *path;
};

struct memlog {
	struct vs_rand *rand;
	struct memlog_stats stats;
	uint64_t uuid; /* of the log */
	struct entry *entry; /* its ids are 1, 2, ... */
	size_t count;
	size_t cap;
	size_t room;
	unsigned cookie; /* of the last rename */
	bool hurry;
	/* of who listens */
	bool hears;
	bool lost; /* events were: to be told */
	size_t next; /* of the log, to be told */
	uint64_t told;
	bool catching_up;
	struct entry *old; /* borrows its paths; by name */
	size_t olds;
	size_t at; /* of old, to be told */
};

static bool chance(struct memlog *l, uint64_t one_in)
{
	return vs_rand_below(l->rand, one_in) == 0;
}

static struct memlog *of(struct disk *d)
{
	return ((struct memdisk_face *)d)->log;
}

static unsigned flags_of(enum memfs_event what)
{
	switch (what) {
	case MEMFS_CREATED:
		return CREATED;
	case MEMFS_DELETED:
		return REMOVED;
	case MEMFS_MOVED_FROM:
		return RENAMED | FROM;
	case MEMFS_MOVED_TO:
		return RENAMED;
	case MEMFS_MODIFIED:
	case MEMFS_CLOSED: /* if it was written to: that is all they tell */
		return MODIFIED;
	case MEMFS_TOUCHED:
		return TOUCHED;
	}
	return 0;
}

/* As agent/watch/fsevents.c has it. */
static enum watch_what what_of(unsigned flags)
{
	bool dir = (flags & IS_DIR) != 0;

	if (flags & RENAMED)
		return dir ? WATCH_DIR_APPEARED : WATCH_APPEARED;
	if ((flags & MODIFIED) && !dir)
		return WATCH_CHANGED;
	if (flags & CREATED)
		return dir ? WATCH_DIR_APPEARED : WATCH_APPEARED;
	if (flags & REMOVED)
		return dir ? WATCH_DIR_VANISHED : WATCH_VANISHED;
	return WATCH_TOUCHED;
}

/* The listener's queue is full: what it holds, the system dropped. */
static void drop(struct memlog *l)
{
	for (; l->next < l->count; l->next++)
		l->entry[l->next].flags = 0;
	l->lost = true;
}

static void put(struct memlog *l, const char *path, unsigned flags)
{
	if (l->count == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->entry = realloc(l->entry, l->cap * sizeof(*l->entry));
		if (!l->entry)
			abort();
	}
	l->entry[l->count] = (struct entry){ .id = l->count + 1,
		.flags = flags,
		.cookie = l->cookie,
		.path = strdup(path) };
	if (!l->entry[l->count++].path)
		abort();
	if (l->hears && l->count - l->next > l->room)
		drop(l);
}

void memlog_event(struct memlog *l, const struct memfs_node *dir,
    const char *name, enum memfs_event what, bool is_dir)
{
	char at[VS_PATH_MAX + 1], path[VS_PATH_MAX + VS_NAME_MAX + 2];
	unsigned flags = flags_of(what);

	l->cookie += what == MEMFS_MOVED_FROM;
	if (!memfs_path(dir, at))
		return;
	if (vs_path_join(path, sizeof(path), at, name) < 0)
		abort();
	if (!strcmp(path, OURS) ||
	    (vs_path_beneath(path, OURS) &&
		strncmp(path, COOKIE, strlen(COOKIE))))
		return;
	put(l, path, flags | (is_dir ? IS_DIR : 0U));
}

/* --- the agent's side --- */

static int log_watch(struct disk *d, const char *dir, struct vs_err *err)
{
	(void)d;
	(void)dir;
	(void)err;
	return VS_OK; /* all of it is */
}

static int64_t log_watched(struct disk *d)
{
	(void)d;
	return INT64_MAX;
}

static void log_told(struct disk *d, char out[DISK_MARK_SIZE])
{
	const struct memlog *l = of(d);
	uint64_t id = l->hurry ? l->count + MEMLOG_HURRY : l->told;

	out[0] = '\0';
	if (id && l->hears && !l->catching_up)
		snprintf(out, DISK_MARK_SIZE, "log-%" PRIu64 "-%" PRIu64,
		    l->uuid, id);
}

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = strcmp(x->path, y->path);

	return c ? c : (x->id > y->id) - (x->id < y->id);
}

/* Gathers what happened after id: names with all that they went through. */
static void gather(struct memlog *l, uint64_t id)
{
	size_t n = 0;

	l->old = calloc(l->count - id + 1, sizeof(*l->old));
	if (!l->old)
		abort();
	for (size_t i = id; i < l->count; i++)
		if (l->entry[i].flags)
			l->old[n++] = l->entry[i];
	qsort(l->old, n, sizeof(*l->old), by_name);
	for (size_t i = 0; i < n; i++) {
		struct entry *last = l->old + l->olds - 1;

		if (l->olds && !strcmp(last->path, l->old[i].path))
			last->flags |= l->old[i].flags;
		else
			l->old[l->olds++] = l->old[i];
	}
}

static bool log_resume(struct disk *d, const char *mark)
{
	struct memlog *l = of(d);
	uint64_t uuid, id;

	assert(l->hears && !l->old);
	if (sscanf(mark, "log-%" SCNu64 "-%" SCNu64, &uuid, &id) != 2 ||
	    uuid != l->uuid || id > l->count) {
		l->stats.refused++;
		return false;
	}
	l->stats.resumed++;
	gather(l, id);
	if (chance(l, MEMLOG_HOLED)) {
		l->stats.holes++;
		l->at = l->olds / 2;
		l->lost = true;
	}
	l->told = id > l->told ? id : l->told;
	l->catching_up = true;
	return true;
}

/* --- who listens --- */

static void forget(struct memlog *l)
{
	free(l->old);
	l->old = NULL;
	l->olds = l->at = 0;
	l->told = 0;
	l->catching_up = l->lost = false;
}

void memlog_begin(struct memlog *l)
{
	l->hears = true;
	l->next = l->count;
}

void memlog_end(struct memlog *l)
{
	forget(l);
	l->hears = false;
	l->uuid += chance(l, MEMLOG_PURGED);
}

void memlog_room(struct memlog *l, size_t max)
{
	if (l)
		l->room = max;
}

static void tell_old(struct memlog *l, struct watch_hint *h)
{
	const struct entry *e = &l->old[l->at++];

	h->what = what_of(e->flags);
	h->moved = (e->flags & RENAMED) != 0;
	h->path = e->path;
	l->stats.old++;
}

/* The next one, with what is of the same name, or the other half. */
static bool tell_new(struct memlog *l, struct watch_hint *h)
{
	const struct entry *e = &l->entry[l->next++];
	const struct entry *end = l->entry + l->count;
	unsigned flags = e->flags;

	l->told = e->id;
	if (!flags)
		return false;
	h->path = e->path;
	if ((flags & FROM) && e + 1 < end && (e[1].flags & RENAMED) &&
	    e[1].cookie == e->cookie && !chance(l, 20)) {
		h->from = e->path;
		h->path = e[1].path;
		l->told = l->entry[l->next++].id;
	}
	while (!(flags & RENAMED) && ++e < end && !(e->flags & RENAMED) &&
	    !strcmp(e->path, h->path) && chance(l, 2)) {
		flags |= e->flags;
		l->told = l->entry[l->next++].id;
	}
	h->what = what_of(flags);
	h->moved = (flags & RENAMED) != 0;
	return true;
}

int memlog_deliver(struct memlog *l, int max,
    void (*hint)(void *arg, const struct watch_hint *h), void *arg)
{
	int n = 0;

	for (; n < max && memlog_pending(l); n++) {
		struct watch_hint h = { .path = "" };

		if (l->lost) {
			l->lost = false;
			h.what = WATCH_OVERFLOW;
		} else if (l->at < l->olds) {
			tell_old(l, &h);
		} else if (l->catching_up) {
			l->catching_up = false;
			h.what = WATCH_CAUGHT_UP;
		} else if (!tell_new(l, &h)) {
			continue;
		}
		hint(arg, &h);
	}
	return n;
}

bool memlog_pending(const struct memlog *l)
{
	return l->hears && (l->lost || l->catching_up || l->next < l->count);
}

/* --- setting it up --- */

struct memlog *memlog_new(struct memdisk *d, struct vs_rand *rand)
{
	struct memlog *l = calloc(1, sizeof(*l));
	struct disk *disk = memdisk_disk(d);

	if (!l)
		abort();
	l->rand = rand;
	l->room = 4096;
	((struct memdisk_face *)disk)->log = l;
	disk->watch = log_watch;
	disk->unwatch = NULL;
	disk->watched = log_watched;
	disk->told = log_told;
	disk->resume = log_resume;
	return l;
}

void memlog_free(struct memlog *l)
{
	if (!l)
		return;
	forget(l);
	for (size_t i = 0; i < l->count; i++)
		free(l->entry[i].path);
	free(l->entry);
	free(l);
}

void memlog_hurry(struct memlog *l)
{
	l->hurry = true;
}

const struct memlog_stats *memlog_stats(const struct memlog *l)
{
	return &l->stats;
}
