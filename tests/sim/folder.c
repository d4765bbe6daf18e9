#include "tests/sim/folder.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/path.h"
#include "tests/sim/veil.h"

#define FOLDER_MANY 220
#define FOLDER_DEEP 5
#define FOLDER_TRIES 6
#define INCLUDED "more" /* rules that others include */

/* Where rules stand. */
static const char *const rules_files[FOLDER_RULES_FILES] = { IGNORE_OWN,
	IGNORE_SYNCTHING, INCLUDED };

void folder_init(struct folder *f, uint64_t seed)
{
	memset(f, 0, sizeof(*f));
	f->seed = seed ^ 0xf01de5;
	f->many = FOLDER_MANY;
	vs_rand_seed(&f->rand, f->seed);
}

static uint64_t below(struct folder *f, uint64_t n)
{
	return vs_rand_below(&f->rand, n);
}

/* Few names, so that they meet again; some that are hard to take. */
static const char *name_some(struct folder *f)
{
	static const char *const hard[] = { "\xc3\xa9t\xc3\xa9", "a b", "-rf",
		"x\ny", "\xff\xfe", "q'\"", "*", "100%", "e\xcc\x81", ".hid" };
	static const char *const plain[] = { "a", "b", "c", "d", "e", "f", "g",
		"h", "i", "j", "k", "l", "A", "B", "take1.mov", "take2.mov" };

	if (!below(f, 20))
		return hard[below(f, sizeof(hard) / sizeof(hard[0]))];
	return plain[below(f, sizeof(plain) / sizeof(plain[0]))];
}

/* A path in some directory; it may exist. */
static void path_some(struct folder *f, struct world *w, char *out)
{
	const struct memfs_node *dir = NULL;
	char at[VS_PATH_MAX + 1] = "";
	int depth = 0;

	if (below(f, 3))
		dir = memfs_pick(w->fs, &f->rand, VS_KIND_DIR);
	for (const struct memfs_node *p = dir; p; p = p->parent)
		depth++;
	if (dir && depth < FOLDER_DEEP)
		memfs_path(dir, at);
	if (vs_path_join(out, VS_PATH_MAX + 1, at, name_some(f)) < 0)
		abort();
}

/* The path of something that is there; false: there is nothing. */
static bool path_there(
    struct folder *f, struct world *w, int kind, char out[VS_PATH_MAX + 1])
{
	struct memfs_node *n = memfs_pick(w->fs, &f->rand, kind);

	return n && memfs_path(n, out);
}

static size_t bytes_some(struct folder *f, uint8_t data[256])
{
	size_t len = (size_t)below(f, below(f, 4) ? 24 : 256);

	f->rand.bytes(&f->rand, data, len);
	return len;
}

static bool save_at(struct folder *f, struct world *w, const char *path)
{
	uint8_t data[256];
	struct memfs_node *n = memfs_open(w->fs, path);

	if (!n)
		return false;
	memfs_truncate(w->fs, n, 0);
	memfs_write(w->fs, n, 0, data, bytes_some(f, data));
	memfs_close(w->fs, n);
	return true;
}

static bool act_save(struct folder *f, struct world *w)
{
	char path[VS_PATH_MAX + 1];

	path_some(f, w, path);
	return save_at(f, w, path);
}

/* As editors do it: beside it, then over it. */
static bool act_save_atomic(struct folder *f, struct world *w)
{
	char path[VS_PATH_MAX + 1], temp[VS_PATH_MAX + 8];
	uint8_t data[256];
	struct memfs_node *n;

	path_some(f, w, path);
	snprintf(temp, sizeof(temp), "%s.tmp", path);
	n = memfs_open(w->fs, temp);
	if (!n)
		return false;
	memfs_write(w->fs, n, 0, data, bytes_some(f, data));
	memfs_close(w->fs, n);
	return memfs_rename(w->fs, temp, path);
}

