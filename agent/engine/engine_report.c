#include "agent/engine/engine.h"

#include <stdio.h>
#include <string.h>

#include "agent/engine/core.h"
#include "agent/engine/rescue.h"
#include "agent/engine/root.h"
#include "agent/engine/rules.h"
#include "agent/engine/work.h"
#include "agent/state/manifest.h"
#include "agent/state/outbox.h"
#include "agent/state/shadow.h"
#include "agent/state/state_sql.h"
#include "agent/watch/limit.h"
#include "common/base/hex.h"
#include "common/base/path.h"
#include "common/base/stamp.h"

#define TROUBLES_SHOWN 20
#define CONFLICTS_SHOWN 20

/* What the outbox and the notes say, read once for a report. */
struct counts {
	int64_t outbox;
	int64_t held;
	int64_t cloud_held;
	int64_t troubles;
	json_t *refused; /* the first of them */
	int64_t conflicts;
	json_t *copies; /* the first of them */
};

/* A problem, worst first by the order of the calls. */
static void problem(json_t *list, const char *code, const char *severity,
    const char *message, const char *hint)
{
	json_array_append_new(list,
	    json_pack("{s:s, s:s, s:s, s:s}", "code", code, "severity",
		severity, "message", message, "hint", hint));
}

static int get_count(
    struct engine *e, int sql, int64_t *out, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(e->state.db, sql, &st, err, "");
	if (rc < 0)
		return rc;
	*out = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return 0;
}

/* Bytes of any kind as text: what is not printable UTF-8 as \xNN. */
static json_t *any_text(const char *bytes, size_t len)
{
	char out[4 * (2 * VS_PATH_MAX) + 1];
	size_t n = 0;

	if (vs_path_utf8(bytes, len))
		return json_stringn(bytes, len);
	for (size_t i = 0; i < len && n + 5 < sizeof(out); i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c >= 0x20 && c < 0x7f && c != '\\') {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		vs_hex_encode(out + n, &c, 1);
		n += 2;
	}
	return json_stringn(out, n);
}

static int list_troubles(struct engine *e, json_t *list, struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(e->state.db, SQL_TROUBLE_LIST, err);
	int rc;

	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "i", (int64_t)TROUBLES_SHOWN);
	while (rc >= 0 && (rc = vs_db_step(e->state.db, st, err)) == 1)
		json_array_append_new(list,
		    json_pack("{s:o, s:s, s:b}", "path",
			any_text(sqlite3_column_blob(st, 0),
			    (size_t)sqlite3_column_bytes(st, 0)),
			"reason", sqlite3_column_text(st, 1), "cloud",
			sqlite3_column_int(st, 2) != 0));
	return rc;
}

static int add_copy(void *arg, const char *path)
{
	json_array_append_new(arg, json_string(path));
	return 0;
}

static int read_counts(struct engine *e, struct counts *c, struct vs_err *err)
{
	int rc = outbox_count(&e->state, &c->outbox, &c->held, err);

	if (rc == 0)
		rc = get_count(e, SQL_HOLD_COUNT, &c->cloud_held, err);
	if (rc == 0)
		rc = get_count(e, SQL_TROUBLE_COUNT, &c->troubles, err);
	if (rc == 0)
		rc = list_troubles(e, c->refused, err);
	if (rc == 0)
		rc = get_count(e, SQL_CONFLICT_COUNT, &c->conflicts, err);
	if (rc == 0 && c->conflicts > 0)
		rc = manifest_conflicts(
		    &e->state, CONFLICTS_SHOWN, add_copy, c->copies, err);
	return rc;
}

static void report_root(struct engine *e, json_t *list)
{
	static const char *const hints[] = {
		[CORE_ROOT_GOOD] = "",
		[CORE_ROOT_ABSENT] = "mount the disk or put the folder back: "
				     "vsync goes on by itself",
		[CORE_ROOT_UNMARKED] =
		    "mount the disk or put the folder back: vsync goes on by "
		    "itself; if this is the project's folder, put back without "
		    "its .vsync: vsync adopt --new-marker",
		[CORE_ROOT_FOREIGN] = "put the project's own folder back: "
				      "vsync goes on by itself",
		[CORE_ROOT_REPLACED] =
		    "if it was replaced on purpose, as by a restored backup: "
		    "vsync adopt; else put the folder back",
		[CORE_ROOT_MOUNTED] =
		    "if it was replaced on purpose, as by another disk: "
		    "vsync adopt; else put the folder back",
	};
	char text[VS_ERR_MSG + 160];

	if (!e->root.lost)
		return;
	snprintf(text, sizeof(text),
	    "the folder is not there as it was: %s; nothing is deleted and "
	    "nothing is sent",
	    e->root.why);
	problem(list, "root_lost", "error", text, hints[e->root.flaw]);
}

