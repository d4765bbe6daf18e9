#include "tests/sim/medium.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Unsynced bytes of a file beyond which the oldest are written back, as a
 * kernel would by itself. */
#define MEDIUM_DIRTY_MAX ((size_t)8 << 20)

struct image {
	uint8_t *data;
	size_t len;
	size_t cap;
};

/* A pending write (data follows in the arena) or truncation. */
struct record {
	int64_t off; /* of the write, or the new size */
	size_t len; /* bytes that follow; 0 for a truncation */
	bool truncate;
	bool lost; /* its sync failed */
};

struct medium_file {
	struct medium_file *next; /* all files of the medium */
	struct medium *medium;
	int refs; /* handles, names, pending names */
	struct image live;
	struct image durable;
	struct image pending; /* records */
};

struct name {
	char *name;
	struct medium_file *file;
	bool removed; /* in the pending list: a removal */
};

struct names {
	struct name *v;
	size_t n;
	size_t cap;
};

struct medium {
	struct vs_rand *rand;
	struct medium_file *files;
	struct names live;
	struct names durable;
	struct names pending; /* in order */
};

static void *grow(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p)
		abort();
	return p;
}

static void image_room(struct image *g, size_t len)
{
	size_t cap = g->cap ? g->cap : 4096;

	if (len <= g->cap)
		return;
	while (cap < len)
		cap *= 2;
	g->data = grow(g->data, cap);
	g->cap = cap;
}

static void image_resize(struct image *g, size_t len)
{
	image_room(g, len);
	if (len > g->len)
		memset(g->data + g->len, 0, len - g->len);
	g->len = len;
}

static void image_put(struct image *g, const void *data, size_t len, size_t off)
{
	if (off > g->len)
		image_resize(g, off);
	if (off + len > g->len) {
		image_room(g, off + len);
		g->len = off + len;
	}
	if (len)
		memcpy(g->data + off, data, len);
}

static void file_unref(struct medium_file *f)
{
	struct medium_file **at = &f->medium->files;

	assert(f->refs > 0);
	if (--f->refs)
		return;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	free(f->live.data);
	free(f->durable.data);
	free(f->pending.data);
	free(f);
}

static void names_add(
    struct names *a, const char *name, struct medium_file *f, bool removed)
{
	if (a->n == a->cap) {
		a->cap = a->cap ? a->cap * 2 : 8;
		a->v = grow(a->v, a->cap * sizeof(*a->v));
	}
	a->v[a->n].name = strdup(name);
	if (!a->v[a->n].name)
		abort();
	a->v[a->n].file = f;
	a->v[a->n++].removed = removed;
	if (f)
		f->refs++;
}

static ptrdiff_t names_find(const struct names *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->v[i].name, name))
			return (ptrdiff_t)i;
	return -1;
}

static void names_drop(struct names *a, size_t i)
{
	assert(i < a->n);
	free(a->v[i].name);
	if (a->v[i].file)
		file_unref(a->v[i].file);
	memmove(a->v + i, a->v + i + 1, (a->n - i - 1) * sizeof(*a->v));
	a->n--;
}

static void names_clear(struct names *a)
{
	while (a->n)
		names_drop(a, a->n - 1);
}

/* Does the first count pending name operations to the durable names. */
static void names_settle(struct medium *m, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct name *p = &m->pending.v[i];
		ptrdiff_t at = names_find(&m->durable, p->name);

		if (at >= 0)
			names_drop(&m->durable, (size_t)at);
		if (!p->removed)
			names_add(&m->durable, p->name, p->file, false);
	}
	names_clear(&m->pending);
}

struct medium *medium_new(struct vs_rand *rand)
{
	struct medium *m = grow(NULL, sizeof(*m));

	assert(rand);
	memset(m, 0, sizeof(*m));
	m->rand = rand;
	return m;
}

void medium_free(struct medium *m)
{
	if (!m)
		return;
	names_clear(&m->pending);
	names_clear(&m->durable);
	names_clear(&m->live);
	assert(!m->files);
	free(m->pending.v);
	free(m->durable.v);
	free(m->live.v);
	free(m);
}

struct medium_file *medium_open(
    struct medium *m, const char *name, bool create, bool *made)
{
	ptrdiff_t at = names_find(&m->live, name);
	struct medium_file *f;

	if (made)
		*made = at < 0 && create;
	if (at >= 0) {
		m->live.v[at].file->refs++;
		return m->live.v[at].file;
	}
	if (!create)
		return NULL;
	f = grow(NULL, sizeof(*f));
	memset(f, 0, sizeof(*f));
	f->medium = m;
	f->refs = 1;
	f->next = m->files;
	m->files = f;
	names_add(&m->live, name, f, false);
	names_add(&m->pending, name, f, false);
	return f;
}

void medium_close(struct medium_file *f)
{
	if (f)
		file_unref(f);
}

bool medium_exists(const struct medium *m, const char *name)
{
	return names_find(&m->live, name) >= 0;
}

void medium_each(const struct medium *m,
    void (*each)(void *arg, const char *name), void *arg)
{
	for (size_t i = 0; i < m->live.n; i++)
		each(arg, m->live.v[i].name);
}

