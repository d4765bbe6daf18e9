#include "agent/engine/listing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/root.h"
#include "agent/engine/stage.h"
#include "agent/engine/work.h"
#include "agent/scan/compare.h"
#include "agent/scan/ignore.h"
#include "agent/state/manifest.h"
#include "agent/state/state_sql.h"
#include "common/base/path.h"

/* One name of a folder, as the disk or the manifest has it. */
struct name {
	char *text;
	struct disk_stat stat;
	bool racy;
};

/* Names, sorted by their bytes. */
struct names {
	struct name *at;
	size_t count;
	size_t cap;
};

/* A listing under way. */
struct listing {
	struct engine *e;
	const char *dir;
	unsigned flags; /* enum dirq_flags */
	uint64_t gen;
	bool full; /* there was no room to settle all */
	bool again; /* the root was another one for a moment */
	struct vs_err *err;
};

static int names_add(
    struct names *n, const char *text, const struct disk_stat *st, bool racy)
{
	if (n->count == n->cap) {
		size_t cap = n->cap != 0 ? 2 * n->cap : 64;
		struct name *at = realloc(n->at, cap * sizeof(*at));

		if (at == NULL)
			return VS_ENOMEM;
		n->at = at;
		n->cap = cap;
	}
	n->at[n->count].text = strdup(text);
	if (n->at[n->count].text == NULL)
		return VS_ENOMEM;
	n->at[n->count].stat = *st;
	n->at[n->count].racy = racy;
	n->count++;
	return 0;
}

static void names_release(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->at[i].text);
	free(n->at);
	memset(n, 0, sizeof(*n));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(
	    ((const struct name *)a)->text, ((const struct name *)b)->text);
}

static int from_disk(void *arg, const char *name, const struct disk_stat *st)
{
	return names_add(arg, name, st, false);
}

static int from_manifest(
    void *arg, const char *name, const struct manifest_row *row)
{
	return names_add(arg, name, &row->stat, row->racy);
}

/* Settles path, unless the table is too full to go on. */
static void want(struct listing *l, const char *path, unsigned flags)
{
	struct engine *e = l->e;

	if (settle_find(e->settle, path) == NULL &&
	    settle_count(e->settle) >= SETTLE_MAX - 1)
		l->full = true;
	else
		work_want(e, path, flags, l->gen);
}

static int drop(struct listing *l, const char *path, bool dir)
{
	struct manifest_row *row;
	int rc;

	if (dir) {
		work_want_dir(l->e, path, DIRQ_GONE, l->gen);
		return 0;
	}
	row = malloc(sizeof(*row));
	if (row == NULL)
		return vs_err_set(l->err, VS_ENOMEM, "scan: out of memory");
	rc = manifest_get(&l->e->state, path, row, l->err);
	if (rc == 1)
		rc = stage_delete(l->e, path, row, l->err);
	free(row);
	return rc;
}

static int same(struct listing *l, const char *path, const struct name *known)
{
	unsigned deep = l->flags & (DIRQ_DEEP | DIRQ_DATA);

	if (known->stat.kind == VS_KIND_DIR) {
		if ((deep & DIRQ_DEEP) != 0)
			work_want_dir(l->e, path, deep, l->gen);
		return 0;
	}
	if ((l->flags & DIRQ_DATA) != 0)
		want(l, path, SETTLE_FORCE);
	else if (known->racy)
		want(l, path, SETTLE_RECHECK);
	return 0;
}

static int new_dir(struct listing *l, const char *path,
    const struct disk_stat *seen, const struct name *known)
{
	unsigned deep = DIRQ_DEEP | (l->flags & DIRQ_DATA);
	struct manifest_row *row = calloc(2, sizeof(*row));
	int rc = 0;

	if (row == NULL)
		return vs_err_set(l->err, VS_ENOMEM, "scan: out of memory");
	if (known != NULL)
		rc = manifest_get(&l->e->state, path, row + 1, l->err);
	row->stat = *seen;
	row->stat.size = 0;
	if (rc >= 0)
		rc = stage_upsert(
		    l->e, path, row, rc == 1 ? row + 1 : NULL, l->err);
	free(row);
	if (rc == 0 &&
	    (known == NULL || (l->flags & DIRQ_DEEP) != 0 ||
		known->stat.kind != VS_KIND_DIR))
		work_want_dir(l->e, path, deep, l->gen);
	return rc;
}