static void report_rules(struct engine *e, json_t *list)
{
	char text[VS_ERR_MSG + 80];

	if (e->rules.why[0] == '\0')
		return;
	snprintf(text, sizeof(text), "the ignore rules cannot be used: %s; %s",
	    e->rules.why,
	    e->rules.ready ? "those of before still hold"
			   : "nothing is scanned and nothing is sent");
	problem(list, "ignore_rules", "error", text,
	    "mend that file: vsync reads it again by itself");
}

static void report_cloud(struct engine *e, json_t *list)
{
	static const char *const codes[] = {
		[CORE_STOP_AUTH] = "auth",
		[CORE_STOP_FORBIDDEN] = "forbidden",
		[CORE_STOP_GONE] = "project_gone",
		[CORE_STOP_STALE] = "duplicate_agent",
		[CORE_STOP_NOT_PUBLISHER] = "not_publisher",
	};
	static const char *const hints[] = {
		[CORE_STOP_AUTH] = "vsync login URL, then vsync resume",
		[CORE_STOP_FORBIDDEN] = "ask the project's owner",
		[CORE_STOP_GONE] = "check the server's address, then "
				   "vsync resume",
		[CORE_STOP_STALE] =
		    "stop the other agent, then vsync resume here; for a "
		    "second machine, give it a state of its own: vsync login "
		    "and vsync init --project there",
		[CORE_STOP_NOT_PUBLISHER] =
		    "to publish from this machine instead: "
		    "vsync adopt --take-over",
	};

	if (e->cloud.stop != CORE_GO)
		problem(list, codes[e->cloud.stop], "error", e->cloud.why,
		    hints[e->cloud.stop]);
	else if (e->cloud.offline)
		problem(list, "offline", "error", e->cloud.why,
		    "nothing is lost: vsync tries again by itself");
}

static void report_held(const struct counts *c, json_t *list)
{
	char text[160];

	if (c->held + c->cloud_held == 0)
		return;
	snprintf(text, sizeof(text),
	    "%lld deletions wait for your decision: more went at once than "
	    "vsync lets go by itself",
	    (long long)(c->held + c->cloud_held));
	problem(list, "held", "error", text,
	    "vsync held, then vsync held approve or vsync held reject");
}

/* The command that raises the setting so that needed more find room. */
static const char *raise_hint(const struct disk_watching *w, enum limit_of what,
    int64_t needed, char out[160])
{
	if (w->setting == NULL)
		return "ask whoever runs this system to allow more";
	snprintf(out, 160, "sudo sysctl -w %s=%lld", w->setting,
	    (long long)limit_enough(what, w->allowed, needed));
	return out;
}

/* Some folders are watched, the rest is scanned. */
static void report_watches(
    struct engine *e, const struct disk_watching *w, json_t *list)
{
	struct disk *d = e->world.disk;
	int64_t folders = e->state.dirs + 1;
	char text[240], hint[160];

	snprintf(text, sizeof(text),
	    "the system's limit of watches is reached (%s, %lld allowed): "
	    "%lld folders need watching, %lld are watched; the rest is "
	    "scanned every minute or less often",
	    w->setting != NULL ? w->setting : "no setting known",
	    (long long)w->allowed, (long long)folders,
	    d->watched != NULL ? (long long)d->watched(d) : 0);
	problem(list, "watch_limit", "warning", text,
	    raise_hint(w, LIMIT_WATCHES, folders, hint));
}

/* No watcher is to be had at all. */
static void report_instances(
    struct engine *e, const struct disk_watching *w, json_t *list)
{
	char text[400], hint[160];

	snprintf(text, sizeof(text),
	    "the system allows no more watchers (%s; %s, %lld allowed): 1 more "
	    "is needed, for %lld folders; until then only scans find changes",
	    w->what, w->setting != NULL ? w->setting : "no setting known",
	    (long long)w->allowed, (long long)e->state.dirs + 1);
	problem(list, "instance_limit", "warning", text,
	    raise_hint(w, LIMIT_INSTANCES, 1, hint));
}

static void report_watch(struct engine *e, json_t *list)
{
	struct disk *d = e->world.disk;
	struct disk_watching w = { .deaf = DISK_HEARS };
	char text[300];

	if (d->watching != NULL)
		d->watching(d, &w);
	switch (w.deaf) {
	case DISK_HEARS:
		if (e->watch_limit)
			report_watches(e, &w, list);
		break;
	case DISK_DEAF_LIMIT:
		report_instances(e, &w, list);
		break;
	case DISK_DEAF_CHOSEN:
		problem(list, "polled", "info",
		    "the folder is not watched but scanned in intervals, as "
		    "the configuration says",
		    "watch = auto in the configuration, where events will do");
		break;
	case DISK_DEAF_REMOTE:
		snprintf(text, sizeof(text),
		    "the folder lies on a file system that others change "
		    "without an event here (%s): it is scanned in intervals",
		    w.what);
		problem(list, "polled", "warning", text,
		    "watch = poll for this project in the configuration, to "
		    "have it so without a warning");
		break;
	case DISK_DEAF_ERROR:
		snprintf(text, sizeof(text),
		    "the folder cannot be watched and is scanned in "
		    "intervals: %s",
		    w.what);
		problem(list, "polled", "warning", text,
		    "vsync tries again at every scan");
		break;
	}
}

