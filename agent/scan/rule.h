/*
 * One line of a rules file as a rule.  Pure.
 *
 * A rule describes names: where it has a '/' first, from the root, else from
 * any folder.  What it describes is hidden (or shown, with "!") together
 * with all that is below; "foo/" and "foo" followed by a slash and two stars
 * only mean what is below.
 */
#ifndef RULE_H
#define RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct glob;

#define RULE_LINE_MAX 4096 /* bytes of a line */

enum rule_flags {
	RULE_SHOW = 1, /* "!" */
	RULE_FOLD = 2, /* "(?i)" */
	RULE_DELETABLE = 4, /* "(?d)": nothing of ours */
	RULE_ROOTED = 8,
	RULE_BELOW = 16, /* not what it describes, only what is below */
	RULE_CLASS = 32, /* built in */
	RULE_FIRM = 64, /* built in, and no "!" overrides it */
};

struct rule {
	unsigned flags; /* enum rule_flags */
	const char *source; /* the file it stands in, or the class; borrowed */
	int line; /* 0: built in */
	char *text; /* as it is written */
	struct glob **glob; /* any of these */
	size_t globs;
};

/*
 * Reads a line without blanks around it that is neither empty nor a comment
 * nor a directive; escape as in struct glob_syntax.  source and line are
 * left to the caller.  VS_EINVAL says what is wrong.
 */
int rule_read(struct rule *r, const char *line, size_t len, uint32_t escape,
    struct vs_err *err);

/* Frees what rule_read made. */
void rule_release(struct rule *r);

/*
 * Whether r may describe something below the folder dir, which it does not
 * describe itself.  Never false where it does.
 */
bool rule_reaches(const struct rule *r, const char *dir);

#endif
