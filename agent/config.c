#include "agent/config.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ini.h"
#include "agent/nearest.h"
#include "agent/serve/address.h"
#include "agent/watch/watch.h"
#include "common/base/buf.h"
#include "common/os/file.h"
#include "common/os/fstype.h"

#define FILE_MAX (4 * 1024 * 1024) /* bytes of a configuration */
#define WORKERS_MAX 64
#define PROJECT "project "

static const char *const SECTIONS[] = { "server", "agent", "project ID", NULL };
static const char *const SERVER_KEYS[] = { "url", NULL };
static const char *const AGENT_KEYS[] = { "workers", "log", "log_level",
	"listen", "advertise", NULL };
static const char *const PROJECT_KEYS[] = { "name", "root", "root_id", "role",
	"watch", "list_first", NULL };

static int unknown(const struct ini_entry *e, const char *what,
    const char *word, const char *const *list, struct vs_err *err)
{
	const char *near = nearest_of(word, list);

	if (near != NULL)
		return vs_err_set(err, VS_ECONFIG,
		    "line %d: unknown %s \"%s\": did you mean \"%s\"?", e->line,
		    what, word, near);
	return vs_err_set(
	    err, VS_ECONFIG, "line %d: unknown %s \"%s\"", e->line, what, word);
}

static int bad_value(
    const struct ini_entry *e, const char *want, struct vs_err *err)
{
	return vs_err_set(err, VS_ECONFIG, "line %d: %s = %s: must be %s",
	    e->line, e->key, e->value, want);
}

static int string_set(char **at, const char *value, struct vs_err *err)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return vs_err_set(err, VS_ENOMEM, "out of memory");
	free(*at);
	*at = copy;
	return VS_OK;
}

int config_url(const char *url, char *out, size_t cap, struct vs_err *err)
{
	size_t n = strlen(url);
	bool http = strncmp(url, "http://", 7) == 0;
	bool https = strncmp(url, "https://", 8) == 0;
	const char *host = url + (https ? 8 : 7);

	if ((!http && !https) || *host == '\0' || *host == '/')
		return vs_err_set(err, VS_EINVAL,
		    "url \"%s\": must be http://HOST or https://HOST", url);
	if (strpbrk(host, " \t\r\n?#@\\\"") != NULL)
		return vs_err_set(err, VS_EINVAL,
		    "url: only scheme, host, port and path may be given");
	while (n > 0 && url[n - 1] == '/')
		n--;
	if (n >= cap)
		return vs_err_set(err, VS_EINVAL, "url: too long");
	memcpy(out, url, n);
	out[n] = '\0';
	return VS_OK;
}

static int url_set(struct config *c, const char *url, struct vs_err *err)
{
	char clean[2048];
	int r = config_url(url, clean, sizeof(clean), err);

	if (r < 0)
		return r;
	return string_set(&c->url, clean, err);
}

static int server_entry(
    struct config *c, const struct ini_entry *e, struct vs_err *err)
{
	if (strcmp(e->key, "url") != 0)
		return unknown(e, "key", e->key, SERVER_KEYS, err);
	if (url_set(c, e->value, err) < 0)
		return bad_value(e, "http://HOST or https://HOST", err);
	return VS_OK;
}

static int level_parse(const char *value)
{
	static const struct {
		const char *name;
		enum vs_log_level level;
	} levels[] = {
		{ "error", VS_LOG_ERR },
		{ "warning", VS_LOG_WARN },
		{ "info", VS_LOG_INFO },
		{ "debug", VS_LOG_DEBUG },
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(value, levels[i].name) == 0)
			return (int)levels[i].level;
	return VS_EINVAL;
}

/* Only its form; whether it can be had is seen when it is taken. */
static int listen_set(
    struct config *c, const struct ini_entry *e, struct vs_err *err)
{
	const char *colon = strrchr(e->value, ':');
	long port;
	char *end;

	if (strcmp(e->value, "off") == 0)
		return string_set(&c->listen, e->value, err);
	if (colon == NULL || colon[1] < '0' || colon[1] > '9')
		return bad_value(e, "HOST:PORT, [V6]:PORT, :PORT or off", err);
	port = strtol(colon + 1, &end, 10);
	if (*end != '\0' || port > 65535)
		return bad_value(e, "HOST:PORT, [V6]:PORT, :PORT or off", err);
	return string_set(&c->listen, e->value, err);
}

