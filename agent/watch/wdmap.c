/*
 * Invariants: a directory in the tree is watched (wd >= 0) or has something
 * below it, but for the root and holders, which have no parent; all watched
 * ones are in by_wd, all that have a parent in by_name, keyed by parent and
 * name.  Holders are roots of small trees of their own, in a list.
 */
#include "agent/watch/wdmap.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct wdmap_dir {
	struct wdmap_dir *parent; /* NULL: the root */
	struct wdmap_dir *child; /* first below */
	struct wdmap_dir *prev; /* siblings */
	struct wdmap_dir *next;
	struct wdmap_dir *wd_chain; /* in a bucket of by_wd */
	struct wdmap_dir *name_chain; /* in a bucket of by_name */
	int wd; /* -1: not watched */
	uint32_t hash; /* of parent and name */
	unsigned char mark;
	char name[];
};

struct wdmap {
	struct wdmap_dir *root;
	struct wdmap_dir *holders; /* siblings of each other */
	struct wdmap_dir **by_wd; /* buckets */
	struct wdmap_dir **by_name;
	size_t buckets; /* of each; a power of two */
	size_t dirs; /* in the tree */
	size_t watched;
};

#define BUCKETS_MIN 64
#define HOLDER "/" /* its name; no directory has it */

static uint32_t mix(uint64_t x)
{
	x *= 0x9e3779b97f4a7c15ULL;
	return (uint32_t)(x >> 32);
}

static uint32_t name_hash(
    const struct wdmap_dir *parent, const char *name, size_t len)
{
	uint64_t h = (uintptr_t)parent;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 0x100000001b3ULL;
	return mix(h);
}

static struct wdmap_dir **wd_bucket(const struct wdmap *m, int wd)
{
	return &m->by_wd[mix((uint64_t)wd) & (m->buckets - 1)];
}

static struct wdmap_dir **name_bucket(const struct wdmap *m, uint32_t hash)
{
	return &m->by_name[hash & (m->buckets - 1)];
}

static void chain_in(struct wdmap *m, struct wdmap_dir *d)
{
	struct wdmap_dir **b;

	if (d->wd >= 0) {
		b = wd_bucket(m, d->wd);
		d->wd_chain = *b;
		*b = d;
	}
	if (d->parent != NULL) {
		b = name_bucket(m, d->hash);
		d->name_chain = *b;
		*b = d;
	}
}

static void wd_chain_out(struct wdmap *m, struct wdmap_dir *d)
{
	struct wdmap_dir **p = wd_bucket(m, d->wd);

	assert(d->wd >= 0 && m->watched > 0);
	while (*p != d)
		p = &(*p)->wd_chain;
	*p = d->wd_chain;
	d->wd = -1;
	m->watched--;
}

static void name_chain_out(struct wdmap *m, struct wdmap_dir *d)
{
	struct wdmap_dir **p = name_bucket(m, d->hash);

	while (*p != d)
		p = &(*p)->name_chain;
	*p = d->name_chain;
}

/* The one after d in a walk from above; the root is followed by holders. */
static struct wdmap_dir *walk_next(
    const struct wdmap *m, const struct wdmap_dir *d)
{
	if (d->child != NULL)
		return d->child;
	while (d->parent != NULL && d->next == NULL)
		d = d->parent;
	return d == m->root ? m->holders : d->next;
}

static int wdmap_grow(struct wdmap *m)
{
	size_t n = m->buckets * 2;
	struct wdmap_dir **wds = calloc(n, sizeof(struct wdmap_dir *));
	struct wdmap_dir **names = calloc(n, sizeof(struct wdmap_dir *));

	if (wds == NULL || names == NULL) {
		free(wds);
		free(names);
		return VS_ENOMEM;
	}
	free(m->by_wd);
	free(m->by_name);
	m->by_wd = wds;
	m->by_name = names;
	m->buckets = n;
	for (struct wdmap_dir *d = m->root; d != NULL; d = walk_next(m, d))
		chain_in(m, d);
	return VS_OK;
}

static struct wdmap_dir *dir_new(const char *name, size_t len)
{
	struct wdmap_dir *d = calloc(1, sizeof(*d) + len + 1);

	if (d == NULL)
		return NULL;
	memcpy(d->name, name, len);
	d->wd = -1;
	return d;
}

