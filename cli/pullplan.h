/* What the agent would pull, or pulls: the answer of /v1/pull.  Pure. */
#ifndef PULLPLAN_H
#define PULLPLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "cli/print.h"
#include "cli/trouble.h"

struct pullplan {
	const json_t *files; /* rows; borrowed from the document */
	const json_t *pulls; /* ids */
	int64_t fetch_files, fetch_bytes, have_files, have_bytes;
	int64_t reuse_files, reuse_bytes; /* made of what is here already */
	int64_t conflicts, refused; /* files; refused of those in files */
	int64_t space; /* bytes that are free, -1: not told */
	bool enough; /* of them */
};

/* VS_EINVAL if doc is not what the protocol says. */
int pullplan_read(struct pullplan *p, const json_t *doc, struct vs_err *err);

/* A line for each file, and what it comes to. */
void pullplan_print(const struct pullplan *p, struct print *out);

/* Says that path's file stands at place here, which is another name. */
void pullplan_print_place(
    struct print *note, const char *path, const char *place);

/* The same for each of those that are here already, or with all for each. */
void pullplan_print_places(
    const struct pullplan *p, bool all, struct print *note);

/* What is left alone, and why: the first of them. */
void pullplan_print_left(const struct pullplan *p, struct print *note);

/*
 * VS_OK, or what keeps part of it from being pulled: too little space, then
 * what was changed here, then what is refused.
 */
int pullplan_judge(const struct pullplan *p, struct trouble *f);

#endif
