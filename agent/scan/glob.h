/*
 * One pattern of names, made ready for matching.  Pure.
 *
 *   *       any characters but '/', or none
 *   **      any characters, or none
 *   ?       one character but '/'
 *   [a-z_]  one of these, never '/'; [!a-z]: one that is none of these
 *   \x      x itself; another escape character may be asked for
 *
 * Everything else stands for itself.  Braces are expanded before (brace.h).
 */
#ifndef GLOB_H
#define GLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct glob;

struct glob_syntax {
	uint32_t escape; /* the character, as letter_at tells it */
	bool fold; /* capitals and small letters are the same */
};

/* VS_EINVAL with what is wrong with the pattern. */
int glob_new(struct glob **out, const char *text, size_t len,
    const struct glob_syntax *s, struct vs_err *err);

/* NULL is nothing. */
void glob_free(struct glob *g);

/* Whether all of text is what g describes.  No memory is taken. */
bool glob_match(const struct glob *g, const char *text, size_t len);

/* Whether something that g describes begins with text. */
bool glob_begins(const struct glob *g, const char *text, size_t len);

/* What can be told without matching. */
struct glob_shape {
	int slashes; /* that a text must have; -1: "**" leaves that open */
	const char *whole; /* the one text it stands for, or NULL */
	size_t n; /* bytes of whole */
	int first; /* byte a text begins with, -1: any */
	int last; /* byte it ends with, -1: any */
	bool fold; /* those two may be capitals, too */
};

/* Of g, to which whole belongs. */
struct glob_shape glob_shape(const struct glob *g);

#endif
