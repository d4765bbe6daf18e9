#include "agent/engine/engine.h"

#include <string.h>

#include "agent/engine/core.h"
#include "agent/engine/problems.h"
#include "agent/engine/root.h"
#include "agent/engine/rules.h"
#include "agent/engine/verdicts.h"
#include "agent/engine/work.h"
#include "agent/state/manifest.h"
#include "agent/state/outbox.h"
#include "agent/state/state_sql.h"
#include "common/base/hex.h"
#include "common/base/stamp.h"

static bool is_scanning(const struct engine *e)
{
	return e->sweep != NULL || e->sweeps != NULL || !e->swept ||
	    rules_pending(e);
}

static bool is_busy(const struct engine *e, const struct problems_counts *c)
{
	return !work_quiet(e) || e->stage.open || c->outbox > c->held ||
	    e->cloud.relist || e->cloud.reconcile;
}

static const char *state_name(struct engine *e, const struct problems_counts *c)
{
	if (e->root.lost)
		return "root_lost";
	if (e->fault.on)
		return "degraded";
	if (!e->rules.ready && e->rules.why[0] != '\0')
		return "degraded";
	if (e->cloud.stop == CORE_STOP_AUTH)
		return "auth";
	if (e->cloud.stop != CORE_GO)
		return "degraded";
	if (e->paused)
		return "paused";
	if (e->cloud.offline)
		return "offline";
	if (c->held + c->cloud_held > 0)
		return "held";
	if (is_scanning(e))
		return "scanning";
	if (is_busy(e, c))
		return "publishing";
	if (e->cloud.dialect == DIALECT_PLAIN)
		return "unproven"; /* and there is nothing to ask for */
	if (e->cloud.tree_equal < 0)
		return "publishing"; /* no proof yet: it is being asked for */
	return e->cloud.tree_equal == 0 ? "diverged" : "in_sync";
}

static json_t *tree_doc(const struct vs_tree *t)
{
	char hex[2 * sizeof(t->sum) + 1];

	vs_hex_encode(hex, t->sum, sizeof(t->sum));
	return json_pack("{s:I, s:I, s:s}", "count", (json_int_t)t->count,
	    "bytes", (json_int_t)t->bytes, "checksum", hex);
}

static json_t *stamp(int64_t ms)
{
	char out[VS_STAMP_SIZE];

	return ms > 0 ? json_string(vs_stamp_format(ms, out)) : json_null();
}

static void set_int(json_t *doc, const char *key, int64_t value)
{
	json_object_set_new(doc, key, json_integer(value));
}

static void add_disk(struct engine *e, json_t *doc)
{
	struct disk *d = e->world.disk;
	int64_t folders = e->state.dirs + 1;
	int64_t watched = d->watched != NULL ? d->watched(d) : 0;
	struct disk_watching how = { .name = NULL };

	if (d->watching != NULL)
		d->watching(d, &how);
	set_int(doc, "files", e->state.entries - e->state.dirs);
	set_int(doc, "directories", e->state.dirs);
	set_int(doc, "bytes", e->state.bytes);
	set_int(doc, "dirs_watched", watched < folders ? watched : folders);
	json_object_set_new(
	    doc, "watcher", json_string(how.name != NULL ? how.name : ""));
	json_object_set_new(doc, "coverage",
	    json_real(
		watched >= folders ? 1.0 : (double)watched / (double)folders));
	set_int(doc, "overflows", e->overflows);
	set_int(doc, "settling", (int64_t)settle_active(e->settle));
	set_int(doc, "hashing", work_jobs(e));
	set_int(doc, "recording", (int64_t)settle_recording(e->settle));
	json_object_set_new(doc, "scanning", json_boolean(is_scanning(e)));
	json_object_set_new(doc, "last_scan_at", stamp(e->last_scan_ms));
}

static void add_cloud(
    struct engine *e, json_t *doc, const struct problems_counts *c)
{
	int64_t lag = (e->now.wall_ms - e->cloud.last_ack_ms) / 1000;

	set_int(doc, "outbox", c->outbox);
	json_object_set_new(
	    doc, "in_flight", json_boolean(e->cloud.request == CORE_BATCH));
	set_int(doc, "held", c->held + c->cloud_held);
	json_object_set_new(doc, "last_ack_at", stamp(e->cloud.last_ack_ms));
	set_int(doc, "last_seq", e->cloud.last_seq);
	json_object_set_new(doc, "log_id", json_string(e->cloud.log_id));
	set_int(doc, "lag_seconds",
	    c->outbox > 0 && lag > 0 && e->cloud.last_ack_ms > 0 ? lag : 0);
	json_object_set_new(doc, "tree", tree_doc(&e->state.tree));
	json_object_set_new(doc, "cloud_tree",
	    e->cloud.tree_equal < 0 ? json_null() : tree_doc(&e->cloud.tree));
	json_object_set_new(doc, "tree_equal",
	    e->cloud.tree_equal < 0 ? json_null()
				    : json_boolean(e->cloud.tree_equal));
}

