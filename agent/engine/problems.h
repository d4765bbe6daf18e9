/*
 * What is wrong with a project, for its status: a list of problems, the worst
 * first, each with a code, a severity, a message and a hint for people.
 */
#ifndef PROBLEMS_H
#define PROBLEMS_H

#include <jansson.h>

#include "agent/engine/core.h"

/* What the outbox and the notes say, read once for a report. */
struct problems_counts {
	int64_t outbox;
	int64_t held;
	int64_t cloud_held;
	int64_t troubles;
	json_t *refused; /* the first of them */
	int64_t conflicts;
	json_t *copies; /* the first of them */
};

/* Fills c, whose lists are empty arrays of the caller.  Database errors. */
int problems_count(
    struct engine *e, struct problems_counts *c, struct vs_err *err);

/* A new array; c as it was read, or all zero where it could not be. */
json_t *problems_list(struct engine *e, const struct problems_counts *c);

#endif
