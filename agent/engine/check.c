#include "agent/engine/check.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/engine/plain.h"
#include "agent/engine/publisher.h"
#include "agent/engine/relist.h"
#include "agent/engine/stage.h"
#include "agent/publish/verdict.h"
#include "common/base/json.h"
#include "common/proto/totals.h"

bool check_step(struct engine *e, int64_t *due)
{
	char path[128];
	struct engine_send s = {
		.method = "GET",
		.path = path,
		.max_body = 1024 * 1024,
	};

	if (e->cloud.check_ms > e->now.mono_ms) {
		if (e->cloud.check_ms < *due)
			*due = e->cloud.check_ms;
		return false;
	}
	if (plain_is(e)) {
		plain_check(e);
		return true;
	}
	snprintf(path, sizeof(path),
	    "/api/projects/%s/events?since_seq=%" PRId64 "&limit=1",
	    e->project_id, e->cloud.last_seq);
	publisher_ask(e, CORE_CHECK, &s);
	return true;
}

/* What a page of events says of the log. */
struct page {
	const char *log_id;
	const char *publisher; /* a device, or "" */
	int64_t last_seq;
	struct vs_tree tree;
	bool has_tree;
};

static int read_page(json_t *doc, struct page *p, struct vs_err *err)
{
	int rc = vs_json_get_str(doc, "log_id", false, &p->log_id, err);

	if (rc == 0)
		rc = vs_json_get_i64(doc, "last_seq", false, &p->last_seq, err);
	if (rc == 0)
		rc = vs_json_get_str(
		    doc, "publisher", false, &p->publisher, err);
	if (rc == 0)
		rc = vs_totals_read(doc, &p->tree, &p->has_tree, err);
	return rc;
}

/* Compares; negative only when the database failed. */
static int compare(struct engine *e, const struct page *p, struct vs_err *err)
{
	struct core_cloud *c = &e->cloud;
	bool other = c->log_id[0] != '\0' && p->log_id[0] != '\0' &&
	    strcmp(c->log_id, p->log_id) != 0;
	int rc = stage_begin(e, err);

	if (p->log_id[0] != '\0')
		snprintf(c->log_id, sizeof(c->log_id), "%s", p->log_id);
	c->last_seq = p->last_seq;
	if (p->has_tree) {
		c->tree = p->tree;
		c->tree_equal = vs_tree_equal(&c->tree, &e->state.tree);
	}
	if (rc == 0)
		rc = state_set_text(&e->state, "log_id", c->log_id, err);
	if (rc == 0)
		rc = state_set_int(&e->state, "last_seq", c->last_seq, err);
	if (rc == 0 && (other || (p->has_tree && c->tree_equal == 0)))
		rc = relist_need(e, err);
	return rc < 0 ? rc : stage_commit(e, err);
}

void check_answered(struct engine *e, const struct engine_answer *a)
{
	struct page p = {
		.log_id = "",
		.publisher = "",
		.last_seq = e->cloud.last_seq,
	};
	struct vs_err why = VS_ERR_INIT;
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = NULL;
	int rc = VS_EPROTO;

	assert(!e->stage.open);
	if (plain_is(e)) {
		plain_checked(e, a);
		return;
	}
	if (verdict_of(a->code, a->status, a->type, a->body, a->len) ==
	    VERDICT_READ)
		doc = vs_json_parse(a->body, a->len, &why);
	if (doc != NULL)
		rc = read_page(doc, &p, &why);
	if (rc < 0) {
		publisher_back_off(e, a->retry_after_ms,
		    a->code < 0 ? a->why : "the server sent no events");
	} else {
		publisher_reached(e);
		e->cloud.check_ms = e->now.mono_ms + CHECK_MS;
		rc = compare(e, &p, &err);
		if (rc < 0 && rc != VS_EROOT)
			core_fault(e, &err);
		if (rc == 0 && p.publisher[0] != '\0' &&
		    strcmp(p.publisher, e->device_id) != 0)
			publisher_fenced(e);
	}
	json_decref(doc);
}
