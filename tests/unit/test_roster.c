/* agent/scan/roster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/scan/roster.h"
#include "common/base/err.h"

#define MANY 5000

static void add(struct roster *r, const char *name, int64_t size)
{
	const struct disk_stat st = { .size = size };

	assert_int_equal(roster_add(r, name, &st), VS_OK);
}

static void test_order(void **state)
{
	struct roster r = { 0 };

	(void)state;
	add(&r, "b", 1);
	add(&r, "a", 2);
	add(&r, "\xff", 3);
	add(&r, "B", 4);
	add(&r, "ab", 5);
	assert_int_equal(roster_sort(&r), VS_OK);
	assert_string_equal(roster_name(&r, 0), "B");
	assert_string_equal(roster_name(&r, 1), "a");
	assert_string_equal(roster_name(&r, 2), "ab");
	assert_string_equal(roster_name(&r, 3), "b");
	assert_string_equal(roster_name(&r, 4), "\xff");
	assert_int_equal(r.row[0].stat.size, 4);
	assert_int_equal(r.row[2].stat.size, 5);
	assert_true(roster_has(&r, "ab"));
	assert_true(roster_has(&r, "B"));
	assert_true(roster_has(&r, "\xff"));
	assert_false(roster_has(&r, "c"));
	assert_false(roster_has(&r, ""));
	roster_release(&r);
	assert_false(roster_has(&r, "ab"));
}

/* Every stat stays with its name, whatever the order of arrival. */
static void test_many(void **state)
{
	struct roster r = { 0 };
	char name[32];

	(void)state;
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < MANY; i++) {
			int n = (i * 1237) % MANY;

			snprintf(name, sizeof(name), "clip_%06d", n);
			add(&r, name, n);
		}
		assert_int_equal(roster_sort(&r), VS_OK);
		assert_int_equal(r.count, MANY);
		for (int i = 0; i < MANY; i++) {
			snprintf(name, sizeof(name), "clip_%06d", i);
			assert_string_equal(roster_name(&r, (size_t)i), name);
			assert_int_equal(r.row[i].stat.size, i);
		}
		roster_reset(&r);
		assert_int_equal(r.count, 0);
	}
	roster_release(&r);
}

static void test_reset_keeps_little(void **state)
{
	struct roster r = { 0 };

	(void)state;
	add(&r, "a", 1);
	roster_reset(&r);
	assert_true(r.cap > 0 && r.row != NULL);
	for (int i = 0; i < MANY; i++)
		add(&r, "name", i);
	roster_reset(&r);
	assert_true(r.cap == 0 && r.row == NULL && r.text == NULL);
	add(&r, "b", 2);
	assert_string_equal(roster_name(&r, 0), "b");
	roster_release(&r);
}

/* The order is that of strcmp, however alike the names are. */
static void test_alike(void **state)
{
	static const char *const sorted[] = { "clip_0000", "clip_0000 ",
		"clip_00000000", "clip_000000001", "clip_00000001",
		"clip_000000010", "clip_000000011", "clip_00000001\xff",
		"clip_0000\x80", "clip_0000\xff", "clip_001" };
	const size_t n = sizeof(sorted) / sizeof(sorted[0]);
	struct roster r = { 0 };

	(void)state;
	for (size_t i = 0; i < n; i++)
		add(&r, sorted[i * 4 % n], (int64_t)(i * 4 % n));
	assert_int_equal(roster_sort(&r), VS_OK);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(roster_name(&r, i), sorted[i]);
		assert_int_equal(r.row[i].stat.size, i);
	}
	roster_release(&r);
}

/* Of two names, a and this one; swap: that came first. */
static void digest(uint8_t out[VS_SHA256_SIZE], const char *name,
    const struct disk_stat *st, bool swap)
{
	struct roster r = { 0 };

	if (!swap)
		add(&r, "a", 1);
	assert_int_equal(roster_add(&r, name, st), VS_OK);
	if (swap)
		add(&r, "a", 1);
	assert_int_equal(roster_sort(&r), VS_OK);
	assert_int_equal(roster_digest(&r), VS_OK);
	memcpy(out, r.digest, VS_SHA256_SIZE);
	roster_release(&r);
}

/* The digest tells of all that the comparison looks at, and of no more. */
static void test_digest(void **state)
{
	static const struct disk_stat file = {
		.kind = VS_KIND_FILE,
		.size = 1,
		.mtime_ns = 2,
		.ctime_ns = 3,
		.born_ns = 4,
		.ino = 5,
		.folder = 6,
		.mode = 7,
	};
	uint8_t base[VS_SHA256_SIZE], other[VS_SHA256_SIZE];
	struct disk_stat st, dir = file;

	(void)state;
	dir.kind = VS_KIND_DIR;
#define DIGEST(like, member, value, differs) \
	do { \
		digest(base, "b", &(like), false); \
		st = (like); \
		st.member = (value); \
		digest(other, "b", &st, false); \
		assert_int_equal( \
		    memcmp(base, other, sizeof(base)) != 0, differs); \
	} while (0)
	DIGEST(file, kind, VS_KIND_SYMLINK, true);
	DIGEST(file, odd, true, true);
	DIGEST(file, size, 2, true);
	DIGEST(file, mtime_ns, 3, true);
	DIGEST(file, ctime_ns, 4, true);
	DIGEST(file, born_ns, 5, true);
	DIGEST(file, ino, 6, true);
	DIGEST(file, mode, 8, true);
	DIGEST(file, folder, 7, false);
	DIGEST(dir, ino, 6, true);
	DIGEST(dir, born_ns, 5, true);
	DIGEST(dir, mode, 8, true);
	DIGEST(dir, mtime_ns, 3, false);
	DIGEST(dir, ctime_ns, 4, false);
#undef DIGEST
	digest(base, "b", &file, false);
	digest(other, "b", &file, true);
	assert_memory_equal(base, other, sizeof(base));
	digest(other, "c", &file, false);
	assert_memory_not_equal(base, other, sizeof(base));
}

/* It is made anew for what came later, and of more names than fit a block. */
static void test_digest_again(void **state)
{
	uint8_t before[VS_SHA256_SIZE];
	struct roster r = { 0 };
	char name[300];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "%0255d", i);
		add(&r, name, i);
	}
	assert_int_equal(roster_digest(&r), VS_OK);
	memcpy(before, r.digest, sizeof(before));
	r.row[MANY - 1].stat.size++;
	r.digested = false;
	assert_int_equal(roster_digest(&r), VS_OK);
	assert_memory_not_equal(before, r.digest, sizeof(before));
	memcpy(before, r.digest, sizeof(before));
	add(&r, "z", 1);
	assert_int_equal(roster_digest(&r), VS_OK);
	assert_memory_not_equal(before, r.digest, sizeof(before));
	snprintf(name, sizeof(name), "%0256d", 1);
	add(&r, name, 1);
	assert_int_equal(roster_digest(&r), VS_ELIMIT);
	assert_false(r.digested);
	roster_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_reset_keeps_little),
		cmocka_unit_test(test_alike),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_digest_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
