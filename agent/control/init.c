/*
 * init: a folder becomes a project, or this machine's copy of one that the
 * user owns already.  The order keeps every half-way state harmless: checks,
 * marker (invisible to all but us), project in the cloud (empty, or looked
 * up), configuration (the one step that counts).
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/control/site.h"
#include "agent/control/verbs.h"
#include "agent/scan/disk_posix.h"
#include "agent/scan/ignore.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/path.h"
#include "common/os/file.h"

#define ANSWER_MAX (64 * 1024)
#define LIST_MAX (8 * 1024 * 1024)
#define INIT_MS 20000
#define STIGNORE_LINE "/.vsync"

struct init {
	char root[PATH_MAX];
	char name[VS_NAME_MAX + 1];
	char root_id[DISK_ID_SIZE];
	char id[80]; /* the project's, from the cloud */
	char project[VS_NAME_MAX + 1]; /* name or id of one there is, or "" */
	bool named; /* the name was given */
};

static int name_check(
    const struct config *c, const char *name, struct vs_err *err)
{
	enum vs_path_flaw flaw = vs_path_check_name(name, strlen(name));

	if (flaw == VS_PATH_SLASH)
		return vs_err_set(
		    err, VS_EINVAL, "init: a name cannot have a slash");
	if (flaw != VS_PATH_GOOD)
		return vs_err_set(err, VS_EINVAL, "init: name \"%s\": %s", name,
		    vs_path_flaw_text(flaw));
	if (strpbrk(name, "\r\n") != NULL)
		return vs_err_set(
		    err, VS_EINVAL, "init: a name cannot have a line break");
	if (config_find(c, name) != NULL)
		return vs_err_set(err, VS_EEXIST,
		    "init: there is a project %s already", name);
	return VS_OK;
}

static int init_arguments(
    struct request *r, struct init *in, struct vs_err *err)
{
	const char *dir = request_str(r, "dir");
	const char *name = request_str(r, "name");
	const char *project = request_str(r, "project");
	int rc;

	rc = site_find(r, dir, in->root, err);
	if (rc < 0)
		return vs_err_wrap(err, "init");
	in->named = name != NULL && *name != '\0';
	if (project != NULL && strlen(project) >= sizeof(in->project))
		return vs_err_set(err, VS_EINVAL, "init: --project: too long");
	if (project != NULL)
		memcpy(in->project, project, strlen(project) + 1);
	if (in->project[0] != '\0' && !in->named)
		return VS_OK; /* the name is the cloud's */
	if (!in->named)
		name = vs_path_name(in->root);
	if (rc == VS_OK)
		rc = name_check(agent_config(r->agent), name, err);
	if (rc == VS_OK)
		memcpy(in->name, name, strlen(name) + 1);
	return rc;
}

/* Whether the rules of Syncthing's file leave our directory out by name. */
static bool stignore_has(const char *root)
{
	static const char *const lines[] = { "/.vsync", ".vsync", "/.vsync/" };
	char path[PATH_MAX + 16];
	struct vs_buf b;
	bool has = false;

	snprintf(path, sizeof(path), "%s/" IGNORE_SYNCTHING, root);
	vs_buf_init(&b, DISK_TEXT_MAX);
	if (vs_file_read(path, &b, NULL) < 0)
		vs_buf_reset(&b);
	for (const char *at = vs_buf_str(&b); *at != '\0' && !has;) {
		size_t n = strcspn(at, "\r\n");

		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
			has = has ||
			    (strlen(lines[i]) == n &&
				memcmp(at, lines[i], n) == 0);
		at += n;
		at += strspn(at, "\r\n");
	}
	vs_buf_release(&b);
	return has;
}

/* Syncthing carries the folder: it should leave our directory alone. */
static const char *stignore_line(const char *root)
{
	char path[PATH_MAX + 16];
	struct stat s;

	snprintf(path, sizeof(path), "%s/.stfolder", root);
	return lstat(path, &s) == 0 && !stignore_has(root) ? STIGNORE_LINE
							   : NULL;
}

static json_t *init_document(const struct init *in)
{
	json_t *ignored = json_array();
	const struct ignore_class *c = ignore_classes();

	for (; c->name != NULL; c++)
		json_array_append_new(
		    ignored, json_sprintf("%s: %s", c->name, c->what));
	return json_pack("{s:s, s:s, s:s, s:b, s:o, s:s?}", "project_id",
	    in->id, "name", in->name, "root", in->root, "made",
	    in->project[0] == '\0', "ignored", ignored, "stignore",
	    stignore_line(in->root));
}

static void init_finish(struct request *r)
{
	struct init *in = r->data;
	const struct config *c = agent_config(r->agent);
	const struct config_project p = {
		.id = in->id,
		.name = in->name,
		.root = in->root,
		.root_id = in->root_id,
		.list_first = request_flag(r, "list_first"),
	};
	struct vs_err err = VS_ERR_INIT;
	int rc;

	/* another init may have come first while the cloud was asked */
	rc = name_check(c, in->name, &err);
	if (rc == VS_OK && config_find(c, in->id) != NULL)
		rc = vs_err_set(&err, VS_EEXIST,
		    "init: this machine has the project already, at %s",
		    config_find(c, in->id)->root);
	if (rc == VS_OK)
		rc = site_check(r, in->root, &err);
	if (rc == VS_OK)
		rc = config_add_project(c->path, &p, &err);
	if (rc == VS_OK)
		rc = agent_reload(r->agent, &err);
	if (rc < 0) {
		request_fail(r, &err, NULL);
		return;
	}
	vs_log(VS_LOG_INFO, "init: project %s", in->id);
	request_ok(r, init_document(in));
}

