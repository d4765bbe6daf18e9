#include "agent/scan/settle.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/map.h"

struct settle {
	struct vs_map *by_path;
	struct settle_item **heap; /* least due_ms first */
	size_t count;
	size_t cap;
};

struct settle *settle_new(void)
{
	struct settle *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->by_path = vs_map_new();
	if (s->by_path == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void settle_free(struct settle *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->count; i++)
		settle_item_free(s->heap[i]);
	free(s->heap);
	vs_map_free(s->by_path);
	free(s);
}

void settle_item_free(struct settle_item *item)
{
	if (item == NULL)
		return;
	free(item->path);
	free(item);
}

static void place(struct settle *s, struct settle_item *item, size_t at)
{
	s->heap[at] = item;
	item->at = at;
}

static void sift_up(struct settle *s, struct settle_item *item)
{
	size_t at = item->at;

	while (at > 0) {
		size_t up = (at - 1) / 2;

		if (s->heap[up]->due_ms <= item->due_ms)
			break;
		place(s, s->heap[up], at);
		at = up;
	}
	place(s, item, at);
}

static void sift_down(struct settle *s, struct settle_item *item)
{
	size_t at = item->at;

	for (;;) {
		size_t low = 2 * at + 1;

		if (low >= s->count)
			break;
		if (low + 1 < s->count &&
		    s->heap[low + 1]->due_ms < s->heap[low]->due_ms)
			low++;
		if (s->heap[low]->due_ms >= item->due_ms)
			break;
		place(s, s->heap[low], at);
		at = low;
	}
	place(s, item, at);
}

static bool grow(struct settle *s)
{
	size_t cap = s->cap != 0 ? 2 * s->cap : 64;
	struct settle_item **heap;

	if (s->count < s->cap)
		return true;
	heap = realloc(s->heap, cap * sizeof(struct settle_item *));
	if (heap == NULL)
		return false;
	s->heap = heap;
	s->cap = cap;
	return true;
}

static struct settle_item *add(
    struct settle *s, const char *path, int64_t now_ms)
{
	struct settle_item *item;

	if (s->count >= SETTLE_MAX || !grow(s))
		return NULL;
	item = calloc(1, sizeof(*item));
	if (item == NULL)
		return NULL;
	item->path = strdup(path);
	item->first_ms = now_ms;
	item->due_ms = INT64_MAX;
	if (item->path == NULL ||
	    vs_map_put(s->by_path, path, item, NULL) < 0) {
		settle_item_free(item);
		return NULL;
	}
	place(s, item, s->count++);
	return item;
}

/* When an item is due after one more word. */
static int64_t due_after(
    struct settle_item *item, enum settle_why why, int64_t now, int64_t later)
{
	int64_t latest = item->first_ms + SETTLE_LATEST_MS;
	int64_t due = now;

	switch (why) {
	case SETTLE_CLOSED:
		item->open = false;
		due = now + VS_SETTLE_MS;
		break;
	case SETTLE_WRITTEN:
		item->open = true;
		due = now + VS_QUIET_MS;
		break;
	case SETTLE_SEEN:
		return item->due_ms < now ? item->due_ms : now;
	case SETTLE_LATER:
		return item->due_ms < later ? item->due_ms : later;
	}
	return due < latest ? due : (latest > now ? latest : now);
}

struct settle_item *settle_put(struct settle *s, const char *path,
    enum settle_why why, int64_t now_ms, int64_t later_ms, bool *fresh)
{
	struct settle_item *item = settle_find(s, path);

	assert(path[0] != '\0');
	*fresh = item == NULL;
	if (item == NULL)
		item = add(s, path, now_ms);
	if (item == NULL)
		return NULL;
	if ((item->flags & SETTLE_RECORDING) != 0 && why == SETTLE_CLOSED)
		item->first_ms = now_ms;
	item->due_ms = due_after(item, why, now_ms, later_ms);
	sift_up(s, item);
	sift_down(s, item);
	return item;
}

struct settle_item *settle_find(const struct settle *s, const char *path)
{
	return vs_map_get(s->by_path, path);
}

struct settle_item *settle_take(struct settle *s, int64_t now_ms)
{
	struct settle_item *item, *last;

	if (s->count == 0 || s->heap[0]->due_ms > now_ms)
		return NULL;
	item = s->heap[0];
	last = s->heap[--s->count];
	if (last != item) {
		place(s, last, 0);
		sift_down(s, last);
	}
	vs_map_del(s->by_path, item->path);
	return item;
}

int64_t settle_due(const struct settle *s)
{
	return s->count > 0 ? s->heap[0]->due_ms : INT64_MAX;
}

size_t settle_count(const struct settle *s)
{
	return s->count;
}

static bool count_recording(void *arg, const char *key, void *value)
{
	const struct settle_item *item = value;

	(void)key;
	*(size_t *)arg += (item->flags & SETTLE_RECORDING) != 0;
	return true;
}

size_t settle_recording(const struct settle *s)
{
	size_t n = 0;

	vs_map_each(s->by_path, count_recording, &n);
	return n;
}

static bool count_active(void *arg, const char *key, void *value)
{
	const struct settle_item *item = value;

	(void)key;
	*(size_t *)arg +=
	    (item->flags & (SETTLE_RECORDING | SETTLE_RECHECK)) == 0;
	return true;
}

size_t settle_active(const struct settle *s)
{
	size_t n = 0;

	vs_map_each(s->by_path, count_active, &n);
	return n;
}
