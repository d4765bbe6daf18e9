#include "tests/sim/folder.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/path.h"

#define FOLDER_MANY 220 /* names; beyond it more goes than comes */
#define FOLDER_DEEP 5

void folder_init(struct folder *f, uint64_t seed)
{
	memset(f, 0, sizeof(*f));
	vs_rand_seed(&f->rand, seed ^ 0xf01de5);
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

static bool act_save(struct folder *f, struct world *w)
{
	char path[VS_PATH_MAX + 1];
	uint8_t data[256];
	struct memfs_node *n;

	path_some(f, w, path);
	n = memfs_open(w->fs, path);
	if (!n)
		return false;
	memfs_truncate(w->fs, n, 0);
	memfs_write(w->fs, n, 0, data, bytes_some(f, data));
	memfs_close(w->fs, n);
	return true;
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

static bool act_rename(struct folder *f, struct world *w)
{
	char from[VS_PATH_MAX + 1], to[VS_PATH_MAX + 1];

	if (!path_there(f, w, below(f, 2) ? VS_KIND_FILE : -1, from))
		return false;
	path_some(f, w, to);
	return memfs_rename(w->fs, from, to);
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

	if (memfs_count(w->fs) > 2 * FOLDER_MANY)
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

struct act {
	bool (*run)(struct folder *f, struct world *w);
	unsigned weight;
};

static const struct act acts[] = {
	{ act_save, 30 },
	{ act_save_atomic, 12 },
	{ act_edit, 10 },
	{ act_truncate, 4 },
	{ act_unlink, 14 },
	{ act_mkdir, 8 },
	{ act_rmtree, 2 },
	{ act_rename, 14 },
	{ act_swap, 3 },
	{ act_symlink, 4 },
	{ act_chmod, 4 },
	{ act_utimes, 4 },
	{ act_change_kind, 4 },
	{ act_record, 12 },
	{ act_burst, 1 },
};

void folder_act(struct folder *f, struct world *w)
{
	unsigned total = 0, n;

	if (memfs_count(w->fs) > FOLDER_MANY && below(f, 3)) {
		f->done += below(f, 8) ? act_unlink(f, w) : act_rmtree(f, w);
		return;
	}
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		total += acts[i].weight;
	n = (unsigned)below(f, total);
	for (const struct act *a = acts;; a++) {
		if (n < a->weight) {
			f->done += a->run(f, w);
			return;
		}
		n -= a->weight;
	}
}

void folder_rest(struct folder *f, struct world *w)
{
	for (int i = 0; i < FOLDER_WRITERS; i++) {
		if (f->writer[i])
			memfs_close(w->fs, f->writer[i]);
		f->writer[i] = NULL;
	}
}
