#include "agent/engine/relist.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/epoch.h"
#include "agent/engine/plain.h"
#include "agent/engine/publisher.h"
#include "agent/engine/rules.h"
#include "agent/engine/stage.h"
#include "agent/publish/verdict.h"
#include "agent/scan/compare.h"
#include "agent/state/outbox.h"
#include "agent/state/shadow.h"
#include "agent/state/state_sql.h"
#include "common/base/hex.h"
#include "common/proto/listing.h"

#define PAGE_MAX (16 * 1024 * 1024) /* bytes of a page */
#define UNSURE_MS (10 * CORE_TROUBLE_MS) /* until unsure paths are seen again */

/* The durable flag "relist". */
enum { RELIST_DONE, RELIST_WANTED, RELIST_LISTED };

int relist_need(struct engine *e, struct vs_err *err)
{
	e->cloud.relist = true;
	e->cloud.relist_begun = false;
	e->cloud.reconcile = true;
	if (outbox_divorce(&e->state, err) < 0)
		return err->code;
	return state_set_int(&e->state, "relist", RELIST_WANTED, err);
}

int relist_since(struct engine *e, int64_t since, struct vs_err *err)
{
	int rc = relist_need(e, err);

	e->cloud.relist_begun = true;
	e->cloud.replayed = since;
	return rc;
}

int relist_begin(struct engine *e, struct vs_err *err)
{
	int rc = vs_db_begin(e->state.db, err);

	if (rc == 0)
		rc = shadow_forget(&e->state, err);
	if (rc == 0)
		rc = state_save_totals(&e->state, err);
	if (rc == 0)
		rc = vs_db_commit(e->state.db, err);
	if (rc < 0)
		return rc;
	e->cloud.relist_begun = true;
	e->cloud.cursor[0] = '\0';
	return 0;
}

