/*
 * What macOS says of a name, compiled here with its names for the members
 * of struct stat.  What the system itself answers is for a Mac to show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define st_mtimespec st_mtim
#define st_ctimespec st_ctim
#define st_birthtimespec st_atim /* glibc has none; nobody asks for this */

int standin_fstatat(int fd, const char *name, struct stat *out, int flags);
int standin_fstat(int fd, struct stat *out);
#define fstatat standin_fstatat
#define fstat standin_fstat

/* the other ones are in the library */
#define disk_stat_at darwin_stat_at
#define disk_stat_fd darwin_stat_fd
#include "agent/scan/disk_stat_darwin.c"

static struct stat there;
static int failure; /* errno of the next call; 0: none */
static int asked_fd;
static int asked_flags;

static int answer(struct stat *out)
{
	if (failure != 0) {
		errno = failure;
		return -1;
	}
	*out = there;
	return 0;
}

int standin_fstatat(int fd, const char *name, struct stat *out, int flags)
{
	assert_string_equal(name, "name");
	asked_fd = fd;
	asked_flags = flags;
	return answer(out);
}

int standin_fstat(int fd, struct stat *out)
{
	asked_fd = fd;
	return answer(out);
}

static int setup(void **state)
{
	(void)state;
	failure = 0;
	there = (struct stat){ .st_mode = S_IFREG | 0640,
		.st_ino = 0x123456789abc,
		.st_size = 5000000000,
		.st_mtimespec = { 1750000000, 123456789 },
		.st_ctimespec = { 1750000001, 1 },
		.st_birthtimespec = { 1600000000, 999999999 } };
	return 0;
}

static void test_file(void **state)
{
	struct disk_stat st;

	(void)state;
	memset(&st, 0xff, sizeof(st));
	assert_int_equal(darwin_stat_at(7, "name", &st), 0);
	assert_int_equal(asked_fd, 7);
	assert_int_equal(asked_flags, AT_SYMLINK_NOFOLLOW);
	assert_false(st.odd);
	assert_int_equal(st.kind, VS_KIND_FILE);
	assert_int_equal(st.size, 5000000000);
	assert_int_equal(st.mtime_ns, 1750000000123456789);
	assert_int_equal(st.ctime_ns, 1750000001000000001);
	assert_int_equal(st.born_ns, 1600000000999999999);
	assert_int_equal(st.ino, 0x123456789abc);
	assert_int_equal(st.folder, 0);
	assert_int_equal(st.mode, 0640);
}

static void test_kinds(void **state)
{
	struct disk_stat st;

	(void)state;
	there.st_mode = S_IFDIR | 01755;
	assert_int_equal(darwin_stat_fd(9, &st), 0);
	assert_int_equal(asked_fd, 9);
	assert_int_equal(st.kind, VS_KIND_DIR);
	assert_int_equal(st.size, 0);
	assert_int_equal(st.mode, 01755);
	there.st_mode = S_IFLNK | 0755;
	assert_int_equal(darwin_stat_at(7, "name", &st), 0);
	assert_int_equal(st.kind, VS_KIND_SYMLINK);
	assert_false(st.odd);
	there.st_mode = S_IFIFO | 0600;
	assert_int_equal(darwin_stat_at(7, "name", &st), 0);
	assert_true(st.odd);
}

/* FAT keeps no birth time, and says so in one of two ways. */
static void test_no_birth(void **state)
{
	struct disk_stat st;

	(void)state;
	there.st_birthtimespec = (struct timespec){ 0, 0 };
	assert_int_equal(darwin_stat_at(7, "name", &st), 0);
	assert_int_equal(st.born_ns, 0);
	there.st_birthtimespec = (struct timespec){ -1, 0 };
	assert_int_equal(darwin_stat_at(7, "name", &st), 0);
	assert_int_equal(st.born_ns, 0);
}

static void test_failure(void **state)
{
	struct disk_stat st;

	(void)state;
	failure = ENOENT;
	assert_int_equal(darwin_stat_at(7, "name", &st), -1);
	assert_int_equal(errno, ENOENT);
	failure = EBADF;
	assert_int_equal(darwin_stat_fd(7, &st), -1);
	assert_int_equal(errno, EBADF);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file),
		TEST(test_kinds),
		TEST(test_no_birth),
		TEST(test_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
