#include "common/os/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static void test_seed_repeats(void **state)
{
	struct vs_rand a;
	struct vs_rand b;
	struct vs_rand other;
	int same = 0;

	(void)state;
	vs_rand_seed(&a, 42);
	vs_rand_seed(&b, 42);
	vs_rand_seed(&other, 43);
	for (int i = 0; i < 1000; i++) {
		uint64_t v = vs_rand_u64(&a);

		assert_true(v == vs_rand_u64(&b));
		same += v == vs_rand_u64(&other) ? 1 : 0;
	}
	assert_int_equal(same, 0);
}

/* The published generator: what it gives after this state is known. */
static void test_known_values(void **state)
{
	static const uint64_t want[] = { 11520ULL, 0ULL, 1509978240ULL,
		1215971899390074240ULL };
	struct vs_rand r;

	(void)state;
	vs_rand_seed(&r, 0);
	for (uint64_t i = 0; i < 4; i++)
		r.state[i] = i + 1;
	for (int i = 0; i < 4; i++)
		assert_true(vs_rand_u64(&r) == want[i]);
}

static void test_below(void **state)
{
	int seen[7] = { 0 };
	struct vs_rand r;

	(void)state;
	vs_rand_seed(&r, 1);
	for (int i = 0; i < 70000; i++) {
		uint64_t v = vs_rand_below(&r, 7);

		assert_true(v < 7);
		seen[v]++;
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(seen[i], 9500, 10500);
	assert_true(vs_rand_below(&r, 1) == 0);
	for (int i = 0; i < 100; i++)
		assert_true(vs_rand_below(&r, (1ULL << 63) + 1) <= 1ULL << 63);
}

static void test_uuid(void **state)
{
	struct vs_rand r;
	char a[VS_UUID_SIZE];
	char b[VS_UUID_SIZE];

	(void)state;
	vs_rand_seed(&r, 7);
	for (int i = 0; i < 1000; i++) {
		vs_rand_uuid(&r, a);
		assert_int_equal(strlen(a), 36);
		assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
		assert_true(a[8] == '-' && a[13] == '-' && a[18] == '-' &&
		    a[23] == '-');
		assert_int_equal(a[14], '4');
		assert_non_null(strchr("89ab", a[19]));
	}
	vs_rand_uuid(&r, b);
	assert_string_not_equal(a, b);
}

static void test_os(void **state)
{
	struct vs_rand *r = vs_rand_os();
	uint8_t zero[64] = { 0 };
	uint8_t a[64] = { 0 };
	uint8_t b[64] = { 0 };

	(void)state;
	r->bytes(r, a, sizeof(a));
	r->bytes(r, b, sizeof(b));
	assert_memory_not_equal(a, zero, sizeof(a));
	assert_memory_not_equal(a, b, sizeof(a));
	r->bytes(r, a, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seed_repeats),
		cmocka_unit_test(test_known_values),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_uuid),
		cmocka_unit_test(test_os),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
