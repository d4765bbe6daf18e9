/*
 * Everything twice: with openat2, and in a process whose kernel seems to
 * have none (a seccomp filter answers ENOSYS).
 */
#include "common/os/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/limits.h"

struct fixture {
	char dir[64];
	int root;
};

static void make_file(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/vsync-fs-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->root = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->root >= 0);
	assert_int_equal(mkdirat(f->root, "in", 0700), 0);
	assert_int_equal(mkdirat(f->root, "in/deep", 0700), 0);
	make_file(f->root, "file", "top");
	make_file(f->root, "in/deep/file", "deep");
	assert_int_equal(symlinkat("in", f->root, "inlink"), 0);
	assert_int_equal(symlinkat("/etc", f->root, "out"), 0);
	assert_int_equal(symlinkat("/etc/passwd", f->root, "in/passwd"), 0);
	assert_int_equal(symlinkat("loop", f->root, "loop"), 0);
	assert_int_equal(mkfifoat(f->root, "fifo", 0600), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	close(f->root);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void read_file(struct fixture *f)
{
	struct vs_err err = VS_ERR_INIT;
	char text[8] = "";
	int fd = vs_fs_open(f->root, "in/deep/file", O_RDONLY, 0, &err);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	assert_string_equal(text, "deep");
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	close(fd);
}

static void refuse(struct fixture *f)
{
	static const struct {
		const char *path;
		int flags;
		int code;
	} cases[] = {
		{ "none", O_RDONLY, VS_ENOENT },
		{ "none/file", O_RDONLY, VS_ENOENT },
		{ "in/none", O_RDONLY, VS_ENOENT },
		{ "file/x", O_RDONLY, VS_ENOTDIR },
		{ "in/deep/file", O_RDONLY | O_DIRECTORY, VS_ENOTDIR },
		{ "inlink/deep/file", O_RDONLY, VS_ELOOP },
		{ "inlink", O_RDONLY, VS_ELOOP },
		{ "out/passwd", O_RDONLY, VS_ELOOP },
		{ "in/passwd", O_RDONLY, VS_ELOOP },
		{ "loop", O_RDONLY, VS_ELOOP },
		{ "..", O_RDONLY, VS_EXDEV },
		{ "../x", O_RDONLY, VS_EXDEV },
		{ "/etc/passwd", O_RDONLY, VS_EXDEV },
		{ "file", O_WRONLY | O_CREAT | O_EXCL, VS_EEXIST },
		{ "in", O_WRONLY, VS_EINVAL },
	};
	struct vs_err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = vs_fs_open(
		    f->root, cases[i].path, cases[i].flags, 0600, &err);

		if (fd != cases[i].code)
			fail_msg("%s: %s", cases[i].path, vs_err_name(fd));
		assert_non_null(strstr(err.msg, cases[i].path));
	}
}

static void make(struct fixture *f)
{
	struct vs_err err = VS_ERR_INIT;
	struct stat st;
	int fd = vs_fs_open(
	    f->root, "in/new", O_WRONLY | O_CREAT | O_EXCL, 0640, &err);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	close(fd);
}

static void open_root(struct fixture *f)
{
	struct vs_err err = VS_ERR_INIT;
	struct stat a;
	struct stat b;
	int fd = vs_fs_open(f->root, "", O_RDONLY | O_DIRECTORY, 0, &err);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(fstat(f->root, &b), 0);
	assert_true(a.st_ino == b.st_ino);
	close(fd);
}

static void open_path_only(struct fixture *f)
{
	struct vs_err err = VS_ERR_INIT;
	struct stat st;
	int fd = vs_fs_open(f->root, "out", O_PATH, 0, &err);

	/* The link itself may be looked at, not what it points to. */
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	close(fd);
}

static void fifo_does_not_block(struct fixture *f)
{
	struct vs_err err = VS_ERR_INIT;
	int fd = vs_fs_open(f->root, "fifo", O_RDONLY, 0, &err);

	assert_true(fd >= 0);
	close(fd);
}

