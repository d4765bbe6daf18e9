/*
 * A member's folder on a real disk: parts, their way to their names, and
 * what must never happen on it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/member/target_posix.h"
#include "agent/scan/compare.h"
#include "agent/scan/disk_posix.h"
#include "common/base/hex.h"
#include "tests/unit/scratch.h"

#define PART "1ac987f0-729c-401e-b9ff-c6d9a6e14c1f"
#define ROOT_ID "5b36d9b08420640f5c3dff182ad40c63"
#define OTHER_ID "6b36d9b08420640f5c3dff182ad40c63"
#define MTIME_US 1700000000123456

struct fixture {
	struct scratch *dir;
	char root[160];
	struct target *t;
	struct vs_err err;
};

static void mark(const char *root, const char *id)
{
	struct disk *d;

	assert_int_equal(disk_posix_new(&d, root, NULL, NULL), VS_OK);
	assert_int_equal(d->mark(d, id, NULL), VS_OK);
	disk_posix_free(d);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dir = scratch_new();
	scratch_mkdir(f->dir, "root");
	snprintf(f->root, sizeof(f->root), "%s/root", f->dir->path);
	mark(f->root, ROOT_ID);
	assert_int_equal(
	    target_posix_new(&f->t, f->root, ROOT_ID, NULL), VS_OK);
	assert_int_equal(f->t->check(f->t, NULL), VS_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	target_posix_free(f->t);
	scratch_free(f->dir);
	free(f);
	return 0;
}

/* Below the root. */
static const char *at(struct fixture *f, const char *path, char out[256])
{
	snprintf(out, 256, "%s/%s", f->root, path);
	return out;
}

static bool there(struct fixture *f, const char *path)
{
	char full[256];
	struct stat s;

	return lstat(at(f, path, full), &s) == 0;
}

static void content_is(struct fixture *f, const char *path, const char *want)
{
	char below[256];

	snprintf(below, sizeof(below), "root/%s", path);
	scratch_is(f->dir, below, want);
}

static void part(struct fixture *f, const char *text)
{
	bool kept;

	assert_int_equal(
	    f->t->part_open(f->t, PART, (int64_t)strlen(text), &kept, &f->err),
	    VS_OK);
	assert_int_equal(
	    f->t->part_write(f->t, PART, 0, text, strlen(text), &f->err),
	    VS_OK);
	assert_int_equal(f->t->part_sync(f->t, PART, &f->err), VS_OK);
}

static int finish(struct fixture *f, const char *path,
    const struct disk_stat *want, struct disk_stat *now)
{
	struct disk_stat own;

	vs_err_clear(&f->err);
	return f->t->part_finish(f->t, PART, path, want, 0640, MTIME_US,
	    now != NULL ? now : &own, &f->err);
}

static void test_whole_way(void **state)
{
	struct fixture *f = *state;
	struct disk_stat now, seen;
	uint8_t sha[VS_SHA256_SIZE];
	uint8_t want[VS_SHA256_SIZE];
	char full[256];
	struct stat s;

	part(f, "first");
	assert_int_equal(stat(at(f, ".vsync/part", full), &s), 0);
	assert_int_equal(s.st_mode & 0777, 0700);
	assert_int_equal(
	    f->t->part_hash(f->t, PART, sha, NULL, &f->err), VS_OK);
	vs_sha256("first", 5, want);
	assert_memory_equal(sha, want, sizeof(sha));
	assert_int_equal(f->t->mkdirs(f->t, "a/b", &f->err), VS_OK);
	assert_int_equal(finish(f, "a/b/c", NULL, &now), VS_OK);
	content_is(f, "a/b/c", "first");
	assert_false(there(f, ".vsync/part/" PART));
	assert_int_equal(f->t->look(f->t, "a/b/c", &seen, &f->err), VS_OK);
	assert_int_equal(compare_stat(&seen, &now), COMPARE_SAME);
	assert_int_equal(seen.mode, 0640);
	assert_int_equal(seen.mtime_ns, MTIME_US * 1000);
	/* the next version over exactly that */
	part(f, "second version");
	assert_int_equal(finish(f, "a/b/c", &now, &now), VS_OK);
	content_is(f, "a/b/c", "second version");
	assert_false(there(f, ".vsync/part/" PART));
	assert_int_equal(f->t->look(f->t, "a/b/c", &seen, &f->err), VS_OK);
	assert_int_equal(compare_stat(&seen, &now), COMPARE_SAME);
}

