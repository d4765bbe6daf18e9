/* The member's copy of the tree: order of rows, seqs, checksum, listings. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/copies.h"
#include "agent/member/mirror.h"
#include "agent/member/mirror_sql.h"
#include "agent/member/pulls.h"
#include "tests/sim/memvfs.h"
#include "tests/sim/table.h"

struct scene {
	struct vs_rand rand;
	struct memvfs *vfs;
	struct mirror m;
};

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct vs_err err = VS_ERR_INIT;

	assert_non_null(s);
	vs_rand_seed(&s->rand, 3);
	s->vfs = memvfs_new("unit-mirror", &s->rand);
	assert_int_equal(mirror_open(&s->m, "m.db", "unit-mirror", &err), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	mirror_close(&s->m);
	memvfs_free(s->vfs);
	free(s);
	return 0;
}

static struct vs_listing_row row(const char *path, int64_t seq, int64_t size)
{
	const struct vs_listing_row r = {
		.c = { .path = path,
		    .op = VS_OP_UPDATE,
		    .kind = VS_KIND_FILE,
		    .hash = "abc",
		    .size = size,
		    .mode = 0644,
		    .base_version = -1 },
		.version = 1,
		.seq = seq,
	};

	return r;
}

static void put(struct scene *s, const char *path)
{
	struct vs_listing_row r = row(path, 1, 5);
	struct vs_err err = VS_ERR_INIT;
	size_t n = strlen(path);
	char name[64];

	if (path[n - 1] == '/') {
		(void)snprintf(name, sizeof(name), "%.*s", (int)n - 1, path);
		r.c.path = name;
		r.c.kind = VS_KIND_DIR;
		r.c.hash = NULL;
		r.c.size = 0;
	}
	assert_int_equal(mirror_apply(&s->m, &r, &err), 0);
}

static void apply(struct scene *s, struct vs_listing_row r)
{
	struct vs_err err = VS_ERR_INIT;

	assert_int_equal(mirror_apply(&s->m, &r, &err), 0);
}

/* Size of the row at path, -1 for none. */
static int64_t size_of(struct scene *s, const char *path)
{
	struct mirror_row *r = calloc(1, sizeof(*r));
	struct vs_err err = VS_ERR_INIT;
	int rc = mirror_get(&s->m, path, r, &err);
	int64_t size = rc == 1 ? r->size : -1;

	assert_true(rc >= 0);
	free(r);
	return size;
}

static void test_order_of_seqs(void **state)
{
	struct scene *s = *state;
	struct vs_listing_row gone = row("a", 7, 0);
	struct vs_err err = VS_ERR_INIT;

	apply(s, row("a", 5, 50));
	apply(s, row("a", 4, 40));
	assert_int_equal(size_of(s, "a"), 50);
	apply(s, row("a", 5, 51));
	assert_int_equal(size_of(s, "a"), 51);
	apply(s, row("a", 6, 60));
	assert_int_equal(size_of(s, "a"), 60);
	gone.deleted = true;
	gone.seq = 3;
	apply(s, gone);
	assert_int_equal(size_of(s, "a"), 60);
	gone.seq = 7;
	apply(s, gone);
	assert_int_equal(size_of(s, "a"), -1);
	apply(s, gone);
	assert_int_equal(s->m.tree.count, 0);
	/* another log's listing is right whatever its seqs */
	apply(s, row("a", 9, 90));
	gone = row("a", 2, 20);
	assert_int_equal(mirror_renew(&s->m, &gone, &err), 0);
	assert_int_equal(size_of(s, "a"), 20);
	assert_int_equal(s->m.tree.bytes, 20);
}

