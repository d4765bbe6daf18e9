/*
 * The log goes first: left beside a new database it would be taken for its
 * own.  Shared memory is made anew by whoever opens the database.
 */
#include "agent/aside.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TAIL ".corrupt-"
#define FOUND_MAX 64 /* looked at in one go; the next time goes on */

static const char *const parts[] = { "-wal", "-shm", "" };

/* Says in name what the database at base is called from now on. */
static int name_new(int dir, const char *base, int64_t wall_ms,
    char name[NAME_MAX + 1], struct vs_err *err)
{
	for (int64_t ms = wall_ms; ms < wall_ms + 100; ms++) {
		time_t at = (time_t)(ms / 1000);
		char stamp[32];
		struct tm tm;
		int n;

		if (gmtime_r(&at, &tm) == NULL ||
		    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &tm) == 0)
			return vs_err_set(err, VS_EBUG, "no date");
		n = snprintf(name, NAME_MAX + 1, "%s" TAIL "%s.%03dZ", base,
		    stamp, (int)(ms % 1000));
		if (n < 0 || n > NAME_MAX - 4)
			return vs_err_set(err, VS_ELIMIT, "name too long");
		if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
			return VS_OK;
	}
	return vs_err_set(err, VS_EEXIST, "too many damaged databases");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of those put aside, without their parts, in the order of age. */
static int list(int dir, const char *base, char *found[FOUND_MAX])
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	size_t len = strlen(base);
	int n = 0;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (n < FOUND_MAX && (e = readdir(d)) != NULL)
		if (strncmp(e->d_name, base, len) == 0 &&
		    strncmp(e->d_name + len, TAIL, strlen(TAIL)) == 0 &&
		    strrchr(e->d_name, '-') ==
			e->d_name + len + strlen(TAIL) - 1)
			n += (found[n] = strdup(e->d_name)) != NULL;
	closedir(d);
	qsort(found, (size_t)n, sizeof(*found), by_name);
	return n;
}

static void prune(int dir, const char *base)
{
	char *found[FOUND_MAX];
	char name[NAME_MAX + 8];
	int n = list(dir, base, found);

	for (int i = 0; i < n; i++) {
		for (size_t k = 0; k < 3 && i < n - ASIDE_KEPT; k++) {
			snprintf(
			    name, sizeof(name), "%s%s", found[i], parts[k]);
			(void)unlinkat(dir, name, 0);
		}
		free(found[i]);
	}
}

/* Moves all parts of base, the database last. */
static int move(int dir, const char *base, const char *name, struct vs_err *err)
{
	char from[NAME_MAX + 8];
	char to[NAME_MAX + 8];

	for (size_t k = 0; k < 3; k++) {
		int rc;

		snprintf(from, sizeof(from), "%s%s", base, parts[k]);
		snprintf(to, sizeof(to), "%s%s", name, parts[k]);
		if (strcmp(parts[k], "-shm") == 0)
			rc = unlinkat(dir, from, 0);
		else
			rc = renameat(dir, from, dir, to);
		if (rc != 0 && errno != ENOENT)
			return vs_err_errno(err, errno, "move %s aside", from);
	}
	if (fsync(dir) != 0)
		return vs_err_errno(err, errno, "fsync");
	return VS_OK;
}

int aside_move(const char *path, int64_t wall_ms, char *aside, size_t cap,
    struct vs_err *err)
{
	const char *base = strrchr(path, '/');
	char parent[PATH_MAX];
	char name[NAME_MAX + 1];
	int dir;
	int rc;

	assert(base != NULL && base[1] != '\0');
	snprintf(parent, sizeof(parent), "%.*s", (int)(base - path), path);
	base++;
	dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return vs_err_errno(err, errno, "%s", parent);
	rc = name_new(dir, base, wall_ms, name, err);
	if (rc == VS_OK)
		rc = move(dir, base, name, err);
	if (rc == VS_OK &&
	    (size_t)snprintf(aside, cap, "%s/%s", parent, name) >= cap)
		rc = vs_err_set(err, VS_ELIMIT, "name too long");
	if (rc == VS_OK)
		prune(dir, base);
	close(dir);
	return rc;
}
