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
#define ROWS(paths) (2 * (paths) + 16) /* worth to be read for so many */
#define TEXT_MAX (VS_BATCH_CHANGES * (VS_PATH_MAX + VS_HASH_OPAQUE + 2))

struct ack {
	struct vs_change c; /* strings only while it is settled */
	size_t path; /* where they are in the text */
	size_t hash;
	bool plain; /* as usual: taken over with its neighbours */
	bool latest;
	bool met; /* its row is in the manifest, just so, but unsynced */
	bool known; /* the cloud had it: had says what */
	bool apart; /* there is a row between it and the one before */
	bool shadow_apart; /* likewise, of the shadow */
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
	struct ack **ack;
	int count;
	int at; /* the one that the rows being read have come to */
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
	k->met = k->known = k->apart = k->shadow_apart = false;
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

/* The one that a row is of, or NULL; rows come in order. */
static struct ack *meet(struct run *r, const char *path, bool whole)
{
	int order = 1;

	while (r->at < r->count && order > 0) {
		const char *own = r->ack[r->at]->c.path;

		order = strcmp(path, whole ? own : vs_path_name(own));
		r->at += order > 0;
	}
	return order == 0 ? r->ack[r->at++] : NULL;
}

static int meet_row(void *arg, const char *name, const struct manifest_row *row)
{
	struct run *r = arg;
	struct ack *k = meet(r, name, false);

	if (k == NULL && r->at < r->count)
		r->ack[r->at]->apart = true;
	else if (k != NULL)
		k->met = !row->synced && shadow_same(row, &k->c);
	return 0;
}

static int meet_shadow(
    void *arg, const char *path, const struct shadow_row *row)
{
	struct run *r = arg;
	struct ack *k = meet(r, path, true);

	if (k == NULL && r->at < r->count)
		r->ack[r->at]->shadow_apart = true;
	if (k == NULL)
		return 0;
	k->known = true;
	k->had = *row;
	return 0;
}

/* Of the run, those from first to before end. */
static struct manifest_span span_of(const struct run *r, int first, int end)
{
	return (struct manifest_span){
		.first = r->ack[first]->c.path,
		.last = r->ack[end - 1]->c.path,
		.limit = ROWS(r->count),
	};
}

/* An upsert has its row; a deletion its shadow, and so no synced row. */
static bool is_plain(const struct ack *k)
{
	if (!k->latest || k->c.recording)
		return false;
	return k->c.op == VS_OP_DELETE ? k->known : k->met;
}

/* Reads what is known of the run, and sees which are as usual. */
static int look(struct run *r, struct vs_err *err)
{
	bool gone = r->ack[0]->c.op == VS_OP_DELETE;
	const struct manifest_span span = span_of(r, 0, r->count);
	int n = gone ? 0 : manifest_between(r->s, &span, meet_row, r, err);
	int sure;

	r->at = 0;
	if (n >= 0)
		n = shadow_between(r->s, &span, meet_shadow, r, err);
	/* behind the last row that was read more may have a shadow */
	sure = n < span.limit ? r->count : r->at;
	for (int i = 0; i < r->count; i++)
		r->ack[i]->plain = i < sure && is_plain(r->ack[i]);
	return n < 0 ? n : 0;
}

static void add_up(struct state *s, const struct ack *k)
{
	struct shadow_row now;

	if (k->known)
		shadow_total(s, k->c.path, &k->had, -1);
	if (k->c.op == VS_OP_DELETE)
		return;
	shadow_of(&now, &k->c);
	shadow_total(s, k->c.path, &now, 1);
}

static int settle_one(struct state *s, const struct ack *k, struct vs_err *err)
{
	if (!k->plain)
		return shadow_ack(s, &k->c, k->latest, err);
	add_up(s, k);
	return 0;
}

/* The end of those from first on that have no other row between them. */
static int end_of(const struct run *r, int first, bool shadow)
{
	int end = first + 1;

	while (end < r->count && r->ack[end - 1]->plain && r->ack[end]->plain &&
	    !(shadow ? r->ack[end]->shadow_apart : r->ack[end]->apart))
		end++;
	return end;
}

static int write_rows(
    const struct run *r, int first, int end, struct vs_err *err)
{
	const struct manifest_span span = span_of(r, first, end);

	if (!r->ack[first]->plain || r->ack[first]->c.op == VS_OP_DELETE)
		return 0;
	return manifest_synced_between(r->s, &span, err);
}

/* Not all of them have a shadow. */
static int drop_shadows(
    const struct run *r, int first, int end, struct vs_err *err)
{
	const struct manifest_span span = span_of(r, first, end);
	bool any = false;

	for (int i = first; i < end; i++)
		any |= r->ack[i]->plain && r->ack[i]->known;
	return any ? shadow_drop_between(r->s, &span, err) : 0;
}

static int settle_run(struct run *r, struct vs_err *err)
{
	int end, rc = 0;

	if (r->count >= RUN_MIN)
		rc = look(r, err);
	for (int i = 0; i < r->count && rc == 0; i++)
		rc = settle_one(r->s, r->ack[i], err);
	for (int i = 0; i < r->count && rc == 0; i = end) {
		end = end_of(r, i, false);
		rc = write_rows(r, i, end, err);
	}
	for (int i = 0; i < r->count && rc == 0; i = end) {
		end = end_of(r, i, true);
		rc = drop_shadows(r, i, end, err);
	}
	return rc;
}

/* By folder, then by name. */
static int compare_acks(const void *a, const void *b)
{
	const char *x = (*(struct ack *const *)a)->c.path;
	const char *y = (*(struct ack *const *)b)->c.path;
	size_t n = vs_path_parent_len(x), m = vs_path_parent_len(y);
	int order = n != m ? (n > m) - (n < m) : memcmp(x, y, n);

	return order != 0 ? order : strcmp(x, y);
}

static bool is_neighbour(const struct ack *a, const struct ack *b)
{
	size_t n = vs_path_parent_len(a->c.path);

	return n == vs_path_parent_len(b->c.path) &&
	    memcmp(a->c.path, b->c.path, n) == 0;
}

/* The deletions, or all others. */
static int settle_kind(
    struct acks *a, struct state *s, bool deletions, struct vs_err *err)
{
	struct ack *list[VS_BATCH_CHANGES];
	struct run r = { .s = s };
	size_t n = 0;
	int rc = 0;

	for (int i = 0; i < a->count; i++)
		if ((a->ack[i].c.op == VS_OP_DELETE) == deletions)
			list[n++] = &a->ack[i];
	if (n > 0)
		qsort(list, n, sizeof(list[0]), compare_acks);
	for (size_t i = 0; i < n && rc == 0; i += (size_t)r.count) {
		r.ack = list + i;
		r.count = 1;
		r.at = 0;
		while (i + (size_t)r.count < n &&
		    is_neighbour(list[i], list[i + (size_t)r.count]))
			r.count++;
		rc = settle_run(&r, err);
	}
	return rc;
}

int acks_settle(struct acks *a, struct state *s, struct vs_err *err)
{
	int rc;

	for (int i = 0; i < a->count; i++) {
		struct ack *k = &a->ack[i];

		k->plain = false;
		k->c.path = a->text.data + k->path;
		if (k->c.hash != NULL)
			k->c.hash = a->text.data + k->hash;
	}
	rc = settle_kind(a, s, true, err);
	if (rc == 0)
		rc = settle_kind(a, s, false, err);
	a->count = 0;
	vs_buf_reset(&a->text);
	return rc;
}
