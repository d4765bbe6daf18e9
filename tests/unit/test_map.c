#include "common/base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

static void test_basics(void **state)
{
	struct vs_map *m = vs_map_new();
	int a = 1;
	int b = 2;
	void *old = &a;

	(void)state;
	assert_null(vs_map_get(m, "x"));
	assert_null(vs_map_del(m, "x"));
	assert_int_equal(vs_map_put(m, "x", &a, &old), VS_OK);
	assert_null(old);
	assert_int_equal(vs_map_put(m, "x", &b, &old), VS_OK);
	assert_ptr_equal(old, &a);
	assert_int_equal(vs_map_put(m, "", &a, NULL), VS_OK);
	assert_int_equal(vs_map_count(m), 2);
	assert_ptr_equal(vs_map_get(m, "x"), &b);
	assert_ptr_equal(vs_map_get(m, ""), &a);
	assert_ptr_equal(vs_map_del(m, "x"), &b);
	assert_null(vs_map_get(m, "x"));
	assert_int_equal(vs_map_count(m), 1);
	vs_map_free(m);
	vs_map_free(NULL);
}

static void test_keys_are_copied(void **state)
{
	struct vs_map *m = vs_map_new();
	char key[4] = "abc";

	(void)state;
	vs_map_put(m, key, m, NULL);
	key[0] = 'x';
	assert_ptr_equal(vs_map_get(m, "abc"), m);
	assert_null(vs_map_get(m, "xbc"));
	vs_map_free(m);
}

enum { KEYS = 500 };

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Random operations against an array. */
static void test_model(void **state)
{
	struct vs_map *m = vs_map_new();
	int values[2] = { 0 };
	void *model[KEYS] = { NULL };
	uint32_t seed = 1;
	size_t count = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		unsigned k = next(&seed) % KEYS;
		char key[16];
		void *old;

		snprintf(key, sizeof(key), "key-%u", k);
		if (next(&seed) % 3 > 0) {
			void *value = &values[next(&seed) % 2];

			assert_int_equal(
			    vs_map_put(m, key, value, &old), VS_OK);
			assert_ptr_equal(old, model[k]);
			count += model[k] == NULL ? 1 : 0;
			model[k] = value;
		} else {
			assert_ptr_equal(vs_map_del(m, key), model[k]);
			count -= model[k] != NULL ? 1 : 0;
			model[k] = NULL;
		}
		assert_int_equal(vs_map_count(m), count);
		snprintf(key, sizeof(key), "key-%u", (k + 1) % KEYS);
		assert_ptr_equal(vs_map_get(m, key), model[(k + 1) % KEYS]);
	}
	vs_map_free(m);
}

struct walk {
	struct vs_map *m;
	char seen[256];
	bool remove;
	int stop_after; /* 0: never */
};

static bool on_pair(void *arg, const char *key, void *value)
{
	struct walk *w = arg;

	assert_ptr_equal(value, w->m);
	strcat(w->seen, key);
	if (w->remove && key[0] % 2 == 0)
		vs_map_del(w->m, key);
	return w->stop_after == 0 || (int)strlen(w->seen) < w->stop_after;
}

static void test_each(void **state)
{
	struct walk w = { .m = vs_map_new() };
	struct walk first = { .m = w.m, .remove = true };
	struct walk stop = { .m = w.m, .stop_after = 2 };
	char key[2] = "";

	(void)state;
	vs_map_each(w.m, on_pair, &w);
	assert_string_equal(w.seen, "");
	for (char c = 'a'; c <= 'z'; c++) {
		key[0] = c;
		vs_map_put(w.m, key, w.m, NULL);
	}
	vs_map_each(w.m, on_pair, &first);
	assert_string_equal(first.seen, "abcdefghijklmnopqrstuvwxyz");
	vs_map_each(w.m, on_pair, &w);
	assert_string_equal(w.seen, "acegikmoqsuwy");
	vs_map_each(w.m, on_pair, &stop);
	assert_string_equal(stop.seen, "ac");
	vs_map_free(w.m);
}

/* A queue: in at the end, out at the front; it must not grow for ever. */
static void test_churn(void **state)
{
	struct vs_map *m = vs_map_new();
	char key[32];

	(void)state;
	for (int i = 0; i < 300000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		assert_int_equal(vs_map_put(m, key, m, NULL), VS_OK);
		if (i >= 10) {
			snprintf(key, sizeof(key), "%d", i - 10);
			assert_ptr_equal(vs_map_del(m, key), m);
		}
	}
	assert_int_equal(vs_map_count(m), 10);
	vs_map_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_basics),
		cmocka_unit_test(test_keys_are_copied),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
