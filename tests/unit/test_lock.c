#include "common/os/lock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static char path[96];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/vsync-lock-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/lock", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void test_exclusive(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	char mine[32];
	struct stat st;
	int fd = vs_lock_take(path, &err);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(vs_lock_take(path, &err), VS_EBUSY);
	snprintf(mine, sizeof(mine), "process %d", (int)getpid());
	assert_non_null(strstr(err.msg, mine));
	close(fd);
	fd = vs_lock_take(path, &err);
	assert_true(fd >= 0);
	close(fd);
}

/* The kernel lets go of what a killed process held. */
static void test_killed_holder(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	int ready[2];
	pid_t pid;
	char c;
	int fd;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (vs_lock_take(path, NULL) < 0 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(vs_lock_take(path, &err), VS_EBUSY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	fd = vs_lock_take(path, &err);
	assert_true(fd >= 0);
	close(fd);
	close(ready[0]);
	close(ready[1]);
}

static void test_garbage_inside(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	char text[64] = "";
	char want[32];
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	(void)state;
	assert_int_equal(write(fd, "not a pid, and a long text", 26), 26);
	close(fd);
	fd = vs_lock_take(path, &err);
	assert_true(fd >= 0);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	snprintf(want, sizeof(want), "%d\n", (int)getpid());
	assert_string_equal(text, want);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(vs_lock_take(path, &err), VS_EBUSY);
	assert_non_null(strstr(err.msg, "process ?"));
	close(fd);
}

static void test_refused(void **state)
{
	struct vs_err err = VS_ERR_INIT;

	(void)state;
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(vs_lock_take(path, &err), VS_ELOOP);
	unlink(path);
	assert_int_equal(vs_lock_take("/nonexistent/lock", &err), VS_ENOENT);
	assert_non_null(strstr(err.msg, "/nonexistent/lock"));
}

int main(void)
{
#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_DIR(test_exclusive),
		WITH_DIR(test_killed_holder),
		WITH_DIR(test_garbage_inside),
		WITH_DIR(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
