/*
 * The names that the disk itself has for things, which on one that folds
 * case are not those it is asked for.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/member/target_core.h"
#include "common/base/path.h"
#include "common/base/text.h"
#include "common/os/fs.h"

/* A name being looked for among those of a folder. */
struct finding {
	int dir;
	const char *name; /* as it is asked for */
	struct stat is; /* what answers to it */
	char found[VS_NAME_MAX + 1]; /* "": nothing yet */
};

static bool is_it(const struct finding *f, const char *name)
{
	struct stat s;

	return fstatat(f->dir, name, &s, AT_SYMLINK_NOFOLLOW) == 0 &&
	    s.st_dev == f->is.st_dev && s.st_ino == f->is.st_ino;
}

/*
 * All names, up to the very one.  Unless thorough the numbers that the
 * listing gives are trusted to pick those worth a stat.
 */
static int names_read(
    struct finding *f, DIR *dir, bool thorough, struct vs_err *err)
{
	struct dirent *e;

	rewinddir(dir);
	while (errno = 0, (e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, f->name) == 0) {
			vs_text_copy(f->found, sizeof(f->found), e->d_name);
			return VS_OK;
		}
		if (f->found[0] == '\0' &&
		    (thorough || e->d_ino == f->is.st_ino) &&
		    is_it(f, e->d_name))
			vs_text_copy(f->found, sizeof(f->found), e->d_name);
	}
	return errno == 0 ? VS_OK : vs_err_errno(err, errno, "list a folder");
}

/* The name of what answers to name in dir, as the folder lists it. */
static int name_find(
    int dir, const char *name, char out[VS_NAME_MAX + 1], struct vs_err *err)
{
	struct finding f = { .dir = dir, .name = name };
	int fd;
	DIR *names;
	int r;

	if (fstatat(dir, name, &f.is, AT_SYMLINK_NOFOLLOW) != 0)
		return vs_err_errno(err, errno, "stat of %s", name);
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	names = fd >= 0 ? fdopendir(fd) : NULL;
	if (names == NULL) {
		r = vs_err_errno(err, errno, "list a folder");
		if (fd >= 0)
			close(fd);
		return r;
	}
	r = names_read(&f, names, false, err);
	if (r == VS_OK && f.found[0] == '\0')
		r = names_read(&f, names, true, err);
	closedir(names);
	if (r == VS_OK && f.found[0] == '\0')
		r = vs_err_set(err, VS_ENOENT, "%s is not listed", name);
	if (r == VS_OK)
		memcpy(out, f.found, sizeof(f.found));
	return r;
}

/* One component more; *dir is the folder it is in, then itself. */
static int spell_one(int *dir, const char *name, bool last,
    char out[VS_PATH_MAX + 1], struct vs_err *err)
{
	char found[VS_NAME_MAX + 1];
	size_t n = strlen(out);
	int next;
	int r = name_find(*dir, name, found, err);

	if (r < 0)
		return r;
	if (n + 1 + strlen(found) > VS_PATH_MAX)
		return vs_err_set(err, VS_ELIMIT, "the path is too long");
	if (n > 0)
		out[n++] = '/';
	memcpy(out + n, found, strlen(found) + 1);
	if (last)
		return VS_OK;
	next = vs_fs_open(*dir, found, O_RDONLY | O_DIRECTORY, 0, err);
	if (next < 0)
		return next;
	close(*dir);
	*dir = next;
	return VS_OK;
}

int target_spelled(struct target *t, const char *path,
    char out[VS_PATH_MAX + 1], struct vs_err *err)
{
	char name[VS_NAME_MAX + 1];
	int r = target_path_check(path, err);
	int dir;

	out[0] = '\0';
	if (r < 0)
		return r;
	dir = target_root_take((struct target_posix *)t, err);
	if (dir < 0)
		return dir;
	while (r == VS_OK && *path != '\0') {
		size_t n = strcspn(path, "/");

		memcpy(name, path, n);
		name[n] = '\0';
		path += n + (path[n] == '/' ? 1 : 0);
		r = spell_one(&dir, name, *path == '\0', out, err);
	}
	close(dir);
	return r;
}
