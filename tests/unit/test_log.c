/* What is written to standard error, caught in a file. */
#include "common/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/json.h"

static char caught[16384];

/* Lets log write with standard error in a file; fills caught. */
static void catch (void (*log)(void))
{
	char path[] = "/tmp/vsync-log-XXXXXX";
	int fd = mkstemp(path);
	int kept = dup(STDERR_FILENO);
	ssize_t n;

	assert_true(fd >= 0 && kept >= 0);
	unlink(path);
	dup2(fd, STDERR_FILENO);
	log();
	dup2(kept, STDERR_FILENO);
	close(kept);
	n = pread(fd, caught, sizeof(caught) - 1, 0);
	assert_true(n >= 0);
	caught[n] = '\0';
	close(fd);
}

static void log_levels(void)
{
	vs_log_setup(VS_LOG_INFO, VS_LOG_PLAIN);
	vs_log(VS_LOG_ERR, "a: %d", 1);
	vs_log(VS_LOG_WARN, "b");
	vs_log(VS_LOG_INFO, "c");
	vs_log(VS_LOG_DEBUG, "d");
}

static void test_levels(void **state)
{
	(void)state;
	catch (log_levels);
	assert_string_equal(caught, "<3>a: 1\n<4>b\n<6>c\n");
}

static void log_controls(void)
{
	vs_log_setup(VS_LOG_DEBUG, VS_LOG_PLAIN);
	vs_log(VS_LOG_DEBUG, "a\nb\t\x1b[31m\x7f\xC2\x9B \xC3\xA9");
}

static void test_controls(void **state)
{
	(void)state;
	catch (log_controls);
	assert_string_equal(
	    caught, "<7>a\\x0ab\\x09\\x1b[31m\\x7f\\x9b \xC3\xA9\n");
}

static void log_json(void)
{
	vs_log_setup(VS_LOG_INFO, VS_LOG_JSON);
	vs_log(VS_LOG_WARN, "say \"hi\"\n\\ \xC3\xA9");
}

static void log_json_bad_utf8(void)
{
	vs_log_setup(VS_LOG_INFO, VS_LOG_JSON);
	vs_log(VS_LOG_ERR, "x\xff");
}

static void check_json(const char *level, const char *message)
{
	size_t len = strlen(caught);
	const char *s = NULL;
	json_t *v;

	assert_true(len > 0 && caught[len - 1] == '\n');
	v = vs_json_parse(caught, len, NULL);
	assert_non_null(v);
	assert_int_equal(vs_json_get_str(v, "level", true, &s, NULL), VS_OK);
	assert_string_equal(s, level);
	assert_int_equal(vs_json_get_str(v, "message", true, &s, NULL), VS_OK);
	assert_string_equal(s, message);
	assert_int_equal(vs_json_get_str(v, "time", true, &s, NULL), VS_OK);
	assert_int_equal(strlen(s), 24);
	json_decref(v);
}

static void test_json(void **state)
{
	(void)state;
	catch (log_json);
	check_json("warning", "say \"hi\"\n\\ \xC3\xA9");
	catch (log_json_bad_utf8);
	check_json("error", "x\xEF\xBF\xBD");
}

static void log_long(void)
{
	char text[8192];

	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	vs_log_setup(VS_LOG_INFO, VS_LOG_PLAIN);
	vs_log(VS_LOG_INFO, "%s", text);
	vs_log_setup(VS_LOG_INFO, VS_LOG_JSON);
	vs_log(VS_LOG_INFO, "%s", text);
}

static void test_long(void **state)
{
	const char *end;

	(void)state;
	catch (log_long);
	end = strchr(caught, '\n');
	assert_non_null(end);
	assert_true(end - caught > 1000 && end - caught < PIPE_BUF);
	/* Cut short, it is still a document. */
	memmove(caught, end + 1, strlen(end + 1) + 1);
	assert_true(strlen(caught) <= PIPE_BUF);
	json_decref(vs_json_parse(caught, strlen(caught), NULL));
	assert_non_null(strstr(caught, "\"}\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
