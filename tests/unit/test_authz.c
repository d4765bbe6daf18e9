/*
 * Who may do what: every route of the table by everybody.  A route without a
 * row here, or a row without a route, fails the test.
 */
#include "tests/unit/cloudkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/api/route.h"

enum who {
	NOBODY, /* no token */
	WRONG, /* a token that is none */
	STRANGER, /* a user, owner of another project */
	MEMBER,
	OWNER,
	REMOVED, /* was a member until just now */
	REVOKED, /* the owner's token, revoked */
	ELSEWHERE, /* the owner, with the id of a stranger's project */
	CROSS, /* the stranger, own project, with another one's ids */
	EVERYBODY
};

static const char *const names[EVERYBODY] = { "nobody", "a wrong token",
	"a stranger", "a member", "the owner", "a removed member",
	"a revoked token", "the owner elsewhere", "a stranger across" };

struct row {
	const char *method;
	const char *pattern;
	const char *path; /* %P: project; %T, %H, %M, %D, %I: see expand */
	const char *body; /* that does for who may */
	int status[EVERYBODY];
};

/* Statuses of the kinds of routes; CROSS is told apart by the row. */
#define ANYONE \
	{ \
		200, 200, 200, 200, 200, 200, 200, 200, 200 \
	}
#define USER(ok) \
	{ \
		401, 401, ok, ok, ok, ok, 401, ok, ok \
	}
#define READER(ok, cross) \
	{ \
		401, 401, 404, ok, ok, 404, 401, 404, cross \
	}
#define OWNS(ok, cross) \
	{ \
		401, 401, 404, 403, ok, 404, 401, 404, cross \
	}

#define CHANGE \
	"{\"changes\":[{\"path\":\"z\",\"op\":\"create\",\"hash\":\"h\"," \
	"\"size\":1,\"mtime\":1}]}"
#define WANT "{\"file_path\":\"f\"}"

