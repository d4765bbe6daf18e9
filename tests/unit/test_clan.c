/* Folders that were renamed with all that is in them. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "tests/unit/enginekit.h"

#define MANY 20

static void hint_dir(struct enginekit *k, const char *from, const char *to)
{
	enginekit_rename(k, from, to);
	enginekit_hint(k, WATCH_DIR_VANISHED, true, from);
	enginekit_hint(k, WATCH_DIR_APPEARED, true, to);
}

/* What the database says to sql, a line a row; free it. */
static char *ask(const struct enginekit *k, const char *sql)
{
	struct vs_buf out;
	sqlite3_stmt *st;
	sqlite3 *db;
	char *text;

	vs_buf_init(&out, 1 << 20);
	assert_int_equal(sqlite3_open_v2(scratch_at(k->dir, "state.db"), &db,
			     SQLITE_OPEN_READONLY, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(st); i++) {
			const unsigned char *v = sqlite3_column_text(st, i);

			vs_buf_addf(&out, "%s=%s ", sqlite3_column_name(st, i),
			    v != NULL ? (const char *)v : "NULL");
		}
		vs_buf_addch(&out, '\n');
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
	text = strdup(vs_buf_str(&out));
	vs_buf_release(&out);
	assert_non_null(text);
	return text;
}

/* The number by which the manifest knows the folder called name. */
static int64_t number_of(const struct enginekit *k, const char *name)
{
	char sql[128];
	char *text;
	int64_t id;

	snprintf(sql, sizeof(sql),
	    "SELECT coalesce(max(id), 0) AS n FROM dirs "
	    "WHERE name = CAST('%s' AS BLOB)",
	    name);
	text = ask(k, sql);
	id = atoll(text + 2);
	free(text);
	return id;
}

/* Wherever text says of, it says the other from now on. */
static void replace(char *text, const char *of, const char *other)
{
	assert_int_equal(strlen(of), strlen(other));
	while ((text = strstr(text, of)) != NULL)
		memcpy(text, other, strlen(other));
}

#define ROW \
	"id, path, op, kind, size, mtime, mode, hash, target, state, origin, " \
	"half, mine, approved, tries"
#define OUTBOX(dir) \
	"SELECT path, op, kind, size, mtime, mode, hash, target, state, " \
	"id >> 48 AS lane, origin, mine - half AS apart, " \
	"id & 281474976710655 = half AS older, approved, tries " \
	"FROM (SELECT " ROW " FROM outbox UNION ALL SELECT " ROW \
	" FROM flight) WHERE path LIKE '" dir "%/0%' ORDER BY path"
#define SHADOW(dir) \
	"SELECT * FROM shadow WHERE path LIKE '" dir "%/0%' ORDER BY path"
#define ENTRIES(dir) \
	"SELECT CAST(e.name AS TEXT) AS name, kind, size, mtime, mode, " \
	"hex(hash), target, racy, synced FROM entries AS e " \
	"JOIN dirs AS d ON d.id = e.dir AND d.name = CAST('" dir \
	"new' AS BLOB) ORDER BY e.name"

static void same_answer(
    const struct enginekit *k, const char *a_sql, const char *b_sql)
{
	char *a = ask(k, a_sql);
	char *b = ask(k, b_sql);

	assert_true(strlen(a) > 10 * 20);
	replace(b, "b_", "a_");
	assert_string_equal(a, b);
	free(a);
	free(b);
}

/*
 * What the few statements leave is what the many would.  In b more goes than
 * stays, so that each file is moved by itself.
 */
static void test_same_rows(void **state)
{
	const struct timespec t[2] = { { 7, 5 }, { 1234567, 89012345 } };
	struct enginekit *k = *state;
	char name[64];
	int64_t a, b;

	enginekit_fill(k, "a_old", 10);
	enginekit_fill(k, "b_old", MANY + 10);
	for (int i = 0; i < 2 * 10; i++) {
		snprintf(name, sizeof(name), "%c_old/%02d", "ab"[i % 2], i / 2);
		utimensat(AT_FDCWD, enginekit_at(k, name), t, 0);
	}
	enginekit_down(k);
	a = number_of(k, "a_old");
	b = number_of(k, "b_old");
	for (int i = 10; i < MANY + 10; i++) {
		snprintf(name, sizeof(name), "b_old/%02d", i);
		unlink(enginekit_at(k, name));
	}
	enginekit_rename(k, "a_old", "a_new");
	enginekit_rename(k, "b_old", "b_new");
	k->offline = true;
	enginekit_start(k);
	enginekit_run(k, 5000);
	assert_int_equal(number_of(k, "a_new"), a);
	assert_int_not_equal(number_of(k, "b_new"), b);
	enginekit_stop(k);
	same_answer(k, ENTRIES("a_"), ENTRIES("b_"));
	same_answer(k, SHADOW("a_"), SHADOW("b_"));
	same_answer(k, OUTBOX("a_"), OUTBOX("b_"));
	k->offline = false;
	enginekit_up(k);
	assert_int_equal(k->hashes, 0);
	enginekit_renamed_all(k, "a_old", "a_new", 10);
	enginekit_renamed_all(k, "b_old", "b_new", 10);
}

static void test_edited_before(void **state)
{
	struct enginekit *k = *state;
	int64_t id;

	enginekit_fill(k, "old", MANY);
	enginekit_down(k);
	id = number_of(k, "old");
	enginekit_edit_quietly(k, "old/05");
	enginekit_rename(k, "old", "new");
	enginekit_up(k);
	assert_int_equal(k->hashes, 1);
	assert_int_equal(number_of(k, "new"), id);
	enginekit_renamed_all(k, "old", "new", 5);
	assert_null(enginekit_event(k, "new/05")->from);
}

static void test_edited_after(void **state)
{
	struct enginekit *k = *state;

	enginekit_fill(k, "old", MANY);
	enginekit_down(k);
	enginekit_rename(k, "old", "new");
	enginekit_edit_quietly(k, "new/00");
	enginekit_edit_quietly(k, "new/19");
	enginekit_write(k, "new/05a", "another");
	unlink(enginekit_at(k, "new/07"));
	enginekit_up(k);
	assert_int_equal(k->hashes, 3);
	enginekit_renamed(k, "old/06", "new/06");
	enginekit_renamed(k, "old/18", "new/18");
	assert_int_equal(enginekit_event(k, "old/07")->op, 'd');
	assert_null(enginekit_event(k, "new/07"));
}

/* Files of the folder changed places, too. */
static void test_mixed_up(void **state)
{
	struct enginekit *k = *state;

	enginekit_fill(k, "old", MANY);
	enginekit_down(k);
	enginekit_rename(k, "old", "new");
	enginekit_rename(k, "new/03", "new/t");
	enginekit_rename(k, "new/04", "new/03");
	enginekit_rename(k, "new/t", "new/04");
	enginekit_rename(k, "new/09", "aside");
	enginekit_up(k);
	assert_int_equal(k->hashes, 0);
	enginekit_renamed(k, "old/02", "new/02");
	enginekit_renamed(k, "old/04", "new/03");
	enginekit_renamed(k, "old/03", "new/04");
	enginekit_renamed(k, "old/09", "aside");
}

static void write_tree(struct enginekit *k)
{
	enginekit_fill(k, "old", MANY);
	enginekit_fill(k, "old/05sub", MANY);
	enginekit_fill(k, "old/05sub/deep", MANY);
	enginekit_fill(k, "old/zub", MANY);
}

static void test_tree(void **state)
{
	struct enginekit *k = *state;
	int64_t top, sub, deep;

	write_tree(k);
	enginekit_run(k, 20000);
	enginekit_forget(k);
	top = number_of(k, "old");
	sub = number_of(k, "05sub");
	deep = number_of(k, "deep");
	hint_dir(k, "old", "new");
	enginekit_run(k, 20000);
	assert_int_equal(k->hashes, 0);
	assert_int_equal(number_of(k, "new"), top);
	assert_int_equal(number_of(k, "05sub"), sub);
	assert_int_equal(number_of(k, "deep"), deep);
	assert_int_equal(number_of(k, "old"), 0);
	enginekit_renamed_all(k, "old", "new", MANY);
	enginekit_renamed_all(k, "old/05sub", "new/05sub", MANY);
	enginekit_renamed_all(k, "old/05sub/deep", "new/05sub/deep", MANY);
	enginekit_renamed_all(k, "old/zub", "new/zub", MANY);
	assert_int_equal(k->count, 2 * 4 * MANY + 2 * 4);
	enginekit_agree(k);
}

/* A folder of the tree was renamed as well, and one went elsewhere. */
static void test_tree_while_down(void **state)
{
	struct enginekit *k = *state;

	write_tree(k);
	enginekit_down(k);
	enginekit_rename(k, "old", "new");
	enginekit_rename(k, "new/05sub", "new/sub");
	enginekit_rename(k, "new/sub/deep", "far");
	enginekit_up(k);
	assert_int_equal(k->hashes, 0);
	enginekit_renamed_all(k, "old/05sub", "new/sub", MANY);
	enginekit_renamed_all(k, "old/05sub/deep", "far", MANY);
	enginekit_renamed_all(k, "old/zub", "new/zub", MANY);
}

/* Renamed again while the first rename has not been told. */
static void test_twice(void **state)
{
	struct enginekit *k = *state;

	enginekit_fill(k, "a", MANY);
	enginekit_run(k, 20000);
	enginekit_forget(k);
	k->offline = true;
	hint_dir(k, "a", "b");
	enginekit_run(k, 2000);
	hint_dir(k, "b", "c");
	enginekit_run(k, 2000);
	k->offline = false;
	enginekit_run(k, 600000);
	assert_int_equal(k->hashes, 0);
	assert_int_equal(enginekit_event(k, "a/00")->op, 'd');
	assert_int_equal(enginekit_event(k, "c/19")->op, 'c');
	enginekit_agree(k);
}

static void test_back(void **state)
{
	struct enginekit *k = *state;

	enginekit_fill(k, "a", MANY);
	enginekit_run(k, 20000);
	for (int i = 0; i < 4; i++) {
		enginekit_forget(k);
		hint_dir(k, "a", "b");
		enginekit_run(k, i < 2 ? 20000 : 200);
		hint_dir(k, "b", "a");
		enginekit_run(k, 20000);
		assert_int_equal(k->hashes, 0);
		enginekit_agree(k);
	}
	hint_dir(k, "a", "b");
	enginekit_run(k, 20000);
	enginekit_renamed_all(k, "a", "b", MANY);
}

/* Another folder stands where it was. */
static void test_old_name_taken(void **state)
{
	struct enginekit *k = *state;

	enginekit_fill(k, "a", MANY);
	enginekit_fill(k, "b", MANY);
	enginekit_down(k);
	enginekit_rename(k, "a", "t");
	enginekit_rename(k, "b", "a");
	enginekit_rename(k, "t", "b");
	enginekit_up(k);
	assert_int_equal(k->hashes, 0);
}

static void test_ignored(void **state)
{
	struct enginekit *k = *state;

	enginekit_write(k, ".stignore", "hidden\nsecret/*7\n");
	enginekit_write(k, "kept", "all that goes at once is held");
	enginekit_fill(k, "open", MANY);
	enginekit_run(k, 20000);
	hint_dir(k, "open", "hidden");
	enginekit_run(k, 20000);
	assert_int_equal(enginekit_event(k, "open/00")->op, 'd');
	assert_null(enginekit_event(k, "hidden/00"));
	enginekit_agree(k);
	enginekit_forget(k);
	hint_dir(k, "hidden", "open");
	enginekit_run(k, 20000);
	assert_int_equal(enginekit_event(k, "open/00")->op, 'c');
	enginekit_agree(k);
	enginekit_forget(k);
	hint_dir(k, "open", "secret"); /* some of it */
	enginekit_run(k, 20000);
	assert_int_equal(k->hashes, 0);
	enginekit_renamed(k, "open/06", "secret/06");
	enginekit_renamed(k, "open/18", "secret/18");
	assert_null(enginekit_event(k, "secret/07"));
	assert_null(enginekit_event(k, "secret/17"));
	assert_int_equal(enginekit_event(k, "open/17")->op, 'd');
	enginekit_agree(k);
}

/* Something of the folder is still to be told. */
static void test_pending(void **state)
{
	struct enginekit *k = *state;

	enginekit_fill(k, "old", MANY);
	enginekit_run(k, 20000);
	k->offline = true;
	enginekit_write(k, "old/05", "edited");
	enginekit_hint(k, WATCH_CLOSED, false, "old/05");
	enginekit_write(k, "old/05a", "new");
	enginekit_hint(k, WATCH_CLOSED, false, "old/05a");
	enginekit_run(k, 2000);
	enginekit_forget(k);
	hint_dir(k, "old", "new");
	enginekit_run(k, 2000);
	k->offline = false;
	enginekit_run(k, 600000);
	assert_int_equal(k->hashes, 0);
	enginekit_renamed_all(k, "old", "new", 5);
	assert_int_equal(enginekit_event(k, "old/05")->op, 'd');
	assert_non_null(enginekit_event(k, "new/05a"));
	enginekit_agree(k);
}

/* A batch that speaks of the folder has no answer yet. */
static void test_in_flight(void **state)
{
	struct enginekit *k = *state;

	enginekit_fill(k, "old", MANY);
	enginekit_run(k, 20000);
	enginekit_forget(k);
	enginekit_write(k, "old/05", "edited");
	enginekit_hint(k, WATCH_CLOSED, false, "old/05");
	k->offline = true;
	enginekit_run(k, 300);
	enginekit_stop(k);
	enginekit_rename(k, "old", "new");
	enginekit_start(k);
	enginekit_run(k, 2000);
	k->offline = false;
	enginekit_run(k, 600000);
	assert_int_equal(enginekit_event(k, "old/05")->op, 'd');
	assert_int_equal(enginekit_event(k, "old/06")->op, 'd');
	enginekit_agree(k);
}

/* What was at its new name is still to be deleted in the cloud. */
static void test_over_pending(void **state)
{
	struct enginekit *k = *state;

	enginekit_write(k, "kept", "all that goes at once is held");
	enginekit_fill(k, "old", MANY);
	enginekit_fill(k, "new", MANY / 2);
	enginekit_write(k, "new/05", "other");
	enginekit_run(k, 20000);
	enginekit_forget(k);
	k->offline = true;
	scratch_remove(k->dir, "root/new");
	enginekit_hint(k, WATCH_DIR_VANISHED, false, "new");
	enginekit_run(k, 2000);
	hint_dir(k, "old", "new");
	enginekit_run(k, 2000);
	k->offline = false;
	enginekit_run(k, 600000);
	assert_int_equal(k->hashes, 0);
	assert_int_equal(enginekit_event(k, "old/05")->op, 'd');
	assert_int_equal(enginekit_event(k, "new/05")->op, 'u');
	assert_int_equal(enginekit_event(k, "new/19")->op, 'c');
	enginekit_agree(k);
}

/* Names that cannot be published stay behind as trouble. */
static void test_trouble(void **state)
{
	struct enginekit *k = *state;

	enginekit_fill(k, "old", MANY);
	enginekit_write(k, "old/05\xff", "no UTF-8");
	enginekit_down(k);
	enginekit_rename(k, "old", "new");
	enginekit_up(k);
	assert_int_equal(k->hashes, 0);
	enginekit_renamed_all(k, "old", "new", MANY);
}

int main(void)
{
#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, enginekit_setup, enginekit_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_same_rows),
		TEST(test_edited_before),
		TEST(test_edited_after),
		TEST(test_mixed_up),
		TEST(test_tree),
		TEST(test_tree_while_down),
		TEST(test_twice),
		TEST(test_back),
		TEST(test_old_name_taken),
		TEST(test_ignored),
		TEST(test_pending),
		TEST(test_in_flight),
		TEST(test_over_pending),
		TEST(test_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
