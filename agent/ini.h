/*
 * INI files that people edit: "[section]", "key = value", whole lines of
 * comment with '#' or ';'.  Nothing else: no continuation lines, no comment
 * behind a value (a path may hold " ;" and " #"), no limit below 64 KiB on a
 * line (libinih's 200 bytes would cut a path).  A value with blanks at
 * its ends, or one that begins with '"', stands in double quotes.
 */
#ifndef INI_H
#define INI_H

#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"

struct ini_entry {
	int line; /* from 1 */
	const char *section; /* "" before the first */
	const char *key; /* NULL: the section's own line */
	const char *value; /* NULL likewise */
};

/*
 * Calls each for every section and entry; strings are valid during the call.
 * VS_ECONFIG with the line's number for a line that is neither; a negative
 * return of each ends it and is returned.
 */
int ini_read(const char *text,
    int (*each)(void *arg, const struct ini_entry *e, struct vs_err *err),
    void *arg, struct vs_err *err);

/*
 * Appends text to out with key of section set to value: in place where it
 * is, after the section's last entry where it is not, in a new section at
 * the end where that is missing.  Every other line stays as it is.  value
 * must not contain a line break (VS_EINVAL).
 */
int ini_set(struct vs_buf *out, const char *text, const struct ini_entry *set,
    struct vs_err *err);

#endif