static const struct row rows[] = {
	{ "GET", "/healthz", "/healthz", NULL, ANYONE },
	{ "GET", "/me", "/api/me", NULL, USER(200) },
	{ "POST", "/devices", "/api/devices", "{\"name\":\"d\"}", USER(200) },
	/* the device is the owner's */
	{ "PUT", "/devices/:/endpoints", "/api/devices/%D/endpoints",
	    "{\"endpoints\":[]}",
	    { 401, 401, 404, 404, 200, 404, 401, 200, 404 } },
	/* whoever has an invitation may use it */
	{ "POST", "/invites/:/accept", "/api/invites/%I/accept", NULL,
	    USER(200) },
	{ "GET", "/projects", "/api/projects", NULL, USER(200) },
	{ "POST", "/projects", "/api/projects", "{\"name\":\"n\"}", USER(201) },
	{ "POST", "/projects/:/publisher", "/api/projects/%P/publisher",
	    "{\"device_id\":\"%D\"}", OWNS(200, 409) },
	{ "POST", "/projects/:/files/update", "/api/projects/%P/files/update",
	    CHANGE, OWNS(200, 200) },
	{ "GET", "/projects/:/files", "/api/projects/%P/files", NULL,
	    READER(200, 200) },
	{ "GET", "/projects/:/events", "/api/projects/%P/events", NULL,
	    READER(200, 200) },
	{ "GET", "/projects/:/events/stream", "/api/projects/%P/events/stream",
	    NULL, READER(101, 101) },
	{ "GET", "/ws/projects/:", "/ws/projects/%P", NULL, READER(101, 101) },
	{ "GET", "/projects/:/snapshot", "/api/projects/%P/snapshot", NULL,
	    READER(200, 200) },
	{ "GET", "/projects/:/holds", "/api/projects/%P/holds", NULL,
	    READER(200, 200) },
	{ "POST", "/projects/:/holds/:", "/api/projects/%P/holds/%H",
	    "{\"approve\":false}", OWNS(200, 404) },
	{ "POST", "/projects/:/invites", "/api/projects/%P/invites", "{}",
	    OWNS(200, 200) },
	{ "GET", "/projects/:/members", "/api/projects/%P/members", NULL,
	    READER(200, 200) },
	{ "DELETE", "/projects/:/members/:", "/api/projects/%P/members/%M",
	    NULL, OWNS(200, 404) },
	{ "POST", "/projects/:/files/download",
	    "/api/projects/%P/files/download", WANT, READER(200, 404) },
	{ "GET", "/projects/:/transfers", "/api/projects/%P/transfers", NULL,
	    READER(200, 200) },
	{ "GET", "/projects/:/transfers/:", "/api/projects/%P/transfers/%T",
	    NULL, READER(200, 404) },
	{ "PATCH", "/projects/:/transfers/:", "/api/projects/%P/transfers/%T",
	    "{\"status\":\"in_progress\"}", READER(200, 404) },
	/* only who asked for the file gets a ticket, also of the owner's */
	{ "POST", "/projects/:/transfers/:/ticket",
	    "/api/projects/%P/transfers/%T/ticket", NULL,
	    { 401, 401, 404, 200, 403, 404, 401, 404, 404 } },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Ids that the kit's project has something of. */
struct scene {
	struct cloudkit *k;
	struct account_token revoked; /* the owner's */
	char other[STORE_ID]; /* the stranger's project */
	char transfer[STORE_ID]; /* the member's */
	char hold[STORE_ID];
	char invite[80];
};

static void keep(char *out, size_t cap, json_t *doc, const char *at)
{
	(void)snprintf(out, cap, "%s", cloudkit_str(doc, at));
	json_decref(doc);
}

static void set_scene(struct scene *s)
{
	struct account a;
	char body[128];

	s->k = cloudkit_new();
	a = (struct account){ .store = s->k->store,
		.rand = &s->k->rand,
		.wall_ms = s->k->wall_ms };
	assert_int_equal(account_add_token(&a, "ada", &s->revoked, NULL), 0);
	assert_int_equal(account_revoke(&a, s->revoked.id, NULL), 0);
	keep(s->other, sizeof(s->other),
	    cloudkit_ask(s->k, s->k->stranger.text, "POST", "/api/projects",
		"{\"name\":\"other\"}"),
	    "project.id");
	(void)snprintf(
	    body, sizeof(body), "{\"device_id\":\"%s\"}", s->k->device);
	json_decref(cloudkit_ask(s->k, s->k->owner.text, "POST",
	    "/api/projects/%P/publisher", body));
	cloudkit_many(s->k, "create", "x", 0, 150);
	json_decref(cloudkit_publish(s->k,
	    "{\"path\":\"f\",\"op\":\"create\",\"hash\":\"h\",\"size\":1,"
	    "\"mtime\":1}"));
	cloudkit_many(s->k, "delete", "x", 0, 150);
	keep(s->hold, sizeof(s->hold),
	    cloudkit_ask(
		s->k, s->k->owner.text, "GET", "/api/projects/%P/holds", NULL),
	    "holds.0.id");
	keep(s->transfer, sizeof(s->transfer),
	    cloudkit_ask(s->k, s->k->member.text, "POST",
		"/api/projects/%P/files/download", WANT),
	    "download_id");
	keep(s->invite, sizeof(s->invite),
	    cloudkit_post(s->k, "/api/projects/%P/invites", "{}"), "token");
}

/* %P is left to the kit unless another project is to be asked. */
static void expand(
    const struct scene *s, const char *text, const char *project, char *out)
{
	const struct {
		char letter;
		const char *value;
	} ids[] = { { 'P', project }, { 'T', s->transfer }, { 'H', s->hold },
		{ 'M', s->k->member.user_id }, { 'D', s->k->device },
		{ 'I', s->invite } };
	size_t i;

	for (; *text != '\0'; text++) {
		if (*text != '%') {
			*out++ = *text;
			continue;
		}
		text++;
		for (i = 0; ids[i].letter != *text; i++)
			assert_true(i + 1 < sizeof(ids) / sizeof(ids[0]));
		out += sprintf(out, "%s", ids[i].value);
	}
	*out = '\0';
}

static const char *token_of(const struct scene *s, enum who who)
{
	switch (who) {
	case NOBODY:
		return NULL;
	case WRONG:
		return "0000000000000000000000000000000000000000000000000000"
		       "000000000000";
	case STRANGER:
	case CROSS:
		return s->k->stranger.text;
	case MEMBER:
	case REMOVED:
		return s->k->member.text;
	case REVOKED:
		return s->revoked.text;
	default:
		return s->k->owner.text;
	}
}

/* What a refusal must not have changed. */
static char *state_of(const struct scene *s)
{
	static const char *const targets[] = { "/api/projects/%P/files",
		"/api/projects/%P/holds", "/api/projects/%P/members",
		"/api/projects/%P/transfers", "/api/projects" };
	struct vs_buf b;
	size_t i;

	vs_buf_init(&b, 1 << 20);
	for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		json_decref(cloudkit_ask(
		    s->k, s->k->owner.text, "GET", targets[i], NULL));
		vs_buf_addstr(&b, vs_buf_str(&s->k->answer.body));
	}
	return vs_buf_take(&b, NULL);
}

