#include "tests/sim/table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_init(struct table *t)
{
	memset(t, 0, sizeof(*t));
}

void table_release(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->row[i].path);
	free(t->row);
	table_init(t);
}

static void table_room(struct table *t)
{
	if (t->n < t->cap)
		return;
	t->cap = t->cap ? t->cap * 2 : 64;
	t->row = realloc(t->row, t->cap * sizeof(*t->row));
	if (!t->row)
		abort();
}

static struct table_row row_copy(const struct table_row *row)
{
	struct table_row r = *row;

	r.path = strdup(row->path);
	if (!r.path)
		abort();
	return r;
}

void table_append(struct table *t, const struct table_row *row)
{
	table_room(t);
	t->row[t->n++] = row_copy(row);
	t->unsorted = true;
}

static int row_compare(const void *a, const void *b)
{
	const struct table_row *x = a, *y = b;

	return strcmp(x->path, y->path);
}

void table_sort(struct table *t)
{
	if (t->n)
		qsort(t->row, t->n, sizeof(*t->row), row_compare);
	t->unsorted = false;
}

/* Where path is or would be. */
static size_t table_at(const struct table *t, const char *path, bool *found)
{
	size_t lo = 0, hi = t->n;

	assert(!t->unsorted);
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (strcmp(t->row[mid].path, path) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*found = lo < t->n && !strcmp(t->row[lo].path, path);
	return lo;
}

static bool row_equal(const struct table_row *a, const struct table_row *b)
{
	return !strcmp(a->kind, b->kind) && a->size == b->size &&
	    !strcmp(a->hash, b->hash) &&
	    (a->mtime_us == b->mtime_us || a->mtime_us < 0 ||
		b->mtime_us < 0) &&
	    (a->mode == b->mode || a->mode < 0 || b->mode < 0);
}

bool table_put(struct table *t, const struct table_row *row)
{
	bool found;
	size_t at = table_at(t, row->path, &found);
	struct table_row r;

	if (found && row_equal(&t->row[at], row) &&
	    t->row[at].mtime_us == row->mtime_us &&
	    t->row[at].mode == row->mode)
		return false;
	r = row_copy(row);
	if (found) {
		free(t->row[at].path);
	} else {
		table_room(t);
		memmove(t->row + at + 1, t->row + at,
		    (t->n - at) * sizeof(*t->row));
		t->n++;
	}
	t->row[at] = r;
	return true;
}

bool table_drop(struct table *t, const char *path)
{
	bool found;
	size_t at = table_at(t, path, &found);

	if (!found)
		return false;
	free(t->row[at].path);
	memmove(
	    t->row + at, t->row + at + 1, (t->n - at - 1) * sizeof(*t->row));
	t->n--;
	return true;
}

const struct table_row *table_find(const struct table *t, const char *path)
{
	bool found;
	size_t at = table_at(t, path, &found);

	return found ? &t->row[at] : NULL;
}

static void row_print(
    const struct table_row *r, const char *name, char *out, size_t cap)
{
	snprintf(out, cap,
	    "%s has %s %s size %lld hash %.8s mtime %lld "
	    "mode %o",
	    name, r->kind, r->path, (long long)r->size, r->hash,
	    (long long)r->mtime_us, (unsigned)r->mode);
}

bool table_equal(const struct table *a, const char *a_name,
    const struct table *b, const char *b_name, char *out, size_t cap)
{
	size_t i = 0, j = 0;
	char left[400], right[400];

	assert(!a->unsorted && !b->unsorted);
	out[0] = '\0';
	while (i < a->n && j < b->n) {
		int c = row_compare(&a->row[i], &b->row[j]);

		if (c || !row_equal(&a->row[i], &b->row[j]))
			break;
		i++;
		j++;
	}
	if (i == a->n && j == b->n)
		return true;
	snprintf(left, sizeof(left), "%s ends", a_name);
	snprintf(right, sizeof(right), "%s ends", b_name);
	if (i < a->n)
		row_print(&a->row[i], a_name, left, sizeof(left));
	if (j < b->n)
		row_print(&b->row[j], b_name, right, sizeof(right));
	snprintf(out, cap, "%s (%zu) and %s (%zu) differ: %s; %s", a_name, a->n,
	    b_name, b->n, left, right);
	return false;
}

void table_tree(const struct table *t, struct vs_tree *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < t->n; i++) {
		struct vs_tree_row r = { .path = t->row[i].path,
			.kind = t->row[i].kind,
			.size = t->row[i].size,
			.hash = t->row[i].hash };

		vs_tree_add(out, &r);
	}
}
