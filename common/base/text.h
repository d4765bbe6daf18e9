/* Strings in buffers of a fixed size. */
#ifndef VS_TEXT_H
#define VS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copies text (NULL is "") into out of cap bytes, NUL included; what does
 * not fit is cut off.  True if all fitted.
 */
bool vs_text_copy(char *out, size_t cap, const char *text);

#endif
