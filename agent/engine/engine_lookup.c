#include "agent/engine/engine.h"

#include <string.h>

#include "agent/engine/core.h"
#include "agent/engine/rules.h"
#include "agent/state/manifest.h"
#include "common/base/path.h"

int engine_lookup(struct engine *e, const char *path, struct engine_lookup *out,
    struct vs_err *err)
{
	struct vs_err own = VS_ERR_INIT;
	struct manifest_row row;
	int rc;

	err = err != NULL ? err : &own;
	if (e->fault.on)
		return vs_err_set(err, e->fault.code, "%s", e->fault.why);
	if (e->root.lost || !e->root.mounted)
		return vs_err_set(err, VS_EROOT, "the folder is not there");
	if (vs_path_check(path, strlen(path)) != VS_PATH_GOOD ||
	    rules_judge(e, path, false).kind != IGNORE_SHOWN)
		return vs_err_set(err, VS_ENOENT, "nothing that is published");
	rc = manifest_get(&e->state, path, &row, err);
	if (rc < 0) {
		core_fault(e, err);
		return rc;
	}
	if (rc == 0 || row.stat.kind != VS_KIND_FILE || !row.has_hash)
		return vs_err_set(err, VS_ENOENT, "no file that is known");
	out->stat = row.stat;
	memcpy(out->hash, row.hash, sizeof(out->hash));
	out->root_dev = e->root.known.dev;
	out->root_ino = e->root.known.ino;
	return VS_OK;
}