static void check(const struct row *row, enum who who)
{
	bool foreign = who == ELSEWHERE || who == CROSS;
	char path[256], body[256] = "", *before, *after;
	struct scene s;
	json_t *doc;

	set_scene(&s);
	if (who == REMOVED) {
		expand(&s, "/api/projects/%P/members/%M", "%P", path);
		json_decref(
		    cloudkit_ask(s.k, s.k->owner.text, "DELETE", path, NULL));
		assert_int_equal(s.k->status, 200);
	}
	before = state_of(&s);
	expand(&s, row->path, foreign ? s.other : "%P", path);
	if (row->body != NULL)
		expand(&s, row->body, "", body);
	s.k->upgrade = row->status[OWNER] == 101;
	doc = cloudkit_ask(s.k, token_of(&s, who), row->method, path,
	    row->body == NULL ? NULL : body);
	if (s.k->status != row->status[who])
		fail_msg("%s %s by %s: %d, not %d: %s", row->method,
		    row->pattern, names[who], s.k->status, row->status[who],
		    vs_buf_str(&s.k->answer.body));
	if (s.k->status >= 400) {
		assert_non_null(cloudkit_str(doc, "error"));
		assert_non_null(cloudkit_str(doc, "code"));
		after = state_of(&s);
		assert_string_equal(before, after);
		free(after);
	}
	json_decref(doc);
	free(before);
	cloudkit_free(s.k);
}

static const struct row *row_of(const struct route *route)
{
	size_t i;

	for (i = 0; i < ROWS; i++)
		if (strcmp(rows[i].method, route->method) == 0 &&
		    strcmp(rows[i].pattern, route->pattern) == 0)
			return &rows[i];
	fail_msg("%s %s: no row says who may", route->method, route->pattern);
	return NULL;
}

static void test_matrix(void **state)
{
	const struct route *route;
	const struct row *row;
	enum who who;
	size_t i;

	(void)state;
	for (i = 0; (route = route_at(i)) != NULL; i++) {
		row = row_of(route);
		for (who = NOBODY; who < EVERYBODY; who++)
			check(row, who);
	}
	assert_int_equal(i, ROWS);
}

/* The kind of access the table declares is that of the row. */
static void test_declared(void **state)
{
	const struct route *route;
	const struct row *row;
	size_t i;

	(void)state;
	for (i = 0; (route = route_at(i)) != NULL; i++) {
		row = row_of(route);
		assert_true((row->status[NOBODY] == 401) ==
		    (route->access != ROUTE_ANYONE));
		assert_true((row->status[STRANGER] == 404 &&
				row->status[ELSEWHERE] == 404) ==
		    (route->access >= ROUTE_READER));
		assert_true((row->status[MEMBER] == 403) ==
		    (route->access == ROUTE_OWNER));
		/* what changes something needs the writer */
		if (strcmp(route->method, "GET") != 0)
			assert_true((route->flags & ROUTE_WRITES) != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_declared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
