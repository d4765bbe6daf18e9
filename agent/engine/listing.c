#include "agent/engine/listing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/clan.h"
#include "agent/engine/kin.h"
#include "agent/engine/resume.h"
#include "agent/engine/root.h"
#include "agent/engine/rules.h"
#include "agent/engine/scouting.h"
#include "agent/engine/seal.h"
#include "agent/engine/stage.h"
#include "agent/engine/work.h"
#include "agent/scan/compare.h"
#include "agent/scan/roster.h"
#include "agent/state/drove.h"
#include "agent/state/manifest.h"
#include "agent/state/shadow.h"
#include "common/base/path.h"

#define NONE SIZE_MAX
#define CLAN_TRIES 4 /* files that may tell where all come from */

/* A name that is not simply as it was. */
struct odd {
	size_t seen; /* its row of the disk's roster, or NONE */
	size_t known; /* of the manifest's, or NONE */
	bool racy; /* as the manifest has it */
	bool moved; /* with its folder: done with */
};

/* A listing under way. */
struct listing {
	struct engine *e;
	struct dirq_item *item;
	const char *dir;
	unsigned flags; /* enum dirq_flags */
	uint64_t gen;
	bool full; /* there was no room to settle all */
	bool again; /* the root was another one for a moment */
	struct vs_err *err;
	struct roster disk; /* all that is there */
	struct roster known; /* of the manifest, what is no longer so */
	size_t at; /* of disk: what comes next */
	struct odd *odd;
	size_t odd_count;
	size_t odd_cap;
	struct ignore_dir rules; /* as far as they concern what is in it */
	bool veiled; /* hidden itself, but for what is shown in it */
	bool rowless; /* and not published yet */
	bool shown; /* there is something shown in it */
	bool uneven; /* something is not just as its row says */
	bool asked; /* and answered: */
	int quiet; /* as drove_is_quiet had it before the first row */
	size_t visited; /* of disk: what is visited, or NONE */
	struct crop crop; /* new files, not staged yet */
	char path[VS_PATH_MAX + 1]; /* of the name at hand; dir's is there */
	size_t dir_len; /* with its slash */
};

/* What the manifest has of a name. */
struct known {
	const struct disk_stat *stat;
	bool racy;
};

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

static int same(struct listing *l, const char *path, const struct known *known)
{
	unsigned deep = l->flags & (DIRQ_DEEP | DIRQ_DATA);

	if (known->stat->kind == VS_KIND_DIR) {
		if ((deep & DIRQ_DEEP) != 0)
			work_want_dir(l->e, path, deep, l->gen);
		return 0;
	}
	l->uneven = true;
	if ((l->flags & DIRQ_DATA) != 0)
		want(l, path, SETTLE_FORCE);
	else if (known->racy)
		want(l, path, SETTLE_RECHECK);
	return 0;
}

static int new_dir(struct listing *l, const char *path,
    const struct disk_stat *seen, const struct known *known)
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
		known->stat->kind != VS_KIND_DIR))
		work_want_dir(l->e, path, deep, l->gen);
	return rc;
}

/* 1 if nothing of what is here waits, or is known of the cloud. */
static int is_quiet(struct listing *l)
{
	const struct roster *r = &l->disk;

	if (!l->asked)
		l->quiet = l->e->cloud.relist
		    ? 0
		    : drove_is_quiet(&l->e->state, l->dir, roster_name(r, 0),
			  roster_name(r, r->count - 1), l->err);
	l->asked = true;
	return l->quiet;
}

/* Stages the new files that came together; as stage_commit. */
static int reap(struct listing *l)
{
	int rc = l->crop.count > 0 ? stage_crop(l->e, &l->crop, l->err) : 0;

	l->crop.count = 0;
	if (rc == 0 && stage_full(l->e))
		rc = stage_commit(l->e, l->err);
	return rc;
}

/* The file that is visited is new, and nothing is to be asked. */
static int gather(struct listing *l)
{
	l->crop.at[l->crop.count++] = l->visited;
	return l->crop.count == CROP_MAX ? reap(l) : 0;
}

