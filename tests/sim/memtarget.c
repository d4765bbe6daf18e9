#include "tests/sim/memtarget.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/path.h"
#include "common/base/text.h"
#include "tests/sim/medium.h"

#define NEW_NAME ".vsync/new" /* what gets a name by a rename */
#define PIECE 65536

/* A file whose sync was a lie: what it is worth shows at the power cut. */
struct unsure {
	struct memfs_node *node; /* a reference */
	struct unsure *next;
};

struct part {
	char name[40];
	struct medium_file *file;
	struct part *next;
};

struct memtarget {
	struct target target; /* first: it is what the engine holds */
	struct memfs *fs;
	struct vs_rand *rand;
	struct medium *medium;
	struct part *parts;
	struct unsure *unsure;
	struct memtarget_faults faults;
	struct memtarget_stats stats;
	struct memtarget_hooks hooks;
	int64_t space; /* -1: enough */
	int64_t life; /* calls until it is dead; -1: it lives */
	bool gone;
	bool lie_parts;
	bool lie_files;
	bool folds;
};

static struct memtarget *of(struct target *t)
{
	return (struct memtarget *)t;
}

/* Every call counts; true when this one fails. */
static bool dead(struct memtarget *t)
{
	if (t->life > 0)
		t->life--;
	if (t->life != 0)
		return false;
	t->stats.failed++;
	return true;
}

static bool chance(struct memtarget *t, int permille)
{
	if (!permille || vs_rand_below(t->rand, 1000) >= (uint64_t)permille)
		return false;
	t->stats.failed++;
	return true;
}

static int enter(struct memtarget *t, int permille, struct vs_err *err)
{
	if (dead(t))
		return vs_err_set(err, VS_EIO, "the process is dead");
	if (t->gone)
		return vs_err_set(err, VS_EROOT, "no folder");
	if (chance(t, permille))
		return vs_err_set(err, VS_EIO, "disk error");
	return VS_OK;
}

/* The path that path comes to: of what is there, as far as it is. */
static const char *folded(
    struct memtarget *t, const char *path, char out[VS_PATH_MAX + 1])
{
	return t->folds ? memfs_alike(t->fs, path, out) : path;
}

static int target_check(struct target *target, struct vs_err *err)
{
	return enter(of(target), 0, err);
}

/* What the parts take of it is taken. */
static int64_t space_left(const struct memtarget *t)
{
	int64_t left = t->space;

	for (const struct part *p = t->parts; p; p = p->next)
		left -= medium_size(p->file);
	return left > 0 ? left : 0;
}

static int target_space(
    struct target *target, int64_t *bytes, struct vs_err *err)
{
	struct memtarget *t = of(target);
	int rc = enter(t, 0, err);

	if (rc == VS_OK)
		*bytes = t->space < 0 ? (int64_t)1 << 40 : space_left(t);
	return rc;
}

static int target_look(struct target *target, const char *path,
    struct disk_stat *out, struct vs_err *err)
{
	struct memtarget *t = of(target);
	char own[VS_PATH_MAX + 1];
	struct memfs_node *n;
	int code = enter(t, t->faults.look_io, err);

	if (code < 0)
		return code;
	path = folded(t, path, own);
	n = memfs_at(t->fs, path, &code);
	if (!n)
		return vs_err_set(err, code, "look");
	memfs_stat(n, out);
	return VS_OK;
}

static int target_spelled(struct target *target, const char *path,
    char out[VS_PATH_MAX + 1], struct vs_err *err)
{
	struct memtarget *t = of(target);
	char own[VS_PATH_MAX + 1];
	int code = enter(t, t->faults.look_io, err);

	if (code < 0)
		return code;
	path = folded(t, path, own);
	if (!memfs_at(t->fs, path, &code))
		return vs_err_set(err, code, "name");
	vs_text_copy(out, VS_PATH_MAX + 1, path);
	return VS_OK;
}

