#include "agent/engine/plain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/engine/check.h"
#include "agent/engine/epoch.h"
#include "agent/engine/publisher.h"
#include "agent/engine/relist.h"
#include "agent/engine/stage.h"
#include "agent/publish/verdict.h"
#include "agent/state/manifest.h"
#include "agent/state/outbox.h"
#include "agent/state/shadow.h"
#include "agent/state/state_sql.h"
#include "common/base/json.h"
#include "common/base/path.h"

#define PAGE_MAX (16 * 1024 * 1024) /* bytes of a page */

static void ask(
    struct engine *e, enum core_request what, int64_t since, int limit)
{
	char path[160];
	struct engine_send s = {
		.method = "GET",
		.path = path,
		.max_body = PAGE_MAX,
	};

	snprintf(path, sizeof(path),
	    "/api/projects/%s/events?since_seq=%" PRId64 "&limit=%d",
	    e->project_id, since, limit);
	publisher_ask(e, what, &s);
}

/*
 * Reads a page; NULL after backing off from what is none.  The document is
 * the caller's.
 */
static json_t *read_page(struct engine *e, const struct engine_answer *a,
    int64_t since, struct dialect_page *p)
{
	struct vs_err why = VS_ERR_INIT;
	json_t *doc = NULL;

	if (verdict_of(a->code, a->status, a->type, a->body, a->len) ==
	    VERDICT_READ)
		doc = vs_json_parse(a->body, a->len, &why);
	if (doc != NULL && dialect_page(doc, since, p, &why) == 0)
		return doc;
	json_decref(doc);
	publisher_back_off(e, a->retry_after_ms,
	    a->code < 0 ? a->why : "the server sent no events");
	return NULL;
}

/* Runs in a transaction of its own. */
static void settle(
    struct engine *e, int (*run)(struct engine *e, struct vs_err *err))
{
	struct vs_err err = VS_ERR_INIT;
	int rc = stage_begin(e, &err);

	if (rc == 0)
		rc = run(e, &err);
	if (rc == 0)
		rc = stage_commit(e, &err);
	if (rc < 0 && rc != VS_EROOT)
		core_fault(e, &err);
}

int plain_set(struct engine *e, enum dialect d, struct vs_err *err)
{
	e->state.files_only = d == DIALECT_PLAIN;
	if (e->cloud.dialect == d)
		return 0;
	e->cloud.dialect = d;
	return state_set_int(&e->state, "dialect", d, err);
}

int plain_upgrade(struct engine *e, struct vs_err *err)
{
	int rc = plain_set(e, DIALECT_OWN, err);

	return rc < 0 ? rc : epoch_doubt(e, err);
}

static int found_plain(struct engine *e, struct vs_err *err)
{
	return plain_set(e, DIALECT_PLAIN, err);
}

void plain_probe(struct engine *e)
{
	ask(e, CORE_PROBE, 0, 1);
}

void plain_probed(struct engine *e, const struct engine_answer *a)
{
	struct dialect_page p;
	json_t *doc = read_page(e, a, 0, &p);

	e->cloud.probe = false;
	if (doc == NULL)
		return;
	json_decref(doc);
	if (p.dialect != DIALECT_PLAIN) {
		publisher_back_off(
		    e, a->retry_after_ms, "the server sent no listing");
		return;
	}
	publisher_reached(e);
	settle(e, found_plain);
	core_tell_state(e, "a server without proofs");
}

void plain_replay(struct engine *e)
{
	struct vs_err err = VS_ERR_INIT;

	if (!e->cloud.relist_begun) {
		if (relist_begin(e, &err) < 0) {
			core_fault(e, &err);
			return;
		}
		e->cloud.replayed = 0;
	}
	ask(e, CORE_REPLAY, e->cloud.replayed, VS_PAGE_LIMIT);
}

/* What it logged of a path; what is no path of ours is not ours. */
static int learn_event(
    struct engine *e, const json_t *event, struct vs_err *err)
{
	struct vs_err why = VS_ERR_INIT;
	json_t *obj = NULL;
	struct manifest_row row;
	const char *code;
	struct vs_change c;
	int rc;

