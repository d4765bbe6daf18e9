#include "common/base/text.h"

#include <assert.h>
#include <string.h>

bool vs_text_copy(char *out, size_t cap, const char *text)
{
	size_t n = text != NULL ? strlen(text) : 0;
	bool fits = n < cap;

	assert(cap > 0);
	if (!fits)
		n = cap - 1;
	if (n > 0)
		memcpy(out, text, n);
	out[n] = '\0';
	return fits;
}
