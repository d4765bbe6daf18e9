#include "common/crypto/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/crypto/sha256.h"

static const struct vs_tree_row rows[] = {
	{ "a", "file", 1, "aa" },
	{ "a", "directory", 0, "" },
	{ "a/b", "file", 9223372036854775, "bb" },
	{ "b", "symlink", 3, "cc" },
	{ "\xC3\xA9", "file", 0, "" },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* Exactly the bytes that are defined. */
static void test_one_row(void **state)
{
	static const char text[] = "a\0file\0"
				   "1\0"
				   "aa";
	struct vs_tree t = { 0 };
	uint8_t want[32];

	(void)state;
	vs_sha256(text, sizeof(text), want); /* its last NUL is the NUL */
	vs_tree_add(&t, &rows[0]);
	assert_memory_equal(t.sum, want, sizeof(want));
	assert_int_equal(t.count, 1);
	assert_int_equal(t.bytes, 1);
}

static void test_order_does_not_matter(void **state)
{
	struct vs_tree a = { 0 };
	struct vs_tree b = { 0 };
	const struct vs_tree zero = { 0 };

	(void)state;
	for (int i = 0; i < ROWS; i++) {
		vs_tree_add(&a, &rows[i]);
		vs_tree_add(&b, &rows[ROWS - 1 - i]);
		assert_int_equal(vs_tree_equal(&a, &b), i == ROWS - 1);
	}
	assert_int_equal(a.count, ROWS);
	assert_int_equal(a.bytes, 9223372036854775 + 4);
	for (int i = 0; i < ROWS; i++)
		vs_tree_sub(&a, &rows[(i * 2) % ROWS]);
	assert_true(vs_tree_equal(&a, &zero));
}

/* Below zero and back: the sum is modulo 2^256. */
static void test_wraps(void **state)
{
	struct vs_tree t = { 0 };
	const struct vs_tree zero = { 0 };

	(void)state;
	vs_tree_sub(&t, &rows[0]);
	assert_false(vs_tree_equal(&t, &zero));
	vs_tree_add(&t, &rows[0]);
	assert_true(vs_tree_equal(&t, &zero));
	/* A carry through all the bytes. */
	memset(t.sum, 0xFF, sizeof(t.sum));
	vs_tree_add(&t, &rows[1]);
	for (int i = 0; i < 32; i++)
		t.sum[i] = (uint8_t)~t.sum[i];
	vs_tree_add(&t, &rows[1]);
	t.count = 0;
	t.bytes = 0;
	/* ~(2^256 - 1 + h) + h = ~(h - 1) + h = -h + h = 0 */
	assert_true(vs_tree_equal(&t, &zero));
}

static void test_every_member_counts(void **state)
{
	static const struct vs_tree_row others[] = {
		{ "b", "file", 1, "aa" },
		{ "a", "symlink", 1, "aa" },
		{ "a", "file", 2, "aa" },
		{ "a", "file", 1, "ab" },
		{ "a", "file", 1, "" },
		{ "afile", "", 1, "aa" },
	};
	struct vs_tree a = { 0 };

	(void)state;
	vs_tree_add(&a, &rows[0]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct vs_tree b = { 0 };

		vs_tree_add(&b, &others[i]);
		assert_memory_not_equal(a.sum, b.sum, sizeof(a.sum));
		b.bytes = a.bytes;
		assert_false(vs_tree_equal(&a, &b));
	}
}

static void test_largest_row(void **state)
{
	char *path = malloc(VS_PATH_MAX + 1);
	char hash[VS_HASH_OPAQUE + 1];
	struct vs_tree_row row = { path, "directory", INT64_MAX, hash };
	struct vs_tree t = { 0 };

	(void)state;
	assert_non_null(path);
	memset(path, 'p', VS_PATH_MAX);
	path[VS_PATH_MAX] = '\0';
	memset(hash, 'h', VS_HASH_OPAQUE);
	hash[VS_HASH_OPAQUE] = '\0';
	vs_tree_add(&t, &row);
	assert_int_equal(t.count, 1);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_row),
		cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_wraps),
		cmocka_unit_test(test_every_member_counts),
		cmocka_unit_test(test_largest_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