int wdmap_new(struct wdmap **out, struct vs_err *err)
{
	struct wdmap *m = calloc(1, sizeof(*m));

	assert(out != NULL);
	if (m == NULL)
		goto fail;
	m->buckets = BUCKETS_MIN;
	m->root = dir_new("", strlen(HOLDER)); /* it may become one */
	m->by_wd = calloc(m->buckets, sizeof(struct wdmap_dir *));
	m->by_name = calloc(m->buckets, sizeof(struct wdmap_dir *));
	if (m->root == NULL || m->by_wd == NULL || m->by_name == NULL)
		goto fail;
	m->dirs = 1;
	*out = m;
	return VS_OK;
fail:
	if (m != NULL) {
		free(m->root);
		free(m->by_wd);
		free(m->by_name);
	}
	free(m);
	return vs_err_set(err, VS_ENOMEM, "watch: out of memory");
}

static struct wdmap_dir *child_find(const struct wdmap *m,
    const struct wdmap_dir *parent, const char *name, size_t len)
{
	uint32_t hash = name_hash(parent, name, len);
	struct wdmap_dir *d = *name_bucket(m, hash);

	for (; d != NULL; d = d->name_chain)
		if (d->hash == hash && d->parent == parent &&
		    strncmp(d->name, name, len) == 0 && d->name[len] == '\0')
			return d;
	return NULL;
}

/* Puts d, which has no parent, below one. */
static void link_in(
    struct wdmap *m, struct wdmap_dir *d, struct wdmap_dir *parent)
{
	struct wdmap_dir **b;

	d->parent = parent;
	d->hash = name_hash(parent, d->name, strlen(d->name));
	d->prev = NULL;
	d->next = parent->child;
	if (d->next != NULL)
		d->next->prev = d;
	parent->child = d;
	b = name_bucket(m, d->hash);
	d->name_chain = *b;
	*b = d;
}

/* Takes d from its parent, with what is below it. */
static void link_out(struct wdmap *m, struct wdmap_dir *d)
{
	name_chain_out(m, d);
	if (d->prev != NULL)
		d->prev->next = d->next;
	else
		d->parent->child = d->next;
	if (d->next != NULL)
		d->next->prev = d->prev;
	d->parent = NULL;
	d->prev = NULL;
	d->next = NULL;
}

static struct wdmap_dir *child_add(
    struct wdmap *m, struct wdmap_dir *parent, const char *name, size_t len)
{
	struct wdmap_dir *d;

	if (m->dirs >= m->buckets && wdmap_grow(m) < 0)
		return NULL;
	d = dir_new(name, len);
	if (d == NULL)
		return NULL;
	link_in(m, d, parent);
	m->dirs++;
	return d;
}

struct wdmap_dir *wdmap_child(
    const struct wdmap *m, const struct wdmap_dir *d, const char *name)
{
	return child_find(m, d, name, strlen(name));
}

struct wdmap_dir *wdmap_at(const struct wdmap *m, const char *path)
{
	struct wdmap_dir *d = m->root;

	while (d != NULL && *path != '\0') {
		size_t len = strcspn(path, "/");

		d = child_find(m, d, path, len);
		path += len;
		path += *path == '/' ? 1 : 0;
	}
	return d;
}

struct wdmap_dir *wdmap_by_wd(const struct wdmap *m, int wd)
{
	struct wdmap_dir *d = *wd_bucket(m, wd);

	while (d != NULL && d->wd != wd)
		d = d->wd_chain;
	return d;
}

int wdmap_wd(const struct wdmap_dir *d)
{
	return d->wd;
}

bool wdmap_is_root(const struct wdmap_dir *d)
{
	return d->parent == NULL;
}

bool wdmap_parent_watched(const struct wdmap_dir *d)
{
	return d->parent != NULL && d->parent->wd >= 0;
}

int wdmap_path(const struct wdmap_dir *d, char *out, size_t cap)
{
	size_t len = 0;
	char *end;

	const struct wdmap_dir *top = d;

	for (; top->parent != NULL; top = top->parent)
		len +=
		    strlen(top->name) + (top->parent->parent != NULL ? 1 : 0);
	if (strcmp(top->name, HOLDER) == 0)
		return VS_ENOENT;
	if (len >= cap)
		return VS_ELIMIT;
	end = out + len;
	*end = '\0';
	for (const struct wdmap_dir *i = d; i->parent != NULL; i = i->parent) {
		size_t n = strlen(i->name);

		end -= n;
		memcpy(end, i->name, n);
		if (i->parent->parent != NULL)
			*--end = '/';
	}
	assert(end == out);
	return (int)len;
}

