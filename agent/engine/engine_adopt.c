#include "agent/engine/engine.h"

#include <stdio.h>

#include "agent/engine/core.h"
#include "agent/engine/epoch.h"
#include "agent/engine/root.h"
#include "agent/engine/stage.h"
#include "agent/engine/sweep.h"

/* Takes what was found for the root, with a new epoch: one transaction. */
static int accept(
    struct engine *e, const struct disk_root *found, struct vs_err *err)
{
	int rc = vs_db_begin(e->state.db, err);

	if (rc < 0)
		return rc;
	rc = root_accept(e, found, err);
	if (rc == 0)
		rc = epoch_doubt(e, err);
	if (rc < 0) {
		vs_db_rollback(e->state.db);
		return rc;
	}
	return vs_db_commit(e->state.db, err);
}

/* What was known of the folder in memory is of the one that went. */
static void begin_anew(struct engine *e)
{
	struct disk *d = e->world.disk;

	if (d->watch != NULL)
		d->watch(d, NULL, NULL);
	core_drop_work(e, VS_EROOT, "the folder is another one now");
	e->root.lost = false;
	e->root.why[0] = '\0';
	e->root.check_ms = e->now.mono_ms;
	e->swept = false;
	sweep_all(e);
	core_tell_state(e, "adopted");
}

/* The folder that is there, with a marker of ours; *found when it is so. */
static int find(struct engine *e, bool new_marker, struct disk_root *found,
    struct vs_err *err)
{
	struct disk *d = e->world.disk;
	struct vs_err why = VS_ERR_INIT;
	enum core_root_flaw flaw = root_judge(e, found, &why);

	if (flaw == CORE_ROOT_UNMARKED && new_marker) {
		if (d->mark(d, e->root_id, err) < 0)
			return err->code;
		flaw = root_judge(e, found, &why);
		/* even where its inode is the one that was known, its marker
		   was not: it is looked at as a new one */
		if (flaw == CORE_ROOT_GOOD)
			flaw = CORE_ROOT_REPLACED;
	}
	switch (flaw) {
	case CORE_ROOT_GOOD:
		return vs_err_set(err, VS_ENOENT,
		    "there is nothing to adopt: the folder is the one that is "
		    "known");
	case CORE_ROOT_ABSENT:
		return vs_err_set(
		    err, VS_EROOT, "the folder is not there: %s", why.msg);
	case CORE_ROOT_UNMARKED:
		return vs_err_set(err, VS_EROOT,
		    "the folder has no marker (.vsync/root-id): the disk may "
		    "not be mounted");
	case CORE_ROOT_FOREIGN:
		return vs_err_set(err, VS_ECONFLICT,
		    "the folder's marker (.vsync/root-id) belongs to another "
		    "project");
	case CORE_ROOT_REPLACED:
	case CORE_ROOT_MOUNTED:
		break;
	}
	return 0;
}

int engine_adopt(
    struct engine *e, bool new_marker, struct vs_now now, struct vs_err *err)
{
	struct vs_err own = VS_ERR_INIT;
	struct disk_root found;
	int rc;

	err = err != NULL ? err : &own;
	e->now = now;
	if (e->fault.on)
		return vs_err_set(err, e->fault.code, "%s", e->fault.why);
	rc = find(e, new_marker, &found, err);
	if (rc < 0)
		return rc;
	stage_abort(e); /* of the folder that went */
	if (e->fault.on)
		return vs_err_set(err, e->fault.code, "%s", e->fault.why);
	rc = accept(e, &found, err);
	if (rc < 0) {
		core_fault(e, err);
		return rc;
	}
	root_accepted(e, &found);
	begin_anew(e);
	return 0;
}

int engine_took_over(struct engine *e, struct vs_now now, struct vs_err *err)
{
	struct vs_err own = VS_ERR_INIT;
	int rc;

	err = err != NULL ? err : &own;
	e->now = now;
	if (e->fault.on)
		return vs_err_set(err, e->fault.code, "%s", e->fault.why);
	rc = stage_begin(e, err);
	if (rc == 0)
		rc = epoch_resume(e, err);
	if (rc == 0)
		rc = stage_commit(e, err);
	if (rc == VS_EROOT)
		return vs_err_set(err, rc, "%s", e->root.why);
	if (rc < 0) {
		core_fault(e, err);
		return rc;
	}
	e->cloud.stop = CORE_GO;
	e->cloud.why[0] = '\0';
	e->cloud.retry_ms = 0;
	core_tell_state(e, "took_over");
	return 0;
}
