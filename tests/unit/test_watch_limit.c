#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/watch/limit.h"
#include "tests/unit/scratch.h"

static void settings(struct scratch *s)
{
	scratch_mkdir(s, "fs");
	scratch_mkdir(s, "fs/inotify");
	scratch_mkdir(s, "user");
}

/* The smaller one is reached first; of equal ones, the system's is named. */
static void test_smaller(void **state)
{
	struct scratch *s = *state;
	struct limit l;

	settings(s);
	assert_false(limit_read(LIMIT_WATCHES, s->path, &l));
	scratch_write(s, "fs/inotify/max_user_watches", "8192\n");
	assert_true(limit_read(LIMIT_WATCHES, s->path, &l));
	assert_string_equal(l.name, "fs.inotify.max_user_watches");
	assert_int_equal(l.allowed, 8192);
	scratch_write(s, "user/max_inotify_watches", "8192\n");
	assert_true(limit_read(LIMIT_WATCHES, s->path, &l));
	assert_string_equal(l.name, "fs.inotify.max_user_watches");
	scratch_write(s, "user/max_inotify_watches", "20\n");
	assert_true(limit_read(LIMIT_WATCHES, s->path, &l));
	assert_string_equal(l.name, "user.max_inotify_watches");
	assert_int_equal(l.allowed, 20);
	scratch_write(s, "user/max_inotify_watches", "2147483647\n");
	assert_true(limit_read(LIMIT_WATCHES, s->path, &l));
	assert_int_equal(l.allowed, 8192);
	scratch_write(s, "fs/inotify/max_user_watches", "many\n");
	assert_true(limit_read(LIMIT_WATCHES, s->path, &l));
	assert_int_equal(l.allowed, 2147483647);
}

static void test_instances(void **state)
{
	struct scratch *s = *state;
	struct limit l;

	settings(s);
	scratch_write(s, "fs/inotify/max_user_instances", "128\n");
	scratch_write(s, "fs/inotify/max_user_watches", "1\n");
	assert_true(limit_read(LIMIT_INSTANCES, s->path, &l));
	assert_string_equal(l.name, "fs.inotify.max_user_instances");
	assert_int_equal(l.allowed, 128);
}

/* What this very system says. */
static void test_here(void **state)
{
	struct limit l;

	(void)state;
	if (!limit_read(LIMIT_WATCHES, NULL, &l))
		skip();
	assert_true(l.allowed >= 0);
	assert_non_null(strstr(l.name, "watches"));
}

static void test_enough(void **state)
{
	static const int64_t some[] = { 0, 1, 20, 127, 128, 8192, 65535, 65536,
		192536, 1000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		for (size_t j = 0; j < sizeof(some) / sizeof(some[0]); j++) {
			int64_t n =
			    limit_enough(LIMIT_WATCHES, some[i], some[j]);

			assert_true(n >= some[i] + some[j]);
			assert_true(n < some[i] + some[j] + 65536);
		}
	assert_int_equal(limit_enough(LIMIT_WATCHES, 20, 61), 65536);
	assert_int_equal(limit_enough(LIMIT_INSTANCES, 128, 1), 256);
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_smaller),
		TEST(test_instances),
		TEST(test_here),
		TEST(test_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
