#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "cloud/service/merge.h"

#define H1 "1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "2222222222222222222222222222222222222222222222222222222222222222"

struct box {
	struct store_project head;
	struct merge m;
};

static void box_init(struct box *b)
{
	memset(b, 0, sizeof(*b));
	assert_int_equal(merge_init(&b->m, &b->head, "ada", 5000), VS_OK);
}

static struct vs_change put(const char *path, const char *hash)
{
	const struct vs_change c = { .path = path,
		.op = VS_OP_CREATE,
		.kind = VS_KIND_FILE,
		.hash = hash,
		.size = 10,
		.mtime_us = 77,
		.has_mtime = true,
		.mode = -1,
		.base_version = -1 };

	return c;
}

static struct vs_change gone(const char *path)
{
	const struct vs_change c = {
		.path = path, .op = VS_OP_DELETE, .mode = -1, .base_version = -1
	};

	return c;
}

static struct merge_verdict apply(struct box *b, struct vs_change c)
{
	struct merge_verdict v;

	assert_int_equal(merge_want(&b->m, c.path), VS_OK);
	merge_change(&b->m, &c, &v);
	return v;
}

static bool renamed(struct box *b, const char *from, const char *hash)
{
	struct vs_change c = put("new name", hash);

	c.renamed_from = from;
	return merge_rename(&b->m, &c);
}

static void test_create(void **state)
{
	struct merge_verdict v;
	struct box b;

	(void)state;
	box_init(&b);
	v = apply(&b, put("a", H1));
	assert_int_equal(v.outcome, MERGE_DONE);
	assert_true(v.logged);
	assert_int_equal(v.seq, 1);
	assert_int_equal(v.version, 1);
	assert_int_equal(b.head.last_seq, 1);
	assert_int_equal(b.head.files, 1);
	assert_int_equal(b.head.baseline, 1);
	assert_int_equal(b.head.tree.count, 1);
	assert_int_equal(b.head.tree.bytes, 10);
	assert_int_equal(b.m.slots[0]->row.created_ms, 5000);
	assert_int_equal(b.m.slots[0]->row.stamp_us, 5000000);
	assert_true(b.m.slots[0]->dirty);
	merge_release(&b.m);
}

static void test_nothing_changes(void **state)
{
	struct vs_change c = put("a", H1);
	struct merge_verdict v;
	struct box b;

	(void)state;
	box_init(&b);
	(void)apply(&b, c);
	c.op = VS_OP_UPDATE;
	v = apply(&b, c);
	assert_false(v.logged);
	assert_int_equal(v.seq, 1);
	/* what is not said stays */
	c.has_mtime = false;
	assert_false(apply(&b, c).logged);
	merge_release(&b.m);
}

static void test_versions(void **state)
{
	struct vs_change c = put("a", H1);
	struct merge_verdict v;
	struct box b;

	(void)state;
	box_init(&b);
	(void)apply(&b, c);
	c.mtime_us = 78;
	v = apply(&b, c);
	assert_true(v.logged);
	assert_int_equal(v.version, 1);
	c.mode = 0644;
	v = apply(&b, c);
	assert_true(v.logged);
	assert_int_equal(v.version, 1);
	c.hash = H2;
	assert_int_equal(apply(&b, c).version, 2);
	c.recording = true;
	c.hash = NULL;
	assert_int_equal(apply(&b, c).version, 3);
	c.recording = false;
	c.hash = H2;
	v = apply(&b, c);
	assert_int_equal(v.version, 4);
	assert_int_equal(v.seq, 6);
	assert_int_equal(b.head.tree.count, 1);
	merge_release(&b.m);
}

/* Each field is compared: a change of any one of them is an event. */
static void test_every_field_counts(void **state)
{
	struct vs_change c = put("a", H1);
	struct box b;

	(void)state;
	box_init(&b);
	(void)apply(&b, c);
	c.size = 11;
	assert_true(apply(&b, c).logged);
	c.recording = true;
	assert_true(apply(&b, c).logged);
	c.mode = 0600;
	assert_true(apply(&b, c).logged);
	c.kind = VS_KIND_SYMLINK;
	c.link_target = "x";
	assert_true(apply(&b, c).logged);
	c.link_target = "y";
	assert_true(apply(&b, c).logged);
	c.kind = VS_KIND_DIR;
	c.link_target = NULL;
	assert_true(apply(&b, c).logged);
	assert_false(apply(&b, c).logged);
	assert_int_equal(b.head.files, 0);
	assert_int_equal(b.head.tree.count, 1);
	merge_release(&b.m);
}