static int target_hash(struct target *target, const char *path,
    struct disk_hash *out, const atomic_bool *cancel, struct vs_err *err)
{
	struct memtarget *t = of(target);
	char own[VS_PATH_MAX + 1];
	struct memfs_node *n;
	int code = enter(t, t->faults.hash_io, err);

	(void)cancel;
	if (code < 0)
		return code;
	path = folded(t, path, own);
	n = memfs_at(t->fs, path, &code);
	if (!n || n->kind != VS_KIND_FILE)
		return vs_err_set(err, n ? VS_ECHANGED : code, "hash");
	memset(out, 0, sizeof(*out));
	memfs_stat(n, &out->stat);
	vs_sha256(n->data, n->size, out->sha256);
	return VS_OK;
}

static int target_mkdirs(
    struct target *target, const char *path, struct vs_err *err)
{
	struct memtarget *t = of(target);
	char own[VS_PATH_MAX + 1];
	char dir[VS_PATH_MAX + 1];
	int code = enter(t, 0, err);

	path = folded(t, path, own);
	for (size_t i = 1; code == VS_OK && i <= strlen(path); i++) {
		struct memfs_node *n;

		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(dir, path, i);
		dir[i] = '\0';
		n = memfs_at(t->fs, dir, NULL);
		if (!n && memfs_mkdir(t->fs, dir))
			continue;
		if (!n || n->kind != VS_KIND_DIR)
			code = vs_err_set(err,
			    n && n->kind == VS_KIND_SYMLINK ? VS_ELOOP
							    : VS_ENOTDIR,
			    "make folder %s", dir);
	}
	return code;
}

/* Parts. */

static void part_forget(struct memtarget *t, struct part *p)
{
	struct part **at = &t->parts;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	medium_close(p->file);
	free(p);
}

static struct part *part_add(
    struct memtarget *t, const char *name, struct medium_file *file)
{
	struct part *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	assert(strlen(name) < sizeof(p->name));
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->file = file;
	p->next = t->parts;
	t->parts = p;
	return p;
}

static struct part *part_find(const struct memtarget *t, const char *name)
{
	struct part *p = t->parts;

	while (p && strcmp(p->name, name) != 0)
		p = p->next;
	return p;
}

static void part_remove(struct memtarget *t, const char *name)
{
	struct part *p = part_find(t, name);

	if (!p)
		return;
	medium_remove(t->medium, name);
	part_forget(t, p);
}

static int target_part_open(struct target *target, const char *name,
    int64_t size, bool *kept, struct vs_err *err)
{
	struct memtarget *t = of(target);
	struct part *p = part_find(t, name);
	int rc = enter(t, 0, err);

	if (rc < 0)
		return rc;
	*kept = p && medium_size(p->file) == size;
	t->stats.kept += *kept;
	if (*kept)
		return VS_OK;
	part_remove(t, name);
	if (t->space >= 0 && space_left(t) < size) {
		t->stats.failed++;
		return vs_err_set(err, VS_ENOSPC, "reserve part");
	}
	p = part_add(t, name, medium_open(t->medium, name, true, NULL));
	medium_truncate(p->file, size);
	t->stats.opened++;
	return VS_OK;
}

static int part_need(struct memtarget *t, const char *name, int permille,
    struct part **out, struct vs_err *err)
{
	int rc = enter(t, permille, err);

	if (rc < 0)
		return rc;
	*out = part_find(t, name);
	return *out ? VS_OK : vs_err_set(err, VS_ENOENT, "no such part");
}

static int target_part_write(struct target *target, const char *name,
    int64_t off, const void *data, size_t len, struct vs_err *err)
{
	struct memtarget *t = of(target);
	struct part *p;
	int rc = part_need(t, name, t->faults.write_io, &p, err);

	if (rc < 0)
		return rc;
	assert(off + (int64_t)len <= medium_size(p->file));
	medium_write(p->file, data, len, off);
	t->stats.written += (int64_t)len;
	return VS_OK;
}

