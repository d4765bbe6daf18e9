/*
 * The last look at what was pulled, before it gets its name.  Pure.
 */
#ifndef WHOLE_H
#define WHOLE_H

#include <stdbool.h>

/* True if the hash of the bytes is the one the log names, both as text. */
bool whole_is(const char *hash, const char *named);

#endif
