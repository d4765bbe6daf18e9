/* Taken over together or path by path: what is known afterwards is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/acks.h"
#include "agent/state/manifest.h"
#include "agent/state/shadow.h"
#include "common/base/buf.h"
#include "common/base/hex.h"

#define NAMES 24
#define ROUNDS 400

/* Path by path, and together. */
struct twins {
	struct state one;
	struct state all;
	struct acks *acks;
	unsigned seed;
};

static int setup(void **state)
{
	struct twins *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	assert_int_equal(state_open(&t->one, ":memory:", NULL, NULL), 0);
	assert_int_equal(state_open(&t->all, ":memory:", NULL, NULL), 0);
	t->acks = acks_new();
	assert_non_null(t->acks);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct twins *t = *state;

	state_close(&t->one);
	state_close(&t->all);
	acks_free(t->acks);
	acks_free(NULL);
	free(t);
	return 0;
}

static bool chance(struct twins *t, int percent)
{
	return rand_r(&t->seed) % 100 < percent;
}

static void fill_change(struct vs_change *c, const char *path, int version,
    char hex[VS_HASH_HEX + 1])
{
	uint8_t hash[VS_SHA256_SIZE];

	memset(hash, version, sizeof(hash));
	vs_hex_encode(hex, hash, sizeof(hash));
	*c = (struct vs_change){ .path = path,
		.op = VS_OP_UPDATE,
		.kind = VS_KIND_FILE,
		.hash = hex,
		.size = version,
		.mtime_us = version,
		.has_mtime = true,
		.mode = 0644,
		.base_version = -1 };
}

static void put_row(struct twins *t, const char *path, int version, bool synced)
{
	struct manifest_row row = { .synced = synced };

	row.stat.kind = VS_KIND_FILE;
	row.stat.mode = 0644;
	row.stat.size = version;
	row.stat.mtime_ns = version * 1000;
	row.has_hash = true;
	memset(row.hash, version, sizeof(row.hash));
	assert_int_equal(manifest_put(&t->one, path, &row, NULL, NULL), 0);
	assert_int_equal(manifest_put(&t->all, path, &row, NULL, NULL), 0);
}

/* The cloud has that version of path. */
static void put_cloud(struct twins *t, const char *path, int version)
{
	char hex[VS_HASH_HEX + 1];
	struct vs_change c;

	fill_change(&c, path, version, hex);
	assert_int_equal(shadow_learn(&t->one, &c, NULL), 0);
	assert_int_equal(shadow_learn(&t->all, &c, NULL), 0);
}

/* Adds to both; one by one at once. */
static void take(struct twins *t, const struct vs_change *c, bool latest)
{
	assert_int_equal(acks_add(t->acks, c, latest, NULL), 0);
	assert_int_equal(shadow_ack(&t->one, c, latest, NULL), 0);
}

static void take_version(
    struct twins *t, const char *path, int version, bool latest)
{
	char hex[VS_HASH_HEX + 1];
	struct vs_change c;

	fill_change(&c, path, version, hex);
	c.recording = !latest && chance(t, 50);
	take(t, &c, latest || c.recording);
	memset(hex, 'x', sizeof(hex)); /* acks has copies */
}

static void take_delete(struct twins *t, const char *path, bool latest)
{
	struct vs_change c = { .path = path,
		.op = VS_OP_DELETE,
		.kind = VS_KIND_FILE,
		.mode = -1,
		.base_version = -1 };

	take(t, &c, latest);
}

struct dump {
	struct state *s;
	struct vs_buf b;
};

static int dump_row(void *arg, const char *path, const struct manifest_row *row)
{
	struct dump *d = arg;

	vs_buf_addf(&d->b, "row %s %lld %d\n", path, (long long)row->stat.size,
	    row->synced);
	return 0;
}

static int dump_shadow(void *arg, const char *path, enum vs_kind kind)
{
	struct dump *d = arg;
	struct shadow_row row;

	assert_int_equal(shadow_get(d->s, path, &row, NULL), 1);
	vs_buf_addf(&d->b, "shadow %s %d %lld %s %d %lld %d\n", path, kind,
	    (long long)row.size, row.hash, row.recording,
	    (long long)row.mtime_us, row.mode);
	return 0;
}

static void dump(struct dump *d, struct state *s)
{
	d->s = s;
	vs_buf_init(&d->b, 1 << 20);
	assert_int_equal(manifest_each(s, dump_row, d, NULL), 0);
	assert_int_equal(shadow_each(s, dump_shadow, d, NULL), 0);
	assert_int_equal(vs_buf_error(&d->b), 0);
}