/* A byte changes, the size does not. */
static bool act_edit(struct folder *f, struct world *w)
{
	char path[VS_PATH_MAX + 1];
	struct memfs_node *n;
	uint8_t byte = (uint8_t)below(f, 256);

	if (!path_there(f, w, VS_KIND_FILE, path))
		return false;
	n = memfs_open(w->fs, path);
	assert(n);
	if (n->size)
		memfs_write(w->fs, n, (size_t)below(f, n->size), &byte, 1);
	memfs_close(w->fs, n);
	return true;
}

/* The same, by a program that puts the time of before on it. */
static bool act_edit_quiet(struct folder *f, struct world *w)
{
	char path[VS_PATH_MAX + 1];
	struct memfs_node *n;
	int64_t mtime_ns;
	uint8_t byte;

	if (!path_there(f, w, VS_KIND_FILE, path))
		return false;
	n = memfs_at(w->fs, path, NULL);
	if (!memfs_may_hide(w->fs, n))
		return false;
	mtime_ns = n->mtime_ns;
	n = memfs_open(w->fs, path);
	byte = (uint8_t)(n->data[0] + 1 + below(f, 255));
	memfs_write(w->fs, n, 0, &byte, 1);
	memfs_hide(w->fs, n, mtime_ns);
	memfs_close(w->fs, n);
	return true;
}

/* A log: opened, written on, closed, for ever. */
static bool act_append(struct folder *f, struct world *w)
{
	struct memfs_node *n = memfs_open(w->fs, below(f, 2) ? "log" : "a/log");
	uint8_t data[256];

	if (!n)
		return false;
	memfs_write(w->fs, n, n->size, data, bytes_some(f, data));
	if (n->size > 6000)
		memfs_truncate(w->fs, n, 0); /* rotated */
	memfs_close(w->fs, n);
	return true;
}

static bool act_truncate(struct folder *f, struct world *w)
{
	char path[VS_PATH_MAX + 1];
	struct memfs_node *n;

	if (!path_there(f, w, VS_KIND_FILE, path))
		return false;
	n = memfs_open(w->fs, path);
	memfs_truncate(w->fs, n, (size_t)below(f, n->size + 1));
	memfs_close(w->fs, n);
	return true;
}

static bool act_unlink(struct folder *f, struct world *w)
{
	char path[VS_PATH_MAX + 1];
	int kind = below(f, 4) ? VS_KIND_FILE : VS_KIND_SYMLINK;

	return path_there(f, w, kind, path) && memfs_unlink(w->fs, path);
}

static bool act_mkdir(struct folder *f, struct world *w)
{
	char path[VS_PATH_MAX + 1];

	path_some(f, w, path);
	return memfs_mkdir(w->fs, path);
}

static bool act_rmtree(struct folder *f, struct world *w)
{
	char path[VS_PATH_MAX + 1];

	return path_there(f, w, VS_KIND_DIR, path) && memfs_rmtree(w->fs, path);
}

/* All of it, or all but one thing at the top. */
static bool act_wipe(struct folder *f, struct world *w)
{
	struct memfs_node *root = memfs_at(w->fs, "", NULL);
	size_t spare = below(f, 2) ? (size_t)below(f, 8) : SIZE_MAX;

	if (below(f, 4))
		return false; /* rarer than any weight */
	for (size_t i = root->children; i-- > 0;) {
		struct memfs_node *n = root->child[i];

		if (n->hidden || i == spare || !strcmp(n->name, INCLUDED))
			continue;
		if (n->kind == VS_KIND_DIR)
			memfs_rmtree(w->fs, n->name);
		else
			memfs_unlink(w->fs, n->name);
	}
	return true;
}

static bool act_rename(struct folder *f, struct world *w)
{
	char from[VS_PATH_MAX + 1], to[VS_PATH_MAX + 1];

	if (!path_there(f, w, below(f, 2) ? VS_KIND_FILE : -1, from))
		return false;
	path_some(f, w, to);
	return memfs_rename(w->fs, from, to);
}

