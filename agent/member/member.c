#include "agent/member/member.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/active.h"
#include "agent/member/fetch.h"
#include "agent/member/follow.h"
#include "agent/member/member_core.h"
#include "agent/member/mirror_sql.h"
#include "agent/member/plan.h"

void member_core_tell(struct member *m, const char *state)
{
	struct member_event e = { .news = MEMBER_STATE, .text = state };

	m->world.tell(m->world.arg, &e);
}

uint64_t member_core_send(struct member *m, const char *method,
    const char *path, const char *body, size_t max_body)
{
	struct engine_send s = {
		.id = ++m->serial,
		.method = method,
		.path = path,
		.body = body,
		.len = body != NULL ? strlen(body) : 0,
		.max_body = max_body,
	};

	m->world.send(m->world.arg, &s);
	return s.id;
}

int member_core_commit(struct member *m, struct vs_err *err)
{
	int rc = 0;

	/* a write whose failure nobody minds may have taken it all back */
	if (!vs_db_in_transaction(m->mirror.db))
		return vs_err_set(err, VS_EIO,
		    "the database took back what was to be written");
	if (m->mirror.dirty)
		rc = mirror_save(&m->mirror, err);
	if (rc == 0)
		return vs_db_commit(m->mirror.db, err);
	vs_db_rollback(m->mirror.db);
	return rc;
}

/* Answers that a sound database with our schema never gives. */
static bool is_odd(int code)
{
	return code == VS_ECORRUPT || code == VS_EBUG;
}

void member_core_fault(struct member *m, const struct vs_err *err)
{
	if (m->fault)
		return;
	m->fault = true;
	/* what was called back may only have run out of memory, and no err */
	m->fault_code = err->code < 0 ? err->code : VS_ENOMEM;
	m->odd += is_odd(err->code);
	snprintf(m->fault_why, sizeof(m->fault_why), "%s", err->msg);
	m->reopen_ms = m->now.mono_ms +
	    vs_backoff_next(&m->fault_backoff, m->world.rand, -1);
	follow_drop(m);
	active_drop(m);
	mirror_close(&m->mirror);
	member_core_tell(m, "degraded");
}

#define CANCELS 100000 /* pulls that one call cancels */

/*
 * Opens the database; one that is damaged is put aside and made anew, once
 * in the life of this engine if nothing but its answers says so.
 */
static int open_mirror(struct member *m, struct vs_err *err)
{
	char aside[VS_PATH_MAX + 1];
	char text[sizeof(aside) + 100];
	int rc = mirror_open(&m->mirror, m->db_path, m->vfs, err);

	if (rc == 0 && m->odd > 0) {
		rc = m->odd == 2 ? VS_ECORRUPT : mirror_check(&m->mirror, err);
		if (rc < 0)
			mirror_close(&m->mirror);
	}
	if (!is_odd(rc) || m->world.set_aside == NULL)
		return rc;
	vs_err_clear(err);
	rc = m->world.set_aside(
	    m->world.arg, m->db_path, aside, sizeof(aside), err);
	if (rc == 0)
		rc = mirror_make_anew(
		    &m->mirror, m->db_path, m->vfs, aside, err);
	if (rc < 0)
		return rc;
	snprintf(text, sizeof(text),
	    "the state database was damaged: it is kept as %s, and made anew "
	    "from the cloud's list",
	    aside);
	member_core_tell(m, text);
	return 0;
}

/* Opens the database; what waits in it goes on. */
static int load_once(struct member *m, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = open_mirror(m, err);

	if (rc < 0)
		return rc;
	m->paused = false;
	st = vs_db_stmt(m->mirror.db, MSQL_META_GET, err);
	rc = st == NULL ? err->code : vs_db_bind(st, err, "t", "paused");
	if (rc == 0)
		rc = vs_db_step(m->mirror.db, st, err);
	if (rc == 1) {
		m->paused = sqlite3_column_int(st, 0) != 0;
		sqlite3_reset(st);
	}
	if (rc >= 0)
		rc = pulls_forget(
		    &m->mirror, m->now.wall_ms - MEMBER_KEEP_MS, err);
	if (rc < 0) {
		mirror_close(&m->mirror);
		return rc;
	}
	m->follow.tree_equal = -1;
	m->follow.gap_seq = -1;
	m->follow.relist = m->mirror.log_id[0] == '\0';
	m->look_for_pulls = true;
	m->sweep = true;
	m->root_ms = m->now.mono_ms;
	return 0;
}

/* One that opens and cannot be read is looked through before it is doubted. */
static int load(struct member *m, struct vs_err *err)
{
	int rc = load_once(m, err);

	if (!is_odd(rc) || m->odd > 0)
		return rc;
	m->odd = 1;
	vs_err_clear(err);
	return load_once(m, err);
}

