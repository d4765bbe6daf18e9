#include <errno.h>

#include "common/os/beneath.h"

int vs_beneath_open(int rootfd, const char *path, int flags, mode_t mode)
{
	(void)rootfd;
	(void)path;
	(void)flags;
	(void)mode;
	return -ENOSYS;
}
