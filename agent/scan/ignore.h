/*
 * What is never published: our own state, and the working files of the
 * synchroniser that carries the folder.  Pure.
 */
#ifndef IGNORE_H
#define IGNORE_H

#include <stdbool.h>

/*
 * The rule that hides the entry called name in directory dir ("" is the
 * root), as a person would read it, or NULL.
 */
const char *ignore_rule(const char *dir, const char *name);

/* The same for a path: a hidden directory hides what is below. */
const char *ignore_path(const char *path);

/* All rules, NULL-ended, for telling the user. */
const char *const *ignore_rules(void);

#endif
