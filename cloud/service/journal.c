/*
 * The events' texts go into one buffer that may move while it grows: they
 * are kept as offsets until all are there.
 *
 * Cut before put: a path whose held deletion is settled and then deleted
 * again in the same request leaves its old hold before it enters the new one.
 */
#include "cloud/service/journal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (64 * 1024 * 1024) /* bytes of all events of a request */

int journal_init(struct journal *j, size_t cap, struct vs_rand *r)
{
	assert(cap > 0);
	memset(j, 0, sizeof(*j));
	vs_buf_init(&j->text, TEXT_MAX);
	j->events = calloc(cap, sizeof(*j->events));
	j->offsets = calloc(cap, sizeof(*j->offsets));
	j->cap = cap;
	vs_rand_uuid(r, j->hold_id);
	return j->events == NULL || j->offsets == NULL ? VS_ENOMEM : VS_OK;
}

void journal_release(struct journal *j)
{
	vs_buf_release(&j->text);
	free(j->events);
	free(j->offsets);
	memset(j, 0, sizeof(*j));
}

static int load_row(void *arg, const struct store_file *f)
{
	return merge_load(arg, f);
}

int journal_load(struct call *call, struct merge *m)
{
	struct vs_err err = VS_ERR_INIT;
	const char **paths;
	size_t i;
	int rc = VS_ENOMEM;

	paths = calloc(m->count + 1, sizeof(*paths));
	if (paths == NULL)
		goto out;
	for (i = 0; i < m->count; i++)
		paths[i] = m->slots[i]->row.path;
	rc = call->store->ops->files_get(
	    call->store, call->project.no, paths, m->count, load_row, m, &err);
out:
	free(paths);
	if (rc == VS_OK)
		return VS_OK;
	if (err.code == VS_OK)
		(void)vs_err_set(&err, rc, "load rows: %s", vs_err_text(rc));
	return fault_store(&call->fault, &err);
}

void journal_add(
    struct journal *j, const struct vs_change *c, int64_t seq, int64_t wall_ms)
{
	struct vs_change logged = *c;

	assert(j->count < j->cap);
	/* the log keeps what happened, not how it was asked for */
	logged.slash = false;
	logged.base_version = -1;
	j->offsets[j->count] = j->text.len;
	j->events[j->count].seq = seq;
	j->events[j->count].created_ms = wall_ms;
	j->count++;
	vs_change_write(&j->text, &logged);
	vs_buf_addch(&j->text, '\0');
}

static int write_rows(
    struct call *call, const struct merge *m, struct vs_err *err)
{
	const struct store_file **rows;
	size_t i, n = 0;
	int rc;

	rows = calloc(m->count + 1, sizeof(*rows));
	if (rows == NULL)
		return vs_err_set(err, VS_ENOMEM, "write rows");
	for (i = 0; i < m->count; i++)
		if (m->slots[i]->dirty)
			rows[n++] = &m->slots[i]->row;
	rc = call->store->ops->files_put(
	    call->store, call->project.no, rows, n, err);
	free(rows);
	return rc;
}

static int write_holds(struct call *call, const struct journal *j,
    const struct merge *m, struct vs_err *err)
{
	struct store_hold hold = { .created_ms = call->wall_ms };
	const struct store_ops *ops = call->store->ops;
	const char **paths;
	size_t i, n = 0, cut = 0;
	int rc = VS_OK;

	paths = calloc(m->count + 1, sizeof(*paths));
	if (paths == NULL)
		return vs_err_set(err, VS_ENOMEM, "write holds");
	for (i = 0; i < m->count; i++)
		if (m->slots[i]->hold_cut)
			paths[cut++] = m->slots[i]->row.path;
	if (cut > 0)
		rc = ops->hold_cut(
		    call->store, call->project.no, paths, cut, err);
	for (i = 0; i < m->count; i++)
		if (m->slots[i]->hold_new)
			paths[n++] = m->slots[i]->row.path;
	memcpy(hold.id, j->hold_id, sizeof(hold.id));
	memcpy(hold.device_id, j->device_id, sizeof(hold.device_id));
	if (rc == VS_OK && n > 0)
		rc = ops->hold_put(
		    call->store, call->project.no, &hold, paths, n, err);
	free(paths);
	return rc;
}

int journal_write(struct call *call, struct journal *j, struct merge *m)
{
	const struct store_ops *ops = call->store->ops;
	struct vs_err err = VS_ERR_INIT;
	size_t i;
	int rc = vs_buf_error(&j->text);

	assert(m->head == &call->project);
	if (rc != VS_OK) {
		(void)vs_err_set(&err, rc, "events of a request");
		return fault_store(&call->fault, &err);
	}
	for (i = 0; i < j->count; i++)
		j->events[i].change = j->text.data + j->offsets[i];
	if (j->count > 0)
		rc = ops->events_put(
		    call->store, call->project.no, j->events, j->count, &err);
	if (rc == VS_OK && j->count > 0)
		rc = write_rows(call, m, &err);
	if (rc == VS_OK)
		rc = write_holds(call, j, m, &err);
	if (rc == VS_OK)
		rc = ops->project_save(call->store, &call->project, &err);
	if (rc != VS_OK)
		return fault_store(&call->fault, &err);
	if (j->count > 0)
		call->news = call->project.last_seq;
	return VS_OK;
}
