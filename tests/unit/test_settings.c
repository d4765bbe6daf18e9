#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cloud/settings.h"

static char file[64];

static int setup(void **state)
{
	int fd;

	(void)state;
	(void)snprintf(file, sizeof(file), "/tmp/vsync-unit-XXXXXX");
	fd = mkstemp(file);
	assert_true(fd >= 0);
	(void)close(fd);
	(void)unsetenv("VSYNC_LISTEN");
	(void)unsetenv("VSYNC_DB");
	(void)unsetenv("VSYNC_CLOUD_CONFIG");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(file);
}

static void put(const char *text)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void test_precedence(void **state)
{
	struct settings s;

	(void)state;
	put("");
	assert_int_equal(settings_load(&s, file, NULL), VS_OK);
	assert_string_equal(s.listen, SETTINGS_LISTEN);
	assert_string_equal(s.db, SETTINGS_DB);
	assert_int_equal(s.level, VS_LOG_INFO);
	settings_release(&s);
	put("; comment\n[cloud]\nlisten = :1\ndb = sqlite:/x\n"
	    "log = json\nlog_level = debug\n");
	assert_int_equal(settings_load(&s, file, NULL), VS_OK);
	assert_string_equal(s.listen, ":1");
	assert_string_equal(s.db, "sqlite:/x");
	assert_int_equal(s.format, VS_LOG_JSON);
	assert_int_equal(s.level, VS_LOG_DEBUG);
	settings_release(&s);
	assert_int_equal(setenv("VSYNC_LISTEN", ":2", 1), 0);
	assert_int_equal(setenv("VSYNC_CLOUD_CONFIG", file, 1), 0);
	assert_int_equal(settings_load(&s, NULL, NULL), VS_OK);
	assert_string_equal(s.listen, ":2");
	assert_string_equal(s.db, "sqlite:/x");
	assert_int_equal(settings_flag(&s.listen, ":3", NULL), VS_OK);
	assert_int_equal(settings_flag(&s.db, NULL, NULL), VS_OK);
	assert_string_equal(s.listen, ":3");
	assert_string_equal(s.db, "sqlite:/x");
	settings_release(&s);
}

static void refused(const char *text, const char *word)
{
	struct vs_err err = VS_ERR_INIT;
	struct settings s;

	put(text);
	assert_int_equal(settings_load(&s, file, &err), VS_ECONFIG);
	assert_int_equal(err.code, VS_ECONFIG);
	if (strstr(err.msg, word) == NULL || strstr(err.msg, file) == NULL)
		fail_msg("%s", err.msg);
	settings_release(&s);
}

static void test_refused(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	struct settings s;

	(void)state;
	refused("[cloud]\nlisen = :1\n", "known are listen");
	refused("[clod]\nlisten = :1\n", "[cloud]");
	refused("listen = :1\n", "[cloud]");
	refused("[cloud]\n\nlog = xml\n", ":3");
	refused("[cloud]\nlog_level = loud\n", "debug");
	refused("[cloud]\nno equals sign\n", ":2");
	assert_int_equal(
	    settings_load(&s, "/nonexistent/cloud.conf", &err), VS_ECONFIG);
	settings_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_precedence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