static void report_rescue(struct engine *e, json_t *list)
{
	char text[RESCUE_NAME + 160];
	struct vs_err err = VS_ERR_INIT;

	if (!e->fault.on && rescue_text(e, text, sizeof(text), &err) == 0 &&
	    text[0] != '\0')
		problem(list, "state_rebuilt", "warning", text,
		    "nothing is lost by it; let the disk and the memory be "
		    "checked");
}

static void report_troubles(const struct counts *c, json_t *list)
{
	char text[120];

	if (c->troubles == 0)
		return;
	snprintf(text, sizeof(text), "%lld paths cannot be published",
	    (long long)c->troubles);
	problem(list, "refused", "warning", text,
	    "vsync status --json lists them with the reasons");
}

static void report_proof(struct engine *e, json_t *list)
{
	if (e->cloud.dialect == DIALECT_PLAIN)
		problem(list, "no_proof", "info",
		    "this server keeps no checksum of the tree: it "
		    "acknowledges each path, at least once, and that all of "
		    "it is there cannot be proved",
		    "vsync flush waits until every path is acknowledged");
}

static void report_conflicts(const struct counts *c, json_t *list)
{
	char text[120];

	if (c->conflicts == 0)
		return;
	snprintf(text, sizeof(text),
	    "%lld conflict cop%s that Syncthing made %s in the folder",
	    (long long)c->conflicts, c->conflicts == 1 ? "y" : "ies",
	    c->conflicts == 1 ? "is" : "are");
	problem(list, "conflict_copies", "warning", text,
	    "compare each with its original, keep one under that name and "
	    "delete the other");
}

static json_t *problems(struct engine *e, const struct counts *c)
{
	json_t *list = json_array();

	report_root(e, list);
	if (e->fault.on)
		problem(list, "degraded", "error", e->fault.why,
		    "free space or mend the disk: vsync opens its state "
		    "again by itself");
	report_rules(e, list);
	report_cloud(e, list);
	report_held(c, list);
	if (e->cloud.tree_equal == 0)
		problem(list, "diverged", "error",
		    "the cloud's listing differs from what it acknowledged",
		    "vsync compares the listings by itself");
	report_conflicts(c, list);
	report_watch(e, list);
	report_rescue(e, list);
	report_troubles(c, list);
	report_proof(e, list);
	if (e->paused)
		problem(list, "paused", "info", "publishing is paused",
		    "vsync resume");
	return list;
}

static bool is_scanning(const struct engine *e)
{
	return e->sweep != NULL || e->sweeps != NULL || !e->swept ||
	    rules_pending(e);
}

static bool is_busy(const struct engine *e, const struct counts *c)
{
	return !work_quiet(e) || e->stage.open || c->outbox > c->held ||
	    e->cloud.relist || e->cloud.reconcile;
}

static const char *state_name(struct engine *e, const struct counts *c)
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

static void add_cloud(struct engine *e, json_t *doc, const struct counts *c)
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
	struct counts c = { .refused = json_array(), .copies = json_array() };
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = json_object();
	const char *state;

	e->now = now;
	if (!e->fault.on && !e->root.lost)
		root_check(e);
	if (!e->fault.on && read_counts(e, &c, &err) < 0)
		core_fault(e, &err);
	state = state_name(e, &c);
	json_object_set_new(doc, "state", json_string(state));
	json_object_set_new(
	    doc, "in_sync", json_boolean(strcmp(state, "in_sync") == 0));
	json_object_set_new(doc, "problems", problems(e, &c));
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
		rc = get_count(e, SQL_HOLD_COUNT, &cloud, &err);
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

/* Where a path stands. */
struct why {
	const char *stage;
	const char *text;
	const char *waits_for;
};

static bool why_from_work(struct engine *e, const char *path, struct why *w)
{
	const struct settle_item *item = settle_find(e->settle, path);
	const struct core_job *job = vs_map_get(e->job_by_path, path);

	if (job != NULL && (job->flags & SETTLE_RECORDING) == 0)
		*w = (struct why){ "hashing", "its content is being read",
			"the hash" };
	else if (job != NULL ||
	    (item != NULL && (item->flags & SETTLE_RECORDING) != 0))
		*w = (struct why){ "recording",
			"a program has it open for writing",
			"the writer to close it" };
	else if (item != NULL && (item->flags & SETTLE_RECHECK) == 0)
		*w = (struct why){ "settling", "it changed a moment ago",
			"it to be quiet" };
	else
		return false;
	return true;
}

