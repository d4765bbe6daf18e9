#include "agent/engine/root.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/resume.h"
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

static const char *const flaws[] = {
	[CORE_ROOT_UNMARKED] =
	    "its marker .vsync/root-id is missing: the disk is not mounted, or "
	    "something is mounted over it",
	[CORE_ROOT_FOREIGN] =
	    "its marker .vsync/root-id belongs to another project",
	[CORE_ROOT_REPLACED] =
	    "it was replaced by a copy (same marker, another folder)",
	[CORE_ROOT_MOUNTED] = "another file system is mounted there",
};

/*
 * Numbers of inodes repeat from one file system to the next (a disk's own
 * root has the same on each); where the file system has an id of its own,
 * that has to be the same, too.
 */
static bool is_known(const struct engine *e, const struct disk_root *r)
{
	const struct disk_root *k = &e->root.known;

	if (r->ino != k->ino)
		return false;
	return !k->lasting || (r->lasting && r->fsid == k->fsid);
}

static enum core_root_flaw compare(
    const struct engine *e, const struct disk_root *r)
{
	const struct disk_root *k = &e->root.known;

	if (guard_is_off())
		return CORE_ROOT_GOOD;
	if (r->id[0] == '\0')
		return CORE_ROOT_UNMARKED;
	if (strcmp(r->id, e->root_id) != 0)
		return CORE_ROOT_FOREIGN;
	if (!e->root.seen)
		return CORE_ROOT_GOOD;
	if (!is_known(e, r))
		return CORE_ROOT_REPLACED;
	if (e->root.mounted && !e->root.lost &&
	    (r->dev != k->dev || r->fsid != k->fsid))
		return CORE_ROOT_MOUNTED;
	return CORE_ROOT_GOOD;
}

enum core_root_flaw root_judge(
    struct engine *e, struct disk_root *out, struct vs_err *err)
{
	enum core_root_flaw flaw;

	if (e->world.disk->root(e->world.disk, out, err) < 0)
		return CORE_ROOT_ABSENT;
	flaw = compare(e, out);
	if (flaw != CORE_ROOT_GOOD)
		vs_err_set(err, VS_EROOT, "%s", flaws[flaw]);
	return flaw;
}

int root_load(struct engine *e, struct vs_err *err)
{
	int64_t ino = 0, fsid = 0, lasting = 0;
	int rc = state_get_int(&e->state, "root_ino", 0, &ino, err);

	if (rc == 0)
		rc = state_get_int(&e->state, "root_fsid", 0, &fsid, err);
	if (rc == 0)
		rc = state_get_int(
		    &e->state, "root_fsid_lasts", 0, &lasting, err);
	if (rc < 0)
		return rc;
	e->root.known.ino = (uint64_t)ino;
	e->root.known.fsid = (uint64_t)fsid;
	e->root.known.lasting = lasting != 0;
	e->root.seen = ino != 0;
	e->root.mounted = false;
	e->root.check_ms = e->now.mono_ms;
	return 0;
}

int root_accept(
    struct engine *e, const struct disk_root *found, struct vs_err *err)
{
	int rc = state_set_int(&e->state, "root_ino", (int64_t)found->ino, err);

	if (rc == 0)
		rc = state_set_int(
		    &e->state, "root_fsid", (int64_t)found->fsid, err);
	if (rc == 0)
		rc = state_set_int(
		    &e->state, "root_fsid_lasts", found->lasting, err);
	return rc;
}

void root_accepted(struct engine *e, const struct disk_root *found)
{
	e->root.known = *found;
	e->root.seen = true;
	e->root.mounted = true;
}

/* Remembers it across restarts; device numbers may change. */
static void remember(struct engine *e, const struct disk_root *r)
{
	struct vs_err err = VS_ERR_INIT;
	int rc = 0;

	if (!e->root.seen || e->root.known.lasting != r->lasting)
		rc = root_accept(e, r, &err);
	root_accepted(e, r);
	if (rc < 0)
		core_fault(e, &err);
}

static void lose(struct engine *e, enum core_root_flaw flaw, const char *why)
{
	if (e->root.lost && strcmp(e->root.why, why) == 0)
		return;
	if (!e->root.lost)
		e->root.lost_ms = e->now.wall_ms;
	e->root.lost = true;
	e->root.flaw = flaw;
	snprintf(e->root.why, sizeof(e->root.why), "%s", why);
	resume_cancel(e);
	core_drop_work(e, VS_EROOT, why);
	if (e->world.disk->watch != NULL)
		e->world.disk->watch(e->world.disk, NULL, NULL);
	core_tell_state(e, "root_lost");
}

bool root_check(struct engine *e)
{
	struct vs_err err = VS_ERR_INIT;
	struct disk_root now;
	enum core_root_flaw flaw = root_judge(e, &now, &err);

	e->root.check_ms = e->now.mono_ms;
	if (flaw != CORE_ROOT_GOOD)
		e->root.check_ms += CORE_ROOT_LOST_MS;
	else if (!e->root.lost) /* else root_step goes on with it at once */
		e->root.check_ms += CORE_ROOT_CHECK_MS;
	if (flaw != CORE_ROOT_GOOD) {
		lose(e, flaw, err.msg);
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