static void test_parts_are_kept(void **state)
{
	struct fixture *f = *state;
	bool kept = true;

	assert_int_equal(
	    f->t->part_open(f->t, PART, 10, &kept, &f->err), VS_OK);
	assert_false(kept);
	assert_int_equal(
	    f->t->part_write(f->t, PART, 5, "12345", 5, &f->err), VS_OK);
	assert_int_equal(
	    f->t->part_open(f->t, PART, 10, &kept, &f->err), VS_OK);
	assert_true(kept);
	assert_int_equal(target_posix_size(f->t, PART, false), 10);
	/* of another size it is of another version */
	assert_int_equal(
	    f->t->part_open(f->t, PART, 11, &kept, &f->err), VS_OK);
	assert_false(kept);
	f->t->part_drop(f->t, PART);
	assert_false(there(f, ".vsync/part/" PART));
	assert_int_equal(
	    f->t->part_write(f->t, PART, 0, "x", 1, &f->err), VS_ENOENT);
	assert_int_equal(f->t->part_open(f->t, PART, 0, &kept, &f->err), VS_OK);
	assert_int_equal(finish(f, "empty", NULL, NULL), VS_OK);
	content_is(f, "empty", "");
}

/* The disk's own names; one that tells them apart has those asked for. */
static void test_spelled(void **state)
{
	struct fixture *f = *state;
	char name[VS_PATH_MAX + 1];
	char full[256];

	scratch_mkdir(f->dir, "root/Dir");
	scratch_write(f->dir, "root/Dir/a", "1");
	scratch_write(f->dir, "root/Dir/A", "2");
	assert_int_equal(
	    link(at(f, "Dir/a", full), at(f, "Dir/b", (char[256]){ 0 })), 0);
	assert_int_equal(f->t->spelled(f->t, "Dir/b", name, &f->err), VS_OK);
	assert_string_equal(name, "Dir/b");
	assert_int_equal(f->t->spelled(f->t, "Dir/A", name, &f->err), VS_OK);
	assert_string_equal(name, "Dir/A");
	assert_int_equal(f->t->spelled(f->t, "Dir", name, &f->err), VS_OK);
	assert_string_equal(name, "Dir");
	assert_int_equal(
	    f->t->spelled(f->t, "dir/a", name, &f->err), VS_ENOENT);
	assert_int_equal(
	    f->t->spelled(f->t, "Dir/a/b", name, &f->err), VS_ENOTDIR);
	assert_int_equal(
	    f->t->spelled(f->t, "../root/Dir", name, &f->err), VS_EPATH);
	assert_int_equal(symlink("Dir", at(f, "link", full)), 0);
	assert_int_equal(f->t->spelled(f->t, "link", name, &f->err), VS_OK);
	assert_true(f->t->spelled(f->t, "link/a", name, &f->err) < 0);
}

/* What stands there is what was seen, or stays. */
static void test_changed_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct disk_stat seen;
	char full[256];

	part(f, "from the owner");
	scratch_write(f->dir, "root/x", "mine");
	assert_int_equal(finish(f, "x", NULL, NULL), VS_ECHANGED);
	content_is(f, "x", "mine");
	assert_int_equal(f->t->look(f->t, "x", &seen, &f->err), VS_OK);
	scratch_write(f->dir, "root/x", "edited");
	assert_int_equal(finish(f, "x", &seen, NULL), VS_ECHANGED);
	content_is(f, "x", "edited");
	/* same size, other content: the time tells */
	assert_int_equal(f->t->look(f->t, "x", &seen, &f->err), VS_OK);
	usleep(20000);
	scratch_write(f->dir, "root/x", "EDITED");
	assert_int_equal(finish(f, "x", &seen, NULL), VS_ECHANGED);
	content_is(f, "x", "EDITED");
	assert_int_equal(unlink(at(f, "x", full)), 0);
	assert_int_equal(finish(f, "x", &seen, NULL), VS_ECHANGED);
	assert_false(there(f, "x"));
	/* the part outlived it all */
	assert_int_equal(finish(f, "x", NULL, NULL), VS_OK);
	content_is(f, "x", "from the owner");
}