static int target_part_sync(
    struct target *target, const char *name, struct vs_err *err)
{
	struct memtarget *t = of(target);
	struct part *p;
	int rc = part_need(t, name, 0, &p, err);

	if (rc < 0)
		return rc;
	t->stats.syncs++;
	if (chance(t, t->faults.sync_io)) {
		medium_sync_failed(p->file);
		return vs_err_set(err, VS_EIO, "sync part");
	}
	medium_sync_names(t->medium);
	if (!t->lie_parts)
		medium_sync(p->file);
	return VS_OK;
}

static int target_part_hash(struct target *target, const char *name,
    uint8_t out[VS_SHA256_SIZE], const atomic_bool *cancel, struct vs_err *err)
{
	struct memtarget *t = of(target);
	struct vs_sha256 *sha;
	struct part *p;
	static const size_t piece = PIECE;
	uint8_t *buf;
	int64_t off = 0;
	int rc = part_need(t, name, t->faults.hash_io, &p, err);

	(void)cancel;
	if (rc < 0)
		return rc;
	sha = vs_sha256_new();
	buf = malloc(piece);
	if (!sha || !buf)
		abort();
	vs_sha256_start(sha);
	for (size_t n; (n = medium_read(p->file, buf, piece, off)) > 0;
	     off += (int64_t)n)
		vs_sha256_add(sha, buf, n);
	vs_sha256_end(sha, out);
	vs_sha256_free(sha);
	free(buf);
	return VS_OK;
}

static bool same_stat(const struct disk_stat *a, const struct disk_stat *b)
{
	return a->kind == b->kind && a->size == b->size &&
	    a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
	    a->ino == b->ino;
}

static int refuse(struct memtarget *t, struct vs_err *err)
{
	t->stats.refused++;
	return vs_err_set(err, VS_ECHANGED, "something else stands there");
}

/* What stands at path is what is wanted there, and no more than a file. */
static int path_is(struct memtarget *t, const char *path,
    const struct disk_stat *want, struct vs_err *err)
{
	int code;
	struct memfs_node *n = memfs_at(t->fs, path, &code);
	struct disk_stat now;

	if (!n && code != VS_ENOENT)
		return vs_err_set(err, code, "no such folder");
	if (!n)
		return want ? refuse(t, err) : VS_OK;
	memfs_stat(n, &now);
	if (!want || n->kind != VS_KIND_FILE || !same_stat(&now, want))
		return refuse(t, err);
	return VS_OK;
}

/* The part's bytes as a file of the folder that has no name yet. */
static void file_make(struct memtarget *t, struct part *p)
{
	struct memfs_node *n = memfs_open(t->fs, NEW_NAME);
	size_t len = (size_t)medium_size(p->file);
	uint8_t *data = malloc(len + 1);

	if (!n || !data)
		abort();
	medium_read(p->file, data, len, 0);
	memfs_write(t->fs, n, 0, data, len);
	if (t->lie_files) {
		struct unsure *u = calloc(1, sizeof(*u));

		if (!u)
			abort();
		u->node = memfs_ref(n);
		u->next = t->unsure;
		t->unsure = u;
	}
	memfs_close(t->fs, n);
	free(data);
}

static void file_name(struct memtarget *t, const char *path)
{
	struct memfs_node *n = memfs_at(t->fs, NEW_NAME, NULL);

	assert(n);
	if (t->hooks.finished)
		t->hooks.finished(t->hooks.arg, path, n->data, n->size);
	if (!memfs_rename(t->fs, NEW_NAME, path))
		abort();
	t->stats.finished++;
}

static int target_part_finish(struct target *target, const char *name,
    const char *path, const struct disk_stat *want, int mode, int64_t mtime_us,
    struct disk_stat *now, struct vs_err *err)
{
	struct memtarget *t = of(target);
	char own[VS_PATH_MAX + 1];
	bool fails = chance(t, t->faults.finish_io);
	struct part *p;
	int rc = part_need(t, name, 0, &p, err);