bool medium_remove(struct medium *m, const char *name)
{
	ptrdiff_t at = names_find(&m->live, name);

	if (at < 0)
		return false;
	names_add(&m->pending, name, NULL, true);
	names_drop(&m->live, (size_t)at);
	return true;
}

size_t medium_read(
    const struct medium_file *f, void *out, size_t len, int64_t off)
{
	size_t at = (size_t)off;

	assert(off >= 0);
	if (at >= f->live.len)
		return 0;
	if (len > f->live.len - at)
		len = f->live.len - at;
	memcpy(out, f->live.data + at, len);
	return len;
}

static void image_apply(
    struct image *g, const struct record *r, const uint8_t *data)
{
	if (r->truncate)
		image_resize(g, (size_t)r->off);
	else
		image_put(g, data, r->len, (size_t)r->off);
}

static void file_note(
    struct medium_file *f, const struct record *r, const void *data)
{
	image_put(&f->pending, r, sizeof(*r), f->pending.len);
	if (data)
		image_put(&f->pending, data, r->len, f->pending.len);
	if (f->pending.len > MEDIUM_DIRTY_MAX)
		medium_sync(f);
}

void medium_write(
    struct medium_file *f, const void *data, size_t len, int64_t off)
{
	struct record r = { .off = off, .len = len };

	assert(off >= 0);
	image_put(&f->live, data, len, (size_t)off);
	file_note(f, &r, data);
}

void medium_truncate(struct medium_file *f, int64_t size)
{
	struct record r = { .off = size, .truncate = true };

	assert(size >= 0);
	image_resize(&f->live, (size_t)size);
	file_note(f, &r, NULL);
}

int64_t medium_size(const struct medium_file *f)
{
	return (int64_t)f->live.len;
}

/* The record at *at and its data; moves *at behind it; false at the end. */
static bool record_next(
    struct image *g, size_t *at, struct record *r, uint8_t **data)
{
	if (*at >= g->len)
		return false;
	memcpy(r, g->data + *at, sizeof(*r));
	*data = g->data + *at + sizeof(*r);
	*at += sizeof(*r) + r->len;
	assert(*at <= g->len);
	return true;
}

void medium_sync(struct medium_file *f)
{
	struct record r;
	uint8_t *data;
	size_t at = 0;

	while (record_next(&f->pending, &at, &r, &data))
		if (!r.lost)
			image_apply(&f->durable, &r, data);
	f->pending.len = 0;
}

void medium_sync_failed(struct medium_file *f)
{
	struct record r;
	uint8_t *data;
	size_t at = 0;

	while (record_next(&f->pending, &at, &r, &data)) {
		if (r.truncate || vs_rand_below(f->medium->rand, 2))
			continue;
		r.lost = true;
		memcpy(data - sizeof(r), &r, sizeof(r));
	}
}

void medium_sync_names(struct medium *m)
{
	names_settle(m, m->pending.n);
}

/* How a crash treats the pending writes of one file. */
enum luck { LUCK_NONE, LUCK_ALL, LUCK_FIRST, LUCK_SECTORS, LUCKS };

/* Writes those sectors of the record that a coin spares. */
static void image_tear(struct image *g, const struct record *r,
    const uint8_t *data, struct vs_rand *rand)
{
	size_t done = 0;

	while (done < r->len) {
		size_t off = (size_t)r->off + done;
		size_t part = MEDIUM_SECTOR - off % MEDIUM_SECTOR;

		if (part > r->len - done)
			part = r->len - done;
		if (vs_rand_below(rand, 2))
			image_put(g, data + done, part, off);
		done += part;
	}
}

static void file_crash(struct medium_file *f, struct vs_rand *rand)
{
	enum luck luck = (enum luck)vs_rand_below(rand, LUCKS);
	size_t at = 0, total = f->pending.len, stop = 0;
	struct record r;
	uint8_t *data;

	if (luck == LUCK_FIRST && total)
		stop = (size_t)vs_rand_below(rand, total);
	while (luck != LUCK_NONE && record_next(&f->pending, &at, &r, &data)) {
		bool torn =
		    luck == LUCK_SECTORS || (luck == LUCK_FIRST && at > stop);

		if (r.lost)
			continue;
		/* what follows a lost change of size is lost with it */
		if (r.truncate && torn && vs_rand_below(rand, 2))
			break;
		if (torn && !r.truncate)
			image_tear(&f->durable, &r, data, rand);
		else
			image_apply(&f->durable, &r, data);
		if (luck == LUCK_FIRST && torn)
			break;
	}
	f->pending.len = 0;
	f->live.len = 0;
	image_put(&f->live, f->durable.data, f->durable.len, 0);
}

void medium_crash(struct medium *m)
{
	struct names *n = &m->durable;

	names_settle(m, (size_t)vs_rand_below(m->rand, m->pending.n + 1));
	names_clear(&m->live);
	for (size_t i = 0; i < n->n; i++) {
		names_add(&m->live, n->v[i].name, n->v[i].file, false);
		file_crash(n->v[i].file, m->rand);
	}
}