static void test_checksum(void **state)
{
	struct scene *s = *state;
	struct table t;
	struct table_row r = { .path = (char *)"dir/a",
		.kind = "file",
		.size = 5,
		.hash = "abc",
		.mtime_us = -1,
		.mode = -1 };
	struct table_row d = { .path = (char *)"dir",
		.kind = "directory",
		.mtime_us = -1,
		.mode = -1 };
	struct vs_tree want;
	struct vs_err err = VS_ERR_INIT;
	struct vs_listing_row gone = row("b", 9, 0);

	table_init(&t);
	put(s, "dir/");
	put(s, "dir/a");
	put(s, "b");
	gone.deleted = true;
	apply(s, gone);
	table_put(&t, &d);
	table_put(&t, &r);
	table_tree(&t, &want);
	assert_true(vs_tree_equal(&s->m.tree, &want));
	assert_int_equal(s->m.dirs, 1);
	/* it is kept over the end of the program */
	s->m.last_seq = 77;
	(void)snprintf(s->m.log_id, sizeof(s->m.log_id), "log");
	assert_int_equal(mirror_save(&s->m, &err), 0);
	mirror_close(&s->m);
	assert_int_equal(mirror_open(&s->m, "m.db", "unit-mirror", &err), 0);
	assert_true(vs_tree_equal(&s->m.tree, &want));
	assert_int_equal(s->m.tree.count, 2);
	assert_int_equal(s->m.dirs, 1);
	assert_int_equal(s->m.last_seq, 77);
	assert_string_equal(s->m.log_id, "log");
	table_release(&t);
}

static void test_fields(void **state)
{
	struct scene *s = *state;
	struct mirror_row *r = calloc(1, sizeof(*r));
	struct vs_listing_row in = row("link", 12, 4);
	struct vs_err err = VS_ERR_INIT;

	in.c.kind = VS_KIND_SYMLINK;
	in.c.link_target = "to/there";
	in.c.has_mtime = true;
	in.c.mtime_us = -5;
	in.c.mode = -1;
	in.version = 3;
	in.c.recording = true;
	apply(s, in);
	assert_int_equal(mirror_get(&s->m, "link", r, &err), 1);
	assert_int_equal(r->kind, VS_KIND_SYMLINK);
	assert_string_equal(r->target, "to/there");
	assert_true(r->has_mtime);
	assert_int_equal(r->mtime_us, -5);
	assert_int_equal(r->mode, -1);
	assert_int_equal(r->version, 3);
	assert_int_equal(r->seq, 12);
	assert_true(r->recording);
	apply(s, row("link", 13, 4));
	assert_int_equal(mirror_get(&s->m, "link", r, &err), 1);
	assert_int_equal(r->kind, VS_KIND_FILE);
	assert_false(r->has_mtime || r->recording);
	assert_string_equal(r->target, "");
	assert_int_equal(mirror_get(&s->m, "lin", r, &err), 0);
	free(r);
}

static void test_sweep(void **state)
{
	struct scene *s = *state;
	struct vs_err err = VS_ERR_INIT;
	char path[32], after[VS_PATH_MAX + 1] = "";
	int swept = 0, n;

	for (int i = 0; i < 1203; i++) {
		(void)snprintf(path, sizeof(path), "f%d", i);
		put(s, path);
	}
	s->m.gen++;
	put(s, "f7");
	put(s, "new");
	while ((n = mirror_sweep(&s->m, after, &err)) > 0)
		swept += n;
	assert_int_equal(n, 0);
	assert_int_equal(swept, 1202);
	assert_int_equal(s->m.tree.count, 2);
	assert_int_equal(s->m.tree.bytes, 10);
	assert_int_equal(size_of(s, "f7"), 5);
	assert_int_equal(size_of(s, "f8"), -1);
}

/* Paths in the order they come, with a blank behind each. */
struct listed {
	char text[1000];
	char last[VS_PATH_MAX + 1];
	int rows;
};

static int list_row(void *arg, const struct mirror_row *r)
{
	struct listed *l = arg;
	size_t n = strlen(l->text);

	(void)snprintf(l->text + n, sizeof(l->text) - n, "%s ", r->path);
	memcpy(l->last, r->path, sizeof(l->last));
	l->rows++;
	return 0;
}

