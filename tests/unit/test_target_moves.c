/*
 * A member's folder on a real disk: what gets another name there, and what
 * becomes a part.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/member/target_posix.h"
#include "tests/unit/scratch.h"

#define PART "1ac987f0-729c-401e-b9ff-c6d9a6e14c1f"
#define OTHER "2ac987f0-729c-401e-b9ff-c6d9a6e14c1f"
#define MTIME_US 1700000000123456

struct fixture {
	struct scratch *dir;
	struct target *t;
	struct vs_err err;
};

static struct disk_stat seen(struct fixture *f, const char *path)
{
	struct disk_stat s;

	assert_int_equal(f->t->look(f->t, path, &s, &f->err), VS_OK);
	return s;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dir = scratch_new();
	assert_int_equal(
	    target_posix_new(&f->t, f->dir->path, NULL, NULL), VS_OK);
	assert_int_equal(f->t->check(f->t, NULL), VS_OK);
	scratch_mkdir(f->dir, "d");
	scratch_write(f->dir, "a", "first");
	scratch_write(f->dir, "d/b", "second");
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

static int run(struct fixture *f, const struct target_move *m)
{
	const struct disk_stat *is = m->is;
	const char *to = m->to;
	struct disk_stat now = { 0 }, after;
	int rc;

	vs_err_clear(&f->err);
	rc = f->t->move(f->t, m, &now, &f->err);
	if (rc == VS_OK) {
		after = seen(f, to);
		assert_int_equal(after.ino, is->ino);
		assert_int_equal(after.mode, 0600);
		assert_int_equal(after.mtime_ns, MTIME_US * 1000);
		assert_int_equal(after.ctime_ns, now.ctime_ns);
	}
	return rc;
}

static int moved(struct fixture *f, const char *from,
    const struct disk_stat *is, const char *to, const struct disk_stat *over)
{
	const struct target_move m = { .from = from,
		.is = is,
		.to = to,
		.over = over,
		.mode = 0600,
		.mtime_us = MTIME_US };

	return run(f, &m);
}

/* By way of the part OTHER; what was replaced becomes the part old. */
static int moved_by(struct fixture *f, const char *from,
    const struct disk_stat *is, const struct disk_stat *over, const char *old)
{
	const struct target_move m = { .from = from,
		.is = is,
		.to = "d/b",
		.over = over,
		.mode = 0600,
		.mtime_us = MTIME_US,
		.via = OTHER,
		.old = old };

	return run(f, &m);
}

static void test_move(void **state)
{
	struct fixture *f = *state;
	struct disk_stat a = seen(f, "a");

	assert_int_equal(moved(f, "a", &a, "d/c", NULL), VS_OK);
	scratch_is(f->dir, "a", NULL);
	scratch_is(f->dir, "d/c", "first");
	a = seen(f, "d/c");
	assert_int_equal(moved(f, "d/c", &a, "c", NULL), VS_OK);
	scratch_is(f->dir, "c", "first");
	scratch_is(f->dir, "d/b", "second");
}

static void test_exchange(void **state)
{
	struct fixture *f = *state;
	struct disk_stat a = seen(f, "a"), b = seen(f, "d/b");

	assert_int_equal(moved(f, "a", &a, "d/b", &b), VS_OK);
	scratch_is(f->dir, "a", "second");
	scratch_is(f->dir, "d/b", "first");
	assert_int_equal(seen(f, "a").ino, b.ino);
}

/* What is replaced is never under a name that is not its own. */
static void test_by_parts(void **state)
{
	struct fixture *f = *state;
	struct disk_stat a = seen(f, "a"), b = seen(f, "d/b"), c;

	assert_int_equal(moved_by(f, "a", &a, &b, PART), VS_OK);
	scratch_is(f->dir, "a", NULL);
	scratch_is(f->dir, "d/b", "first");
	scratch_is(f->dir, ".vsync/part/" PART, "second");
	scratch_is(f->dir, ".vsync/part/" OTHER, NULL);
	scratch_write(f->dir, "c", "third");
	c = seen(f, "c");
	b = seen(f, "d/b");
	assert_int_equal(moved_by(f, "c", &c, &b, OTHER), VS_OK);
	scratch_is(f->dir, "c", NULL);
	scratch_is(f->dir, "d/b", "third");
	scratch_is(f->dir, ".vsync/part/" OTHER, "first");
}

/* Either is another file than was seen: both stay, and no part is left. */
static void test_by_parts_changed(void **state)
{
	struct fixture *f = *state;
	struct disk_stat a = seen(f, "a"), b = seen(f, "d/b"), odd;

	for (int i = 0; i < 3; i++) {
		odd = i < 2 ? a : b;
		odd.mtime_ns += i == 0;
		odd.ctime_ns += i == 1;
		odd.ino += i == 2;
		assert_int_equal(moved_by(f, "a", i < 2 ? &odd : &a,
				     i < 2 ? &b : &odd, PART),
		    VS_ECHANGED);
	}
	assert_true(moved_by(f, "none", &a, &b, PART) < 0);
	scratch_is(f->dir, "a", "first");
	scratch_is(f->dir, "d/b", "second");
	scratch_is(f->dir, ".vsync/part/" PART, NULL);
	scratch_is(f->dir, ".vsync/part/" OTHER, NULL);
	/* a part that stands in the way */
	assert_int_equal(moved_by(f, "a", &a, &b, OTHER), VS_OK);
	scratch_write(f->dir, "a", "fourth");
	a = seen(f, "a");
	b = seen(f, "d/b");
	assert_true(moved_by(f, "a", &a, &b, PART) < 0);
	scratch_is(f->dir, "a", "fourth");
	scratch_is(f->dir, "d/b", "first");
}

