#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "common/os/fstype.h"

/*
 * The type in a line of mountinfo (proc(5)) if it is of this device: the
 * third field is MAJOR:MINOR, the type comes after " - ".
 */
static bool mount_type(
    const char *line, dev_t dev, char *out, const char *const limit)
{
	unsigned major_no, minor_no;
	const char *type = strstr(line, " - ");

	if (type == NULL ||
	    sscanf(line, "%*d %*d %u:%u ", &major_no, &minor_no) != 2 ||
	    major_no != major(dev) || minor_no != minor(dev))
		return false;
	for (type += 3; *type != ' ' && *type != '\0' && out < limit; type++)
		*out++ = *type;
	*out = '\0';
	return true;
}

/* The name of the mount's type, "" where it cannot be had. */
static void type_find(dev_t dev, char type[VS_FSTYPE_NAME])
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t cap = 0;

	type[0] = '\0';
	while (f != NULL && getline(&line, &cap, f) > 0)
		if (mount_type(line, dev, type, type + VS_FSTYPE_NAME - 1))
			break;
	free(line);
	if (f != NULL)
		fclose(f);
}

bool vs_fstype_near(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
	    !vs_fstype_of((uint32_t)fs.f_type, NULL).remote;
}

int vs_fstype_read(int fd, struct vs_fstype *out, struct vs_err *err)
{
	char type[VS_FSTYPE_NAME] = "";
	struct statfs fs;
	struct stat s;

	if (fstatfs(fd, &fs) != 0)
		return vs_err_errno(err, errno, "statfs");
	*out = vs_fstype_of((uint32_t)fs.f_type, NULL);
	if (!out->remote || fstat(fd, &s) != 0)
		return VS_OK;
	type_find(s.st_dev, type);
	*out = vs_fstype_of((uint32_t)fs.f_type, type);
	return VS_OK;
}