static void test_only_files_are_replaced(void **state)
{
	struct fixture *f = *state;
	struct disk_stat seen;
	char full[256];

	part(f, "new");
	scratch_mkdir(f->dir, "root/d");
	scratch_write(f->dir, "outside", "untouched");
	assert_int_equal(symlink("../outside", at(f, "l", full)), 0);
	assert_int_equal(mkfifo(at(f, "p", full), 0600), 0);
	for (const char *p = "dlp"; *p != '\0'; p++) {
		const char name[] = { *p, '\0' };

		assert_int_equal(f->t->look(f->t, name, &seen, &f->err), VS_OK);
		assert_int_equal(finish(f, name, &seen, NULL), VS_ECHANGED);
		assert_int_equal(finish(f, name, NULL, NULL), VS_ECHANGED);
	}
	content_is(f, "../outside", "untouched");
}

/* A link where a folder was: nothing goes through it. */
static void test_links_as_folders(void **state)
{
	struct fixture *f = *state;
	char full[256];

	part(f, "new");
	scratch_mkdir(f->dir, "elsewhere");
	assert_int_equal(symlink("../elsewhere", at(f, "a", full)), 0);
	assert_true(finish(f, "a/x", NULL, NULL) < 0);
	assert_true(f->t->mkdirs(f->t, "a/b", &f->err) < 0);
	assert_true(f->t->link(f->t, "a/l", "x", NULL, &f->err) < 0);
	assert_false(there(f, "../elsewhere/x"));
	assert_false(there(f, "../elsewhere/b"));
	assert_false(there(f, "../elsewhere/l"));
	/* nor through a folder of parts that is none */
	f->t->part_drop(f->t, PART);
	assert_int_equal(rmdir(at(f, ".vsync/part", full)), 0);
	assert_int_equal(symlink("../../elsewhere", full), 0);
	assert_true(
	    f->t->part_open(f->t, PART, 5, &(bool){ false }, &f->err) < 0);
	assert_false(there(f, "../elsewhere/" PART));
}

static void test_paths_refused(void **state)
{
	static const char *const paths[] = { "../x", "a/../../x", "/etc/x",
		".vsync/x", "", "a//b", "." };
	struct fixture *f = *state;

	part(f, "new");
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(finish(f, paths[i], NULL, NULL), VS_EPATH);
		assert_int_equal(
		    f->t->mkdirs(f->t, paths[i], &f->err), VS_EPATH);
		assert_int_equal(
		    f->t->link(f->t, paths[i], "x", NULL, &f->err), VS_EPATH);
	}
}

