#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/watch/wdmap.h"
#include "common/base/limits.h"

struct dropped {
	int wds[64];
	size_t count;
};

static void take(void *arg, int wd)
{
	struct dropped *d = arg;

	assert_true(d->count < 64);
	d->wds[d->count++] = wd;
}

static bool took(const struct dropped *d, int wd)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->wds[i] == wd)
			return true;
	return false;
}

static int setup(void **state)
{
	struct wdmap *m;

	assert_int_equal(wdmap_new(&m, NULL), VS_OK);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	wdmap_free(*state);
	return 0;
}

static void put(struct wdmap *m, const char *path, int wd)
{
	assert_int_equal(wdmap_put(m, path, wd, NULL), VS_OK);
}

static void check_path(struct wdmap *m, int wd, const char *want)
{
	char path[VS_PATH_MAX + 1];
	struct wdmap_dir *d = wdmap_by_wd(m, wd);

	assert_non_null(d);
	assert_int_equal(wdmap_path(d, path, sizeof(path)), (int)strlen(want));
	assert_string_equal(path, want);
	assert_ptr_equal(wdmap_at(m, want), d);
}

static void test_both_ways(void **state)
{
	struct wdmap *m = *state;

	put(m, "", 1);
	put(m, "a", 2);
	put(m, "a/b", 3);
	put(m, "a/b/c", 4);
	put(m, "ab", 5);
	check_path(m, 1, "");
	check_path(m, 2, "a");
	check_path(m, 3, "a/b");
	check_path(m, 4, "a/b/c");
	check_path(m, 5, "ab");
	assert_int_equal(wdmap_count(m), 5);
	assert_null(wdmap_at(m, "b"));
	assert_null(wdmap_at(m, "a/b/c/d"));
	assert_null(wdmap_by_wd(m, 6));
	assert_true(wdmap_is_root(wdmap_by_wd(m, 1)));
	assert_false(wdmap_is_root(wdmap_by_wd(m, 2)));
}

static void test_path_needs_room(void **state)
{
	struct wdmap *m = *state;
	char out[8];

	put(m, "abc/def", 1);
	assert_int_equal(wdmap_path(wdmap_by_wd(m, 1), out, 8), 7);
	assert_int_equal(wdmap_path(wdmap_by_wd(m, 1), out, 7), VS_ELIMIT);
}

/* A folder moves away: it and all below it, and nothing beside it. */
static void test_drop_takes_what_is_below(void **state)
{
	struct wdmap *m = *state;
	struct dropped d = { .count = 0 };

	put(m, "", 1);
	put(m, "a", 2);
	put(m, "a/b", 3);
	put(m, "a/c", 4);
	put(m, "a/b/d", 5);
	put(m, "a2", 6);
	wdmap_drop(m, wdmap_at(m, "a"), take, &d);
	assert_int_equal(d.count, 4);
	for (int wd = 2; wd <= 5; wd++) {
		assert_true(took(&d, wd));
		assert_null(wdmap_by_wd(m, wd));
	}
	assert_null(wdmap_at(m, "a"));
	assert_int_equal(wdmap_count(m), 2);
	check_path(m, 6, "a2");
	put(m, "a/b", 7);
	check_path(m, 7, "a/b");
}

static void test_drop_of_the_root_keeps_it(void **state)
{
	struct wdmap *m = *state;
	struct dropped d = { .count = 0 };

	put(m, "", 1);
	put(m, "a/b/c", 2);
	wdmap_drop(m, wdmap_at(m, ""), take, &d);
	assert_int_equal(d.count, 2);
	assert_int_equal(wdmap_count(m), 0);
	assert_non_null(wdmap_at(m, ""));
	put(m, "", 3);
	check_path(m, 3, "");
}

