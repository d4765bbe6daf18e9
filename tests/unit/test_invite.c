/* Invitations, and who is in a project. */
#include "tests/unit/cloudkit.h"

#include <stdio.h>
#include <stdlib.h>
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

static void invite(struct cloudkit *k, const char *body, char path[160])
{
	json_t *doc = cloudkit_post(k, "/api/projects/%P/invites", "%s", body);

	assert_int_equal(k->status, 200);
	assert_int_equal(strlen(cloudkit_str(doc, "token")), 64);
	(void)snprintf(
	    path, 160, "/api/invites/%s/accept", cloudkit_str(doc, "token"));
	json_decref(doc);
}

static void refused(struct cloudkit *k, const char *token, const char *path)
{
	cloudkit_refused(
	    k, cloudkit_ask(k, token, "POST", path, NULL), 404, "not_found");
}

static void test_accept(void **state)
{
	struct cloudkit *k = *state;
	char path[160];
	json_t *doc;
	int i;

	invite(k, "{}", path);
	json_decref(cloudkit_ask(
	    k, k->stranger.text, "GET", "/api/projects/%P/files", NULL));
	assert_int_equal(k->status, 404);
	k->wall_ms += 5000;
	/* a lost answer is asked for again */
	for (i = 0; i < 2; i++) {
		doc = cloudkit_ask(k, k->stranger.text, "POST", path, NULL);
		assert_int_equal(k->status, 200);
		assert_string_equal(cloudkit_str(doc, "role"), "member");
		assert_string_equal(
		    cloudkit_str(doc, "project.id"), k->project);
		assert_string_equal(cloudkit_str(doc, "project.name"), "film");
		json_decref(doc);
	}
	json_decref(cloudkit_ask(
	    k, k->stranger.text, "GET", "/api/projects/%P/files", NULL));
	assert_int_equal(k->status, 200);
	doc = cloudkit_ask(
	    k, k->member.text, "GET", "/api/projects/%P/members", NULL);
	assert_int_equal(json_array_size(cloudkit_at(doc, "members")), 3);
	assert_string_equal(cloudkit_str(doc, "members.0.role"), "owner");
	assert_string_equal(cloudkit_str(doc, "members.0.name"), "ada");
	assert_string_equal(cloudkit_str(doc, "members.2.name"), "eve");
	assert_string_equal(cloudkit_str(doc, "members.2.joined_at"),
	    "2025-11-17T18:00:05.000Z");
	json_decref(doc);
}

/* One person only; the ones inside do not use it up. */
static void test_single_use(void **state)
{
	struct cloudkit *k = *state;
	char path[160];

	invite(k, "{\"role\":\"member\"}", path);
	json_decref(cloudkit_ask(k, k->owner.text, "POST", path, NULL));
	assert_int_equal(k->status, 200);
	json_decref(cloudkit_ask(k, k->member.text, "POST", path, NULL));
	assert_int_equal(k->status, 200);
	json_decref(cloudkit_ask(k, k->stranger.text, "POST", path, NULL));
	assert_int_equal(k->status, 200);
	refused(k, k->owner.text, path);
	refused(k, k->member.text, path);
}

/* Removed means removed: the old invitation lets nobody in again. */
static void test_removed(void **state)
{
	struct cloudkit *k = *state;
	char path[160], target[160];

	invite(k, "{}", path);
	json_decref(cloudkit_ask(k, k->stranger.text, "POST", path, NULL));
	assert_int_equal(k->status, 200);
	(void)snprintf(target, sizeof(target), "/api/projects/%%P/members/%s",
	    k->stranger.user_id);
	json_decref(cloudkit_ask(k, k->owner.text, "DELETE", target, NULL));
	assert_int_equal(k->status, 200);
	assert_true(k->answer.tell.rights);
	assert_string_equal(k->answer.project_id, k->project);
	cloudkit_refused(k,
	    cloudkit_ask(k, k->owner.text, "DELETE", target, NULL), 404,
	    "not_found");
	refused(k, k->stranger.text, path);
	json_decref(cloudkit_ask(
	    k, k->stranger.text, "GET", "/api/projects/%P/files", NULL));
	assert_int_equal(k->status, 404);
	/* the owner is no member */
	(void)snprintf(target, sizeof(target), "/api/projects/%%P/members/%s",
	    k->owner.user_id);
	cloudkit_refused(k,
	    cloudkit_ask(k, k->owner.text, "DELETE", target, NULL), 404,
	    "not_found");
}

static void test_over(void **state)
{
	struct cloudkit *k = *state;
	char soon[160], later[160];

	invite(k, "{\"expires_in\":60}", soon);
	invite(k, "{}", later);
	k->wall_ms += 60 * 1000;
	refused(k, k->stranger.text, soon);
	refused(k, k->member.text, soon);
	k->wall_ms += 7 * 24 * 3600 * 1000LL - 60 * 1000 - 1;
	json_decref(cloudkit_ask(k, k->stranger.text, "POST", later, NULL));
	assert_int_equal(k->status, 200);
}

static void test_bad(void **state)
{
	static const char *const bodies[] = { "{\"role\":\"owner\"}",
		"{\"role\":1}", "{\"expires_in\":0}", "{\"expires_in\":-1}",
		"{\"expires_in\":99999999999}", "{\"expires_in\":\"x\"}" };
	struct cloudkit *k = *state;
	size_t i;

	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		cloudkit_refused(k,
		    cloudkit_post(
			k, "/api/projects/%P/invites", "%s", bodies[i]),
		    400, "bad_field");
	refused(k, k->stranger.text, "/api/invites/nothing/accept");
	refused(k, k->stranger.text, "/api/invites/'--/accept");
}

/* The database alone opens no project. */
static void test_hashed(void **state)
{
	struct cloudkit *k = *state;
	char path[160], token[65], name[128];
	char *text = malloc(8 << 20);
	size_t n = 0;
	FILE *f;
	int i;

	invite(k, "{}", path);
	memcpy(token, path + strlen("/api/invites/"), 64);
	token[64] = '\0';
	for (i = 0; i < 2; i++) {
		(void)snprintf(
		    name, sizeof(name), "%s%s", k->file, i == 0 ? "" : "-wal");
		f = fopen(name, "r");
		assert_non_null(f);
		n += fread(text + n, 1, (8 << 20) - n, f);
		(void)fclose(f);
	}
	assert_true(n > 8192);
	assert_non_null(memmem(text, n, k->project, strlen(k->project)));
	assert_null(memmem(text, n, token, strlen(token)));
	free(text);
}

#define WITH_KIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KIT(test_accept),
		WITH_KIT(test_single_use),
		WITH_KIT(test_removed),
		WITH_KIT(test_over),
		WITH_KIT(test_bad),
		WITH_KIT(test_hashed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
