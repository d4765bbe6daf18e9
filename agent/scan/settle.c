#include "agent/scan/settle.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/map.h"

struct heap {
	struct settle_item **at; /* least due_ms first */
	size_t count;
	size_t cap;
};

struct settle {
	struct vs_map *by_path;
	struct heap lane[SETTLE_LANES];
	unsigned turn; /* of taking */
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
	for (int l = 0; l < SETTLE_LANES; l++) {
		for (size_t i = 0; i < s->lane[l].count; i++)
			settle_item_free(s->lane[l].at[i]);
		free(s->lane[l].at);
	}
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

static void place(struct heap *h, struct settle_item *item, size_t at)
{
	h->at[at] = item;
	item->at = at;
}

static void sift_up(struct heap *h, struct settle_item *item)
{
	size_t at = item->at;

	while (at > 0) {
		size_t up = (at - 1) / 2;

		if (h->at[up]->due_ms <= item->due_ms)
			break;
		place(h, h->at[up], at);
		at = up;
	}
	place(h, item, at);
}

static void sift_down(struct heap *h, struct settle_item *item)
{
	size_t at = item->at;

	for (;;) {
		size_t low = 2 * at + 1;

		if (low >= h->count)
			break;
		if (low + 1 < h->count &&
		    h->at[low + 1]->due_ms < h->at[low]->due_ms)
			low++;
		if (h->at[low]->due_ms >= item->due_ms)
			break;
		place(h, h->at[low], at);
		at = low;
	}
	place(h, item, at);
}

static bool grow(struct heap *h)
{
	size_t cap = h->cap != 0 ? 2 * h->cap : 64;
	struct settle_item **at;

	if (h->count < h->cap)
		return true;
	at = realloc(h->at, cap * sizeof(struct settle_item *));
	if (at == NULL)
		return false;
	h->at = at;
	h->cap = cap;
	return true;
}

static void take_out(struct heap *h, struct settle_item *item)
{
	struct settle_item *last = h->at[--h->count];

	if (last == item)
		return;
	place(h, last, item->at);
	sift_up(h, last);
	sift_down(h, last);
}

static void put_in(struct heap *h, struct settle_item *item)
{
	place(h, item, h->count++);
	sift_up(h, item);
}

static struct settle_item *add(
    struct settle *s, const char *path, int64_t now_ms)
{
	struct heap *h = &s->lane[SETTLE_FOUND];
	struct settle_item *item;

	if (settle_count(s) >= SETTLE_MAX || !grow(h))
		return NULL;
	item = calloc(1, sizeof(*item));
	if (item == NULL)
		return NULL;
	item->path = strdup(path);
	item->first_ms = now_ms;
	item->due_ms = INT64_MAX;
	item->lane = SETTLE_FOUND;
	if (item->path == NULL ||
	    vs_map_put(s->by_path, path, item, NULL) < 0) {
		settle_item_free(item);
		return NULL;
	}
	put_in(h, item);
	return item;
}

void settle_sort(struct settle *s, struct settle_item *item)
{
	enum settle_lane lane = SETTLE_FOUND;

	if ((item->flags & SETTLE_FRESH) != 0)
		lane = SETTLE_QUICK;
	else if ((item->flags & SETTLE_LARGE) != 0)
		lane = SETTLE_LONG;
	/* without memory it stays where it is: a matter of order only */
	if (lane == item->lane || !grow(&s->lane[lane]))
		return;
	take_out(&s->lane[item->lane], item);
	item->lane = lane;
	put_in(&s->lane[lane], item);
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
	item->due_ms = due_after(item, why, now_ms, later_ms);
	sift_up(&s->lane[item->lane], item);
	sift_down(&s->lane[item->lane], item);
	return item;
}

struct settle_item *settle_find(const struct settle *s, const char *path)
{
	return vs_map_get(s->by_path, path);
}

static bool is_due(const struct settle *s, enum settle_lane lane,
    unsigned lanes, int64_t now_ms)
{
	const struct heap *h = &s->lane[lane];

	return (lanes & 1U << lane) != 0 && h->count > 0 &&
	    h->at[0]->due_ms <= now_ms;
}

struct settle_item *settle_take(
    struct settle *s, unsigned lanes, int64_t now_ms)
{
	enum settle_lane first = s->turn % 4 == 3 ? SETTLE_FOUND : SETTLE_QUICK;
	const enum settle_lane order[] = { first,
		first == SETTLE_QUICK ? SETTLE_FOUND : SETTLE_QUICK,
		SETTLE_LONG };
	struct settle_item *item;
	size_t i = 0;

	while (i < SETTLE_LANES && !is_due(s, order[i], lanes, now_ms))
		i++;
	if (i == SETTLE_LANES)
		return NULL;
	s->turn++;
	item = s->lane[order[i]].at[0];
	take_out(&s->lane[order[i]], item);
	vs_map_del(s->by_path, item->path);
	return item;
}

int64_t settle_due(const struct settle *s, unsigned lanes)
{
	int64_t due = INT64_MAX;

	for (int l = 0; l < SETTLE_LANES; l++)
		if ((lanes & 1U << l) != 0 && s->lane[l].count > 0 &&
		    s->lane[l].at[0]->due_ms < due)
			due = s->lane[l].at[0]->due_ms;
	return due;
}

size_t settle_count(const struct settle *s)
{
	return vs_map_count(s->by_path);
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
