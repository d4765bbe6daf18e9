/* Rows of pulls: their moves, their bits, what is kept of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "agent/member/pulls.h"
#include "tests/sim/memvfs.h"

static void test_moves(void **state)
{
	static const enum pull_state all[] = { PULL_QUEUED, PULL_ASKED,
		PULL_FETCHING, PULL_VERIFYING, PULL_DONE, PULL_FAILED,
		PULL_CANCELLED };
	/* a row a state, in that order */
	static const char *const allowed[] = {
		"1111111",
		"1010011",
		"1001011",
		"1000111",
		"0000000",
		"0000000",
		"0000000",
	};

	(void)state;
	for (int i = 0; i < 7; i++)
		for (int j = 0; j < 7; j++)
			assert_int_equal(
			    pulls_move(all[i], all[j]), allowed[i][j] == '1');
}

static void test_bitmap(void **state)
{
	static const struct {
		int64_t size;
		int64_t chunks;
		int64_t last;
	} cases[] = {
		{ 0, 0, 0 },
		{ 1, 1, 1 },
		{ PULLS_CHUNK - 1, 1, PULLS_CHUNK - 1 },
		{ PULLS_CHUNK, 1, PULLS_CHUNK },
		{ PULLS_CHUNK + 1, 2, 1 },
		{ 8 * PULLS_CHUNK, 8, PULLS_CHUNK },
		{ 8 * PULLS_CHUNK + 5, 9, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mirror_row row = { .path = "a", .size = cases[i].size };
		struct pull *p = pulls_new("id", &row, false);
		int64_t n = cases[i].chunks;

		assert_non_null(p);
		assert_int_equal(pulls_chunks(p), n);
		if (n > 0)
			assert_int_equal(
			    pulls_chunk_len(p, n - 1), cases[i].last);
		for (int64_t c = n - 1; c >= 0; c--) {
			assert_false(pulls_has(p, c));
			pulls_mark(p, c);
			pulls_mark(p, c);
			assert_true(pulls_has(p, c));
			assert_true(c == 0 || !pulls_has(p, c - 1));
		}
		assert_int_equal(p->bytes, cases[i].size);
		pulls_clear(p);
		assert_int_equal(p->bytes, 0);
		assert_true(n == 0 || !pulls_has(p, n - 1));
		pulls_free(p);
	}
}

/* What is written is what is read. */
static void test_rows(void **state)
{
	struct mirror_row row = { .path = "dir/a",
		.hash = "abc",
		.size = 9 * PULLS_CHUNK,
		.has_mtime = true,
		.mtime_us = -77,
		.mode = 0640,
		.version = 12 };
	struct memvfs *vfs;
	struct vs_rand rand;
	struct vs_err err = VS_ERR_INIT;
	struct mirror m;
	struct pull *p = pulls_new("one", &row, true);
	struct pull *back = NULL;
	enum pull_state st;
	char id[40];

	(void)state;
	vs_rand_seed(&rand, 1);
	vfs = memvfs_new("unit-pulls", &rand);
	assert_int_equal(mirror_open(&m, "x.db", "unit-pulls", &err), 0);
	(void)snprintf(p->transfer, sizeof(p->transfer), "t");
	(void)snprintf(p->pin, sizeof(p->pin), "pin");
	(void)snprintf(p->error, sizeof(p->error), "why");
	(void)snprintf(p->out, sizeof(p->out), "/other");
	p->state = PULL_FETCHING;
	p->tries = 2;
	p->exit = 10;
	pulls_mark(p, 8);
	assert_int_equal(pulls_put(&m, p, 5, &err), 0);
	assert_int_equal(pulls_get(&m, "one", &back, &err), 1);
	assert_string_equal(back->path, "dir/a");
	assert_string_equal(back->hash, "abc");
	assert_int_equal(back->size, p->size);
	assert_true(back->has_mtime);
	assert_int_equal(back->mtime_us, -77);
	assert_int_equal(back->mode, 0640);
	assert_int_equal(back->version, 12);
	assert_int_equal(back->state, PULL_FETCHING);
	assert_int_equal(back->exit, 10);
	assert_string_equal(back->transfer, "t");
	assert_string_equal(back->pin, "pin");
	assert_string_equal(back->endpoints, "[]");
	assert_true(pulls_has(back, 8) && !pulls_has(back, 7));
	assert_int_equal(back->bytes, PULLS_CHUNK);
	assert_string_equal(back->error, "why");
	assert_int_equal(back->tries, 2);
	assert_true(back->force);
	assert_int_equal(back->ended_ms, 0);
	assert_string_equal(back->out, "/other");
	pulls_free(back);
	assert_int_equal(
	    pulls_of_path(&m, "/other", "dir/a", id, &st, &err), 1);
	assert_int_equal(st, PULL_FETCHING);
	assert_int_equal(pulls_of_path(&m, "", "dir/a", id, &st, &err), 0);
	p->has_mtime = false;
	p->state = PULL_FAILED;
	p->ended_ms = 100;
	assert_int_equal(pulls_put(&m, p, 6, &err), 0);
	assert_int_equal(pulls_get(&m, "one", &back, &err), 1);
	assert_false(back->has_mtime);
	pulls_free(back);
	assert_int_equal(pulls_forget(&m, 100, &err), 0);
	assert_int_equal(pulls_get(&m, "one", &back, &err), 1);
	pulls_free(back);
	assert_int_equal(pulls_forget(&m, 101, &err), 0);
	assert_int_equal(pulls_get(&m, "one", &back, &err), 0);
	pulls_free(p);
	mirror_close(&m);
	memvfs_free(vfs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_bitmap),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
