#include "common/os/dirs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[64];

static int setup(void **state)
{
	(void)state;
	strcpy(home, "/tmp/vsync-dirs-XXXXXX");
	assert_non_null(mkdtemp(home));
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_RUNTIME_DIR");
	setenv("HOME", home, 1);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", home);
	return system(command);
}

static void check(const char *got, const char *format)
{
	char want[256];

	snprintf(want, sizeof(want), format, home);
	assert_string_equal(got, want);
}

static void test_home(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_dirs d;

	(void)state;
	assert_int_equal(vs_dirs_find(&d, &err), VS_OK);
	check(d.config, "%s/.config/vsync");
	check(d.state, "%s/.local/state/vsync");
	check(d.runtime, "%s/.local/state/vsync/run");
	/* Empty is as good as absent (the specification says so). */
	setenv("XDG_CONFIG_HOME", "", 1);
	setenv("XDG_RUNTIME_DIR", "", 1);
	assert_int_equal(vs_dirs_find(&d, &err), VS_OK);
	check(d.config, "%s/.config/vsync");
	check(d.runtime, "%s/.local/state/vsync/run");
}

static void test_xdg(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_dirs d;

	(void)state;
	setenv("XDG_CONFIG_HOME", "/c", 1);
	setenv("XDG_STATE_HOME", "/s", 1);
	setenv("XDG_RUNTIME_DIR", "/r", 1);
	unsetenv("HOME");
	assert_int_equal(vs_dirs_find(&d, &err), VS_OK);
	assert_string_equal(d.config, "/c/vsync");
	assert_string_equal(d.state, "/s/vsync");
	assert_string_equal(d.runtime, "/r/vsync");
}

static void test_refused(void **state)
{
	static const char *const names[] = { "XDG_CONFIG_HOME",
		"XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HOME" };
	struct vs_err err = VS_ERR_INIT;
	char longest[5000];
	struct vs_dirs d;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		setenv(names[i], "relative/path", 1);
		assert_int_equal(vs_dirs_find(&d, &err), VS_ECONFIG);
		assert_non_null(strstr(err.msg, names[i]));
		unsetenv(names[i]);
	}
	assert_int_equal(vs_dirs_find(&d, &err), VS_ECONFIG); /* no HOME */
	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	setenv("HOME", longest, 1);
	assert_int_equal(vs_dirs_find(&d, &err), VS_ECONFIG);
}

static void test_make(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_dirs d;
	struct stat st;

	(void)state;
	assert_int_equal(vs_dirs_find(&d, &err), VS_OK);
	assert_int_equal(vs_dirs_make(&d, &err), VS_OK);
	assert_int_equal(stat(d.runtime, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(d.config, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	/* Again, and what others may look into is closed. */
	assert_int_equal(chmod(d.config, 0755), 0);
	assert_int_equal(vs_dirs_make(&d, &err), VS_OK);
	assert_int_equal(stat(d.config, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_make_over_a_file(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	char path[128];
	struct vs_dirs d;

	(void)state;
	snprintf(path, sizeof(path), "%s/.config", home);
	fclose(fopen(path, "w"));
	assert_int_equal(vs_dirs_find(&d, &err), VS_OK);
	assert_int_equal(vs_dirs_make(&d, &err), VS_ENOTDIR);
	assert_non_null(strstr(err.msg, ".config"));
}

static void test_foreign(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_dirs d;

	(void)state;
	if (geteuid() != 0)
		skip(); /* nobody else's directory can be made */
	assert_int_equal(vs_dirs_find(&d, &err), VS_OK);
	assert_int_equal(vs_dirs_make(&d, &err), VS_OK);
	assert_int_equal(chown(d.state, 12345, 12345), 0);
	assert_int_equal(vs_dirs_make(&d, &err), VS_EACCES);
	assert_non_null(strstr(err.msg, d.state));
}

int main(void)
{
#define WITH_HOME(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_HOME(test_home),
		WITH_HOME(test_xdg),
		WITH_HOME(test_refused),
		WITH_HOME(test_make),
		WITH_HOME(test_make_over_a_file),
		WITH_HOME(test_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
