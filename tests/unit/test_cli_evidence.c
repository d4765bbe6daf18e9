/* What proves that a project is in sync. */
#include "cli/evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1763402400123) /* 2025-11-17T18:00:00.123Z */

static struct evidence e;
static json_t *doc;

static json_t *proven(void)
{
	return json_pack(
	    "{s:s,s:s,s:s,s:s,s:b,s:b,s:s,s:f,s:i,s:i,s:b,s:b,s:i}", "id", "1",
	    "name", "film", "root", "/f", "state", "in_sync", "in_sync", 1,
	    "tree_equal", 1, "last_scan_at", "2025-11-17T17:00:00Z", "coverage",
	    1.0, "dirs_watched", 3, "last_seq", 7, "scanning", 0, "in_flight",
	    0, "overflows", 0);
}

/* The proven one, but for one member. */
static int reading(const char *key, json_t *value)
{
	struct vs_err err = VS_ERR_INIT;

	json_decref(doc);
	doc = proven();
	if (key != NULL)
		json_object_set_new(doc, key, value);
	return evidence_read(&e, doc, &err);
}

static void lacks(const char *key, json_t *value, const char *what)
{
	assert_int_equal(reading(key, value), VS_OK);
	assert_non_null(evidence_lacks(&e));
	if (strstr(evidence_lacks(&e), what) == NULL)
		fail_msg("%s: %s", key, evidence_lacks(&e));
	/* The agent's word alone is not enough for the best rank. */
	assert_int_not_equal(evidence_rank(&e), 0);
}

static void test_all_of_it_is_a_proof(void **state)
{
	(void)state;
	assert_int_equal(reading(NULL, NULL), VS_OK);
	assert_null(evidence_lacks(&e));
	assert_int_equal(evidence_rank(&e), 0);
}

static void test_each_part_is_needed(void **state)
{
	(void)state;
	lacks("last_scan_at", json_null(), "never reconciled");
	lacks("scanning", json_true(), "being reconciled");
	lacks("outbox", json_integer(1), "wait for the cloud");
	lacks("in_flight", json_true(), "wait for the cloud");
	lacks("in_flight", json_integer(2), "wait for the cloud");
	lacks("held", json_integer(1), "decision");
	lacks("tree_equal", json_null(), "not compared");
	lacks("tree_equal", json_false(), "another");
	lacks("in_sync", json_false(), "agent");
}

static void test_a_second_look_is_no_lack(void **state)
{
	(void)state;
	assert_int_equal(reading("settling", json_integer(2)), VS_OK);
	assert_null(evidence_lacks(&e));
	e.claimed = false;
	assert_non_null(strstr(evidence_lacks(&e), "looked at"));
	e.settling = 0;
	e.hashing = 1;
	assert_non_null(strstr(evidence_lacks(&e), "looked at"));
}

static void test_the_worst_ranks_highest(void **state)
{
	static const char *const order[] = { "in_sync", "publishing", "paused",
		"offline", "held", "diverged", "root_lost", "from_the_future" };
	int last = -1;

	(void)state;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		assert_int_equal(
		    reading("state", json_string(order[i])), VS_OK);
		assert_true(evidence_rank(&e) > last);
		last = evidence_rank(&e);
	}
}

static void test_wrong_types_are_refused(void **state)
{
	struct vs_err err = VS_ERR_INIT;

	(void)state;
	assert_int_equal(reading("name", json_integer(1)), VS_EINVAL);
	assert_int_equal(reading("state", json_null()), VS_EINVAL);
	assert_int_equal(reading("in_sync", json_integer(1)), VS_EINVAL);
	assert_int_equal(reading("outbox", json_string("1")), VS_EINVAL);
	assert_int_equal(reading("problems", json_object()), VS_EINVAL);
	assert_int_equal(evidence_read(&e, NULL, &err), VS_EINVAL);
}

