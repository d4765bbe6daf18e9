#include "agent/engine/stage.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/plain.h"
#include "agent/engine/root.h"
#include "agent/engine/scouting.h"
#include "agent/scan/compare.h"
#include "agent/engine/work.h"
#include "agent/state/outbox.h"
#include "agent/state/past.h"
#include "agent/state/shadow.h"
#include "agent/state/state_sql.h"
#include "common/base/hex.h"
#include "common/base/path.h"

#define DROVE_CHEAP 4 /* of a drove, files that cost what one does else */

int stage_begin(struct engine *e, struct vs_err *err)
{
	int rc;

	assert(!e->fault.on && e->state.db != NULL);
	e->stage.fresh |= e->fresh;
	if (e->stage.open)
		return 0;
	rc = vs_db_begin(e->state.db, err);
	if (rc < 0)
		return rc;
	e->stage.open = true;
	e->stage.since_ms = e->now.mono_ms;
	return 0;
}

bool stage_full(const struct engine *e)
{
	return e->stage.changes >= CORE_STAGE_MAX ||
	    e->stage.left_count >= 3 * CORE_STAGE_MAX;
}

void stage_leave(struct engine *e, uint64_t gen)
{
	struct core_stage *t = &e->stage;
	int room = (int)(sizeof(t->left) / sizeof(t->left[0]));

	if (gen == 0)
		return;
	if (t->open && t->left_count < room)
		t->left[t->left_count++] = gen;
	else if (!t->open)
		barrier_leave(&e->barrier, gen);
	else
		assert(false && "more units than stage_full allows");
}

/* To be told of path, as long as there is room for it. */
static void tell(struct engine *e, const char *path, int op, int64_t size)
{
	struct core_stage *t = &e->stage;

	if (op < 0 || t->told_count >= CORE_STAGE_MAX)
		return;
	t->told[t->told_count].path = strdup(path);
	t->told[t->told_count].news = ENGINE_COMMITTED;
	t->told[t->told_count].op = vs_op_name((enum vs_op)op);
	t->told[t->told_count].size = size;
	t->told_count += t->told[t->told_count].path != NULL;
}

static void note(struct engine *e, const char *path, int op, int64_t size)
{
	e->stage.changes++;
	if (op == VS_OP_DELETE)
		e->stage.deletes++;
	tell(e, path, op, size);
}

/* The root is looked at before it is committed, whatever is sent of it. */
static void note_delete(struct engine *e, const char *path, int op)
{
	note(e, path, op, 0);
	e->last_delete_ms = e->now.mono_ms;
	if (op != VS_OP_DELETE)
		e->stage.deletes++;
}

/* How what is in hand goes to the outbox. */
static unsigned how(const struct engine *e)
{
	return (e->cloud.relist ? (unsigned)OUTBOX_MAYBE : 0u) |
	    (e->fresh ? (unsigned)OUTBOX_FRESH : 0u);
}

/* The row as it travels; hex and the row must outlive the change. */
static void to_change(struct vs_change *c, const char *path,
    const struct manifest_row *row, char hex[VS_HASH_HEX + 1])
{
	memset(c, 0, sizeof(*c));
	c->path = path;
	c->op = VS_OP_UPDATE;
	c->kind = row->stat.kind;
	c->size = row->stat.size;
	c->mtime_us = row->stat.mtime_ns / 1000;
	c->has_mtime = row->stat.kind != VS_KIND_DIR;
	c->mode = row->stat.mode;
	c->base_version = -1;
	if (row->has_hash) {
		vs_hex_encode(hex, row->hash, VS_SHA256_SIZE);
		c->hash = hex;
	}
	if (row->target[0] != '\0')
		c->link_target = row->target;
}

/* What old knows of a file that is at path no more is worth keeping. */
static int keep_past(struct engine *e, const char *path,
    const struct manifest_row *old, const struct disk_stat *now,
    struct vs_err *err)
{
	if (old == NULL || !old->has_hash ||
	    (now != NULL && compare_born(&old->stat, now)))
		return 0;
	return past_keep(&e->state, path, old, err);
}

/* Makes row the manifest's at path; *told: what has to travel. */
static int put_row(struct engine *e, const struct stage_move *m,
    struct vs_change *told, char hex[VS_HASH_HEX + 1], struct vs_err *err)
{
	bool same;
	int rc = 0;

