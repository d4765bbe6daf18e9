/* Two batches overlap: the one in flight, and the one fixed ahead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/engine/core.h"
#include "agent/engine/verdicts.h"
#include "agent/state/outbox.h"
#include "agent/state/outrow.h"
#include "agent/state/shadow.h"
#include "agent/state/state_sql.h"
#include "common/base/limits.h"
#include "common/base/map.h"
#include "tests/sim/oracle.h"
#include "tests/unit/scratch.h"

/* ---- the state ---- */

struct box {
	struct scratch *at;
	struct state s;
	struct vs_batch_id id;
	char text[4096]; /* what told() was shown */
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
	reopen(b);
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

static char hash_of[VS_HASH_HEX + 1];

/* Content is a digit, ' ' for a deletion. */
static void put(struct box *b, const char *path, char content)
{
	struct vs_change c = {
		.path = path,
		.op = content == ' ' ? VS_OP_DELETE : VS_OP_UPDATE,
		.hash = content == ' ' ? NULL : hash_of,
		.size = 5000,
		.mode = 0644,
		.base_version = -1,
	};
	int op;

	memset(hash_of, content, VS_HASH_HEX);
	assert_int_equal(outbox_put(&b->s, &c, 0, 1000, &op, NULL), 0);
}

static void rename_to(struct box *b, const char *from, const char *to, char of)
{
	struct vs_change c = {
		.path = to,
		.op = VS_OP_UPDATE,
		.hash = hash_of,
		.size = 5000,
		.mode = 0644,
		.base_version = -1,
		.renamed_from = from,
	};
	int from_op, to_op;
	const struct outbox_move m = { &c, &from_op, &to_op };

	memset(hash_of, of, VS_HASH_HEX);
	assert_int_equal(outbox_move(&b->s, &m, 0, 1000, NULL), 0);
}

/* The cloud has path, of that content. */
static void cloud(struct box *b, const char *path, char content)
{
	struct vs_change c = {
		.path = path,
		.op = VS_OP_UPDATE,
		.hash = hash_of,
		.size = 5000,
		.mode = 0644,
		.base_version = -1,
	};

	memset(hash_of, content, VS_HASH_HEX);
	assert_int_equal(shadow_learn(&b->s, &c, NULL), 0);
}

static int freeze(struct box *b, int changes, bool ahead)
{
	struct outbox_limits limits = { .changes = changes,
		.bytes = VS_BATCH_BYTES };
	struct vs_buf body;
	int skipped, n;

	b->id.counter++;
	vs_buf_init(&body, VS_BATCH_INFLATED);
	n = ahead
	    ? outbox_freeze_ahead(&b->s, "d", &b->id, &limits, NULL)
	    : outbox_freeze(&b->s, "d", &b->id, &limits, &body, &skipped, NULL);
	vs_buf_release(&body);
	return n;
}

/* "path path! ...", ! behind one that something newer is said of. */
static int tell(void *arg, const struct outbox_flown *f, bool *done)
{
	struct box *b = arg;
	size_t n = strlen(b->text);

	snprintf(b->text + n, sizeof(b->text) - n, "%s%s%s", n ? " " : "",
	    f->c.path, f->latest ? "" : "!");
	*done = false;
	return 0;
}

static const char *told(struct box *b)
{
	b->text[0] = '\0';
	assert_int_equal(outbox_each_frozen(&b->s, tell, b, NULL), 0);
	return b->text;
}

static int drop(void *arg, const struct outbox_flown *f, bool *done)
{
	(void)f;
	*done = *(bool *)arg;
	return 0;
}

/* The batch in flight is over, all of it taken or none. */
static void over(struct box *b, bool taken)
{
	assert_int_equal(outbox_each_frozen(&b->s, drop, &taken, NULL), 0);
	assert_int_equal(outbox_settle(&b->s, NULL), 0);
}

/* -1: not in flight. */
static int in_flight(struct box *b, const char *path)
{
	int op = -1;

	return outrow_in_flight(&b->s, path, &op, NULL) == 1 ? op : -1;
}

static int waits(struct box *b, const char *path)
{
	int op;

	assert_int_equal(outbox_pending(&b->s, path, &op, NULL), 0);
	return op;
}

#define BODY 4096

/* Counters and bodies of the two; 0 for none. */
static void frozen(struct box *b, int64_t n[2], char text[2][BODY])
{
	struct vs_buf body;

	for (int i = 0; i < 2; i++) {
		vs_buf_init(&body, BODY - 1);
		n[i] = 0;
		assert_true((i == 0 ? outbox_frozen : outbox_frozen_ahead)(
				&b->s, &n[i], &body, NULL) >= 0);
		snprintf(text[i], BODY, "%s", vs_buf_str(&body));
		vs_buf_release(&body);
	}
}

/* Both bodies stay as they were fixed; one after the other is over. */
static void test_one_after_the_other(void **state)
{
	struct box *b = *state;
	int64_t n[2], size, all, held;
	char was[2][BODY], now[2][BODY];

	for (char c = 'a'; c <= 'f'; c++)
		put(b, (char[]){ c, '\0' }, '1');
	assert_false(outbox_is_ahead(&b->s));
	assert_int_equal(freeze(b, 2, false), 2);
	assert_false(outbox_is_ahead(&b->s));
	assert_int_equal(freeze(b, 3, true), 3);
	assert_true(outbox_is_ahead(&b->s));
	frozen(b, n, was);
	assert_int_equal(n[0], 1);
	assert_int_equal(n[1], 2);
	assert_non_null(strstr(was[0], "\"path\":\"b\""));
	assert_non_null(strstr(was[1], "\"path\":\"e\""));
	for (int again = 0; again < 2; again++) {
		assert_string_equal(told(b), "a b");
		assert_int_equal(outbox_frozen_size(&b->s, &size, NULL), 0);
		assert_int_equal(size, 2);
		assert_int_equal(in_flight(b, "a"), VS_OP_CREATE);
		assert_int_equal(in_flight(b, "e"), VS_OP_CREATE);
		assert_int_equal(in_flight(b, "f"), -1);
		assert_int_equal(outbox_count(&b->s, &all, &held, NULL), 0);
		assert_int_equal(all, 6);
		reopen(b); /* all of that is durable */
	}
	over(b, true);
	assert_false(outbox_is_ahead(&b->s));
	assert_int_equal(in_flight(b, "a"), -1);
	assert_int_equal(in_flight(b, "e"), VS_OP_CREATE);
	frozen(b, n, now);
	assert_int_equal(n[0], 2);
	assert_int_equal(n[1], 0);
	assert_string_equal(now[0], was[1]);
	assert_string_equal(told(b), "c d e");
	assert_int_equal(freeze(b, 3, true), 1);
	reopen(b);
	assert_true(outbox_is_ahead(&b->s));
	over(b, true);
	assert_string_equal(told(b), "f");
	over(b, true);
	frozen(b, n, was);
	assert_int_equal(n[0], 0);
	assert_int_equal(outbox_count(&b->s, &all, &held, NULL), 0);
	assert_int_equal(all, 0);
}

/* What is newer of a path is in the one ahead. */
static void test_newer_ahead(void **state)
{
	struct box *b = *state;

	cloud(b, "old", '3');
	put(b, "a", '1');
	put(b, "b", '1');
	put(b, "c", '1');
	rename_to(b, "old", "new", '3');
	assert_int_equal(freeze(b, 500, false), 5);
	put(b, "b", '2');
	put(b, "old", '4'); /* another one at the old name */
	assert_string_equal(told(b), "a b! c new old!");
	assert_int_equal(freeze(b, 500, true), 2);
	for (int again = 0; again < 2; again++) {
		assert_string_equal(told(b), "a b! c new old!");
		assert_int_equal(in_flight(b, "b"), VS_OP_UPDATE);
		assert_int_equal(in_flight(b, "old"), VS_OP_UPDATE);
		assert_int_equal(in_flight(b, "new"), VS_OP_CREATE);
		reopen(b);
	}
	/* what is left of the first never comes after that */
	over(b, false);
	assert_int_equal(waits(b, "a"), VS_OP_CREATE);
	assert_int_equal(waits(b, "b"), -1);
	assert_int_equal(waits(b, "old"), -1);
	assert_int_equal(waits(b, "new"), VS_OP_CREATE);
	assert_string_equal(told(b), "b old");
}

/* What waits is known by what was put, and after a start by a look. */
static void test_newer_waits(void **state)
{
	struct box *b = *state;

	put(b, "a", '1');
	put(b, "b", '1');
	put(b, "p", '1');
	assert_int_equal(freeze(b, 9, false), 3);
	assert_non_null(b->s.newer);
	assert_string_equal(told(b), "a b p");
	put(b, "p", '2');
	assert_string_equal(told(b), "a b p!");
	assert_int_equal(freeze(b, 9, true), 1);
	put(b, "p", '3');
	put(b, "b", ' ');
	put(b, "c", '1');
	assert_string_equal(told(b), "a b! p!");
	/* what never came to the cloud does not have to leave it */
	put(b, "a", '2');
	assert_int_equal(outbox_drop(&b->s, "a", NULL), 0);
	assert_string_equal(told(b), "a b! p!");
	over(b, true);
	assert_int_equal(vs_map_count(b->s.newer), 1);
	assert_string_equal(told(b), "p!");
	state_close(&b->s);
	reopen(b);
	assert_null(b->s.newer);
	assert_string_equal(told(b), "p!");
	over(b, true);
	assert_int_equal(waits(b, "p"), VS_OP_UPDATE);
	assert_int_equal(freeze(b, 9, false), 2);
	assert_string_equal(told(b), "p c");
}

/* Without the one ahead all is as if it had never been fixed. */
static void test_recalled(void **state)
{
	struct box *b = *state;
	int64_t n[2];
	char was[2][BODY], now[2][BODY];

	cloud(b, "old", '3');
	put(b, "a", '1');
	assert_int_equal(freeze(b, 500, false), 1);
	put(b, "a", '2');
	put(b, "b", '2');
	rename_to(b, "old", "new", '3');
	assert_int_equal(freeze(b, 500, true), 4);
	frozen(b, n, was);
	put(b, "b", '5'); /* newer still */
	assert_int_equal(outbox_recall(&b->s, NULL), 0);
	assert_int_equal(outbox_recall(&b->s, NULL), 0); /* none: nothing */
	assert_false(outbox_is_ahead(&b->s));
	assert_int_equal(waits(b, "a"), VS_OP_UPDATE);
	assert_int_equal(in_flight(b, "b"), -1);
	assert_string_equal(told(b), "a!");
	put(b, "b", '2');
	b->id.counter = 1;
	assert_int_equal(freeze(b, 500, true), 4);
	reopen(b);
	frozen(b, n, now);
	assert_int_equal(n[1], 2);
	assert_int_equal(strlen(now[1]), strlen(was[1]));
	/* both at once: the newest of each path is left */
	assert_int_equal(outbox_thaw(&b->s, NULL), 0);
	frozen(b, n, now);
	assert_int_equal(n[0], 0);
	b->id.counter = 0;
	assert_int_equal(freeze(b, 500, false), 4);
	frozen(b, n, now);
	assert_null(strstr(now[0], "11111111"));
	assert_string_equal(told(b), "a new old b");
}

/* A rollback takes back what was known of it, too. */
static void test_rolled_back(void **state)
{
	struct box *b = *state;

	put(b, "a", '1');
	put(b, "b", '1');
	assert_int_equal(freeze(b, 1, false), 1);
	assert_int_equal(vs_db_begin(b->s.db, NULL), 0);
	assert_int_equal(freeze(b, 1, true), 1);
	vs_db_rollback(b->s.db);
	assert_int_equal(state_load_totals(&b->s, NULL), 0);
	assert_false(outbox_is_ahead(&b->s));
	assert_int_equal(in_flight(b, "b"), -1);
	assert_int_equal(waits(b, "b"), VS_OP_CREATE);
	b->id.counter = 1;
	assert_int_equal(freeze(b, 1, true), 1);
	assert_int_equal(vs_db_begin(b->s.db, NULL), 0);
	over(b, true);
	vs_db_rollback(b->s.db);
	assert_int_equal(state_load_totals(&b->s, NULL), 0);
	assert_true(outbox_is_ahead(&b->s));
	assert_string_equal(told(b), "a");
	assert_int_equal(in_flight(b, "b"), VS_OP_CREATE);
}

/* The one batch of an older schema may get one ahead. */
static void test_older_schema(void **state)
{
	static const char sql[] =
	    "INSERT INTO batch(counter, body) VALUES(7, 'body');"
	    "INSERT INTO flight(id, at, path, op, kind, size, mode, state, "
	    "half, mine, approved, tries) "
	    "VALUES((6 << 48) | 3, 0, 'a', 0, 0, 1, 0, 0, 0, 3, 0, 0), "
	    "((6 << 48) | 4, 0, 'b', 0, 0, 1, 0, 0, 0, 4, 0, 0);"
	    "UPDATE meta SET value = 4 WHERE key = 'outbox_seq';"
	    "PRAGMA user_version = 10";
	struct box *b = *state;
	const char *path = scratch_at(b->at, "older.db");
	char was[2][BODY];
	int64_t n[2];
	sqlite3 *db;

	state_close(&b->s);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (int i = 0; i < 10; i++)
		assert_int_equal(
		    sqlite3_exec(db, state_sql_migrations[i], NULL, NULL, NULL),
		    SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(state_open(&b->s, path, NULL, NULL), 0);
	assert_false(outbox_is_ahead(&b->s));
	put(b, "b", '2');
	put(b, "c", '2');
	b->id.counter = 7;
	assert_int_equal(freeze(b, 500, true), 2);
	assert_string_equal(told(b), "a b!");
	frozen(b, n, was);
	assert_int_equal(n[0], 7);
	assert_int_equal(n[1], 8);
	assert_string_equal(was[0], "body");
	over(b, false);
	assert_string_equal(told(b), "b c");
	assert_int_equal(waits(b, "a"), VS_OP_CREATE);
	assert_int_equal(waits(b, "b"), -1);
}

/* ---- the engine, with the cloud's own service ---- */

#define SLOW_MS 400

struct day {
	struct world *w;
	struct oracle oracle;
};

static void save(struct world *w, const char *path, const char *text)
{
	struct memfs_node *n = memfs_open(w->fs, path);

	assert_non_null(n);
	memfs_truncate(w->fs, n, 0);
	memfs_write(w->fs, n, 0, text, strlen(text));
	memfs_close(w->fs, n);
}

/* At rest, with one batch acknowledged; then the network gets slow. */
static void begin(struct day *d)
{
	struct world_options o = { .seed = 1 };

	d->w = world_new(&o);
	assert_non_null(d->w);
	oracle_init(&d->oracle);
	assert_true(world_run(d->w, 2000));
	save(d->w, "first", "first");
	assert_true(oracle_settle(d->w, true));
	assert_true(oracle_compare(&d->oracle, d->w, true));
	d->w->net.delay_ms = SLOW_MS;
}

/* Until batches are in flight and ahead, and one of the two has "n". */
static void overlap(struct day *d)
{
	struct world *w = d->w;
	char path[16];

	for (int i = 0; i < 200; i++) {
		if (outbox_is_ahead(&w->engine->state))
			return;
		snprintf(path, sizeof(path), "f%d", i);
		save(w, path, path);
		assert_true(world_run(w, 60));
	}
	fail_msg("no batch was fixed ahead");
}

static void end(struct day *d)
{
	if (!oracle_settle(d->w, true) ||
	    !oracle_compare(&d->oracle, d->w, true))
		fail_msg("%s", d->w->failure);
	assert_int_equal(vs_map_count(d->oracle.deletes), 0);
	oracle_release(&d->oracle);
	world_free(d->w);
}

/*
 * It dies at any access to its database, from the moment at which the one
 * ahead has left until the answer before it is durable: both are there at
 * the start, nothing is lost, comes twice, or begins another epoch.
 */
static void died(int access, bool power, int64_t *overtaken)
{
	struct day d;

	begin(&d);
	d.w->overlap = access;
	overlap(&d);
	for (int i = 0; i < 40 && d.w->overlap; i++)
		assert_true(world_run(d.w, 50));
	assert_int_equal(d.w->overlap, 0); /* one went ahead */
	assert_true(world_run(d.w, 3 * SLOW_MS));
	world_crash_engine(d.w, power, 100);
	assert_true(world_run(d.w, 5000));
	if (d.w->failure[0])
		fail_msg("access %d: %s", access, d.w->failure);
	*overtaken += d.w->stats.overtaken;
	end(&d);
}

static void test_dies_at_each_access(void **state)
{
	int64_t overtaken = 0;

	(void)state;
	for (int access = 1; access <= 24; access++)
		for (int power = 0; power < 2; power++)
			died(access, power, &overtaken);
	assert_true(overtaken >= 4);
}

/* The answer to the first is none that counts: the other one waits. */
static void refused(enum world_fate fate, int times)
{
	struct day d;
	int64_t ahead;

	begin(&d);
	overlap(&d);
	ahead = d.w->stats.ahead;
	world_crash_engine(d.w, false, 0); /* the answer under way is lost */
	d.w->net.force = fate;
	d.w->net.forced = times;
	assert_true(world_run(d.w, 30000));
	assert_int_equal(d.w->net.forced, 0);
	assert_true(d.w->stats.ahead >= ahead);
	assert_int_equal(d.w->stats.overtaken, 0);
	end(&d);
}

static void test_answers_that_do_not_count(void **state)
{
	(void)state;
	refused(WORLD_BAD_GATEWAY, 2);
	refused(WORLD_HTML, 1);
	refused(WORLD_TOO_MANY, 1);
	refused(WORLD_REQUEST_LOST, 1);
	refused(WORLD_ANSWER_LOST, 2);
	refused(WORLD_TOO_LARGE, 1);
}

/* Too large: the one ahead is pending again, and counted as never fixed. */
static void test_split(void **state)
{
	struct day d;
	int64_t counter;

	(void)state;
	begin(&d);
	overlap(&d);
	counter = d.w->engine->cloud.batch.counter;
	world_crash_engine(d.w, false, 0);
	d.w->net.force = WORLD_TOO_LARGE;
	d.w->net.forced = 1;
	for (int i = 0; i < 100 && d.w->net.forced; i++)
		assert_true(world_run(d.w, 10));
	for (int i = 0; i < 100 && outbox_is_ahead(&d.w->engine->state); i++)
		assert_true(world_run(d.w, 10));
	assert_false(outbox_is_ahead(&d.w->engine->state));
	assert_true(d.w->engine->cloud.batch.counter < counter);
	end(&d);
}

/* Paused, nothing goes ahead; what was fixed leaves when it goes on. */
static void test_paused(void **state)
{
	struct day d;
	int64_t ahead;

	(void)state;
	begin(&d);
	overlap(&d);
	ahead = d.w->stats.ahead;
	assert_int_equal(engine_pause(d.w->engine, true, NULL), 0);
	assert_true(world_run(d.w, 10000));
	assert_int_equal(d.w->stats.ahead, ahead);
	assert_false(outbox_is_ahead(&d.w->engine->state));
	assert_int_equal(engine_pause(d.w->engine, false, NULL), 0);
	world_poke(d.w);
	end(&d);
}

/* More comes than one batch takes, without an end. */
static void flood(struct world *w, int64_t ms)
{
	char path[24];

	for (int i = 0; i < ms / 60; i++) {
		snprintf(path, sizeof(path), "flood%d", i % 50);
		save(w, path, &"more and more"[i % 9]);
		assert_true(world_run(w, 60));
	}
}

/* A deletion finds its batch, however much else there is. */
static void test_no_deletion_starves(void **state)
{
	struct day d;

	(void)state;
	begin(&d);
	flood(d.w, 3000);
	assert_true(d.w->stats.ahead > 3);
	assert_true(memfs_unlink(d.w->fs, "first"));
	flood(d.w, 8000);
	assert_true(oracle_follow(&d.oracle, d.w, true));
	assert_non_null(vs_map_get(d.oracle.deletes, "first"));
	assert_true(oracle_settle(d.w, true));
	assert_true(oracle_compare(&d.oracle, d.w, true));
	oracle_release(&d.oracle);
	world_free(d.w);
}

/* So does what a person decided. */
static void test_no_decision_starves(void **state)
{
	struct day d;
	int64_t n;

	(void)state;
	begin(&d);
	flood(d.w, 3000);
	assert_int_equal(
	    vs_db_run(d.w->engine->state.db, SQL_HOLD_PUT, NULL, "titi",
		"gone long since", (int64_t)VS_KIND_FILE,
		"10000000-0000-4000-8000-000000000000", (int64_t)2),
	    0);
	flood(d.w, 4000);
	assert_int_equal(verdicts_count(d.w->engine, &n, NULL), 0);
	assert_int_equal(n, 0);
	end(&d);
}

int main(void)
{
#define WITH_BOX(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_BOX(test_one_after_the_other),
		WITH_BOX(test_newer_ahead),
		WITH_BOX(test_newer_waits),
		WITH_BOX(test_recalled),
		WITH_BOX(test_rolled_back),
		WITH_BOX(test_older_schema),
		cmocka_unit_test(test_dies_at_each_access),
		cmocka_unit_test(test_answers_that_do_not_count),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_paused),
		cmocka_unit_test(test_no_deletion_starves),
		cmocka_unit_test(test_no_decision_starves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
