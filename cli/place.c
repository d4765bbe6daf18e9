#include "cli/place.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/field.h"
#include "common/base/buf.h"
#include "common/base/path.h"

enum { ROOM = 4 * VS_PATH_MAX }; /* for a path that is not yet checked */

bool place_inside(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	assert(path != NULL);
	while (len > 0 && dir[len - 1] == '/')
		len--;
	return strncmp(path, dir, len) == 0 &&
	    (path[len] == '\0' || path[len] == '/');
}

/* Appends the components of s to the absolute path in b, by name. */
static void walk(struct vs_buf *b, const char *s)
{
	while (*s != '\0') {
		size_t n = strcspn(s, "/");
		if (n == 2 && s[0] == '.' && s[1] == '.') {
			while (b->len > 0 && b->data[--b->len] != '/')
				;
			if (b->data != NULL)
				b->data[b->len] = '\0';
		} else if (n > 0 && !(n == 1 && s[0] == '.')) {
			vs_buf_addch(b, '/');
			vs_buf_add(b, s, n);
		}
		s += n;
		s += *s == '/';
	}
}

/* arg as it is seen from dir, without "." and "..", into b. */
static void join(struct vs_buf *b, const char *dir, const char *arg)
{
	if (arg[0] != '/')
		walk(b, dir);
	walk(b, arg);
}

static int refuse(struct trouble *f, const char *arg, const char *why)
{
	trouble_set(f, VS_EPATH, "%s: %s", arg, why);
	f->exit = VS_EXIT_USAGE;
	snprintf(f->path, sizeof(f->path), "%s", arg);
	return VS_EPATH;
}

int place_any_path(char out[VS_PATH_MAX + 1], const char *root, const char *cwd,
    const char *arg, struct trouble *f)
{
	struct vs_buf b;
	enum vs_path_flaw flaw;
	int rc = VS_OK;

	assert(root[0] == '/');
	assert(cwd != NULL && arg != NULL);
	vs_buf_init(&b, ROOM);
	if (arg[0] == '\0') {
		rc = refuse(f, "''", "an empty path");
		goto out;
	}
	join(&b, cwd, arg);
	if (arg[0] != '/' && !place_inside(vs_buf_str(&b), root)) {
		vs_buf_reset(&b);
		join(&b, root, arg);
	}
	if (vs_buf_error(&b) != 0) {
		rc = refuse(f, arg, "too long");
		goto out;
	}
	if (!place_inside(vs_buf_str(&b), root)) {
		rc = refuse(f, arg, "lies outside of the project's folder");
		trouble_hint(f, "the folder is %s", root);
		goto out;
	}
	size_t skip = strlen(root);
	while (skip > 0 && root[skip - 1] == '/')
		skip--;
	const char *rest = vs_buf_str(&b) + skip;
	rest += *rest == '/';
	flaw = *rest == '\0' ? VS_PATH_GOOD : vs_path_check(rest, strlen(rest));
	if (flaw != VS_PATH_GOOD && flaw != VS_PATH_RESERVED) {
		rc = refuse(f, arg, vs_path_flaw_text(flaw));
		goto out;
	}
	snprintf(out, VS_PATH_MAX + 1, "%s", rest);
out:
	vs_buf_release(&b);
	return rc;
}

int place_path(char out[VS_PATH_MAX + 1], const char *root, const char *cwd,
    const char *arg, struct trouble *f)
{
	int rc = place_any_path(out, root, cwd, arg, f);

	if (rc == VS_OK && out[0] != '\0' &&
	    vs_path_check(out, strlen(out)) == VS_PATH_RESERVED)
		rc = refuse(f, arg, vs_path_flaw_text(VS_PATH_RESERVED));
	return rc;
}

static int by_name(const json_t *projects, const char *name,
    const json_t **project, struct trouble *f)
{
	size_t i;
	json_t *p;
	int found = 0;

	json_array_foreach(projects, i, p)
	{
		if (strcmp(field_text(p, "id"), name) == 0) {
			*project = p;
			return VS_OK;
		}
		if (strcmp(field_text(p, "name"), name) == 0) {
			*project = p;
			found++;
		}
	}
	if (found == 1)
		return VS_OK;
	if (found > 1) {
		trouble_usage(f, "%d projects are called %s", found, name);
		trouble_hint(f, "give --project the id, see `vsync status`");
		return VS_EINVAL;
	}
	trouble_set(f, VS_ENOENT, "no project %s", name);
	f->exit = VS_EXIT_NOT_FOUND;
	trouble_hint(f, "see `vsync status`");
	return VS_ENOENT;
}

/* The project with the deepest root that arg, seen from cwd, lies in. */
static const json_t *by_root(
    const json_t *projects, const char *cwd, const char *arg)
{
	struct vs_buf path;
	const json_t *best = NULL;
	size_t i, most = 0;
	json_t *p;

	vs_buf_init(&path, ROOM);
	join(&path, cwd, arg);
	json_array_foreach(projects, i, p)
	{
		const char *root = field_text(p, "root");
		if (root[0] == '/' && strlen(root) > most &&
		    place_inside(vs_buf_str(&path), root)) {
			most = strlen(root);
			best = p;
		}
	}
	vs_buf_release(&path);
	return best;
}

static int none(const json_t *projects, struct trouble *f)
{
	if (json_array_size(projects) == 0) {
		trouble_set(f, VS_ENOENT, "there is no project yet");
		f->exit = VS_EXIT_NOT_FOUND;
		trouble_hint(f, "make one with `vsync init DIR`");
		return VS_ENOENT;
	}
	trouble_usage(f, "there are %zu projects and none is named",
	    json_array_size(projects));
	trouble_hint(f, "name one with --project, see `vsync status`");
	return VS_EINVAL;
}

int place_project(const json_t *projects, const struct place_wish *w,
    const json_t **project, struct trouble *f)
{
	const json_t *p = NULL;
	int rc;

	assert(w->cwd != NULL);
	if (w->name != NULL) {
		rc = by_name(projects, w->name, &p, f);
		if (rc != VS_OK)
			return rc;
	}
	if (p == NULL && w->arg != NULL)
		p = by_root(projects, w->cwd, w->arg);
	if (p == NULL)
		p = by_root(projects, w->cwd, ".");
	if (p == NULL && json_array_size(projects) == 1)
		p = json_array_get(projects, 0);
	if (p == NULL)
		return none(projects, f);
	if (field_text(p, "root")[0] != '/' || field_text(p, "id")[0] == '\0')
		return trouble_set(f, VS_EPROTO,
		    "the agent's answer names no root and id of a project");
	*project = p;
	return VS_OK;
}
