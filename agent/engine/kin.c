#include "agent/engine/kin.h"

#include <stdlib.h>
#include <string.h>

#include "agent/engine/stage.h"
#include "agent/engine/work.h"
#include "agent/scan/compare.h"
#include "agent/state/manifest.h"
#include "agent/state/past.h"
#include "common/base/path.h"

#define ROWS_MAX 4 /* rows of one inode that are tried */
#define KEEP_MS 10000 /* after the last deletion: a move ends within that */

/* What the disk has at the old name. */
enum old_name {
	OLD_THERE, /* the very file: a hard link */
	OLD_TAKEN, /* something else */
	OLD_GONE, /* nothing */
	OLD_UNKNOWN,
};

/*
 * Nothing at path, or not even its parent: up to a folder that is there, and
 * lacks what leads to path.
 */
static enum old_name gone_for_sure(struct engine *e, const char *path)
{
	struct disk *d = e->world.disk;
	struct disk_stat st;
	char at[VS_PATH_MAX + 1];
	size_t n = vs_path_parent_len(path);
	int rc = VS_ENOTDIR;

	memcpy(at, path, n);
	for (; n > 0 && rc == VS_ENOTDIR; n = vs_path_parent_len(at)) {
		at[n] = '\0';
		rc = d->look(d, at, &st, NULL);
	}
	/* a folder now: it came between the two looks */
	return rc == VS_ENOENT ||
		(rc == VS_OK && (st.odd || st.kind != VS_KIND_DIR))
	    ? OLD_GONE
	    : OLD_UNKNOWN;
}

static enum old_name look_at_name(
    struct engine *e, const char *path, const struct disk_stat *seen)
{
	struct disk *d = e->world.disk;
	struct disk_stat st;

	switch (d->look(d, path, &st, NULL)) {
	case VS_OK:
		return !st.odd && st.kind == VS_KIND_FILE &&
			compare_born(&st, seen)
		    ? OLD_THERE
		    : OLD_TAKEN;
	case VS_ENOENT:
		return OLD_GONE;
	case VS_ENOTDIR:
		return gone_for_sure(e, path);
	default:
		return OLD_UNKNOWN;
	}
}

bool kin_is_gone(struct engine *e, const char *dir)
{
	const struct disk_stat none = { 0 };

	return look_at_name(e, dir, &none) == OLD_GONE;
}

/*
 * One look at a folder that is gone is enough for all that was in it, as
 * long as no time passes.
 */
static enum old_name look_at(
    struct engine *e, const char *path, const struct disk_stat *seen)
{
	struct core_kin *k = &e->kin;
	size_t n = vs_path_parent_len(path);
	enum old_name at;

	if (k->gone && k->at_ms == e->now.mono_ms && k->len == n &&
	    memcmp(k->dir, path, n) == 0)
		return OLD_GONE;
	at = look_at_name(e, path, seen);
	k->gone = false;
	if (at != OLD_GONE || n == 0)
		return at;
	memcpy(k->dir, path, n);
	k->dir[n] = '\0';
	k->len = n;
	k->at_ms = e->now.mono_ms;
	k->gone = look_at_name(e, k->dir, seen) == OLD_GONE;
	return at;
}

/*
 * The file itself has another name or another folder, which explains its
 * ctime.  In a folder that was renamed it would have that of before.
 */
static bool moved_itself(const struct manifest_kin *kin, const char *path,
    const struct disk_stat *seen)
{
	if (strcmp(vs_path_name(kin->path), vs_path_name(path)) != 0)
		return true;
	return seen->folder != 0 && kin->row.stat.folder != 0 &&
	    seen->folder != kin->row.stat.folder;
}

/* A file whose content is looked for. */
struct sought {
	const char *path;
	const struct disk_stat *seen;
	bool edited; /* so was said of path */
};

