/*
 * What a verb needs besides its own work.  The client is made when it is
 * first wanted, so that help and a wrong command line touch nothing.
 */
#include "cli/call.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/place.h"
#include "common/base/json.h"

void call_init(struct call *c)
{
	*c = (struct call){ .intr = { .fd = -1 } };
	launch_init(&c->agent);
	print_init(&c->out, stdout, PRINT_AUTO);
	print_init(&c->note, stderr, PRINT_AUTO);
	if (getcwd(c->cwd, sizeof(c->cwd)) == NULL)
		c->cwd[0] = '\0';
}

void call_release(struct call *c)
{
	struct trouble ignored = TROUBLE_INIT;

	launch_stop(&c->agent, &ignored);
	client_free(c->client);
	interrupt_release(&c->intr);
}

bool call_json(const struct call *c)
{
	return (c->opt.given & (OPT_JSON | OPT_LINES)) != 0;
}

struct client *call_client(struct call *c)
{
	struct vs_err err = VS_ERR_INIT;

	if (c->client != NULL)
		return c->client;
	if (c->intr.fd < 0 && interrupt_init(&c->intr, &err) != 0) {
		trouble_of_err(&c->trouble, &err);
		return NULL;
	}
	if (client_new(&c->client, &c->intr, &c->trouble) != VS_OK)
		return NULL;
	return c->client;
}

int call_attend(struct call *c, enum launch_mode mode)
{
	struct trouble unreached = TROUBLE_INIT;
	struct client *client = call_client(c);
	int rc;

	assert(c->agent.pid == 0);
	if (client == NULL)
		return c->trouble.err.code;
	rc = client_probe(client, &unreached);
	if (rc == VS_OK)
		return VS_OK;
	if (rc != VS_ENOAGENT) {
		c->trouble = unreached;
		return rc;
	}
	return launch_start(&c->agent, mode, client, &c->intr, &c->trouble);
}

int call_leave(struct call *c)
{
	struct trouble f = TROUBLE_INIT;
	int rc = launch_stop(&c->agent, &f);

	if (rc != VS_OK && c->trouble.err.code == VS_OK)
		c->trouble = f;
	return rc;
}

json_t *call_params(struct call *c)
{
	json_t *params = json_object();

	/* A directory that is no UTF-8 cannot be named, nor help to choose. */
	if (params != NULL && c->cwd[0] != '\0' && c->opt.project == NULL)
		json_object_set_new(params, "cwd", json_string(c->cwd));
	if (params != NULL && c->opt.project != NULL &&
	    json_object_set_new(
		params, "project", json_string(c->opt.project)) != 0) {
		json_decref(params);
		params = NULL;
	}
	return params;
}

int call_add(struct call *c, json_t *params, const char *key, const char *s)
{
	json_t *v = json_string(s);

	assert(json_is_object(params));
	if (v == NULL) {
		trouble_set(&c->trouble, VS_EPATH, "%s: not UTF-8: %s", key, s);
		c->trouble.exit = VS_EXIT_USAGE;
		trouble_hint(
		    &c->trouble, "such names are not published: rename it");
		return VS_EPATH;
	}
	if (json_object_set_new(params, key, v) != 0)
		return trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	return VS_OK;
}

/*
 * An absolute arg may lead to a root by a symbolic link: the real path of
 * what is there, or of its folder, into out.  False if neither is.
 */
static bool real(const char *arg, char out[PATH_MAX])
{
	char dir[PATH_MAX], parent[PATH_MAX];
	const char *name = strrchr(arg, '/');
	int n;

	if (realpath(arg, out) != NULL)
		return true;
	if (name == NULL || name[1] == '\0')
		return false;
	n = snprintf(dir, sizeof(dir), "%.*s", (int)(name - arg) + 1, arg);
	if (n >= (int)sizeof(dir) || realpath(dir, parent) == NULL)
		return false;
	n = snprintf(out, PATH_MAX, "%s%s",
	    strcmp(parent, "/") == 0 ? "" : parent, name);
	return n < PATH_MAX;
}

/* Whether path lies in a root as it is written. */
static bool known(const json_t *projects, const char *path)
{
	size_t i;
	json_t *p;

	json_array_foreach(projects, i, p)
	{
		const char *root =
		    json_string_value(json_object_get(p, "root"));
		if (root != NULL && place_inside(path, root))
			return true;
	}
	return false;
}