static struct member *make(
    const struct member_world *world, const struct member_options *o)
{
	struct member *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->world = *world;
	m->db_path = strdup(o->db_path);
	m->vfs = o->vfs != NULL ? strdup(o->vfs) : NULL;
	snprintf(m->project_id, sizeof(m->project_id), "%s", o->project_id);
	snprintf(m->device_id, sizeof(m->device_id), "%s", o->device_id);
	m->files_max = o->files < 1       ? 1
	    : o->files > MEMBER_FILES_MAX ? MEMBER_FILES_MAX
					  : o->files;
	m->chunks_max = o->chunks < 1       ? 1
	    : o->chunks > MEMBER_CHUNKS_MAX ? MEMBER_CHUNKS_MAX
					    : o->chunks;
	if (m->db_path == NULL || (o->vfs != NULL && m->vfs == NULL)) {
		member_close(m);
		return NULL;
	}
	return m;
}

int member_open(struct member **out, const struct member_world *world,
    const struct member_options *o, struct vs_now now, struct vs_err *err)
{
	struct member *m = make(world, o);
	int rc;

	*out = NULL;
	if (m == NULL)
		return vs_err_set(err, VS_ENOMEM, "member: out of memory");
	m->now = now;
	rc = load(m, err);
	if (rc < 0) {
		member_close(m);
		return rc;
	}
	*out = m;
	return 0;
}

void member_close(struct member *m)
{
	if (m == NULL)
		return;
	active_drop(m);
	mirror_close(&m->mirror);
	free(m->db_path);
	free(m->vfs);
	free(m);
}

static void reopen(struct member *m)
{
	struct vs_err err = VS_ERR_INIT;

	m->fault = false;
	if (load(m, &err) < 0) {
		member_core_fault(m, &err);
		return;
	}
	vs_backoff_reset(&m->fault_backoff);
	member_core_tell(m, "reopened");
}

/* A part of no pull that goes on: it came back with the power, say. */
static int sweep_part(void *arg, const char *name)
{
	struct member *m = arg;
	struct vs_err err = VS_ERR_INIT;
	struct target *t = m->world.target;
	struct pull *p = NULL;
	int rc = pulls_get(&m->mirror, name, &p, &err);

	if (rc == 0 || (rc == 1 && (p->state >= PULL_DONE || p->out[0] != 0)))
		t->part_drop(t, name);
	pulls_free(p);
	return rc < 0 ? rc : 0;
}

static void sweep_parts(struct member *m)
{
	struct vs_err err = VS_ERR_INIT;
	struct target *t = m->world.target;

	m->sweep = t->parts != NULL && t->parts(t, sweep_part, m, &err) < 0;
}

