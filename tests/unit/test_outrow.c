/* Renames in the outbox: two halves in one row, however they came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/outbox.h"
#include "agent/state/outrow.h"
#include "agent/state/shadow.h"
#include "agent/state/state_sql.h"
#include "common/base/limits.h"
#include "tests/unit/scratch.h"

#define BEFORE 8 /* the schema before a rename was one row */

struct box {
	struct scratch *at;
	struct state s;
	struct vs_batch_id id;
	char text[4096]; /* of the last batch, as told() writes it */
};

static void reopen(struct box *b)
{
	if (b->s.db != NULL)
		state_close(&b->s);
	assert_int_equal(
	    state_open(&b->s, scratch_at(b->at, "state.db"), NULL, NULL), 0);
}

static int setup(void **state)
{
	struct box *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->at = scratch_new();
	snprintf(b->id.epoch, sizeof(b->id.epoch), "e");
	*state = b;
	return 0;
}

static int setup_open(void **state)
{
	setup(state);
	reopen(*state);
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

/* A hash of one digit. */
static const char *hash(char digit, char out[VS_HASH_HEX + 1])
{
	memset(out, digit, VS_HASH_HEX);
	out[VS_HASH_HEX] = '\0';
	return out;
}

static struct vs_change file(const char *path, const char *of)
{
	return (struct vs_change){ .path = path,
		.op = VS_OP_UPDATE,
		.hash = of,
		.size = 5000,
		.mode = 0644,
		.base_version = -1 };
}

/* The cloud has path, of that content. */
static void cloud(struct box *b, const char *path, char digit)
{
	char hex[VS_HASH_HEX + 1];
	struct vs_change c = file(path, hash(digit, hex));

	assert_int_equal(shadow_learn(&b->s, &c, NULL), 0);
}

static int put(struct box *b, const char *path, char digit)
{
	char hex[VS_HASH_HEX + 1];
	struct vs_change c = file(path, hash(digit, hex));
	int op;

	assert_int_equal(outbox_put(&b->s, &c, 0, 1000, &op, NULL), 0);
	return op;
}

static int gone(struct box *b, const char *path)
{
	struct vs_change c = {
		.path = path, .op = VS_OP_DELETE, .mode = -1, .base_version = -1
	};
	int op;

	assert_int_equal(outbox_put(&b->s, &c, 0, 1000, &op, NULL), 0);
	return op;
}

static void move(struct box *b, const char *from, const char *to, char digit)
{
	char hex[VS_HASH_HEX + 1];
	struct vs_change c = file(to, hash(digit, hex));
	int from_op, to_op;
	const struct outbox_move m = { &c, &from_op, &to_op };

	c.renamed_from = from;
	assert_int_equal(outbox_move(&b->s, &m, 0, 1000, NULL), 0);
}

/* A batch as words: "c new<old", "u path", "d path". */
static const char *told(struct box *b, const char *body, size_t len)
{
	static struct vs_change c[VS_BATCH_CHANGES];
	char *copy = strndup(body, len);
	struct vs_batch_request r;
	size_t n, at = 0;

	b->text[0] = '\0';
	assert_non_null(copy);
	assert_true(vs_batch_scan(copy, len, &r, c, &n));
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(b->text + at, sizeof(b->text) - at,
		    "%s%c %s%s%s", i > 0 ? " " : "", vs_op_name(c[i].op)[0],
		    c[i].path, c[i].renamed_from != NULL ? "<" : "",
		    c[i].renamed_from != NULL ? c[i].renamed_from : "");
	free(copy);
	return b->text;
}

/* The next batch of at most so many changes. */
static const char *freeze(struct box *b, int changes, bool deletes)
{
	struct outbox_limits limits = {
		.changes = changes,
		.bytes = VS_BATCH_BYTES,
		.deletes = deletes,
		.deferred = true,
	};
	struct vs_buf body;
	int skipped, n;

	vs_buf_init(&body, VS_BATCH_INFLATED);
	b->id.counter++;
	assert_int_equal(vs_db_begin(b->s.db, NULL), 0);
	n = outbox_freeze(&b->s, "d", &b->id, &limits, &body, &skipped, NULL);
	assert_true(n >= 0);
	assert_int_equal(vs_db_commit(b->s.db, NULL), 0);
	b->text[0] = '\0';
	if (n > 0)
		told(b, vs_buf_str(&body), body.len);
	vs_buf_release(&body);
	return b->text;
}

/* An answer that takes the changes of paths with these first letters. */
static int take_some(void *arg, const struct outbox_flown *f, bool *done)
{
	*done = strchr(arg, f->c.path[0]) != NULL;
	return 0;
}

static void answer(struct box *b, const char *letters)
{
	assert_int_equal(vs_db_begin(b->s.db, NULL), 0);
	assert_int_equal(outbox_each_frozen(&b->s, take_some,
			     (void *)(uintptr_t)letters, NULL),
	    0);
	assert_int_equal(outbox_thaw(&b->s, NULL), 0);
	assert_int_equal(vs_db_commit(b->s.db, NULL), 0);
}

static int64_t count(struct box *b)
{
	int64_t all, held;

	assert_int_equal(outbox_count(&b->s, &all, &held, NULL), 0);
	return all;
}

static int waiting(struct box *b, const char *path)
{
	int op;

	assert_int_equal(outbox_waiting(&b->s, path, &op, NULL), 0);
	return op;
}

/* Whichever of the two comes first, or both at once. */
static void test_pairs(void **state)
{
	struct box *b = *state;

	cloud(b, "old", 'a');
	cloud(b, "past", 'b');
	cloud(b, "late", 'c');
	move(b, "old", "new", 'a');
	assert_int_equal(gone(b, "past"), VS_OP_DELETE);
	assert_int_equal(put(b, "present", 'b'), VS_OP_CREATE);
	assert_int_equal(put(b, "early", 'c'), VS_OP_CREATE);
	assert_int_equal(gone(b, "late"), VS_OP_DELETE);
	assert_int_equal(count(b), 6);
	assert_int_equal(waiting(b, "old"), VS_OP_DELETE);
	assert_int_equal(waiting(b, "past"), VS_OP_DELETE);
	/* the deletions travel, though none may by itself */
	assert_string_equal(freeze(b, 500, false),
	    "c new<old d old c present<past d past c early<late d late");
	assert_int_equal(count(b), 6);
	assert_int_equal(waiting(b, "late"), VS_OP_DELETE);
	answer(b, "nopel");
	assert_int_equal(count(b), 0);
	assert_string_equal(freeze(b, 500, true), "");
}

/* One content at many places: a deletion goes with one create. */
static void test_same_content(void **state)
{
	struct box *b = *state;

	cloud(b, "a", 'a');
	cloud(b, "b", 'a');
	put(b, "x", 'a');
	put(b, "y", 'a');
	put(b, "z", 'a');
	gone(b, "a");
	gone(b, "b");
	assert_string_equal(freeze(b, 500, true), "c x<a d a c y<b d b c z");
}

/* What is changed again before it leaves is no rename. */
static void test_parted(void **state)
{
	struct box *b = *state;

	cloud(b, "old", 'a');
	move(b, "old", "new", 'a');
	put(b, "new", 'd');
	assert_int_equal(count(b), 2);
	assert_string_equal(freeze(b, 500, true), "c new d old");
	answer(b, "no");
	cloud(b, "one", 'b');
	move(b, "one", "two", 'b');
	assert_int_equal(put(b, "one", 'e'), VS_OP_UPDATE);
	assert_int_equal(count(b), 2);
	assert_string_equal(freeze(b, 500, true), "u one c two");
	answer(b, "to");
	/* on and on, and back */
	cloud(b, "k", 'c');
	move(b, "k", "l", 'c');
	move(b, "l", "m", 'c');
	assert_string_equal(freeze(b, 500, true), "c m<k d k");
	answer(b, "");
	assert_int_equal(put(b, "k", 'c'), VS_OP_UPDATE);
	assert_int_equal(gone(b, "m"), -1);
	assert_string_equal(freeze(b, 500, true), "u k");
}

/* A batch of one change has no room for both. */
static void test_halves(void **state)
{
	struct box *b = *state;

	cloud(b, "old", 'a');
	put(b, "first", 'f');
	move(b, "old", "new", 'a');
	/* the next batch has */
	assert_string_equal(freeze(b, 2, true), "c first");
	answer(b, "f");
	assert_string_equal(freeze(b, 1, true), "c new");
	assert_int_equal(count(b), 2);
	answer(b, "n");
	assert_string_equal(freeze(b, 1, true), "d old");
	answer(b, "o");
	assert_int_equal(count(b), 0);
}

/* Only one half of it was taken. */
static void test_partial(void **state)
{
	struct box *b = *state;

	cloud(b, "old", 'a');
	cloud(b, "past", 'b');
	move(b, "old", "new", 'a');
	move(b, "past", "later", 'b');
	put(b, "more", 'c');
	freeze(b, 500, true);
	answer(b, "npm");
	assert_int_equal(count(b), 2);
	reopen(b);
	assert_int_equal(waiting(b, "old"), VS_OP_DELETE);
	assert_int_equal(waiting(b, "past"), -1);
	assert_string_equal(freeze(b, 500, true), "c later d old");
}

/* What came meanwhile is newer than what comes back. */
static void test_newer(void **state)
{
	struct box *b = *state;
	bool was;

	cloud(b, "old", 'a');
	cloud(b, "x", 'd');
	move(b, "old", "new", 'a');
	put(b, "same", 'c');
	put(b, "y", 'e');
	freeze(b, 500, true);
	put(b, "same", 'd');
	put(b, "old", 'b');
	move(b, "x", "y", 'd');
	assert_int_equal(count(b), 4 + 4);
	assert_int_equal(outbox_defer(&b->s, &was, NULL), 0);
	assert_false(was);
	answer(b, "");
	assert_int_equal(count(b), 5);
	assert_string_equal(freeze(b, 500, true), "u same u old u y<x d x");
	answer(b, "soyx");
	assert_string_equal(freeze(b, 500, true), "c new");
	assert_int_equal(outbox_defer(&b->s, &was, NULL), 0);
	assert_true(was);
}

/* What is in flight is known after a crash, and a rollback. */
static void test_flight_is_known(void **state)
{
	struct box *b = *state;
	struct vs_buf body;
	int64_t counter;

	cloud(b, "old", 'a');
	move(b, "old", "new", 'a');
	assert_string_equal(freeze(b, 500, true), "c new<old d old");
	reopen(b);
	vs_buf_init(&body, VS_BATCH_INFLATED);
	assert_int_equal(outbox_frozen(&b->s, &counter, &body, NULL), 1);
	assert_string_equal(
	    told(b, vs_buf_str(&body), body.len), "c new<old d old");
	vs_buf_release(&body);
	assert_int_equal(waiting(b, "new"), VS_OP_CREATE);
	assert_int_equal(waiting(b, "old"), VS_OP_DELETE);
	/* the cloud may soon have it */
	assert_int_equal(vs_db_begin(b->s.db, NULL), 0);
	assert_int_equal(outbox_thaw(&b->s, NULL), 0);
	assert_int_equal(gone(b, "new"), -1);
	vs_db_rollback(b->s.db);
	assert_int_equal(state_load_totals(&b->s, NULL), 0);
	assert_int_equal(gone(b, "new"), VS_OP_DELETE);
}

/* Without trust in the shadow nothing is a rename, nor becomes one. */
static void test_divorce(void **state)
{
	struct box *b = *state;

	cloud(b, "old", 'a');
	cloud(b, "past", 'b');
	move(b, "old", "new", 'a');
	gone(b, "past");
	assert_int_equal(outbox_divorce(&b->s, NULL), 0);
	put(b, "present", 'b');
	assert_int_equal(count(b), 4);
	assert_string_equal(
	    freeze(b, 500, true), "c new c present d old d past");
}

/* A held deletion turns out to be a rename, of no coincidence. */
static void test_held(void **state)
{
	struct box *b = *state;
	int64_t all, held;
	bool any, judge;

	cloud(b, "old", 'a');
	cloud(b, "other", 'b');
	gone(b, "old");
	gone(b, "other");
	assert_int_equal(outbox_hold(&b->s, OUTBOX_HOLD, NULL), 0);
	assert_int_equal(outbox_count(&b->s, &all, &held, NULL), 0);
	assert_int_equal(held, 2);
	assert_int_equal(outbox_lone(&b->s, &any, &judge, NULL), 0);
	assert_false(any);
	assert_true(judge);
	put(b, "new", 'a');
	assert_int_equal(outbox_count(&b->s, &all, &held, NULL), 0);
	assert_int_equal(held, 1);
	assert_string_equal(freeze(b, 500, true), "c new<old d old");
	answer(b, "no");
	assert_int_equal(outbox_hold(&b->s, OUTBOX_APPROVE, NULL), 0);
	assert_string_equal(freeze(b, 500, true), "d other");
	answer(b, "");
	assert_int_equal(outbox_hold(&b->s, OUTBOX_HOLD, NULL), 0);
	assert_int_equal(outbox_count(&b->s, &all, &held, NULL), 0);
	assert_int_equal(all, 1);
	assert_int_equal(held, 0);
}

/* Before anybody is asked: those of the same content are none. */
static void test_marry(void **state)
{
	struct box *b = *state;
	struct outbox_sums sums;
	char a[16], z[16];

	for (int i = 0; i < 1200; i++) {
		char digit = (char)('a' + i % 6);

		snprintf(a, sizeof(a), "a%d", i);
		snprintf(z, sizeof(z), "z%d", i);
		cloud(b, a, digit);
		put(b, z, digit);
	}
	for (int i = 0; i < 1200; i++) {
		snprintf(a, sizeof(a), "a%d", i);
		gone(b, a);
	}
	assert_int_equal(outbox_sums(&b->s, &sums, NULL), 0);
	assert_int_equal(sums.deletes, 1200);
	assert_int_equal(outbox_marry(&b->s, NULL), 0);
	assert_int_equal(outbox_sums(&b->s, &sums, NULL), 0);
	assert_int_equal(sums.deletes, 0);
	assert_int_equal(sums.creates, 0);
	assert_false(sums.any_delete);
	assert_int_equal(count(b), 2400);
}

/* A barrier waits for both halves, whatever becomes of the rename. */
static void test_marks(void **state)
{
	struct box *b = *state;
	int64_t mark, last, least, held;

	cloud(b, "old", 'a');
	gone(b, "old");
	assert_int_equal(outbox_marks(&b->s, &mark, &least, &held, NULL), 0);
	assert_in_range(least, 1, mark);
	put(b, "new", 'a');
	assert_int_equal(outbox_marks(&b->s, &last, &least, &held, NULL), 0);
	assert_true(last > mark && least <= mark);
	put(b, "new", 'b');
	assert_string_equal(freeze(b, 500, false), "c new");
	answer(b, "n");
	/* the deletion is still to come */
	assert_int_equal(outbox_marks(&b->s, &last, &least, &held, NULL), 0);
	assert_in_range(least, 1, mark);
	assert_string_equal(freeze(b, 500, true), "d old");
	assert_int_equal(outbox_marks(&b->s, &last, &least, &held, NULL), 0);
	assert_in_range(least, 1, mark);
	answer(b, "o");
	assert_int_equal(outbox_marks(&b->s, &last, &least, &held, NULL), 0);
	assert_int_equal(least, 0);
	/* numbers are not given twice */
	reopen(b);
	assert_int_equal(outbox_marks(&b->s, &mark, &least, &held, NULL), 0);
	assert_true(mark >= last);
}

#define ROW(id, path, op, hash, batch, held, pair, rank, pos) \
	"INSERT INTO outbox(id, path, op, kind, size, mode, hash, at, " \
	"batch, held, approved, pair, pos, rank) VALUES(" #id ", '" path \
	"', " #op ", 0, 5000, 420, replace(hex(zeroblob(32)), '00', '" hash \
	"'), 1000, " #batch ", " #held ", 0, " pair ", " #pos ", " #rank ");"

/* What a program of the schema before left. */
static void make_before(const char *path)
{
	static const char rows[] =
	    /* renames, the deletion older and newer, and one that is none */
	    ROW(11, "old", 2, "aa", 0, 0, "'new'", 1, 0)
		ROW(12, "new", 0, "aa", 0, 0, "'old'", 1, 0)
		    ROW(13, "later", 1, "bb", 0, 0, "'past'", 0, 0)
			ROW(14, "past", 2, "bb", 0, 0, "'later'", 0, 0) ROW(
			    15, "left", 2, "cc", 0, 0, "'nowhere'", 1, 0)
			    ROW(16, "kept", 2, "dd", 0, 1, "NULL", 1, 0)
				ROW(17, "plain", 0, "ee", 0, 0, "NULL", 2, 0)
	    /* in flight, in another order */
	    ROW(3, "f1", 0, "ff", 1, 0, "NULL", 1, 1)
		ROW(5, "f0", 2, "ff", 1, 0, "NULL", 1, 2)
		    ROW(9, "f2", 0, "ff", 1, 0, "NULL", 1,
			0) "INSERT INTO batch(counter, body) VALUES(4, 'body');"
			   "PRAGMA user_version = 8";
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (int i = 0; i < BEFORE; i++)
		assert_int_equal(
		    sqlite3_exec(db, state_sql_migrations[i], NULL, NULL, NULL),
		    SQLITE_OK);
	if (sqlite3_exec(db, rows, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(db);
}

static int order(void *arg, const struct outbox_flown *f, bool *done)
{
	char *text = arg;

	(void)done;
	snprintf(text + strlen(text), 64 - strlen(text), "%d %s ", f->index,
	    f->c.path);
	return 0;
}

static void test_older_schema(void **state)
{
	struct box *b = *state;
	char text[64] = "";
	struct vs_buf body;
	int64_t counter, all, held, last, least;

	make_before(scratch_at(b->at, "state.db"));
	reopen(b);
	assert_int_equal(outbox_count(&b->s, &all, &held, NULL), 0);
	assert_int_equal(all, 10);
	assert_int_equal(held, 1);
	assert_int_equal(outbox_marks(&b->s, &last, &least, &held, NULL), 0);
	assert_int_equal(last, 17);
	assert_int_equal(least, 3);
	assert_int_equal(held, 16);
	vs_buf_init(&body, 100);
	assert_int_equal(outbox_frozen(&b->s, &counter, &body, NULL), 1);
	assert_int_equal(counter, 4);
	assert_string_equal(vs_buf_str(&body), "body");
	vs_buf_release(&body);
	assert_int_equal(outbox_each_frozen(&b->s, order, text, NULL), 0);
	assert_string_equal(text, "0 f2 1 f1 2 f0 ");
	assert_int_equal(waiting(b, "old"), VS_OP_DELETE);
	assert_int_equal(waiting(b, "f0"), VS_OP_DELETE);
	b->id.counter = 4;
	answer(b, "f");
	assert_string_equal(
	    freeze(b, 500, true), "u later<past d past c new<old d old d left");
	answer(b, "lpno");
	assert_string_equal(freeze(b, 500, true), "c plain");
	put(b, "more", 'm');
	assert_int_equal(outbox_marks(&b->s, &last, &least, &held, NULL), 0);
	assert_int_equal(last, 18);
}

int main(void)
{
#define WITH_BOX(test) \
	cmocka_unit_test_setup_teardown(test, setup_open, teardown)
	const struct CMUnitTest tests[] = {
		WITH_BOX(test_pairs),
		WITH_BOX(test_same_content),
		WITH_BOX(test_parted),
		WITH_BOX(test_halves),
		WITH_BOX(test_partial),
		WITH_BOX(test_newer),
		WITH_BOX(test_flight_is_known),
		WITH_BOX(test_divorce),
		WITH_BOX(test_held),
		WITH_BOX(test_marry),
		WITH_BOX(test_marks),
		cmocka_unit_test_setup_teardown(
		    test_older_schema, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
