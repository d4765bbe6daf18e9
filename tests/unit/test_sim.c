/*
 * Bad days, one at a time, in the simulator: those that were found to hurt
 * keep their name here, and root loss is tried at every moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "tests/sim/oracle.h"
#include "tests/sim/worldnet.h"

struct day {
	struct world *w;
	struct oracle oracle;
};

static void day_begin(struct day *d, const struct world_options *o)
{
	d->w = world_new(o);
	assert_non_null(d->w);
	oracle_init(&d->oracle);
	assert_true(world_run(d->w, 2000));
	assert_true(oracle_settle(d->w, true));
}

/* All must be well now; returns how many deletions the log has. */
static int64_t day_end(struct day *d)
{
	int64_t deletions = 0;

	if (!oracle_settle(d->w, true) ||
	    !oracle_compare(&d->oracle, d->w, true))
		fail_msg("seed %d: %s", (int)d->w->o.seed, d->w->failure);
	deletions = d->oracle.seq - (int64_t)d->oracle.replay.n;
	oracle_release(&d->oracle);
	world_free(d->w);
	return deletions;
}

static void save(struct world *w, const char *path, const char *text)
{
	struct memfs_node *n = memfs_open(w->fs, path);

	assert_non_null(n);
	memfs_truncate(w->fs, n, 0);
	memfs_write(w->fs, n, 0, text, strlen(text));
	memfs_close(w->fs, n);
}

/* Folders d0 to d4 with four files each. */
static void fill(struct world *w)
{
	char path[32];

	for (int i = 0; i < 25; i++) {
		snprintf(path, sizeof(path), "d%d", i / 5);
		if (i % 5 == 0) {
			memfs_mkdir(w->fs, path);
			continue;
		}
		snprintf(path, sizeof(path), "d%d/f%d", i / 5, i);
		save(w, path, path);
	}
}

static void nobody(void *arg, int code, const struct engine_report *r)
{
	(void)arg;
	(void)code;
	(void)r;
}

static void scan(struct world *w)
{
	engine_rescan(w->engine, "", false, nobody, NULL, world_now(w), NULL);
	world_poke(w);
}

/* Two saves of one size within a tick of a slow clock, a scan between. */
static void test_two_saves_in_a_tick(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct world_options o = { .seed = seed, .coarse = true };
		struct day d;

		day_begin(&d, &o);
		world_run(d.w, (int64_t)(seed % 4));
		d.w->hash_ms = 0;
		d.w->hint_ms = seed % 2 ? 0 : 30;
		save(d.w, "a", "12345");
		scan(d.w);
		world_run(d.w, 1 + (int64_t)(seed % 3));
		save(d.w, "a", "54321");
		world_run(d.w, 10000);
		day_end(&d);
	}
}

/* A folder changes places with another while a file in it is read. */
static void test_folders_swap_under_a_hash(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct world_options o = { .seed = seed };
		struct day d;

		day_begin(&d, &o);
		d.w->hash_ms = 800;
		assert_true(memfs_mkdir(d.w->fs, "a"));
		assert_true(memfs_mkdir(d.w->fs, "b"));
		save(d.w, "b/y", "y");
		world_run(d.w, 1000);
		save(d.w, "a/x", "x");
		world_run(d.w, 60 + (int64_t)seed * 3);
		assert_true(memfs_rename(d.w->fs, "a", "t"));
		assert_true(memfs_rename(d.w->fs, "b", "a"));
		assert_true(memfs_rename(d.w->fs, "t", "b"));
		world_run(d.w, 10000);
		/* no scan: the watcher has told all of it */
		assert_true(oracle_settle(d.w, false));
		if (!oracle_compare(&d.oracle, d.w, false))
			fail_msg("seed %d: %s", (int)seed, d.w->failure);
		day_end(&d);
	}
}

