#include "agent/engine/engine.h"

#include <stdio.h>
#include <string.h>

#include "agent/engine/core.h"
#include "agent/engine/rules.h"
#include "agent/engine/work.h"
#include "agent/state/manifest.h"
#include "agent/state/outbox.h"
#include "agent/state/shadow.h"
#include "common/base/hex.h"

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