	to_change(told, m->path, m->row, hex);
	same = m->old != NULL && shadow_same(m->old, told);
	if (same) /* it may still be shown as a recording */
		rc = outbox_announced(&e->state, m->path, err);
	if (rc < 0)
		return rc;
	same = same && rc == 0;
	m->row->synced = same && m->old->synced;
	scouting_touch(e, m->path);
	rc = keep_past(e, m->path, m->old, &m->row->stat, err);
	if (rc == 0 && !same)
		rc = shadow_keep(&e->state, m->path, m->old, err);
	if (plain_is(e))
		told->mode = -1; /* it has no place for one */
	if (rc == 0 && !same)
		rc = outbox_spare(&e->state, told, err);
	told->mode = m->row->stat.mode;
	if (rc == 1)
		same = m->row->synced = true;
	if (rc >= 0)
		rc = manifest_put(&e->state, m->path, m->row, m->old, err);
	return rc < 0 ? rc : !same;
}

/* What has to travel; c NULL: the content was at the new path already. */
static int put_outbox(struct engine *e, const struct stage_move *m,
    const struct vs_change *c, struct vs_err *err)
{
	struct vs_change gone = {
		.path = m->from,
		.op = VS_OP_DELETE,
		.kind = m->row->stat.kind,
		.mode = -1,
		.base_version = -1,
	};
	int from_op = -1, to_op = -1;
	const struct outbox_move both = { c, &from_op, &to_op };
	unsigned maybe = how(e);
	int64_t now = e->now.wall_ms;
	int rc = 0;

	if (c != NULL && m->was != NULL)
		rc = outbox_move(&e->state, &both, maybe, now, err);
	else if (c != NULL)
		rc = outbox_put(&e->state, c, maybe, now, &to_op, err);
	else if (m->was != NULL)
		rc = outbox_put(&e->state, &gone, maybe, now, &from_op, err);
	if (rc < 0)
		return rc;
	if (m->was != NULL)
		note_delete(e, m->from, from_op);
	note(e, m->path, to_op, m->row->stat.size);
	return 0;
}

int stage_move(struct engine *e, const struct stage_move *m, struct vs_err *err)
{
	char hex[VS_HASH_HEX + 1];
	struct vs_change c;
	int rc = stage_begin(e, err);

	assert(m->path[0] != '\0' && (m->was == NULL || m->from != NULL));
	if (m->was != NULL)
		scouting_touch(e, m->from);
	if (rc == 0 && m->was != NULL)
		rc = shadow_keep(&e->state, m->from, m->was, err);
	if (rc == 0 && m->was != NULL)
		rc = manifest_drop(&e->state, m->from, m->was, err);
	if (rc == 0)
		rc = put_row(e, m, &c, hex, err);
	if (rc < 0)
		return rc;
	c.renamed_from = m->from;
	rc = put_outbox(e, m, rc == 1 ? &c : NULL, err);
	if (rc == 0 && m->was != NULL)
		rc = stage_no_trouble(e, m->from, err);
	if (rc < 0)
		return rc;
	/* its row says nothing of what is in it: that is for a listing */
	return m->row->stat.kind == VS_KIND_DIR
	    ? stage_no_refusal(e, m->path, err)
	    : stage_no_trouble(e, m->path, err);
}

int stage_upsert(struct engine *e, const char *path, struct manifest_row *row,
    const struct manifest_row *old, struct vs_err *err)
{
	const struct stage_move m = { .path = path, .row = row, .old = old };

	return stage_move(e, &m, err);
}

static void touch(struct engine *e, const char *dir, const char *name)
{
	char path[VS_PATH_MAX + 1];

	if (vs_path_join(path, sizeof(path), dir, name) > 0)
		scouting_touch(e, path);
}

int stage_drove(
    struct engine *e, const struct drove *d, int64_t count, struct vs_err *err)
{
	int rc = stage_begin(e, err);
	int64_t went;

	touch(e, d->from, d->first);
	touch(e, d->to, d->first);
	if (rc < 0)
		return rc;
	went = drove_move(&e->state, d, e->fresh, e->now.wall_ms, err);
	if (went <= 0)
		return (int)went;
	if (went != count)
		return vs_err_set(err, VS_ECORRUPT,
		    "manifest: %lld rows where %lld moved", (long long)went,
		    (long long)count);
	e->last_delete_ms = e->now.mono_ms;
	e->stage.deletes++;
	e->stage.changes += 1 + (int)(count / DROVE_CHEAP);
	return 1;
}

void stage_drove_tell(
    struct engine *e, const struct drove *d, const char *name, int64_t size)
{
	char path[VS_PATH_MAX + 1];

	if (e->stage.told_count >= CORE_STAGE_MAX)
		return;
	if (vs_path_join(path, sizeof(path), d->from, name) > 0)
		tell(e, path, VS_OP_DELETE, 0);
	if (vs_path_join(path, sizeof(path), d->to, name) > 0)
		tell(e, path, VS_OP_CREATE, size);
}

/* The row of a file that is not known by its content. */
static void unknown(struct manifest_row *row, const struct disk_stat *seen)
{
	memset(row, 0, sizeof(*row));
	row->stat = *seen;
	row->stat.ino = 0;
	row->stat.born_ns = 0;
}