/* It is listed, if it was not yet; the next scan reads it. */
static int list_only(struct listing *l, const char *path,
    const struct disk_stat *seen, const struct known *known)
{
	struct shadow_row had;
	int quiet = known == NULL ? is_quiet(l) : 0;
	int rc = quiet < 0 ? quiet : 0;

	if (rc == 0 && known == NULL && quiet == 0)
		rc = shadow_get(&l->e->state, path, &had, l->err);
	if (rc == 1 || l->e->cloud.relist) {
		want(l, path, 0);
		return 0;
	}
	if (rc == 0 && quiet == 1)
		return gather(l);
	if (rc == 0 && known == NULL)
		rc = stage_listed(l->e, path, seen, l->err);
	if (rc == 0 && stage_full(l->e))
		rc = stage_commit(l->e, l->err);
	return rc;
}

/* A file that differs from what is known: of another name, or to be read. */
static int differs(struct listing *l, const char *path,
    const struct disk_stat *seen, const struct known *known)
{
	struct engine *e = l->e;
	const struct settle_item *said;
	int rc;

	if (e->listing_first && !l->rowless && seen->kind == VS_KIND_FILE &&
	    (known == NULL || known->stat->ino == 0))
		return list_only(l, path, seen, known);
	if ((l->flags & DIRQ_DATA) != 0 || l->rowless) {
		want(l, path, (l->flags & DIRQ_DATA) != 0 ? SETTLE_FORCE : 0u);
		return 0;
	}
	said = settle_find(e->settle, path);
	rc = kin_adopt(e, path, seen,
	    said != NULL && (said->flags & SETTLE_EDITED) != 0, l->err);
	if (rc == 0)
		want(l, path, 0);
	if (rc == 1 && stage_full(e))
		return stage_commit(e, l->err);
	return rc < 0 ? rc : 0;
}