static int advertise_set(
    struct config *c, const struct ini_entry *e, struct vs_err *err)
{
	if (address_check(e->value) < 0)
		return bad_value(e,
		    "https://HOST:PORT or HOST[:PORT], several with commas",
		    err);
	return string_set(&c->advertise, e->value, err);
}

static int agent_entry(
    struct config *c, const struct ini_entry *e, struct vs_err *err)
{
	char *end;

	if (strcmp(e->key, "workers") == 0) {
		long n = strtol(e->value, &end, 10);

		if (*e->value == '\0' || *end != '\0' || n < 0 ||
		    n > WORKERS_MAX)
			return bad_value(e, "0 to 64", err);
		c->workers = (int)n;
		return VS_OK;
	}
	if (strcmp(e->key, "log") == 0) {
		c->json = strcmp(e->value, "json") == 0;
		if (!c->json && strcmp(e->value, "plain") != 0)
			return bad_value(e, "plain or json", err);
		return VS_OK;
	}
	if (strcmp(e->key, "log_level") == 0) {
		int level = level_parse(e->value);

		if (level < 0)
			return bad_value(
			    e, "error, warning, info or debug", err);
		c->level = (enum vs_log_level)level;
		return VS_OK;
	}
	if (strcmp(e->key, "listen") == 0)
		return listen_set(c, e, err);
	if (strcmp(e->key, "advertise") == 0)
		return advertise_set(c, e, err);
	return unknown(e, "key", e->key, AGENT_KEYS, err);
}

static int project_section(
    struct config *c, const struct ini_entry *e, struct vs_err *err)
{
	const char *id = e->section + strlen(PROJECT);
	struct config_project *p;

	id += strspn(id, " \t");
	for (size_t i = 0; i < c->nprojects; i++)
		if (strcmp(c->projects[i].id, id) == 0)
			return vs_err_set(err, VS_ECONFIG,
			    "line %d: [project %s] stands here twice", e->line,
			    id);
	/* it becomes the name of a directory below ours */
	if (strlen(id) > 64 ||
	    strspn(id, "0123456789abcdefABCDEF-") != strlen(id))
		return vs_err_set(err, VS_ECONFIG,
		    "line %d: \"%s\" is no project's id", e->line, id);
	p = realloc(c->projects, (c->nprojects + 1) * sizeof(*p));
	if (p == NULL)
		return vs_err_set(err, VS_ENOMEM, "out of memory");
	c->projects = p;
	p += c->nprojects++;
	memset(p, 0, sizeof(*p));
	return string_set(&p->id, id, err);
}

static bool root_id_good(const char *id)
{
	return strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32;
}

static int watch_set(
    struct config_project *p, const struct ini_entry *e, struct vs_err *err)
{
	char want[64];

	if (strcmp(e->value, "auto") != 0 &&
	    strcmp(e->value, watch_name(WATCH_EVENTS)) != 0 &&
	    strcmp(e->value, watch_name(WATCH_POLL)) != 0) {
		snprintf(want, sizeof(want), "auto, %s or %s",
		    watch_name(WATCH_EVENTS), watch_name(WATCH_POLL));
		return bad_value(e, want, err);
	}
	return string_set(&p->watch, e->value, err);
}

static int project_entry(
    struct config *c, const struct ini_entry *e, struct vs_err *err)
{
	struct config_project *p = &c->projects[c->nprojects - 1];

	assert(c->nprojects > 0);
	if (strcmp(e->key, "name") == 0)
		return string_set(&p->name, e->value, err);
	if (strcmp(e->key, "root") == 0) {
		if (e->value[0] != '/' || strlen(e->value) >= PATH_MAX)
			return bad_value(e, "an absolute path", err);
		return string_set(&p->root, e->value, err);
	}
	if (strcmp(e->key, "root_id") == 0) {
		if (!root_id_good(e->value))
			return bad_value(e, "32 hex digits", err);
		return string_set(&p->root_id, e->value, err);
	}
	if (strcmp(e->key, "role") == 0) {
		p->member = strcmp(e->value, "member") == 0;
		if (!p->member && strcmp(e->value, "owner") != 0)
			return bad_value(e, "owner or member", err);
		return VS_OK;
	}
	if (strcmp(e->key, "watch") == 0)
		return watch_set(p, e, err);
	if (strcmp(e->key, "list_first") == 0) {
		p->list_first = strcmp(e->value, "yes") == 0;
		if (!p->list_first && strcmp(e->value, "no") != 0)
			return bad_value(e, "yes or no", err);
		return VS_OK;
	}
	return unknown(e, "key", e->key, PROJECT_KEYS, err);
}