static void test_links(void **state)
{
	static const char *const out[] = { "/etc/passwd", "..", "../../x",
		"a/../../../x", "" };
	struct fixture *f = *state;
	struct disk_stat seen;
	char text[64] = "";
	char full[256];

	assert_int_equal(f->t->mkdirs(f->t, "d", &f->err), VS_OK);
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		assert_int_equal(f->t->link(f->t, i == 1 ? "l" : "d/l", out[i],
				     NULL, &f->err),
		    VS_EPATH);
	assert_int_equal(
	    f->t->link(f->t, "d/l", "../e/./f", NULL, &f->err), VS_OK);
	assert_true(readlink(at(f, "d/l", full), text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "../e/./f");
	assert_int_equal(
	    f->t->link(f->t, "d/l", "g", NULL, &f->err), VS_ECHANGED);
	assert_int_equal(f->t->look(f->t, "d/l", &seen, &f->err), VS_OK);
	assert_int_equal(f->t->link(f->t, "d/l", "g", &seen, &f->err), VS_OK);
	memset(text, 0, sizeof(text));
	assert_true(readlink(full, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "g");
	scratch_mkdir(f->dir, "root/dir");
	assert_int_equal(f->t->look(f->t, "dir", &seen, &f->err), VS_OK);
	assert_int_equal(
	    f->t->link(f->t, "dir", "g", &seen, &f->err), VS_ECHANGED);
}

/* The mode of a file may forbid what a second try needs. */
static void test_tried_again(void **state)
{
	struct fixture *f = *state;
	struct disk_stat now;
	uint8_t sha[VS_SHA256_SIZE];
	bool kept;

	part(f, "secret");
	scratch_write(f->dir, "root/x", "mine");
	assert_int_equal(
	    f->t->part_finish(f->t, PART, "x", NULL, 0, -1, &now, &f->err),
	    VS_ECHANGED);
	assert_int_equal(f->t->part_open(f->t, PART, 6, &kept, &f->err), VS_OK);
	assert_true(kept);
	assert_int_equal(
	    f->t->part_hash(f->t, PART, sha, NULL, &f->err), VS_OK);
	assert_int_equal(
	    f->t->part_finish(f->t, PART, "y", NULL, 06755, -1, &now, &f->err),
	    VS_OK);
	assert_int_equal(now.mode, 0755);
}

static void test_root_lost(void **state)
{
	struct fixture *f = *state;
	char away[256];
	struct disk_stat seen;
	bool kept;

	snprintf(away, sizeof(away), "%s/away", f->dir->path);
	scratch_write(f->dir, "root/x", "1");
	assert_int_equal(rename(f->root, away), 0);
	assert_int_equal(f->t->check(f->t, &f->err), VS_EROOT);
	assert_true(f->t->look(f->t, "x", &seen, &f->err) < 0);
	/* another folder in its place is not taken for it */
	scratch_mkdir(f->dir, "root");
	assert_int_equal(f->t->check(f->t, &f->err), VS_EROOT);
	mark(f->root, OTHER_ID);
	assert_int_equal(f->t->check(f->t, &f->err), VS_EROOT);
	/* with its mark it is, as after it was mounted again */
	mark(f->root, ROOT_ID);
	assert_int_equal(f->t->check(f->t, &f->err), VS_OK);
	assert_int_equal(f->t->part_open(f->t, PART, 1, &kept, &f->err), VS_OK);
	assert_true(there(f, ".vsync/part/" PART));
}

static void test_not_there_yet(void **state)
{
	struct fixture *f = *state;
	struct target *t;
	char late[200];
	bool kept;

	snprintf(late, sizeof(late), "%s/late", f->dir->path);
	assert_int_equal(target_posix_new(&t, late, ROOT_ID, NULL), VS_OK);
	assert_int_equal(t->check(t, &f->err), VS_EROOT);
	assert_int_equal(t->part_open(t, PART, 1, &kept, &f->err), VS_EROOT);
	assert_int_equal(t->part_write(t, PART, 0, "x", 1, &f->err), VS_EROOT);
	scratch_mkdir(f->dir, "late");
	assert_int_equal(t->check(t, &f->err), VS_EROOT);
	mark(late, ROOT_ID);
	assert_int_equal(t->check(t, &f->err), VS_OK);
	target_posix_free(t);
}

/* Nothing of ours stays in a folder that is no project's. */
static void test_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct target *own = f->t;
	struct disk_stat now;
	char dir[200];
	bool kept;

	scratch_mkdir(f->dir, "out");
	snprintf(dir, sizeof(dir), "%s/out", f->dir->path);
	assert_int_equal(target_posix_new(&f->t, dir, NULL, NULL), VS_OK);
	assert_int_equal(f->t->check(f->t, &f->err), VS_OK);
	part(f, "text");
	assert_int_equal(finish(f, "x", NULL, &now), VS_OK);
	content_is(f, "../out/x", "text");
	assert_false(there(f, "../out/.vsync"));
	assert_int_equal(f->t->part_open(f->t, PART, 9, &kept, &f->err), VS_OK);
	assert_true(there(f, "../out/.vsync"));
	f->t->part_drop(f->t, PART);
	assert_false(there(f, "../out/.vsync"));
	target_posix_free(f->t);
	f->t = own;
}

/* A plan alone makes no folder; what is put there does. */
static void test_made_when_needed(void **state)
{
	struct fixture *f = *state;
	struct disk_stat seen;
	struct target *t;
	char dir[200];
	int64_t space = 0;
	bool kept;

	snprintf(dir, sizeof(dir), "%s/new/one", f->dir->path);
	assert_int_equal(target_posix_new(&t, dir, NULL, NULL), VS_OK);
	assert_int_equal(t->check(t, &f->err), VS_OK);
	assert_int_equal(t->look(t, "x", &seen, &f->err), VS_ENOENT);
	assert_int_equal(t->space(t, &space, &f->err), VS_OK);
	assert_true(space > 0);
	assert_false(there(f, "../new"));
	assert_int_equal(t->part_open(t, PART, 5, &kept, &f->err), VS_OK);
	assert_true(there(f, "../new/one/.vsync/part/" PART));
	assert_int_equal(t->check(t, &f->err), VS_OK);
	/* from then on it is that one or none */
	scratch_rename(f->dir, "new", "away");
	assert_int_equal(t->check(t, &f->err), VS_EROOT);
	assert_int_equal(t->mkdirs(t, "a", &f->err), VS_OK);
	assert_true(there(f, "../away/one/a"));
	assert_false(there(f, "../new"));
	target_posix_free(t);
}

static void test_no_space(void **state)
{
	struct fixture *f = *state;
	struct target *t;
	char dir[200];
	int64_t space = 0;
	bool kept;

	scratch_mkdir(f->dir, "small");
	snprintf(dir, sizeof(dir), "%s/small", f->dir->path);
	if (geteuid() != 0 ||
	    mount("none", dir, "tmpfs", 0, "size=1m,mode=700") != 0)
		skip();
	mark(dir, ROOT_ID);
	assert_int_equal(target_posix_new(&t, dir, ROOT_ID, NULL), VS_OK);
	assert_int_equal(t->check(t, &f->err), VS_OK);
	assert_int_equal(t->space(t, &space, &f->err), VS_OK);
	assert_in_range(space, 1, 1024 * 1024);
	assert_int_equal(
	    t->part_open(t, PART, 2 * 1024 * 1024, &kept, &f->err), VS_ENOSPC);
	assert_false(there(f, "../small/.vsync/part/" PART));
	/* and nothing of it is still reserved */
	assert_int_equal(
	    t->part_open(t, PART, 900 * 1024, &kept, &f->err), VS_OK);
	target_posix_free(t);
	umount2(dir, MNT_DETACH);
}

static int count_part(void *arg, const char *name)
{
	struct fixture *f = arg;

	assert_int_equal(strlen(name), strlen(PART));
	f->t->part_drop(f->t, name);
	return 0;
}

static int refuse_part(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return VS_ECANCELED;
}

/* All there are, each of which may be dropped; none is no failure. */
static void test_parts(void **state)
{
	struct fixture *f = *state;
	char name[] = PART;
	bool kept;

	assert_int_equal(f->t->parts(f->t, refuse_part, f, &f->err), VS_OK);
	for (int i = 0; i < 3; i++) {
		name[0] = (char)('1' + i);
		assert_int_equal(
		    f->t->part_open(f->t, name, 10, &kept, &f->err), VS_OK);
	}
	assert_int_equal(
	    f->t->parts(f->t, refuse_part, f, &f->err), VS_ECANCELED);
	assert_int_equal(f->t->parts(f->t, count_part, f, &f->err), VS_OK);
	assert_int_equal(f->t->parts(f->t, refuse_part, f, &f->err), VS_OK);
	assert_int_equal(
	    f->t->part_open(f->t, name, 10, &kept, &f->err), VS_OK);
	assert_false(kept);
	f->t->part_drop(f->t, name);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_parts),
		TEST(test_whole_way),
		TEST(test_spelled),
		TEST(test_parts_are_kept),
		TEST(test_changed_meanwhile),
		TEST(test_only_files_are_replaced),
		TEST(test_links_as_folders),
		TEST(test_paths_refused),
		TEST(test_links),
		TEST(test_tried_again),
		TEST(test_root_lost),
		TEST(test_not_there_yet),
		TEST(test_elsewhere),
		TEST(test_made_when_needed),
		TEST(test_no_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
