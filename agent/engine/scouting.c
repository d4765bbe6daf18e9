#include "agent/engine/scouting.h"

#include <assert.h>
#include <string.h>

#include "agent/engine/listing.h"
#include "agent/engine/rules.h"
#include "agent/engine/work.h"
#include "common/base/path.h"

/*
 * Of the stack, from its top.  Few, because those asked for sink below the
 * folders that are found in the ones before them, and keep their places.
 */
#define SCOUTING_AHEAD 8

/* Looks and hashes void readings as fast as they are made. */
static bool calm(const struct engine *e)
{
	return work_jobs(e) == 0 &&
	    settle_due(e->settle, SETTLE_ALL) > e->now.mono_ms;
}

/* Our own daily scan: everybody else goes first. */
static void set_idle(struct engine *e)
{
	bool idle = e->swept && e->sweep != NULL && e->sweep->done == NULL &&
	    e->sweeps == NULL && e->flushes == NULL;

	if (idle == e->idle || e->world.disk->idle == NULL)
		return;
	e->idle = idle;
	e->world.disk->idle(e->world.disk, idle);
}

void scouting_ask(struct engine *e)
{
	struct disk *d = e->world.disk;
	struct dirq_item *item = dirq_top(e->dirq);

	if (d->ahead == NULL || !calm(e))
		return;
	set_idle(e);
	for (int i = 0;
	     i < SCOUTING_AHEAD && item != NULL && e->asked < DISK_AHEAD; i++) {
		if (!item->asked && (item->flags & DIRQ_GONE) == 0 &&
		    (item->path[0] == '\0' ||
			!rules_hide(e, item->path, true))) {
			listing_watch(e, item->path);
			if (!d->ahead(d, item->path))
				return;
			item->asked = true;
			e->asked++;
		}
		item = item->next;
	}
}

void scouting_used(struct engine *e, struct dirq_item *item)
{
	if (!item->asked)
		return;
	assert(e->asked > 0);
	item->asked = false;
	e->asked--;
}

void scouting_drop(struct engine *e, struct dirq_item *item)
{
	if (!item->asked)
		return;
	scouting_used(e, item);
	e->world.disk->behind(e->world.disk, item->path);
}

void scouting_touch(struct engine *e, const char *path)
{
	char parent[VS_PATH_MAX + 1];
	size_t n = vs_path_parent_len(path);
	struct dirq_item *item;

	if (e->asked == 0 || n > VS_PATH_MAX)
		return;
	memcpy(parent, path, n);
	parent[n] = '\0';
	item = dirq_find(e->dirq, parent);
	if (item != NULL)
		scouting_drop(e, item);
}

void scouting_void(struct engine *e)
{
	struct dirq_item *item = dirq_top(e->dirq);

	for (; e->asked > 0 && item != NULL; item = item->next)
		scouting_drop(e, item);
}