/* Percent-encodes all but unreserved characters (RFC 3986, 2.3). */
static void encode(char *out, size_t cap, const char *in)
{
	size_t n = 0;

	for (; *in != '\0' && n + 4 < cap; in++) {
		unsigned char c = (unsigned char)*in;

		if (strchr("-._~", c) != NULL || (c >= '0' && c <= '9') ||
		    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
			out[n++] = (char)c;
		else
			n += (size_t)snprintf(out + n, cap - n, "%%%02X", c);
	}
	out[n] = '\0';
}

void relist_step(struct engine *e)
{
	char cursor[3 * sizeof(e->cloud.cursor)];
	char path[1024];
	struct vs_err err = VS_ERR_INIT;
	struct engine_send s = {
		.method = "GET",
		.path = path,
		.max_body = PAGE_MAX,
	};

	if (!e->cloud.relist_begun && relist_begin(e, &err) < 0) {
		core_fault(e, &err);
		return;
	}
	encode(cursor, sizeof(cursor), e->cloud.cursor);
	snprintf(path, sizeof(path), "/api/projects/%s/files?limit=%d%s%s",
	    e->project_id, VS_PAGE_LIMIT, cursor[0] != '\0' ? "&cursor=" : "",
	    cursor);
	publisher_ask(e, CORE_PAGE, &s);
}

int relist_listed(struct engine *e, struct vs_err *err)
{
	int rc = outbox_refine(&e->state, err);

	return rc < 0 ? rc
		      : state_set_int(&e->state, "relist", RELIST_LISTED, err);
}

void relist_end(struct engine *e)
{
	e->cloud.relist = false;
	e->cloud.relist_begun = false;
	if (e->swept)
		relist_reconcile(e);
}

/* What the cloud has already need not be sent. */
static int spare(struct engine *e, const char *path, struct vs_err *err)
{
	struct manifest_row row;
	int rc = manifest_get(&e->state, path, &row, err);

	if (rc == 1 && row.synced)
		return outbox_drop(&e->state, path, err);
	return rc < 0 ? rc : 0;
}

static int learn(
    struct engine *e, const struct vs_listing_page *p, struct vs_err *err)
{
	struct vs_listing_row row;
	json_t *obj;
	size_t i;
	int rc = stage_begin(e, err);

	json_array_foreach(p->files, i, obj)
	{
		if (rc == 0)
			rc = vs_listing_row_read(obj, &row, err);
		if (rc == 0)
			rc = shadow_learn(&e->state, &row.c, err);
		if (rc == 0)
			rc = spare(e, row.c.path, err);
	}
	if (rc == 0 && p->log_id[0] != '\0')
		rc = plain_set(e, DIALECT_OWN, err);
	if (rc == 0 && !p->more)
		rc = relist_listed(e, err);
	return rc < 0 ? rc : stage_commit(e, err);
}

static void advance(struct engine *e, const struct vs_listing_page *p)
{
	publisher_reached(e);
	snprintf(e->cloud.cursor, sizeof(e->cloud.cursor), "%s", p->cursor);
	if (!p->more)
		relist_end(e);
}

/* No listing of ours: is it a server that has none? */
static void no_listing(
    struct engine *e, const struct engine_answer *a, const char *why)
{
	if (e->cloud.dialect == DIALECT_UNKNOWN && a->code >= 0)
		e->cloud.probe = true;
	else
		publisher_back_off(e, a->retry_after_ms, why);
}

void relist_answered(struct engine *e, const struct engine_answer *a)
{
	struct vs_err why = VS_ERR_INIT;
	struct vs_err err = VS_ERR_INIT;
	struct vs_listing_page p;
	int rc;

	assert(!e->stage.open);
	if (verdict_of(a->code, a->status, a->type, a->body, a->len) !=
	    VERDICT_READ) {
		no_listing(
		    e, a, a->code < 0 ? a->why : "the server sent no listing");
		return;
	}
	if (!e->cloud.relist_begun)
		return; /* wanted anew meanwhile */
	if (vs_listing_page_read(&p, a->body, a->len, &why) < 0) {
		no_listing(e, a, why.msg);
	} else if (p.log_id[0] == '\0' && e->cloud.dialect == DIALECT_UNKNOWN) {
		no_listing(e, a, "the listing names no log");
	} else {
		rc = learn(e, &p, &err);
		if (rc == 0)
			advance(e, &p);
		else if (rc != VS_EROOT)
			core_fault(e, &err);
	}
	vs_listing_page_release(&p);
}

/* Reconciling under way. */
struct reconcile {
	struct engine *e;
	struct vs_err *err;
	bool unsure; /* something the cloud has may be on the disk */
	bool unread; /* something of an older state could not be looked at */
};

/* Whether the disk has path at this moment, or may have it for all we know. */
static bool may_be_there(struct engine *e, const char *path)
{
	struct disk_stat st;

	switch (e->world.disk->look(e->world.disk, path, &st, NULL)) {
	case VS_OK:
		return !st.odd &&
		    rules_judge(e, path, st.kind == VS_KIND_DIR).kind ==
		    IGNORE_SHOWN;
	case VS_ENOENT:
	case VS_ENOTDIR:
	case VS_ELOOP:
		return false;
	default:
		return true;
	}
}

/* Whether the disk has at path what row says. */
static bool is_there(
    struct engine *e, const char *path, const struct manifest_row *row)
{
	struct disk_stat st;

	return e->world.disk->look(e->world.disk, path, &st, NULL) == VS_OK &&
	    compare_stat(&st, &row->stat) == COMPARE_SAME;
}

static int hold_has(struct reconcile *r, const char *path)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(r->e->state.db, SQL_HOLD_HAS, &st, r->err, "t", path);
	if (rc == 1)
		sqlite3_reset(st);
	return rc;
}

/*
 * An older state has op pending for path.  If the scan could not see whether
 * it is so, a deletion is not sent: what comes of it, a scan that can decides.
 */
static int distrust(struct reconcile *r, const char *path, int op)
{
	struct core_cloud *c = &r->e->cloud;

	if (op != VS_OP_DELETE || !c->wary || !c->reconcile ||
	    !may_be_there(r->e, path))
		return 0;
	r->unread = true;
	return outbox_drop(&r->e->state, path, r->err);
}

/* The cloud has path; if the disk does not, it must hear of it. */
static int too_much(void *arg, const char *path, enum vs_kind kind)
{
	struct reconcile *r = arg;
	struct vs_change c = {
		.path = path,
		.op = VS_OP_DELETE,
		.kind = kind,
		.mode = -1,
		.base_version = -1,
	};
	struct manifest_row row;
	int op;
	int rc = manifest_get(&r->e->state, path, &row, r->err);

	if (rc == 0)
		rc = hold_has(r, path);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	/* one that is on its way, as of a folder renamed, is not said again */
	rc = outbox_waiting(&r->e->state, path, &op, r->err);
	if (rc == 0 && op != VS_OP_DELETE)
		rc = outbox_pending(&r->e->state, path, &op, r->err);
	if (rc < 0)
		return rc;
	if (op >= 0)
		return distrust(r, path, op);
	/* the manifest may lack it for want of a chance to read it: after a
	   loss of the state somebody may be writing the file, or its folder
	   be closed to us */
	if (may_be_there(r->e, path)) {
		r->unsure = true;
		return 0;
	}
	r->e->stage.deletes++;
	r->e->stage.changes++;
	return outbox_put(
	    &r->e->state, &c, false, r->e->now.wall_ms, &op, r->err);
}