json_t *engine_status(struct engine *e, struct vs_now now)
{
	struct problems_counts c = { .refused = json_array(),
		.copies = json_array() };
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = json_object();
	const char *state;

	e->now = now;
	if (!e->fault.on && !e->root.lost)
		root_check(e);
	if (!e->fault.on && problems_count(e, &c, &err) < 0)
		core_fault(e, &err);
	state = state_name(e, &c);
	json_object_set_new(doc, "state", json_string(state));
	json_object_set_new(
	    doc, "in_sync", json_boolean(strcmp(state, "in_sync") == 0));
	json_object_set_new(doc, "problems", problems_list(e, &c));
	add_disk(e, doc);
	add_cloud(e, doc, &c);
	json_object_set_new(doc, "refused", c.refused);
	json_object_set_new(doc, "conflicts",
	    json_pack("{s:I, s:o}", "count", (json_int_t)c.conflicts, "first",
		c.copies));
	return doc;
}

/* Held paths being collected. */
static int add_held(void *arg, const char *path, enum vs_kind kind)
{
	return json_array_append_new(arg,
		   json_pack("{s:s, s:s}", "path", path, "kind",
		       vs_kind_name(kind))) == 0
	    ? 0
	    : VS_ENOMEM;
}

static int cloud_held(
    struct engine *e, json_t *list, int limit, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(e->state.db, SQL_HOLD_LIST, err);
	int rc;

	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "i", (int64_t)limit);
	while (rc >= 0 && (rc = vs_db_step(e->state.db, st, err)) == 1) {
		rc = add_held(list, (const char *)sqlite3_column_text(st, 0),
		    (enum vs_kind)sqlite3_column_int(st, 1));
		if (rc < 0)
			sqlite3_reset(st);
	}
	return rc;
}

json_t *engine_held(struct engine *e, int limit)
{
	struct vs_err err = VS_ERR_INIT;
	int64_t all = 0, here = 0, cloud = 0;
	json_t *list = json_array();
	int left = limit;
	int rc = e->fault.on ? e->fault.code : 0;

	if (rc == 0)
		rc = outbox_count(&e->state, &all, &here, &err);
	if (rc == 0)
		rc = verdicts_count(e, &cloud, &err);
	if (rc == 0)
		rc = outbox_each_held(&e->state, limit, add_held, list, &err);
	left -= (int)json_array_size(list);
	if (rc == 0 && left > 0)
		rc = cloud_held(e, list, left, &err);
	if (rc < 0 && !e->fault.on)
		core_fault(e, &err);
	return json_pack("{s:I, s:b, s:o}", "count", (json_int_t)(here + cloud),
	    "more", here + cloud > (int64_t)json_array_size(list), "held",
	    list);
}

struct export
{
	int (*each)(void *arg, const struct vs_change *row);
	void *arg;
};

static int export_row(
    void *arg, const char *path, const struct manifest_row *row)
{
	const struct export *x = arg;
	char hex[VS_HASH_HEX + 1];
	struct vs_change c = {
		.path = path,
		.op = VS_OP_CREATE,
		.kind = row->stat.kind,
		.size = row->stat.size,
		.mtime_us = row->stat.mtime_ns / 1000,
		.has_mtime = row->stat.kind != VS_KIND_DIR,
		.mode = row->stat.mode,
		.base_version = -1,
	};

	if (row->has_hash) {
		vs_hex_encode(hex, row->hash, VS_SHA256_SIZE);
		c.hash = hex;
	}
	if (row->target[0] != '\0')
		c.link_target = row->target;
	return x->each(x->arg, &c);
}

int engine_each(struct engine *e,
    int (*each)(void *arg, const struct vs_change *row), void *arg,
    struct vs_err *err)
{
	struct export x = { .each = each, .arg = arg };
	struct vs_err own = VS_ERR_INIT;
	int rc;

	err = err != NULL ? err : &own;
	if (e->fault.on)
		return vs_err_set(err, e->fault.code, "%s", e->fault.why);
	rc = manifest_each(&e->state, export_row, &x, err);
	if (rc == VS_ECORRUPT)
		core_fault(e, err);
	return rc;
}
