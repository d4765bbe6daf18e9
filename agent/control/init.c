/*
 * init: a folder becomes a project.  The order keeps every half-way state
 * harmless: checks, marker (invisible to all but us), project in the cloud
 * (empty), configuration (the one step that counts).
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/control/verbs.h"
#include "agent/scan/disk_posix.h"
#include "agent/scan/ignore.h"
#include "common/base/buf.h"
#include "common/base/hex.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/path.h"
#include "common/os/rand.h"

#define ANSWER_MAX (64 * 1024)
#define INIT_MS 20000
#define STIGNORE_LINE "/.vsync"

struct init {
	char root[PATH_MAX];
	char name[VS_NAME_MAX + 1];
	char root_id[DISK_ID_SIZE];
	char id[80]; /* the project's, from the cloud */
};

static int folder_check(const char *root, struct vs_err *err)
{
	struct stat s;

	if (stat(root, &s) != 0)
		return vs_err_errno(err, errno, "init: %s", root);
	if (!S_ISDIR(s.st_mode))
		return vs_err_set(
		    err, VS_ENOTDIR, "init: %s is no folder", root);
	if (access(root, R_OK | X_OK) != 0)
		return vs_err_errno(
		    err, errno, "init: the folder %s cannot be read", root);
	if (access(root, W_OK) != 0)
		return vs_err_errno(err, errno,
		    "init: the folder's mark cannot be written to %s", root);
	return VS_OK;
}

static int name_check(
    const struct config *c, const char *name, struct vs_err *err)
{
	enum vs_path_flaw flaw = vs_path_check_name(name, strlen(name));

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

static int root_check(struct request *r, const char *root, struct vs_err *err)
{
	const struct config *c = agent_config(r->agent);

	if (!vs_path_utf8(root, strlen(root)) || strpbrk(root, "\r\n") != NULL)
		return vs_err_set(err, VS_EINVAL,
		    "init: the folder's own path must be UTF-8 without line "
		    "breaks");
	for (size_t i = 0; i < c->nprojects; i++)
		if (strcmp(c->projects[i].root, root) == 0)
			return vs_err_set(err, VS_EEXIST,
			    "init: %s is project %s already", root,
			    c->projects[i].name);
	return config_root_check(c, agent_dirs(r->agent), root, NULL, err);
}

static int init_arguments(
    struct request *r, struct init *in, struct vs_err *err)
{
	const char *dir = request_str(r, "dir");
	const char *name = request_str(r, "name");
	int rc;

	if (dir == NULL || dir[0] != '/')
		return vs_err_set(
		    err, VS_EINVAL, "init: dir must be an absolute path");
	if (realpath(dir, in->root) == NULL)
		return vs_err_errno(err, errno, "init: %s", dir);
	if (name == NULL || *name == '\0')
		name = vs_path_name(in->root);
	rc = folder_check(in->root, err);
	if (rc == VS_OK)
		rc = root_check(r, in->root, err);
	if (rc == VS_OK)
		rc = name_check(agent_config(r->agent), name, err);
	if (rc == VS_OK)
		memcpy(in->name, name, strlen(name) + 1);
	return rc;
}

static bool root_id_known(const struct config *c, const char *id)
{
	for (size_t i = 0; i < c->nprojects; i++)
		if (strcmp(c->projects[i].root_id, id) == 0)
			return true;
	return false;
}

/* Keeps the mark that is there, unless it is that of another project. */
static int folder_mark(struct request *r, struct init *in, struct vs_err *err)
{
	struct disk_root root;
	struct disk *d;
	uint8_t raw[16];
	int rc = disk_posix_new(&d, in->root, NULL, err);

	if (rc < 0)
		return rc;
	rc = d->root(d, &root, err);
	if (rc == VS_OK && root.id[0] != '\0' &&
	    !root_id_known(agent_config(r->agent), root.id)) {
		memcpy(in->root_id, root.id, sizeof(in->root_id));
	} else if (rc == VS_OK) {
		struct vs_rand *rand = vs_rand_os();

		rand->bytes(rand, raw, sizeof(raw));
		vs_hex_encode(in->root_id, raw, sizeof(raw));
		rc = d->mark(d, in->root_id, err);
	}
	disk_posix_free(d);
	return rc;
}

/* Syncthing carries the folder: it should leave our directory alone. */
static const char *stignore_line(const char *root)
{
	char path[PATH_MAX + 16];
	struct stat s;

	snprintf(path, sizeof(path), "%s/.stfolder", root);
	return lstat(path, &s) == 0 ? STIGNORE_LINE : NULL;
}

static json_t *init_document(const struct init *in)
{
	json_t *ignored = json_array();
	const char *const *rule = ignore_rules();

	for (; *rule != NULL; rule++)
		json_array_append_new(ignored, json_string(*rule));
	return json_pack("{s:s, s:s, s:s, s:o, s:s?}", "project_id", in->id,
	    "name", in->name, "root", in->root, "ignored", ignored, "stignore",
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
	};
	struct vs_err err = VS_ERR_INIT;
	int rc;

	/* another init may have come first while the cloud was asked */
	rc = name_check(c, in->name, &err);
	if (rc == VS_OK)
		rc = root_check(r, in->root, &err);
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
		folder_mark(r, in, &err);
	if (err.code < 0) {
		request_fail(r, &err, NULL);
		return;
	}
	init_make(r);
}
