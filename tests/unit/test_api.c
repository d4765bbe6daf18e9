/* Addresses and methods, people and projects; rights are in test_authz.c. */
#include "tests/unit/cloudkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/api/handlers.h"
#include "cloud/api/route.h"

#define PIN "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

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

/* A pattern of the table as a path: its project, and "x" for the rest. */
static void path_of(const struct route *route, bool bare, char *out, size_t cap)
{
	const char *p = route->pattern;
	bool first = true;
	size_t n;

	n = (size_t)snprintf(out, cap, "%s", bare ? "" : "/api");
	for (; *p != '\0'; p++) {
		assert_true(n + 3 < cap);
		if (*p != ':') {
			out[n++] = *p;
		} else {
			(void)snprintf(out + n, cap - n, first ? "%%P" : "x");
			n += strlen(out + n);
			first = false;
		}
	}
	out[n] = '\0';
}

/* A project that is not there looks the same as one of somebody else. */
static void test_no_leak(void **state)
{
	static const char *const ids[] = { "nope", "x'--", "..",
		"8d1b8c52-93b2-4d57-9e2c-5a0f5f2a0009" };
	struct cloudkit *k = *state;
	char path[160], foreign[2048];
	json_t *doc;
	size_t i;

	doc = cloudkit_ask(
	    k, k->stranger.text, "GET", "/api/projects/%P/files", NULL);
	(void)snprintf(
	    foreign, sizeof(foreign), "%s", vs_buf_str(&k->answer.body));
	cloudkit_refused(k, doc, 404, "not_found");
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		(void)snprintf(
		    path, sizeof(path), "/api/projects/%s/files", ids[i]);
		doc = cloudkit_ask(k, k->stranger.text, "GET", path, NULL);
		assert_string_equal(vs_buf_str(&k->answer.body), foreign);
		cloudkit_refused(k, doc, 404, "not_found");
	}
}

static void test_no_route(void **state)
{
	static const char *const paths[] = { "/", "", "/api", "/api/", "/nope",
		"/api/nope", "/me", "/devices", "/api/healthz",
		"/api/projects/", "/api/projects//files", "/api/projects/%P",
		"/api/projects/%P/files/", "/api/projects/%P/files/update/x",
		"/api/projects/%P/holds/", "/api/api/projects",
		"/APi/projects" };
	struct cloudkit *k = *state;
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		cloudkit_refused(k,
		    cloudkit_ask(k, k->owner.text, "GET", paths[i], NULL), 404,
		    "not_found");
}

static void test_methods(void **state)
{
	struct cloudkit *k = *state;

	cloudkit_refused(k,
	    cloudkit_ask(k, k->owner.text, "PUT", "/api/projects", NULL), 405,
	    "method_not_allowed");
	assert_string_equal(k->answer.headers[0], "Allow: GET, POST");
	cloudkit_refused(k,
	    cloudkit_ask(
		k, k->owner.text, "GET", "/api/projects/%P/files/update", NULL),
	    405, "method_not_allowed");
	assert_string_equal(k->answer.headers[0], "Allow: POST");
	cloudkit_refused(k, cloudkit_ask(k, NULL, "GET", "/api/me", NULL), 401,
	    "unauthorized");
	assert_string_equal(k->answer.headers[0], "WWW-Authenticate: Bearer");
}

static void test_both_bases(void **state)
{
	struct cloudkit *k = *state;
	const struct route *route;
	char path[160];
	size_t i;

	for (i = 0; (route = route_at(i)) != NULL; i++) {
		if (strcmp(route->method, "GET") != 0 ||
		    (route->flags & ROUTE_BARE) == 0)
			continue;
		path_of(route, true, path, sizeof(path));
		json_decref(cloudkit_ask(k, k->member.text, "GET", path, NULL));
		/* the handler is reached: it knows no "x" */
		assert_int_equal(k->status,
		    strstr(path, "/x")                        ? 404
			: (route->flags & ROUTE_UPGRADE) != 0 ? 426
							      : 200);
		assert_null(strstr(
		    vs_buf_str(&k->answer.body), "nothing at this address"));
	}
}

