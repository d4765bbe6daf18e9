/*
 * The folder's path leads elsewhere for a moment: nothing may be read there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/scan/disk_posix.h"
#include "agent/scan/roster.h"

struct place {
	char base[64];
	char root[80];
	char aside[80];
	struct disk *disk;
};

static int place_make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	snprintf(p->base, sizeof(p->base), "/tmp/vsync-root-XXXXXX");
	assert_non_null(mkdtemp(p->base));
	snprintf(p->root, sizeof(p->root), "%s/root", p->base);
	snprintf(p->aside, sizeof(p->aside), "%s/aside", p->base);
	assert_int_equal(mkdir(p->root, 0755), 0);
	assert_int_equal(disk_posix_new(&p->disk, p->root, NULL, NULL), VS_OK);
	*state = p;
	return 0;
}

static int place_drop(void **state)
{
	struct place *p = *state;

	disk_posix_free(p->disk);
	rmdir(p->root);
	rmdir(p->aside);
	rmdir(p->base);
	free(p);
	return 0;
}

static int list(struct place *p)
{
	struct roster names = { 0 };
	int rc = p->disk->list(p->disk, "", &names, NULL);

	roster_release(&names);
	return rc;
}

static int look(struct place *p)
{
	struct disk_stat st;

	return p->disk->look(p->disk, "a", &st, NULL);
}

static void test_another_root_is_not_read(void **state)
{
	struct place *p = *state;
	struct disk_root r;

	assert_int_equal(p->disk->root(p->disk, &r, NULL), VS_OK);
	assert_int_equal(list(p), VS_OK);
	assert_int_equal(look(p), VS_ENOENT);
	assert_int_equal(rename(p->root, p->aside), 0);
	assert_int_equal(list(p), VS_EROOT);
	assert_int_equal(mkdir(p->root, 0755), 0);
	assert_int_equal(list(p), VS_EROOT);
	assert_int_equal(look(p), VS_EROOT);
	assert_int_equal(rmdir(p->root), 0);
	assert_int_equal(rename(p->aside, p->root), 0);
	assert_int_equal(list(p), VS_OK);
	assert_int_equal(look(p), VS_ENOENT);
}

static void test_a_root_found_anew_is_read(void **state)
{
	struct place *p = *state;
	struct disk_root r;

	assert_int_equal(p->disk->root(p->disk, &r, NULL), VS_OK);
	assert_int_equal(rename(p->root, p->aside), 0);
	assert_int_equal(mkdir(p->root, 0755), 0);
	assert_int_equal(list(p), VS_EROOT);
	assert_int_equal(p->disk->root(p->disk, &r, NULL), VS_OK);
	assert_int_equal(list(p), VS_OK);
}

static void test_no_root_yet(void **state)
{
	struct place *p = *state;

	assert_int_equal(list(p), VS_OK);
	assert_int_equal(look(p), VS_ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_another_root_is_not_read, place_make, place_drop),
		cmocka_unit_test_setup_teardown(
		    test_a_root_found_anew_is_read, place_make, place_drop),
		cmocka_unit_test_setup_teardown(
		    test_no_root_yet, place_make, place_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