/* arg as it is to be seen: resolved where no root has it as it is typed. */
static const char *seen(
    const json_t *projects, const char *arg, char resolved[PATH_MAX])
{
	/* As it was typed first: a link in the root is a file of its own. */
	if (arg != NULL && arg[0] == '/' && !known(projects, arg) &&
	    real(arg, resolved))
		return resolved;
	return arg;
}

/* Finds the project in doc, adds it; *root is borrowed. */
static int choose(struct call *c, const json_t *doc, json_t *params,
    const char *arg, const char **root)
{
	const json_t *projects = json_object_get(doc, "projects");
	struct place_wish wish = { .name = c->opt.project, .cwd = c->cwd };
	const json_t *project = NULL;
	char resolved[PATH_MAX];
	int rc;

	wish.arg = seen(projects, arg, resolved);
	rc = place_project(projects, &wish, &project, &c->trouble);
	if (rc != VS_OK)
		return rc;
	*root = json_string_value(json_object_get(project, "root"));
	return call_add(c, params, "project",
	    json_string_value(json_object_get(project, "id")));
}

/* The path below root that arg means. */
static int locate(struct call *c, const json_t *doc, const char *root,
    const char *arg, char path[VS_PATH_MAX + 1])
{
	const json_t *projects = json_object_get(doc, "projects");
	char resolved[PATH_MAX];

	assert(root[0] == '/');
	arg = seen(projects, arg, resolved);
	return (c->any_path ? place_any_path : place_path)(
	    path, root, c->cwd, arg ? arg : ".", &c->trouble);
}

int call_add_path(struct call *c, json_t *params, const char *arg)
{
	json_t *doc = NULL;
	char path[VS_PATH_MAX + 1];
	const char *root = NULL;
	int rc;

	if (params == NULL)
		return trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	rc = call_ask(c, "GET /v1/status", json_object(), CALL_SHORT_MS, &doc);
	if (rc == VS_OK)
		rc = choose(c, doc, params, arg, &root);
	if (rc == VS_OK)
		rc = locate(c, doc, root, arg, path);
	if (rc == VS_OK)
		rc = call_add(c, params, "path", path);
	json_decref(doc);
	return rc;
}

/* All of args below root, as a new array; NULL after trouble. */
static json_t *locate_all(struct call *c, const json_t *doc, const char *root)
{
	json_t *paths = json_array();
	char path[VS_PATH_MAX + 1];

	if (paths == NULL)
		trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	for (int i = 0; paths != NULL && i < c->count; i++) {
		if (locate(c, doc, root, c->args[i], path) == VS_OK) {
			json_array_append_new(paths, json_string(path));
			continue;
		}
		json_decref(paths);
		paths = NULL;
	}
	return paths;
}

int call_add_paths(struct call *c, json_t *params)
{
	json_t *doc = NULL, *paths;
	const char *root = NULL;
	int rc;

	assert(c->count > 0);
	if (params == NULL)
		return trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	rc = call_ask(c, "GET /v1/status", json_object(), CALL_SHORT_MS, &doc);
	if (rc == VS_OK)
		rc = choose(c, doc, params, c->args[0], &root);
	if (rc == VS_OK) {
		paths = locate_all(c, doc, root);
		if (paths == NULL)
			rc = c->trouble.err.code;
		else if (json_object_set_new(params, "paths", paths) != 0 ||
		    json_array_size(paths) != (size_t)c->count)
			rc = trouble_set(
			    &c->trouble, VS_ENOMEM, "out of memory");
	}
	json_decref(doc);
	return rc;
}

int call_ask(struct call *c, const char *method_path, json_t *params,
    int64_t timeout_ms, json_t **doc)
{
	struct client *client = call_client(c);
	const char *path = strchr(method_path, ' ') + 1;
	bool get = strncmp(method_path, "GET /", 5) == 0;
	struct client_request r = {
		.method = get ? "GET" : "POST",
		.path = path,
		.params = params,
		.timeout_ms = timeout_ms,
	};
	int rc;

	assert(get || strncmp(method_path, "POST /", 6) == 0);
	*doc = NULL;
	if (params == NULL)
		return trouble_set(&c->trouble, VS_ENOMEM, "out of memory");
	if (client == NULL)
		rc = c->trouble.err.code;
	else
		rc = client_call(client, &r, doc, &c->trouble);
	json_decref(params);
	return rc;
}

void call_print(struct call *c, json_t *doc)
{
	assert(json_is_object(doc) && !c->trouble.told);
	if (trouble_into(&c->trouble, doc) != VS_OK)
		return;
	print_json(&c->out, doc);
	c->trouble.told = true;
}
