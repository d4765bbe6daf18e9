#include "common/os/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/vsync-file-XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static const char *at(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int entries(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

static void test_write_and_read(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_buf b;
	struct stat st;

	(void)state;
	vs_buf_init(&b, 100000);
	assert_int_equal(vs_file_write(at("f"), "one", 3, 0640, &err), VS_OK);
	assert_int_equal(
	    vs_file_write(at("f"), "two\0!", 5, 0600, &err), VS_OK);
	assert_int_equal(vs_file_read(at("f"), &b, &err), VS_OK);
	assert_int_equal(b.len, 5);
	assert_memory_equal(b.data, "two\0!", 5);
	assert_int_equal(stat(at("f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(entries(), 1); /* no temporary file is left */
	/* Reading appends. */
	assert_int_equal(vs_file_write(at("g"), "", 0, 0600, &err), VS_OK);
	assert_int_equal(vs_file_read(at("g"), &b, &err), VS_OK);
	assert_int_equal(vs_file_read(at("f"), &b, &err), VS_OK);
	assert_int_equal(b.len, 10);
	vs_buf_release(&b);
}

static void test_read_limit(void **state)
{
	char *data = calloc(1, 50000);
	struct vs_err err = VS_ERR_INIT;
	struct vs_buf b;

	(void)state;
	assert_non_null(data);
	assert_int_equal(
	    vs_file_write(at("big"), data, 50000, 0600, &err), VS_OK);
	vs_buf_init(&b, 50000);
	assert_int_equal(vs_file_read(at("big"), &b, &err), VS_OK);
	vs_buf_release(&b);
	vs_buf_init(&b, 49999);
	assert_int_equal(vs_file_read(at("big"), &b, &err), VS_ELIMIT);
	assert_non_null(strstr(err.msg, "49999"));
	vs_buf_release(&b);
	free(data);
}

static void test_read_failures(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_buf b;

	(void)state;
	vs_buf_init(&b, 100);
	assert_int_equal(vs_file_read(at("none"), &b, &err), VS_ENOENT);
	assert_non_null(strstr(err.msg, "/none: No such file"));
	assert_int_equal(vs_file_read(dir, &b, &err), VS_EINVAL);
	assert_int_equal(vs_file_read(at("none/x"), &b, &err), VS_ENOENT);
	vs_buf_release(&b);
}

static void test_write_failures(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	char longest[5000];

	(void)state;
	assert_int_equal(
	    vs_file_write(at("none/f"), "x", 1, 0600, &err), VS_ENOENT);
	/* The target is a directory: it stays, and nothing else is left. */
	assert_int_equal(mkdir(at("d"), 0700), 0);
	assert_int_equal(vs_file_write(at("d"), "x", 1, 0600, &err), VS_EINVAL);
	assert_int_equal(entries(), 1);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(vs_file_write(longest, "x", 1, 0600, &err), VS_EPATH);
	/* No room, as /dev/full says: the old content survives a failure. */
	assert_int_equal(
	    vs_file_write("/proc/vsync", "x", 1, 0600, &err), VS_ENOENT);
}

static void test_write_replaces_a_link(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(symlink("/etc/passwd", at("link")), 0);
	assert_int_equal(vs_file_write(at("link"), "x", 1, 0600, &err), VS_OK);
	assert_int_equal(lstat(at("link"), &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_size, 1);
}

static void test_relative(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	char before[256];

	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(vs_file_write("rel", "x", 1, 0600, &err), VS_OK);
	assert_int_equal(vs_file_mkdirs("a/b", 0700, &err), VS_OK);
	assert_int_equal(access("a/b", X_OK), 0);
	assert_int_equal(chdir(before), 0);
	assert_int_equal(access(at("rel"), R_OK), 0);
}

static void test_mkdirs(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(vs_file_mkdirs(at("a/b//c/"), 0750, &err), VS_OK);
	assert_int_equal(stat(at("a/b/c"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	assert_int_equal(vs_file_mkdirs(at("a/b/c"), 0700, &err), VS_OK);
	assert_int_equal(stat(at("a/b/c"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	assert_int_equal(vs_file_write(at("f"), "x", 1, 0600, &err), VS_OK);
	assert_int_equal(vs_file_mkdirs(at("f/x"), 0700, &err), VS_ENOTDIR);
	assert_int_equal(vs_file_mkdirs("", 0700, &err), VS_ENOENT);
}

int main(void)
{
#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_DIR(test_write_and_read),
		WITH_DIR(test_read_limit),
		WITH_DIR(test_read_failures),
		WITH_DIR(test_write_failures),
		WITH_DIR(test_write_replaces_a_link),
		WITH_DIR(test_relative),
		WITH_DIR(test_mkdirs),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