/* Whatever is not what was seen stays where it is, and all else, too. */
static void test_not_what_was_seen(void **state)
{
	struct fixture *f = *state;
	struct disk_stat a = seen(f, "a"), b = seen(f, "d/b"), odd;

	assert_int_equal(moved(f, "a", &a, "d/b", NULL), VS_ECHANGED);
	assert_int_equal(moved(f, "a", &a, "d/c", &b), VS_ECHANGED);
	for (int i = 0; i < 4; i++) {
		odd = a;
		odd.size += i == 0;
		odd.mtime_ns += i == 1;
		odd.ctime_ns += i == 2;
		odd.ino += i == 3;
		assert_int_equal(moved(f, "a", &odd, "c", NULL), VS_ECHANGED);
		assert_int_equal(moved(f, "d/b", &b, "a", &odd), VS_ECHANGED);
	}
	scratch_write(f->dir, "a", "mine!");
	assert_int_equal(moved(f, "a", &a, "c", NULL), VS_ECHANGED);
	assert_true(moved(f, "nothing", &a, "c", NULL) < 0);
	assert_true(moved(f, "a", &a, "none/c", NULL) < 0);
	assert_true(moved(f, "a", &a, "../c", NULL) < 0);
	scratch_is(f->dir, "a", "mine!");
	scratch_is(f->dir, "d/b", "second");
	scratch_is(f->dir, "c", NULL);
}

/* Neither a link is followed nor a folder exchanged. */
static void test_only_files(void **state)
{
	struct fixture *f = *state;
	struct disk_stat a = seen(f, "a"), d = seen(f, "d"), link;
	char full[300];

	(void)snprintf(full, sizeof(full), "%s/link", f->dir->path);
	assert_int_equal(symlink("a", full), 0);
	link = seen(f, "link");
	assert_int_equal(moved(f, "a", &a, "d", &d), VS_ECHANGED);
	assert_int_equal(moved(f, "a", &a, "link", &link), VS_ECHANGED);
	assert_true(moved(f, "link", &link, "c", NULL) < 0);
	assert_true(f->t->part_take(f->t, PART, "link", &link, &f->err) < 0);
	assert_true(f->t->part_take(f->t, PART, "d", &d, &f->err) < 0);
	scratch_is(f->dir, "link", "first");
}

static void test_take(void **state)
{
	struct fixture *f = *state;
	struct disk_stat a = seen(f, "a"), b = seen(f, "d/b"), now;
	bool kept = false;

	/* a rename changes the ctime, an edit more */
	a.ctime_ns++;
	b.mtime_ns++;
	assert_int_equal(
	    f->t->part_take(f->t, PART, "d/b", &b, &f->err), VS_ECHANGED);
	scratch_is(f->dir, "d/b", "second");
	assert_int_equal(f->t->part_take(f->t, PART, "a", &a, &f->err), VS_OK);
	scratch_is(f->dir, "a", NULL);
	scratch_is(f->dir, ".vsync/part/" PART, "first");
	/* a part that is there is not replaced */
	b = seen(f, "d/b");
	assert_true(f->t->part_take(f->t, PART, "d/b", &b, &f->err) < 0);
	scratch_is(f->dir, "d/b", "second");
	assert_int_equal(f->t->part_open(f->t, PART, 5, &kept, &f->err), VS_OK);
	assert_true(kept);
	assert_int_equal(f->t->part_finish(f->t, PART, "c", NULL, 0644,
			     MTIME_US, &now, &f->err),
	    VS_OK);
	scratch_is(f->dir, "c", "first");
}

static void test_copy(void **state)
{
	struct fixture *f = *state;
	struct disk_stat b = seen(f, "d/b"), odd = b;
	bool kept;

	assert_int_equal(f->t->part_open(f->t, PART, 6, &kept, &f->err), VS_OK);
	assert_int_equal(
	    f->t->part_copy(f->t, PART, "d/b", &b, 3, 3, &f->err), VS_OK);
	assert_int_equal(
	    f->t->part_copy(f->t, PART, "d/b", &b, 0, 3, &f->err), VS_OK);
	scratch_is(f->dir, ".vsync/part/" PART, "second");
	scratch_is(f->dir, "d/b", "second");
	odd.ctime_ns++;
	assert_int_equal(
	    f->t->part_copy(f->t, PART, "d/b", &odd, 0, 3, &f->err),
	    VS_ECHANGED);
	/* beyond its end there is nothing */
	assert_int_equal(
	    f->t->part_copy(f->t, PART, "d/b", &b, 4, 3, &f->err), VS_ECHANGED);
	assert_true(f->t->part_copy(f->t, PART, "no", &b, 0, 3, &f->err) < 0);
	f->t->part_drop(f->t, PART);
}

static void test_rmdir(void **state)
{
	struct fixture *f = *state;

	assert_true(f->t->rmdir(f->t, "d", &f->err) < 0);
	assert_true(f->t->rmdir(f->t, "a", &f->err) < 0);
	assert_true(f->t->rmdir(f->t, "..", &f->err) < 0);
	scratch_is(f->dir, "d/b", "second");
	assert_int_equal(f->t->mkdirs(f->t, "e/f", &f->err), VS_OK);
	assert_true(f->t->rmdir(f->t, "e", &f->err) < 0);
	assert_int_equal(f->t->rmdir(f->t, "e/f", &f->err), VS_OK);
	assert_int_equal(f->t->rmdir(f->t, "e", &f->err), VS_OK);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_move),
		WITH(test_exchange),
		WITH(test_by_parts),
		WITH(test_by_parts_changed),
		WITH(test_not_what_was_seen),
		WITH(test_only_files),
		WITH(test_take),
		WITH(test_copy),
		WITH(test_rmdir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
