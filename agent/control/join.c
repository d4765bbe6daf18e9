/*
 * join: a folder becomes a member's.  An invite is spent by being accepted,
 * so all that can fail here is done before: folder, mark; then the cloud,
 * then the configuration (the one step that counts).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/control/site.h"
#include "agent/control/verbs.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/path.h"
#include "common/os/file.h"

#define TOKEN_MAX 256
#define ALIKE_MAX 100 /* projects of one name */

struct join {
	char root[PATH_MAX];
	char root_id[DISK_ID_SIZE];
	char id[80]; /* the project's, from the cloud */
	char name[VS_NAME_MAX + 1];
	char role[16];
	bool made; /* the folder is new */
	bool marked;
	bool kept; /* it is a project's now */
};

/* A join that came to nothing leaves nothing. */
static void join_free(void *data)
{
	struct join *j = data;

	if (j->marked && !j->kept)
		site_unmark(j->root);
	if (j->made && !j->kept)
		(void)rmdir(j->root);
	free(j);
}

static int token_check(const char *token, struct vs_err *err)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789_-";

	if (token == NULL || *token == '\0' || strlen(token) > TOKEN_MAX ||
	    strspn(token, digits) != strlen(token))
		return vs_err_set(
		    err, VS_EINVAL, "join: the invite is no token");
	return VS_OK;
}

static int join_folder(struct request *r, struct join *j, struct vs_err *err)
{
	const char *dir = request_str(r, "dir");
	int rc = VS_OK;

	if (dir != NULL && dir[0] == '/' && access(dir, F_OK) != 0) {
		rc = vs_file_mkdirs(dir, 0755, err);
		j->made = rc == VS_OK;
	}
	if (rc == VS_OK)
		rc = site_find(r, dir, j->root, err);
	if (rc == VS_OK)
		rc = site_mark(r, j->root, true, j->root_id, err);
	if (rc < 0)
		return vs_err_wrap(err, "join");
	j->marked = true;
	return VS_OK;
}

/* A name that no project here has; the cloud's, or the id for a bad one. */
static void name_choose(
    const struct config *c, struct join *j, const char *name)
{
	size_t n = name != NULL ? strlen(name) : 0;

	if (n == 0 || n + 4 > VS_NAME_MAX ||
	    vs_path_check_name(name, n) != VS_PATH_GOOD ||
	    strpbrk(name, "\r\n") != NULL)
		name = j->id;
	snprintf(j->name, sizeof(j->name), "%s", name);
	for (int i = 2; i < ALIKE_MAX && config_find(c, j->name) != NULL; i++)
		snprintf(j->name, sizeof(j->name), "%.240s-%d", name, i);
}

static int answer_read(const struct config *c, struct join *j,
    const json_t *doc, struct vs_err *err)
{
	json_t *project = NULL;
	const char *id = NULL;
	const char *name = NULL;
	const char *role = "member";
	int rc = vs_json_get_object(doc, "project", true, &project, err);

	if (rc == VS_OK)
		rc = vs_json_get_str(project, "id", true, &id, err);
	if (rc == VS_OK)
		rc = vs_json_get_str(project, "name", false, &name, err);
	if (rc == VS_OK)
		rc = vs_json_get_str(doc, "role", false, &role, err);
	if (rc < 0 || strlen(id) >= sizeof(j->id) || *id == '\0' ||
	    strspn(id, "0123456789abcdefABCDEF-") != strlen(id) ||
	    strlen(role) >= sizeof(j->role))
		return vs_err_set(
		    err, VS_EPROTO, "the server's answer names no project");
	snprintf(j->id, sizeof(j->id), "%s", id);
	snprintf(j->role, sizeof(j->role), "%s", role);
	name_choose(c, j, name);
	return VS_OK;
}

static int join_keep(struct request *r, struct join *j, struct vs_err *err)
{
	const struct config *c = agent_config(r->agent);
	const struct config_project p = {
		.id = j->id,
		.name = j->name,
		.root = j->root,
		.root_id = j->root_id,
		.member = true,
	};
	const struct config_project *other = config_find(c, j->id);
	int rc = VS_OK;

	if (other != NULL)
		return vs_err_set(err, VS_EEXIST,
		    "join: this is project %s, which is at %s already",
		    other->name, other->root);
	/* another one may have come first while the cloud was asked */
	rc = site_check(r, j->root, err);
	if (rc == VS_OK)
		rc = config_add_project(c->path, &p, err);
	if (rc < 0)
		return rc;
	j->kept = true;
	return agent_reload(r->agent, err);
}

static void join_accepted(
    struct request *r, const struct vs_httpc_result *result)
{
	struct join *j = r->data;
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = request_document(r, result);
	int rc;

	if (doc == NULL)
		return;
	rc = answer_read(agent_config(r->agent), j, doc, &err);
	json_decref(doc);
	if (rc == VS_OK)
		rc = join_keep(r, j, &err);
	if (rc < 0) {
		request_fail(r, &err, NULL);
		return;
	}
	vs_log(VS_LOG_INFO, "join: project %s", j->id);
	request_ok(r,
	    json_pack("{s:s, s:s, s:s, s:s}", "project_id", j->id, "name",
		j->name, "root", j->root, "role", j->role));
}

void join_serve(struct request *r)
{
	const struct account *account = agent_account(r->agent);
	const char *token = request_str(r, "token");
	struct join *j = calloc(1, sizeof(*j));
	struct vs_err err = VS_ERR_INIT;
	char path[TOKEN_MAX + 64];

	r->data = j;
	r->data_free = j != NULL ? join_free : NULL;
	if (j == NULL)
		vs_err_set(&err, VS_ENOMEM, "join: out of memory");
	else if (account->token[0] == '\0' || account->device_id[0] == '\0' ||
	    *session_url(agent_session(r->agent)) == '\0')
		vs_err_set(&err, VS_EAUTH, "join: not logged in");
	else if (token_check(token, &err) == VS_OK)
		join_folder(r, j, &err);
	if (err.code < 0) {
		request_fail(r, &err,
		    err.code == VS_EEXIST
			? "choose another folder; if no project uses this "
			  "one any more, remove its .vsync"
			: NULL);
		return;
	}
	snprintf(path, sizeof(path), "/api/invites/%s/accept", token);
	request_send(r, "POST", path, json_object(), join_accepted);
}