	path = folded(t, path, own);
	if (rc == VS_OK)
		rc = path_is(t, path, want, err);
	if (rc == VS_OK && fails && vs_rand_below(t->rand, 2))
		rc = vs_err_set(err, VS_EIO, "sync the file");
	if (rc < 0)
		return rc;
	file_make(t, p);
	if (mode >= 0)
		memfs_chmod(t->fs, NEW_NAME, mode);
	if (mtime_us >= 0)
		memfs_utimes(t->fs, NEW_NAME, mtime_us * 1000);
	file_name(t, path);
	part_remove(t, name);
	memfs_stat(memfs_at(t->fs, path, NULL), now);
	if (fails || dead(t))
		return vs_err_set(err, VS_EIO, "sync the folder");
	return VS_OK;
}

static void target_part_drop(struct target *target, const char *name)
{
	struct memtarget *t = of(target);

	if (!dead(t) && !t->gone)
		part_remove(t, name);
}

static int target_parts(struct target *target,
    int (*each)(void *arg, const char *name), void *arg, struct vs_err *err)
{
	struct memtarget *t = of(target);
	int rc = enter(t, 0, err);

	for (struct part *p = t->parts, *next; p && rc == VS_OK; p = next) {
		char name[sizeof(p->name)];

		next = p->next;
		memcpy(name, p->name, sizeof(name));
		rc = each(arg, name);
	}
	return rc;
}

/* Other names for what is there. */

/* The file at path if it is what was seen; its ctime may be another. */
static struct memfs_node *file_is(struct memtarget *t, const char *path,
    const struct disk_stat *is, bool ctime)
{
	struct memfs_node *n = memfs_at(t->fs, path, NULL);
	struct disk_stat now;

	if (!n || n->kind != VS_KIND_FILE)
		return NULL;
	memfs_stat(n, &now);
	if (!ctime)
		now.ctime_ns = is->ctime_ns;
	return same_stat(&now, is) ? n : NULL;
}

static void names_change(struct memtarget *t, const struct target_move *m)
{
	const struct memfs_node *n = memfs_at(t->fs, m->from, NULL);

	if (t->hooks.finished)
		t->hooks.finished(t->hooks.arg, m->to, n->data, n->size);
	if (t->hooks.moved)
		t->hooks.moved(t->hooks.arg, m->from, m->to);
	if ((m->over && !memfs_rename(t->fs, m->to, NEW_NAME)) ||
	    !memfs_rename(t->fs, m->from, m->to) ||
	    (m->over && !memfs_rename(t->fs, NEW_NAME, m->from)))
		abort();
	memfs_chmod(t->fs, m->to, m->mode >= 0 ? m->mode & 0777 : 0644);
	if (m->mtime_us >= 0)
		memfs_utimes(t->fs, m->to, m->mtime_us * 1000);
	t->stats.finished++;
	t->stats.moved++;
}

/* The part name with the bytes of n. */
static void part_of(
    struct memtarget *t, const char *name, const struct memfs_node *n)
{
	struct part *p =
	    part_add(t, name, medium_open(t->medium, name, true, NULL));

	medium_truncate(p->file, (int64_t)n->size);
	medium_write(p->file, n->data, n->size, 0);
	medium_sync_names(t->medium);
	medium_sync(p->file);
}

static int target_part_take(struct target *target, const char *name,
    const char *path, const struct disk_stat *is, struct vs_err *err)
{
	struct memtarget *t = of(target);
	char own[VS_PATH_MAX + 1];
	struct memfs_node *n;
	int rc = enter(t, 0, err);

	if (rc < 0)
		return rc;
	path = folded(t, path, own);
	n = file_is(t, path, is, false);
	if (!n || part_find(t, name))
		return refuse(t, err);
	if (t->hooks.taken)
		t->hooks.taken(t->hooks.arg, path);
	part_of(t, name, n);
	memfs_unlink(t->fs, path);
	t->stats.taken++;
	return VS_OK;
}