static void test_delete_and_revive(void **state)
{
	struct merge_verdict v;
	struct box b;

	(void)state;
	box_init(&b);
	v = apply(&b, gone("a"));
	assert_int_equal(v.outcome, MERGE_DONE);
	assert_false(v.logged);
	assert_int_equal(v.seq, 0);
	(void)apply(&b, put("a", H1));
	v = apply(&b, gone("a"));
	assert_true(v.logged);
	assert_int_equal(v.seq, 2);
	assert_int_equal(v.version, 1);
	assert_true(b.m.slots[0]->row.deleted);
	assert_string_equal(b.m.slots[0]->row.deleted_by, "ada");
	assert_int_equal(b.head.tree.count, 0);
	assert_int_equal(b.head.tree.bytes, 0);
	/* again: nothing, with the row's seq */
	v = apply(&b, gone("a"));
	assert_false(v.logged);
	assert_int_equal(v.seq, 2);
	/* the same content comes back: an event, the version stays */
	v = apply(&b, put("a", H1));
	assert_true(v.logged);
	assert_int_equal(v.seq, 3);
	assert_int_equal(v.version, 1);
	assert_false(b.m.slots[0]->row.deleted);
	assert_null(b.m.slots[0]->row.deleted_by);
	assert_int_equal(b.head.baseline, 1);
	merge_release(&b.m);
}

static void test_base_version(void **state)
{
	struct vs_change c = put("a", H1);
	struct merge_verdict v;
	struct box b;

	(void)state;
	box_init(&b);
	c.base_version = 1;
	v = apply(&b, c);
	assert_int_equal(v.outcome, MERGE_CONFLICT);
	assert_int_equal(v.version, 0);
	assert_false(v.slot->known);
	c.base_version = 0;
	assert_int_equal(apply(&b, c).outcome, MERGE_DONE);
	assert_int_equal(apply(&b, c).outcome, MERGE_CONFLICT);
	c.base_version = 1;
	c.hash = H2;
	assert_int_equal(apply(&b, c).version, 2);
	c = gone("a");
	c.base_version = 1;
	v = apply(&b, c);
	assert_int_equal(v.outcome, MERGE_CONFLICT);
	assert_int_equal(v.version, 2);
	assert_false(b.m.slots[0]->row.deleted);
	c.base_version = 2;
	assert_true(apply(&b, c).logged);
	/* deleted: "not there", or as it was */
	c = put("a", H1);
	c.base_version = 0;
	assert_true(apply(&b, c).logged);
	assert_int_equal(b.head.last_seq, 4);
	merge_release(&b.m);
}

/* Stamps rise also when the clock stands still or goes back. */
static void test_stamps_rise(void **state)
{
	struct box b;
	int64_t last = 0;
	char name[8][16];
	size_t i;

	(void)state;
	box_init(&b);
	for (i = 0; i < 8; i++) {
		(void)snprintf(name[i], sizeof(name[i]), "f%zu", i);
		b.m.wall_ms = i < 4 ? 5000 : 10;
		(void)apply(&b, put(name[i], H1));
		assert_true(b.m.slots[i]->row.stamp_us > last);
		last = b.m.slots[i]->row.stamp_us;
	}
	assert_int_equal(b.head.stamp_us, last);
	merge_release(&b.m);
}

/* A project of n files in memory, named by number. */
static void fill(struct box *b, char names[][16], int n)
{
	int i;

	box_init(b);
	for (i = 0; i < n; i++) {
		(void)snprintf(names[i], 16, "f%d", i);
		(void)apply(b, put(names[i], H1));
	}
}

static void test_hold(void **state)
{
	static char names[400][16];
	struct merge_verdict v;
	struct box b;
	int i, held = 0;

	(void)state;
	fill(&b, names, 400);
	for (i = 0; i < 150; i++) {
		v = apply(&b, gone(names[i]));
		held += v.outcome == MERGE_HELD;
		assert_true(v.outcome == (i < 100 ? MERGE_DONE : MERGE_HELD));
	}
	assert_int_equal(held, 50);
	assert_int_equal(b.head.files, 300);
	assert_int_equal(b.head.last_seq, 500);
	assert_true(b.m.slots[100]->hold_new);
	assert_false(b.m.slots[99]->hold_new);
	/* an upsert, even one that changes nothing, takes it back */
	v = apply(&b, put(names[100], H1));
	assert_false(v.logged);
	assert_false(b.m.slots[100]->hold_new);
	/* what is approved needs no budget */
	b.m.approved = true;
	assert_true(apply(&b, gone(names[101])).logged);
	assert_false(b.m.slots[101]->hold_new);
	merge_release(&b.m);
}

