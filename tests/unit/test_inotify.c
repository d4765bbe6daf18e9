/* The watcher on the real kernel: what it says of a real folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/watch/watch.h"
#include "tests/unit/watchkit.h"

static void test_a_save(void **state)
{
	struct watchkit *f = *state;

	watchkit_add(f, "");
	scratch_write(f->dir, "a", "1");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_APPEARED, "a"));
	assert_false(watchkit_heard(f, WATCH_APPEARED, "a")->moved);
	assert_non_null(watchkit_heard(f, WATCH_CHANGED, "a"));
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "a"));
}

static void test_reading_is_silent(void **state)
{
	struct watchkit *f = *state;
	char *text;

	scratch_write(f->dir, "a", "1");
	watchkit_add(f, "");
	text = scratch_read(f->dir, "a");
	free(text);
	watchkit_listen(f);
	assert_int_equal(f->count, 0);
}

static void test_metadata(void **state)
{
	struct watchkit *f = *state;

	scratch_write(f->dir, "a", "1");
	watchkit_add(f, "");
	assert_int_equal(chmod(scratch_at(f->dir, "a"), 0600), 0);
	watchkit_listen(f);
	assert_int_equal(f->count, 1);
	assert_non_null(watchkit_heard(f, WATCH_TOUCHED, "a"));
}

static void test_removal(void **state)
{
	struct watchkit *f = *state;

	scratch_write(f->dir, "a", "1");
	watchkit_add(f, "");
	scratch_remove(f->dir, "a");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_VANISHED, "a"));
}

static void test_new_folder(void **state)
{
	struct watchkit *f = *state;

	watchkit_add(f, "");
	scratch_mkdir(f->dir, "d");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_DIR_APPEARED, "d"));
	watchkit_add(f, "d");
	watchkit_add(f, "d");
	assert_int_equal(watch_count(f->watch), 2);
	scratch_write(f->dir, "d/x", "1");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "d/x"));
}

static void test_folder_removed(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "d/e");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	watchkit_add(f, "d/e");
	scratch_remove(f->dir, "d");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_DIR_VANISHED, "d/e"));
	assert_non_null(watchkit_heard(f, WATCH_DIR_VANISHED, "d"));
	assert_null(watchkit_heard(f, WATCH_OVERFLOW, ""));
	assert_int_equal(watch_count(f->watch), 1);
}

/* The limit left its parent unwatched: it tells of its own end. */
static void test_folder_below_an_unwatched_one(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "d/e");
	watchkit_add(f, "");
	watchkit_add(f, "d/e");
	scratch_remove(f->dir, "d/e");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_DIR_VANISHED, "d/e"));
	assert_int_equal(watch_count(f->watch), 1);
}

static void test_cookie(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, ".vsync");
	watchkit_add(f, "");
	assert_int_equal(watch_count(f->watch), 1);
	scratch_write(f->dir, ".vsync/root-id", "x");
	scratch_mkdir(f->dir, ".vsync/part");
	watchkit_listen(f);
	assert_int_equal(f->count, 0);
	scratch_write(f->dir, ".vsync/cookie-17", "");
	scratch_remove(f->dir, ".vsync/cookie-17");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_APPEARED, ".vsync/cookie-17"));
}

/* It is made after the root is watched, or goes and comes again. */
static void test_cookie_of_a_new_folder(void **state)
{
	struct watchkit *f = *state;

	watchkit_add(f, "");
	for (int i = 0; i < 3; i++) {
		scratch_mkdir(f->dir, ".vsync");
		watchkit_listen(f);
		assert_int_equal(f->count, 0);
		scratch_write(f->dir, ".vsync/cookie-1", "");
		watchkit_listen(f);
		assert_non_null(
		    watchkit_heard(f, WATCH_APPEARED, ".vsync/cookie-1"));
		scratch_remove(f->dir, ".vsync");
		watchkit_listen(f);
	}
	/* the name is ours at the root only */
	scratch_mkdir(f->dir, "d");
	watchkit_add(f, "d");
	scratch_mkdir(f->dir, "d/.vsync");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_DIR_APPEARED, "d/.vsync"));
}

