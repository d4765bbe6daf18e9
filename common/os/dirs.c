#include "common/os/dirs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/os/file.h"

/* The value of an environment variable if it is set and absolute, or NULL. */
static int dirs_env(const char *name, const char **value, struct vs_err *err)
{
	*value = getenv(name);
	if (*value == NULL || (*value)[0] == '\0') {
		*value = NULL;
		return VS_OK;
	}
	if ((*value)[0] != '/')
		return vs_err_set(err, VS_ECONFIG,
		    "%s: \"%s\" is not an absolute path", name, *value);
	return VS_OK;
}

static int dirs_put(
    char out[PATH_MAX], const char *base, const char *rest, struct vs_err *err)
{
	if (snprintf(out, PATH_MAX, "%s%s", base, rest) >= PATH_MAX)
		return vs_err_set(
		    err, VS_ECONFIG, "%s%s: too long a path", base, rest);
	return VS_OK;
}

/* $name/vsync, else $HOME and fallback. */
static int dirs_find_one(char out[PATH_MAX], const char *name,
    const char *fallback, struct vs_err *err)
{
	const char *base;
	const char *home;

	if (dirs_env(name, &base, err) < 0)
		return VS_ECONFIG;
	if (base != NULL)
		return dirs_put(out, base, "/vsync", err);
	if (dirs_env("HOME", &home, err) < 0)
		return VS_ECONFIG;
	if (home == NULL)
		return vs_err_set(
		    err, VS_ECONFIG, "neither %s nor HOME is set", name);
	return dirs_put(out, home, fallback, err);
}

int vs_dirs_find(struct vs_dirs *d, struct vs_err *err)
{
	const char *runtime = NULL;
	int rc;

	assert(d != NULL);
	rc = dirs_find_one(d->config, "XDG_CONFIG_HOME", "/.config/vsync", err);
	if (rc == VS_OK)
		rc = dirs_find_one(
		    d->state, "XDG_STATE_HOME", "/.local/state/vsync", err);
	if (rc == VS_OK)
		rc = dirs_env("XDG_RUNTIME_DIR", &runtime, err);
	if (rc < 0)
		return rc;
	if (runtime != NULL)
		return dirs_put(d->runtime, runtime, "/vsync", err);
	return dirs_put(d->runtime, d->state, "/run", err);
}

/* Makes one; it must be ours, and nobody else may look in. */
static int dirs_make_one(const char *path, struct vs_err *err)
{
	struct stat st;
	int rc = vs_file_mkdirs(path, 0700, err);
	int fd;

	if (rc < 0)
		return rc;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return vs_err_errno(err, errno, "open folder %s", path);
	if (fstat(fd, &st) < 0)
		rc = vs_err_errno(err, errno, "look at folder %s", path);
	else if (st.st_uid != geteuid())
		rc = vs_err_set(
		    err, VS_EACCES, "folder %s: belongs to another user", path);
	else if ((st.st_mode & 077) != 0 && fchmod(fd, 0700) < 0)
		rc = vs_err_errno(err, errno, "protect folder %s", path);
	close(fd);
	return rc;
}

int vs_dirs_make(const struct vs_dirs *d, struct vs_err *err)
{
	int rc = dirs_make_one(d->config, err);

	if (rc == VS_OK)
		rc = dirs_make_one(d->state, err);
	if (rc == VS_OK)
		rc = dirs_make_one(d->runtime, err);
	return rc;
}
