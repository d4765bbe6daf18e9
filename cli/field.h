/*
 * Members of the agent's documents, where one that is missing or of another
 * kind is no error but nothing.  What a command cannot do without it asks of
 * common/base/json.h.
 */
#ifndef FIELD_H
#define FIELD_H

#include <stdint.h>
#include <jansson.h>

/* The string at key, borrowed from o; "" where there is none. */
const char *field_text(const json_t *o, const char *key);

/* The integer at key; 0 where there is none. */
int64_t field_number(const json_t *o, const char *key);

#endif
