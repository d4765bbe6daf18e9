/* A folder's files that go together, in the database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/drove.h"
#include "agent/state/manifest.h"
#include "agent/state/outbox.h"
#include "agent/state/outrow.h"
#include "agent/state/shadow.h"
#include "agent/state/state_sql.h"
#include "tests/unit/scratch.h"

#define COUNT 120 /* more than manifest_each reads at once */

struct herd {
	struct scratch *at;
	struct state s;
	int seen;
	char last[VS_PATH_MAX + 1];
};

static int setup(void **state)
{
	struct herd *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	h->at = scratch_new();
	assert_int_equal(
	    state_open(&h->s, scratch_at(h->at, "state.db"), NULL, NULL), 0);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct herd *h = *state;

	state_close(&h->s);
	scratch_free(h->at);
	free(h);
	return 0;
}

/* A row that the cloud has, of a file with hash number n, or of a folder. */
static void add(struct herd *h, const char *path, int n)
{
	struct manifest_row row = { .synced = true };

	row.stat.kind = n < 0 ? VS_KIND_DIR : VS_KIND_FILE;
	row.stat.mode = 0644;
	row.stat.ino = (uint64_t)(n + 100);
	row.stat.size = n;
	row.has_hash = n >= 0;
	memset(row.hash, n, sizeof(row.hash));
	assert_int_equal(manifest_put(&h->s, path, &row, NULL, NULL), 0);
}

static void add_old(struct herd *h)
{
	char path[64];

	add(h, "old", -1);
	add(h, "new", -1);
	for (int i = 0; i < COUNT; i++) {
		snprintf(path, sizeof(path), "old/%03d", i);
		add(h, path, i);
	}
}

static int64_t move(struct herd *h, const char *stay)
{
	const struct disk_stat none = { 0 };
	struct drove d = {
		.from = "old", .to = "new", .first = "000", .last = "119"
	};
	int64_t went;

	if (stay != NULL)
		assert_int_equal(roster_add(&d.stay, stay, &none), 0);
	went = drove_move(&h->s, &d, false, 1000, NULL);
	roster_release(&d.stay);
	return went;
}

static int count(void *arg, const char *path, const struct manifest_row *row)
{
	struct herd *h = arg;

	assert_true(strcmp(path, h->last) != 0);
	if (row->stat.kind == VS_KIND_FILE) {
		assert_true(row->has_hash);
		assert_int_equal(row->hash[31], row->stat.size);
		assert_int_equal(row->stat.ino, row->stat.size + 100);
	}
	snprintf(h->last, sizeof(h->last), "%s", path);
	h->seen++;
	return 0;
}

/* Two numbers a file were given out, and just these are taken. */
static void test_numbers(void **state)
{
	struct herd *h = *state;
	int64_t lane, end, before;
	sqlite3_stmt *st;
	int n = 0;

	add_old(h);
	before = h->s.outbox_seq;
	assert_int_equal(move(h, NULL), COUNT);
	assert_int_equal(h->s.outbox_seq, before + 2 * COUNT);
	outrow_lane(OUTROW_UPSERT, OUTROW_SCAN, &lane, &end);
	st = vs_db_stmt(h->s.db, SQL_OUTBOX_READY, NULL);
	assert_int_equal(vs_db_bind(st, NULL, "ii", lane, end), 0);
	while (vs_db_step(h->s.db, st, NULL) == 1)
		assert_int_equal(
		    sqlite3_column_int64(st, 0), lane + before + 2 * n++ + 1);
	assert_int_equal(n, COUNT);
}

static void test_all(void **state)
{
	struct herd *h = *state;
	struct manifest_row row;
	struct shadow_row had;
	char path[64];

	add_old(h);
	assert_int_equal(move(h, NULL), COUNT);
	for (int i = 0; i < COUNT; i++) {
		snprintf(path, sizeof(path), "old/%03d", i);
		assert_int_equal(manifest_get(&h->s, path, &row, NULL), 0);
		assert_int_equal(shadow_get(&h->s, path, &had, NULL), 1);
		assert_int_equal(had.size, i);
		assert_int_equal(had.mode, 0644);
		snprintf(path, sizeof(path), "new/%03d", i);
		assert_int_equal(manifest_get(&h->s, path, &row, NULL), 1);
		assert_int_equal(row.hash[0], i);
		assert_false(row.synced);
		assert_int_equal(shadow_get(&h->s, path, &had, NULL), 0);
	}
	assert_int_equal(h->s.entries, COUNT + 2);
	assert_int_equal(manifest_each(&h->s, count, h, NULL), 0);
	assert_int_equal(h->seen, COUNT + 2);
}

