#include "agent/engine/root.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/stage.h"
#include "agent/engine/sweep.h"

/* Lets a build for tests believe any folder, to see that it matters. */
static bool guard_is_off(void)
{
#ifdef VS_TEST_HOOKS
	return getenv("VSYNC_TEST_ANY_ROOT") != NULL;
#else
	return false;
#endif
}

/* NULL, or why the root that was found is not ours. */
static const char *judge(struct engine *e, const struct disk_root *r)
{
	const struct disk_root *k = &e->root.known;

	if (guard_is_off())
		return NULL;
	if (r->id[0] == '\0')
		return "its marker .vsync/root-id is missing: the disk is not "
		       "mounted, or something is mounted over it";
	if (strcmp(r->id, e->root_id) != 0)
		return "its marker .vsync/root-id belongs to another project";
	if (!e->root.seen)
		return NULL;
	if (r->ino != k->ino)
		return "it was replaced by a copy (same marker, another "
		       "folder)";
	if (e->root.mounted && !e->root.lost &&
	    (r->dev != k->dev || r->fsid != k->fsid))
		return "another file system is mounted there";
	return NULL;
}

/* Remembers the inode across restarts; device numbers may change. */
static void remember(struct engine *e, const struct disk_root *r)
{
	struct vs_err err = VS_ERR_INIT;
	int rc = 0;

	if (!e->root.seen)
		rc =
		    state_set_int(&e->state, "root_ino", (int64_t)r->ino, &err);
	e->root.known = *r;
	e->root.seen = true;
	e->root.mounted = true;
	if (rc < 0)
		core_fault(e, &err);
}

static void lose(struct engine *e, const char *why)
{
	if (e->root.lost && strcmp(e->root.why, why) == 0)
		return;
	if (!e->root.lost)
		e->root.lost_ms = e->now.wall_ms;
	e->root.lost = true;
	snprintf(e->root.why, sizeof(e->root.why), "%s", why);
	core_drop_work(e, VS_EROOT, why);
	if (e->world.disk->watch != NULL)
		e->world.disk->watch(e->world.disk, NULL, NULL);
	core_tell_state(e, "root_lost");
}

bool root_check(struct engine *e)
{
	struct vs_err err = VS_ERR_INIT;
	struct disk_root now;
	const char *why;
	int rc = e->world.disk->root(e->world.disk, &now, &err);

	why = rc < 0 ? err.msg : judge(e, &now);
	e->root.check_ms = e->now.mono_ms;
	if (why != NULL)
		e->root.check_ms += CORE_ROOT_LOST_MS;
	else if (!e->root.lost) /* else root_step goes on with it at once */
		e->root.check_ms += CORE_ROOT_CHECK_MS;
	if (why != NULL) {
		lose(e, why);
		return false;
	}
	if (!e->root.seen || !e->root.mounted || e->root.lost)
		remember(e, &now);
	return !e->fault.on;
}

void root_step(struct engine *e)
{
	bool was_lost = e->root.lost;

	if (e->now.mono_ms < e->root.check_ms || !root_check(e))
		return;
	if (!was_lost)
		return;
	e->root.lost = false;
	e->root.why[0] = '\0';
	sweep_all(e);
	core_tell_state(e, "root_back");
}
