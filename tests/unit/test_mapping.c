/* common/os/mapping: bytes that go away while somebody looks at them. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/os/mapping.h"
#include "common/os/pagecache.h"
#include "tests/unit/scratch.h"

#define PIECE ((size_t)1024 * 1024)
#define FILL 0x5a

/* What a look does and finds. */
struct look {
	int fd;
	int64_t cut; /* what the file is cut to meanwhile; negative: not */
	bool back; /* and made as long again */
	size_t ones; /* bytes seen that were the file's */
	size_t zeros;
	int calls;
};

/* cmocka takes the signal for each test. */
static void guard(void)
{
	assert_int_equal(vs_mapping_guard(NULL), VS_OK);
	assert_int_equal(vs_mapping_guard(NULL), VS_OK);
}

static int make(struct scratch *s, const char *name)
{
	int fd = open(scratch_at(s, name), O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *data = malloc(PIECE);

	assert_true(fd >= 0);
	assert_non_null(data);
	memset(data, FILL, PIECE);
	for (int i = 0; i < 2; i++)
		assert_true(write(fd, data, PIECE) == (ssize_t)PIECE);
	free(data);
	return fd;
}

static void see(void *arg, const void *data, size_t len)
{
	struct look *l = arg;
	const char *p = data;

	l->calls++;
	if (l->cut >= 0 && ftruncate(l->fd, l->cut) != 0)
		return;
	for (size_t i = 0; i < len; i++) {
		l->ones += p[i] == FILL;
		l->zeros += p[i] == 0;
	}
	if (l->back && ftruncate(l->fd, 2 * (off_t)PIECE) != 0)
		l->calls = -1;
}

static int look(struct look *l, int64_t off, size_t len)
{
	l->ones = l->zeros = 0;
	l->calls = 0;
	return vs_mapping_use(l->fd, off, len, see, l);
}

/* First of all: a program without a guard is told to read. */
static void test_not_before_the_guard(void **state)
{
	int fd = make(*state, "f");

	assert_false(vs_mapping_may(fd));
	guard();
	assert_true(vs_mapping_may(fd));
	close(fd);
	assert_false(vs_mapping_may(fd));
}

static void test_whole(void **state)
{
	struct look l = { .fd = make(*state, "f"), .cut = -1 };

	guard();
	assert_true(vs_mapping_may(l.fd));
	assert_int_equal(look(&l, 0, 2 * PIECE), VS_OK);
	assert_int_equal(l.ones, 2 * PIECE);
	assert_int_equal(look(&l, (int64_t)PIECE, PIECE - 1), VS_OK);
	assert_int_equal(l.ones, PIECE - 1);
	close(l.fd);
}

static void test_cannot(void **state)
{
	struct look l = { .fd = open("/", O_RDONLY | O_DIRECTORY), .cut = -1 };

	(void)state;
	guard();
	assert_true(l.fd >= 0);
	assert_int_not_equal(look(&l, 0, 1), VS_OK);
	assert_int_equal(l.calls, 0);
	close(l.fd);
}

/* Cut to nothing, and in the middle, under the look; then all is well again. */
static void test_cut_short(void **state)
{
	struct look l = { .fd = make(*state, "f"), .cut = 0 };

	guard();
	assert_int_equal(look(&l, 0, 2 * PIECE), VS_ECHANGED);
	assert_int_equal(l.zeros, 2 * PIECE);
	close(l.fd);
	l.fd = make(*state, "f");
	l.cut = (int64_t)PIECE;
	assert_int_equal(look(&l, 0, 2 * PIECE), VS_ECHANGED);
	assert_int_equal(l.ones + l.zeros, 2 * PIECE);
	assert_true(l.zeros >= PIECE);
	close(l.fd);
	l.fd = make(*state, "f");
	l.back = true;
	assert_int_equal(look(&l, 0, 2 * PIECE), VS_ECHANGED);
	assert_int_equal(l.calls, 1);
	close(l.fd);
	l.back = false;
	l.fd = make(*state, "f");
	l.cut = -1;
	assert_int_equal(look(&l, 0, 2 * PIECE), VS_OK);
	assert_int_equal(l.ones, 2 * PIECE);
	close(l.fd);
}

/* Within its last page a file ends without any fault. */
static void test_cut_in_a_page(void **state)
{
	struct look l = { .fd = make(*state, "f"), .cut = 2 * PIECE - 1 };

	guard();
	assert_int_equal(look(&l, 0, 2 * PIECE), VS_ECHANGED);
	assert_int_equal(l.ones, 2 * PIECE - 1);
	assert_int_equal(look(&l, 0, 2 * PIECE - 1), VS_OK);
	close(l.fd);
}

static void *cut_often(void *arg)
{
	struct look *l = arg;

	for (int i = 0; i < 200; i++) {
		if (ftruncate(l->fd, 2 * (off_t)PIECE) != 0)
			abort();
		if (look(l, 0, 2 * PIECE) != VS_ECHANGED || l->ones > 0)
			return NULL;
	}
	return arg;
}

/* Each thread has a guard of its own. */
static void test_threads(void **state)
{
	pthread_t t[4];
	struct look l[4] = { { 0 } };
	void *good;

	guard();
	for (int i = 0; i < 4; i++) {
		const char name[] = { (char)('a' + i), '\0' };

		l[i].fd = make(*state, name);
		pthread_create(&t[i], NULL, cut_often, &l[i]);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &good), 0);
		assert_ptr_equal(good, &l[i]);
		close(l[i].fd);
	}
}