/* Onto another file: what was there is gone without a word. */
static bool act_rename_over(struct folder *f, struct world *w)
{
	char from[VS_PATH_MAX + 1], to[VS_PATH_MAX + 1];

	return path_there(f, w, VS_KIND_FILE, from) &&
	    path_there(f, w, VS_KIND_FILE, to) && strcmp(from, to) != 0 &&
	    memfs_rename(w->fs, from, to);
}

/* A folder with all below it, often into another one. */
static bool act_rename_deep(struct folder *f, struct world *w)
{
	char from[VS_PATH_MAX + 1], to[VS_PATH_MAX + 1];
	const struct memfs_node *n;

	if (!path_there(f, w, VS_KIND_DIR, from))
		return false;
	n = memfs_at(w->fs, from, NULL);
	path_some(f, w, to);
	return n->children && memfs_rename(w->fs, from, to);
}

/* The folder with the most in it of a few. */
static bool path_full(struct folder *f, struct world *w, char *out)
{
	const struct memfs_node *best = NULL;

	for (int i = 0; i < 6; i++) {
		const struct memfs_node *n =
		    memfs_pick(w->fs, &f->rand, VS_KIND_DIR);

		if (n && (!best || n->children > best->children))
			best = n;
	}
	return best && best->children > 1 && memfs_path(best, out);
}

/* One of those in a folder is saved, or goes. */
static void touch_inside(struct folder *f, struct world *w, const char *dir)
{
	const struct memfs_node *n = memfs_at(w->fs, dir, NULL);
	char path[VS_PATH_MAX + 1];

	if (below(f, 2) || !n || n->kind != VS_KIND_DIR || !n->children)
		return;
	n = n->child[below(f, n->children)];
	if (n->kind != VS_KIND_FILE || !memfs_path(n, path))
		return;
	if (below(f, 4))
		save_at(f, w, path);
	else
		memfs_unlink(w->fs, path);
}

/*
 * A full folder gets another name, and then a third or its old one; what is
 * in it is worked on just before, between and after.
 */
static bool act_rename_twice(struct folder *f, struct world *w)
{
	char from[VS_PATH_MAX + 1], to[VS_PATH_MAX + 1];
	char last[VS_PATH_MAX + 1];

	if (!path_full(f, w, from))
		return false;
	path_some(f, w, to);
	touch_inside(f, w, from);
	if (!memfs_rename(w->fs, from, to))
		return false;
	touch_inside(f, w, to);
	path_some(f, w, last);
	if (below(f, 3))
		memfs_rename(w->fs, to, below(f, 2) ? from : last);
	touch_inside(f, w, last);
	touch_inside(f, w, from);
	return true;
}

/* Two names change places. */
static bool act_swap(struct folder *f, struct world *w)
{
	char a[VS_PATH_MAX + 1], b[VS_PATH_MAX + 1];
	int kind = below(f, 3) ? VS_KIND_FILE : VS_KIND_DIR;

	if (!path_there(f, w, kind, a) || !path_there(f, w, kind, b) ||
	    !memfs_rename(w->fs, a, "swap"))
		return false;
	memfs_rename(w->fs, b, a);
	/* b may have been below a: then there is a folder too many */
	return memfs_rename(w->fs, "swap", b);
}

/* Three names go round. */
static bool act_cycle(struct folder *f, struct world *w)
{
	char path[3][VS_PATH_MAX + 1];
	int kind = below(f, 3) ? VS_KIND_FILE : VS_KIND_DIR;

	for (int i = 0; i < 3; i++)
		if (!path_there(f, w, kind, path[i]))
			return false;
	if (!memfs_rename(w->fs, path[0], "swap"))
		return false;
	memfs_rename(w->fs, path[1], path[0]);
	memfs_rename(w->fs, path[2], path[1]);
	return memfs_rename(w->fs, "swap", path[2]);
}