static void test_writes(void **state)
{
	struct api_request r = { .method = "POST", .query = "" };

	(void)state;
	r.path = "/projects/x/files/update";
	assert_true(api_writes(&r));
	assert_false(api_slow(&r));
	r.method = "GET";
	assert_false(api_writes(&r));
	r.path = "/api/projects/x/snapshot";
	assert_true(api_slow(&r));
	r.path = "/api/projects/x/files";
	assert_false(api_slow(&r) || api_writes(&r));
	r.method = "POST";
	r.path = "/nowhere";
	assert_false(api_slow(&r) || api_writes(&r));
}

static void test_projects(void **state)
{
	struct cloudkit *k = *state;
	char name[400];
	json_t *doc;

	doc = cloudkit_ask(k, k->member.text, "GET", "/api/projects", NULL);
	assert_int_equal(json_array_size(cloudkit_at(doc, "projects")), 1);
	assert_string_equal(cloudkit_str(doc, "projects.0.role"), "member");
	assert_string_equal(
	    cloudkit_str(doc, "projects.0.owner_id"), k->owner.user_id);
	json_decref(doc);
	doc = cloudkit_post(k, "/api/projects", "{\"name\":\"z\\u00e9\"}");
	assert_int_equal(k->status, 201);
	assert_string_equal(cloudkit_str(doc, "project.name"), "z\xc3\xa9");
	json_decref(doc);
	doc = cloudkit_ask(k, k->owner.text, "GET", "/api/projects", NULL);
	assert_int_equal(json_array_size(cloudkit_at(doc, "projects")), 2);
	assert_string_equal(cloudkit_str(doc, "projects.1.role"), "owner");
	json_decref(doc);
	doc = cloudkit_ask(k, k->stranger.text, "GET", "/api/projects", NULL);
	assert_int_equal(json_array_size(cloudkit_at(doc, "projects")), 0);
	json_decref(doc);
	memset(name, 'n', 256);
	name[256] = '\0';
	cloudkit_refused(k,
	    cloudkit_post(k, "/api/projects", "{\"name\":\"%s\"}", name), 400,
	    "bad_field");
	cloudkit_refused(k,
	    cloudkit_post(k, "/api/projects", "{\"name\":\"a\\nb\"}"), 400,
	    "bad_field");
	cloudkit_refused(k, cloudkit_post(k, "/api/projects", "{\"name\":7}"),
	    400, "bad_field");
	cloudkit_refused(
	    k, cloudkit_post(k, "/api/projects", "[]"), 400, "bad_json");
	cloudkit_refused(
	    k, cloudkit_post(k, "/api/projects", "{"), 400, "bad_json");
}

static void test_devices(void **state)
{
	struct cloudkit *k = *state;
	json_t *doc, *other;

	doc = cloudkit_post(k, "/api/devices",
	    "{\"name\":\"d\",\"endpoints\":[\"10.0.0.1:7\"],"
	    "\"public_key_pin\":\"sha256//" PIN "\"}");
	assert_int_equal(k->status, 200);
	assert_int_equal(strlen(cloudkit_str(doc, "ticket_key")), 64);
	other = cloudkit_post(k, "/api/devices", "{\"name\":\"d\"}");
	assert_string_not_equal(
	    cloudkit_str(doc, "device_id"), cloudkit_str(other, "device_id"));
	assert_string_not_equal(
	    cloudkit_str(doc, "ticket_key"), cloudkit_str(other, "ticket_key"));
	json_decref(doc);
	json_decref(other);
	cloudkit_refused(k,
	    cloudkit_post(
		k, "/api/devices", "{\"name\":\"d\",\"endpoints\":[7]}"),
	    400, "bad_field");
	cloudkit_refused(k,
	    cloudkit_post(
		k, "/api/devices", "{\"name\":\"d\",\"endpoints\":\"x\"}"),
	    400, "bad_field");
	cloudkit_refused(k,
	    cloudkit_post(
		k, "/api/devices", "{\"name\":\"d\",\"public_key_pin\":1}"),
	    400, "bad_field");
	cloudkit_refused(k,
	    cloudkit_post(k, "/api/devices",
		"{\"name\":\"d\",\"public_key_pin\":\"sha256//x\"}"),
	    400, "bad_field");
}