static void test_root_moved(void **state)
{
	struct watchkit *f = *state;
	char aside[80];

	watchkit_add(f, "");
	snprintf(aside, sizeof(aside), "%s-aside", f->dir->path);
	assert_int_equal(rename(f->dir->path, aside), 0);
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_ROOT_GONE, ""));
	assert_int_equal(watch_add(f->watch, "", NULL), VS_ENOENT);
	assert_int_equal(rename(aside, f->dir->path), 0);
	watchkit_listen(f);
	watch_clear(f->watch);
	watchkit_later(f, 0);
	assert_int_equal(watch_count(f->watch), 0);
	watchkit_add(f, "");
	scratch_write(f->dir, "a", "1");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "a"));
}

/* Forgotten, but not yet by the kernel: a scan takes back what it finds. */
static void test_clear_and_add(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "d/e");
	scratch_mkdir(f->dir, "hidden");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	watchkit_add(f, "d/e");
	watchkit_add(f, "hidden");
	watch_clear(f->watch);
	scratch_write(f->dir, "x", "");
	scratch_write(f->dir, "d/x", "");
	scratch_mkdir(f->dir, "d/n");
	watchkit_listen(f);
	assert_int_equal(f->count, 0);
	watchkit_add(f, "");
	watchkit_add(f, "d");
	watchkit_add(f, "d/e");
	watchkit_add(f, "d/n");
	watchkit_later(f, 1000);
	assert_int_equal(watch_count(f->watch), 4);
	scratch_write(f->dir, "d/e/x", "");
	scratch_write(f->dir, "d/n/x", "");
	scratch_write(f->dir, "hidden/x", "");
	watchkit_listen(f);
	assert_int_equal(watchkit_count(f, WATCH_CLOSED), 2);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "d/e/x"));
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "d/n/x"));
}

static void test_drop(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, "d/e");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	watchkit_add(f, "d/e");
	watch_remove(f->watch, "d");
	watch_remove(f->watch, "none");
	scratch_write(f->dir, "d/e/x", "");
	watchkit_later(f, 0);
	assert_int_equal(watch_count(f->watch), 1);
	watchkit_listen(f);
	assert_int_equal(f->count, 0);
	watchkit_add(f, "d");
	scratch_write(f->dir, "d/x", "");
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_CLOSED, "d/x"));
}

static void unheard(void *arg, const struct watch_hint *h)
{
	(void)arg;
	(void)h;
}

/* In a process without descriptors; an instance would be there. */
static int make_without_descriptors(void)
{
	const struct watch_ear ear = { .hint = unheard };
	struct rlimit none = { 3, 3 };
	struct vs_err err = VS_ERR_INIT;
	struct watch *w;
	int r;

	closefrom(3);
	if (setrlimit(RLIMIT_NOFILE, &none) != 0)
		return 1;
	r = watch_new(&w, WATCH_EVENTS, "/tmp", &ear, &err);
	return r == VS_EAGAIN && strstr(err.msg, "descriptor") ? 0 : 2;
}

static void test_no_descriptor(void **state)
{
	pid_t pid = fork();
	int status = -1;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(make_without_descriptors());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* In a user namespace that allows none. */
static int make_without_instances(void)
{
	const struct watch_ear ear = { .hint = unheard };
	struct vs_err err = VS_ERR_INIT;
	struct watch *w;
	FILE *f;
	int r;

	if (unshare(CLONE_NEWUSER) != 0)
		return 77;
	f = fopen("/proc/sys/user/max_inotify_instances", "we");
	if (f == NULL || fputs("0", f) < 0 || fclose(f) != 0)
		return 77;
	r = watch_new(&w, WATCH_EVENTS, "/tmp", &ear, &err);
	return r == VS_ELIMIT && strstr(err.msg, "instance") ? 0 : 2;
}

static void test_no_instance(void **state)
{
	pid_t pid = fork();
	int status = -1;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(make_without_instances());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static void test_root_removed(void **state)
{
	struct watchkit *f = *state;

	watchkit_add(f, "");
	assert_int_equal(rmdir(f->dir->path), 0);
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_ROOT_GONE, ""));
	assert_int_equal(watch_count(f->watch), 0);
}

