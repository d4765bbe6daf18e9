/* New files that are listed together, beside the same one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/crop.h"
#include "agent/state/manifest.h"
#include "agent/state/outbox.h"
#include "agent/state/state.h"
#include "agent/state/state_sql.h"
#include "tests/unit/scratch.h"

#define DUMP 65536
#define NOW 1234

struct field {
	struct scratch *at;
	struct state one; /* path by path */
	struct state all; /* as a crop */
	struct roster names;
};

static int setup(void **state)
{
	struct field *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->at = scratch_new();
	assert_int_equal(
	    state_open(&f->one, scratch_at(f->at, "one.db"), NULL, NULL), 0);
	assert_int_equal(
	    state_open(&f->all, scratch_at(f->at, "all.db"), NULL, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct field *f = *state;

	state_close(&f->one);
	state_close(&f->all);
	roster_release(&f->names);
	scratch_free(f->at);
	free(f);
	return 0;
}

static void add_name(struct field *f, int i)
{
	struct disk_stat t = {
		.kind = VS_KIND_FILE,
		.size = 10 * i,
		.mtime_ns = 1000000999 + i,
		.ctime_ns = 2000000000 + i,
		.born_ns = 77,
		.ino = (uint64_t)(500 + i),
		.folder = 4242,
		.mode = 0600 + i % 8,
	};
	char name[32];

	snprintf(name, sizeof(name), "n\xc3\xa9-%03d", i);
	assert_int_equal(roster_add(&f->names, name, &t), 0);
}

static void put_one(struct field *f, const char *path, size_t i)
{
	struct manifest_row row = { .stat = f->names.row[i].stat };
	struct vs_change c = {
		.path = path,
		.op = VS_OP_UPDATE,
		.size = row.stat.size,
		.mtime_us = row.stat.mtime_ns / 1000,
		.has_mtime = true,
		.mode = row.stat.mode,
		.base_version = -1,
	};
	int op;

	row.stat.ino = 0;
	row.stat.born_ns = 0;
	assert_int_equal(manifest_put(&f->one, path, &row, NULL, NULL), 0);
	assert_int_equal(outbox_put(&f->one, &c, 0, NOW, &op, NULL), 0);
	assert_int_equal(op, VS_OP_CREATE);
}

/* All rows of table, their values quoted. */
static char *dump(const struct state *s, const char *table, const char *columns)
{
	char *out = calloc(1, DUMP);
	sqlite3_stmt *st;
	sqlite3 *db;
	char sql[256];
	size_t n = 0;

	assert_non_null(out);
	db = sqlite3_db_handle(vs_db_stmt(s->db, SQL_META_GET, NULL));
	snprintf(sql, sizeof(sql), "SELECT %s FROM %s", columns, table);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(st); i++) {
			const unsigned char *t = sqlite3_column_text(st, i);

			n += (size_t)snprintf(out + n, DUMP - n, "%d:%s|",
			    sqlite3_column_type(st, i),
			    t != NULL ? (const char *)t : "");
		}
		n += (size_t)snprintf(out + n, DUMP - n, "\n");
		assert_true(n < DUMP - 1);
	}
	sqlite3_finalize(st);
	return out;
}

static void same(struct field *f, const char *table, const char *columns)
{
	char *one = dump(&f->one, table, columns);
	char *all = dump(&f->all, table, columns);

	assert_true(one[0] != '\0');
	assert_string_equal(one, all);
	free(one);
	free(all);
}

/* count files in dir, every second one of the names. */
static void check(struct field *f, const char *dir, int count)
{
	struct crop c = { .dir = dir, .names = &f->names };
	char path[VS_PATH_MAX + 1];

	for (int i = 0; i < 2 * count; i++)
		add_name(f, i);
	for (size_t i = 1; i < f->names.count; i += 2) {
		snprintf(path, sizeof(path), "%s%s%s", dir,
		    dir[0] != '\0' ? "/" : "", roster_name(&f->names, i));
		put_one(f, path, i);
		c.at[c.count++] = i;
	}
	assert_int_equal(c.count, count);
	assert_int_equal(crop_put(&f->all, &c, NOW, NULL), 0);
	same(f, "entries", "*");
	same(f, "outbox", "id, " STATE_SQL_OUTROW);
	assert_int_equal(f->all.entries, f->one.entries);
	assert_int_equal(f->all.bytes, f->one.bytes);
	assert_int_equal(f->all.outbox_seq, f->one.outbox_seq);
	assert_true(f->all.counts_dirty);
}

static void test_each_size(void **state)
{
	static const int counts[] = { 1, 3, 4, 5, 31, 32, 37, CROP_MAX };
	char dir[32];

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		void *one = NULL;

		snprintf(dir, sizeof(dir), "a/b%zu", i);
		assert_int_equal(setup(&one), 0);
		check(one, dir, counts[i]);
		teardown(&one);
	}
	check(*state, "", 9);
}

/* One that is there already is a fault of the caller's, told as such. */
static void test_there_already(void **state)
{
	struct field *f = *state;
	struct manifest_row row = { .stat.kind = VS_KIND_FILE };
	struct crop c = { .dir = "", .names = &f->names, .count = 4 };

	for (int i = 0; i < 4; i++) {
		add_name(f, i);
		c.at[i] = (size_t)i;
	}
	assert_int_equal(
	    manifest_put(&f->all, roster_name(&f->names, 2), &row, NULL, NULL),
	    0);
	assert_int_equal(crop_put(&f->all, &c, NOW, NULL), VS_EEXIST);
	assert_int_equal(f->all.entries, 1);
}

/* The folder is not as it was sealed. */
static void test_unseals(void **state)
{
	static const uint8_t seal[VS_SHA256_SIZE] = { 7 };
	struct field *f = *state;
	struct manifest_row row = { .stat.kind = VS_KIND_FILE };
	struct crop c = { .dir = "d", .names = &f->names, .count = 1 };

	add_name(f, 1);
	assert_int_equal(manifest_put(&f->all, "d/x", &row, NULL, NULL), 0);
	assert_int_equal(manifest_seal(&f->all, "d", seal, NULL), 0);
	assert_int_equal(manifest_sealed(&f->all, "d", seal, NULL), 1);
	assert_int_equal(crop_put(&f->all, &c, NOW, NULL), 0);
	assert_int_equal(manifest_sealed(&f->all, "d", seal, NULL), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_each_size),
		TEST(test_there_already),
		TEST(test_unseals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