static void test_errors_and_warnings_degrade(void **state)
{
	static const char *const bad[] = { "error", "warning" };

	(void)state;
	assert_int_equal(
	    reading("problems", json_pack("[{},{s:s}]", "severity", "info")),
	    VS_OK);
	assert_false(evidence_degraded(&e));
	assert_int_equal(evidence_rank(&e), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		    reading("problems",
			json_pack("[{},{s:s}]", "severity", bad[i])),
		    VS_OK);
		assert_true(evidence_degraded(&e));
		assert_null(evidence_lacks(&e));
		assert_int_equal(evidence_rank(&e), 1);
	}
}

static void prints(const char *key, json_t *value, const char *want)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct print p = { .f = f };

	assert_int_equal(reading(key, value), VS_OK);
	evidence_print(&p, &e, NOW);
	fclose(f);
	if (strstr(text, want) == NULL)
		fail_msg("%s: no \"%s\"", text, want);
	free(text);
}

static void test_the_facts_on_a_line(void **state)
{
	(void)state;
	prints(NULL, NULL,
	    "tree equal to the cloud's at seq 7, reconciled 1 h 0 min ago, "
	    "3 folders watched (100 %), no overflow, outbox empty");
	prints("coverage", json_real(0.9999), "(99 %)");
	prints("tree_equal", json_null(), "tree not compared with");
	prints("tree_equal", json_false(), "tree different from");
	prints("overflows", json_integer(2), "2 overflows");
	prints("outbox", json_integer(1234), "outbox 1,234");
	prints("held", json_integer(9), "outbox empty, 9 held");
}

/* The member's, but for one member. */
static int reading_member(const char *key, json_t *value)
{
	struct vs_err err = VS_ERR_INIT;

	json_decref(doc);
	doc = json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:b,s:i,s:i,s:i,s:i}", "id",
	    "1", "name", "film", "root", "/f", "role", "member", "state",
	    "following", "in_sync", 1, "tree_equal", 1, "last_seq", 7, "files",
	    120, "here_files", 3, "here_bytes", 2048);
	if (key != NULL)
		json_object_set_new(doc, key, value);
	return evidence_read(&e, doc, &err);
}

static void test_a_member_proves_its_listing(void **state)
{
	static const char *const good[] = { "in_sync", "following", "pulling" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		    reading_member("state", json_string(good[i])), VS_OK);
		assert_true(e.member);
		assert_null(evidence_lacks(&e));
		assert_int_equal(evidence_rank(&e), 0);
	}
	reading_member("state", json_string("catching_up"));
	assert_non_null(strstr(evidence_lacks(&e), "caught up"));
	assert_int_equal(evidence_rank(&e), 2);
	reading_member("tree_equal", json_null());
	assert_non_null(strstr(evidence_lacks(&e), "not compared"));
	assert_int_equal(evidence_rank(&e), 1);
	reading_member("tree_equal", json_false());
	assert_non_null(strstr(evidence_lacks(&e), "another"));
	reading_member("in_sync", json_false());
	assert_non_null(strstr(evidence_lacks(&e), "agent"));
	reading_member("state", json_string("root_lost"));
	assert_in_range(evidence_rank(&e), 5, 100);
	/* An owner with the same words is measured by more. */
	reading_member("role", json_string("owner"));
	assert_non_null(strstr(evidence_lacks(&e), "reconciled"));
}

static void test_a_members_facts(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct print p = { .f = f };

	(void)state;
	reading_member("pulls", json_integer(2));
	e.pull_bytes = 1 << 20;
	evidence_print(&p, &e, NOW);
	fclose(f);
	assert_string_equal(text,
	    "listing equal to the cloud's at seq 7, 3 of 120 files here "
	    "(2.0 KiB), 2 pulls under way (1.0 MiB to come)");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_it_is_a_proof),
		cmocka_unit_test(test_each_part_is_needed),
		cmocka_unit_test(test_a_second_look_is_no_lack),
		cmocka_unit_test(test_the_worst_ranks_highest),
		cmocka_unit_test(test_wrong_types_are_refused),
		cmocka_unit_test(test_errors_and_warnings_degrade),
		cmocka_unit_test(test_the_facts_on_a_line),
		cmocka_unit_test(test_a_member_proves_its_listing),
		cmocka_unit_test(test_a_members_facts),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	json_decref(doc);
	return rc;
}