static void test_root_unmounted(void **state)
{
	struct watchkit *f = *state;

	if (mount("none", f->dir->path, "tmpfs", 0, "size=1m") != 0)
		skip();
	scratch_mkdir(f->dir, "d");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	assert_int_equal(umount(f->dir->path), 0);
	watchkit_listen(f);
	assert_non_null(watchkit_heard(f, WATCH_ROOT_GONE, ""));
	assert_int_equal(watch_count(f->watch), 0);
}

static void test_no_link_and_no_way_out(void **state)
{
	struct watchkit *f = *state;

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

/* The kernel let go without a word: it is to be looked at and watched. */
static void test_ignored(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "d");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	watchkit_feed(f, 2, IN_IGNORED);
	assert_int_equal(f->count, 1);
	assert_non_null(watchkit_heard(f, WATCH_DIR_APPEARED, "d"));
	assert_int_equal(watch_count(f->watch), 1);
	/* the end of a removed one is told once */
	watchkit_add(f, "d");
	scratch_remove(f->dir, "d");
	watchkit_listen(f);
	assert_int_equal(f->count, 1);
	assert_non_null(watchkit_heard(f, WATCH_DIR_VANISHED, "d"));
}

/* Not even the root could be watched. */
static void test_unmounted_below_an_unwatched_root(void **state)
{
	struct watchkit *f = *state;

	scratch_mkdir(f->dir, "d");
	watchkit_add(f, "d");
	watchkit_feed(f, 1, IN_UNMOUNT);
	assert_int_equal(f->count, 1);
	assert_non_null(watchkit_heard(f, WATCH_ROOT_GONE, ""));
	assert_int_equal(watch_count(f->watch), 0);
}

/* Below the highest mask bit nothing but changes is asked for. */
static void test_open_and_access_are_silent(void **state)
{
	struct watchkit *f = *state;
	int fd;

	scratch_mkdir(f->dir, "d");
	scratch_write(f->dir, "d/a", "1");
	watchkit_add(f, "");
	watchkit_add(f, "d");
	fd = open(scratch_at(f->dir, "d/a"), O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, &(char){ 0 }, 1), 1);
	close(fd);
	fd = open(scratch_at(f->dir, "d"), O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	close(fd);
	watchkit_listen(f);
	assert_int_equal(f->count, 0);
}

static void test_doubt(void **state)
{
	struct watchkit *f = *state;

	watchkit_add(f, "");
	watchkit_feed(f, -1, IN_Q_OVERFLOW);
	assert_int_equal(f->count, 1);
	assert_non_null(watchkit_heard(f, WATCH_OVERFLOW, ""));
	/* never given: something was missed */
	watchkit_feed(f, 1000, IN_MODIFY);
	assert_non_null(watchkit_heard(f, WATCH_OVERFLOW, ""));
	/* given and let go: nothing */
	watch_clear(f->watch);
	watchkit_feed(f, 1, IN_IGNORED);
	assert_int_equal(f->count, 0);
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, watchkit_setup, watchkit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_save),
		TEST(test_reading_is_silent),
		TEST(test_metadata),
		TEST(test_removal),
		TEST(test_new_folder),
		TEST(test_folder_removed),
		TEST(test_folder_below_an_unwatched_one),
		TEST(test_cookie),
		TEST(test_cookie_of_a_new_folder),
		TEST(test_root_moved),
		TEST(test_root_removed),
		TEST(test_root_unmounted),
		TEST(test_no_link_and_no_way_out),
		TEST(test_ignored),
		TEST(test_unmounted_below_an_unwatched_root),
		TEST(test_open_and_access_are_silent),
		TEST(test_doubt),
		TEST(test_clear_and_add),
		TEST(test_drop),
		cmocka_unit_test(test_no_descriptor),
		cmocka_unit_test(test_no_instance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
