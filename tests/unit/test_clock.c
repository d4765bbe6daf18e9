#include "common/os/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <time.h>
#include <unistd.h>

static void test_goes_on(void **state)
{
	int64_t ns = vs_clock_mono_ns();
	int64_t ms = vs_clock_mono_ms();

	(void)state;
	usleep(20000);
	assert_true(vs_clock_mono_ns() - ns >= 20000000);
	assert_true(vs_clock_mono_ms() - ms >= 20);
	assert_true(vs_clock_mono_ms() - ms < 10000);
}

static void test_units_agree(void **state)
{
	struct vs_now now = vs_clock_now();

	(void)state;
	assert_in_range(vs_clock_mono_ns() / 1000000 - now.mono_ms, 0, 5000);
	assert_in_range(vs_clock_wall_ms() - now.wall_ms, 0, 5000);
	assert_in_range(time(NULL) - now.wall_ms / 1000, 0, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_units_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
