/*
 * Which project, and which path in it, a person means by a word on the
 * command line.  Pure: the directories come as strings.
 */
#ifndef PLACE_H
#define PLACE_H

#include <stdbool.h>
#include <jansson.h>

#include "cli/trouble.h"
#include "common/base/limits.h"

/* What there is to go by. */
struct place_wish {
	const char *name; /* or id, as it was given with --project; or NULL */
	const char *arg; /* a path on the command line, or NULL */
	const char *cwd; /* absolute */
};

/*
 * Chooses among projects (the array of /v1/status): the one named by name,
 * else the one whose root arg lies in as it is seen from cwd, else the one
 * that cwd lies in, else the only one.  *project is borrowed from the array
 * and has a "root" that is absolute and an "id".  VS_ENOENT: there is none,
 * or none of that name; VS_EINVAL: several, and no telling which.
 */
int place_project(const json_t *projects, const struct place_wish *w,
    const json_t **project, struct trouble *f);

/*
 * Puts arg in the form of the wire (relative to root, "" is the root) into
 * out.  root and cwd are absolute.  An absolute arg must lie in root; a
 * relative one is seen from cwd where that leads into root, else from root.
 * "." and ".." are resolved by name.  VS_EPATH: outside of root, not UTF-8,
 * or too long.
 */
int place_any_path(char out[VS_PATH_MAX + 1], const char *root, const char *cwd,
    const char *arg, struct trouble *f);

/* The same; VS_EPATH also for what is below .vsync. */
int place_path(char out[VS_PATH_MAX + 1], const char *root, const char *cwd,
    const char *arg, struct trouble *f);

/* True if path is dir or lies below it; both absolute, without "..". */
bool place_inside(const char *path, const char *dir);

#endif
