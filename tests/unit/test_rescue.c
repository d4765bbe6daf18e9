/*
 * Damaged state databases (S7), in the simulator: the engine with its real
 * SQLite, the real service, a folder in memory.  Whatever is done to the
 * file, the engine opens it or makes it anew, everything converges, and the
 * log has no deletion.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "tests/sim/oracle.h"
#include "tests/sim/worldnet.h"

#define DB "agent.db"
#define WAL "agent.db-wal"
#define VERSION_AT 60 /* user_version in the header: four bytes */
#define FILES 60
#define SEEDS 80

struct day {
	struct world *w;
	struct oracle oracle;
	struct vs_rand rand;
};

static void save(struct world *w, const char *path, const char *text)
{
	struct memfs_node *n = memfs_open(w->fs, path);

	assert_non_null(n);
	memfs_truncate(w->fs, n, 0);
	memfs_write(w->fs, n, 0, text, strlen(text));
	memfs_close(w->fs, n);
}

static void fill(struct world *w)
{
	char path[32];

	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "d%d", i / 10);
		if (i % 10 == 0)
			memfs_mkdir(w->fs, path);
		snprintf(path, sizeof(path), "d%d/f%d", i / 10, i);
		save(w, path, path);
	}
}

static void begin(struct day *d, uint64_t seed)
{
	struct world_options o = {
		.seed = seed, .rot = true, .list_first = seed % 3 == 0
	};

	vs_rand_seed(&d->rand, seed);
	d->w = world_new(&o);
	assert_non_null(d->w);
	oracle_init(&d->oracle);
	assert_true(world_run(d->w, 2000));
	fill(d->w);
	assert_true(oracle_settle(d->w, true));
}

static int count(void *arg, const struct vs_change *row)
{
	(void)row;
	++*(int *)arg;
	return 0;
}

static void nobody(void *arg, int code, const struct engine_report *r)
{
	(void)arg;
	(void)code;
	(void)r;
}

/*
 * What nobody read since is found now; then there is time to mend it.  A bit
 * of a hash is nothing that SQLite knows of: reading the contents again does.
 */
static void read_all(struct day *d)
{
	int n = 0;

	if (d->w->engine != NULL) /* it counts by an index */
		json_decref(engine_status(d->w->engine, world_now(d->w)));
	if (d->w->engine != NULL)
		(void)engine_each(d->w->engine, count, &n, NULL);
	if (d->w->engine != NULL) /* it has an index of its own to read */
		json_decref(engine_status(d->w->engine, world_now(d->w)));
	world_poke(d->w);
	assert_true(world_run(d->w, 20000));
	if (d->w->engine != NULL)
		(void)engine_rescan(d->w->engine, "", true, nobody, NULL,
		    world_now(d->w), NULL);
	world_poke(d->w);
	assert_true(world_run(d->w, 20000));
}

/*
 * A flipped bit of a hash that had not been sent is sent: no check of SQLite's
 * sees it, and the log has one wrong content until the file is read again.
 * That is all that may go wrong.
 */
static void whole(struct day *d)
{
	read_all(d);
	if (!oracle_settle(d->w, true) ||
	    !oracle_compare(&d->oracle, d->w, true))
		if (strstr(d->w->failure, "content") == NULL ||
		    strstr(d->w->failure, "which it never had") == NULL)
			fail_msg(
			    "seed %d: %s", (int)d->w->o.seed, d->w->failure);
}

static void end(struct day *d, int64_t deletions)
{
	whole(d);
	assert_int_equal(vs_map_count(d->oracle.deletes), deletions);
	oracle_release(&d->oracle);
	world_free(d->w);
}

/* Flips a bit, not one of the version: that may be a newer program's. */
static void flip(struct day *d, const char *name)
{
	int64_t size = memvfs_size(d->w->agent_vfs, name);
	int64_t off;

	if (size <= 0)
		return;
	off = (int64_t)vs_rand_below(&d->rand, (uint64_t)size);
	if (strcmp(name, DB) == 0 && off >= VERSION_AT && off < VERSION_AT + 4)
		off = VERSION_AT + 4;
	memvfs_flip(d->w->agent_vfs, name, off);
}

static void zero(struct day *d, int64_t off, int64_t len)
{
	static const uint8_t nothing[4096];

	assert_true(len <= (int64_t)sizeof(nothing));
	memvfs_poke(d->w->agent_vfs, DB, off, nothing, (size_t)len);
}

static void rubbish(struct day *d, int64_t off, int64_t len)
{
	uint8_t bytes[4096];

	d->rand.bytes(&d->rand, bytes, sizeof(bytes));
	memvfs_poke(d->w->agent_vfs, DB, off, bytes, (size_t)len);
}

/* Killed, and yet next to nothing is in the log: pages count. */
static void kill_at_rest(struct day *d)
{
	world_stop_engine(d->w, 100);
	assert_true(world_run(d->w, 10000));
	world_crash_engine(d->w, false, 100);
}