/* Lists in pages of limit; children only, or all below. */
static void assert_listed(struct scene *s, const char *dir, bool children,
    int limit, const char *want)
{
	struct listed *l = calloc(1, sizeof(*l));
	struct vs_err err = VS_ERR_INIT;
	int rows;

	do {
		rows = l->rows;
		assert_int_equal(children ? mirror_children(&s->m, dir, l->last,
						limit, list_row, l, &err)
					  : mirror_each(&s->m, dir, l->last,
						limit, list_row, l, &err),
		    0);
		assert_true(l->rows - rows <= limit);
	} while (l->rows > rows);
	assert_string_equal(l->text, want);
	free(l);
}

static void test_listings(void **state)
{
	static const char *const paths[] = { "a", "dir/", "dir-x", "dir/b",
		"dir/sub/", "dir/sub/c", "dir/sub/d/", "dir/sub/d/e",
		"dir/sub-y", "dir/sub0", "dir/sub.z", "dir0", "dirt/", "dirt/f",
		"\xc3\xa9", "\xf0\x9f\x98\x80/", "\xf0\x9f\x98\x80/g", "z" };
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		put(s, paths[i]);
	for (int limit = 1; limit < 20; limit += 3) {
		assert_listed(s, "", true, limit,
		    "a dir dir-x dir0 dirt z \xc3\xa9 \xf0\x9f\x98\x80 ");
		assert_listed(s, "dir", true, limit,
		    "dir/b dir/sub dir/sub-y dir/sub.z dir/sub0 ");
		assert_listed(
		    s, "dir/sub", true, limit, "dir/sub/c dir/sub/d ");
		assert_listed(s, "dir/b", true, limit, "");
		assert_listed(s, "none", true, limit, "");
		assert_listed(s, "dir/sub", false, limit,
		    "dir/sub/c dir/sub/d dir/sub/d/e ");
		assert_listed(
		    s, "\xf0\x9f\x98\x80", false, limit, "\xf0\x9f\x98\x80/g ");
		assert_listed(s, "", false, limit,
		    "a dir dir-x dir/b dir/sub dir/sub-y dir/sub.z dir/sub/c "
		    "dir/sub/d dir/sub/d/e dir/sub0 dir0 dirt dirt/f z "
		    "\xc3\xa9 \xf0\x9f\x98\x80 \xf0\x9f\x98\x80/g ");
	}
}

static int stop_at(void *arg, const struct mirror_row *r)
{
	(void)r;
	return --*(int *)arg > 0 ? 0 : VS_ECANCELED;
}

static void test_stops(void **state)
{
	struct scene *s = *state;
	struct vs_err err = VS_ERR_INIT;
	int n = 2;

	put(s, "a");
	put(s, "b");
	put(s, "c");
	assert_int_equal(
	    mirror_each(&s->m, "", "", 9, stop_at, &n, &err), VS_ECANCELED);
	assert_int_equal(n, 0);
	n = 1;
	assert_int_equal(
	    mirror_children(&s->m, "", "", 9, stop_at, &n, &err), VS_ECANCELED);
}

