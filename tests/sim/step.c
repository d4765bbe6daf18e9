#include "tests/sim/step.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum kind {
	STEP_CREATE, /* a, where nothing is, with content b */
	STEP_WRITE, /* a gets content b */
	STEP_POKE, /* the first byte of a changes, its mtime does not */
	STEP_APPEND, /* b to a */
	STEP_TRUNCATE,
	STEP_ATOMIC, /* a gets content b by a rename */
	STEP_UNLINK,
	STEP_RMDIR,
	STEP_RMTREE,
	STEP_MKDIR,
	STEP_RENAME, /* a to b */
	STEP_SWAP,
	STEP_CYCLE, /* a, b, and A/foo */
	STEP_LINK,
	STEP_SYMLINK, /* a to b, instead of what a was */
	STEP_TO_FILE, /* a tree becomes a file */
	STEP_TO_DIR, /* a file becomes a folder with something in it */
	STEP_CHMOD,
	STEP_UTIME,
	STEP_OPEN, /* a is open for writing from now on, and has b so far */
	STEP_CLOSE, /* after some more */
	STEP_OVERFLOW, /* the watcher's queue has room for one event */
	STEP_UNANSWERED, /* the next requests are done, their answers lost */
};

static const struct {
	enum kind kind;
	const char *a;
	const char *b;
	const char *name;
} steps[] = {
	{ STEP_CREATE, "new", "n", "create new" },
	{ STEP_CREATE, "B/new", "n", "create B/new" },
	{ STEP_WRITE, "foo", "FOO", "write foo" },
	{ STEP_WRITE, "A/foo", "foo", "write A/foo as foo was" },
	{ STEP_POKE, "foo", NULL, "edit foo, mtime put back" },
	{ STEP_APPEND, "foo", "more", "append to foo" },
	{ STEP_APPEND, "A/C/foo", "more", "append to A/C/foo" },
	{ STEP_TRUNCATE, "bar", NULL, "truncate bar" },
	{ STEP_ATOMIC, "foo", "other", "save foo by rename" },
	{ STEP_UNLINK, "foo", NULL, "rm foo" },
	{ STEP_UNLINK, "A/foo", NULL, "rm A/foo" },
	{ STEP_RMDIR, "B", NULL, "rmdir B" },
	{ STEP_RMTREE, "A", NULL, "rm -r A" },
	{ STEP_RMTREE, "A/C", NULL, "rm -r A/C" },
	{ STEP_MKDIR, "A", NULL, "mkdir A" },
	{ STEP_MKDIR, "B/C", NULL, "mkdir B/C" },
	{ STEP_RENAME, "foo", "new", "mv foo new" },
	{ STEP_RENAME, "new", "foo", "mv new foo" },
	{ STEP_RENAME, "foo", "bar", "mv foo bar" },
	{ STEP_RENAME, "A/foo", "B/foo", "mv A/foo B/foo" },
	{ STEP_RENAME, "bar", "A/bar", "mv bar A/bar" },
	{ STEP_RENAME, "A", "D", "mv A D" },
	{ STEP_RENAME, "A", "B", "mv A B" },
	{ STEP_RENAME, "A/C", "C", "mv A/C C" },
	{ STEP_RENAME, "B", "A/B", "mv B A/B" },
	{ STEP_SWAP, "foo", "bar", "swap foo and bar" },
	{ STEP_SWAP, "A", "B", "swap A and B" },
	{ STEP_CYCLE, "foo", "bar", "foo, bar, A/foo go round" },
	{ STEP_LINK, "foo", "B/link", "ln foo B/link" },
	{ STEP_LINK, "A/foo", "new", "ln A/foo new" },
	{ STEP_SYMLINK, "foo", "bar", "foo becomes a symlink" },
	{ STEP_SYMLINK, "s", "bar", "another symlink s" },
	{ STEP_TO_FILE, "A/C", NULL, "A/C becomes a file" },
	{ STEP_TO_DIR, "bar", NULL, "bar becomes a folder" },
	{ STEP_CHMOD, "A", NULL, "chmod A" },
	{ STEP_UTIME, "foo", NULL, "touch -d foo" },
	{ STEP_OPEN, "A/foo", "half", "open A/foo and write" },
	{ STEP_CLOSE, NULL, "rest", "write on and close" },
	{ STEP_OVERFLOW, NULL, NULL, "the queue overflows" },
	{ STEP_UNANSWERED, NULL, NULL, "answers are lost" },
};

_Static_assert(sizeof(steps) / sizeof(steps[0]) == STEPS, "all steps");

static bool put(struct memfs *fs, const char *path, const char *text)
{
	struct memfs_node *n = memfs_open(fs, path);

	if (!n)
		return false;
	memfs_truncate(fs, n, 0);
	memfs_write(fs, n, 0, text, strlen(text));
	memfs_close(fs, n);
	return true;
}

void step_prepare(struct step_place *p)
{
	struct memfs *fs = p->w->fs;

	memfs_mkdir(fs, "A");
	memfs_mkdir(fs, "A/C");
	memfs_mkdir(fs, "B");
	put(fs, "foo", "foo");
	put(fs, "bar", "bar, and longer");
	put(fs, "A/foo", "A/foo");
	put(fs, "A/bar", "A/bar");
	put(fs, "A/C/foo", "A/C/foo");
	memfs_symlink(fs, "s", "foo");
}

static struct memfs_node *file_at(struct memfs *fs, const char *path)
{
	struct memfs_node *n = memfs_at(fs, path, NULL);

	return n && n->kind == VS_KIND_FILE ? n : NULL;
}

static struct memfs_node *dir_at(struct memfs *fs, const char *path)
{
	struct memfs_node *n = memfs_at(fs, path, NULL);

