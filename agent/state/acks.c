#include "agent/state/acks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/state/manifest.h"
#include "agent/state/shadow.h"
#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/path.h"

#define RUN_MIN 4 /* paths; fewer are as cheap one by one */
#define TEXT_MAX (VS_BATCH_CHANGES * (VS_PATH_MAX + VS_HASH_OPAQUE + 2))

struct ack {
	struct vs_change c; /* strings only while it is settled */
	size_t path; /* where they are in the text */
	size_t hash;
	bool latest;
	bool known; /* the cloud had it: had says what */
	struct shadow_row had;
};

struct acks {
	struct vs_buf text;
	int count;
	struct ack ack[VS_BATCH_CHANGES];
};

/* Neighbours: of one folder and one kind, in the order of their names. */
struct run {
	struct state *s;
	struct ack *ack[VS_BATCH_CHANGES];
	int count;
	int at; /* the one that the rows being read have come to */
	int met; /* of them, those for which there was a row */
	bool odd; /* something else than usual */
};

struct acks *acks_new(void)
{
	struct acks *a = malloc(sizeof(*a));

	if (a == NULL)
		return NULL;
	vs_buf_init(&a->text, TEXT_MAX);
	a->count = 0;
	return a;
}

void acks_free(struct acks *a)
{
	if (a == NULL)
		return;
	vs_buf_release(&a->text);
	free(a);
}

int acks_add(
    struct acks *a, const struct vs_change *c, bool latest, struct vs_err *err)
{
	struct ack *k = &a->ack[a->count];

	assert(a->count < VS_BATCH_CHANGES);
	k->c = *c;
	k->latest = latest;
	k->known = false;
	k->path = a->text.len;
	vs_buf_add(&a->text, c->path, strlen(c->path) + 1);
	k->hash = a->text.len;
	if (c->hash != NULL)
		vs_buf_add(&a->text, c->hash, strlen(c->hash) + 1);
	if (vs_buf_error(&a->text) < 0)
		return vs_err_set(
		    err, vs_buf_error(&a->text), "answer: out of memory");
	a->count++;
	return 0;
}

/* The one that name is of, or NULL; names come in order. */
static struct ack *meet(struct run *r, const char *path, bool whole)
{
	int order = 1;

	while (r->at < r->count && order > 0) {
		const char *own = r->ack[r->at]->c.path;

		order = strcmp(path, whole ? own : vs_path_name(own));
		r->at += order > 0;
	}
	if (order != 0)
		return NULL;
	r->met++;
	return r->ack[r->at++];
}

/* What the manifest has of an upsert is just what was sent. */
static int meet_row(void *arg, const char *name, const struct manifest_row *row)
{
	struct run *r = arg;
	const struct ack *k = meet(r, name, false);

	r->odd = k == NULL || row->synced || !shadow_same(row, &k->c);
	return r->odd;
}

static int meet_shadow(
    void *arg, const char *path, const struct shadow_row *row)
{
	struct run *r = arg;
	struct ack *k = meet(r, path, true);

	r->odd = k == NULL;
	if (k != NULL) {
		k->known = true;
		k->had = *row;
	}
	return r->odd;
}

static bool is_usual(const struct run *r)
{
	for (int i = 0; i < r->count; i++)
		if (!r->ack[i]->latest || r->ack[i]->c.recording)
			return false;
	return true;
}

static struct manifest_span span_of(const struct run *r)
{
	return (struct manifest_span){
		.first = r->ack[0]->c.path,
		.last = r->ack[r->count - 1]->c.path,
		.limit = r->count,
	};
}

/*
 * Reads what is known of the run: 1 if it is as usual, 0 or negative.  Where
 * as many rows as there are paths are all of these, there is none between.
 */
static int look(struct run *r, struct vs_err *err)
{
	bool gone = r->ack[0]->c.op == VS_OP_DELETE;
	const struct manifest_span span = span_of(r);
	int n =
	    gone ? r->count : manifest_between(r->s, &span, meet_row, r, err);

	if (n < 0 || r->odd || n < r->count)
		return n < 0 ? n : 0;
	r->at = r->met = 0;
	n = shadow_between(r->s, &span, meet_shadow, r, err);
	if (n < 0 || r->odd)
		return n < 0 ? n : 0;
	/* what has a shadow has no synced row */
	return !gone || n == r->count;
}

static void add_up(const struct run *r)
{
	struct shadow_row now;

	for (int i = 0; i < r->count; i++) {
		const struct ack *k = r->ack[i];

		if (k->known)
			shadow_total(r->s, k->c.path, &k->had, -1);
		if (k->c.op == VS_OP_DELETE)
			continue;
		shadow_of(&now, &k->c);
		shadow_total(r->s, k->c.path, &now, 1);
	}
}

static int settle_together(const struct run *r, struct vs_err *err)
{
	const struct manifest_span span = span_of(r);
	int rc = r->met > 0 ? shadow_drop_between(r->s, &span, err) : 0;

	add_up(r);
	if (rc == 0 && r->ack[0]->c.op != VS_OP_DELETE)
		rc = manifest_synced_between(r->s, &span, err);
	return rc;
}

static int settle_run(struct run *r, struct vs_err *err)
{
	int rc = r->count >= RUN_MIN && is_usual(r) ? look(r, err) : 0;

	if (rc == 1)
		return settle_together(r, err);
	for (int i = 0; i < r->count && rc == 0; i++)
		rc = shadow_ack(r->s, &r->ack[i]->c, r->ack[i]->latest, err);
	return rc;
}

/* Whether k may follow what is in the run. */
static bool follows(const struct run *r, const struct ack *k)
{
	const char *a, *b = k->c.path;
	size_t n;

	if (r->count == 0)
		return true;
	a = r->ack[r->count - 1]->c.path;
	n = vs_path_parent_len(a);
	return n == vs_path_parent_len(b) && memcmp(a, b, n) == 0 &&
	    strcmp(a, b) < 0;
}

/* The deletions, or all others. */
static int settle_kind(
    struct acks *a, struct run *r, bool deletions, struct vs_err *err)
{
	int rc = 0;

	for (int i = 0; i < a->count && rc == 0; i++) {
		struct ack *k = &a->ack[i];

		if ((k->c.op == VS_OP_DELETE) != deletions)
			continue;
		if (!follows(r, k)) {
			rc = settle_run(r, err);
			r->count = r->at = r->met = 0;
			r->odd = false;
		}
		r->ack[r->count++] = k;
	}
	if (rc == 0 && r->count > 0)
		rc = settle_run(r, err);
	return rc;
}

int acks_settle(struct acks *a, struct state *s, struct vs_err *err)
{
	struct run up = { .s = s }, gone = { .s = s };
	int rc;

	for (int i = 0; i < a->count; i++) {
		struct ack *k = &a->ack[i];

		k->c.path = a->text.data + k->path;
		if (k->c.hash != NULL)
			k->c.hash = a->text.data + k->hash;
	}
	rc = settle_kind(a, &gone, true, err);
	if (rc == 0)
		rc = settle_kind(a, &up, false, err);
	a->count = 0;
	vs_buf_reset(&a->text);
	return rc;
}
