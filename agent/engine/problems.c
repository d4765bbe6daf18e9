#include "agent/engine/problems.h"

#include <stdio.h>
#include <string.h>

#include "agent/engine/rescue.h"
#include "agent/engine/verdicts.h"
#include "agent/state/manifest.h"
#include "agent/state/outbox.h"
#include "agent/state/state_sql.h"
#include "agent/watch/limit.h"
#include "common/base/hex.h"
#include "common/base/path.h"

#define MANY 20000 /* rows of the outbox that are not counted each time */
#define COUNT_MS 250 /* but as often as this */
#define TROUBLES_SHOWN 20
#define CONFLICTS_SHOWN 20

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

/* Counting many rows takes long enough to be felt by those who ask often. */
static int count_outbox(
    struct engine *e, struct problems_counts *c, struct vs_err *err)
{
	struct core_counted *k = &e->counted;
	int rc = 0;

	if (k->outbox < MANY || k->until_ms <= e->now.mono_ms) {
		rc = outbox_count(&e->state, &k->outbox, &k->held, err);
		k->until_ms = e->now.mono_ms + COUNT_MS;
	}
	c->outbox = k->outbox;
	c->held = k->held;
	return rc;
}

int problems_count(
    struct engine *e, struct problems_counts *c, struct vs_err *err)
{
	int rc = count_outbox(e, c, err);

	if (rc == 0)
		rc = verdicts_count(e, &c->cloud_held, err);
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

static void report_held(const struct problems_counts *c, json_t *list)
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

static void report_troubles(const struct problems_counts *c, json_t *list)
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

static void report_conflicts(const struct problems_counts *c, json_t *list)
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

json_t *problems_list(struct engine *e, const struct problems_counts *c)
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