static int config_entry(
    void *arg, const struct ini_entry *e, struct vs_err *err)
{
	struct config *c = arg;

	if (strncmp(e->section, PROJECT, strlen(PROJECT)) == 0)
		return e->key == NULL ? project_section(c, e, err)
				      : project_entry(c, e, err);
	if (strcmp(e->section, "server") == 0)
		return e->key == NULL ? VS_OK : server_entry(c, e, err);
	if (strcmp(e->section, "agent") == 0)
		return e->key == NULL ? VS_OK : agent_entry(c, e, err);
	return unknown(e, "section", e->section, SECTIONS, err);
}

static int file_text(const char *path, struct vs_buf *b, struct vs_err *err)
{
	int r;

	vs_buf_init(b, FILE_MAX);
	r = vs_file_read(path, b, err);
	if (r == VS_ENOENT) {
		vs_err_clear(err);
		return VS_OK;
	}
	if (r >= 0 && strlen(vs_buf_str(b)) != b->len)
		return vs_err_set(err, VS_ECONFIG, "a NUL byte inside");
	return r;
}

static int projects_complete(const struct config *c, struct vs_err *err)
{
	for (size_t i = 0; i < c->nprojects; i++) {
		const struct config_project *p = &c->projects[i];
		const char *lacks = p->root == NULL ? "root"
		    : p->root_id == NULL            ? "root_id"
		    : p->name == NULL               ? "name"
						    : NULL;

		if (lacks != NULL)
			return vs_err_set(err, VS_ECONFIG,
			    "[project %s] lacks %s", p->id, lacks);
	}
	return VS_OK;
}

int config_load(struct config *c, const char *path, struct vs_err *err)
{
	const char *env = getenv("VSYNC_SERVER");
	struct vs_buf b;
	int r;

	assert(c != NULL && path != NULL);
	memset(c, 0, sizeof(*c));
	c->level = VS_LOG_INFO;
	r = file_text(path, &b, err);
	if (r >= 0)
		r = string_set(&c->path, path, err);
	if (r >= 0)
		r = ini_read(vs_buf_str(&b), config_entry, c, err);
	if (r >= 0)
		r = projects_complete(c, err);
	if (r >= 0 && env != NULL && *env != '\0')
		r = url_set(c, env, err);
	vs_buf_release(&b);
	if (r < 0) {
		config_release(c);
		if (err != NULL)
			vs_err_wrap(err, "configuration %s", path);
		return r;
	}
	return VS_OK;
}

void config_release(struct config *c)
{
	for (size_t i = 0; i < c->nprojects; i++) {
		free(c->projects[i].id);
		free(c->projects[i].name);
		free(c->projects[i].root);
		free(c->projects[i].root_id);
		free(c->projects[i].watch);
	}
	free(c->projects);
	free(c->path);
	free(c->url);
	free(c->listen);
	free(c->advertise);
	memset(c, 0, sizeof(*c));
}

const struct config_project *config_find(
    const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->nprojects; i++)
		if (strcmp(c->projects[i].id, name) == 0)
			return &c->projects[i];
	for (size_t i = 0; i < c->nprojects; i++)
		if (strcmp(c->projects[i].name, name) == 0)
			return &c->projects[i];
	return NULL;
}

/* True if path is dir or lies below it; both absolute. */
static bool within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (n == 1)
		return true;
	return strncmp(path, dir, n) == 0 &&
	    (path[n] == '\0' || path[n] == '/');
}

const struct config_project *config_at(const struct config *c, const char *dir)
{
	for (size_t i = 0; i < c->nprojects; i++)
		if (within(dir, c->projects[i].root))
			return &c->projects[i];
	return NULL;
}

/* path with links resolved as far as it exists, else as it is. */
static const char *resolved(const char *path, char out[PATH_MAX])
{
	return realpath(path, out) != NULL ? out : path;
}

static int dirs_check(
    const struct vs_dirs *dirs, const char *root, struct vs_err *err)
{
	char state[PATH_MAX];
	char config[PATH_MAX];
	const char *s = resolved(dirs->state, state);
	const char *f = resolved(dirs->config, config);

	if (within(s, root))
		return vs_err_set(err, VS_ECONFIG,
		    "the state directory %s lies inside the watched folder "
		    "%s: set XDG_STATE_HOME to a place outside of it",
		    s, root);
	if (within(f, root))
		return vs_err_set(err, VS_ECONFIG,
		    "the configuration directory %s (with the token) lies "
		    "inside the watched folder %s: set XDG_CONFIG_HOME to a "
		    "place outside of it",
		    f, root);
	if (within(root, s) || within(root, f))
		return vs_err_set(err, VS_ECONFIG,
		    "the folder %s lies inside the agent's own directories: "
		    "choose another one",
		    root);
	return VS_OK;
}

