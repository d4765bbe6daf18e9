#include "tests/unit/cloudkit.h"

#include <stdio.h>
#include <string.h>

static int setup(void **state)
{
	*state = cloudkit_new();
	return 0;
}

static int teardown(void **state)
{
	cloudkit_free(*state);
	return 0;
}

static json_t *get(struct cloudkit *k, const char *query)
{
	char target[256];

	(void)snprintf(
	    target, sizeof(target), "/api/projects/%%P/events?%s", query);
	return cloudkit_ask(k, k->owner.text, "GET", target, NULL);
}

struct page {
	const char *query;
	int64_t first, rows, next;
	bool more;
};

/* Of a log of ten. */
static const struct page pages[] = {
	{ "", 1, 10, 11, false },
	{ "since_seq=0", 1, 10, 11, false },
	{ "since_seq=3", 4, 7, 11, false },
	{ "since_seq=3&limit=2", 4, 2, 6, true },
	{ "from_seq=3&limit=2", 3, 2, 5, true },
	{ "from_seq=0", 1, 10, 11, false },
	{ "from_seq=10", 10, 1, 11, false },
	{ "since_seq=8&limit=2", 9, 2, 11, false },
	{ "since_seq=10", 0, 0, 11, false },
	{ "from_seq=11", 0, 0, 11, false },
	{ "since_seq=99", 0, 0, 11, false },
	{ "since_seq=9223372036854775807", 0, 0, 11, false },
	{ "limit=100000", 1, 10, 11, false },
};

static void test_pages(void **state)
{
	struct cloudkit *k = *state;
	size_t i;

	cloudkit_many(k, "create", "f", 0, 10);
	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		const struct page *p = &pages[i];
		json_t *doc = get(k, p->query);

		assert_int_equal(k->status, 200);
		assert_int_equal(
		    json_array_size(cloudkit_at(doc, "events")), p->rows);
		if (p->rows > 0)
			assert_int_equal(
			    cloudkit_int(doc, "events.0.seq"), p->first);
		assert_int_equal(cloudkit_int(doc, "next_seq"), p->next);
		assert_int_equal(cloudkit_int(doc, "last_seq"), 10);
		assert_int_equal(
		    json_is_true(cloudkit_at(doc, "has_more")), p->more);
		assert_int_equal(strlen(cloudkit_str(doc, "log_id")), 36);
		json_decref(doc);
	}
}

static void test_row(void **state)
{
	struct cloudkit *k = *state;
	json_t *doc;

	cloudkit_many(k, "create", "f", 0, 1);
	doc = get(k, "");
	assert_int_equal(cloudkit_int(doc, "events.0.id"), 1);
	assert_string_equal(
	    cloudkit_str(doc, "events.0.project_id"), k->project);
	assert_string_equal(cloudkit_str(doc, "events.0.change.op"), "create");
	assert_string_equal(cloudkit_str(doc, "events.0.created_at"),
	    "2025-11-17T18:00:00.000Z");
	json_decref(doc);
}

/* A poll waits only when there is nothing; the answer is there anyway. */
static void test_wait(void **state)
{
	struct cloudkit *k = *state;
	json_t *doc;

	cloudkit_many(k, "create", "f", 0, 3);
	json_decref(get(k, "since_seq=2&wait=9"));
	assert_int_equal(k->answer.wait_ms, 0);
	doc = get(k, "since_seq=3&wait=9");
	assert_int_equal(k->answer.wait_ms, 9000);
	assert_int_equal(k->answer.wait_seq, 3);
	assert_string_equal(k->answer.project_id, k->project);
	assert_int_equal(k->answer.last_seq, 0);
	assert_int_equal(cloudkit_int(doc, "next_seq"), 4);
	json_decref(doc);
	json_decref(get(k, "from_seq=4&wait=100000"));
	assert_int_equal(k->answer.wait_ms, 55000);
	assert_int_equal(k->answer.wait_seq, 3);
	json_decref(get(k, "since_seq=3&wait=0"));
	assert_int_equal(k->answer.wait_ms, 0);
	cloudkit_refused(k, get(k, "wait=-1"), 400, "bad_field");
	cloudkit_refused(k, get(k, "wait=soon"), 400, "bad_field");
}

/* Two projects have two logs. */
static void test_apart(void **state)
{
	struct cloudkit *k = *state;
	char first[STORE_ID], log[STORE_ID];
	json_t *doc;

	cloudkit_many(k, "create", "f", 0, 3);
	memcpy(first, k->project, sizeof(first));
	doc = get(k, "");
	(void)snprintf(log, sizeof(log), "%s", cloudkit_str(doc, "log_id"));
	json_decref(doc);
	doc = cloudkit_post(k, "/api/projects", "{\"name\":\"two\"}");
	(void)snprintf(k->project, sizeof(k->project), "%s",
	    cloudkit_str(doc, "project.id"));
	json_decref(doc);
	doc = get(k, "");
	assert_int_equal(cloudkit_int(doc, "last_seq"), 0);
	assert_int_equal(cloudkit_int(doc, "next_seq"), 1);
	assert_string_not_equal(cloudkit_str(doc, "log_id"), log);
	json_decref(doc);
	cloudkit_many(k, "create", "f", 0, 2);
	cloudkit_agree(k);
	memcpy(k->project, first, sizeof(first));
	doc = get(k, "");
	assert_int_equal(cloudkit_int(doc, "last_seq"), 3);
	json_decref(doc);
}

#define WITH_KIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KIT(test_pages),
		WITH_KIT(test_row),
		WITH_KIT(test_wait),
		WITH_KIT(test_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
