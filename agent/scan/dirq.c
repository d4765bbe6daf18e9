#include "agent/scan/dirq.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/map.h"

struct dirq {
	struct vs_map *by_path;
	struct dirq_item *top;
	struct dirq_item *gone; /* the top of those with DIRQ_GONE */
};

static struct dirq_item **stack_of(struct dirq *q, const struct dirq_item *item)
{
	return (item->flags & DIRQ_GONE) != 0 ? &q->gone : &q->top;
}

struct dirq *dirq_new(void)
{
	struct dirq *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->by_path = vs_map_new();
	if (q->by_path == NULL) {
		free(q);
		return NULL;
	}
	return q;
}

void dirq_free(struct dirq *q)
{
	if (q == NULL)
		return;
	for (struct dirq_item *item; (item = dirq_top(q)) != NULL;) {
		dirq_take(q, item);
		dirq_item_free(item);
	}
	vs_map_free(q->by_path);
	free(q);
}

void dirq_item_free(struct dirq_item *item)
{
	if (item == NULL)
		return;
	free(item->path);
	free(item);
}

static void link_top(struct dirq *q, struct dirq_item *item)
{
	struct dirq_item **top = stack_of(q, item);

	item->prev = NULL;
	item->next = *top;
	if (*top != NULL)
		(*top)->prev = item;
	*top = item;
}

static void unlink_item(struct dirq *q, struct dirq_item *item)
{
	if (item->prev != NULL)
		item->prev->next = item->next;
	else
		*stack_of(q, item) = item->next;
	if (item->next != NULL)
		item->next->prev = item->prev;
}

static struct dirq_item *add(struct dirq *q, const char *path)
{
	struct dirq_item *item = calloc(1, sizeof(*item));

	if (item == NULL)
		return NULL;
	item->path = strdup(path);
	if (item->path == NULL ||
	    vs_map_put(q->by_path, path, item, NULL) < 0) {
		dirq_item_free(item);
		return NULL;
	}
	return item;
}

struct dirq_item *dirq_push(
    struct dirq *q, const char *path, unsigned flags, bool *fresh)
{
	struct dirq_item *item = dirq_find(q, path);

	*fresh = item == NULL;
	if (item == NULL)
		item = add(q, path);
	else
		unlink_item(q, item);
	if (item == NULL)
		return NULL;
	if ((flags & DIRQ_GONE) == 0)
		item->flags &= ~(unsigned)DIRQ_GONE;
	item->flags |= flags;
	link_top(q, item);
	return item;
}

struct dirq_item *dirq_find(const struct dirq *q, const char *path)
{
	return vs_map_get(q->by_path, path);
}

struct dirq_item *dirq_top(const struct dirq *q)
{
	return q->top != NULL ? q->top : q->gone;
}

void dirq_take(struct dirq *q, struct dirq_item *item)
{
	void *was = vs_map_del(q->by_path, item->path);

	assert(was == item);
	(void)was;
	unlink_item(q, item);
}