/* Years of churn: as long as the number is kept up, nothing is held. */
static void test_churn_is_free(void **state)
{
	static char names[400][16];
	struct box b;
	int i, round;

	(void)state;
	fill(&b, names, 400);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 90; i++)
			assert_int_equal(
			    apply(&b, gone(names[i])).outcome, MERGE_DONE);
		for (i = 0; i < 90; i++)
			(void)apply(&b, put(names[i], H2));
	}
	assert_int_equal(b.head.files, 400);
	assert_int_equal(b.head.baseline, 400);
	merge_release(&b.m);
}

static void test_renames_and_directories_are_free(void **state)
{
	static char names[400][16];
	struct vs_change c;
	struct box b;
	int i;

	(void)state;
	fill(&b, names, 400);
	for (i = 0; i < 100; i++)
		(void)apply(&b, gone(names[i]));
	assert_int_equal(apply(&b, gone(names[100])).outcome, MERGE_HELD);
	assert_true(renamed(&b, names[101], H1));
	assert_false(renamed(&b, "unknown", H1));
	assert_false(renamed(&b, NULL, H1));
	assert_false(renamed(&b, names[0], H1)); /* gone already */
	assert_false(renamed(&b, names[102], H2)); /* another content */
	assert_true(apply(&b, gone(names[101])).logged);
	assert_int_equal(apply(&b, gone(names[102])).outcome, MERGE_HELD);
	c = put("dir", NULL);
	c.kind = VS_KIND_DIR;
	c.size = 0;
	(void)apply(&b, c);
	assert_true(apply(&b, gone("dir")).logged);
	merge_release(&b.m);
}

/* All new names first, then all old ones: the budget is as it was. */
static void test_renames_leave_the_budget(void **state)
{
	static char names[400][16], moved[200][16];
	struct box b;
	int i;

	(void)state;
	fill(&b, names, 400);
	for (i = 0; i < 200; i++) {
		(void)snprintf(moved[i], sizeof(moved[i]), "m%d", i);
		(void)apply(&b, put(moved[i], H1));
		assert_true(renamed(&b, names[i], H1));
	}
	assert_int_equal(b.head.baseline, 600);
	for (i = 0; i < 200; i++)
		assert_true(apply(&b, gone(names[i])).logged);
	assert_int_equal(b.head.files, 400);
	assert_int_equal(b.head.baseline, 400);
	for (i = 0; i < 100; i++)
		assert_true(apply(&b, gone(moved[i])).logged);
	assert_int_equal(apply(&b, gone(moved[100])).outcome, MERGE_HELD);
	merge_release(&b.m);
}

static void test_load(void **state)
{
	struct store_file f = { .path = "a",
		.hash = H1,
		.size = 10,
		.has_mtime = true,
		.mtime_us = 77,
		.mode = -1,
		.version = 4,
		.seq = 9,
		.created_ms = 1,
		.stamp_us = 2,
		.hold_id = "some hold" };
	struct merge_verdict v;
	char hash[65] = H1;
	struct box b;

	(void)state;
	box_init(&b);
	b.head.last_seq = 9;
	b.head.files = 1;
	assert_int_equal(merge_want(&b.m, "a"), VS_OK);
	assert_int_equal(merge_want(&b.m, "a"), VS_OK);
	assert_int_equal(b.m.count, 1);
	f.hash = hash;
	assert_int_equal(merge_load(&b.m, &f), VS_OK);
	memset(hash, 'x', 64); /* it was copied */
	v = apply(&b, put("a", H1));
	assert_false(v.logged);
	assert_int_equal(v.seq, 9);
	assert_int_equal(v.version, 4);
	assert_true(b.m.slots[0]->hold_cut);
	v = apply(&b, put("a", H2));
	assert_int_equal(v.seq, 10);
	assert_int_equal(v.version, 5);
	assert_int_equal(b.m.slots[0]->row.created_ms, 1);
	merge_release(&b.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_nothing_changes),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_every_field_counts),
		cmocka_unit_test(test_delete_and_revive),
		cmocka_unit_test(test_base_version),
		cmocka_unit_test(test_stamps_rise),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_churn_is_free),
		cmocka_unit_test(test_renames_and_directories_are_free),
		cmocka_unit_test(test_renames_leave_the_budget),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