/* Whether the folder is there; pulls wait while it is not. */
static void look_at_root(struct member *m)
{
	struct vs_err err = VS_ERR_INIT;
	bool was = m->root_lost;

	if (m->root_ms > m->now.mono_ms)
		return;
	m->root_lost = m->world.target->check(m->world.target, &err) < 0;
	snprintf(m->root_why, sizeof(m->root_why), "%s", err.msg);
	m->root_ms = m->now.mono_ms + MEMBER_ROOT_MS;
	if (was != m->root_lost)
		member_core_tell(m, was ? "root_back" : "root_lost");
	/* while it was away nothing could be dropped */
	m->sweep = m->sweep || was;
	if (m->sweep && !m->root_lost)
		sweep_parts(m);
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t member_step(struct member *m, struct vs_now now)
{
	int64_t due;

	m->now = now;
	if (m->fault && now.mono_ms >= m->reopen_ms)
		reopen(m);
	if (m->fault)
		return m->reopen_ms;
	look_at_root(m);
	due = least(m->root_ms, follow_step(m));
	if (!m->fault && !m->root_lost)
		due = least(due, fetch_step(m));
	if (m->fault)
		return m->reopen_ms;
	return due > now.mono_ms ? due : now.mono_ms + 1;
}

void member_stream_up(struct member *m, struct vs_now now)
{
	m->now = now;
	if (!m->fault && m->follow.opening)
		follow_up(m);
}

void member_stream_text(
    struct member *m, const char *text, size_t len, struct vs_now now)
{
	m->now = now;
	if (!m->fault && m->follow.up)
		follow_text(m, text, len);
}

void member_stream_down(
    struct member *m, int code, const char *why, struct vs_now now)
{
	m->now = now;
	if (!m->fault && m->follow.opening)
		follow_down(m, code, why);
}

void member_answered(struct member *m, uint64_t id,
    const struct engine_answer *a, struct vs_now now)
{
	m->now = now;
	if (!m->fault && !follow_answered(m, id, a))
		fetch_answered(m, id, a);
}

void member_fetched(
    struct member *m, uint64_t id, int code, const char *why, struct vs_now now)
{
	m->now = now;
	fetch_chunk_done(m, id, code, why); /* strays land at any time */
}

void member_hashed(struct member *m, uint64_t id, int code,
    const uint8_t sha256[VS_SHA256_SIZE], struct vs_now now)
{
	m->now = now;
	if (!m->fault)
		fetch_hash_done(m, id, code, sha256);
}

/* Calls of the control socket have an error even if nobody asks for it. */
static int ready(struct member *m, struct vs_err *err)
{
	if (m->fault)
		return vs_err_set(err, m->fault_code, "%s", m->fault_why);
	return 0;
}

json_t *member_pull(struct member *m, const char *const *paths, size_t n,
    const struct member_want *want, struct vs_now now, struct vs_err *err)
{
	struct vs_err own = VS_ERR_INIT;
	json_t *doc;

	err = err != NULL ? err : &own;
	assert(want != NULL && (n == 0 || paths != NULL));
	m->now = now;
	if (ready(m, err) < 0)
		return NULL;
	doc = plan_make(m, paths, n, want, err);
	m->look_for_pulls = true;
	return doc;
}

struct cancel {
	struct member *m;
	struct vs_err *err;
};

static int cancel_one(void *arg, const char *id)
{
	struct cancel *c = arg;

	return active_cancel(c->m, id, c->err);
}

/* What a call of the control socket met is the engine's fault, too. */
static int noted(struct member *m, int rc, const struct vs_err *err)
{
	if (rc < 0)
		member_core_fault(m, err);
	m->look_for_pulls = true;
	return rc;
}

int member_cancel(
    struct member *m, const char *id, struct vs_now now, struct vs_err *err)
{
	struct vs_err own = VS_ERR_INIT;
	struct cancel c = { .m = m };
	struct pull *p = NULL;
	bool over;
	int rc;

	c.err = err = err != NULL ? err : &own;
	m->now = now;
	rc = ready(m, err);
	if (rc < 0)
		return rc;
	if (id == NULL) {
		rc = pulls_live(&m->mirror, CANCELS, cancel_one, &c, err);
		return noted(m, rc, err);
	}
	rc = pulls_get(&m->mirror, id, &p, err);
	if (rc < 0)
		return noted(m, rc, err);
	if (rc == 0)
		return vs_err_set(
		    err, VS_ENOENT, "%s: there is no such transfer", id);
	over = p->state >= PULL_DONE;
	pulls_free(p);
	if (over)
		return vs_err_set(err, VS_ECONFLICT, "%s: it has ended", id);
	return noted(m, active_cancel(m, id, err), err);
}

int member_pause(struct member *m, bool paused, struct vs_err *err)
{
	struct vs_err own = VS_ERR_INIT;
	int rc;

	err = err != NULL ? err : &own;
	rc = ready(m, err);
	if (rc < 0)
		return rc;
	rc = noted(m,
	    vs_db_run(m->mirror.db, MSQL_META_SET, err, "ti", "paused",
		(int64_t)paused),
	    err);
	if (rc < 0)
		return rc;
	m->paused = paused;
	if (paused) {
		follow_drop(m);
		active_drop(m);
	} else {
		m->follow.stop = VS_OK;
		m->follow.retry_ms = 0;
	}
	member_core_tell(m, paused ? "paused" : "resumed");
	return 0;
}

/* Rows of the mirror as changes. */
struct export
{
	int (*each)(void *arg, const struct vs_change *row);
	void *arg;
	char after[VS_PATH_MAX + 1];
	int rows;
};

static int export_row(void *arg, const struct mirror_row *row)
{
	struct export *x = arg;
	struct vs_change c = {
		.path = row->path,
		.op = VS_OP_CREATE,
		.kind = row->kind,
		.size = row->size,
		.mtime_us = row->mtime_us,
		.has_mtime = row->has_mtime,
		.mode = row->mode,
		.hash = row->hash[0] != '\0' ? row->hash : NULL,
		.link_target = row->target[0] != '\0' ? row->target : NULL,
		.base_version = -1,
		.recording = row->recording,
	};

	x->rows++;
	memcpy(x->after, row->path, sizeof(x->after));
	return x->each(x->arg, &c);
}

int member_each(struct member *m,
    int (*each)(void *arg, const struct vs_change *row), void *arg,
    struct vs_err *err)
{
	struct export x = { .each = each, .arg = arg };
	struct vs_err own = VS_ERR_INIT;
	int rc;

	err = err != NULL ? err : &own;
	rc = ready(m, err);
	do {
		x.rows = 0;
		if (rc == 0)
			rc = mirror_each(
			    &m->mirror, "", x.after, 500, export_row, &x, err);
	} while (rc == 0 && x.rows > 0);
	return rc;
}
