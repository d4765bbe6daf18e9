/* Renames and hard links: the owner's engine on a real folder. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/scan/compare.h"
#include "tests/unit/enginekit.h"

#define MANY 1000

/* What a row says of a file that is seen, case by case. */
static void test_table(void **state)
{
	static const struct disk_stat row = {
		.kind = VS_KIND_FILE,
		.size = 5,
		.mtime_ns = 1000000001,
		.ctime_ns = 2000000001,
		.born_ns = 500000001,
		.ino = 7,
		.mode = 0644,
	};
	struct disk_stat s;

	(void)state;
#define KIN(verdict, member, value) \
	do { \
		s = row; \
		s.member = (value); \
		assert_int_equal(compare_kin(&s, &row), verdict); \
	} while (0)
	assert_int_equal(compare_kin(&row, &row), COMPARE_TWIN);
	KIN(COMPARE_TWIN, mode, 0600);
	KIN(COMPARE_TWIN, born_ns, 0);
	KIN(COMPARE_MOVED, ctime_ns, 2000000002);
	KIN(COMPARE_STRANGER, ino, 8);
	KIN(COMPARE_STRANGER, born_ns, 500000002);
	KIN(COMPARE_STRANGER, size, 6);
	KIN(COMPARE_STRANGER, mtime_ns, 1000000002);
	KIN(COMPARE_STRANGER, kind, VS_KIND_SYMLINK);
	KIN(COMPARE_STRANGER, odd, true);
#undef KIN
	s = row;
	s.born_ns = 0;
	s.ctime_ns++;
	assert_int_equal(compare_kin(&s, &row), COMPARE_STRANGER);
	/* FAT: numbers and clocks that tell nothing */
	s = row;
	s.mtime_ns = s.ctime_ns = 2000000000;
	s.born_ns = 1990000000;
	assert_int_equal(compare_kin(&s, &s), COMPARE_STRANGER);
}

/* The agent is down while f happens, and finds it. */
static void while_down(struct enginekit *k, void (*f)(struct enginekit *k))
{
	enginekit_down(k);
	f(k);
	enginekit_up(k);
}

static void rename_ab(struct enginekit *k)
{
	enginekit_rename(k, "a", "b");
}

static void test_file_while_down(void **state)
{
	struct enginekit *k = *state;

	enginekit_write(k, "a", "film");
	while_down(k, rename_ab);
	assert_int_equal(k->hashes, 0);
	assert_int_equal(k->count, 2);
	enginekit_renamed(k, "a", "b");
}

/* As the watcher tells it, whichever of the two is looked at first. */
static void test_file_while_running(void **state)
{
	struct enginekit *k = *state;

	enginekit_write(k, "a", "film");
	enginekit_run(k, 20000);
	enginekit_forget(k);
	enginekit_rename(k, "a", "b");
	enginekit_hint(k, WATCH_VANISHED, true, "a");
	enginekit_hint(k, WATCH_APPEARED, true, "b");
	enginekit_run(k, 20000);
	enginekit_renamed(k, "a", "b");
	enginekit_rename(k, "b", "A");
	enginekit_hint(k, WATCH_APPEARED, true, "A");
	enginekit_hint(k, WATCH_VANISHED, true, "b");
	enginekit_run(k, 20000);
	enginekit_renamed(k, "b", "A");
	assert_int_equal(k->hashes, 0);
	enginekit_agree(k);
}

/* The deletion is found, told and settled long before the new name. */
static void test_gone_first(void **state)
{
	struct enginekit *k = *state;

	enginekit_write(k, "a", "film");
	enginekit_run(k, 20000);
	enginekit_forget(k);
	enginekit_rename(k, "a", "b");
	enginekit_hint(k, WATCH_VANISHED, false, "a");
	k->offline = true;
	enginekit_run(k, 200);
	/* the knowledge is durable */
	enginekit_stop(k);
	k->offline = false;
	enginekit_start(k);
	enginekit_run(k, 20000);
	assert_int_equal(k->hashes, 0);
	enginekit_renamed(k, "a", "b");
	enginekit_agree(k);
}

static void rename_folder(struct enginekit *k)
{
	enginekit_rename(k, "old", "new");
}

