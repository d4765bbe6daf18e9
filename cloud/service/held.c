/*
 * A hold is decided as a whole.  What was held when the rows looked
 * otherwise is judged again now: a path that is gone already makes no event,
 * and one that came back had left its hold then.  Approval deletes from the
 * last path to the first, so that a folder goes after what lies in it.
 */
#include "cloud/service/held.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/service/journal.h"
#include "cloud/service/merge.h"
#include "common/base/hex.h"
#include "common/base/json.h"
#include "common/base/stamp.h"
#include "common/proto/totals.h"

static int fail(struct call *call, struct vs_err *err, int rc)
{
	if (err->code == VS_OK)
		(void)vs_err_set(err, rc, "holds");
	return fault_store(&call->fault, err);
}

struct holds {
	struct call *call;
	struct vs_buf *b;
	struct vs_buf ids; /* those to show the paths of, NUL-ended */
	int64_t rows;
	int64_t paths; /* in all of them */
};

static int add_path(void *arg, const char *path)
{
	struct vs_buf *b = arg;

	if (b->len > 0 && b->data[b->len - 1] == '"')
		vs_buf_addch(b, ',');
	vs_json_add_str(b, path);
	return vs_buf_error(b);
}

static int add_hold(void *arg, const struct store_hold *h)
{
	struct holds *list = arg;
	struct call *call = list->call;
	struct vs_err err = VS_ERR_INIT;
	char stamp[VS_STAMP_SIZE];
	int rc;

	if (list->rows++ > 0)
		vs_buf_addch(list->b, ',');
	vs_buf_addf(list->b, "{\"id\":\"%s\",\"device_id\":", h->id);
	if (h->device_id[0] == '\0')
		vs_buf_addstr(list->b, "null");
	else
		vs_json_add_str(list->b, h->device_id);
	vs_buf_addf(list->b,
	    ",\"created_at\":\"%s\",\"count\":%" PRId64 ",\"paths\":[",
	    vs_stamp_format(h->created_ms, stamp), h->count);
	rc = call->store->ops->hold_paths(call->store, call->project.no, h->id,
	    HELD_SAMPLE, add_path, list->b, &err);
	vs_buf_addstr(list->b, "]}");
	list->paths += h->count;
	return rc;
}

int held_list(struct call *call, struct vs_buf *b)
{
	struct holds list = { .call = call, .b = b };
	struct vs_err err = VS_ERR_INIT;
	int rc;

	vs_buf_addstr(b, "{\"success\":true,\"holds\":[");
	rc = call->store->ops->holds(
	    call->store, call->project.no, add_hold, &list, &err);
	if (rc != VS_OK)
		return fail(call, &err, rc);
	vs_buf_addf(b,
	    "],\"count\":%" PRId64 ",\"log_id\":\"%s\",\"last_seq\":%" PRId64
	    "}",
	    list.paths, call->project.log_id, call->project.last_seq);
	return VS_OK;
}

/* The paths of a hold, copied. */
struct held_paths {
	char **list;
	size_t count;
	size_t cap;
};

static int keep_path(void *arg, const char *path)
{
	struct held_paths *p = arg;
	size_t cap = p->cap == 0 ? 64 : p->cap * 2;
	char **list;

	if (p->count == p->cap) {
		list = reallocarray(p->list, cap, sizeof(char *));
		if (list == NULL)
			return VS_ENOMEM;
		p->list = list;
		p->cap = cap;
	}
	p->list[p->count] = strdup(path);
	if (p->list[p->count] == NULL)
		return VS_ENOMEM;
	p->count++;
	return 0;
}

static void release_paths(struct held_paths *p)
{
	size_t i;

	for (i = 0; i < p->count; i++)
		free(p->list[i]);
	free(p->list);
}

/* Deletes all of paths, with events, as a batch would. */
static int delete_all(
    struct call *call, const struct held_paths *paths, int64_t *deleted)
{
	struct vs_change c = {
		.op = VS_OP_DELETE, .mode = -1, .base_version = -1
	};
	struct vs_err err = VS_ERR_INIT;
	struct merge_verdict v;
	struct merge m;
	struct journal j = { .count = 0 };
	size_t i;
	int rc;

	rc = merge_init(&m, &call->project, call->user.id, call->wall_ms);
	m.approved = true;
	if (rc == VS_OK)
		rc = journal_init(&j, paths->count + 1, call->rand);
	for (i = 0; i < paths->count && rc == VS_OK; i++)
		rc = merge_want(&m, paths->list[i]);
	if (rc != VS_OK) {
		rc = fail(call, &err, rc);
		goto out;
	}
	rc = journal_load(call, &m);
	if (rc != VS_OK)
		goto out;
	/* from the last path on: what lies in a folder goes before it */
	for (i = paths->count; i-- > 0;) {
		c.path = paths->list[i];
		c.kind = m.slots[i]->row.kind;
		merge_change(&m, &c, &v);
		assert(v.outcome == MERGE_DONE);
		c.version = v.version;
		if (v.logged)
			journal_add(&j, &c, v.seq, call->wall_ms);
	}
	call->project.baseline = call->project.files;
	*deleted = (int64_t)j.count;
	rc = journal_write(call, &j, &m);
out:
	journal_release(&j);
	merge_release(&m);
	return rc;
}

static void write_answer(
    struct vs_buf *b, const struct call *call, bool approve, int64_t deleted)
{
	const struct store_project *p = &call->project;

	vs_buf_addf(b,
	    "{\"success\":true,\"approved\":%s,\"deleted\":%" PRId64
	    ",\"log_id\":\"%s\",\"last_seq\":%" PRId64 ",\"tree\":",
	    approve ? "true" : "false", deleted, p->log_id, p->last_seq);
	vs_totals_write(b, &p->tree);
	vs_buf_addch(b, '}');
}

int held_decide(
    struct call *call, const char *id, bool approve, struct vs_buf *b)
{
	const struct store_ops *ops = call->store->ops;
	struct held_paths paths = { .count = 0 };
	struct vs_err err = VS_ERR_INIT;
	int64_t deleted = 0;
	int rc;

	assert(call->role == STORE_OWNER);
	rc = ops->hold_paths(call->store, call->project.no, id, INT64_MAX,
	    keep_path, &paths, &err);
	if (rc == VS_OK)
		rc = ops->hold_drop(call->store, call->project.no, id, &err);
	if (rc == VS_ENOENT)
		rc = fault_set(
		    &call->fault, FAULT_NOT_FOUND, "", "no such hold");
	else if (rc != VS_OK)
		rc = fail(call, &err, rc);
	else if (approve)
		rc = delete_all(call, &paths, &deleted);
	if (rc == VS_OK)
		write_answer(b, call, approve, deleted);
	release_paths(&paths);
	return rc;
}
