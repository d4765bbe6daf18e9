#include "agent/scan/roster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

#define KEEP_ROWS 2048 /* of memory that is kept for the next folder */
#define KEEP_TEXT (128 * 1024)

void roster_release(struct roster *r)
{
	free(r->row);
	free(r->text);
	memset(r, 0, sizeof(*r));
}

void roster_reset(struct roster *r)
{
	if (r->cap > KEEP_ROWS || r->room > KEEP_TEXT)
		roster_release(r);
	r->count = 0;
	r->len = 0;
}

static int grow(struct roster *r, size_t len)
{
	if (r->count == r->cap) {
		size_t cap = r->cap != 0 ? 2 * r->cap : 64;
		struct roster_row *row = realloc(r->row, cap * sizeof(*row));

		if (row == NULL)
			return VS_ENOMEM;
		r->row = row;
		r->cap = cap;
	}
	if (r->room - r->len < len) {
		size_t room = 2 * (r->room + len) + 1024;
		char *text = realloc(r->text, room);

		if (text == NULL)
			return VS_ENOMEM;
		r->text = text;
		r->room = room;
	}
	return VS_OK;
}

int roster_add(struct roster *r, const char *name, const struct disk_stat *st)
{
	size_t len = strlen(name) + 1;
	int rc = grow(r, len);

	if (rc < 0)
		return rc;
	memcpy(r->text + r->len, name, len);
	r->row[r->count].name = r->len;
	r->row[r->count].stat = *st;
	r->len += len;
	r->count++;
	return VS_OK;
}

const char *roster_name(const struct roster *r, size_t i)
{
	assert(i < r->count);
	return r->text + r->row[i].name;
}

/* What is sorted: small, and without the sort knowing the text. */
struct key {
	const char *name;
	size_t at;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(
	    ((const struct key *)a)->name, ((const struct key *)b)->name);
}

static bool in_order(const struct roster *r)
{
	for (size_t i = 1; i < r->count; i++)
		if (strcmp(roster_name(r, i - 1), roster_name(r, i)) >= 0)
			return false;
	return true;
}

int roster_sort(struct roster *r)
{
	struct key *key;
	struct roster_row *row;

	if (in_order(r))
		return VS_OK;
	key = malloc(r->count * sizeof(*key));
	row = malloc(r->cap * sizeof(*row));
	if (key == NULL || row == NULL) {
		free(key);
		free(row);
		return VS_ENOMEM;
	}
	for (size_t i = 0; i < r->count; i++)
		key[i] = (struct key){ roster_name(r, i), i };
	qsort(key, r->count, sizeof(*key), by_name);
	for (size_t i = 0; i < r->count; i++)
		row[i] = r->row[key[i].at];
	free(key);
	free(r->row);
	r->row = row;
	return VS_OK;
}

bool roster_has(const struct roster *r, const char *name)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(name, roster_name(r, mid));

		if (order == 0)
			return true;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}
