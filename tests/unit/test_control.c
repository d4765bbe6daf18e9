#include "common/proto/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/base/err.h"

static void test_exits(void **state)
{
	static const struct {
		int code;
		enum vs_exit exit;
	} cases[] = {
		{ VS_OK, VS_EXIT_OK },
		{ VS_EINVAL, VS_EXIT_USAGE },
		{ VS_ENOENT, VS_EXIT_NOT_FOUND },
		{ VS_EAUTH, VS_EXIT_PERMISSION },
		{ VS_EHELD, VS_EXIT_DECIDE },
		{ VS_ENOSPC, VS_EXIT_LIMIT },
		{ VS_ENOAGENT, VS_EXIT_NO_AGENT },
		{ VS_ECONFIG, VS_EXIT_CONFIG },
		{ VS_ESCHEMA, VS_EXIT_CONFIG },
		{ VS_ETIMEDOUT, VS_EXIT_AGAIN },
		{ VS_EBUG, VS_EXIT_ERROR },
		{ -999, VS_EXIT_ERROR },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(vs_control_exit(cases[i].code), cases[i].exit);
}

/* Success is the exit code of success only. */
static void test_failure_is_never_zero(void **state)
{
	(void)state;
#define CHECK(name, number, text) \
	assert_int_not_equal(vs_control_exit(name), VS_EXIT_OK);
	VS_ERR_MAP(CHECK)
#undef CHECK
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exits),
		cmocka_unit_test(test_failure_is_never_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