/* The watch limit leaves gaps: a folder below an unwatched one. */
static void test_gaps(void **state)
{
	struct wdmap *m = *state;

	put(m, "", 1);
	put(m, "a/b/c", 2);
	assert_int_equal(wdmap_wd(wdmap_at(m, "a")), -1);
	assert_false(wdmap_parent_watched(wdmap_by_wd(m, 2)));
	put(m, "a/b", 3);
	assert_true(wdmap_parent_watched(wdmap_by_wd(m, 2)));
	wdmap_unwatch(m, wdmap_by_wd(m, 3));
	assert_non_null(wdmap_at(m, "a/b"));
	assert_false(wdmap_parent_watched(wdmap_by_wd(m, 2)));
	wdmap_unwatch(m, wdmap_by_wd(m, 2));
	/* the steps that led to it went with it */
	assert_null(wdmap_at(m, "a"));
	assert_int_equal(wdmap_count(m), 1);
}

/* Out of its place and back under another name: the same descriptors. */
static void test_detach_and_attach(void **state)
{
	struct wdmap *m = *state;
	struct wdmap_dir *holder;
	char path[16];

	put(m, "", 1);
	put(m, "a", 2);
	put(m, "a/b", 3);
	put(m, "a/b/c", 4);
	put(m, "x", 5);
	holder = wdmap_detach(m, wdmap_at(m, "a"));
	assert_non_null(holder);
	assert_null(wdmap_at(m, "a"));
	assert_int_equal(wdmap_count(m), 5);
	assert_int_equal(
	    wdmap_path(wdmap_by_wd(m, 3), path, sizeof(path)), VS_ENOENT);
	assert_false(wdmap_is_root(wdmap_by_wd(m, 2)));
	assert_false(wdmap_parent_watched(wdmap_by_wd(m, 2)));
	/* the name is free meanwhile */
	put(m, "a", 6);
	assert_int_equal(wdmap_attach(m, holder, "a", NULL), VS_EEXIST);
	assert_int_equal(wdmap_attach(m, holder, "x/longer/n", NULL), VS_OK);
	check_path(m, 2, "x/longer/n");
	check_path(m, 3, "x/longer/n/b");
	check_path(m, 4, "x/longer/n/b/c");
	check_path(m, 6, "a");
	assert_int_equal(wdmap_wd(wdmap_at(m, "x/longer")), -1);
	/* under the same name elsewhere, and the step is gone that led there */
	holder = wdmap_detach(m, wdmap_at(m, "x/longer/n"));
	assert_null(wdmap_at(m, "x/longer"));
	assert_int_equal(wdmap_attach(m, holder, "n", NULL), VS_OK);
	check_path(m, 4, "n/b/c");
}

/* What a holder has may be taken from it. */
static void test_holder_runs_empty(void **state)
{
	struct wdmap *m = *state;
	struct wdmap_dir *outer, *inner;

	put(m, "", 1);
	put(m, "a/b", 2);
	outer = wdmap_detach(m, wdmap_at(m, "a"));
	inner = wdmap_detach(m, wdmap_by_wd(m, 2));
	assert_int_equal(wdmap_attach(m, inner, "b", NULL), VS_OK);
	check_path(m, 2, "b");
	assert_int_equal(wdmap_attach(m, outer, "a", NULL), VS_ENOENT);
	assert_true(wdmap_trim(m, outer, &(size_t){ 0 }, NULL, NULL));
	/* one is left to wdmap_free */
	assert_non_null(wdmap_detach(m, wdmap_at(m, "b")));
}

static void test_trim(void **state)
{
	struct wdmap *m = *state;
	struct dropped d = { .count = 0 };
	struct wdmap_dir *holder;
	size_t most = 3;

	put(m, "", 1);
	for (int i = 0; i < 10; i++) {
		char path[16];

		snprintf(path, sizeof(path), "a/b%d", i);
		put(m, path, 10 + i);
	}
	holder = wdmap_detach(m, wdmap_at(m, "a"));
	assert_false(wdmap_trim(m, holder, &most, take, &d));
	assert_int_equal(most, 0);
	assert_int_equal(d.count, 3);
	most = 20;
	assert_true(wdmap_trim(m, holder, &most, take, &d));
	assert_int_equal(most, 12); /* the unwatched step counts as well */
	assert_int_equal(d.count, 10);
	assert_int_equal(wdmap_count(m), 1);
}