/* The id of the project the cloud made; false: it is no answer of ours. */
static bool answer_id(const struct vs_httpc_result *result, struct init *in)
{
	json_t *doc = vs_json_parse(result->body, result->len, NULL);
	const char *id = json_string_value(
	    json_object_get(json_object_get(doc, "project"), "id"));
	bool good = id != NULL && strlen(id) < sizeof(in->id) && *id != '\0' &&
	    strspn(id, "0123456789abcdefABCDEF-") == strlen(id);

	if (good)
		memcpy(in->id, id, strlen(id) + 1);
	json_decref(doc);
	return good;
}

static void init_made(struct request *r, const struct vs_httpc_result *result)
{
	struct vs_err err = VS_ERR_INIT;

	if (!request_open(r))
		return;
	if (session_judge(agent_session(r->agent), result, &err) < 0) {
		request_fail(r, &err, NULL);
		return;
	}
	if (!answer_id(result, r->data)) {
		vs_err_set(
		    &err, VS_EPROTO, "the server's answer names no project");
		request_fail(r, &err, NULL);
		return;
	}
	init_finish(r);
}

static void init_make(struct request *r)
{
	struct init *in = r->data;
	struct session_request q = { .method = "POST",
		.path = "/api/projects",
		.max_body = ANSWER_MAX,
		.timeout_ms = INIT_MS };
	struct vs_buf b;

	vs_buf_init(&b, ANSWER_MAX);
	vs_buf_addstr(&b, "{\"name\":");
	vs_json_add_str(&b, in->name);
	vs_buf_addch(&b, '}');
	q.body = vs_buf_str(&b);
	q.len = b.len;
	request_cloud(r, agent_session(r->agent), &q, init_made);
	vs_buf_release(&b);
}

/* The one project of the list that is meant; VS_ENOENT, VS_ECONFLICT. */
static int list_find(
    const struct init *in, const json_t *list, json_t **out, struct vs_err *err)
{
	json_t *p;
	size_t i;

	*out = NULL;
	json_array_foreach(list, i, p)
	{
		const char *id = json_string_value(json_object_get(p, "id"));
		const char *name =
		    json_string_value(json_object_get(p, "name"));

		if (id != NULL && strcmp(id, in->project) == 0) {
			*out = p;
			return VS_OK;
		}
		if (name == NULL || strcmp(name, in->project) != 0)
			continue;
		if (*out != NULL)
			return vs_err_set(err, VS_ECONFLICT,
			    "init: there are several projects %s: name it by "
			    "its id",
			    in->project);
		*out = p;
	}
	if (*out == NULL)
		return vs_err_set(err, VS_ENOENT,
		    "init: the cloud has no project %s of yours", in->project);
	return VS_OK;
}

/* Takes id and name of the project that is meant. */
static int list_read(struct init *in, const json_t *doc, struct vs_err *err)
{
	json_t *list = NULL, *p = NULL;
	const char *id = NULL, *name = NULL, *role = NULL;
	int rc = vs_json_get_array(doc, "projects", true, &list, err);

	if (rc == VS_OK)
		rc = list_find(in, list, &p, err);
	if (rc < 0)
		return rc;
	rc = vs_json_get_str(p, "id", true, &id, err);
	if (rc == VS_OK)
		rc = vs_json_get_str(p, "name", true, &name, err);
	if (rc == VS_OK)
		rc = vs_json_get_str(p, "role", true, &role, err);
	if (rc < 0)
		return rc;
	if (strcmp(role, "owner") != 0)
		return vs_err_set(err, VS_EFORBIDDEN,
		    "init: project %s is another one's: you are its %s",
		    in->project, role);
	if (strlen(id) >= sizeof(in->id) ||
	    (!in->named && strlen(name) >= sizeof(in->name)))
		return vs_err_set(
		    err, VS_EPROTO, "the server's answer names no project");
	memcpy(in->id, id, strlen(id) + 1);
	if (!in->named)
		memcpy(in->name, name, strlen(name) + 1);
	return VS_OK;
}

static void init_listed(struct request *r, const struct vs_httpc_result *result)
{
	struct vs_err err = VS_ERR_INIT;
	json_t *doc = request_document(r, result);
	int rc;

	if (doc == NULL)
		return;
	rc = list_read(r->data, doc, &err);
	json_decref(doc);
	if (rc < 0)
		request_fail(r, &err,
		    rc == VS_EFORBIDDEN
			? "vsync join takes part in it, with an invite"
			: NULL);
	else
		init_finish(r);
}

static void init_find(struct request *r)
{
	const struct session_request q = { .method = "GET",
		.path = "/api/projects",
		.max_body = LIST_MAX,
		.timeout_ms = INIT_MS };

	request_cloud(r, agent_session(r->agent), &q, init_listed);
}

void init_serve(struct request *r)
{
	const struct account *account = agent_account(r->agent);
	struct init *in = calloc(1, sizeof(*in));
	struct vs_err err = VS_ERR_INIT;

	r->data = in;
	r->data_free = free;
	if (in == NULL)
		vs_err_set(&err, VS_ENOMEM, "init: out of memory");
	else if (account->token[0] == '\0' || account->device_id[0] == '\0' ||
	    *session_url(agent_session(r->agent)) == '\0')
		vs_err_set(&err, VS_EAUTH, "init: not logged in");
	else if (init_arguments(r, in, &err) == VS_OK)
		site_mark(r, in->root, false, in->root_id, &err);
	if (err.code < 0) {
		request_fail(r, &err, NULL);
		return;
	}
	if (in->project[0] != '\0')
		init_find(r);
	else
		init_make(r);
}