/* Each fate of a request, for a batch of one and for one of many. */
static void test_every_fate(void **state)
{
	(void)state;
	for (int fate = WORLD_SERVED; fate < WORLD_UNAUTHORIZED; fate++) {
		for (int times = 1; times <= 9; times += 4) {
			struct world_options o = { .seed = 1 };
			struct day d;

			day_begin(&d, &o);
			d.w->net.force = (enum world_fate)fate;
			d.w->net.forced = times;
			if (times > 1)
				fill(d.w);
			save(d.w, "alone", "x");
			world_run(d.w, 5000);
			save(d.w, "later", "y");
			assert_int_equal(day_end(&d), 0);
		}
	}
}

/* The root is lost at after ms of a scan, for some ms. */
static int64_t root_lost(uint64_t seed, enum memdisk_shown what, int64_t after,
    int64_t some, bool noisy)
{
	struct world_options o = { .seed = seed };
	struct day d;

	day_begin(&d, &o);
	fill(d.w);
	assert_true(oracle_settle(d.w, true));
	scan(d.w);
	world_run(d.w, after);
	memdisk_show(d.w->disk, what, noisy);
	world_run(d.w, some);
	memdisk_show(d.w->disk, MEMDISK_HERE, false);
	world_run(d.w, 30000);
	return day_end(&d);
}

static void test_root_lost_for_any_time(void **state)
{
	static const int64_t times[] = { 1, 2, 3, 5, 8, 100, 20000 };

	(void)state;
	for (int what = MEMDISK_GONE; what < MEMDISK_SHOWN; what++)
		for (int64_t after = 0; after < 8; after++)
			for (size_t i = 0; i < sizeof(times) / sizeof(*times);
			     i++)
				for (int noisy = 0; noisy < 2; noisy++)
					assert_int_equal(
					    root_lost((uint64_t)after + 1,
						(enum memdisk_shown)what, after,
						times[i], noisy),
					    0);
}

/* The agent starts while the disk is not mounted. */
static void test_root_absent_at_start(void **state)
{
	(void)state;
	for (int what = MEMDISK_GONE; what < MEMDISK_SHOWN; what++) {
		struct world_options o = { .seed = 3 };
		struct day d;

		day_begin(&d, &o);
		fill(d.w);
		assert_true(oracle_settle(d.w, true));
		world_crash_engine(d.w, true, 100);
		memdisk_show(d.w->disk, (enum memdisk_shown)what, false);
		world_run(d.w, 60000);
		memdisk_show(d.w->disk, MEMDISK_HERE, false);
		world_run(d.w, 60000);
		assert_int_equal(day_end(&d), 0);
	}
}

/* All is deleted, and a person says yes. */
static void test_all_deleted(void **state)
{
	struct world_options o = { .seed = 4 };
	struct day d;

	(void)state;
	day_begin(&d, &o);
	fill(d.w);
	assert_true(oracle_settle(d.w, true));
	for (int i = 0; i < 5; i++) {
		char path[8];

		snprintf(path, sizeof(path), "d%d", i);
		assert_true(memfs_rmtree(d.w->fs, path));
	}
	world_run(d.w, 60000);
	assert_true(oracle_follow(&d.oracle, d.w, true));
	assert_true(d.oracle.replay.n > 0); /* held so far */
	assert_true(day_end(&d) > 0);
}

/*
 * An old cloud is put back while a change waits: a barrier holds until what
 * the comparison finds is in the log as well.
 */
static void test_barrier_waits_for_repair(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct world_options o = { .seed = seed };
		struct dbcopy *copy;
		struct day d;
		char path[32];

		day_begin(&d, &o);
		fill(d.w);
		assert_true(oracle_settle(d.w, true));
		copy = cloudside_save();
		assert_non_null(copy);
		/* more than a batch holds */
		for (int i = 0; i < VS_BATCH_CHANGES + 100; i++) {
			snprintf(path, sizeof(path), "d1/more%d", i);
			save(d.w, path, path);
		}
		assert_true(oracle_settle(d.w, true));
		assert_true(oracle_follow(&d.oracle, d.w, true));
		world_restore_cloud(d.w, copy, 500);
		d.w->net.delay_ms = 2000;
		save(d.w, "a", "x");
		world_run(d.w, 1000);
		assert_true(oracle_settle(d.w, false));
		if (!oracle_compare(&d.oracle, d.w, false))
			fail_msg("seed %d: %s", (int)seed, d.w->failure);
		dbcopy_free(copy);
		day_end(&d);
	}
}

