/*
 * What anything costs a member does not grow with what it knows: steps of
 * SQLite's machine, which no load of the system changes, with few rows and
 * with twenty times as many.
 */
#include "tests/unit/memberkit.h"

#include <sqlite3.h>
#include <string.h>

#include "agent/member/member_core.h"
#include "agent/member/mirror_sql.h"

#define FEW 4000
#define MANY (20 * FEW)
#define EVENTS 100
#define HASH "%064llx"

/* Since the last call, all statements together. */
static int64_t steps(struct mirror *m)
{
	struct vs_err err = VS_ERR_INIT;
	sqlite3 *db = sqlite3_db_handle(vs_db_stmt(m->db, MSQL_META_GET, &err));
	int64_t n = 0;

	for (sqlite3_stmt *st = NULL; (st = sqlite3_next_stmt(db, st));)
		n += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_VM_STEP, 1);
	return n;
}

static void path_of(int64_t i, char out[64])
{
	(void)snprintf(
	    out, 64, "d%02lld/f%06lld", (long long)(i % 50), (long long)i);
}

/* A file of the listing that was pulled as well; every tenth twice. */
static void row_add(struct mirror *m, int64_t i, struct vs_err *err)
{
	char path[64], hash[VS_HASH_HEX + 1], id[40];
	struct vs_listing_row row = { .c = { .path = path,
					  .kind = VS_KIND_FILE,
					  .size = 10,
					  .hash = hash,
					  .mode = -1 },
		.version = 1 };
	struct mirror_local local = { .stat = { .size = 10 } };
	struct mirror_row of = { .size = 10 };
	struct pull *p;

	path_of(i, path);
	(void)snprintf(hash, sizeof(hash), HASH, (unsigned long long)i);
	(void)snprintf(id, sizeof(id), "old-%lld", (long long)i);
	memcpy(local.hash, hash, sizeof(hash));
	assert_int_equal(mirror_apply(m, &row, err), 0);
	assert_int_equal(mirror_local_put(m, path, &local, 5, err), 0);
	(void)snprintf(of.path, sizeof(of.path), "%s", path);
	memcpy(of.hash, hash, sizeof(hash));
	p = pulls_new(id, &of, false);
	assert_non_null(p);
	p->state = PULL_DONE;
	p->ended_ms = 1749999999000;
	assert_int_equal(i % 10 ? 0 : pulls_put(m, p, 5, err), 0);
	pulls_free(p);
}

/* A member that knows of n files and follows a log that is empty. */
static struct memberkit *knowing(int64_t n)
{
	struct memberkit *k = memberkit_new();
	struct vs_err err = VS_ERR_INIT;
	struct mirror m;

	memberkit_stop(k, false);
	assert_int_equal(mirror_open(&m, "mirror.db", "unit-member", &err), 0);
	assert_int_equal(vs_db_begin(m.db, &err), 0);
	for (int64_t i = 0; i < n; i++)
		row_add(&m, i, &err);
	(void)snprintf(m.log_id, sizeof(m.log_id), "%s", k->log_id);
	assert_int_equal(mirror_save(&m, &err), 0);
	assert_int_equal(vs_db_commit(m.db, &err), 0);
	mirror_close(&m);
	/* nobody compares checksums: the cloud of the kit has no rows */
	k->hold_send = true;
	memberkit_start(k);
	memberkit_run(k);
	steps(&k->m->mirror);
	return k;
}

/* New files, other contents and deletions, one message each. */
static int64_t events(struct memberkit *k)
{
	struct member *m = k->m;
	char path[64];

	for (int i = 0; i < EVENTS; i++) {
		path_of(i * 37, path);
		if (i % 2 == 0)
			(void)snprintf(path, sizeof(path), "new/%d", i);
		memberkit_put(k, path, 20, (unsigned)i);
		memberkit_run(k);
		if (i % 4 == 3)
			memberkit_remove(k, path);
		memberkit_run(k);
	}
	assert_int_equal(m->mirror.last_seq, k->seq);
	assert_int_equal(k->changes, k->seq);
	return steps(&m->mirror);
}