static bool act_link(struct folder *f, struct world *w)
{
	char from[VS_PATH_MAX + 1], to[VS_PATH_MAX + 1];

	if (!path_there(f, w, VS_KIND_FILE, from))
		return false;
	path_some(f, w, to);
	return memfs_link(w->fs, from, to);
}

static bool act_symlink(struct folder *f, struct world *w)
{
	char path[VS_PATH_MAX + 1];

	path_some(f, w, path);
	return memfs_symlink(w->fs, path, name_some(f));
}

static bool act_chmod(struct folder *f, struct world *w)
{
	char path[VS_PATH_MAX + 1];

	return path_there(f, w, -1, path) &&
	    memfs_chmod(w->fs, path, below(f, 2) ? 0700 : 0755);
}

/* Times as archives and cameras set them: old, odd, in the future. */
static bool act_utimes(struct folder *f, struct world *w)
{
	char path[VS_PATH_MAX + 1];
	int64_t ns = (int64_t)below(f, 4) * 1000000000000000000 +
	    (int64_t)below(f, 1000) * 1000;

	return path_there(f, w, VS_KIND_FILE, path) &&
	    memfs_utimes(w->fs, path, ns);
}

/* A file where a directory was, or the other way round. */
static bool act_change_kind(struct folder *f, struct world *w)
{
	char path[VS_PATH_MAX + 1], inside[VS_PATH_MAX + 8];
	struct memfs_node *n;

	if (!path_there(f, w, -1, path))
		return false;
	n = memfs_at(w->fs, path, NULL);
	if (n->kind == VS_KIND_DIR) {
		memfs_rmtree(w->fs, path);
		if (!below(f, 4))
			return memfs_symlink(w->fs, path, "a");
		n = memfs_open(w->fs, path);
		memfs_write(w->fs, n, 0, path, strlen(path));
		memfs_close(w->fs, n);
		return true;
	}
	memfs_unlink(w->fs, path);
	memfs_mkdir(w->fs, path);
	snprintf(inside, sizeof(inside), "%s/in", path);
	memfs_close(w->fs, memfs_open(w->fs, inside));
	return true;
}

/* Somebody begins to record, goes on, or ends. */
static bool act_record(struct folder *f, struct world *w)
{
	size_t i = (size_t)below(f, FOLDER_WRITERS);
	char path[VS_PATH_MAX + 1];
	uint8_t data[256];

	if (!f->writer[i]) {
		path_some(f, w, path);
		f->writer[i] = memfs_open(w->fs, path);
		return f->writer[i] != NULL;
	}
	if (below(f, 3)) {
		memfs_write(w->fs, f->writer[i], f->writer[i]->size % 400, data,
		    bytes_some(f, data));
		return true;
	}
	memfs_close(w->fs, f->writer[i]);
	f->writer[i] = NULL;
	return true;
}

/* An archive is unpacked, or a render writes its frames. */
static bool act_burst(struct folder *f, struct world *w)
{
	char dir[VS_PATH_MAX + 1], path[VS_PATH_MAX + 16];
	uint64_t n = 1 + below(f, below(f, 8) ? 12 : 130);

	if (memfs_count(w->fs) > 2 * f->many)
		return false;
	path_some(f, w, dir);
	if (!memfs_mkdir(w->fs, dir))
		return false;
	for (uint64_t i = 0; i < n; i++) {
		struct memfs_node *node;

		snprintf(path, sizeof(path), "%s/%03d", dir, (int)i);
		node = memfs_open(w->fs, path);
		memfs_write(w->fs, node, 0, path, strlen(path));
		memfs_close(w->fs, node);
	}
	return true;
}