/* Children, and what kills them. */

static void stray(struct scratch *s)
{
	int fd = make(s, "f");
	char *at = mmap(NULL, PIECE, PROT_READ, MAP_SHARED, fd, 0);

	if (ftruncate(fd, 0) == 0)
		_exit(*(volatile char *)at);
}

/* What somebody else has mapped, touched while we look at our own. */
static void see_stray(void *arg, const void *data, size_t len)
{
	(void)data;
	(void)len;
	stray(arg);
}

static void child_stray(struct scratch *s)
{
	int fd = make(s, "g");

	(void)vs_mapping_use(fd, 0, PIECE, see_stray, s);
}

static void child_sent(struct scratch *s)
{
	(void)s;
	raise(SIGBUS);
}

static void child_bare(struct scratch *s)
{
	signal(SIGBUS, SIG_DFL);
	(void)look(&(struct look){ .fd = make(s, "f") }, 0, PIECE);
}

/* The signal that ends a child which does f, or 0. */
static int death(void **state, void (*f)(struct scratch *s))
{
	const struct rlimit no_core = { 0 };
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGBUS, SIG_DFL);
		guard();
		(void)setrlimit(RLIMIT_CORE, &no_core);
		f(*state);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

/* Faults that are not ours to answer end the program as ever. */
static void test_others_still_die(void **state)
{
	assert_int_equal(death(state, stray), SIGBUS);
	assert_int_equal(death(state, child_stray), SIGBUS);
	assert_int_equal(death(state, child_sent), SIGBUS);
}

/* What all this is for: without the handler it is the end. */
static void test_without_a_guard(void **state)
{
	assert_int_equal(death(state, child_bare), SIGBUS);
}

static void test_page_cache(void **state)
{
	int fd = make(*state, "f");

	assert_int_equal(vs_pagecache_has(fd, 0, 2 * PIECE), 1);
	assert_int_equal(vs_pagecache_has(fd, 5000, 1), 1);
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(
	    posix_fadvise(fd, 0, (off_t)PIECE, POSIX_FADV_DONTNEED), 0);
	if (vs_pagecache_has(fd, 0, PIECE) == 1)
		skip(); /* a file system in memory */
	assert_int_equal(vs_pagecache_has(fd, 0, 1), 0);
	assert_int_equal(vs_pagecache_has(fd, 0, 2 * PIECE), 0);
	assert_int_equal(vs_pagecache_has(fd, (int64_t)PIECE, PIECE), 1);
	close(fd);
}

#define SCRATCHED(f) \
	cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCHED(test_not_before_the_guard),
		SCRATCHED(test_whole),
		cmocka_unit_test(test_cannot),
		SCRATCHED(test_cut_short),
		SCRATCHED(test_cut_in_a_page),
		SCRATCHED(test_threads),
		SCRATCHED(test_others_still_die),
		SCRATCHED(test_without_a_guard),
		SCRATCHED(test_page_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
