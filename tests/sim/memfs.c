#include "tests/sim/memfs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/path.h"
#include "common/base/text.h"

struct memfs {
	struct memfs_hooks hooks;
	void (*event)(void *arg, struct memfs_node *dir, const char *name,
	    enum memfs_event what, bool is_dir);
	void *event_arg;
	struct memfs_node *root;
	uint64_t last_ino;
	int64_t grain;
	int64_t last_ns;
	size_t count;
	bool unseen;
	bool rash;
};

static void *need(void *p)
{
	if (!p)
		abort();
	return p;
}

/* A time of its own for each change, rounded as the kernel's tick is. */
static int64_t memfs_now(struct memfs *fs)
{
	int64_t ns = fs->hooks.now(fs->hooks.arg);

	/* one millisecond of the world has room for a million changes; a
	   clock that was set back stays back */
	if (ns <= fs->last_ns && ns > fs->last_ns - 1000000)
		ns = fs->last_ns + 1;
	fs->last_ns = ns;
	return ns - ns % fs->grain;
}

static void memfs_tell(
    struct memfs *fs, const struct memfs_node *n, enum memfs_event what)
{
	if (n->parent && fs->event)
		fs->event(fs->event_arg, n->parent, n->name, what,
		    n->kind == VS_KIND_DIR);
}

static void tell_shown(struct memfs *fs, const struct memfs_node *n)
{
	if (fs->hooks.shown && n->parent)
		fs->hooks.shown(fs->hooks.arg, n);
}

/* What was done to n is done to the inode: its other names show it. */
static void inode_spread(struct memfs_node *n)
{
	for (struct memfs_node *t = n->twin; t && t != n; t = t->twin) {
		t->ctime_ns = n->ctime_ns;
		t->mtime_ns = n->mtime_ns;
		t->mode = n->mode;
		t->writers = n->writers;
		t->moved = n->moved;
		t->quiet = n->quiet;
		t->data = need(realloc(t->data, n->size + 1));
		if (n->size)
			memcpy(t->data, n->data, n->size);
		t->size = n->size;
	}
}

/* The same, of a change that shows in its content or its times. */
static void inode_changed(struct memfs *fs, struct memfs_node *n)
{
	inode_spread(n);
	tell_shown(fs, n);
	for (struct memfs_node *t = n->twin; t && t != n; t = t->twin) {
		fs->unseen |= t->parent != NULL;
		tell_shown(fs, t);
	}
}

static void inode_leave(struct memfs_node *n)
{
	struct memfs_node *last = n->twin;

	if (!last)
		return;
	while (last->twin != n)
		last = last->twin;
	last->twin = n->twin == last ? NULL : n->twin;
	n->twin = NULL;
}

static struct memfs_node *node_new(struct memfs *fs, enum vs_kind kind)
{
	struct memfs_node *n = need(calloc(1, sizeof(*n)));

	n->refs = 1;
	n->kind = kind;
	n->ino = ++fs->last_ino;
	n->mode = kind == VS_KIND_DIR ? 0755 : 0644;
	if (kind == VS_KIND_SYMLINK)
		n->mode = 0777;
	n->mtime_ns = n->ctime_ns = n->born_ns = memfs_now(fs);
	return n;
}

struct memfs_node *memfs_ref(struct memfs_node *n)
{
	assert(n->refs > 0);
	n->refs++;
	return n;
}

void memfs_unref(struct memfs_node *n)
{
	if (!n || --n->refs)
		return;
	assert(!n->parent);
	for (size_t i = 0; i < n->children; i++) {
		n->child[i]->parent = NULL;
		memfs_unref(n->child[i]);
	}
	inode_leave(n);
	free(n->child);
	free(n->data);
	free(n->name);
	free(n);
}