	return n && n->kind == VS_KIND_DIR ? n : NULL;
}

static bool poke(struct memfs *fs, const char *path)
{
	struct memfs_node *n = file_at(fs, path);
	int64_t mtime_ns = n ? n->mtime_ns : 0;
	uint8_t byte;

	if (!n || !memfs_may_hide(fs, n))
		return false;
	byte = (uint8_t)(n->data[0] + 1);
	memfs_open(fs, path);
	memfs_write(fs, n, 0, &byte, 1);
	memfs_close(fs, n);
	memfs_hide(fs, n, mtime_ns);
	return true;
}

static bool append(struct memfs *fs, const char *path, const char *text)
{
	struct memfs_node *n = file_at(fs, path);

	if (!n)
		return false;
	memfs_open(fs, path);
	memfs_write(fs, n, n->size, text, strlen(text));
	memfs_close(fs, n);
	return true;
}

static bool cut(struct memfs *fs, const char *path)
{
	struct memfs_node *n = file_at(fs, path);

	if (!n || !n->size)
		return false;
	memfs_open(fs, path);
	memfs_truncate(fs, n, n->size / 2);
	memfs_close(fs, n);
	return true;
}

static bool swap(struct memfs *fs, const char *a, const char *b)
{
	return memfs_at(fs, a, NULL) && memfs_at(fs, b, NULL) &&
	    memfs_rename(fs, a, "t") && memfs_rename(fs, b, a) &&
	    memfs_rename(fs, "t", b);
}

static bool cycle(struct memfs *fs, const char *a, const char *b)
{
	return file_at(fs, a) && file_at(fs, b) && file_at(fs, "A/foo") &&
	    memfs_rename(fs, a, "t") && memfs_rename(fs, b, a) &&
	    memfs_rename(fs, "A/foo", b) && memfs_rename(fs, "t", "A/foo");
}

static bool become_dir(struct memfs *fs, const char *path)
{
	char inside[40];

	snprintf(inside, sizeof(inside), "%s/in", path);
	return file_at(fs, path) && memfs_unlink(fs, path) &&
	    memfs_mkdir(fs, path) && put(fs, inside, "in");
}

static bool open_some(struct step_place *p, const char *path, const char *text)
{
	if (p->writer || !file_at(p->w->fs, path))
		return false;
	p->writer = memfs_open(p->w->fs, path);
	memfs_write(p->w->fs, p->writer, 0, text, strlen(text));
	return true;
}

static bool close_some(struct step_place *p, const char *text)
{
	if (!p->writer)
		return false;
	memfs_write(p->w->fs, p->writer, p->writer->size, text, strlen(text));
	step_rest(p);
	return true;
}

static bool overflow(struct world *w)
{
	memdisk_set_queue(w->disk, 2);
	return true;
}

static bool unanswered(struct world *w)
{
	w->net.force = WORLD_ANSWER_LOST;
	w->net.forced = 3; /* a look at the log may come first */
	return true;
}

/* What needs another tree than it finds there. */
static bool step_replace(
    struct memfs *fs, enum kind kind, const char *a, const char *b)
{
	switch (kind) {
	case STEP_ATOMIC:
		return put(fs, "t", b) && memfs_rename(fs, "t", a);
	case STEP_SWAP:
		return swap(fs, a, b);
	case STEP_CYCLE:
		return cycle(fs, a, b);
	case STEP_SYMLINK:
		return memfs_unlink(fs, a) && memfs_symlink(fs, a, b);
	case STEP_TO_FILE:
		return memfs_rmtree(fs, a) && put(fs, a, "file");
	default:
		assert(kind == STEP_TO_DIR);
		return become_dir(fs, a);
	}
}

bool step_do(struct step_place *p, int step)
{
	struct memfs *fs = p->w->fs;
	const char *a, *b;

	assert(step >= 0 && step < STEPS);
	a = steps[step].a;
	b = steps[step].b;
	switch (steps[step].kind) {
	case STEP_CREATE:
		return !memfs_at(fs, a, NULL) && put(fs, a, b);
	case STEP_WRITE:
		return file_at(fs, a) && put(fs, a, b);
	case STEP_POKE:
		return poke(fs, a);
	case STEP_APPEND:
		return append(fs, a, b);
	case STEP_TRUNCATE:
		return cut(fs, a);
	case STEP_UNLINK:
		return memfs_unlink(fs, a);
	case STEP_RMDIR:
		return dir_at(fs, a) && !dir_at(fs, a)->children &&
		    memfs_rmtree(fs, a);
	case STEP_RMTREE:
		return memfs_rmtree(fs, a);
	case STEP_MKDIR:
		return memfs_mkdir(fs, a);
	case STEP_RENAME:
		return memfs_rename(fs, a, b);
	case STEP_LINK:
		return memfs_link(fs, a, b);
	case STEP_CHMOD:
		return dir_at(fs, a) &&
		    memfs_chmod(fs, a, dir_at(fs, a)->mode ^ 0055);
	case STEP_UTIME:
		return file_at(fs, a) && memfs_utimes(fs, a, 86400000000000);
	case STEP_OPEN:
		return open_some(p, a, b);
	case STEP_CLOSE:
		return close_some(p, b);
	case STEP_OVERFLOW:
		return overflow(p->w);
	case STEP_UNANSWERED:
		return unanswered(p->w);
	default:
		return step_replace(fs, steps[step].kind, a, b);
	}
}

void step_rest(struct step_place *p)
{
	if (p->writer)
		memfs_close(p->w->fs, p->writer);
	p->writer = NULL;
}

const char *step_name(int step)
{
	assert(step >= 0 && step < STEPS);
	return steps[step].name;
}