/* Anew at path, or beside it and then in its place. */
static bool rules_write(struct folder *f, struct world *w, const char *path)
{
	static const char *const some[] = { "a\n", "/b\n", "*.tmp\n", "take*\n",
		"d/**\n", "(?i)A\n", "/e/f\n", "!b/c\n", "!/a/d\n", "h\n",
		"!*.mov\n", "// nothing\n", "log\n", "!/d/e\n" };
	static const char include[] = "#include " INCLUDED "\n";
	bool beside = below(f, 2);
	struct memfs_node *n = memfs_open(w->fs, beside ? "rules" : path);

	if (!n)
		return false;
	memfs_truncate(w->fs, n, 0);
	for (uint64_t i = below(f, 5); i > 0; i--) {
		const char *rule =
		    some[below(f, sizeof(some) / sizeof(some[0]))];

		memfs_write(w->fs, n, n->size, rule, strlen(rule));
	}
	if (strcmp(path, INCLUDED) != 0 && memfs_at(w->fs, INCLUDED, NULL) &&
	    below(f, 2))
		memfs_write(w->fs, n, n->size, include, strlen(include));
	n->spared = true;
	memfs_close(w->fs, n);
	return !beside || memfs_rename(w->fs, "rules", path);
}

static bool act_rules(struct folder *f, struct world *w)
{
	const char *path = rules_files[w->rules % FOLDER_RULES_FILES];
	bool done;

	/* what is included stays: rules that cannot be read are another case */
	if (strcmp(path, INCLUDED) != 0 && memfs_at(w->fs, path, NULL) &&
	    !below(f, 3))
		done = memfs_unlink(w->fs, path);
	else
		done = rules_write(f, w, path);
	world_veil(w);
	return done;
}

static const struct {
	const char *name;
	bool (*run)(struct folder *f, struct world *w);
	unsigned weight;
} acts[FOLDER_ACTS] = {
	[FOLDER_SAVE] = { "save", act_save, 60 },
	[FOLDER_SAVE_ATOMIC] = { "save by rename", act_save_atomic, 24 },
	[FOLDER_EDIT] = { "edit", act_edit, 20 },
	[FOLDER_EDIT_QUIET] = { "edit, mtime put back", act_edit_quiet, 8 },
	[FOLDER_APPEND] = { "append", act_append, 8 },
	[FOLDER_TRUNCATE] = { "truncate", act_truncate, 8 },
	[FOLDER_UNLINK] = { "unlink", act_unlink, 28 },
	[FOLDER_MKDIR] = { "mkdir", act_mkdir, 16 },
	[FOLDER_RMTREE] = { "rm -r", act_rmtree, 4 },
	[FOLDER_WIPE] = { "rm -r of all", act_wipe, 1 },
	[FOLDER_RENAME] = { "rename", act_rename, 20 },
	[FOLDER_RENAME_OVER] = { "rename over", act_rename_over, 8 },
	[FOLDER_RENAME_DEEP] = { "rename of a tree", act_rename_deep, 6 },
	[FOLDER_RENAME_TWICE] = { "rename twice", act_rename_twice, 8 },
	[FOLDER_SWAP] = { "swap", act_swap, 6 },
	[FOLDER_CYCLE] = { "cycle", act_cycle, 4 },
	[FOLDER_LINK] = { "link", act_link, 6 },
	[FOLDER_SYMLINK] = { "symlink", act_symlink, 8 },
	[FOLDER_CHMOD] = { "chmod", act_chmod, 8 },
	[FOLDER_UTIMES] = { "utimes", act_utimes, 8 },
	[FOLDER_CHANGE_KIND] = { "another kind", act_change_kind, 8 },
	[FOLDER_RECORD] = { "record", act_record, 24 },
	[FOLDER_BURST] = { "burst", act_burst, 4 },
	[FOLDER_RULES] = { "ignore rules", act_rules, 3 },
};

const char *folder_name(enum folder_act act)
{
	assert(act < FOLDER_ACTS);
	return acts[act].name;
}

