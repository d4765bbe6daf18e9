/*
 * Rules one after another, as they are read from files and the files that
 * those include.  Pure: what a file holds comes from a struct of functions.
 */
#ifndef RULE_LIST_H
#define RULE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/scan/rule.h"
#include "common/base/err.h"

#define RULE_LIST_MAX 10000 /* rules */
#define RULE_LIST_FILES 64
#define RULE_LIST_DEPTH 8 /* of files that include files */

struct rule_reader {
	/*
	 * The content of path, relative to the root, to *text (malloc'd, the
	 * caller's) and its *len.  VS_ENOENT: there is no such file; any
	 * other code: there is no knowing.
	 */
	int (*read)(void *arg, const char *path, char **text, size_t *len,
	    struct vs_err *err);
	void *arg;
};

struct rule_list {
	struct rule *rule;
	size_t count;
	char **source; /* the files, whether they are there or not */
	size_t sources;
};

/*
 * Adds the rules of the file at path, if there is one.  A file that was read
 * and is not to be understood, or that cannot be read, is an error; its
 * message begins with "FILE:LINE: " or "FILE: ".  What was added so far
 * stays in the list then.
 */
int rule_list_file(struct rule_list *l, const struct rule_reader *reader,
    const char *path, struct vs_err *err);

/*
 * Adds one rule of our own, which must be good; flags (enum rule_flags) are
 * added, source is kept as a pointer.
 */
int rule_list_add(struct rule_list *l, const char *source, const char *text,
    unsigned flags, struct vs_err *err);

/* Frees rules and file names; l is empty then.  NULL is no list. */
void rule_list_release(struct rule_list *l);

#endif
