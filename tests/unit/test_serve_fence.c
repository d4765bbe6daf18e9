/*
 * A process that fenced itself in tries to get out.  Each try is a child of
 * its own, for there is no way back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/serve/fence.h"
#include "common/os/fs.h"
#include "tests/unit/scratch.h"

#define CODE_RAISED 100 /* the fence itself failed */
#define CODE_LESS 101 /* the kernel has no such thing */

/* What a try needs the kernel to have. */
enum need { NEED_NOTHING, NEED_LANDLOCK, NEED_SECCOMP };

struct attempt {
	enum need need;
	/* errno, 0 for success */
	int (*f)(const struct scratch *s);
	int want;
};

static int result(int fd)
{
	return fd < 0 ? errno : 0;
}

static int read_inside(const struct scratch *s)
{
	char text[8] = "";
	int fd = open(scratch_at(s, "root/d/a"), O_RDONLY);

	if (fd < 0)
		return errno;
	return pread(fd, text, 3, 0) == 3 && memcmp(text, "one", 3) == 0 ? 0
									 : EIO;
}

static int read_beneath(const struct scratch *s)
{
	int root = open(scratch_at(s, "root"), O_PATH | O_DIRECTORY);
	int fd;

	if (root < 0)
		return errno;
	fd = vs_fs_open(root, "d/a", O_RDONLY, 0, NULL);
	return fd < 0 ? EIO : 0;
}

static int read_outside(const struct scratch *s)
{
	return result(open(scratch_at(s, "secret"), O_RDONLY));
}

static int read_system(const struct scratch *s)
{
	(void)s;
	return result(open("/etc/passwd", O_RDONLY));
}

static int list_inside(const struct scratch *s)
{
	return result(open(scratch_at(s, "root/d"), O_RDONLY | O_DIRECTORY));
}

static int write_inside(const struct scratch *s)
{
	return result(open(scratch_at(s, "root/d/a"), O_WRONLY));
}

static int make_inside(const struct scratch *s)
{
	return result(
	    open(scratch_at(s, "root/new"), O_RDONLY | O_CREAT, 0600));
}

static int remove_inside(const struct scratch *s)
{
	return unlink(scratch_at(s, "root/d/a")) == 0 ? 0 : errno;
}

static int make_socket(const struct scratch *s)
{
	(void)s;
	return result(socket(AF_INET, SOCK_STREAM, 0));
}

static int start_program(const struct scratch *s)
{
	(void)s;
	execl("/bin/true", "true", (char *)NULL);
	return errno;
}

static int start_process(const struct scratch *s)
{
	pid_t pid = fork();

	(void)s;
	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int make_code(const struct scratch *s)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)s;
	return p == MAP_FAILED ? errno : 0;
}

static int signal_parent(const struct scratch *s)
{
	(void)s;
	return kill(getppid(), 0) == 0 ? 0 : errno;
}

static void *thread_body(void *arg)
{
	*(int *)arg = 0;
	return NULL;
}

static int start_thread(const struct scratch *s)
{
	pthread_t t;
	int code = EIO;
	int rc = pthread_create(&t, NULL, thread_body, &code);

	(void)s;
	if (rc != 0)
		return rc;
	pthread_join(t, NULL);
	return code;
}

/* In a child process: the fence, then the try. */
static int fenced(const struct scratch *s, const struct attempt *a)
{
	struct fence_report r = { .landlock = 0 };
	struct vs_err err = VS_ERR_INIT;
	int dir = open(scratch_at(s, "root"), O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || fence_raise(&dir, 1, &r, &err) < 0) {
		fprintf(stderr, "fence: %s\n", err.msg);
		return CODE_RAISED;
	}
	close(dir);
	if ((a->need == NEED_LANDLOCK && r.landlock == 0) ||
	    (a->need == NEED_SECCOMP && !r.seccomp))
		return CODE_LESS;
	return a->f(s);
}

static void attempt(void **state, const struct attempt *a)
{
	const struct scratch *s = *state;
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fenced(s, a));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CODE_LESS)
		skip();
	assert_int_equal(WEXITSTATUS(status), a->want);
}

static int setup(void **state)
{
	scratch_setup(state);
	scratch_mkdir(*state, "root");
	scratch_mkdir(*state, "root/d");
	scratch_write(*state, "root/d/a", "one");
	scratch_write(*state, "secret", "two");
	return 0;
}

#define ATTEMPT(name, need, want) \
	static void test_##name(void **state) \
	{ \
		const struct attempt a = { need, name, want }; \
		attempt(state, &a); \
	}

ATTEMPT(read_inside, NEED_NOTHING, 0)
ATTEMPT(read_beneath, NEED_NOTHING, 0)
ATTEMPT(start_thread, NEED_NOTHING, 0)
ATTEMPT(read_outside, NEED_LANDLOCK, EACCES)
ATTEMPT(read_system, NEED_LANDLOCK, EACCES)
ATTEMPT(list_inside, NEED_LANDLOCK, EACCES)
ATTEMPT(write_inside, NEED_SECCOMP, EPERM)
ATTEMPT(make_inside, NEED_SECCOMP, EPERM)
ATTEMPT(remove_inside, NEED_SECCOMP, EPERM)
ATTEMPT(make_socket, NEED_SECCOMP, EPERM)
ATTEMPT(start_program, NEED_SECCOMP, EPERM)
ATTEMPT(start_process, NEED_SECCOMP, EPERM)
ATTEMPT(make_code, NEED_SECCOMP, EPERM)
ATTEMPT(signal_parent, NEED_SECCOMP, EPERM)

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read_inside),
		TEST(test_read_beneath),
		TEST(test_start_thread),
		TEST(test_read_outside),
		TEST(test_read_system),
		TEST(test_list_inside),
		TEST(test_write_inside),
		TEST(test_make_inside),
		TEST(test_remove_inside),
		TEST(test_make_socket),
		TEST(test_start_program),
		TEST(test_start_process),
		TEST(test_make_code),
		TEST(test_signal_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
