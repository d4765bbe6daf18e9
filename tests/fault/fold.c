/*
 * Preloaded into a program: below one folder, names that differ in case only
 * are one, as on a disk that folds case.  It is as atomic as a look and a
 * call after it.
 *
 * FOLD_BELOW=path  the folder, without links in it
 * FOLD_PROG=name   only in the program of that name
 * FOLD_LIES=1      and a listing has each name as it was asked for last
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH 8192

/* What this thread asked for last. */
static _Thread_local char asked[256];

/* The path of an open folder, if it is one to fold names in. */
static bool place(int dir, char *out, size_t cap)
{
	const char *below = getenv("FOLD_BELOW");
	const char *prog = getenv("FOLD_PROG");
	char link[64];
	ssize_t n;

	if (!below || dir < 0 ||
	    (prog && strcmp(prog, program_invocation_short_name) != 0))
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = readlink(link, out, cap - 1);
	if (n <= 0)
		return false;
	out[n] = '\0';
	return strncmp(out, below, strlen(below)) == 0;
}

/* One name in the folder at becomes the one that is there instead. */
static void fold_one(const char *at, char *name, size_t len)
{
	char path[PATH];
	struct stat st;
	struct dirent *d;
	DIR *dir;

	if (snprintf(path, sizeof(path), "%s/%.*s", at, (int)len, name) >=
		(int)sizeof(path) ||
	    lstat(path, &st) == 0)
		return;
	dir = opendir(at);
	while (dir && (d = readdir(dir)))
		if (strlen(d->d_name) == len &&
		    strncasecmp(d->d_name, name, len) == 0)
			memcpy(name, d->d_name, len);
	if (dir)
		closedir(dir);
}

/* name, or in buf what it comes to. */
static const char *fold(int dir, const char *name, char *buf)
{
	int keep = errno;
	char at[PATH];
	char was[sizeof(asked)];
	char *p = buf;

	if (!name || name[0] == '/' || strlen(name) >= PATH / 2 ||
	    !place(dir, at, PATH / 2))
		return name;
	strcpy(buf, name);
	strcpy(was, asked);
	asked[0] = '\0';
	while (*p != '\0') {
		size_t n = strcspn(p, "/");

		fold_one(at, p, n);
		strcat(at, "/");
		strncat(at, p, n);
		p += n + strspn(p + n, "/");
	}
	/* only now, as the looks above are for the names as they are */
	strcpy(asked,
	    strcmp(name, ".") != 0 && !strchr(name, '/') &&
		    strlen(name) < sizeof(asked)
		? name
		: was);
	errno = keep;
	return buf;
}

#define NEXT(name) \
	static __typeof__(name) *next; \
	if (!next) \
	next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* A call with one name in a folder. */
#define FOLD(name, params, args) \
	int name params \
	{ \
		NEXT(name); \
		char buf[PATH]; \
		p = fold(d, p, buf); \
		return next args; \
	}

FOLD(fstatat, (int d, const char *restrict p, struct stat *restrict s, int f),
    (d, p, s, f))
FOLD(fstatat64,
    (int d, const char *restrict p, struct stat64 *restrict s, int f),
    (d, p, s, f))
FOLD(statx,
    (int d, const char *restrict p, int f, unsigned m,
	struct statx *restrict s),
    (d, p, f, m, s))
FOLD(unlinkat, (int d, const char *p, int f), (d, p, f))
FOLD(mkdirat, (int d, const char *p, mode_t m), (d, p, m))
FOLD(symlinkat, (const char *to, int d, const char *p), (to, d, p))

/* With two of them. */
#define FOLD_TWO(name, params, args) \
	int name params \
	{ \
		NEXT(name); \
		char from[PATH], to[PATH]; \
		p = fold(d, p, from); \
		q = fold(e, q, to); \
		return next args; \
	}

FOLD_TWO(renameat, (int d, const char *p, int e, const char *q), (d, p, e, q))
FOLD_TWO(renameat2, (int d, const char *p, int e, const char *q, unsigned f),
    (d, p, e, q, f))
FOLD_TWO(linkat, (int d, const char *p, int e, const char *q, int f),
    (d, p, e, q, f))

/* glibc's own opendir and readdir are not those of its callers. */
#define READS(name, type) \
	struct type *name(DIR *dir) \
	{ \
		NEXT(name); \
		struct type *d = next(dir); \
		if (d && getenv("FOLD_LIES") && \
		    strcasecmp(d->d_name, asked) == 0) \
			strcpy(d->d_name, asked); \
		return d; \
	}

READS(readdir, dirent)
READS(readdir64, dirent64)

#define OPENS(name) \
	int name(int d, const char *p, int flags, ...) \
	{ \
		NEXT(name); \
		char buf[PATH]; \
		mode_t mode = 0; \
		va_list ap; \
		if (flags & (O_CREAT | O_TMPFILE)) { \
			va_start(ap, flags); \
			mode = (mode_t)va_arg(ap, int); \
			va_end(ap); \
		} \
		return next(d, fold(d, p, buf), flags, mode); \
	}

OPENS(openat)
OPENS(openat64)

/* openat2 has no function of its own. */
long syscall(long number, ...)
{
	NEXT(syscall);
	char buf[PATH];
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_openat2)
		a[1] = (long)fold((int)a[0], (const char *)a[1], buf);
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