int stage_listed(struct engine *e, const char *path,
    const struct disk_stat *seen, struct vs_err *err)
{
	struct manifest_row *row = malloc(sizeof(*row));
	int rc;

	if (row == NULL)
		return vs_err_set(err, VS_ENOMEM, "scan: out of memory");
	unknown(row, seen);
	rc = stage_upsert(e, path, row, NULL, err);
	free(row);
	return rc;
}

int stage_crop(struct engine *e, const struct crop *c, struct vs_err *err)
{
	char path[VS_PATH_MAX + 1];
	int rc = stage_begin(e, err);

	touch(e, c->dir, roster_name(c->names, c->at[0]));
	if (rc == 0)
		rc = crop_put(&e->state, c, e->now.wall_ms, err);
	for (int i = 0; i < c->count && rc == 0; i++) {
		const char *name = roster_name(c->names, c->at[i]);

		if (vs_path_join(path, sizeof(path), c->dir, name) > 0)
			note(e, path, VS_OP_CREATE,
			    c->names->row[c->at[i]].stat.size);
	}
	return rc;
}

/* What the cloud lists of a file that is not known here stays, too. */
static int as_listed(struct engine *e, struct vs_change *c,
    struct shadow_row *had, struct vs_err *err)
{
	int rc = shadow_get(&e->state, c->path, had, err);

	if (rc <= 0 || had->kind != VS_KIND_FILE)
		return rc < 0 ? rc : 0;
	c->size = had->size;
	c->hash = had->hash[0] != '\0' ? had->hash : NULL;
	c->has_mtime = had->has_mtime;
	c->mtime_us = had->mtime_us;
	c->mode = had->mode;
	return 0;
}

/* A row of its own for what is being recorded, so that its end is noticed. */
static int put_unknown(struct engine *e, const char *path,
    struct manifest_row *row, const struct manifest_row *old,
    struct vs_err *err)
{
	int rc = stage_begin(e, err);

	e->stage.changes++;
	if (rc == 0)
		rc = shadow_keep(&e->state, path, old, err);
	return rc < 0 ? rc : manifest_put(&e->state, path, row, old, err);
}

static int announce(struct engine *e, const char *path,
    const struct manifest_row *row, bool known, struct vs_err *err)
{
	struct shadow_row had;
	char hex[VS_HASH_HEX + 1];
	struct vs_change c;
	int op;
	int rc = stage_begin(e, err);

	to_change(&c, path, row, hex);
	if (rc == 0 && !known)
		rc = as_listed(e, &c, &had, err);
	c.recording = true;
	e->stage.changes++;
	return rc < 0
	    ? rc
	    : outbox_put(&e->state, &c, how(e), e->now.wall_ms, &op, err);
}

/* The cloud may mark it so already, told by a state that was lost here. */
static int record(struct engine *e, const char *path,
    const struct disk_stat *seen, const struct manifest_row *old,
    struct vs_err *err)
{
	struct manifest_row *row = malloc(sizeof(*row));
	int told = outbox_announced(&e->state, path, err);
	int rc = told < 0 ? told : 0;

	if (row == NULL)
		return vs_err_set(err, VS_ENOMEM, "recording: out of memory");
	if (old != NULL && old->stat.kind == VS_KIND_FILE) {
		*row = *old;
	} else {
		unknown(row, seen);
		if (rc == 0)
			rc = put_unknown(e, path, row, old, err);
	}
	if (rc == 0 && told == 0)
		rc = announce(e, path, row, old != NULL, err);
	free(row);
	return rc;
}

int stage_recording(struct engine *e, const char *path,
    const struct disk_stat *seen, struct vs_err *err)
{
	struct manifest_row *old = malloc(sizeof(*old));
	char parent[VS_PATH_MAX + 1];
	size_t n = vs_path_parent_len(path);
	int have, rc;

	if (old == NULL)
		return vs_err_set(err, VS_ENOMEM, "recording: out of memory");
	memcpy(parent, path, n);
	parent[n] = '\0';
	have = manifest_get(&e->state, path, old, err);
	rc = have < 0 ? have : 0;
	/* what the cloud has must be known, for it to stay */
	if (rc == 0 && !e->cloud.relist && work_is_dir(e, parent) &&
	    (have == 0 || old->stat.kind != VS_KIND_DIR))
		rc = record(e, path, seen, have == 1 ? old : NULL, err);
	free(old);
	return rc < 0 ? rc : 0;
}