static void test_folder_while_down(void **state)
{
	struct enginekit *k = *state;

	enginekit_fill(k, "old", 10000);
	while_down(k, rename_folder);
	assert_int_equal(k->hashes, 0);
	assert_int_equal(k->count, 2 * 10000 + 2);
	enginekit_renamed_all(k, "old", "new", 10000);
}

static void test_folder_while_running(void **state)
{
	struct enginekit *k = *state;

	enginekit_fill(k, "old", MANY);
	enginekit_run(k, 20000);
	enginekit_forget(k);
	rename_folder(k);
	enginekit_hint(k, WATCH_DIR_VANISHED, true, "old");
	enginekit_hint(k, WATCH_DIR_APPEARED, true, "new");
	enginekit_run(k, 20000);
	assert_int_equal(k->hashes, 0);
	enginekit_renamed_all(k, "old", "new", MANY);
	enginekit_agree(k);
}

/* Every file by itself, and the folder removed behind them. */
static void move_each(struct enginekit *k)
{
	char a[64], b[64];

	mkdir(enginekit_at(k, "new"), 0755);
	for (int i = 0; i < MANY; i++) {
		snprintf(a, sizeof(a), "old/%02d", i);
		snprintf(b, sizeof(b), "new/%02d", i);
		enginekit_rename(k, a, b);
	}
	rmdir(enginekit_at(k, "old"));
}

static void test_each_file(void **state)
{
	struct enginekit *k = *state;

	enginekit_fill(k, "old", MANY);
	while_down(k, move_each);
	assert_int_equal(k->hashes, 0);
	enginekit_renamed_all(k, "old", "new", MANY);
}

static void chain_and_cycle(struct enginekit *k)
{
	enginekit_rename(k, "one", "t"); /* one and two change places */
	enginekit_rename(k, "two", "one");
	enginekit_rename(k, "t", "two");
	enginekit_rename(k, "x", "t"); /* x -> y -> z -> x */
	enginekit_rename(k, "z", "x");
	enginekit_rename(k, "y", "z");
	enginekit_rename(k, "t", "y");
	enginekit_rename(k, "a", "b"); /* a -> b -> c */
	enginekit_rename(k, "b", "c");
	enginekit_rename(k, "over", "under"); /* onto another file */
	enginekit_rename(k, "src", "dst"); /* and another one in its place */
	enginekit_write(k, "src", "quite another");
	enginekit_rename(k, "README", "ReadMe");
}

static void test_shapes(void **state)
{
	static const char *const name[] = { "one", "two", "x", "y", "z", "a",
		"over", "under", "src", "README" };
	struct enginekit *k = *state;

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		enginekit_write(k, name[i], name[i]);
	while_down(k, chain_and_cycle);
	assert_int_equal(k->hashes, 1); /* of the new src */
	enginekit_renamed(k, "a", "c");
	enginekit_renamed(k, "over", "under");
	enginekit_renamed(k, "README", "ReadMe");
	assert_null(enginekit_event(k, "dst")->from);
	assert_int_equal(enginekit_event(k, "src")->op, 'u');
}

static void edit_a(struct enginekit *k)
{
	enginekit_edit_quietly(k, "a");
}

static void test_quiet_edit(void **state)
{
	struct enginekit *k = *state;

	enginekit_write(k, "a", "film");
	while_down(k, edit_a);
	assert_int_equal(k->hashes, 1);
}

static void edit_in_renamed(struct enginekit *k)
{
	enginekit_rename(k, "old", "new");
	enginekit_edit_quietly(k, "new/a");
}

/* A file in a renamed folder has the ctime of before, or was changed. */
static void test_quiet_edit_in_folder(void **state)
{
	struct enginekit *k = *state;

	mkdir(enginekit_at(k, "old"), 0755);
	enginekit_write(k, "old/a", "film");
	enginekit_write(k, "old/b", "film");
	while_down(k, edit_in_renamed);
	assert_int_equal(k->hashes, 1);
	enginekit_renamed(k, "old/b", "new/b");
}

