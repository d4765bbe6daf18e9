/* agent/scan/content: hashing that spares the page cache. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/scan/content.h"
#include "common/base/err.h"
#include "common/os/mapping.h"
#include "tests/unit/scratch.h"

#define MIB ((size_t)1024 * 1024)
#define LARGE (40 * MIB + 12345)

/* cmocka takes the signal for each test. */
static void guard(void)
{
	assert_int_equal(vs_mapping_guard(NULL), VS_OK);
}

static char *fill(size_t len)
{
	char *data = malloc(len + 1);
	uint32_t x = 1;

	assert_non_null(data);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		data[i] = (char)(x >> 24);
	}
	return data;
}

/* A durable file of len bytes; its descriptor. */
static int make(struct scratch *d, const char *data, size_t len)
{
	int fd = open(scratch_at(d, "f"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	size_t at = 0;

	assert_true(fd >= 0);
	while (at < len) {
		ssize_t n = write(fd, data + at, len - at);

		assert_true(n > 0);
		at += (size_t)n;
	}
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Pages of the file that are in the cache, of a hundred. */
static size_t cached(int fd, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t pages = (len + page - 1) / page;
	unsigned char *in = malloc(pages);
	void *at = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
	size_t n = 0;

	assert_non_null(in);
	assert_true(at != MAP_FAILED);
	assert_int_equal(mincore(at, len, (void *)in), 0);
	for (size_t i = 0; i < pages; i++)
		n += in[i] & 1u;
	munmap(at, len);
	free(in);
	return n * 100 / pages;
}

static void check(struct scratch *d, size_t len)
{
	char *data = fill(len);
	int fd = make(d, data, len);
	atomic_bool cancel = false;
	uint8_t want[VS_SHA256_SIZE];
	uint8_t got[VS_SHA256_SIZE];

	vs_sha256(data, len, want);
	assert_true(
	    content_hash(fd, (int64_t)len, got, &cancel, NULL) == (int64_t)len);
	assert_memory_equal(got, want, sizeof(want));
	close(fd);
	free(data);
}

static void test_sizes(void **state)
{
	static const size_t sizes[] = {
		0,
		1,
		64 * 1024 - 1,
		64 * 1024,
		64 * 1024 + 1,
		CONTENT_LARGE - 1,
		CONTENT_LARGE,
		CONTENT_LARGE + 1,
		CONTENT_WINDOW - 1,
		CONTENT_WINDOW,
		CONTENT_WINDOW + 1,
		2 * (size_t)CONTENT_WINDOW,
		LARGE,
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		check(*state, sizes[i]);
}

/* The same before a program has put a guard up, and with one. */
static void test_sizes_guarded(void **state)
{
	guard();
	test_sizes(state);
}

/* A file that is not as long as was thought says so by the count. */
static void test_other_size(void **state)
{
	char *data = fill(LARGE);
	int fd = make(*state, data, LARGE);
	atomic_bool cancel = false;
	uint8_t got[VS_SHA256_SIZE], want[VS_SHA256_SIZE];

	guard();
	/* the beginning of what has grown */
	assert_true(content_hash(fd, 10, got, &cancel, NULL) == 10);
	vs_sha256(data, 10, want);
	assert_memory_equal(got, want, sizeof(want));
	assert_true(content_hash(fd, (int64_t)CONTENT_WINDOW + 10, got, &cancel,
			NULL) == CONTENT_WINDOW + 10);
	vs_sha256(data, CONTENT_WINDOW + 10, want);
	assert_memory_equal(got, want, sizeof(want));
	assert_true(content_hash(fd, (int64_t)LARGE + 10, got, &cancel, NULL) ==
	    (int64_t)LARGE);
	close(fd);
	free(data);
}

static void test_cancel(void **state)
{
	char *data = fill(LARGE);
	int fd = make(*state, data, LARGE);
	atomic_bool cancel = true;
	uint8_t got[VS_SHA256_SIZE];

	guard();
	assert_true(content_hash(fd, (int64_t)LARGE, got, &cancel, NULL) ==
	    VS_ECANCELED);
	close(fd);
	free(data);
}

/* What was in the cache stays there, what was not does not come to stay. */
static void test_cache(void **state)
{
	char *data = fill(LARGE);
	int fd = make(*state, data, LARGE);
	atomic_bool cancel = false;
	uint8_t got[VS_SHA256_SIZE];

	guard();
	if (cached(fd, LARGE) < 95)
		skip(); /* no page cache to speak of */
	content_hash(fd, (int64_t)LARGE, got, &cancel, NULL);
	assert_true(cached(fd, LARGE) >= 95);
	assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	if (cached(fd, LARGE) > 5)
		skip(); /* a file system in memory */
	lseek(fd, 0, SEEK_SET);
	content_hash(fd, (int64_t)LARGE, got, &cancel, NULL);
	assert_true(cached(fd, LARGE) <= 10);
	close(fd);
	free(data);
}

/* Bytes that this process has had copied by reading, so far. */
static uint64_t copied(void)
{
	char text[256] = "";
	FILE *f = fopen("/proc/self/io", "re");
	uint64_t n = 0;

	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	assert_int_equal(sscanf(text, "rchar: %" SCNu64, &n), 1);
	fclose(f);
	return n;
}

/* What is in the cache is hashed there; the rest is read. */
static void test_not_copied(void **state)
{
	char *data = fill(LARGE);
	int fd = make(*state, data, LARGE);
	atomic_bool cancel = false;
	uint8_t got[VS_SHA256_SIZE];
	uint64_t before;

	guard();
	if (cached(fd, LARGE) < 100)
		skip();
	before = copied();
	content_hash(fd, (int64_t)LARGE, got, &cancel, NULL);
	assert_true(copied() - before < MIB);
	/* a hole in the first of the windows */
	assert_int_equal(posix_fadvise(fd, 0, 4 * MIB, POSIX_FADV_DONTNEED), 0);
	if (cached(fd, LARGE) == 100)
		skip(); /* a file system in memory */
	before = copied();
	content_hash(fd, (int64_t)LARGE, got, &cancel, NULL);
	before = copied() - before;
	assert_true(before >= CONTENT_WINDOW && before < CONTENT_WINDOW + MIB);
	assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	before = copied();
	content_hash(fd, (int64_t)LARGE, got, &cancel, NULL);
	assert_true(copied() - before >= LARGE);
	close(fd);
	free(data);
}

/* Of the smallest that is large, too, nothing is copied, or left behind. */
static void test_smallest_large(void **state)
{
	char *data = fill(CONTENT_LARGE);
	int fd = make(*state, data, CONTENT_LARGE);
	atomic_bool cancel = false;
	uint8_t got[VS_SHA256_SIZE];
	uint64_t before;

	guard();
	if (cached(fd, CONTENT_LARGE) < 100)
		skip();
	before = copied();
	content_hash(fd, CONTENT_LARGE, got, &cancel, NULL);
	assert_true(copied() - before < MIB);
	assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	if (cached(fd, CONTENT_LARGE) > 0)
		skip(); /* a file system in memory */
	content_hash(fd, CONTENT_LARGE, got, &cancel, NULL);
	assert_true(cached(fd, CONTENT_LARGE) <= 10);
	close(fd);
	free(data);
}

#define KEEP (MIB + 777) /* within the first mapping */

static atomic_int faults;
static struct sigaction guarded;

static void count_fault(int number, siginfo_t *info, void *context)
{
	atomic_fetch_add(&faults, 1);
	guarded.sa_sigaction(number, info, context);
}

struct cut {
	int fd;
	int rounds; /* times it sees a mapping before */
	atomic_bool over;
};

/* Whether some thread has the test's file mapped just now. */
static bool is_mapped(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	bool found = false;

	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, "/f\n") != NULL;
	fclose(f);
	return found;
}

static void *cut_short(void *arg)
{
	struct cut *c = arg;

	for (int i = 0; i <= c->rounds; i++)
		while (!is_mapped() && !atomic_load(&c->over))
			continue;
	return ftruncate(c->fd, KEEP) == 0 ? arg : NULL;
}

/*
 * Hashes data, which the file holds, while another thread cuts it to KEEP.
 * All, what is left, or what was hashed by then: never a zero in its place.
 */
static void hash_and_cut(const char *data, struct cut *c)
{
	atomic_bool cancel = false;
	uint8_t want[VS_SHA256_SIZE];
	uint8_t got[VS_SHA256_SIZE];
	pthread_t thread;
	void *done;
	int64_t n;

	atomic_store(&c->over, false);
	assert_int_equal(pthread_create(&thread, NULL, cut_short, c), 0);
	n = content_hash(c->fd, (int64_t)LARGE, got, &cancel, NULL);
	atomic_store(&c->over, true);
	assert_int_equal(pthread_join(thread, &done), 0);
	assert_non_null(done);
	assert_true(n >= (int64_t)KEEP && n <= (int64_t)LARGE);
	vs_sha256(data, (size_t)n, want);
	assert_memory_equal(got, want, sizeof(want));
}

/* Cut short under the hashing, at all kinds of moments. */
static void test_cut_short(void **state)
{
	struct sigaction count = { .sa_sigaction = count_fault,
		.sa_flags = SA_SIGINFO };
	char *data = fill(LARGE);
	struct cut c = { .fd = make(*state, data, LARGE) };

	guard();
	if (cached(c.fd, LARGE) < 100)
		skip();
	atomic_store(&faults, 0);
	assert_int_equal(sigaction(SIGBUS, &count, &guarded), 0);
	for (int i = 0; i < 500 && atomic_load(&faults) < 5; i++) {
		c.rounds = i % 4;
		hash_and_cut(data, &c);
		assert_true(pwrite(c.fd, data + KEEP, LARGE - KEEP, KEEP) ==
		    (ssize_t)(LARGE - KEEP));
	}
	assert_true(atomic_load(&faults) >= 5);
	close(c.fd);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_sizes, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_sizes_guarded, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_other_size, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_cancel, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_cache, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_smallest_large, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_not_copied, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(
		    test_cut_short, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
