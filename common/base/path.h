/*
 * Paths as the wire and the manifest know them: relative, '/' between
 * components, no leading slash; the root itself is "".  Bytes are validated,
 * never normalised (reliability: P1-P4, P9, P10).
 */
#ifndef VS_PATH_H
#define VS_PATH_H

#include <stdbool.h>
#include <stddef.h>

enum vs_path_flaw {
	VS_PATH_GOOD = 0,
	VS_PATH_EMPTY, /* "" */
	VS_PATH_ABSOLUTE, /* leading '/' */
	VS_PATH_DOT, /* a "." or ".." component */
	VS_PATH_SLASH, /* "//" or a trailing '/' */
	VS_PATH_NUL, /* NUL byte inside */
	VS_PATH_LONG, /* over VS_PATH_MAX bytes */
	VS_PATH_NAME_LONG, /* a component over VS_NAME_MAX bytes */
	VS_PATH_NOT_UTF8, /* overlong forms and surrogates included, RFC 3629 */
	VS_PATH_RESERVED, /* below ".vsync" at the root */
};

/* What is wrong with len bytes at p as a stored path; the first flaw found. */
enum vs_path_flaw vs_path_check(const char *p, size_t len);

/* The same for one name (one component, no '/'). */
enum vs_path_flaw vs_path_check_name(const char *p, size_t len);

/* A short sentence for people: "contains a .. component". */
const char *vs_path_flaw_text(enum vs_path_flaw flaw);

/* True for valid UTF-8 (RFC 3629). */
bool vs_path_utf8(const char *p, size_t len);

/* The last component: a pointer into p. */
const char *vs_path_name(const char *p);

/* Length of the parent part: 0 for "a", 1 for "a/b", 3 for "a/b/c". */
size_t vs_path_parent_len(const char *p);

/*
 * Joins dir and name ("" and "a" give "a") into out of cap bytes; returns
 * the length, or VS_ELIMIT if it does not fit.
 */
int vs_path_join(char *out, size_t cap, const char *dir, const char *name);

/* True if p lies below dir ("" is above everything but itself). */
bool vs_path_beneath(const char *p, const char *dir);

#endif
