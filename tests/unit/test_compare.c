#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "agent/scan/compare.h"

static const struct disk_stat base = {
	.kind = VS_KIND_FILE,
	.size = 5,
	.mtime_ns = 1000,
	.ctime_ns = 2000,
	.born_ns = 500,
	.ino = 7,
	.mode = 0644,
};

/* Each member of the key alone makes a read. */
static void test_key(void **state)
{
	struct disk_stat s;

	(void)state;
#define DIFFERS(member, value) \
	do { \
		s = base; \
		s.member = (value); \
		assert_int_equal(compare_stat(&s, &base), COMPARE_READ); \
	} while (0)
	assert_int_equal(compare_stat(&base, &base), COMPARE_SAME);
	DIFFERS(kind, VS_KIND_SYMLINK);
	DIFFERS(size, 6);
	DIFFERS(mtime_ns, 1001);
	DIFFERS(mtime_ns, -1);
	DIFFERS(ctime_ns, 1999);
	DIFFERS(ino, 8);
	DIFFERS(mode, 0600);
	DIFFERS(born_ns, 501);
#undef DIFFERS
}

/* Rows older than the column, and file systems that keep no birth. */
static void test_unknown_birth(void **state)
{
	struct disk_stat s = base;

	(void)state;
	s.born_ns = 0;
	assert_int_equal(compare_stat(&base, &s), COMPARE_SAME);
	assert_int_equal(compare_stat(&s, &base), COMPARE_SAME);
	assert_int_equal(compare_stat(&s, &s), COMPARE_SAME);
	assert_true(compare_born(&s, &base));
	s.ino = 8;
	assert_false(compare_born(&s, &base));
}

static void test_kinds(void **state)
{
	struct disk_stat dir = { .kind = VS_KIND_DIR, .mode = 0755, .ino = 1 };
	struct disk_stat other = { .kind = VS_KIND_DIR,
		.mode = 0755,
		.ino = 1,
		.mtime_ns = 9,
		.born_ns = 9 };
	struct disk_stat odd = { .odd = true };

	(void)state;
	assert_int_equal(compare_stat(NULL, NULL), COMPARE_NONE);
	assert_int_equal(compare_stat(&odd, NULL), COMPARE_NONE);
	assert_int_equal(compare_stat(NULL, &base), COMPARE_GONE);
	assert_int_equal(compare_stat(&odd, &base), COMPARE_GONE);
	assert_int_equal(compare_stat(&base, NULL), COMPARE_READ);
	assert_int_equal(compare_stat(&base, &dir), COMPARE_SWAP);
	assert_int_equal(compare_stat(&dir, &base), COMPARE_DIR);
	assert_int_equal(compare_stat(&dir, NULL), COMPARE_DIR);
	assert_int_equal(compare_stat(&dir, &other), COMPARE_SAME);
	dir.born_ns = 8;
	assert_int_equal(compare_stat(&dir, &other), COMPARE_DIR);
	dir.born_ns = 0;
	other.mode = 0700;
	assert_int_equal(compare_stat(&dir, &other), COMPARE_DIR);
}

/* A content read within a tick of its change is racy, either way. */
static void test_racy(void **state)
{
	struct disk_stat s = base;
	int64_t at = 1700000000000;

	(void)state;
	s.ctime_ns = at * 1000000 + 1;
	assert_true(compare_racy(&s, at));
	assert_true(compare_racy(&s, at + compare_tick_ms(&s)));
	assert_false(compare_racy(&s, at + compare_tick_ms(&s) + 1));
	assert_true(compare_racy(&s, at - compare_tick_ms(&s)));
	assert_false(compare_racy(&s, at - compare_tick_ms(&s) - 1));
	s.mtime_ns = 3000000000;
	s.ctime_ns = at * 1000000;
	assert_true(compare_tick_ms(&s) >= 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_unknown_birth),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_racy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