/* Pulls of new files, one after the other, from the plan to the end. */
static int64_t pulls(struct memberkit *k)
{
	char path[64];

	steps(&k->m->mirror);
	for (int i = 0; i < 10; i++) {
		(void)snprintf(path, sizeof(path), "new/%d", 4 * i);
		json_decref(memberkit_pull(k, path, NULL));
		k->hold_send = false;
		while (k->sends > 0 && strstr(k->send[0].path, "/events?"))
			memmove(k->send, k->send + 1,
			    (size_t)--k->sends * sizeof(k->send[0]));
		memberkit_run(k);
		k->hold_send = true;
		memberkit_has(k, k->fs, path);
	}
	return steps(&k->m->mirror);
}

/* What people and their programs ask, again and again. */
static int64_t questions(struct memberkit *k)
{
	struct vs_err err = VS_ERR_INIT;
	json_t *doc;

	steps(&k->m->mirror);
	doc = member_status(k->m, k->now);
	assert_true(
	    json_integer_value(json_object_get(doc, "here_files")) >= FEW);
	json_decref(doc);
	doc = member_transfers(k->m, 20);
	assert_int_equal(
	    json_array_size(json_object_get(doc, "transfers")), 20);
	json_decref(doc);
	json_decref(member_why(k->m, "d01/f000001", k->now));
	json_decref(member_list(k->m, "d07", false, "", 50, &err));
	json_decref(member_list(k->m, "", true, "d03", 50, &err));
	return steps(&k->m->mirror);
}

/* The second is with twenty times as much of it. */
static void assert_flat(const char *what, int64_t few, int64_t many)
{
	print_message("%s: %lld steps, and with 20 times as many %lld\n", what,
	    (long long)few, (long long)many);
	assert_true(few > 0);
	if (many > few + few / 4 + 20)
		fail_msg("%s: %lld steps become %lld", what, (long long)few,
		    (long long)many);
}

static void test_flat(void **state)
{
	struct memberkit *few = knowing(FEW), *many = knowing(MANY);

	(void)state;
	assert_flat("an event", events(few), events(many));
	assert_flat("a pull", pulls(few), pulls(many));
	assert_flat("a question", questions(few), questions(many));
	memberkit_free(few);
	memberkit_free(many);
}

/* The pulls of a large folder: each ends for the same price. */
static void test_queue(void **state)
{
	static const int files[] = { 100, 2000 };
	int64_t cost[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct memberkit *k = memberkit_new();
		char path[64];

		for (int j = 0; j < files[i]; j++) {
			(void)snprintf(path, sizeof(path), "d/%04d", j);
			memberkit_put(k, path, 10 + (size_t)j, 1);
		}
		memberkit_pass(k, 1000);
		steps(&k->m->mirror);
		json_decref(memberkit_pull(k, "d", NULL));
		memberkit_pass(k, 3000);
		assert_string_equal(k->pull, "completed");
		cost[i] = steps(&k->m->mirror) / files[i];
		memberkit_has(k, k->fs, path);
		memberkit_free(k);
	}
	assert_flat("a file of a folder", cost[0], cost[1]);
}

/* What a listing does not have any more is found in one pass. */
static void test_sweep(void **state)
{
	static const int files[] = { FEW, MANY };
	int64_t cost[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct memberkit *k = knowing(files[i]);
		struct mirror *m = &k->m->mirror;
		struct vs_err err = VS_ERR_INIT;
		char after[VS_PATH_MAX + 1] = "";
		int64_t swept = 0;
		int n;

		assert_int_equal(vs_db_begin(m->db, &err), 0);
		m->gen++;
		for (int64_t j = 0; j < files[i]; j += 2)
			row_add(m, j, &err);
		steps(m);
		while ((n = mirror_sweep(m, after, &err)) > 0)
			swept += n;
		assert_int_equal(swept, files[i] / 2);
		cost[i] = steps(m) / files[i];
		vs_db_rollback(m->db);
		memberkit_free(k);
	}
	assert_flat("a row that a listing leaves", cost[0], cost[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flat),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