/* Whether the row knows what is in the file; *at: what its name leads to. */
static bool is_proof(struct engine *e, const struct sought *f,
    const struct manifest_kin *kin, enum old_name *at)
{
	const struct settle_item *said;

	if (kin->kin == COMPARE_STRANGER || strcmp(kin->path, f->path) == 0)
		return false;
	*at = look_at(e, kin->path, f->seen);
	if (kin->kin == COMPARE_TWIN)
		return true;
	said = settle_find(e->settle, kin->path);
	if ((*at != OLD_GONE && *at != OLD_TAKEN) || f->edited ||
	    (said != NULL && (said->flags & SETTLE_EDITED) != 0))
		return false;
	return moved_itself(kin, f->path, f->seen);
}

/* 1 with *out, which knows the content, and what is at its name now. */
static int find(struct engine *e, const struct sought *f,
    struct manifest_kin *out, enum old_name *at, struct vs_err *err)
{
	int some = manifest_has_kin(&e->state, f->seen, err);
	int rc = some < 0 ? some : 0;

	for (int i = 0; some == 1 && i <= ROWS_MAX; i++) {
		rc = manifest_kin(&e->state, f->seen, i, out, err);
		if (rc < 0 || (rc == 0 && i > 0))
			break;
		if (rc == 1 && is_proof(e, f, out, at))
			return 1;
	}
	if (rc < 0)
		return rc;
	rc = past_find(&e->state, f->seen, out, err);
	if (rc <= 0 || !is_proof(e, f, out, at))
		return rc < 0 ? rc : 0;
	if (*at == OLD_GONE)
		*at = OLD_TAKEN; /* its row has gone already */
	return 1;
}

static int take(struct engine *e, const struct sought *f,
    const struct manifest_kin *kin, enum old_name at, struct vs_err *err)
{
	struct manifest_row *row = calloc(2, sizeof(*row));
	struct stage_move m = {
		.from = kin->path,
		.was = at == OLD_GONE ? &kin->row : NULL,
		.path = f->path,
		.row = row,
	};
	int rc;

	if (row == NULL)
		return vs_err_set(err, VS_ENOMEM, "rename: out of memory");
	row->stat = *f->seen;
	row->has_hash = true;
	memcpy(row->hash, kin->row.hash, sizeof(row->hash));
	rc = manifest_get(&e->state, f->path, row + 1, err);
	if (rc >= 0) {
		m.old = rc == 1 ? row + 1 : NULL;
		rc = stage_move(e, &m, err);
	}
	if (rc == 0 && m.was != NULL)
		work_went(e, m.from, 0);
	free(row);
	return rc < 0 ? rc : 1;
}

int kin_adopt(struct engine *e, const char *path, const struct disk_stat *seen,
    bool edited, struct vs_err *err)
{
	const struct sought f = { path, seen, edited };
	struct manifest_kin *kin;
	enum old_name at = OLD_UNKNOWN;
	int rc;

	if (seen->odd || seen->kind != VS_KIND_FILE)
		return 0;
	kin = malloc(sizeof(*kin));
	if (kin == NULL)
		return vs_err_set(err, VS_ENOMEM, "rename: out of memory");
	rc = find(e, &f, kin, &at, err);
	if (rc == 1)
		rc = take(e, &f, kin, at, err);
	free(kin);
	return rc;
}

bool kin_is_read(const struct engine *e, const struct disk_stat *seen)
{
	for (int i = 0; i < e->jobs_max; i++)
		if (e->jobs[i].id != 0 &&
		    compare_kin(seen, &e->jobs[i].stat) == COMPARE_TWIN)
			return true;
	return false;
}

int kin_tidy(struct engine *e, int64_t *due, struct vs_err *err)
{
	int64_t at = e->last_delete_ms + KEEP_MS;
	int rc;

	if (e->state.past == 0 || !work_quiet(e) || e->sweep != NULL)
		return 0;
	if (e->now.mono_ms < at) {
		*due = at < *due ? at : *due;
		return 0;
	}
	rc = stage_begin(e, err);
	if (rc == 0)
		rc = past_clear(&e->state, err);
	return rc < 0 ? rc : stage_commit(e, err);
}