/* Everything aside in one step; what is wanted again is taken out of it. */
static void test_detach_all(void **state)
{
	struct wdmap *m = *state;
	struct dropped d = { .count = 0 };
	struct wdmap_dir *holder, *part;
	char path[16];

	put(m, "", 1);
	put(m, "a", 2);
	put(m, "a/b", 3);
	put(m, "c", 4);
	holder = wdmap_detach_all(m);
	assert_non_null(holder);
	assert_null(wdmap_by_wd(m, 1));
	assert_null(wdmap_at(m, "a"));
	assert_int_equal(wdmap_wd(wdmap_at(m, "")), -1);
	assert_int_equal(
	    wdmap_path(wdmap_by_wd(m, 3), path, sizeof(path)), VS_ENOENT);
	put(m, "", 5);
	assert_true(wdmap_is_root(wdmap_by_wd(m, 5)));
	part = wdmap_detach(m, wdmap_by_wd(m, 2));
	assert_int_equal(wdmap_attach(m, part, "a", NULL), VS_OK);
	check_path(m, 3, "a/b");
	assert_true(wdmap_trim(m, holder, &(size_t){ 100 }, take, &d));
	assert_int_equal(d.count, 1);
	assert_true(took(&d, 4));
	/* again, and left to wdmap_free */
	assert_non_null(wdmap_detach_all(m));
	assert_int_equal(wdmap_count(m), 2);
}

/* What was not marked is forgotten, and nothing but that. */
static void test_sift(void **state)
{
	struct wdmap *m = *state;
	struct dropped d = { .count = 0 };

	put(m, "", 1);
	put(m, "a", 2);
	put(m, "a/b", 3);
	put(m, "a/b/c", 4);
	put(m, "d/e", 5);
	put(m, "f", 6);
	put(m, "g", 7);
	assert_non_null(wdmap_detach(m, wdmap_at(m, "g")));
	wdmap_mark(wdmap_at(m, ""), 9);
	wdmap_mark(wdmap_at(m, "a/b"), 9);
	wdmap_sift(m, 9, take, &d);
	assert_int_equal(d.count, 4);
	assert_true(took(&d, 2) && took(&d, 4) && took(&d, 5) && took(&d, 6));
	check_path(m, 3, "a/b");
	assert_null(wdmap_at(m, "d"));
	assert_int_equal(wdmap_count(m), 3);
}

/* It grows while something hangs below a holder: that is still found. */
static void test_grows_with_holders(void **state)
{
	struct wdmap *m = *state;
	struct wdmap_dir *holder;
	char path[16];

	put(m, "a", 1);
	put(m, "a/b", 2);
	holder = wdmap_detach(m, wdmap_at(m, "a"));
	put(m, "c", 3);
	assert_non_null(wdmap_detach(m, wdmap_at(m, "c")));
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "d%d", i);
		put(m, path, 10 + i);
	}
	assert_non_null(wdmap_by_wd(m, 2));
	assert_non_null(wdmap_by_wd(m, 3));
	assert_int_equal(wdmap_attach(m, holder, "z", NULL), VS_OK);
	check_path(m, 2, "z/b");
}

static void test_many_and_deep(void **state)
{
	struct wdmap *m = *state;
	char path[VS_PATH_MAX + 1] = "";
	size_t len = 0;

	for (int i = 0; i < 20000; i++) {
		snprintf(path, sizeof(path), "d%d/e%d", i % 100, i);
		put(m, path, i + 1);
	}
	for (int i = 0; i < 20000; i += 97) {
		snprintf(path, sizeof(path), "d%d/e%d", i % 100, i);
		check_path(m, i + 1, path);
	}
	path[0] = '\0';
	for (int i = 0; len + 2 < VS_PATH_MAX; i++) {
		len += (size_t)snprintf(
		    path + len, sizeof(path) - len, "%sx", len > 0 ? "/" : "");
		put(m, path, 100000 + i);
	}
	wdmap_drop(m, wdmap_at(m, "x"), NULL, NULL);
	assert_int_equal(wdmap_count(m), 20000);
	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "d%d", i);
		wdmap_drop(m, wdmap_at(m, path), NULL, NULL);
	}
	assert_int_equal(wdmap_count(m), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_path_needs_room, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_drop_takes_what_is_below, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_drop_of_the_root_keeps_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gaps, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_detach_and_attach, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_holder_runs_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trim, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_detach_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sift, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_grows_with_holders, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_many_and_deep, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