/* What is below a folder that stays is found where it was. */
static void test_some_stay(void **state)
{
	struct herd *h = *state;
	struct manifest_row row;

	add_old(h);
	add(h, "old/055sub", -1);
	add(h, "old/055sub/a", 7);
	add(h, "old/055sub/deep", -1);
	add(h, "old/055sub/deep/b", 8);
	assert_int_equal(move(h, "055sub"), COUNT);
	assert_int_equal(manifest_get(&h->s, "old/055sub", &row, NULL), 1);
	assert_int_equal(
	    manifest_get(&h->s, "old/055sub/deep/b", &row, NULL), 1);
	assert_true(row.synced);
	assert_int_equal(manifest_get(&h->s, "new/055sub", &row, NULL), 0);
	assert_int_equal(manifest_get(&h->s, "new/055sub/a", &row, NULL), 0);
	assert_int_equal(manifest_get(&h->s, "new/055", &row, NULL), 1);
	/* the old path is another folder now, with rows of its own */
	add(h, "old/001", 1);
	assert_int_equal(manifest_get(&h->s, "new/001", &row, NULL), 1);
	assert_false(row.synced);
	assert_int_equal(manifest_get(&h->s, "old/001", &row, NULL), 1);
	assert_true(row.synced);
}

/* A folder that has rows is not replaced. */
static void test_taken(void **state)
{
	struct herd *h = *state;
	struct manifest_row row;

	add_old(h);
	add(h, "new/other", 3);
	assert_int_equal(move(h, NULL), 0);
	assert_int_equal(manifest_get(&h->s, "old/000", &row, NULL), 1);
	assert_int_equal(manifest_get(&h->s, "new/000", &row, NULL), 0);
	assert_int_equal(manifest_drop(&h->s, "new/other", &row, NULL), 0);
	assert_int_equal(move(h, NULL), COUNT);
}

/* A folder's seal is of what was at the old path. */
static void test_seal(void **state)
{
	static const uint8_t seal[VS_SHA256_SIZE] = { 1, 2, 3 };
	struct herd *h = *state;

	add_old(h);
	assert_int_equal(manifest_seal(&h->s, "old", seal, NULL), 0);
	assert_int_equal(manifest_sealed(&h->s, "old", seal, NULL), 1);
	assert_int_equal(move(h, "077"), COUNT - 1);
	assert_int_equal(manifest_sealed(&h->s, "new", seal, NULL), 0);
	assert_int_equal(manifest_sealed(&h->s, "old", seal, NULL), 0);
}

static int quiet(struct herd *h, const char *dir)
{
	return drove_is_quiet(&h->s, dir, "b", "d", NULL);
}

static void put(struct herd *h, const char *path)
{
	struct vs_change c = {
		.path = path, .size = 1, .mode = -1, .base_version = -1
	};
	int op;

	c.op = VS_OP_UPDATE;
	assert_int_equal(outbox_put(&h->s, &c, 0, 1000, &op, NULL), 0);
}

static void test_quiet_outbox(void **state)
{
	struct herd *h = *state;

	put(h, "a");
	put(h, "dir/a");
	put(h, "dir/dd");
	put(h, "dir.b");
	put(h, "e");
	assert_int_equal(quiet(h, "dir"), 1);
	assert_int_equal(drove_is_quiet(&h->s, "", "b", "d", NULL), 1);
	assert_int_equal(drove_is_quiet(&h->s, "", "b", "e", NULL), 0);
	put(h, "dir/c/deep");
	assert_int_equal(quiet(h, "dir"), 0);
	put(h, "x/b");
	assert_int_equal(quiet(h, "x"), 0);
	put(h, "y/d");
	assert_int_equal(quiet(h, "y"), 0);
}

static void test_quiet_flight(void **state)
{
	struct outbox_limits limits = {
		.changes = 10, .bytes = VS_BATCH_BYTES, .deletes = true
	};
	struct vs_batch_id id = { .counter = 1 };
	struct herd *h = *state;
	struct vs_buf body;
	int skipped;

	vs_buf_init(&body, 1 << 20);
	put(h, "dir/c");
	assert_int_equal(vs_db_begin(h->s.db, NULL), 0);
	assert_int_equal(
	    outbox_freeze(&h->s, "device", &id, &limits, &body, &skipped, NULL),
	    1);
	assert_int_equal(vs_db_commit(h->s.db, NULL), 0);
	assert_int_equal(quiet(h, "dir"), 0);
	vs_buf_release(&body);
}

static void test_quiet_shadow(void **state)
{
	struct vs_change c = { .path = "dir/c",
		.op = VS_OP_CREATE,
		.size = 1,
		.mode = 0644,
		.base_version = -1 };
	struct herd *h = *state;

	assert_int_equal(shadow_learn(&h->s, &c, NULL), 0);
	assert_int_equal(quiet(h, "dir"), 0);
	assert_int_equal(quiet(h, "other"), 1);
}

static void test_quiet_trouble(void **state)
{
	struct herd *h = *state;

	assert_int_equal(
	    vs_db_run(h->s.db, SQL_TROUBLE_PUT, NULL, "bbit",
		(const void *)"dir/c\xff", (size_t)6, (const void *)"dir",
		(size_t)3, (int64_t)0, "no UTF-8"),
	    0);
	assert_int_equal(quiet(h, "dir"), 0);
	assert_int_equal(quiet(h, "other"), 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_all),
		TEST(test_numbers),
		TEST(test_some_stay),
		TEST(test_taken),
		TEST(test_seal),
		TEST(test_quiet_outbox),
		TEST(test_quiet_flight),
		TEST(test_quiet_shadow),
		TEST(test_quiet_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