/*
 * The state is lost while somebody writes one file and another folder cannot
 * be read: what is not known anew yet is not deleted.
 */
static void test_state_lost(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world_options o = { .seed = seed };
		struct memfs_node *writer, *shut;
		struct day d;

		day_begin(&d, &o);
		fill(d.w);
		assert_true(oracle_settle(d.w, true));
		writer = memfs_open(d.w->fs, "d0/f1");
		memfs_write(d.w->fs, writer, 0, "take two", 8);
		shut = memfs_at(d.w->fs, "d2", NULL);
		shut->unreadable = true;
		world_replace_state(d.w, NULL, 100);
		world_run(d.w, 60000);
		shut->unreadable = false;
		memfs_close(d.w->fs, writer);
		/* two events: that it is written, and what was written */
		assert_int_equal(day_end(&d), 2);
	}
}

/*
 * An old state is put back while no folder can be listed: what it says of
 * the disk is told to nobody until a scan has been there.
 */
static void test_old_state_unread(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world_options o = { .seed = seed };
		struct memdisk_faults blind = { .list_io = 1000 };
		struct dbcopy *copy;
		struct day d;

		day_begin(&d, &o);
		fill(d.w);
		assert_true(oracle_settle(d.w, true));
		copy = dbcopy_save("agent.db", "sim-agent");
		assert_non_null(copy);
		assert_true(memfs_unlink(d.w->fs, "d0/f1"));
		assert_true(oracle_settle(d.w, true));
		memdisk_set_faults(d.w->disk, &blind);
		world_replace_state(d.w, copy, 100);
		save(d.w, "new", "x");
		world_run(d.w, 20000);
		blind.list_io = 0;
		memdisk_set_faults(d.w->disk, &blind);
		day_end(&d);
		dbcopy_free(copy);
	}
}

/* Files and folders get other names, also while the agent is down. */
static void test_rename_reads_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world_options o = { .seed = seed };
		bool down = seed % 2 == 0;
		int64_t hashes;
		struct day d;

		day_begin(&d, &o);
		fill(d.w);
		assert_true(oracle_settle(d.w, true));
		world_run(d.w, 10000);
		hashes = d.w->stats.hashes;
		if (down)
			world_crash_engine(d.w, true, 500);
		assert_true(memfs_rename(d.w->fs, "d0/f1", "one"));
		assert_true(memfs_rename(d.w->fs, "d1", "d2/below"));
		assert_true(memfs_rename(d.w->fs, "d3", "t"));
		assert_true(memfs_rename(d.w->fs, "d4", "d3"));
		assert_true(memfs_rename(d.w->fs, "t", "d4"));
		world_run(d.w, 10000);
		assert_true(oracle_settle(d.w, false));
		assert_int_equal(d.w->stats.hashes, hashes);
		day_end(&d);
	}
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
		cmocka_unit_test(test_two_saves_in_a_tick),
		cmocka_unit_test(test_folders_swap_under_a_hash),
		cmocka_unit_test(test_every_fate),
		cmocka_unit_test(test_root_lost_for_any_time),
		cmocka_unit_test(test_root_absent_at_start),
		cmocka_unit_test(test_all_deleted),
		cmocka_unit_test(test_barrier_waits_for_repair),
		cmocka_unit_test(test_state_lost),
		cmocka_unit_test(test_old_state_unread),
		cmocka_unit_test(test_rename_reads_nothing),
	};

	return cmocka_run_group_tests(tests, quiet, NULL);
}