/* One way to lose it; the engine is down. */
static void damage(struct day *d, int64_t size)
{
	uint64_t pages = size < 4096 ? 1 : (uint64_t)size / 4096;
	int64_t page = 4096 * (int64_t)vs_rand_below(&d->rand, pages);

	switch (vs_rand_below(&d->rand, 8)) {
	case 0:
		flip(d, DB);
		break;
	case 1:
		for (int i = 0; i < 200; i++)
			flip(d, DB);
		break;
	case 2:
		zero(d, page, 4096);
		break;
	case 3:
		rubbish(d, page > 0 ? page : 4096, 4096);
		break;
	case 4:
		memvfs_cut(d->w->agent_vfs, DB, page + 100);
		break;
	case 5:
		rubbish(d, 0, 60);
		break;
	case 6:
		memvfs_cut(d->w->agent_vfs, WAL, -1);
		break;
	default:
		for (int i = 0; i < 20; i++)
			flip(d, WAL);
		flip(d, DB);
		break;
	}
}

/*
 * After a kill, with the log beside it, or after a good end.  Its programs
 * go on writing, too.
 */
static int64_t one(uint64_t seed, bool killed)
{
	struct day d;
	int64_t rescues;

	begin(&d, seed);
	save(d.w, "d0/f1", "edited before");
	assert_true(world_run(d.w, killed ? 300 : 5000));
	if (killed && seed % 2 == 0)
		kill_at_rest(&d);
	else if (killed)
		world_crash_engine(d.w, false, 100);
	else
		world_stop_engine(d.w, 100);
	damage(&d, memvfs_size(d.w->agent_vfs, DB));
	save(d.w, "d1/f11", "edited while it was down");
	assert_true(world_run(d.w, 10000));
	save(d.w, "d2/f21", "edited afterwards");
	assert_true(world_run(d.w, 10000));
	rescues = d.w->stats.rescues;
	end(&d, 0);
	return rescues;
}

static void test_after_a_kill(void **state)
{
	int64_t rescues = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		rescues += one(seed, true);
	print_message("%d of %d were made anew\n", (int)rescues, SEEDS);
	assert_in_range(rescues, SEEDS / 6, SEEDS);
}

static void test_after_a_good_end(void **state)
{
	int64_t rescues = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		rescues += one(seed, false);
	print_message("%d of %d were made anew\n", (int)rescues, SEEDS);
	assert_in_range(rescues, SEEDS / 6, SEEDS);
}

/* While it runs: what is read again is found to be wrong then. */
static void test_while_it_runs(void **state)
{
	struct day d;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS / 4; seed++) {
		begin(&d, seed);
		for (int i = 0; i < 3; i++) {
			damage(&d, memvfs_size(d.w->agent_vfs, DB));
			save(d.w, "d3/f31", "edited meanwhile");
			assert_true(world_run(d.w, 60000));
		}
		world_crash_engine(d.w, false, 100);
		assert_true(world_run(d.w, 10000));
		end(&d, 0);
	}
}

/* What was paused, and which root it knew, is still so. */
static void test_single_values_survive(void **state)
{
	struct day d;
	json_t *status;

	(void)state;
	begin(&d, 7);
	assert_int_equal(engine_pause(d.w->engine, true, NULL), 0);
	kill_at_rest(&d);
	/* the last pages: entries and what is free, not the single values */
	for (int i = 1; i <= 8; i++)
		zero(&d, memvfs_size(d.w->agent_vfs, DB) - i * 4096, 4096);
	memdisk_show(d.w->disk, MEMDISK_COPY, false);
	assert_true(world_run(d.w, 10000));
	assert_int_equal(d.w->stats.rescues, 1);
	status = engine_status(d.w->engine, world_now(d.w));
	assert_string_equal(
	    json_string_value(json_object_get(status, "state")), "root_lost");
	json_decref(status);
	memdisk_show(d.w->disk, MEMDISK_HERE, false);
	assert_true(world_run(d.w, 10000));
	status = engine_status(d.w->engine, world_now(d.w));
	assert_string_equal(
	    json_string_value(json_object_get(status, "state")), "paused");
	assert_non_null(strstr(json_dumps(status, 0), "state_rebuilt"));
	json_decref(status);
	assert_int_equal(engine_pause(d.w->engine, false, NULL), 0);
	world_poke(d.w);
	end(&d, 0);
}

/* What went meanwhile is a difference like any other: held, then approved. */
static void test_what_is_missing_is_held(void **state)
{
	struct day d;
	char path[32];
	json_t *status;

	(void)state;
	begin(&d, 9);
	kill_at_rest(&d);
	/* several pages, because one may hold nothing any more */
	for (int i = 1; i <= 8; i++)
		zero(&d, memvfs_size(d.w->agent_vfs, DB) - i * 4096, 4096);
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "d%d/f%d", i / 10, i);
		memfs_unlink(d.w->fs, path);
	}
	assert_true(world_run(d.w, 60000));
	assert_int_equal(d.w->stats.rescues, 1);
	status = engine_status(d.w->engine, world_now(d.w));
	assert_int_equal(
	    json_integer_value(json_object_get(status, "held")), FILES);
	json_decref(status);
	end(&d, FILES); /* where a person approves */
}

static int quiet(void **state)
{
	(void)state;
	vs_log_setup((enum vs_log_level)0, VS_LOG_PLAIN);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_after_a_kill),
		cmocka_unit_test(test_after_a_good_end),
		cmocka_unit_test(test_while_it_runs),
		cmocka_unit_test(test_single_values_survive),
		cmocka_unit_test(test_what_is_missing_is_held),
	};

	return cmocka_run_group_tests(tests, quiet, NULL);
}
