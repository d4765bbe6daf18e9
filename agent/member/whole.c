#include "agent/member/whole.h"

#include <stdlib.h>
#include <string.h>

bool whole_is(const char *hash, const char *named)
{
#ifdef VS_TEST_HOOKS
	/* without this look wrong files appear, as tests/fault shows */
	if (getenv("VSYNC_TEST_UNVERIFIED") != NULL)
		return true;
#endif
	return strcmp(hash, named) == 0;
}
