/* What waits for the cloud: in which order it leaves, and how much it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/outbox.h"
#include "common/base/limits.h"
#include "tests/unit/scratch.h"

#define H1 "aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11"

struct box {
	struct scratch *at;
	struct state s;
	struct vs_batch_id id;
};

static int setup(void **state)
{
	struct box *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->at = scratch_new();
	assert_int_equal(
	    state_open(&b->s, scratch_at(b->at, "state.db"), NULL, NULL), 0);
	snprintf(b->id.epoch, sizeof(b->id.epoch), "e");
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;

	state_close(&b->s);
	scratch_free(b->at);
	free(b);
	return 0;
}

static void put(struct box *b, const char *path, enum vs_op op, unsigned how)
{
	struct vs_change c = {
		.path = path,
		.op = op,
		.hash = op != VS_OP_DELETE ? H1 : NULL,
		.size = 1,
		.mode = 0644,
		.base_version = -1,
	};
	int now;

	assert_int_equal(outbox_put(&b->s, &c, how, 1000, &now, NULL), 0);
}

/* The next batch: as many changes as it says, the body in out. */
static int freeze(struct box *b, int changes, struct vs_buf *out)
{
	struct outbox_limits limits = {
		.changes = changes,
		.bytes = VS_BATCH_BYTES,
		.deletes = true,
		.deferred = true,
	};
	int skipped, n;

	b->id.counter++;
	vs_buf_reset(out);
	assert_int_equal(vs_db_begin(b->s.db, NULL), 0);
	n = outbox_freeze(&b->s, "d", &b->id, &limits, out, &skipped, NULL);
	assert_true(n >= 0);
	assert_int_equal(vs_db_commit(b->s.db, NULL), 0);
	return n;
}

static int drop(void *arg, const struct outbox_flown *f, bool *done)
{
	int64_t *left = arg;

	*left += strncmp(f->c.path, "found", 5) == 0;
	*done = true;
	return 0;
}

/* The batch was taken; how many of it a scan had found. */
static int64_t taken(struct box *b)
{
	int64_t found = 0;

	assert_int_equal(vs_db_begin(b->s.db, NULL), 0);
	assert_int_equal(outbox_each_frozen(&b->s, drop, &found, NULL), 0);
	assert_int_equal(outbox_thaw(&b->s, NULL), 0);
	assert_int_equal(vs_db_commit(b->s.db, NULL), 0);
	return found;
}

static void find(struct box *b, int n)
{
	char path[40];

	assert_int_equal(vs_db_begin(b->s.db, NULL), 0);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "found-%06d", i);
		put(b, path, VS_OP_UPDATE, 0);
	}
	assert_int_equal(vs_db_commit(b->s.db, NULL), 0);
}

static void test_a_save_is_in_the_next_batch(void **state)
{
	struct box *b = *state;
	struct vs_buf body;

	vs_buf_init(&body, VS_BATCH_INFLATED);
	find(b, 50000);
	assert_int_equal(freeze(b, 500, &body), 500);
	put(b, "saved", VS_OP_UPDATE, OUTBOX_FRESH);
	put(b, "found-049999", VS_OP_UPDATE, OUTBOX_FRESH);
	assert_int_equal(taken(b), 500);
	assert_int_equal(freeze(b, 500, &body), 500);
	/* first of all, and with it what was found before and saved now */
	assert_non_null(strstr(
	    vs_buf_str(&body), "\"changes\":[{\"path\":\"found-049999\""));
	assert_non_null(strstr(vs_buf_str(&body), "{\"path\":\"saved\""));
	assert_int_equal(taken(b), 499);
	vs_buf_release(&body);
}

