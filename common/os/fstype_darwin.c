#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/param.h>

#include "common/os/fstype.h"

bool vs_fstype_near(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (fs.f_flags & MNT_LOCAL) != 0;
}

int vs_fstype_read(int fd, struct vs_fstype *out, struct vs_err *err)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return vs_err_errno(err, errno, "statfs");
	out->remote = (fs.f_flags & MNT_LOCAL) == 0;
	snprintf(out->name, sizeof(out->name), "%s", fs.f_fstypename);
	return VS_OK;
}