/* Takes a childless, unwatched d out of the tree and frees it. */
static void dir_free(struct wdmap *m, struct wdmap_dir *d)
{
	assert(d->parent != NULL && d->child == NULL && d->wd < 0);
	link_out(m, d);
	free(d);
	m->dirs--;
}

/* Frees d, and those above, that are neither watched nor needed. */
static void dir_prune(struct wdmap *m, struct wdmap_dir *d)
{
	while (d->parent != NULL && d->wd < 0 && d->child == NULL) {
		struct wdmap_dir *parent = d->parent;

		dir_free(m, d);
		d = parent;
	}
}

/* The directory at path, made as a step where it was not; or NULL. */
static struct wdmap_dir *path_make(
    struct wdmap *m, const char *path, size_t left)
{
	struct wdmap_dir *d = m->root;

	while (left > 0) {
		const char *slash = memchr(path, '/', left);
		size_t len = slash != NULL ? (size_t)(slash - path) : left;
		struct wdmap_dir *next = child_find(m, d, path, len);

		if (next == NULL)
			next = child_add(m, d, path, len);
		if (next == NULL) {
			dir_prune(m, d);
			return NULL;
		}
		d = next;
		len += slash != NULL ? 1 : 0;
		path += len;
		left -= len;
	}
	return d;
}

static void wd_chain_in(struct wdmap *m, struct wdmap_dir *d, int wd)
{
	struct wdmap_dir **b = wd_bucket(m, wd);

	assert(d->wd < 0);
	d->wd = wd;
	d->wd_chain = *b;
	*b = d;
	m->watched++;
}

int wdmap_put(struct wdmap *m, const char *path, int wd, struct vs_err *err)
{
	struct wdmap_dir *d = path_make(m, path, strlen(path));

	assert(wd >= 0 && wdmap_by_wd(m, wd) == NULL);
	if (d == NULL)
		return vs_err_set(err, VS_ENOMEM, "watch: out of memory");
	wd_chain_in(m, d, wd);
	return VS_OK;
}

static void holder_in(struct wdmap *m, struct wdmap_dir *holder)
{
	holder->next = m->holders;
	if (holder->next != NULL)
		holder->next->prev = holder;
	m->holders = holder;
}

struct wdmap_dir *wdmap_detach(struct wdmap *m, struct wdmap_dir *d)
{
	struct wdmap_dir *holder = dir_new(HOLDER, strlen(HOLDER));
	struct wdmap_dir *parent = d->parent;

	assert(parent != NULL);
	if (holder == NULL)
		return NULL;
	holder_in(m, holder);
	link_out(m, d);
	link_in(m, d, holder);
	dir_prune(m, parent);
	return holder;
}

struct wdmap_dir *wdmap_detach_all(struct wdmap *m)
{
	struct wdmap_dir *root = dir_new("", strlen(HOLDER));
	struct wdmap_dir *holder = m->root;

	if (root == NULL)
		return NULL;
	if (holder->wd >= 0)
		wd_chain_out(m, holder);
	memcpy(holder->name, HOLDER, strlen(HOLDER));
	holder_in(m, holder);
	m->root = root;
	return holder;
}

static void holder_free(struct wdmap *m, struct wdmap_dir *holder)
{
	assert(holder->parent == NULL && holder->child == NULL);
	if (holder->prev != NULL)
		holder->prev->next = holder->next;
	else
		m->holders = holder->next;
	if (holder->next != NULL)
		holder->next->prev = holder->prev;
	free(holder);
}

/* Another directory object in the place of d, which hangs nowhere. */
static void dir_become(
    struct wdmap *m, struct wdmap_dir *d, struct wdmap_dir *twin)
{
	int wd = d->wd;

	twin->mark = d->mark;
	while (d->child != NULL) {
		struct wdmap_dir *c = d->child;

		link_out(m, c);
		link_in(m, c, twin);
	}
	if (wd >= 0) {
		wd_chain_out(m, d);
		wd_chain_in(m, twin, wd);
	}
	free(d);
}