static void test_old_ones_are_not_starved(void **state)
{
	struct box *b = *state;
	struct vs_buf body;
	char path[40];
	int64_t found = 0, all;

	vs_buf_init(&body, VS_BATCH_INFLATED);
	find(b, 3000);
	for (int round = 0; round < 24; round++) {
		assert_int_equal(vs_db_begin(b->s.db, NULL), 0);
		for (int i = 0; i < 500; i++) {
			snprintf(path, sizeof(path), "busy-%d", i);
			put(b, path, VS_OP_UPDATE, OUTBOX_FRESH);
		}
		assert_int_equal(vs_db_commit(b->s.db, NULL), 0);
		assert_int_equal(freeze(b, 500, &body), 500);
		all = taken(b);
		assert_int_equal(all, 125);
		found += all;
	}
	assert_int_equal(found, 3000);
	/* one change at a time: each fourth is an old one */
	find(b, 100);
	found = 0;
	for (int i = 0; i < 40; i++) {
		put(b, "busy", VS_OP_UPDATE, OUTBOX_FRESH);
		put(b, "busier", VS_OP_UPDATE, OUTBOX_FRESH);
		assert_int_equal(freeze(b, 1, &body), 1);
		found += taken(b);
	}
	assert_int_equal(found, 10);
	vs_buf_release(&body);
}

/* Long without a network: a hundred changes of each of 400 paths. */
static void test_bounded_however_long(void **state)
{
	struct box *b = *state;
	struct vs_buf body;
	uint64_t x = 1;
	char path[40];
	int64_t all, held;

	vs_buf_init(&body, VS_BATCH_INFLATED);
	find(b, 500);
	assert_int_equal(freeze(b, 500, &body), 500); /* and never answered */
	for (int i = 0; i < 40000; i++) {
		x = x * 6364136223846793005U + 1442695040888963407U;
		snprintf(path, sizeof(path), "p-%d", (int)((x >> 33) % 400));
		if (i % 10000 == 0)
			assert_int_equal(vs_db_begin(b->s.db, NULL), 0);
		put(b, path, (x >> 60) < 4 ? VS_OP_DELETE : VS_OP_UPDATE,
		    (x >> 20) % 2 ? (unsigned)OUTBOX_FRESH : 0u);
		if (i % 10000 == 9999)
			assert_int_equal(vs_db_commit(b->s.db, NULL), 0);
	}
	assert_int_equal(outbox_count(&b->s, &all, &held, NULL), 0);
	assert_true(all <= 400 + 500);
	/* what the cloud never had and is gone again needs no row */
	assert_in_range(all, 500 + 240, 500 + 360);
	vs_buf_release(&body);
}

static int count_skipped(void *arg, const struct vs_change *c, struct vs_err *e)
{
	(void)c;
	(void)e;
	++*(int *)arg;
	return 0;
}

/* A server of files only gets files only. */
static void test_skips(void **state)
{
	struct box *b = *state;
	struct vs_change dir = { .path = "dir", .kind = VS_KIND_DIR };
	struct vs_change bare = { .path = "bare", .size = 9 };
	struct vs_change live = { .path = "live", .recording = true };
	int asked = 0, skipped = 0, op;
	struct outbox_limits limits = {
		.changes = 500,
		.bytes = VS_BATCH_BYTES,
		.skip = count_skipped,
		.arg = &asked,
	};
	struct vs_buf body;
	int64_t all, held;

	vs_buf_init(&body, VS_BATCH_INFLATED);
	put(b, "file", VS_OP_UPDATE, 0);
	assert_int_equal(outbox_put(&b->s, &dir, 0, 1, &op, NULL), 0);
	assert_int_equal(outbox_put(&b->s, &bare, 0, 1, &op, NULL), 0);
	assert_int_equal(outbox_put(&b->s, &live, 0, 1, &op, NULL), 0);
	b->id.counter = 1;
	assert_int_equal(outbox_announced(&b->s, "live", NULL), 1);
	assert_int_equal(outbox_announced(&b->s, "bare", NULL), 0);
	assert_int_equal(vs_db_begin(b->s.db, NULL), 0);
	assert_int_equal(
	    outbox_freeze(&b->s, "d", &b->id, &limits, &body, &skipped, NULL),
	    1);
	assert_int_equal(vs_db_commit(b->s.db, NULL), 0);
	assert_int_equal(skipped, 3);
	assert_int_equal(asked, 3);
	assert_int_equal(outbox_count(&b->s, &all, &held, NULL), 0);
	assert_int_equal(all, 1);
	vs_buf_release(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_a_save_is_in_the_next_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_old_ones_are_not_starved, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_bounded_however_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_skips, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
