/* Who is in a project: invites and members, asked of the cloud. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control/verbs.h"
#include "common/base/json.h"

struct people {
	char id[80]; /* the project's */
	char user[256]; /* whom it is about */
};

/* What a verb keeps; NULL: the request is answered. */
static struct people *people_new(struct request *r)
{
	const struct config_project *c = request_project(r);
	struct people *p = c != NULL ? calloc(1, sizeof(*p)) : NULL;
	struct vs_err err = VS_ERR_INIT;

	if (c == NULL)
		return NULL;
	if (p == NULL) {
		vs_err_set(&err, VS_ENOMEM, "out of memory");
		request_fail(r, &err, NULL);
		return NULL;
	}
	snprintf(p->id, sizeof(p->id), "%s", c->id);
	r->data = p;
	r->data_free = free;
	return p;
}

static void people_protocol(struct request *r, struct vs_err *err)
{
	err->code = VS_EPROTO;
	vs_err_wrap(err, "the server's answer");
	request_fail(r, err, NULL);
}

static void invite_made(struct request *r, const struct vs_httpc_result *result)
{
	const struct people *p = r->data;
	json_t *doc = request_document(r, result);
	struct vs_err err = VS_ERR_INIT;
	const char *token = NULL;

	if (doc == NULL)
		return;
	if (vs_json_get_str(doc, "token", true, &token, &err) < 0)
		people_protocol(r, &err);
	else
		request_ok(r,
		    json_pack("{s:s, s:O?, s:s}", "token", token, "expires_at",
			json_object_get(doc, "expires_at"), "project_id",
			p->id));
	json_decref(doc);
}

void people_invite(struct request *r)
{
	struct people *p = people_new(r);
	int64_t seconds = request_number(r, "expires_in", 0);
	char path[160];
	json_t *body;

	if (p == NULL)
		return;
	body = json_pack("{s:s}", "role", "member");
	if (seconds != 0)
		json_object_set_new(body, "expires_in", json_integer(seconds));
	snprintf(path, sizeof(path), "/api/projects/%s/invites", p->id);
	request_send(r, "POST", path, body, invite_made);
}

static void members_listed(
    struct request *r, const struct vs_httpc_result *result)
{
	json_t *doc = request_document(r, result);
	struct vs_err err = VS_ERR_INIT;
	json_t *members = NULL;

	if (doc == NULL)
		return;
	if (vs_json_get_array(doc, "members", true, &members, &err) < 0)
		people_protocol(r, &err);
	else
		request_ok(r, json_pack("{s:O}", "members", members));
	json_decref(doc);
}

void people_members(struct request *r)
{
	struct people *p = people_new(r);
	char path[160];

	if (p == NULL)
		return;
	snprintf(path, sizeof(path), "/api/projects/%s/members", p->id);
	request_send(r, "GET", path, NULL, members_listed);
}

static void member_removed(
    struct request *r, const struct vs_httpc_result *result)
{
	json_t *doc = request_document(r, result);

	if (doc == NULL)
		return;
	json_decref(doc);
	request_ok(r, json_object());
}

/* The row of a name or an id among members, or NULL; *many: not the only. */
static const json_t *member_find(
    const json_t *members, const char *user, bool *many)
{
	const json_t *found = NULL;
	const json_t *m;
	size_t i;

	*many = false;
	json_array_foreach(members, i, m)
	{
		const char *id =
		    json_string_value(json_object_get(m, "user_id"));
		const char *name =
		    json_string_value(json_object_get(m, "name"));

		if (id == NULL)
			continue;
		if (strcmp(id, user) == 0)
			return m;
		if (name != NULL && strcmp(name, user) == 0) {
			*many = found != NULL;
			found = m;
		}
	}
	return found;
}

static void remove_listed(
    struct request *r, const struct vs_httpc_result *result)
{
	const struct people *p = r->data;
	json_t *doc = request_document(r, result);
	struct vs_err err = VS_ERR_INIT;
	const char *id, *role;
	const json_t *m;
	char path[256];
	bool many = false;

	if (doc == NULL)
		return;
	m = member_find(json_object_get(doc, "members"), p->user, &many);
	id = json_string_value(json_object_get(m, "user_id"));
	role = json_string_value(json_object_get(m, "role"));
	if (many)
		vs_err_set(&err, VS_EINVAL,
		    "several members are named %s: which one?", p->user);
	else if (id == NULL ||
	    strspn(id, "0123456789abcdefABCDEF-") != strlen(id))
		vs_err_set(&err, VS_ENOENT, "%s is no member of it", p->user);
	else if (role != NULL && strcmp(role, "owner") == 0)
		vs_err_set(&err, VS_EINVAL,
		    "%s owns the project, and cannot be taken out of it",
		    p->user);
	if (err.code < 0) {
		request_fail(r, &err, "vsync members --json shows ids");
	} else {
		snprintf(path, sizeof(path), "/api/projects/%s/members/%.80s",
		    p->id, id);
		request_send(r, "DELETE", path, NULL, member_removed);
	}
	json_decref(doc);
}

void people_remove(struct request *r)
{
	const char *user = request_str(r, "user");
	struct people *p = people_new(r);
	struct vs_err err = VS_ERR_INIT;
	char path[160];

	if (p == NULL)
		return;
	if (user == NULL || *user == '\0' || strlen(user) >= sizeof(p->user)) {
		vs_err_set(&err, VS_EINVAL, "whom? a name or an id is needed");
		request_fail(r, &err, NULL);
		return;
	}
	snprintf(p->user, sizeof(p->user), "%s", user);
	snprintf(path, sizeof(path), "/api/projects/%s/members", p->id);
	request_send(r, "GET", path, NULL, remove_listed);
}