static void parent(struct fixture *f)
{
	struct vs_err err = VS_ERR_INIT;
	struct stat st;
	const char *name = NULL;
	int fd = vs_fs_open_parent(f->root, "in/deep/any", &name, &err);

	assert_true(fd >= 0);
	assert_string_equal(name, "any");
	assert_int_equal(fstatat(fd, "file", &st, 0), 0);
	close(fd);
	fd = vs_fs_open_parent(f->root, "top", &name, &err);
	assert_true(fd >= 0);
	assert_string_equal(name, "top");
	assert_int_equal(fstatat(fd, "in", &st, 0), 0);
	close(fd);
	assert_int_equal(
	    vs_fs_open_parent(f->root, "none/x", &name, &err), VS_ENOTDIR);
	assert_int_equal(
	    vs_fs_open_parent(f->root, "in/none/x", &name, &err), VS_ENOTDIR);
	assert_int_equal(
	    vs_fs_open_parent(f->root, "file/x", &name, &err), VS_ENOTDIR);
	assert_int_equal(
	    vs_fs_open_parent(f->root, "inlink/deep/x", &name, &err), VS_ELOOP);
	assert_int_equal(
	    vs_fs_open_parent(f->root, "../x", &name, &err), VS_EXDEV);
}

/* The longest path there may be is one byte more than the kernel takes. */
static void longest(struct fixture *f)
{
	struct vs_err err = VS_ERR_INIT;
	char path[VS_PATH_MAX + 1] = "";
	char name[VS_NAME_MAX + 1];
	size_t len = 0;
	int dir = dup(f->root);
	int fd;

	while (len < VS_PATH_MAX) {
		size_t n = VS_PATH_MAX - len > 200 ? 150 : VS_PATH_MAX - len;

		memset(name, 'n', n);
		name[n] = '\0';
		memcpy(path + len, name, n + 1);
		len += n;
		if (len == VS_PATH_MAX)
			break;
		assert_int_equal(mkdirat(dir, name, 0700), 0);
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY);
		close(dir);
		dir = fd;
		path[len++] = '/';
	}
	make_file(dir, name, "far");
	close(dir);
	assert_int_equal(strlen(path), VS_PATH_MAX);
	fd = vs_fs_open(f->root, path, O_RDONLY, 0, &err);
	assert_true(fd >= 0);
	close(fd);
}

static void all(struct fixture *f)
{
	read_file(f);
	refuse(f);
	make(f);
	open_root(f);
	open_path_only(f);
	fifo_does_not_block(f);
	parent(f);
	longest(f);
}

static void test_openat2(void **state)
{
	all(*state);
}

static void refuse_openat2(int answer)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 4, code };

	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), 0);
	assert_int_equal(syscall(SYS_openat2, 0, NULL, NULL, 0), -1);
	assert_int_equal(errno, answer);
}

static void without_openat2(struct fixture *f, int answer)
{
	pid_t pid = fork();
	int status = -1;

	assert_true(pid >= 0);
	if (pid == 0) {
		refuse_openat2(answer);
		all(f);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_walk(void **state)
{
	without_openat2(*state, ENOSYS);
}

static void test_sandboxed(void **state)
{
	without_openat2(*state, EPERM);
}

/* Another mount inside is not entered: /proc stands in for one. */
static void other_mount(void)
{
	struct vs_err err = VS_ERR_INIT;
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(root >= 0);
	assert_int_equal(
	    vs_fs_open(root, "proc/self/status", O_RDONLY, 0, &err), VS_EXDEV);
	assert_int_equal(vs_fs_open(root, "proc", O_RDONLY, 0, &err), VS_EXDEV);
	close(root);
}

static void test_other_mount(void **state)
{
	pid_t pid;
	int status = -1;

	(void)state;
	other_mount();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		refuse_openat2(ENOSYS);
		other_mount();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_DIR(test_openat2),
		WITH_DIR(test_walk),
		WITH_DIR(test_sandboxed),
		cmocka_unit_test(test_other_mount),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