static void test_tokens(void **state)
{
	struct cloudkit *k = *state;
	struct account a = {
		.store = k->store, .rand = &k->rand, .wall_ms = k->wall_ms
	};
	struct account_token t;
	char upper[AUTH_TOKEN_SIZE];
	json_t *doc;

	doc = cloudkit_ask(k, k->member.text, "GET", "/api/me", NULL);
	assert_string_equal(cloudkit_str(doc, "user.name"), "bob");
	assert_string_equal(cloudkit_str(doc, "user.id"), k->member.user_id);
	json_decref(doc);
	assert_int_equal(account_add_token(&a, "bob", &t, NULL), VS_OK);
	json_decref(cloudkit_ask(k, t.text, "GET", "/api/me", NULL));
	assert_int_equal(k->status, 200);
	memcpy(upper, t.text, sizeof(upper));
	upper[63] = upper[63] == '0' ? '1' : '0';
	cloudkit_refused(k, cloudkit_ask(k, upper, "GET", "/api/me", NULL), 401,
	    "unauthorized");
	/* the token's id is no token */
	cloudkit_refused(k, cloudkit_ask(k, t.id, "GET", "/api/me", NULL), 401,
	    "unauthorized");
	assert_int_equal(account_revoke(&a, t.id, NULL), VS_OK);
	cloudkit_refused(k, cloudkit_ask(k, t.text, "GET", "/api/me", NULL),
	    401, "unauthorized");
	json_decref(cloudkit_ask(k, k->member.text, "GET", "/api/me", NULL));
	assert_int_equal(k->status, 200);
	assert_int_equal(account_revoke(&a, t.id, NULL), VS_ENOENT);
	assert_int_equal(account_add_user(&a, "bob", &t, NULL), VS_EEXIST);
	assert_int_equal(account_add_token(&a, "zoe", &t, NULL), VS_ENOENT);
	assert_int_equal(account_add_user(&a, "a b", &t, NULL), VS_EINVAL);
	assert_int_equal(account_add_user(&a, "", &t, NULL), VS_EINVAL);
	assert_int_equal(account_add_user(&a, "-x", &t, NULL), VS_EINVAL);
}

static void test_failed(void **state)
{
	struct api_answer a;

	(void)state;
	api_answer_init(&a);
	vs_buf_addstr(&a.body, "half an answer");
	a.last_seq = 7;
	api_failed(&a, VS_EIO);
	assert_int_equal(a.status, 503);
	assert_int_equal(a.last_seq, 0);
	assert_non_null(strstr(vs_buf_str(&a.body), "\"unavailable\""));
	assert_null(strstr(vs_buf_str(&a.body), "half"));
	assert_string_equal(a.headers[0], "Retry-After: 1");
	api_failed(&a, VS_ENOSPC);
	assert_int_equal(a.status, 507);
	assert_non_null(strstr(vs_buf_str(&a.body), "\"no_space\""));
	api_answer_release(&a);
}

#define WITH_KIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KIT(test_no_leak),
		WITH_KIT(test_no_route),
		WITH_KIT(test_methods),
		WITH_KIT(test_both_bases),
		cmocka_unit_test(test_writes),
		WITH_KIT(test_projects),
		WITH_KIT(test_devices),
		WITH_KIT(test_tokens),
		cmocka_unit_test(test_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
