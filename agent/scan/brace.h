/*
 * Alternatives in a pattern: "a{b,c}d" is "abd" and "acd".  They may be
 * nested and empty; inside [] and after an escape a brace is itself.  Pure.
 */
#ifndef BRACE_H
#define BRACE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define BRACE_MAX 256 /* patterns that one may become */

/*
 * Calls each with every pattern that text (len bytes) stands for, one where
 * it has no braces; stops at a negative return and returns it.  escape as in
 * struct glob_syntax.  VS_EINVAL: a brace that is not closed; VS_ELIMIT: over
 * BRACE_MAX of them.
 */
int brace_each(const char *text, size_t len, uint32_t escape,
    int (*each)(void *arg, const char *pattern, size_t n, struct vs_err *err),
    void *arg, struct vs_err *err);

#endif
