#include "agent/scan/roster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/limits.h"

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
	r->digested = false;
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
	r->digested = false;
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

/*
 * What is sorted: small, and mostly without a look at the text.  Names of
 * one folder like to begin the same, so the first bytes after that decide.
 */
struct key {
	uint64_t first;
	const char *rest; /* of the name, after the bytes of first */
	size_t at;
};

static int by_name(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return strcmp(x->rest, y->rest);
}

/* The next bytes of *name as one number that is in their order. */
static uint64_t take_first(const char **name)
{
	uint64_t n = 0;

	for (int left = (int)sizeof(n); left > 0; left--) {
		n = n << 8 | (unsigned char)**name;
		*name += **name != '\0';
	}
	return n;
}

/* How many bytes all names begin with. */
static size_t common_len(const struct roster *r)
{
	const char *a = roster_name(r, 0);
	size_t n = strlen(a);

	for (size_t i = 1; i < r->count && n > 0; i++) {
		const char *b = roster_name(r, i);
		size_t k = 0;

		while (k < n && a[k] == b[k])
			k++;
		n = k;
	}
	return n;
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
	size_t skip;

	if (in_order(r))
		return VS_OK;
	key = malloc(r->count * sizeof(*key));
	row = malloc(r->cap * sizeof(*row));
	if (key == NULL || row == NULL) {
		free(key);
		free(row);
		return VS_ENOMEM;
	}
	skip = common_len(r);
	for (size_t i = 0; i < r->count; i++) {
		const char *name = roster_name(r, i) + skip;

		key[i].first = take_first(&name);
		key[i].rest = name;
		key[i].at = i;
	}
	qsort(key, r->count, sizeof(*key), by_name);
	for (size_t i = 0; i < r->count; i++)
		row[i] = r->row[key[i].at];
	free(key);
	free(r->row);
	r->row = row;
	r->digested = false;
	return VS_OK;
}

/* Numbers as this machine has them: no digest leaves it. */
static char *put_number(char *at, int64_t n)
{
	memcpy(at, &n, sizeof(n));
	return at + sizeof(n);
}

#define ENTRY_MAX (VS_NAME_MAX + 1 + 1 + 6 * sizeof(int64_t))

/* One name and what counts of its stat, to at; returns the end. */
static char *put_entry(char *at, const char *name, const struct disk_stat *st)
{
	size_t len = strlen(name) + 1;

	memcpy(at, name, len);
	at += len;
	*at++ = st->odd ? 'o' : (char)('0' + (int)st->kind);
	if (st->odd)
		return at;
	at = put_number(at, (int64_t)st->ino);
	at = put_number(at, st->born_ns);
	at = put_number(at, st->mode);
	if (st->kind == VS_KIND_DIR)
		return at;
	at = put_number(at, st->size);
	at = put_number(at, st->mtime_ns);
	return put_number(at, st->ctime_ns);
}

/* All entries into hash. */
static int add_entries(const struct roster *r, struct vs_sha256 *hash)
{
	char text[16 * ENTRY_MAX];
	char *at = text;

	for (size_t i = 0; i < r->count; i++) {
		const char *name = roster_name(r, i);

		if (sizeof(text) - (size_t)(at - text) < ENTRY_MAX) {
			vs_sha256_add(hash, text, (size_t)(at - text));
			at = text;
		}
		if (strlen(name) > VS_NAME_MAX)
			return VS_ELIMIT;
		at = put_entry(at, name, &r->row[i].stat);
	}
	vs_sha256_add(hash, text, (size_t)(at - text));
	return VS_OK;
}

int roster_digest(struct roster *r)
{
	struct vs_sha256 *hash;
	int rc;

	if (r->digested)
		return VS_OK;
	hash = vs_sha256_new();
	if (hash == NULL)
		return VS_ENOMEM;
	vs_sha256_start(hash);
	rc = add_entries(r, hash);
	vs_sha256_end(hash, r->digest);
	vs_sha256_free(hash);
	r->digested = rc == VS_OK;
	return rc;
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
