#include "cli/field.h"

#include <assert.h>
#include <stddef.h>

const char *field_text(const json_t *o, const char *key)
{
	const char *s;

	assert(key != NULL);
	s = json_string_value(json_object_get(o, key));
	return s != NULL ? s : "";
}

int64_t field_number(const json_t *o, const char *key)
{
	assert(key != NULL);
	return json_integer_value(json_object_get(o, key));
}