/*
 * Whether what waits for the path of row tells the cloud of it.  A deletion is
 * of what was there before; a folder or a link may turn out to be in the place
 * of a plain server's file.
 */
static bool is_said(
    const struct engine *e, const struct manifest_row *row, int op)
{
	bool ousts = e->state.files_only && row->stat.kind != VS_KIND_FILE;

	return op >= 0 && op != VS_OP_DELETE && !ousts;
}

/* The disk has path; if the cloud has not exactly it, it must hear of it. */
static int too_little(
    void *arg, const char *path, const struct manifest_row *row)
{
	struct reconcile *r = arg;
	const struct settle_item *item;
	char hex[VS_HASH_HEX + 1];
	struct vs_change c = {
		.path = path,
		.op = VS_OP_UPDATE,
		.kind = row->stat.kind,
		.size = row->stat.size,
		.mtime_us = row->stat.mtime_ns / 1000,
		.has_mtime = row->stat.kind != VS_KIND_DIR,
		.mode = row->stat.mode,
		.base_version = -1,
	};
	int op;
	int rc;

	if (row->synced)
		return 0;
	/* an older state says so; the scan may not have got there.  What is
	   pending later on is of a scan that did. */
	if (r->e->cloud.wary && !is_there(r->e, path, row)) {
		r->unread = true;
		return r->e->cloud.reconcile
		    ? outbox_drop(&r->e->state, path, r->err)
		    : 0;
	}
	rc = outbox_waiting(&r->e->state, path, &op, r->err);
	if (rc < 0 || is_said(r->e, row, op))
		return rc;
	if (row->has_hash) {
		vs_hex_encode(hex, row->hash, VS_SHA256_SIZE);
		c.hash = hex;
	}
	if (row->target[0] != '\0')
		c.link_target = row->target;
	item = settle_find(r->e->settle, path);
	c.recording = c.kind == VS_KIND_FILE && item != NULL &&
	    (item->flags & SETTLE_RECORDING) != 0;
	r->e->stage.changes++;
	return outbox_put(
	    &r->e->state, &c, false, r->e->now.wall_ms, &op, r->err);
}

/* What the cloud refused once is offered again. */
static int offer_again(struct engine *e, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(e->state.db, SQL_TROUBLE_CLOUD, &st, err, "");
	if (rc == 1)
		sqlite3_reset(st);
	e->cloud.reconcile |= rc == 1;
	return rc < 0 ? rc : 0;
}

/* All was told: what a start would have to do again. */
static int reconciled(struct engine *e, struct vs_err *err)
{
	int rc = state_set_int(&e->state, "relist", RELIST_DONE, err);

	return rc < 0 ? rc : epoch_settled(e, err);
}

static int reconcile(struct reconcile *r, struct vs_err *err)
{
	struct engine *e = r->e;
	bool all = e->cloud.reconcile || e->cloud.unread;
	int rc = stage_begin(e, err);

	if (rc == 0)
		rc = offer_again(e, err);
	if (rc == 0)
		rc = shadow_each(&e->state, too_much, r, err);
	all |= e->cloud.reconcile;
	if (rc == 0 && all)
		rc = manifest_each(&e->state, too_little, r, err);
	if (rc == 0 && all && !r->unread)
		rc = reconciled(e, err);
	return rc < 0 ? rc : stage_commit(e, err);
}

void relist_reconcile(struct engine *e)
{
	struct core_cloud *c = &e->cloud;
	struct vs_err err = VS_ERR_INIT;
	struct reconcile r = { .e = e, .err = &err };
	int rc;

	if (c->relist)
		return; /* the end of the listing comes back to it */
	rc = reconcile(&r, &err);
	if (rc < 0) {
		if (rc != VS_EROOT)
			core_fault(e, &err);
		return;
	}
	c->reconcile = false;
	c->unread = r.unread;
	c->wary &= r.unread;
	c->unsure = r.unsure || r.unread;
	if (c->unsure && e->next_scan_ms > e->now.mono_ms + UNSURE_MS)
		e->next_scan_ms = e->now.mono_ms + UNSURE_MS;
}