static struct why why_of(struct engine *e, const char *path,
    const struct disk_stat *seen, const struct manifest_row *row, int op)
{
	struct why w;

	if (why_from_work(e, path, &w))
		return w;
	if (op >= 0)
		return (struct why){ "outbox",
			"it is known here and not yet in the cloud",
			e->cloud.why[0] != '\0' ? e->cloud.why
						: "the next batch" };
	if (row != NULL && row->stat.kind == VS_KIND_FILE && !row->has_hash)
		return (struct why){ "listed",
			"its name and size are known, its content was not "
			"read yet",
			"its turn" };
	if (row != NULL && row->synced)
		return (struct why){ "published", "the cloud has it", "" };
	if (seen != NULL && row == NULL)
		return (struct why){ "unseen",
			"it is on the disk and was not looked at yet",
			"the scan" };
	if (seen == NULL && row == NULL)
		return (struct why){ "absent",
			"it is neither on the disk nor known", "" };
	return (struct why){ "refused", "it was not taken by the cloud",
		"a change" };
}

static json_t *stat_doc(const struct disk_stat *st)
{
	return json_pack("{s:s, s:I, s:I, s:i}", "kind", vs_kind_name(st->kind),
	    "size", (json_int_t)st->size, "mtime_ns", (json_int_t)st->mtime_ns,
	    "mode", st->mode);
}

static json_t *row_doc(const struct manifest_row *row)
{
	char hex[VS_HASH_HEX + 1] = "";
	json_t *doc = stat_doc(&row->stat);

	if (row->has_hash)
		vs_hex_encode(hex, row->hash, VS_SHA256_SIZE);
	json_object_set_new(doc, "hash", json_string(hex));
	json_object_set_new(doc, "racy", json_boolean(row->racy));
	json_object_set_new(doc, "synced", json_boolean(row->synced));
	return doc;
}

static json_t *why_doc(struct engine *e, const char *path,
    const struct disk_stat *seen, const struct manifest_row *row,
    const struct shadow_row *shadow, int op)
{
	char rule[RULE_LINE_MAX + VS_PATH_MAX + 64];
	struct why w = { "ignored", "a rule hides it", rule };
	json_t *doc;

	/* a hidden folder may be published for what is in it */
	if (!rules_tell(e, path, seen != NULL && seen->kind == VS_KIND_DIR,
		rule, sizeof(rule)) ||
	    (row != NULL && !rules_hide(e, path, true)))
		w = why_of(e, path, seen, row, op);
	doc = json_pack("{s:s, s:s, s:s, s:s}", "path", path, "stage", w.stage,
	    "text", w.text, "waits_for", w.waits_for);

	json_object_set_new(
	    doc, "disk", seen != NULL ? stat_doc(seen) : json_null());
	json_object_set_new(
	    doc, "manifest", row != NULL ? row_doc(row) : json_null());
	json_object_set_new(doc, "outbox",
	    op >= 0 ? json_pack("{s:s}", "op", vs_op_name((enum vs_op)op))
		    : json_null());
	if (shadow != NULL)
		json_object_set_new(doc, "cloud",
		    json_pack("{s:s, s:I, s:s}", "kind",
			vs_kind_name(shadow->kind), "size",
			(json_int_t)shadow->size, "hash", shadow->hash));
	else
		json_object_set_new(doc, "cloud",
		    row != NULL && row->synced ? row_doc(row) : json_null());
	return doc;
}

json_t *engine_why(struct engine *e, const char *path, struct vs_now now)
{
	struct vs_err err = VS_ERR_INIT;
	struct shadow_row shadow;
	struct manifest_row row;
	struct disk_stat seen;
	bool have_seen, have_row, have_shadow;
	int op = -1;
	int rc;

	e->now = now;
	if (e->fault.on || path[0] == '\0')
		return json_pack("{s:s, s:s, s:s}", "path", path, "stage",
		    e->fault.on ? "degraded" : "root", "text",
		    e->fault.on ? e->fault.why : "the project's folder");
	have_seen =
	    e->world.disk->look(e->world.disk, path, &seen, &err) == 0 &&
	    !seen.odd;
	rc = manifest_get(&e->state, path, &row, &err);
	have_row = rc == 1;
	if (rc >= 0)
		rc = shadow_get(&e->state, path, &shadow, &err);
	have_shadow = rc == 1;
	if (rc >= 0)
		rc = outbox_waiting(&e->state, path, &op, &err);
	if (rc < 0)
		core_fault(e, &err);
	return why_doc(e, path, have_seen ? &seen : NULL,
	    have_row ? &row : NULL, have_shadow ? &shadow : NULL, op);
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
