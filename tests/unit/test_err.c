#include "common/base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/path.h"

static void test_set(void **state)
{
	struct vs_err err = VS_ERR_INIT;

	(void)state;
	assert_int_equal(err.code, VS_OK);
	assert_string_equal(err.msg, "");
	assert_int_equal(
	    vs_err_set(&err, VS_EBUSY, "lock %s: %d", "x", 7), VS_EBUSY);
	assert_int_equal(err.code, VS_EBUSY);
	assert_string_equal(err.msg, "lock x: 7");
	vs_err_clear(&err);
	assert_int_equal(err.code, VS_OK);
	assert_string_equal(err.msg, "");
}

static void test_null(void **state)
{
	(void)state;
	assert_int_equal(vs_err_set(NULL, VS_EIO, "x"), VS_EIO);
	assert_int_equal(vs_err_errno(NULL, ENOENT, "x"), VS_ENOENT);
	vs_err_clear(NULL);
}

static void test_errno(void **state)
{
	struct vs_err err = VS_ERR_INIT;

	(void)state;
	assert_int_equal(
	    vs_err_errno(&err, ENOENT, "open %s", "/x"), VS_ENOENT);
	assert_string_equal(err.msg, "open /x: No such file or directory");
}

static void test_wrap(void **state)
{
	struct vs_err err = VS_ERR_INIT;

	(void)state;
	vs_err_set(&err, VS_EBUSY, "locked");
	assert_int_equal(vs_err_wrap(&err, "open %s", "/x"), VS_EBUSY);
	assert_int_equal(vs_err_wrap(&err, "start"), VS_EBUSY);
	assert_string_equal(err.msg, "start: open /x: locked");
}

static void test_long_messages(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	char text[4 * VS_ERR_MSG];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	vs_err_set(&err, VS_EIO, "%s", text);
	assert_int_equal(strlen(err.msg), VS_ERR_MSG - 1);
	vs_err_errno(&err, EIO, "%s", text);
	assert_int_equal(strlen(err.msg), VS_ERR_MSG - 1);
	vs_err_set(&err, VS_EIO, "cause");
	vs_err_wrap(&err, "%s", text);
	assert_int_equal(strlen(err.msg), VS_ERR_MSG - 1);
	vs_err_wrap(&err, "short");
	assert_memory_equal(err.msg, "short: aaa", 10);
}

/* Whatever the length, no character is cut in half. */
static void test_cut_between_characters(void **state)
{
	struct vs_err err = VS_ERR_INIT;
	char text[2 * VS_ERR_MSG] = "";

	(void)state;
	for (size_t lead = 0; lead < 4; lead++) {
		memset(text, 'a', lead);
		text[lead] = '\0';
		while (strlen(text) < VS_ERR_MSG + 8)
			strcat(text, "\xF0\x9F\x8E\xAC");
		vs_err_set(&err, VS_EIO, "%s", text);
		assert_true(vs_path_utf8(err.msg, strlen(err.msg)));
		assert_true(strlen(err.msg) > VS_ERR_MSG - 5);
		vs_err_set(&err, VS_EIO, "x");
		vs_err_wrap(&err, "%s", text);
		assert_true(vs_path_utf8(err.msg, strlen(err.msg)));
	}
}

static void test_errno_table(void **state)
{
	static const struct {
		int errnum;
		int code;
	} cases[] = {
		{ ENOENT, VS_ENOENT },
		{ EACCES, VS_EACCES },
		{ EPERM, VS_EACCES },
		{ ENOSPC, VS_ENOSPC },
		{ EDQUOT, VS_ENOSPC },
		{ EMFILE, VS_ELIMIT },
		{ EROFS, VS_EROFS },
		{ EXDEV, VS_EXDEV },
		{ ELOOP, VS_ELOOP },
		{ ENAMETOOLONG, VS_EPATH },
		{ ECONNREFUSED, VS_ENET },
		{ EINTR, VS_EAGAIN },
		{ EIO, VS_EIO },
		{ 99999, VS_EIO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    vs_err_of_errno(cases[i].errnum), cases[i].code);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(vs_err_name(VS_ENOENT), "VS_ENOENT");
	assert_string_equal(vs_err_text(VS_ENOENT), "not found");
	assert_string_equal(vs_err_name(VS_OK), "VS_OK");
	assert_string_equal(vs_err_name(-999), "VS_E?");
	assert_string_equal(vs_err_text(1), "VS_E?");
	/* Every code has a name and a text of its own. */
	for (int a = -31; a <= 0; a++) {
		assert_string_not_equal(vs_err_name(a), "VS_E?");
		for (int b = a + 1; b <= 0; b++)
			assert_string_not_equal(vs_err_text(a), vs_err_text(b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_errno),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_long_messages),
		cmocka_unit_test(test_cut_between_characters),
		cmocka_unit_test(test_errno_table),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