/* One name: seen on the disk, known in the manifest, or both. */
static int meet(struct listing *l, const char *path,
    const struct disk_stat *seen, const struct name *known)
{
	switch (compare_stat(seen, known != NULL ? &known->stat : NULL)) {
	case COMPARE_SAME:
		return same(l, path, known);
	case COMPARE_READ:
		want(l, path, (l->flags & DIRQ_DATA) != 0 ? SETTLE_FORCE : 0u);
		return 0;
	case COMPARE_DIR:
		return new_dir(l, path, seen, known);
	case COMPARE_GONE:
		return drop(l, path, known->stat.kind == VS_KIND_DIR);
	case COMPARE_SWAP:
		work_want_dir(l->e, path, DIRQ_GONE, l->gen);
		want(l, path, 0);
		return 0;
	case COMPARE_NONE:
		return 0;
	}
	return 0;
}

/* A name that cannot be published is noted, with any bytes it has. */
static int refuse(struct listing *l, const char *name, const char *reason)
{
	char path[VS_PATH_MAX + VS_NAME_MAX + 2];

	if (vs_path_join(path, sizeof(path), l->dir, name) < 0)
		return 0;
	return stage_trouble(l->e, path, false, reason, l->err);
}

static int visit(struct listing *l, const char *name,
    const struct disk_stat *seen, const struct name *known)
{
	char path[VS_PATH_MAX + 1];
	enum vs_path_flaw flaw;

	if (seen != NULL && ignore_rule(l->dir, name) != NULL)
		seen = NULL;
	if (seen != NULL && !seen->odd) {
		flaw = vs_path_check_name(name, strlen(name));
		if (flaw == VS_PATH_GOOD &&
		    vs_path_join(path, sizeof(path), l->dir, name) < 0)
			flaw = VS_PATH_LONG;
		if (flaw != VS_PATH_GOOD)
			return refuse(l, name, vs_path_flaw_text(flaw));
	}
	if (seen == NULL && known == NULL)
		return 0;
	if (vs_path_join(path, sizeof(path), l->dir, name) < 0)
		return 0;
	if (l->e->sweep != NULL)
		l->e->sweep->report.entries += seen != NULL;
	return meet(l, path, seen, known);
}

static int merge(
    struct listing *l, const struct names *disk, const struct names *known)
{
	size_t i = 0, j = 0;
	int rc = 0;

	while (rc == 0 && (i < disk->count || j < known->count)) {
		const struct name *a = i < disk->count ? &disk->at[i] : NULL;
		const struct name *b = j < known->count ? &known->at[j] : NULL;
		int order = a == NULL ? 1 : b == NULL ? -1 : by_text(a, b);

		rc = visit(l, order <= 0 ? a->text : b->text,
		    order <= 0 ? &a->stat : NULL, order >= 0 ? b : NULL);
		i += order <= 0;
		j += order >= 0;
	}
	return rc;
}

/* Notes about names that are no longer there go. */
static int forget_trouble(struct listing *l, const struct names *disk)
{
	struct names old = { 0 };
	struct disk_stat none = { 0 };
	sqlite3_stmt *st = vs_db_stmt(l->e->state.db, SQL_TROUBLE_DIR, l->err);
	int rc;

	if (st == NULL)
		return l->err->code;
	rc = vs_db_bind(st, l->err, "b", (const void *)l->dir, strlen(l->dir));
	while (rc == 0 && (rc = vs_db_step(l->e->state.db, st, l->err)) == 1) {
		char path[2 * VS_PATH_MAX];
		size_t n = (size_t)sqlite3_column_bytes(st, 0);

		if (n >= sizeof(path))
			n = sizeof(path) - 1;
		memcpy(path, sqlite3_column_blob(st, 0), n);
		path[n] = '\0';
		rc = names_add(&old, path, &none, false);
		if (rc < 0)
			sqlite3_reset(st);
	}
	for (size_t i = 0; i < old.count && rc == 0; i++) {
		struct name key = {
			.text = (char *)(uintptr_t)vs_path_name(old.at[i].text),
		};

		if (disk->count == 0 ||
		    bsearch(&key, disk->at, disk->count, sizeof(key),
			by_text) == NULL)
			rc = stage_no_trouble(l->e, old.at[i].text, l->err);
	}
	names_release(&old);
	return rc;
}

/* The folder cannot be read: what is below stays as it is (R3). */
static int unreadable(struct listing *l, const struct vs_err *why)
{
	struct engine *e = l->e;

	if (why->code == VS_EROOT) {
		l->again = root_check(e);
		return 0;
	}
	if (e->sweep != NULL)
		e->sweep->report.errors++;
	if (l->dir[0] == '\0') {
		root_check(e);
		if (!e->root.lost)
			e->next_scan_ms = e->now.mono_ms + CORE_TROUBLE_MS;
		return 0;
	}
	switch (why->code) {
	case VS_ENOENT:
	case VS_ENOTDIR:
	case VS_ELOOP:
		work_want(e, l->dir, 0, l->gen);
		return 0;
	case VS_EXDEV:
		return stage_trouble(e, l->dir, false,
		    "another file system is mounted here; it is not entered",
		    l->err);
	default:
		e->next_scan_ms = e->now.mono_ms + CORE_TROUBLE_MS;
		return stage_trouble(e, l->dir, false, why->msg, l->err);
	}
}