/* One name: seen on the disk, known in the manifest, or both. */
static int meet(struct listing *l, const char *path,
    const struct disk_stat *seen, const struct known *known)
{
	enum compare_verdict v =
	    compare_stat(seen, known != NULL ? known->stat : NULL);

	l->uneven = l->uneven || (v != COMPARE_SAME && v != COMPARE_NONE);
	switch (v) {
	case COMPARE_SAME:
		return same(l, path, known);
	case COMPARE_READ:
		return differs(l, path, seen, known);
	case COMPARE_DIR:
		if (!l->rowless)
			return new_dir(l, path, seen, known);
		want(l, path, 0); /* the folder's own row comes first */
		return 0;
	case COMPARE_GONE:
		return drop(l, path, known->stat->kind == VS_KIND_DIR);
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

/* Why name cannot be published, or NULL; path is filled otherwise. */
static const char *flaw_of(
    const struct listing *l, const char *name, char path[VS_PATH_MAX + 1])
{
	enum vs_path_flaw flaw = vs_path_check_name(name, strlen(name));

	if (flaw == VS_PATH_GOOD &&
	    vs_path_join(path, VS_PATH_MAX + 1, l->dir, name) < 0)
		flaw = VS_PATH_LONG;
	return flaw != VS_PATH_GOOD ? vs_path_flaw_text(flaw) : NULL;
}

/* What the rules say of a name that was seen. */
static enum ignore_kind judge(
    struct listing *l, const char *name, const struct disk_stat *seen)
{
	size_t n = strlen(name);

	if (l->dir_len + n >= sizeof(l->path))
		return IGNORE_SHOWN; /* its length is refused */
	memcpy(l->path + l->dir_len, name, n + 1);
	return ignore_in(l->e->rules.set, &l->rules, l->path, l->dir_len + n,
	    !seen->odd && seen->kind == VS_KIND_DIR)
	    .kind;
}

/*
 * seen as it is to be published, or NULL.  A hidden folder with something
 * shown in it is listed, and published once that is found.
 */
static const struct disk_stat *unveil(struct listing *l, const char *name,
    const struct disk_stat *seen, const struct disk_stat *known)
{
	enum ignore_kind kind = judge(l, name, seen);

	l->shown = l->shown ||
	    (kind == IGNORE_SHOWN && !seen->odd &&
		vs_path_check_name(name, strlen(name)) == VS_PATH_GOOD);
	if (kind != IGNORE_REACHED)
		return kind == IGNORE_SHOWN ? seen : NULL;
	if (known != NULL && known->kind == VS_KIND_DIR)
		return seen;
	l->uneven = true;
	if (vs_path_check_name(name, strlen(name)) == VS_PATH_GOOD &&
	    (l->flags & (DIRQ_DEEP | DIRQ_DATA)) != 0)
		work_want_dir(l->e, l->path,
		    DIRQ_DEEP | (l->flags & (unsigned)DIRQ_DATA), l->gen);
	return NULL;
}

static int visit(struct listing *l, const struct odd *o)
{
	const struct disk_stat *seen =
	    o->seen != NONE ? &l->disk.row[o->seen].stat : NULL;
	const char *name = o->seen != NONE ? roster_name(&l->disk, o->seen)
					   : roster_name(&l->known, o->known);
	struct known known = { .racy = o->racy };
	char path[VS_PATH_MAX + 1];
	const char *flaw;

	if (o->moved)
		return 0;
	l->visited = o->seen;
	if (o->known != NONE)
		known.stat = &l->known.row[o->known].stat;
	if (seen != NULL)
		seen = unveil(l, name, seen, known.stat);
	if (seen == NULL && known.stat == NULL)
		return 0;
	flaw = flaw_of(l, name, path);
	l->uneven = l->uneven || flaw != NULL;
	if (flaw != NULL)
		return seen != NULL && !seen->odd ? refuse(l, name, flaw) : 0;
	return meet(l, path, seen, known.stat != NULL ? &known : NULL);
}

static int note(struct listing *l, const struct odd *o)
{
	if (l->odd_count == l->odd_cap) {
		size_t cap = l->odd_cap != 0 ? 2 * l->odd_cap : 64;
		struct odd *odd = realloc(l->odd, cap * sizeof(*odd));

		if (odd == NULL)
			return vs_err_set(
			    l->err, VS_ENOMEM, "scan: out of memory");
		l->odd = odd;
		l->odd_cap = cap;
	}
	l->odd[l->odd_count++] = *o;
	return 0;
}

/* Notes what the disk has before name, or all that is left. */
static int note_new(struct listing *l, const char *name)
{
	int rc = 0;

	while (rc == 0 && l->at < l->disk.count &&
	    (name == NULL || strcmp(roster_name(&l->disk, l->at), name) < 0)) {
		const struct odd o = { .seen = l->at++, .known = NONE };

		rc = note(l, &o);
	}
	return rc;
}

/* Most names are as they were; they end here. */
static bool as_it_was(struct listing *l, const char *name,
    const struct disk_stat *seen, const struct manifest_row *row)
{
	bool same = seen->kind != VS_KIND_DIR && !row->racy &&
	    (l->flags & DIRQ_DATA) == 0 &&
	    compare_stat(seen, &row->stat) == COMPARE_SAME &&
	    judge(l, name, seen) == IGNORE_SHOWN;

	l->shown = l->shown || same;
	return same;
}

static int from_manifest(
    void *arg, const char *name, const struct manifest_row *row)
{
	struct listing *l = arg;
	struct odd o = { .seen = NONE, .racy = row->racy };
	int rc = note_new(l, name);

	if (rc < 0)
		return rc;
	if (l->at < l->disk.count &&
	    strcmp(roster_name(&l->disk, l->at), name) == 0)
		o.seen = l->at++;
	if (o.seen != NONE &&
	    as_it_was(l, name, &l->disk.row[o.seen].stat, row))
		return 0;
	o.known = l->known.count;
	if (roster_add(&l->known, name, &row->stat) < 0)
		return vs_err_set(l->err, VS_ENOMEM, "scan: out of memory");
	return note(l, &o);
}

/* A file that is published here, but was not: it may have moved. */
static bool may_move(struct listing *l, const struct odd *o, char *path)
{
	const struct disk_stat *seen;
	const char *name;

	if (o->seen == NONE || o->known != NONE)
		return false;
	seen = &l->disk.row[o->seen].stat;
	name = roster_name(&l->disk, o->seen);
	return !seen->odd && seen->kind == VS_KIND_FILE &&
	    flaw_of(l, name, path) == NULL &&
	    judge(l, name, seen) == IGNORE_SHOWN;
}

/* Where the files of a folder that was renamed were: as clan_find. */
static int find_clan(struct listing *l, char from[VS_PATH_MAX + 1])
{
	char path[VS_PATH_MAX + 1];
	size_t step = l->odd_count / CLAN_TRIES + 1;
	int rc = 0;

	for (size_t i = 0; i < l->odd_count && rc == 0; i += step)
		if (may_move(l, &l->odd[i], path))
			rc = clan_find(l->e, path,
			    &l->disk.row[l->odd[i].seen].stat, from, l->err);
	return rc;
}

static int move_clan(struct listing *l, const char *from)
{
	struct clan_name *name = calloc(l->odd_count, sizeof(*name));
	size_t *at = calloc(l->odd_count, sizeof(*at));
	char path[VS_PATH_MAX + 1];
	size_t n = 0;
	int rc = 0;

	if (name == NULL || at == NULL)
		rc = vs_err_set(l->err, VS_ENOMEM, "scan: out of memory");
	for (size_t i = 0; i < l->odd_count && rc == 0; i++) {
		if (!may_move(l, &l->odd[i], path))
			continue;
		name[n].name = roster_name(&l->disk, l->odd[i].seen);
		name[n].seen = &l->disk.row[l->odd[i].seen].stat;
		at[n++] = i;
	}
	if (rc == 0)
		rc = clan_move(l->e, from, l->dir, name, n, l->err);
	for (size_t i = 0; i < n; i++)
		l->odd[at[i]].moved = name[i].moved;
	l->uneven = true;
	free(at);
	free(name);
	return rc;
}

/* If the folder was renamed, most of its files are known by their old names. */
static int adopt_clan(struct listing *l)
{
	const struct engine *e = l->e;
	char from[VS_PATH_MAX + 1];
	int rc;

	if (l->dir[0] == '\0' || l->odd_count == 0 || l->veiled ||
	    (l->flags & (DIRQ_DATA | DIRQ_GONE)) != 0 || e->listing_first ||
	    e->cloud.relist)
		return 0;
	rc = find_clan(l, from);
	return rc == 1 ? move_clan(l, from) : rc;
}

/*
 * The disk's names beside the manifest's, both in order.  What differs is
 * acted on when the manifest has been read, since that writes to it.
 */
static int merge(struct listing *l)
{
	int rc = manifest_list(&l->e->state, l->dir, from_manifest, l, l->err);

	if (rc == 0)
		rc = note_new(l, NULL);
	if (rc == 0)
		rc = adopt_clan(l);
	for (size_t i = 0; i < l->odd_count && rc == 0; i++)
		rc = visit(l, &l->odd[i]);
	return rc == 0 ? reap(l) : rc;
}

/* All is just as it was: what is left are the folders in it. */
static int as_sealed(struct listing *l)
{
	int rc = 0;

	if ((l->flags & DIRQ_DEEP) == 0)
		return 0;
	for (size_t i = 0; i < l->disk.count && rc == 0; i++) {
		const struct disk_stat *seen = &l->disk.row[i].stat;
		const struct known known = { .stat = seen };

		if (!seen->odd && seen->kind == VS_KIND_DIR &&
		    judge(l, roster_name(&l->disk, i), seen) != IGNORE_HIDDEN)
			rc = same(l, l->path, &known);
	}
	return rc;
}

/* What was read against what is known. */
static int compare(struct listing *l)
{
	struct engine *e = l->e;
	bool plain = (l->flags & DIRQ_DATA) == 0 && !l->veiled && !l->rowless;
	int held = 0;
	int rc;

	if (e->sweep != NULL)
		e->sweep->report.entries += (int64_t)l->disk.count;
	if (plain)
		held = seal_holds(e, l->dir, &l->disk, l->err);
	if (held < 0)
		return held;
	if (held == 1 && (e->sweep == NULL || !e->sweep->rows))
		return as_sealed(l);
	rc = merge(l);
	/* a scan's only: a folder that is at work would be sealed in vain */
	if (rc == 0 && plain && held == 0 && e->sweep != NULL && !l->uneven &&
	    !e->fault.on)
		rc = seal_put(e, l->dir, &l->disk, l->err);
	return rc;
}

static void listing_release(struct listing *l)
{
	roster_release(&l->disk);
	roster_release(&l->known);
	free(l->odd);
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
		resume_doubt(e);
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
		resume_doubt(e);
		return stage_trouble(e, l->dir, false,
		    "another file system is mounted here; it is not entered",
		    l->err);
	default:
		resume_doubt(e);
		work_later(e, l->dir, SETTLE_DEEP, 0, CORE_TROUBLE_MS);
		return stage_trouble(e, l->dir, false, why->msg, l->err);
	}
}

/* The folder's own row first, so that what is in it can be found by it. */
static int own_row(struct listing *l)
{
	if (l->dir[0] == '\0' || work_is_dir(l->e, l->dir))
		return l->e->fault.on ? l->err->code : 1;
	if (l->e->fault.on)
		return l->err->code;
	l->rowless = l->veiled;
	if (l->rowless)
		return 1;
	work_want(l->e, l->dir, 0, l->gen);
	return 0;
}

void listing_watch(struct engine *e, const char *dir)
{
	struct vs_err err = VS_ERR_INIT;
	int rc;

	if (e->world.disk->watch == NULL)
		return;
	rc = e->world.disk->watch(e->world.disk, dir, &err);
	if (rc != VS_ELIMIT)
		return;
	e->watch_short = true;
	if (!e->watch_limit) {
		e->watch_limit = true;
		e->next_scan_ms = e->now.mono_ms + CORE_BLIND_SCAN_MS;
		core_tell_state(e, "watch_limit");
	}
}

void listing_unwatch(struct engine *e, const char *dir)
{
	struct disk *d = e->world.disk;

	if (d->unwatch != NULL && dir[0] != '\0')
		d->unwatch(d, dir);
}

/* The folder's own row goes; what was in it did. */
static int drop_own(struct listing *l)
{
	struct manifest_row *row = malloc(sizeof(*row));
	int rc;

	if (row == NULL)
		return vs_err_set(l->err, VS_ENOMEM, "scan: out of memory");
	rc = manifest_get(&l->e->state, l->dir, row, l->err);
	if (rc == 1)
		rc = stage_delete(l->e, l->dir, row, l->err);
	free(row);
	work_went(l->e, l->dir, l->gen);
	return rc < 0 ? rc : 0;
}

static int count_row(
    void *arg, const char *name, const struct manifest_row *row)
{
	(void)name;
	(void)row;
	++*(size_t *)arg;
	return 0;
}

/* A hidden folder in which nothing shown is left is published no more. */
static int veil(struct listing *l)
{
	size_t left = 0;
	int rc = manifest_list(&l->e->state, l->dir, count_row, &left, l->err);

	return rc < 0 || left > 0 ? rc : drop_own(l);
}

static int list(struct listing *l)
{
	struct vs_err why = VS_ERR_INIT;
	struct disk *d = l->e->world.disk;
	int rc = own_row(l);

	if (rc <= 0)
		return rc;
	if (!l->item->asked)
		listing_watch(l->e, l->dir);
	scouting_used(l->e, l->item);
	rc = d->list(d, l->dir, &l->disk, &why);
	if (rc == VS_ENOMEM)
		return vs_err_set(l->err, rc, "scan: %s", vs_err_text(rc));
	if (rc < 0)
		return unreadable(l, &why);
	rc = compare(l);
	if (rc == 0)
		rc = stage_trouble_only(l->e, l->dir, &l->disk, l->err);
	if (rc == 0 && l->dir[0] != '\0')
		rc = stage_no_trouble(l->e, l->dir, l->err);
	if (rc == 0 && l->veiled && !l->rowless && !l->shown)
		rc = veil(l);
	return rc;
}

/* It came back before its turn, or there is no knowing: not gone. */
static bool is_back(const struct listing *l)
{
	struct disk *d = l->e->world.disk;
	struct disk_stat seen;
	int rc;

	if (rules_hide(l->e, l->dir, true))
		return false;
	rc = d->look(d, l->dir, &seen, NULL);

	return rc == VS_EROOT ||
	    (rc == 0 && !seen.odd && seen.kind == VS_KIND_DIR);
}

/*
 * A folder that is gone: its children, then itself.  Something may have come
 * into it between the two; then it goes round anew.
 */
static int gone(struct listing *l)
{
	int rc;

	if (is_back(l)) {
		work_want_dir(l->e, l->dir, DIRQ_DEEP, l->gen);
		return 0;
	}
	rc = merge(l);
	if (rc < 0 || l->odd_count > 0)
		return rc;
	listing_unwatch(l->e, l->dir);
	rc = drop_own(l);
	return rc < 0 ? rc : 1;
}

/* What the rules say of the folder itself.  True if it is hidden. */
static bool is_hidden(struct listing *l)
{
	size_t n = strlen(l->dir);

	l->rules = ignore_enter(l->e->rules.set, l->dir);
	memcpy(l->path, l->dir, n);
	l->path[n] = '/';
	l->dir_len = n > 0 ? n + 1 : 0;
	if (n == 0)
		return false;
	switch (rules_judge(l->e, l->dir, true).kind) {
	case IGNORE_HIDDEN:
		return true;
	case IGNORE_REACHED:
		l->veiled = true;
		return false;
	case IGNORE_SHOWN:
		break;
	}
	return false;
}

/* A hidden folder is not read; what was published of it goes. */
static int hide(const struct listing *l)
{
	bool known = work_is_dir(l->e, l->dir);

	if (l->e->fault.on)
		return l->err->code;
	if (!known)
		return 1;
	work_want_dir(l->e, l->dir, DIRQ_GONE, l->gen);
	return 0;
}

/*
 * 1: the item is done with; 0: it stays in the stack (its children come
 * first, or there is no room); VS_EROOT: a commit on the way found the root
 * lost.  A root or database that is lost on the way
 * empties the stack: item is no more then.
 */
static int run(struct engine *e, struct dirq_item *item, struct vs_err *err)
{
	struct listing l = {
		.e = e,
		.item = item,
		.dir = item->path,
		.flags = item->flags,
		.gen = item->gen,
		.err = err,
		.crop = { .dir = item->path, .names = &l.disk },
	};
	int rc;

	if (is_hidden(&l) && (item->flags & DIRQ_GONE) == 0) {
		scouting_drop(e, item);
		return hide(&l);
	}
	if ((item->flags & DIRQ_GONE) != 0)
		scouting_drop(e, item);
	rc = (item->flags & DIRQ_GONE) != 0 ? gone(&l) : list(&l);
	listing_release(&l);
	if (rc < 0 || (l.flags & DIRQ_GONE) != 0)
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
	e->fresh = false;
	rc = run(e, item, &err);
	if (rc < 0 && rc != VS_EROOT)
		core_fault(e, &err);
	if (e->fault.on || e->root.lost || rc == 0)
		return; /* the stack is empty, or the item stays in it */
	scouting_drop(e, item);
	dirq_take(e->dirq, item);
	stage_leave(e, item->gen);
	dirq_item_free(item);
}
