/* The watcher on the real kernel: what it says of a real folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/watch/watch.h"
#include "common/base/limits.h"
#include "tests/unit/scratch.h"

#define HINTS_MAX 256

struct heard {
	enum watch_what what;
	bool moved;
	char path[256];
};

struct fixture {
	struct scratch *dir;
	struct watch *watch;
	struct heard heard[HINTS_MAX];
	size_t count;
};

static void hear(void *arg, const struct watch_hint *h)
{
	struct fixture *f = arg;
	struct heard *to = &f->heard[f->count];

	assert_true(f->count < HINTS_MAX);
	to->what = h->what;
	to->moved = h->moved;
	snprintf(to->path, sizeof(to->path), "%s", h->path);
	f->count++;
}

/* Takes in all that the kernel has to say now. */
static void listen_now(struct fixture *f)
{
	struct pollfd p = { .fd = watch_fd(f->watch), .events = POLLIN };
	char *raw = malloc(WATCH_RAW_MAX);

	assert_non_null(raw);
	f->count = 0;
	while (poll(&p, 1, 30) == 1) {
		int n = watch_read(p.fd, raw, NULL);

		assert_true(n > 0);
		watch_translate(f->watch, raw, (size_t)n, hear, f);
	}
	assert_int_equal(watch_read(p.fd, raw, NULL), 0);
	free(raw);
}

/* The first hint on path of this kind, or NULL. */
static const struct heard *heard(
    const struct fixture *f, enum watch_what what, const char *path)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->heard[i].what == what &&
		    strcmp(f->heard[i].path, path) == 0)
			return &f->heard[i];
	return NULL;
}

static void add(struct fixture *f, const char *dir)
{
	struct vs_err err = VS_ERR_INIT;

	if (watch_add(f->watch, dir, &err) < 0)
		fail_msg("%s: %s", dir, err.msg);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *dir;

	assert_non_null(f);
	scratch_setup(&dir);
	f->dir = dir;
	assert_int_equal(watch_new(&f->watch, f->dir->path, NULL), VS_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	void *dir = f->dir;

	watch_free(f->watch);
	scratch_teardown(&dir);
	free(f);
	return 0;
}

static void test_a_save(void **state)
{
	struct fixture *f = *state;

	add(f, "");
	scratch_write(f->dir, "a", "1");
	listen_now(f);
	assert_non_null(heard(f, WATCH_APPEARED, "a"));
	assert_false(heard(f, WATCH_APPEARED, "a")->moved);
	assert_non_null(heard(f, WATCH_CHANGED, "a"));
	assert_non_null(heard(f, WATCH_CLOSED, "a"));
}

static void test_reading_is_silent(void **state)
{
	struct fixture *f = *state;
	char *text;

	scratch_write(f->dir, "a", "1");
	add(f, "");
	text = scratch_read(f->dir, "a");
	free(text);
	listen_now(f);
	assert_int_equal(f->count, 0);
}

static void test_metadata(void **state)
{
	struct fixture *f = *state;

	scratch_write(f->dir, "a", "1");
	add(f, "");
	assert_int_equal(chmod(scratch_at(f->dir, "a"), 0600), 0);
	listen_now(f);
	assert_int_equal(f->count, 1);
	assert_non_null(heard(f, WATCH_TOUCHED, "a"));
}

static void test_rename_over(void **state)
{
	struct fixture *f = *state;

	scratch_write(f->dir, "a", "1");
	scratch_write(f->dir, "a.tmp", "2");
	add(f, "");
	scratch_rename(f->dir, "a.tmp", "a");
	listen_now(f);
	assert_non_null(heard(f, WATCH_VANISHED, "a.tmp"));
	assert_non_null(heard(f, WATCH_APPEARED, "a"));
	assert_true(heard(f, WATCH_APPEARED, "a")->moved);
}

static void test_removal(void **state)
{
	struct fixture *f = *state;

	scratch_write(f->dir, "a", "1");
	add(f, "");
	scratch_remove(f->dir, "a");
	listen_now(f);
	assert_non_null(heard(f, WATCH_VANISHED, "a"));
}

static void test_new_folder(void **state)
{
	struct fixture *f = *state;

	add(f, "");
	scratch_mkdir(f->dir, "d");
	listen_now(f);
	assert_non_null(heard(f, WATCH_DIR_APPEARED, "d"));
	add(f, "d");
	add(f, "d");
	assert_int_equal(watch_count(f->watch), 2);
	scratch_write(f->dir, "d/x", "1");
	listen_now(f);
	assert_non_null(heard(f, WATCH_CLOSED, "d/x"));
}

/* Moved: what is below speaks no more under the old name. */
static void test_folder_moved(void **state)
{
	struct fixture *f = *state;

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "d/e");
	add(f, "");
	add(f, "d");
	add(f, "d/e");
	scratch_rename(f->dir, "d", "n");
	listen_now(f);
	assert_non_null(heard(f, WATCH_DIR_VANISHED, "d"));
	assert_non_null(heard(f, WATCH_DIR_APPEARED, "n"));
	assert_int_equal(watch_count(f->watch), 1);
	scratch_write(f->dir, "n/e/x", "1");
	listen_now(f);
	assert_int_equal(f->count, 0);
	add(f, "n");
	add(f, "n/e");
	scratch_write(f->dir, "n/e/x", "2");
	listen_now(f);
	assert_non_null(heard(f, WATCH_CLOSED, "n/e/x"));
	assert_null(heard(f, WATCH_CLOSED, "d/e/x"));
}