int stage_delete(struct engine *e, const char *path,
    const struct manifest_row *old, struct vs_err *err)
{
	struct vs_change c = {
		.path = path,
		.op = VS_OP_DELETE,
		.kind = old->stat.kind,
		.mode = -1,
		.base_version = -1,
	};
	int op = -1;
	int rc = stage_begin(e, err);

	assert(path[0] != '\0');
	scouting_touch(e, path);
	if (rc == 0)
		rc = keep_past(e, path, old, NULL, err);
	if (rc == 0)
		rc = shadow_keep(&e->state, path, old, err);
	if (rc == 0)
		rc = manifest_drop(&e->state, path, old, err);
	if (rc == 0)
		rc =
		    outbox_put(&e->state, &c, how(e), e->now.wall_ms, &op, err);
	if (rc < 0)
		return rc;
	note_delete(e, path, op);
	return stage_no_trouble(e, path, err);
}

int stage_troubled(struct engine *e, const char *path, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	if (e->state.untroubled)
		return 0;
	rc = vs_db_first(e->state.db, SQL_TROUBLE_HAS, &st, err, "b",
	    (const void *)path, strlen(path));
	if (rc == 1)
		sqlite3_reset(st);
	return rc;
}

int stage_trouble(struct engine *e, const char *path, bool cloud,
    const char *reason, struct vs_err *err)
{
	int rc = cloud ? 0 : stage_troubled(e, path, err);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = stage_begin(e, err);
	if (rc < 0)
		return rc;
	e->stage.changes++;
	e->state.untroubled = false;
	return vs_db_run(e->state.db, SQL_TROUBLE_PUT, err, "bbit",
	    (const void *)path, strlen(path), (const void *)path,
	    vs_path_parent_len(path), (int64_t)cloud, reason);
}

static int forget_trouble(
    struct engine *e, const char *path, bool cloud, struct vs_err *err)
{
	int rc = stage_troubled(e, path, err);

	if (rc <= 0)
		return rc;
	rc = stage_begin(e, err);
	if (rc < 0)
		return rc;
	e->stage.changes++;
	return vs_db_run(e->state.db, SQL_TROUBLE_DROP, err, "bi",
	    (const void *)path, strlen(path), (int64_t)cloud);
}

int stage_no_trouble(struct engine *e, const char *path, struct vs_err *err)
{
	return forget_trouble(e, path, false, err);
}

int stage_no_refusal(struct engine *e, const char *path, struct vs_err *err)
{
	return forget_trouble(e, path, true, err);
}

int stage_trouble_only(struct engine *e, const char *dir,
    const struct roster *names, struct vs_err *err)
{
	struct roster old = { 0 };
	struct disk_stat none = { 0 };
	sqlite3_stmt *st;
	int rc;

	if (e->state.untroubled)
		return 0;
	st = vs_db_stmt(e->state.db, SQL_TROUBLE_DIR, err);
	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "b", (const void *)dir, strlen(dir));
	while (rc == 0 && (rc = vs_db_step(e->state.db, st, err)) == 1) {
		char path[2 * VS_PATH_MAX];
		size_t n = (size_t)sqlite3_column_bytes(st, 0);

		if (n >= sizeof(path))
			n = sizeof(path) - 1;
		memcpy(path, sqlite3_column_blob(st, 0), n);
		path[n] = '\0';
		rc = roster_add(&old, path, &none);
		if (rc < 0)
			sqlite3_reset(st);
	}
	for (size_t i = 0; i < old.count && rc == 0; i++) {
		const char *path = roster_name(&old, i);

		if (!roster_has(names, vs_path_name(path)))
			rc = stage_no_trouble(e, path, err);
	}
	roster_release(&old);
	return rc;
}

static void clear(struct engine *e)
{
	for (int i = 0; i < e->stage.told_count; i++)
		free(e->stage.told[i].path);
	memset(&e->stage, 0, sizeof(e->stage));
}

static void let_go(struct engine *e)
{
	for (int i = 0; i < e->stage.told_count; i++) {
		struct engine_event ev = {
			.news = e->stage.told[i].news,
			.path = e->stage.told[i].path,
			.op = e->stage.told[i].op,
			.size = e->stage.told[i].size,
		};

		e->world.tell(e->world.arg, &ev);
	}
	for (int i = 0; i < e->stage.left_count; i++)
		barrier_leave(&e->barrier, e->stage.left[i]);
	clear(e);
}

int stage_commit(struct engine *e, struct vs_err *err)
{
	int rc;

	if (!e->stage.open)
		return 0;
	if (e->stage.deletes > 0 && !root_check(e))
		return VS_EROOT; /* root_check dropped everything */
	rc = state_save_totals(&e->state, err);
	if (rc == 0)
		rc = vs_db_commit(e->state.db, err);
	if (rc < 0)
		return rc;
	let_go(e);
	return 0;
}

void stage_abort(struct engine *e)
{
	struct vs_err err = VS_ERR_INIT;
	bool was_open = e->stage.open;

	clear(e);
	if (!was_open || e->state.db == NULL)
		return;
	vs_db_rollback(e->state.db);
	if (state_load_totals(&e->state, &err) < 0)
		core_fault(e, &err);
}