/* The folder's own row first, so that what is in it can be found by it. */
static int own_row(struct listing *l)
{
	if (l->dir[0] == '\0' || work_is_dir(l->e, l->dir))
		return l->e->fault.on ? l->err->code : 1;
	work_want(l->e, l->dir, 0, l->gen);
	return 0;
}

static void watch(struct engine *e, const char *dir)
{
	struct vs_err err = VS_ERR_INIT;
	int rc;

	if (e->world.disk->watch == NULL)
		return;
	rc = e->world.disk->watch(e->world.disk, dir, &err);
	if (rc == VS_ELIMIT && !e->watch_limit) {
		e->watch_limit = true;
		e->next_scan_ms = e->now.mono_ms + CORE_BLIND_SCAN_MS;
		core_tell_state(e, "watch_limit");
	}
}

static int list(struct listing *l)
{
	struct vs_err why = VS_ERR_INIT;
	struct names disk = { 0 }, known = { 0 };
	struct disk *d = l->e->world.disk;
	int rc = own_row(l);

	if (rc <= 0)
		return rc;
	watch(l->e, l->dir);
	rc = d->list(d, l->dir, from_disk, &disk, &why);
	if (rc < 0) {
		rc = rc == VS_ENOMEM
		    ? vs_err_set(l->err, rc, "scan: %s", vs_err_text(rc))
		    : unreadable(l, &why);
		goto out;
	}
	if (disk.count > 1)
		qsort(disk.at, disk.count, sizeof(*disk.at), by_text);
	rc = manifest_list(&l->e->state, l->dir, from_manifest, &known, l->err);
	if (rc == 0)
		rc = merge(l, &disk, &known);
	if (rc == 0)
		rc = forget_trouble(l, &disk);
	if (rc == 0 && l->dir[0] != '\0')
		rc = stage_no_trouble(l->e, l->dir, l->err);
out:
	names_release(&disk);
	names_release(&known);
	return rc;
}

/* It came back before its turn, or there is no knowing: not gone. */
static bool is_back(const struct listing *l)
{
	struct disk *d = l->e->world.disk;
	struct disk_stat seen;
	int rc = d->look(d, l->dir, &seen, NULL);

	return rc == VS_EROOT ||
	    (rc == 0 && !seen.odd && seen.kind == VS_KIND_DIR);
}

/*
 * A folder that is gone: its children, then itself.  Something may have come
 * into it between the two; then it goes round anew.
 */
static int gone(struct listing *l, struct dirq_item *item)
{
	struct names none = { 0 }, known = { 0 };
	struct manifest_row *row;
	bool empty;
	int rc;

	if (is_back(l)) {
		item->flags = DIRQ_DEEP;
		return 0;
	}
	rc = manifest_list(&l->e->state, l->dir, from_manifest, &known, l->err);
	empty = known.count == 0;
	if (rc == 0)
		rc = merge(l, &none, &known);
	names_release(&known);
	if (rc < 0 || !empty)
		return rc;
	row = malloc(sizeof(*row));
	if (row == NULL)
		return vs_err_set(l->err, VS_ENOMEM, "scan: out of memory");
	rc = manifest_get(&l->e->state, l->dir, row, l->err);
	if (rc == 1)
		rc = stage_delete(l->e, l->dir, row, l->err);
	free(row);
	return rc < 0 ? rc : 1;
}

/*
 * 1: the item is done with; 0: it stays in the stack (its children come
 * first, or there is no room).  A root or database that is lost on the way
 * empties the stack: item is no more then.
 */
static int run(struct engine *e, struct dirq_item *item, struct vs_err *err)
{
	struct listing l = {
		.e = e,
		.dir = item->path,
		.flags = item->flags,
		.gen = item->gen,
		.err = err,
	};
	int rc;

	if ((item->flags & DIRQ_GONE) != 0)
		return gone(&l, item);
	rc = list(&l);
	if (rc < 0)
		return rc;
	e->stalled = l.full;
	return !l.full && !l.again;
}

void listing_step(struct engine *e)
{
	struct dirq_item *item = dirq_top(e->dirq);
	struct vs_err err = VS_ERR_INIT;
	int rc;

	assert(item != NULL);
	rc = run(e, item, &err);
	if (rc < 0)
		core_fault(e, &err);
	if (e->fault.on || e->root.lost || rc == 0)
		return; /* the stack is empty, or the item stays in it */
	dirq_take(e->dirq, item);
	stage_leave(e, item->gen);
	dirq_item_free(item);
}