static void settle_and_compare(struct twins *t)
{
	struct dump a, b;

	assert_int_equal(acks_settle(t->acks, &t->all, NULL), 0);
	dump(&a, &t->one);
	dump(&b, &t->all);
	assert_string_equal(vs_buf_str(&a.b), vs_buf_str(&b.b));
	vs_buf_release(&a.b);
	vs_buf_release(&b.b);
	assert_true(vs_tree_equal(&t->one.tree, &t->all.tree));
	assert_int_equal(t->one.cloud_files, t->all.cloud_files);
	assert_true(t->all.totals_dirty == t->one.totals_dirty);
}

/* What was there before: usual for what is to come, but for noise percent. */
static void prepare(struct twins *t, const char *path, bool gone, int noise)
{
	bool odd = chance(t, noise);

	if (gone ? !odd : chance(t, 30))
		put_cloud(t, path, 1);
	if (!gone ? !chance(t, noise / 2) : odd)
		put_row(t, path, odd ? 1 + rand_r(&t->seed) % 3 : 2,
		    odd && chance(t, 30));
}

/* A run of names in a folder, and what else is there. */
static void one_round(struct twins *t, int round, int noise)
{
	char old[64], new[64];
	bool both = chance(t, 50);
	bool gone = chance(t, 50);

	for (int i = 0; i < NAMES; i++) {
		snprintf(old, sizeof(old), "r%03d/%s/%02d", round,
		    chance(t, noise) ? "old/sub" : "old", i);
		snprintf(new, sizeof(new), "r%03d/new/%02d", round, i);
		if (both || gone)
			prepare(t, old, true, noise);
		if (both || !gone)
			prepare(t, new, false, noise);
		if (chance(t, noise))
			continue;
		if (both || !gone)
			take_version(t, new, 2, !chance(t, noise / 2));
		if (both || gone)
			take_delete(t, old, !chance(t, noise / 2));
	}
	settle_and_compare(t);
}

static void test_same_end(void **state)
{
	struct twins *t = *state;

	t->seed = 7;
	for (int i = 0; i < ROUNDS; i++)
		one_round(t, i, i % 4 == 0 ? 0 : i % 4);
	for (int i = ROUNDS; i < ROUNDS + ROUNDS / 4; i++)
		one_round(t, i, 40);
	assert_true(t->all.cloud_files > 0);
}

/* Folders are told apart, however alike their names. */
static void test_two_folders(void **state)
{
	struct twins *t = *state;
	char path[64];

	for (int f = 0; f < 2; f++)
		for (int i = 0; i < NAMES; i++) {
			snprintf(path, sizeof(path), "%s/%02d",
			    f == 0 ? "aa" : "ab", f * NAMES + i);
			put_row(t, path, 2, false);
			take_version(t, path, 2, true);
		}
	put_row(t, "aa/90", 2, false);
	settle_and_compare(t);
	assert_int_equal(t->all.tree.count, 2 * NAMES);
}

/* Among many others, whom nobody asked about, none is missed. */
static void test_crowd(void **state)
{
	struct twins *t = *state;
	char path[64];

	for (int i = 0; i < 10 * NAMES; i++) {
		snprintf(path, sizeof(path), "d/m%03d", i);
		put_cloud(t, path, 1);
		snprintf(path, sizeof(path), "e/m%03d", i);
		put_row(t, path, 1, false);
	}
	for (int i = 0; i < NAMES / 2; i++) {
		snprintf(path, sizeof(path), "%c/%c%02d",
		    i % 2 == 0 ? 'd' : 'e', i < NAMES / 4 ? 'a' : 'z', i);
		put_cloud(t, path, 1);
		put_row(t, path, 2, false);
		take_version(t, path, 2, true);
	}
	settle_and_compare(t);
	assert_int_equal(t->all.tree.count, 10 * NAMES + NAMES / 2);
}

/* The highest number of files was never more than there were. */
static void test_baseline(void **state)
{
	struct twins *t = *state;
	char path[64];

	for (int i = 0; i < NAMES; i++) {
		snprintf(path, sizeof(path), "old/%02d", i);
		put_cloud(t, path, 1);
	}
	assert_int_equal(t->all.baseline, NAMES);
	for (int i = 0; i < NAMES; i++) {
		snprintf(path, sizeof(path), "new/%02d", i);
		put_row(t, path, 1, false);
		take_version(t, path, 1, true);
		snprintf(path, sizeof(path), "old/%02d", i);
		take_delete(t, path, true);
	}
	settle_and_compare(t);
	assert_int_equal(t->all.cloud_files, NAMES);
	assert_int_equal(t->all.baseline, NAMES);
}

/* Nothing is nothing, and a name alone is enough. */
static void test_few(void **state)
{
	struct twins *t = *state;

	assert_int_equal(acks_settle(t->acks, &t->all, NULL), 0);
	put_row(t, "a", 2, false);
	take_version(t, "a", 2, true);
	settle_and_compare(t);
	put_cloud(t, "b", 1);
	take_delete(t, "b", true);
	settle_and_compare(t);
	assert_int_equal(t->all.tree.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_two_folders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_baseline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_few, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