static enum folder_act act_draw(struct folder *f, const struct world *w)
{
	unsigned total = 0, n;
	int act = 0;

	if (memfs_count(w->fs) > f->many && below(f, 3))
		return below(f, 8) ? FOLDER_UNLINK : FOLDER_RMTREE;
	for (int i = 0; i < FOLDER_ACTS; i++)
		total += acts[i].weight;
	n = (unsigned)below(f, total);
	while (n >= acts[act].weight)
		n -= acts[act++].weight;
	return (enum folder_act)act;
}

static void begin(struct folder *f, int64_t op)
{
	vs_rand_seed(&f->rand, f->seed + (uint64_t)op * 0x9e3779b97f4a7c15ULL);
}

static bool act_run(
    struct folder *f, struct world *w, int64_t op, enum folder_act act)
{
	bool done;

	trace_add(&w->trace, world_now(w).mono_ms, "%lld: %s", (long long)op,
	    acts[act].name);
	done = acts[act].run(f, w);
	f->count[act] += done;
	f->done += done;
	return done;
}

void folder_act(struct folder *f, struct world *w, int64_t op)
{
	bool done = false;

	begin(f, op);
	for (int i = 0; i < FOLDER_TRIES && !done; i++)
		done = act_run(f, w, op, act_draw(f, w));
}

void folder_do(
    struct folder *f, struct world *w, int64_t number, enum folder_act act)
{
	begin(f, number);
	act_run(f, w, number, act);
}

void folder_rest(struct folder *f, struct world *w)
{
	for (int i = 0; i < FOLDER_WRITERS; i++) {
		if (f->writer[i])
			memfs_close(w->fs, f->writer[i]);
		f->writer[i] = NULL;
	}
}

static void remove_at(struct world *w, const char *path)
{
	if (!memfs_rmtree(w->fs, path))
		memfs_unlink(w->fs, path);
}

/* Into a folder comes something, or out of it goes the first thing in it. */
static void aim_inside(struct folder *f, struct world *w, const char *dir)
{
	const struct memfs_node *n = memfs_at(w->fs, dir, NULL);
	char path[VS_PATH_MAX + 1], inner[VS_PATH_MAX + 1];

	if (vs_path_join(path, sizeof(path), dir, name_some(f)) < 0)
		return;
	switch (below(f, 4)) {
	case 0:
		if (memfs_mkdir(w->fs, path) &&
		    vs_path_join(inner, sizeof(inner), path, name_some(f)) == 0)
			save_at(f, w, inner);
		return;
	case 1:
		if (n->children && !n->child[0]->hidden &&
		    !n->child[0]->spared && memfs_path(n->child[0], path))
			remove_at(w, path);
		return;
	default:
		save_at(f, w, path);
	}
}

/* What has that name goes, or gets another one, or something takes it. */
static void aim_at(struct folder *f, struct world *w, const char *path)
{
	char to[VS_PATH_MAX + 1];

	switch (below(f, 4)) {
	case 0:
		remove_at(w, path);
		return;
	case 1:
		path_some(f, w, to);
		memfs_rename(w->fs, path, to);
		return;
	case 2:
		path_some(f, w, to);
		memfs_rename(w->fs, to, path);
		return;
	default:
		save_at(f, w, path);
	}
}

void folder_aim(
    struct folder *f, struct world *w, int64_t number, const char *path)
{
	const struct memfs_node *n = memfs_at(w->fs, path, NULL);

	/* world_veil has to know of rules */
	for (size_t i = 0; i < FOLDER_RULES_FILES; i++)
		if (!strcmp(path, rules_files[i]))
			return;
	begin(f, number);
	trace_add(&w->trace, world_now(w).mono_ms, "%lld: at %s",
	    (long long)number, path);
	if (n && n->kind == VS_KIND_DIR && (!*path || below(f, 4)))
		aim_inside(f, w, path);
	else if (*path)
		aim_at(f, w, path);
}