/* The scan was there before the event of the move was read. */
static void test_added_before_the_move_is_heard(void **state)
{
	struct fixture *f = *state;

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "d/e");
	add(f, "");
	add(f, "d");
	add(f, "d/e");
	scratch_rename(f->dir, "d", "n");
	add(f, "n");
	add(f, "n/e");
	assert_int_equal(watch_count(f->watch), 3);
	listen_now(f);
	assert_null(heard(f, WATCH_OVERFLOW, ""));
	add(f, "n");
	add(f, "n/e");
	scratch_write(f->dir, "n/e/x", "1");
	listen_now(f);
	assert_non_null(heard(f, WATCH_CLOSED, "n/e/x"));
}

/* Another folder has the name by the time it is watched. */
static void test_name_taken_by_another(void **state)
{
	struct fixture *f = *state;

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "other");
	add(f, "");
	add(f, "d");
	scratch_rename(f->dir, "d", "gone");
	scratch_rename(f->dir, "other", "d");
	add(f, "d");
	assert_int_equal(watch_count(f->watch), 2);
	listen_now(f);
	add(f, "d");
	scratch_write(f->dir, "gone/x", "1");
	scratch_write(f->dir, "d/y", "1");
	listen_now(f);
	assert_non_null(heard(f, WATCH_CLOSED, "d/y"));
	assert_null(heard(f, WATCH_CLOSED, "d/x"));
}

static void test_folder_removed(void **state)
{
	struct fixture *f = *state;

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "d/e");
	add(f, "");
	add(f, "d");
	add(f, "d/e");
	scratch_remove(f->dir, "d");
	listen_now(f);
	assert_non_null(heard(f, WATCH_DIR_VANISHED, "d/e"));
	assert_non_null(heard(f, WATCH_DIR_VANISHED, "d"));
	assert_null(heard(f, WATCH_OVERFLOW, ""));
	assert_int_equal(watch_count(f->watch), 1);
}

/* The limit left its parent unwatched: it tells of its own end. */
static void test_folder_below_an_unwatched_one(void **state)
{
	struct fixture *f = *state;

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "d/e");
	add(f, "");
	add(f, "d/e");
	scratch_remove(f->dir, "d/e");
	listen_now(f);
	assert_non_null(heard(f, WATCH_DIR_VANISHED, "d/e"));
	assert_int_equal(watch_count(f->watch), 1);
}

static void test_cookie(void **state)
{
	struct fixture *f = *state;

	scratch_mkdir(f->dir, ".vsync");
	add(f, "");
	assert_int_equal(watch_count(f->watch), 1);
	scratch_write(f->dir, ".vsync/root-id", "x");
	scratch_mkdir(f->dir, ".vsync/part");
	listen_now(f);
	assert_int_equal(f->count, 0);
	scratch_write(f->dir, ".vsync/cookie-17", "");
	scratch_remove(f->dir, ".vsync/cookie-17");
	listen_now(f);
	assert_non_null(heard(f, WATCH_APPEARED, ".vsync/cookie-17"));
}