int config_root_check(const struct config *c, const struct vs_dirs *dirs,
    const char *root, const struct config_project *skip, struct vs_err *err)
{
	int r = dirs_check(dirs, root, err);

	assert(root[0] == '/');
	for (size_t i = 0; i < c->nprojects && r == VS_OK; i++) {
		const struct config_project *p = &c->projects[i];
		char other[PATH_MAX];
		const char *o;

		if (p == skip)
			continue;
		o = resolved(p->root, other);
		if (within(root, o) || within(o, root))
			r = vs_err_set(err, VS_EEXIST,
			    "the folder %s and project %s at %s lie inside "
			    "each other: every file can belong to one "
			    "project only",
			    root, p->name, o);
	}
	return r;
}

static int name_check(const struct config *c, size_t i, struct vs_err *err)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(c->projects[i].name, c->projects[j].name) == 0)
			return vs_err_set(err, VS_ECONFIG,
			    "two projects are named %s", c->projects[i].name);
	return VS_OK;
}

/*
 * SQLite's write-ahead log needs memory that all who have the file open
 * share; over a network there is none, and the state is lost (R5).
 */
static int state_check(const struct vs_dirs *dirs, struct vs_err *err)
{
	struct vs_fstype t;
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/projects", dirs->state);
	/* what cannot be looked at is told by whoever opens it */
	if (vs_fstype_at(path, &t, NULL) < 0 || !t.remote)
		return VS_OK;
	return vs_err_set(err, VS_ECONFIG,
	    "the state directory %s lies on a network file system (%s), where "
	    "a database is not safe: set XDG_STATE_HOME to a directory on a "
	    "disk of this machine",
	    dirs->state, t.name);
}

int config_check(
    const struct config *c, const struct vs_dirs *dirs, struct vs_err *err)
{
	int r = state_check(dirs, err);

	for (size_t i = 0; i < c->nprojects && r == VS_OK; i++) {
		const struct config_project *p = &c->projects[i];
		char root[PATH_MAX];

		r = config_root_check(c, dirs, resolved(p->root, root), p, err);
		if (r == VS_OK)
			r = name_check(c, i, err);
	}
	/* to whoever starts, all of it is the file's fault */
	if (r == VS_EEXIST && err != NULL)
		err->code = VS_ECONFIG;
	return r == VS_EEXIST ? VS_ECONFIG : r;
}

/* Applies n settings to the file at path. */
static int file_edit(
    const char *path, const struct ini_entry *set, size_t n, struct vs_err *err)
{
	struct vs_buf old;
	int r = file_text(path, &old, err);

	for (size_t i = 0; i < n && r >= 0; i++) {
		struct vs_buf new;

		vs_buf_init(&new, FILE_MAX);
		r = ini_set(&new, vs_buf_str(&old), &set[i], err);
		vs_buf_release(&old);
		old = new;
	}
	if (r >= 0)
		r = vs_file_write(path, vs_buf_str(&old), old.len, 0600, err);
	vs_buf_release(&old);
	if (r < 0 && err != NULL)
		vs_err_wrap(err, "edit %s", path);
	return r;
}

int config_set_server(const char *path, const char *url, struct vs_err *err)
{
	const struct ini_entry set = {
		.section = "server", .key = "url", .value = url
	};

	return file_edit(path, &set, 1, err);
}

int config_add_project(
    const char *path, const struct config_project *p, struct vs_err *err)
{
	char section[128];
	struct ini_entry set[] = {
		{ .key = "name", .value = p->name },
		{ .key = "root", .value = p->root },
		{ .key = "root_id", .value = p->root_id },
		{ 0 },
	};
	size_t n = 3;

	assert(root_id_good(p->root_id) && p->root[0] == '/');
	snprintf(section, sizeof(section), PROJECT "%s", p->id);
	/* owner is what it is where nothing is said */
	if (p->member)
		set[n++] =
		    (struct ini_entry){ .key = "role", .value = "member" };
	else if (p->list_first)
		set[n++] =
		    (struct ini_entry){ .key = "list_first", .value = "yes" };
	for (size_t i = 0; i < n; i++)
		set[i].section = section;
	return file_edit(path, set, n, err);
}