/* The watcher spoke of an edit before the rename. */
static void test_quiet_edit_seen(void **state)
{
	struct enginekit *k = *state;

	enginekit_write(k, "a", "film");
	enginekit_write(k, "c", "reel");
	enginekit_run(k, 20000);
	enginekit_forget(k);
	enginekit_edit_quietly(k, "a");
	enginekit_rename(k, "a", "b");
	enginekit_hint(k, WATCH_CHANGED, false, "a");
	enginekit_hint(k, WATCH_CLOSED, false, "a");
	enginekit_hint(k, WATCH_VANISHED, true, "a");
	enginekit_hint(k, WATCH_APPEARED, true, "b");
	enginekit_edit_quietly(k, "c");
	enginekit_rename(k, "c", "d");
	enginekit_hint(k, WATCH_VANISHED, true, "c");
	enginekit_hint(k, WATCH_APPEARED, true, "d");
	enginekit_hint(k, WATCH_TOUCHED, false, "d");
	enginekit_run(k, 20000);
	assert_int_equal(k->hashes, 2);
	enginekit_agree(k);
}

static void rename_and_touch(struct enginekit *k)
{
	const struct timespec t[2] = { { 1, 5 }, { 1, 5 } };

	rename_ab(k);
	assert_int_equal(utimensat(AT_FDCWD, enginekit_at(k, "b"), t, 0), 0);
}

static void test_rename_and_touch(void **state)
{
	struct enginekit *k = *state;

	enginekit_write(k, "a", "film");
	while_down(k, rename_and_touch);
	assert_int_equal(k->hashes, 1);
	enginekit_renamed(k, "a", "b"); /* by content */
}

static void edit_and_rename(struct enginekit *k)
{
	enginekit_write(k, "a", "longer film");
	rename_ab(k);
}

static void test_edit_and_rename(void **state)
{
	struct enginekit *k = *state;

	enginekit_write(k, "a", "film");
	while_down(k, edit_and_rename);
	assert_int_equal(k->hashes, 1);
	assert_null(enginekit_event(k, "b")->from);
	assert_int_equal(enginekit_event(k, "a")->op, 'd');
}

