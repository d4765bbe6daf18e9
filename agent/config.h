/*
 * The agent's configuration: $XDG_CONFIG_HOME/vsync/config (vsync.conf(5)).
 *
 *   [server]        url = https://host:port
 *   [agent]         workers = N        hash threads; 0: as many as cores
 *                   log = plain|json   log_level = error|warning|info|debug
 *                   listen = HOST:PORT|off   advertise = address, ...
 *   [project ID]    name = ...  root = /absolute  root_id = 32 hex digits
 *                   role = owner|member   watch = auto|inotify|poll
 *
 * VSYNC_SERVER in the environment wins over url.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/os/dirs.h"

struct config_project {
	char *id;
	char *name;
	char *root; /* absolute */
	char *root_id;
	bool member; /* followed and pulled, not published */
	bool list_first; /* the first listing does not wait for hashes */
	char *watch; /* "auto", "poll" or watch_name; NULL: "auto" */
};

struct config {
	char *path; /* of the file */
	char *url; /* without a trailing slash; NULL: not logged in */
	int workers;
	enum vs_log_level level;
	bool json; /* log as JSON */
	char *listen; /* of the direct route; NULL: everywhere, any port */
	char *advertise; /* agent/serve/address.h; NULL: what we have */
	struct config_project *projects;
	size_t nprojects;
};

/*
 * Reads path; a missing file is an empty configuration.  VS_ECONFIG with
 * the line, and the nearest known key for an unknown one.
 */
int config_load(struct config *c, const char *path, struct vs_err *err);

/* Frees what it holds; it is all zero then. */
void config_release(struct config *c);

/* By id, else by name; NULL if there is none. */
const struct config_project *config_find(
    const struct config *c, const char *name);

/*
 * The project whose root holds dir, or NULL.  dir: absolute, as getcwd(3)
 * gives it.
 */
const struct config_project *config_at(const struct config *c, const char *dir);

/*
 * May root (absolute, resolved) be watched?  VS_ECONFIG if our state or
 * configuration lies inside it or it inside ours, VS_EEXIST if it lies
 * inside or above another project's root.  skip: a project to leave out, or
 * NULL.
 */
int config_root_check(const struct config *c, const struct vs_dirs *dirs,
    const char *root, const struct config_project *skip, struct vs_err *err);

/*
 * All of them; names are single, too, and our state lies on no network file
 * system.  VS_ECONFIG.
 */
int config_check(
    const struct config *c, const struct vs_dirs *dirs, struct vs_err *err);

/* A server's URL without a trailing slash into out; VS_EINVAL if bad. */
int config_url(const char *url, char *out, size_t cap, struct vs_err *err);

/*
 * Edit the file durably, keeping every line that is not theirs.  The struct
 * in memory is not touched: load it again.
 */
int config_set_server(const char *path, const char *url, struct vs_err *err);

/* The same for a new project; all its members are set. */
int config_add_project(
    const char *path, const struct config_project *p, struct vs_err *err);

#endif
