#include "cli/folder.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int refuse(const char *arg, int e, struct trouble *f)
{
	trouble_set(f, vs_err_of_errno(e), "%s: %s", arg, strerror(e));
	if (e == ENOENT || e == ENOTDIR)
		f->exit = VS_EXIT_NOT_FOUND;
	return f->err.code;
}

int folder_find(char out[PATH_MAX], const char *arg, struct trouble *f)
{
	struct stat st;

	if (realpath(arg, out) == NULL || stat(out, &st) != 0)
		return refuse(arg, errno, f);
	return S_ISDIR(st.st_mode) ? VS_OK : refuse(arg, ENOTDIR, f);
}

/* What arg will be once its last component is made; 0 or an errno. */
static int name(char out[PATH_MAX], const char *arg)
{
	char copy[PATH_MAX], dir[PATH_MAX];
	size_t len = strlen(arg);
	const char *last;

	while (len > 0 && arg[len - 1] == '/')
		len--;
	if (len == 0 || len >= sizeof(copy))
		return len == 0 ? ENOENT : ENAMETOOLONG;
	memcpy(copy, arg, len);
	copy[len] = '\0';
	char *slash = strrchr(copy, '/');
	last = slash != NULL ? slash + 1 : copy;
	if (strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		return ENOENT;
	if (slash != NULL)
		*slash = '\0';
	if (realpath(slash == NULL    ? "."
		    : copy[0] == '\0' ? "/"
				      : copy,
		dir) == NULL)
		return errno;
	if (snprintf(out, PATH_MAX, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir,
		last) >= PATH_MAX)
		return ENAMETOOLONG;
	return 0;
}

int folder_make(
    char out[PATH_MAX], const char *arg, bool *made, struct trouble *f)
{
	struct stat st;
	int e;

	assert(f->err.code == VS_OK);
	if (made != NULL)
		*made = false;
	/* A link that leads nowhere is there, and no folder. */
	if (lstat(arg, &st) == 0 || errno != ENOENT)
		return folder_find(out, arg, f);
	e = name(out, arg);
	if (e == 0 && made != NULL) {
		e = mkdir(out, 0777) != 0 ? errno : 0;
		*made = e == 0;
	}
	return e == 0 ? VS_OK : refuse(arg, e, f);
}