/* It is made after the root is watched, or goes and comes again. */
static void test_cookie_of_a_new_folder(void **state)
{
	struct fixture *f = *state;

	add(f, "");
	for (int i = 0; i < 3; i++) {
		scratch_mkdir(f->dir, ".vsync");
		listen_now(f);
		assert_int_equal(f->count, 0);
		scratch_write(f->dir, ".vsync/cookie-1", "");
		listen_now(f);
		assert_non_null(heard(f, WATCH_APPEARED, ".vsync/cookie-1"));
		scratch_remove(f->dir, ".vsync");
		listen_now(f);
	}
	/* the name is ours at the root only */
	scratch_mkdir(f->dir, "d");
	add(f, "d");
	scratch_mkdir(f->dir, "d/.vsync");
	listen_now(f);
	assert_non_null(heard(f, WATCH_DIR_APPEARED, "d/.vsync"));
}

static void test_root_moved(void **state)
{
	struct fixture *f = *state;
	char aside[80];

	add(f, "");
	snprintf(aside, sizeof(aside), "%s-aside", f->dir->path);
	assert_int_equal(rename(f->dir->path, aside), 0);
	listen_now(f);
	assert_non_null(heard(f, WATCH_ROOT_GONE, ""));
	assert_int_equal(watch_add(f->watch, "", NULL), VS_ENOENT);
	assert_int_equal(rename(aside, f->dir->path), 0);
	listen_now(f);
	watch_clear(f->watch);
	assert_int_equal(watch_count(f->watch), 0);
	add(f, "");
	scratch_write(f->dir, "a", "1");
	listen_now(f);
	assert_non_null(heard(f, WATCH_CLOSED, "a"));
}

static void test_root_removed(void **state)
{
	struct fixture *f = *state;

	add(f, "");
	assert_int_equal(rmdir(f->dir->path), 0);
	listen_now(f);
	assert_non_null(heard(f, WATCH_ROOT_GONE, ""));
	assert_int_equal(watch_count(f->watch), 0);
}

static void test_root_unmounted(void **state)
{
	struct fixture *f = *state;

	if (mount("none", f->dir->path, "tmpfs", 0, "size=1m") != 0)
		skip();
	scratch_mkdir(f->dir, "d");
	add(f, "");
	add(f, "d");
	assert_int_equal(umount(f->dir->path), 0);
	listen_now(f);
	assert_non_null(heard(f, WATCH_ROOT_GONE, ""));
	assert_int_equal(watch_count(f->watch), 0);
}

static void test_no_link_and_no_way_out(void **state)
{
	struct fixture *f = *state;

	scratch_mkdir(f->dir, "d");
	assert_int_equal(symlink("/tmp", scratch_at(f->dir, "out")), 0);
	assert_int_equal(symlink("d", scratch_at(f->dir, "in")), 0);
	scratch_write(f->dir, "file", "");
	assert_true(watch_add(f->watch, "out", NULL) < 0);
	assert_true(watch_add(f->watch, "in", NULL) < 0);
	assert_int_equal(watch_add(f->watch, "..", NULL), VS_EXDEV);
	assert_int_equal(watch_add(f->watch, "file", NULL), VS_ENOTDIR);
	assert_int_equal(watch_add(f->watch, "none", NULL), VS_ENOENT);
	assert_int_equal(watch_count(f->watch), 0);
}

static void feed(struct fixture *f, int wd, uint32_t mask)
{
	struct inotify_event e = { .wd = wd, .mask = mask };

	f->count = 0;
	watch_translate(f->watch, &e, sizeof(e), hear, f);
}

static void test_doubt(void **state)
{
	struct fixture *f = *state;

	add(f, "");
	feed(f, -1, IN_Q_OVERFLOW);
	assert_int_equal(f->count, 1);
	assert_non_null(heard(f, WATCH_OVERFLOW, ""));
	/* never given: something was missed */
	feed(f, 1000, IN_MODIFY);
	assert_non_null(heard(f, WATCH_OVERFLOW, ""));
	/* given and let go: nothing */
	watch_clear(f->watch);
	feed(f, 1, IN_IGNORED);
	assert_int_equal(f->count, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_save),
		TEST(test_reading_is_silent),
		TEST(test_metadata),
		TEST(test_rename_over),
		TEST(test_removal),
		TEST(test_new_folder),
		TEST(test_folder_moved),
		TEST(test_added_before_the_move_is_heard),
		TEST(test_name_taken_by_another),
		TEST(test_folder_removed),
		TEST(test_folder_below_an_unwatched_one),
		TEST(test_cookie),
		TEST(test_cookie_of_a_new_folder),
		TEST(test_root_moved),
		TEST(test_root_removed),
		TEST(test_root_unmounted),
		TEST(test_no_link_and_no_way_out),
		TEST(test_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
