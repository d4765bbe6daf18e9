/* Folders on the command line. */
#include "cli/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[] = "/tmp/vsync-folder-XXXXXX";
static char got[PATH_MAX];
static bool made;

static int make(const char *arg, bool *flag)
{
	struct trouble f = TROUBLE_INIT;

	if (folder_make(got, arg, flag, &f) == VS_OK)
		return VS_EXIT_OK;
	return (int)f.exit;
}

/* got is that name below base. */
static void is(const char *name)
{
	char want[PATH_MAX];

	snprintf(want, sizeof(want), "%s%s", base, name);
	assert_string_equal(got, want);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(base) == NULL || chdir(base) != 0 ||
	    mkdir("there", 0755) != 0 || symlink("there", "link") != 0 ||
	    symlink("nowhere", "dangling") != 0 || creat("file", 0644) < 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink("link") || unlink("dangling") || unlink("file") ||
	    rmdir("there") || chdir("/") || rmdir(base);
}

static void test_one_that_is_there(void **state)
{
	struct trouble f = TROUBLE_INIT;

	(void)state;
	assert_int_equal(folder_find(got, "link/../there", &f), VS_OK);
	is("/there");
	assert_int_equal(make("link", &made), VS_EXIT_OK);
	is("/there");
	assert_false(made);
	assert_int_equal(make(".", &made), VS_EXIT_OK);
	is("");
}

static void test_what_is_none(void **state)
{
	struct trouble f = TROUBLE_INIT;

	(void)state;
	folder_find(got, "absent", &f);
	assert_int_equal(f.exit, VS_EXIT_NOT_FOUND);
	assert_string_equal(f.err.msg, "absent: No such file or directory");
	assert_int_equal(make("file", &made), VS_EXIT_NOT_FOUND);
	assert_int_equal(make("file/x", &made), VS_EXIT_NOT_FOUND);
	assert_int_equal(make("absent/x", &made), VS_EXIT_NOT_FOUND);
	assert_int_equal(make("absent/..", &made), VS_EXIT_NOT_FOUND);
	assert_int_equal(make("dangling", &made), VS_EXIT_NOT_FOUND);
	assert_int_equal(make("", &made), VS_EXIT_NOT_FOUND);
	assert_false(made);
}

static void test_the_last_part_is_made(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(make("link/new//", &made), VS_EXIT_OK);
	is("/there/new");
	assert_true(made);
	assert_int_equal(make("there/new", &made), VS_EXIT_OK);
	assert_false(made);
	assert_int_equal(rmdir("there/new"), 0);
	/* Only named, for a plan. */
	assert_int_equal(make("there/new", NULL), VS_EXIT_OK);
	is("/there/new");
	assert_int_not_equal(stat("there/new", &st), 0);
	assert_int_equal(make("new", NULL), VS_EXIT_OK);
	is("/new");
	assert_int_equal(make("/surely-not-there", NULL), VS_EXIT_OK);
	assert_string_equal(got, "/surely-not-there");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_that_is_there),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_the_last_part_is_made),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