	if (vs_json_get_object(event, "change", true, &obj, &why) < 0 ||
	    vs_change_read(obj, true, &c, &code, &why) < 0)
		return 0;
	rc = shadow_ack(&e->state, &c, true, err);
	if (rc == 0 && c.op != VS_OP_DELETE)
		rc = manifest_get(&e->state, c.path, &row, err);
	/* what was found meanwhile, and is there already, need not be sent */
	if (rc == 1 && row.synced)
		rc = outbox_drop(&e->state, c.path, err);
	return rc < 0 ? rc : 0;
}

static int learn(
    struct engine *e, const struct dialect_page *p, struct vs_err *err)
{
	const json_t *event;
	size_t i;
	int rc = stage_begin(e, err);

	json_array_foreach(p->events, i, event)
	{
		if (rc == 0)
			rc = learn_event(e, event, err);
	}
	if (rc == 0 && !p->more) {
		e->cloud.last_seq = p->last;
		rc = state_set_int(&e->state, "last_seq", p->last, err);
	}
	if (rc == 0 && !p->more)
		rc = relist_listed(e, err);
	return rc < 0 ? rc : stage_commit(e, err);
}

void plain_replayed(struct engine *e, const struct engine_answer *a)
{
	struct vs_err err = VS_ERR_INIT;
	struct dialect_page p;
	json_t *doc;
	int rc;

	if (!e->cloud.relist_begun)
		return; /* wanted anew meanwhile */
	doc = read_page(e, a, e->cloud.replayed, &p);
	if (doc == NULL)
		return;
	publisher_reached(e);
	if (p.dialect == DIALECT_OWN) {
		settle(e, plain_upgrade);
		goto out;
	}
	p.more = p.more && json_array_size(p.events) > 0;
	rc = learn(e, &p, &err);
	if (rc == 0) {
		e->cloud.replayed = p.last;
		if (!p.more)
			relist_end(e);
	} else if (rc != VS_EROOT) {
		core_fault(e, &err);
	}
out:
	json_decref(doc);
}

static int others_wrote(struct engine *e, struct vs_err *err)
{
	return relist_since(e, e->cloud.last_seq, err);
}

int plain_compare(struct engine *e, int64_t first, struct vs_err *err)
{
	if (first > 0 && first <= e->cloud.last_seq)
		return relist_need(e, err);
	if (first > e->cloud.last_seq + 1)
		return others_wrote(e, err);
	return 0;
}

void plain_check(struct engine *e)
{
	int64_t last = e->cloud.last_seq;

	ask(e, CORE_CHECK, last > 0 ? last - 1 : 0, 2);
}

void plain_checked(struct engine *e, const struct engine_answer *a)
{
	int64_t last = e->cloud.last_seq;
	struct dialect_page p;
	json_t *doc = read_page(e, a, last > 0 ? last - 1 : 0, &p);
	int64_t first;

	if (doc == NULL)
		return;
	first = json_integer_value(
	    json_object_get(json_array_get(p.events, 0), "seq"));
	json_decref(doc);
	publisher_reached(e);
	e->cloud.check_ms = e->now.mono_ms + CHECK_MS;
	if (p.dialect == DIALECT_OWN)
		settle(e, plain_upgrade);
	else if (last > 0 && first != last)
		settle(e, relist_need);
	else if (p.last > last)
		settle(e, others_wrote);
}

int plain_skip(void *arg, const struct vs_change *c, struct vs_err *err)
{
	struct engine *e = arg;

	if (c->kind != VS_KIND_SYMLINK || c->op == VS_OP_DELETE)
		return 0;
	e->state.untroubled = false;
	return vs_db_run(e->state.db, SQL_TROUBLE_PUT, err, "bbit",
	    (const void *)c->path, strlen(c->path), (const void *)c->path,
	    vs_path_parent_len(c->path), (int64_t)1,
	    "this server takes files only: a link is not published");
}