/* Where name is in dir or would be put. */
static size_t child_at(
    const struct memfs_node *dir, const char *name, size_t len, bool *found)
{
	size_t lo = 0, hi = dir->children;

	*found = false;
	while (lo < hi && !*found) {
		size_t mid = (lo + hi) / 2;
		const char *have = dir->child[mid]->name;
		int c = strncmp(have, name, len);

		if (!c)
			c = have[len] ? 1 : 0;
		*found = !c;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return *found ? hi : lo;
}

static struct memfs_node *child_get(
    const struct memfs_node *dir, const char *name, size_t len)
{
	bool found;
	size_t at = child_at(dir, name, len, &found);

	return found ? dir->child[at] : NULL;
}

/* n stands somewhere new, and what is below it with it. */
static void tell_all_shown(struct memfs *fs, const struct memfs_node *n)
{
	if (n->kind != VS_KIND_DIR)
		tell_shown(fs, n);
	for (size_t i = 0; i < n->children; i++)
		tell_all_shown(fs, n->child[i]);
}

static void node_attach(
    struct memfs *fs, struct memfs_node *dir, struct memfs_node *n)
{
	bool found;
	size_t at = child_at(dir, n->name, strlen(n->name), &found);

	assert(!found && !n->parent);
	if (dir->children == dir->child_cap) {
		dir->child_cap = dir->child_cap ? dir->child_cap * 2 : 4;
		dir->child = need(realloc(
		    dir->child, dir->child_cap * sizeof(struct memfs_node *)));
	}
	memmove(dir->child + at + 1, dir->child + at,
	    (dir->children - at) * sizeof(struct memfs_node *));
	dir->child[at] = n;
	dir->children++;
	n->parent = dir;
	dir->mtime_ns = dir->ctime_ns = memfs_now(fs);
	tell_all_shown(fs, n);
}

static void node_detach(struct memfs *fs, struct memfs_node *n)
{
	struct memfs_node *dir = n->parent;
	bool found;
	size_t at = child_at(dir, n->name, strlen(n->name), &found);

	assert(found);
	memmove(dir->child + at, dir->child + at + 1,
	    (dir->children - at - 1) * sizeof(struct memfs_node *));
	dir->children--;
	n->parent = NULL;
	n->ctime_ns = dir->mtime_ns = dir->ctime_ns = memfs_now(fs);
	inode_spread(n);
}

/* Says of n and all below it that their paths are gone. */
static void tell_removed(struct memfs *fs, const struct memfs_node *n)
{
	char path[VS_PATH_MAX + 1];

	if (!fs->hooks.removed || !memfs_path(n, path))
		return;
	fs->hooks.removed(fs->hooks.arg, path);
	for (size_t i = 0; i < n->children; i++)
		tell_removed(fs, n->child[i]);
}

struct memfs *memfs_new(const struct memfs_hooks *hooks)
{
	struct memfs *fs = need(calloc(1, sizeof(*fs)));

	assert(hooks->now);
	fs->hooks = *hooks;
	fs->grain = 1;
	fs->last_ino = 100;
	fs->root = node_new(fs, VS_KIND_DIR);
	memfs_mkdir(fs, ".vsync");
	fs->root->child[0]->hidden = true;
	fs->count = 0;
	return fs;
}

void memfs_free(struct memfs *fs)
{
	if (!fs)
		return;
	memfs_unref(fs->root);
	free(fs);
}

void memfs_watch(struct memfs *fs,
    void (*event)(void *arg, struct memfs_node *dir, const char *name,
	enum memfs_event what, bool is_dir),
    void *arg)
{
	fs->event = event;
	fs->event_arg = arg;
}

void memfs_grain(struct memfs *fs, int64_t ns)
{
	assert(ns > 0);
	fs->grain = ns;
}

size_t memfs_count(const struct memfs *fs)
{
	return fs->count;
}

bool memfs_unseen(struct memfs *fs)
{
	bool unseen = fs->unseen;

	fs->unseen = false;
	return unseen;
}

struct memfs_node *memfs_at(struct memfs *fs, const char *path, int *code)
{
	struct memfs_node *n = fs->root;
	int ignored;

	if (!code)
		code = &ignored;
	*code = VS_OK;
	while (*path) {
		size_t len = strcspn(path, "/");
		bool last = !path[len];

		if (n->kind != VS_KIND_DIR) {
			*code =
			    n->kind == VS_KIND_SYMLINK ? VS_ELOOP : VS_ENOTDIR;
			return NULL;
		}
		n = child_get(n, path, len);
		if (!n) {
			*code = last ? VS_ENOENT : VS_ENOTDIR;
			return NULL;
		}
		path += len + !last;
	}
	return n;
}

bool memfs_path(const struct memfs_node *n, char out[VS_PATH_MAX + 1])
{
	char *end = out + VS_PATH_MAX;
	char *at = end;

	if (!n->parent && n->name)
		return false;
	*at = '\0';
	for (; n->parent; n = n->parent) {
		size_t len = strlen(n->name);

		if ((size_t)(at - out) < len + 1)
			return false;
		if (at != end)
			*--at = '/';
		at -= len;
		memcpy(at, n->name, len);
	}
	memmove(out, at, (size_t)(end - at) + 1);
	return !n->name; /* not the root: below something removed */
}

void memfs_stat(const struct memfs_node *n, struct disk_stat *out)
{
	memset(out, 0, sizeof(*out));
	out->kind = n->kind;
	out->size = n->kind == VS_KIND_DIR ? 0 : (int64_t)n->size;
	out->mtime_ns = n->mtime_ns;
	out->ctime_ns = n->ctime_ns;
	out->ino = n->ino;
	out->folder = n->parent ? n->parent->ino : 0;
	out->born_ns = n->born_ns;
	out->mode = n->mode;
}

/* The directory that holds path, and its last component. */
static struct memfs_node *parent_of(
    struct memfs *fs, const char *path, const char **name)
{
	char dir[VS_PATH_MAX + 1];
	size_t len = vs_path_parent_len(path);
	struct memfs_node *n;

	memcpy(dir, path, len);
	dir[len] = '\0';
	*name = vs_path_name(path);
	n = memfs_at(fs, dir, NULL);
	return n && n->kind == VS_KIND_DIR ? n : NULL;
}

/* A new node at path, told of; NULL if there is one or no parent. */
static struct memfs_node *node_make(
    struct memfs *fs, const char *path, enum vs_kind kind)
{
	const char *name;
	struct memfs_node *dir = parent_of(fs, path, &name);
	struct memfs_node *n;

	if (!dir || child_get(dir, name, strlen(name)))
		return NULL;
	n = node_new(fs, kind);
	n->name = need(strdup(name));
	node_attach(fs, dir, n);
	fs->count++;
	memfs_tell(fs, n, MEMFS_CREATED);
	return n;
}

struct memfs_node *memfs_open(struct memfs *fs, const char *path)
{
	struct memfs_node *n = memfs_at(fs, path, NULL);

	if (!n)
		n = node_make(fs, path, VS_KIND_FILE);
	if (!n || n->kind != VS_KIND_FILE)
		return NULL;
	n->writers++;
	inode_spread(n);
	return memfs_ref(n);
}

static void node_resize(struct memfs_node *n, size_t size)
{
	if (size > n->size) {
		n->data = need(realloc(n->data, size));
		memset(n->data + n->size, 0, size - n->size);
	}
	n->size = size;
}

void memfs_write(struct memfs *fs, struct memfs_node *n, size_t off,
    const void *data, size_t len)
{
	assert(n->kind == VS_KIND_FILE && n->writers);
	if (!len)
		return;
	if (off + len > n->size)
		node_resize(n, off + len);
	memcpy(n->data + off, data, len);
	n->mtime_ns = n->ctime_ns = memfs_now(fs);
	inode_changed(fs, n);
	memfs_tell(fs, n, MEMFS_MODIFIED);
}

void memfs_truncate(struct memfs *fs, struct memfs_node *n, size_t size)
{
	assert(n->kind == VS_KIND_FILE && n->writers);
	node_resize(n, size);
	n->mtime_ns = n->ctime_ns = memfs_now(fs);
	inode_changed(fs, n);
	memfs_tell(fs, n, MEMFS_MODIFIED);
}

void memfs_close(struct memfs *fs, struct memfs_node *n)
{
	assert(n->writers > 0);
	n->writers--;
	inode_spread(n);
	for (struct memfs_node *t = n->twin; t && t != n; t = t->twin)
		fs->unseen |= t->parent != NULL;
	memfs_tell(fs, n, MEMFS_CLOSED);
	memfs_unref(n);
}

bool memfs_mkdir(struct memfs *fs, const char *path)
{
	return node_make(fs, path, VS_KIND_DIR) != NULL;
}

bool memfs_symlink(struct memfs *fs, const char *path, const char *target)
{
	struct memfs_node *n = node_make(fs, path, VS_KIND_SYMLINK);

	if (!n)
		return false;
	n->size = strlen(target);
	n->data = need(malloc(n->size + 1));
	memcpy(n->data, target, n->size);
	tell_shown(fs, n);
	return true;
}

bool memfs_link(struct memfs *fs, const char *from, const char *to)
{
	struct memfs_node *old = memfs_at(fs, from, NULL);
	struct memfs_node *n;

	if (!old || old->kind != VS_KIND_FILE || (old->quiet && !fs->rash))
		return false;
	n = node_make(fs, to, VS_KIND_FILE);
	if (!n)
		return false;
	n->ino = old->ino;
	n->born_ns = old->born_ns;
	old->moved = true;
	n->twin = old->twin ? old->twin : old;
	old->twin = n;
	old->ctime_ns = n->ctime_ns;
	inode_spread(old);
	tell_shown(fs, n);
	return true;
}

/* Takes a name away: of a leaf, or of what is left of a tree. */
static void node_remove(struct memfs *fs, struct memfs_node *n)
{
	struct memfs_node *dir = n->parent;

	assert(!n->children);
	tell_removed(fs, n);
	node_detach(fs, n);
	fs->count--;
	if (fs->event)
		fs->event(fs->event_arg, dir, n->name, MEMFS_DELETED,
		    n->kind == VS_KIND_DIR);
	memfs_unref(n);
}

bool memfs_unlink(struct memfs *fs, const char *path)
{
	struct memfs_node *n = memfs_at(fs, path, NULL);

	if (!n || n->kind == VS_KIND_DIR)
		return false;
	node_remove(fs, n);
	return true;
}

static void tree_remove(struct memfs *fs, struct memfs_node *n)
{
	while (n->children)
		tree_remove(fs, n->child[n->children - 1]);
	node_remove(fs, n);
}

bool memfs_rmtree(struct memfs *fs, const char *path)
{
	struct memfs_node *n = memfs_at(fs, path, NULL);

	if (!n || !n->parent || n->kind != VS_KIND_DIR || n->hidden)
		return false;
	tree_remove(fs, n);
	return true;
}

/* True if a rename onto old is allowed; old is then out of the way. */
static bool rename_over(
    struct memfs *fs, const struct memfs_node *n, struct memfs_node *old)
{
	bool dir = n->kind == VS_KIND_DIR;

	if (dir != (old->kind == VS_KIND_DIR) || old->children || old->hidden)
		return false;
	/* the kernel gives no event for what is replaced in its parent */
	tell_removed(fs, old);
	node_detach(fs, old);
	fs->count--;
	memfs_unref(old);
	return true;
}

bool memfs_rename(struct memfs *fs, const char *from, const char *to)
{
	struct memfs_node *n = memfs_at(fs, from, NULL);
	struct memfs_node *old = memfs_at(fs, to, NULL);
	const char *name;
	struct memfs_node *dir = parent_of(fs, to, &name);
	char *copy;

	if (!n || !n->parent || n->hidden || !dir || n == old ||
	    (n->quiet && !fs->rash))
		return false;
	if (old && old->ino == n->ino)
		return true; /* two names of one file: nothing is done */
	for (const struct memfs_node *p = dir; p; p = p->parent)
		if (p == n)
			return false;
	if (old && !rename_over(fs, n, old))
		return false;
	copy = need(strdup(name));
	n->moved = true;
	tell_removed(fs, n);
	memfs_tell(fs, n, MEMFS_MOVED_FROM);
	node_detach(fs, n);
	free(n->name);
	n->name = copy;
	node_attach(fs, dir, n);
	memfs_tell(fs, n, MEMFS_MOVED_TO);
	return true;
}

bool memfs_chmod(struct memfs *fs, const char *path, int mode)
{
	struct memfs_node *n = memfs_at(fs, path, NULL);

	if (!n || !n->parent || n->kind == VS_KIND_SYMLINK)
		return false;
	n->mode = mode;
	n->ctime_ns = memfs_now(fs);
	inode_changed(fs, n);
	memfs_tell(fs, n, MEMFS_TOUCHED);
	return true;
}

bool memfs_utimes(struct memfs *fs, const char *path, int64_t mtime_ns)
{
	struct memfs_node *n = memfs_at(fs, path, NULL);

	if (!n || !n->parent)
		return false;
	n->mtime_ns = mtime_ns;
	n->ctime_ns = memfs_now(fs);
	inode_changed(fs, n);
	memfs_tell(fs, n, MEMFS_TOUCHED);
	return true;
}

void memfs_rash(struct memfs *fs)
{
	fs->rash = true;
}

bool memfs_may_hide(const struct memfs *fs, const struct memfs_node *n)
{
	return n->kind == VS_KIND_FILE && n->size && (!n->moved || fs->rash);
}

void memfs_hide(struct memfs *fs, struct memfs_node *n, int64_t mtime_ns)
{
	assert(memfs_may_hide(fs, n));
	n->quiet = true;
	n->mtime_ns = mtime_ns;
	n->ctime_ns = memfs_now(fs);
	inode_changed(fs, n);
	memfs_tell(fs, n, MEMFS_TOUCHED);
}

struct memfs_node *memfs_pick(struct memfs *fs, struct vs_rand *rand, int kind)
{
	struct memfs_node *n = fs->root;
	struct memfs_node *found = NULL;

	while (n->kind == VS_KIND_DIR && n->children) {
		n = n->child[vs_rand_below(rand, n->children)];
		if (n->hidden || n->spared)
			break;
		if (kind < 0 || n->kind == (enum vs_kind)kind)
			found = n;
		if (found && !vs_rand_below(rand, 3))
			break;
	}
	return found;
}

/* The child of dir that answers to a name of len bytes there, or NULL. */
static const struct memfs_node *child_alike(
    const struct memfs_node *dir, const char *name, size_t len)
{
	for (size_t i = 0; dir && i < dir->children; i++)
		if (strlen(dir->child[i]->name) == len &&
		    strncasecmp(dir->child[i]->name, name, len) == 0)
			return dir->child[i];
	return NULL;
}

const char *memfs_alike(
    struct memfs *fs, const char *path, char out[VS_PATH_MAX + 1])
{
	char *p = out;

	if (memfs_at(fs, path, NULL))
		return path;
	vs_text_copy(out, VS_PATH_MAX + 1, path);
	while (*p) {
		size_t n = strcspn(p, "/");
		const struct memfs_node *c;
		char keep = p[n];
		char dir[VS_PATH_MAX + 1];

		memcpy(dir, out, (size_t)(p - out));
		dir[p > out ? p - out - 1 : 0] = '\0';
		c = child_alike(memfs_at(fs, dir, NULL), p, n);
		if (c)
			memcpy(p, c->name, n);
		p += n + (keep ? 1 : 0);
	}
	return out;
}