int wdmap_attach_below(struct wdmap *m, struct wdmap_dir *holder,
    struct wdmap_dir *parent, const char *name, struct vs_err *err)
{
	struct wdmap_dir *d = holder->child;
	struct wdmap_dir *top = parent;
	struct wdmap_dir *twin;

	assert(*name != '\0');
	while (top->parent != NULL)
		top = top->parent;
	if (d == NULL)
		return vs_err_set(err, VS_ENOENT, "watch: nothing is left");
	if (top == holder)
		return vs_err_set(err, VS_ELOOP, "watch: it lies in itself");
	if (wdmap_child(m, parent, name) != NULL)
		return vs_err_set(err, VS_EEXIST, "watch: the name is taken");
	twin = strcmp(d->name, name) == 0 ? d : dir_new(name, strlen(name));
	if (twin == NULL)
		return vs_err_set(err, VS_ENOMEM, "watch: out of memory");
	link_out(m, d);
	if (twin != d)
		dir_become(m, d, twin);
	link_in(m, twin, parent);
	holder_free(m, holder);
	return VS_OK;
}

int wdmap_attach(struct wdmap *m, struct wdmap_dir *holder, const char *path,
    struct vs_err *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	struct wdmap_dir *parent =
	    path_make(m, path, slash != NULL ? (size_t)(slash - path) : 0);
	int r;

	if (parent == NULL)
		return vs_err_set(err, VS_ENOMEM, "watch: out of memory");
	r = wdmap_attach_below(m, holder, parent, name, err);
	if (r < 0)
		dir_prune(m, parent);
	return r;
}

/* The first leaf at or below d: no recursion, depth is the user's. */
static struct wdmap_dir *leaf_of(struct wdmap_dir *d)
{
	while (d->child != NULL)
		d = d->child;
	return d;
}

/* Forgets that leaf is watched. */
static void leaf_drop(struct wdmap *m, struct wdmap_dir *leaf,
    void (*gone)(void *arg, int wd), void *arg)
{
	int wd = leaf->wd;

	if (wd < 0)
		return;
	wd_chain_out(m, leaf);
	if (gone != NULL)
		gone(arg, wd);
}

bool wdmap_trim(struct wdmap *m, struct wdmap_dir *holder, size_t *most,
    void (*gone)(void *arg, int wd), void *arg)
{
	struct wdmap_dir *leaf = leaf_of(holder);

	for (; leaf != holder && *most > 0; --*most) {
		struct wdmap_dir *parent = leaf->parent;

		leaf_drop(m, leaf, gone, arg);
		dir_free(m, leaf);
		leaf = leaf_of(parent);
	}
	if (leaf != holder)
		return false;
	holder_free(m, holder);
	return true;
}

void wdmap_drop(struct wdmap *m, struct wdmap_dir *d,
    void (*gone)(void *arg, int wd), void *arg)
{
	struct wdmap_dir *leaf = NULL;
	struct wdmap_dir *parent = d->parent;

	while (leaf != d) {
		leaf = leaf_of(d);
		leaf_drop(m, leaf, gone, arg);
		if (leaf != d)
			dir_free(m, leaf);
	}
	if (parent != NULL)
		dir_prune(m, d);
}

void wdmap_unwatch(struct wdmap *m, struct wdmap_dir *d)
{
	if (d->wd >= 0)
		wd_chain_out(m, d);
	dir_prune(m, d);
}

void wdmap_mark(struct wdmap_dir *d, unsigned char mark)
{
	d->mark = mark;
}

void wdmap_sift(struct wdmap *m, unsigned char mark,
    void (*gone)(void *arg, int wd), void *arg)
{
	struct wdmap_dir *next;

	for (struct wdmap_dir *d = m->root; d != m->holders; d = next) {
		int wd = d->wd;

		/* it stays whatever is pruned: that lies before it */
		next = walk_next(m, d);
		if (wd < 0 || d->mark == mark)
			continue;
		wdmap_unwatch(m, d);
		gone(arg, wd);
	}
}

size_t wdmap_count(const struct wdmap *m)
{
	return m->watched;
}

void wdmap_free(struct wdmap *m)
{
	if (m == NULL)
		return;
	wdmap_drop(m, m->root, NULL, NULL);
	while (m->holders != NULL)
		wdmap_trim(m, m->holders, &(size_t){ SIZE_MAX }, NULL, NULL);
	assert(m->root->child == NULL);
	free(m->root);
	free(m->by_wd);
	free(m->by_name);
	free(m);
}
