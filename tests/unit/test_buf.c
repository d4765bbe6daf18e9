#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

static void test_empty(void **state)
{
	struct vs_buf b;

	(void)state;
	vs_buf_init(&b, 10);
	assert_null(b.data);
	assert_string_equal(vs_buf_str(&b), "");
	assert_int_equal(vs_buf_error(&b), VS_OK);
	vs_buf_release(&b);
	vs_buf_release(NULL);
}

static void test_appends(void **state)
{
	struct vs_buf b;

	(void)state;
	vs_buf_init(&b, 1000);
	vs_buf_addstr(&b, "ab");
	vs_buf_addch(&b, 'c');
	vs_buf_addf(&b, "-%d-%s", 42, "x");
	vs_buf_add(&b, "\0z", 2);
	vs_buf_add(&b, NULL, 0);
	assert_int_equal(b.len, 10);
	assert_memory_equal(b.data, "abc-42-x\0z", 11);
	vs_buf_reset(&b);
	assert_string_equal(vs_buf_str(&b), "");
	assert_int_equal(b.len, 0);
	vs_buf_addstr(&b, "again");
	assert_string_equal(vs_buf_str(&b), "again");
	vs_buf_release(&b);
	assert_null(b.data);
	assert_int_equal(b.max, 1000);
}

static void test_ceiling(void **state)
{
	struct vs_buf b;

	(void)state;
	vs_buf_init(&b, 5);
	vs_buf_addstr(&b, "12345");
	assert_int_equal(vs_buf_error(&b), VS_OK);
	assert_true(b.cap <= 6);
	vs_buf_addch(&b, '6');
	assert_int_equal(vs_buf_error(&b), VS_ELIMIT);
	assert_string_equal(vs_buf_str(&b), "12345");
	/* Sticky: nothing fits any more, not even nothing much. */
	vs_buf_add(&b, "", 0);
	vs_buf_addf(&b, "%s", "");
	assert_int_equal(vs_buf_error(&b), VS_ELIMIT);
	vs_buf_reset(&b);
	assert_int_equal(vs_buf_error(&b), VS_OK);
	vs_buf_addf(&b, "%s", "123456");
	assert_int_equal(vs_buf_error(&b), VS_ELIMIT);
	assert_int_equal(b.len, 0);
	vs_buf_release(&b);
	assert_int_equal(vs_buf_error(&b), VS_OK);
}

static void test_zero_ceiling(void **state)
{
	struct vs_buf b;

	(void)state;
	vs_buf_init(&b, 0);
	vs_buf_addstr(&b, "");
	assert_int_equal(vs_buf_error(&b), VS_OK);
	vs_buf_addstr(&b, "x");
	assert_int_equal(vs_buf_error(&b), VS_ELIMIT);
	vs_buf_release(&b);
}

static void test_growth(void **state)
{
	struct vs_buf b;
	size_t grown = 0;
	size_t cap = 0;

	(void)state;
	vs_buf_init(&b, 1 << 20);
	for (int i = 0; i < 1 << 20; i++) {
		vs_buf_addch(&b, (char)('a' + i % 26));
		grown += b.cap != cap ? 1 : 0;
		cap = b.cap;
	}
	assert_int_equal(vs_buf_error(&b), VS_OK);
	assert_int_equal(b.len, 1 << 20);
	assert_true(grown < 20);
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(b.data[i], (char)('a' + i % 26));
	vs_buf_release(&b);
}

static void test_take(void **state)
{
	struct vs_buf b;
	size_t len = 99;
	char *s;

	(void)state;
	vs_buf_init(&b, 10);
	s = vs_buf_take(&b, &len); /* nothing, but never NULL */
	assert_string_equal(s, "");
	assert_int_equal(len, 0);
	free(s);
	vs_buf_addstr(&b, "abc");
	s = vs_buf_take(&b, &len);
	assert_string_equal(s, "abc");
	assert_int_equal(len, 3);
	assert_null(b.data);
	free(s);
	vs_buf_addstr(&b, "too long for it");
	assert_null(vs_buf_take(&b, &len));
	assert_int_equal(len, 0);
	vs_buf_addstr(&b, "ok");
	s = vs_buf_take(&b, NULL);
	assert_string_equal(s, "ok");
	free(s);
}

static void test_integers(void **state)
{
	struct vs_buf b;

	(void)state;
	vs_buf_init(&b, 100);
	vs_buf_addi(&b, 0);
	vs_buf_addch(&b, ' ');
	vs_buf_addi(&b, -120);
	vs_buf_addch(&b, ' ');
	vs_buf_addi(&b, INT64_MAX);
	vs_buf_addch(&b, ' ');
	vs_buf_addi(&b, INT64_MIN);
	assert_string_equal(
	    vs_buf_str(&b), "0 -120 9223372036854775807 -9223372036854775808");
	vs_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_zero_ceiling),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_integers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