static void age_rows(const struct enginekit *k, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(
	    sqlite3_open(scratch_at(k->dir, "state.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void reuse_inode(struct enginekit *k)
{
	age_rows(k, "UPDATE entries SET born = born - 1");
	rename_ab(k);
}

static void forget_birth(struct enginekit *k)
{
	age_rows(k, "UPDATE entries SET born = 0");
	rename_ab(k);
}

/* The same number, but another birth, or none that is known. */
static void test_inode_reused(void **state)
{
	struct enginekit *k = *state;

	enginekit_write(k, "a", "film");
	while_down(k, reuse_inode);
	assert_int_equal(k->hashes, 1);
	enginekit_rename(k, "b", "a");
	enginekit_scan(k);
	while_down(k, forget_birth);
	assert_int_equal(k->hashes, 1);
}

static void racy_rows(struct enginekit *k)
{
	age_rows(k, "UPDATE entries SET racy = 1");
	rename_ab(k);
}

static void test_racy_row(void **state)
{
	struct enginekit *k = *state;

	enginekit_write(k, "a", "film");
	while_down(k, racy_rows);
	assert_int_equal(k->hashes, 1);
}

static void link_many(struct enginekit *k)
{
	char from[256], name[64];

	enginekit_write(k, "reel", "one of many names");
	snprintf(from, sizeof(from), "%s", enginekit_at(k, "reel"));
	for (int i = 1; i < MANY; i++) {
		snprintf(name, sizeof(name), "take%d", i);
		assert_int_equal(link(from, enginekit_at(k, name)), 0);
	}
}

static void test_hard_links(void **state)
{
	struct enginekit *k = *state;

	while_down(k, link_many);
	assert_int_equal(k->hashes, 1);
	assert_int_equal(k->count, MANY);
	/* one more name changes the ctime of all */
	enginekit_forget(k);
	assert_int_equal(
	    link(scratch_at(k->dir, "root/reel"), enginekit_at(k, "z")), 0);
	enginekit_scan(k);
	assert_int_equal(k->hashes, 1);
	assert_int_equal(k->count, 1);
	/* none of them was deleted on the way */
	assert_int_equal(enginekit_event(k, "z")->op, 'c');
	enginekit_agree(k);
}

/* Found by their names one by one while the first one is read. */
static void test_links_wait(void **state)
{
	struct enginekit *k = *state;

	enginekit_run(k, 20000);
	k->hold = true;
	link_many(k);
	enginekit_hint(k, WATCH_APPEARED, false, "reel");
	for (int i = 1; i < 50; i++) {
		char name[64];

		snprintf(name, sizeof(name), "take%d", i);
		enginekit_hint(k, WATCH_APPEARED, false, name);
	}
	enginekit_run(k, 2000);
	assert_int_equal(k->jobs, 1);
	k->hold = false;
	enginekit_run(k, 20000);
	assert_int_equal(k->hashes, 1);
	assert_int_equal(k->count, 50);
	enginekit_agree(k);
}

/* What the cloud never had is not told to have moved. */
static void test_unpublished(void **state)
{
	struct enginekit *k = *state;

	enginekit_run(k, 20000);
	assert_int_equal(engine_pause(k->engine, true, NULL), 0);
	enginekit_write(k, "a", "film");
	enginekit_scan(k);
	enginekit_rename(k, "a", "b");
	enginekit_hint(k, WATCH_VANISHED, true, "a");
	enginekit_hint(k, WATCH_APPEARED, true, "b");
	enginekit_run(k, 2000);
	assert_int_equal(engine_pause(k->engine, false, NULL), 0);
	enginekit_run(k, 20000);
	assert_int_equal(k->hashes, 1);
	assert_null(enginekit_event(k, "a"));
	assert_null(enginekit_event(k, "b")->from);
	enginekit_agree(k);
}

static bool is_published(const struct enginekit *k, const char *path)
{
	const struct enginekit_event *e = enginekit_event(k, path);

	return e != NULL && e->hash[0] != '\0';
}

/* Somebody records: under the new name, too. */
static void test_recording(void **state)
{
	struct enginekit *k = *state;
	struct timespec t[2];
	int fd;

	enginekit_run(k, 20000);
	fd = open(enginekit_at(k, "a"), O_CREAT | O_WRONLY, 0644);
	assert_int_equal(write(fd, "film", 4), 4);
	t[0].tv_sec = t[1].tv_sec = k->now.wall_ms / 1000 + 1;
	t[0].tv_nsec = t[1].tv_nsec = 0;
	assert_int_equal(futimens(fd, t), 0);
	enginekit_hint(k, WATCH_APPEARED, false, "a");
	enginekit_run(k, 500);
	assert_false(is_published(k, "a"));
	enginekit_rename(k, "a", "b");
	enginekit_hint(k, WATCH_VANISHED, true, "a");
	enginekit_hint(k, WATCH_APPEARED, true, "b");
	enginekit_run(k, 500);
	assert_false(is_published(k, "b"));
	assert_int_equal(k->hashes, 2); /* each ended at the writer */
	close(fd);
	enginekit_hint(k, WATCH_CLOSED, false, "b");
	enginekit_run(k, 20000);
	assert_true(is_published(k, "b"));
	enginekit_agree(k);
}

static void rename_ignored(struct enginekit *k)
{
	enginekit_rename(k, "out", ".syncthing.out.tmp");
	enginekit_rename(k, ".syncthing.in.tmp", "in");
}

/* Out of the ignored names, and into them. */
static void test_ignored(void **state)
{
	struct enginekit *k = *state;

	enginekit_write(k, "out", "goes");
	enginekit_write(k, ".syncthing.in.tmp", "comes");
	while_down(k, rename_ignored);
	assert_int_equal(k->hashes, 1);
	assert_int_equal(enginekit_event(k, "out")->op, 'd');
	assert_int_equal(enginekit_event(k, "in")->op, 'c');
	assert_null(enginekit_event(k, "in")->from);
}

int main(void)
{
#define ON(test) \
	cmocka_unit_test_setup_teardown( \
	    test, enginekit_setup, enginekit_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		ON(test_file_while_down),
		ON(test_file_while_running),
		ON(test_gone_first),
		ON(test_folder_while_down),
		ON(test_folder_while_running),
		ON(test_each_file),
		ON(test_shapes),
		ON(test_quiet_edit),
		ON(test_quiet_edit_in_folder),
		ON(test_quiet_edit_seen),
		ON(test_rename_and_touch),
		ON(test_edit_and_rename),
		ON(test_inode_reused),
		ON(test_racy_row),
		ON(test_hard_links),
		ON(test_links_wait),
		ON(test_unpublished),
		ON(test_recording),
		ON(test_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
