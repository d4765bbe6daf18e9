/*
 * One call of this program: the line it was given, and the way to the agent
 * for the verb that runs.
 */
#ifndef CALL_H
#define CALL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "cli/client.h"
#include "cli/trouble.h"
#include "cli/interrupt.h"
#include "cli/launch.h"
#include "cli/options.h"
#include "cli/print.h"

#define CALL_SHORT_MS 30000 /* for what the agent answers from memory */
#define CALL_LONG_MS 120000 /* for what it asks the cloud for */

struct verb;

struct call {
	const struct verb *verb;
	struct options opt;
	int count; /* of args */
	char **args; /* what follows the options */
	struct print out; /* data */
	struct print note; /* all else: standard error */
	struct interrupt intr;
	struct client *client; /* NULL before call_client */
	struct launch agent; /* ours, where one had to be started */
	struct trouble trouble; /* what made the verb fail */
	bool any_path; /* arguments may lie below .vsync */
	char cwd[PATH_MAX]; /* "" if it cannot be told */
};

/* Standard streams and the working directory; nothing else is touched. */
void call_init(struct call *c);

/* Ends an agent of our own, too. */
void call_release(struct call *c);

/* True for --json or --json-lines. */
bool call_json(const struct call *c);

/* The client, made when first needed; NULL after trouble. */
struct client *call_client(struct call *c);

/*
 * Makes sure that an agent listens, starting one of our own if none does;
 * call_release ends it, or call_leave, which tells how that went.
 */
int call_attend(struct call *c, enum launch_mode mode);

/* Ends an agent of our own; trouble if it did not end well. */
int call_leave(struct call *c);

/* A new object that says which project is meant: "project", "cwd". */
json_t *call_params(struct call *c);

/* Adds a string; one that is not UTF-8 is trouble. */
int call_add(struct call *c, json_t *params, const char *key, const char *s);

/*
 * Resolves arg (NULL: the working directory, or the root where that lies
 * outside) to a path of its project and adds "path" and "project".
 */
int call_add_path(struct call *c, json_t *params, const char *arg);

/*
 * As call_add_path, for all of args: "paths", an array, and "project".  The
 * first says which project where --project does not.
 */
int call_add_paths(struct call *c, json_t *params);

/*
 * Asks the agent.  method_path is "GET /v1/..." or "POST /v1/...".  params
 * is taken over (NULL: out of memory).  *doc is the caller's.
 */
int call_ask(struct call *c, const char *method_path, json_t *params,
    int64_t timeout_ms, json_t **doc);

/* Prints doc with the trouble, if any, in it; the trouble is told then. */
void call_print(struct call *c, json_t *doc);

#endif
