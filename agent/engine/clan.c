#include "agent/engine/clan.h"

#include <stdlib.h>
#include <string.h>

#include "agent/engine/kin.h"
#include "agent/engine/stage.h"
#include "agent/engine/work.h"
#include "agent/scan/compare.h"
#include "agent/state/drove.h"
#include "agent/state/manifest.h"
#include "common/base/path.h"

#define DROVE_MIN 2 /* files; fewer are as cheap one by one */

int clan_find(struct engine *e, const char *path, const struct disk_stat *seen,
    char from[VS_PATH_MAX + 1], struct vs_err *err)
{
	struct manifest_kin *kin = malloc(sizeof(*kin));
	size_t n;
	int rc;

	if (kin == NULL)
		return vs_err_set(err, VS_ENOMEM, "rename: out of memory");
	rc = manifest_kin(&e->state, seen, 0, kin, err);
	if (rc == 1 && kin->kin != COMPARE_TWIN)
		rc = 0;
	if (rc == 1 && strcmp(vs_path_name(kin->path), vs_path_name(path)) != 0)
		rc = 0;
	if (rc == 1) {
		n = vs_path_parent_len(kin->path);
		memcpy(from, kin->path, n);
		from[n] = '\0';
		rc = n > 0 && kin_is_gone(e, from);
	}
	free(kin);
	return rc;
}

/* The old folder's rows beside the names, both in order. */
struct merge {
	struct clan_name *name;
	size_t count;
	size_t at; /* what comes next */
	size_t moved;
	struct drove drove;
	struct vs_err *err;
};

static bool is_same(const struct clan_name *n, const struct manifest_row *row)
{
	return row->synced && !row->racy && row->has_hash &&
	    n->seen->folder == row->stat.folder &&
	    compare_stat(n->seen, &row->stat) == COMPARE_SAME &&
	    compare_kin(n->seen, &row->stat) == COMPARE_TWIN;
}

static int old_row(void *arg, const char *name, const struct manifest_row *row)
{
	struct merge *m = arg;
	struct clan_name *n;
	int order = -1;

	while (
	    m->at < m->count && (order = strcmp(m->name[m->at].name, name)) < 0)
		m->at++;
	n = m->name + m->at;
	if (m->at == m->count || order != 0 || !is_same(n, row)) {
		if (roster_add(&m->drove.stay, name, &row->stat) < 0)
			return vs_err_set(
			    m->err, VS_ENOMEM, "rename: out of memory");
		return 0;
	}
	n->moved = true;
	m->at++;
	m->moved++;
	if (m->drove.first == NULL)
		m->drove.first = n->name;
	m->drove.last = n->name;
	return 0;
}

/* 1 if they are on their way, 0 if not. */
static int move(struct engine *e, const struct merge *m)
{
	const struct drove *d = &m->drove;
	char path[VS_PATH_MAX + 1];
	int rc;

	if (m->moved < DROVE_MIN || d->stay.count > m->moved)
		return 0;
	rc = drove_is_quiet(&e->state, d->from, d->first, d->last, m->err);
	if (rc == 1)
		rc =
		    drove_is_quiet(&e->state, d->to, d->first, d->last, m->err);
	if (rc == 1)
		rc = stage_drove(e, d, (int64_t)m->moved, m->err);
	if (rc != 1)
		return rc;
	for (size_t i = 0; i < m->count; i++)
		if (m->name[i].moved)
			stage_drove_tell(
			    e, d, m->name[i].name, m->name[i].seen->size);
	if (vs_path_join(path, sizeof(path), d->from, d->first) > 0)
		work_went(e, path, 0);
	return 1;
}

int clan_move(struct engine *e, const char *from, const char *to,
    struct clan_name *name, size_t count, struct vs_err *err)
{
	struct merge m = {
		.name = name,
		.count = count,
		.drove = { .from = from, .to = to },
		.err = err,
	};
	int rc = manifest_list(&e->state, from, old_row, &m, err);

	if (rc == 0)
		rc = move(e, &m);
	for (size_t i = 0; i < count && rc != 1; i++)
		name[i].moved = false;
	roster_release(&m.drove.stay);
	return rc < 0 ? rc : 0;
}
