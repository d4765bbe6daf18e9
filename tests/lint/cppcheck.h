/* What cppcheck has to know of macros in headers that it does not read. */
#ifndef LINT_CPPCHECK_H
#define LINT_CPPCHECK_H

#define json_array_foreach(array, index, value) \
	for (index = 0; (value = json_array_get(array, index)); index++)
#define json_object_foreach(object, key, value) \
	for (; (value = json_object_iter(object, &key));)

#endif