/* By way of a part, where the process may end. */
static int move_by(struct memtarget *t, const struct target_move *m,
    struct disk_stat *now, struct vs_err *err)
{
	struct memfs_node *old = memfs_ref(memfs_at(t->fs, m->to, NULL));
	int rc = target_part_take(&t->target, m->via, m->from, m->is, err);

	if (rc == VS_OK)
		rc = target_part_finish(&t->target, m->via, m->to, m->over,
		    m->mode >= 0 ? m->mode & 0777 : 0644, m->mtime_us, now,
		    err);
	if (rc == VS_OK)
		part_of(t, m->old, old);
	memfs_unref(old);
	t->stats.moved += rc == VS_OK;
	return rc;
}

static int target_move(struct target *target, const struct target_move *want,
    struct disk_stat *now, struct vs_err *err)
{
	struct memtarget *t = of(target);
	char from[VS_PATH_MAX + 1], to[VS_PATH_MAX + 1];
	struct target_move folds = *want;
	const struct target_move *m = &folds;
	bool fails = chance(t, t->faults.finish_io);
	int rc = enter(t, 0, err);

	folds.from = folded(t, want->from, from);
	folds.to = folded(t, want->to, to);
	if (rc == VS_OK)
		rc = path_is(t, m->to, m->over, err);
	if (rc == VS_OK && !file_is(t, m->from, m->is, true))
		rc = refuse(t, err);
	if (rc == VS_OK && fails && vs_rand_below(t->rand, 2))
		rc = vs_err_set(err, VS_EIO, "rename");
	if (rc < 0)
		return rc;
	if (m->via)
		return move_by(t, m, now, err);
	names_change(t, m);
	memfs_stat(memfs_at(t->fs, m->to, NULL), now);
	if (fails || dead(t))
		return vs_err_set(err, VS_EIO, "sync the folder");
	return VS_OK;
}

static int target_part_copy(struct target *target, const char *name,
    const char *path, const struct disk_stat *is, int64_t off, int64_t len,
    struct vs_err *err)
{
	struct memtarget *t = of(target);
	char own[VS_PATH_MAX + 1];
	struct memfs_node *n;
	struct part *p;
	int rc = part_need(t, name, t->faults.write_io, &p, err);

	if (rc < 0)
		return rc;
	path = folded(t, path, own);
	n = file_is(t, path, is, true);
	if (!n || off + len > (int64_t)n->size)
		return refuse(t, err);
	assert(off + len <= medium_size(p->file));
	medium_write(p->file, n->data + off, (size_t)len, off);
	t->stats.copied += len;
	return VS_OK;
}

static int target_rmdir(
    struct target *target, const char *path, struct vs_err *err)
{
	struct memtarget *t = of(target);
	char own[VS_PATH_MAX + 1];
	struct memfs_node *n;
	int code = enter(t, 0, err);

	if (code < 0)
		return code;
	path = folded(t, path, own);
	n = memfs_at(t->fs, path, &code);
	if (!n)
		return vs_err_set(err, code, "remove folder");
	if (n->kind != VS_KIND_DIR || n->children > 0)
		return vs_err_set(err, VS_EEXIST, "it is not empty");
	return memfs_rmtree(t->fs, path)
	    ? VS_OK
	    : vs_err_set(err, VS_EIO, "remove folder");
}

static int target_link(struct target *target, const char *path, const char *to,
    const struct disk_stat *want, struct vs_err *err)
{
	struct memtarget *t = of(target);
	char own[VS_PATH_MAX + 1];
	int rc = enter(t, 0, err);

	path = folded(t, path, own);
	if (rc == VS_OK)
		rc = path_is(t, path, want, err);
	if (rc == VS_OK && !memfs_symlink(t->fs, path, to))
		rc = vs_err_set(err, VS_EIO, "make link");
	return rc;
}