static void test_local(void **state)
{
	struct scene *s = *state;
	struct vs_err err = VS_ERR_INIT;
	struct mirror_local l = { .hash = "abc",
		.stat = { .size = 9, .mtime_ns = 1, .ctime_ns = 2, .ino = 3 },
		.version = 4 };
	struct mirror_local back;
	int64_t files, bytes;

	assert_int_equal(mirror_local_get(&s->m, "a", &back, &err), 0);
	assert_int_equal(mirror_local_put(&s->m, "a", &l, 5, &err), 0);
	l.stat.ino = UINT64_MAX;
	l.stat.size = 11;
	assert_int_equal(mirror_local_put(&s->m, "b", &l, 5, &err), 0);
	assert_int_equal(mirror_local_put(&s->m, "b", &l, 6, &err), 0);
	assert_int_equal(mirror_local_get(&s->m, "b", &back, &err), 1);
	assert_true(back.stat.ino == UINT64_MAX);
	assert_int_equal(back.stat.mtime_ns, 1);
	assert_int_equal(back.stat.ctime_ns, 2);
	assert_int_equal(back.version, 4);
	assert_string_equal(back.hash, "abc");
	assert_int_equal(mirror_local_count(&s->m, &files, &bytes, &err), 0);
	assert_int_equal(files, 2);
	assert_int_equal(bytes, 20);
}

/* What is here and what is to come, as it is counted and as it is known. */
static void sums_are(
    struct mirror *m, int64_t files, int64_t bytes, int64_t pulls, int64_t left)
{
	struct vs_err err = VS_ERR_INIT;
	int64_t n, size;

	assert_int_equal(mirror_local_count(m, &n, &size, &err), 0);
	assert_int_equal(n, files);
	assert_int_equal(size, bytes);
	assert_int_equal(pulls_live_count(m, &n, &size, &err), 0);
	assert_int_equal(n, pulls);
	assert_int_equal(size, left);
}

/* A database from before there were sums has them, and they stay right. */
static void test_sums(void **state)
{
	struct scene *s = *state;
	struct vs_err err = VS_ERR_INIT;
	const struct vs_db_options old = { .path = "old.db",
		.vfs = "unit-mirror",
		.migrations = mirror_sql_migrations,
		.version = 3 };
	struct mirror_local local = { .stat = { .size = 70 } };
	struct mirror_row row = { .path = "p", .size = 50 };
	struct vs_db *db;
	struct pull *p = pulls_new("one", &row, false);

	assert_non_null(p);
	assert_int_equal(vs_db_open(&db, &old, &err), 0);
	assert_int_equal(vs_db_exec(db,
			     "INSERT INTO local VALUES('a','h',5,0,0,0,0,1,0),"
			     "('b','h',6,0,0,0,0,1,0)",
			     &err),
	    0);
	vs_db_close(db);
	mirror_close(&s->m);
	assert_int_equal(mirror_open(&s->m, "old.db", "unit-mirror", &err), 0);
	sums_are(&s->m, 2, 11, 0, 0);
	assert_int_equal(mirror_local_put(&s->m, "a", &local, 1, &err), 0);
	assert_int_equal(mirror_local_put(&s->m, "c", &local, 1, &err), 0);
	assert_int_equal(copies_drop(&s->m, "b", &err), 0);
	assert_int_equal(copies_drop(&s->m, "nothing", &err), 0);
	sums_are(&s->m, 2, 140, 0, 0);
	assert_int_equal(pulls_put(&s->m, p, 1, &err), 0);
	sums_are(&s->m, 2, 140, 1, 50);
	p->bytes = 20;
	assert_int_equal(pulls_put(&s->m, p, 1, &err), 0);
	sums_are(&s->m, 2, 140, 1, 30);
	p->state = PULL_CANCELLED;
	p->ended_ms = 5;
	assert_int_equal(pulls_put(&s->m, p, 1, &err), 0);
	sums_are(&s->m, 2, 140, 0, 0);
	assert_int_equal(pulls_forget(&s->m, 10, &err), 0);
	sums_are(&s->m, 2, 140, 0, 0);
	pulls_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define MIRROR_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		MIRROR_TEST(test_order_of_seqs),
		MIRROR_TEST(test_checksum),
		MIRROR_TEST(test_fields),
		MIRROR_TEST(test_sweep),
		MIRROR_TEST(test_listings),
		MIRROR_TEST(test_stops),
		MIRROR_TEST(test_local),
		MIRROR_TEST(test_sums),
#undef MIRROR_TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