/* Setting it up. */

struct memtarget *memtarget_new(struct memfs *fs, struct vs_rand *rand)
{
	struct memtarget *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->target = (struct target){
		.check = target_check,
		.space = target_space,
		.look = target_look,
		.spelled = target_spelled,
		.hash = target_hash,
		.mkdirs = target_mkdirs,
		.part_open = target_part_open,
		.part_write = target_part_write,
		.part_sync = target_part_sync,
		.part_hash = target_part_hash,
		.part_finish = target_part_finish,
		.part_drop = target_part_drop,
		.parts = target_parts,
		.move = target_move,
		.part_take = target_part_take,
		.part_copy = target_part_copy,
		.rmdir = target_rmdir,
		.link = target_link,
	};
	t->fs = fs;
	t->rand = rand;
	t->medium = medium_new(rand);
	t->space = -1;
	t->life = -1;
	return t;
}

static void unsure_drop(struct memtarget *t)
{
	while (t->unsure) {
		struct unsure *u = t->unsure;

		t->unsure = u->next;
		memfs_unref(u->node);
		free(u);
	}
}

void memtarget_free(struct memtarget *t)
{
	if (!t)
		return;
	unsure_drop(t);
	while (t->parts)
		part_forget(t, t->parts);
	medium_free(t->medium);
	free(t);
}

struct target *memtarget_target(struct memtarget *t)
{
	return &t->target;
}

void memtarget_set_faults(struct memtarget *t, const struct memtarget_faults *f)
{
	t->faults = *f;
}

void memtarget_set_space(struct memtarget *t, int64_t bytes)
{
	t->space = bytes;
}

void memtarget_show(struct memtarget *t, bool here)
{
	t->gone = !here;
}

void memtarget_die(struct memtarget *t, int64_t after)
{
	assert(after > 0);
	t->life = after;
}

void memtarget_fold(struct memtarget *t)
{
	t->folds = true;
}

void memtarget_revive(struct memtarget *t)
{
	t->life = -1;
}

void memtarget_nosync(struct memtarget *t, bool parts, bool files)
{
	t->lie_parts = parts;
	t->lie_files = files;
}

void memtarget_watch(struct memtarget *t, const struct memtarget_hooks *h)
{
	t->hooks = *h;
}

/* What was never synced of a file is what the medium made of it. */
static void unsure_settle(struct memtarget *t)
{
	for (struct unsure *u = t->unsure; u; u = u->next)
		if (u->node->size > 0)
			u->node->data[vs_rand_below(t->rand, u->node->size)] ^=
			    0x55;
	unsure_drop(t);
}

/* A part that had been dropped may be back. */
static void part_back(void *arg, const char *name)
{
	struct memtarget *t = arg;

	if (!part_find(t, name))
		part_add(t, name, medium_open(t->medium, name, false, NULL));
}

void memtarget_crash(struct memtarget *t)
{
	struct part *next;

	medium_crash(t->medium);
	unsure_settle(t);
	for (struct part *p = t->parts; p; p = next) {
		next = p->next;
		if (!medium_exists(t->medium, p->name))
			part_forget(t, p);
	}
	medium_each(t->medium, part_back, t);
}

size_t memtarget_parts(const struct memtarget *t)
{
	size_t n = 0;

	for (const struct part *p = t->parts; p; p = p->next, n++)
		;
	return n;
}

size_t memtarget_read(
    struct memtarget *t, const char *name, void *out, size_t len, int64_t off)
{
	struct part *p = part_find(t, name);

	return p ? medium_read(p->file, out, len, off) : 0;
}

const struct memtarget_stats *memtarget_stats(const struct memtarget *t)
{
	return &t->stats;
}
