/*
 * Preloaded into a program: kills it (SIGKILL) at its i-th call that writes
 * to a disk, so that a sweep over i visits every state a crash can leave.
 *
 * KILLAT_AT=i      which call, from 1; absent: only count
 * KILLAT_AFTER=1   after the call instead of before it
 * KILLAT_PROG=name only in the program of that name
 * KILLAT_COUNT=f   at its end the program writes its number of calls to f
 *
 * What counts: writes to regular files other than standard output and error,
 * and whatever changes a directory or forces data to the disk.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static long wanted(void)
{
	static atomic_long at = -1;
	const char *prog;
	const char *e;
	long v;

	v = atomic_load(&at);
	if (v >= 0)
		return v;
	prog = getenv("KILLAT_PROG");
	e = getenv("KILLAT_AT");
	v = e ? strtol(e, NULL, 10) : 0;
	if (prog && strcmp(prog, program_invocation_short_name) != 0)
		v = 0;
	atomic_store(&at, v);
	return v;
}

static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* Counts one call; true if the program is to die after it. */
static bool hit(void)
{
	long n;
	bool after;

	n = atomic_fetch_add(&calls, 1) + 1;
	if (n != wanted())
		return false;
	after = getenv("KILLAT_AFTER") != NULL;
	if (!after)
		die();
	return after;
}

static bool regular(int fd)
{
	struct stat st;
	int keep = errno;
	bool yes;

	yes = fd > 2 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	errno = keep;
	return yes;
}

#define NEXT(name) \
	static __typeof__(name) *next; \
	if (!next) \
	next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* A call that counts where cond holds. */
#define WRAP(type, name, params, args, cond) \
	type name params \
	{ \
		NEXT(name); \
		bool last = (cond) && hit(); \
		type r = next args; \
		if (last) \
			die(); \
		return r; \
	}

WRAP(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n), regular(fd))
WRAP(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n),
    regular(fd))
WRAP(ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o),
    regular(fd))
WRAP(ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t o),
    (fd, b, n, o), regular(fd))
WRAP(ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t o),
    (fd, v, n, o), regular(fd))
WRAP(int, fsync, (int fd), (fd), true)
WRAP(int, fdatasync, (int fd), (fd), true)
WRAP(int, ftruncate, (int fd, off_t n), (fd, n), true)
WRAP(int, ftruncate64, (int fd, off64_t n), (fd, n), true)
WRAP(int, fallocate, (int fd, int m, off_t o, off_t n), (fd, m, o, n), true)
WRAP(int, posix_fallocate, (int fd, off_t o, off_t n), (fd, o, n), true)
WRAP(int, unlink, (const char *p), (p), true)
WRAP(int, unlinkat, (int d, const char *p, int f), (d, p, f), true)
WRAP(int, rename, (const char *a, const char *b), (a, b), true)
WRAP(int, renameat, (int d, const char *a, int e, const char *b), (d, a, e, b),
    true)
WRAP(int, renameat2, (int d, const char *a, int e, const char *b, unsigned f),
    (d, a, e, b, f), true)
WRAP(int, link, (const char *a, const char *b), (a, b), true)
WRAP(int, linkat, (int d, const char *a, int e, const char *b, int f),
    (d, a, e, b, f), true)
WRAP(int, mkdir, (const char *p, mode_t m), (p, m), true)
WRAP(int, mkdirat, (int d, const char *p, mode_t m), (d, p, m), true)
WRAP(int, rmdir, (const char *p), (p), true)
WRAP(int, fchmod, (int fd, mode_t m), (fd, m), true)
WRAP(int, chmod, (const char *p, mode_t m), (p, m), true)

/* Opening counts when it may make a file. */
#define OPENS(name, params, args) \
	int name params \
	{ \
		NEXT(name); \
		mode_t mode = 0; \
		va_list ap; \
		if (flags & (O_CREAT | O_TMPFILE)) { \
			va_start(ap, flags); \
			mode = (mode_t)va_arg(ap, int); \
			va_end(ap); \
		} \
		bool last = (flags & O_CREAT) && hit(); \
		int r = next args; \
		if (last) \
			die(); \
		return r; \
	}

OPENS(open, (const char *p, int flags, ...), (p, flags, mode))
OPENS(open64, (const char *p, int flags, ...), (p, flags, mode))
OPENS(openat, (int d, const char *p, int flags, ...), (d, p, flags, mode))
OPENS(openat64, (int d, const char *p, int flags, ...), (d, p, flags, mode))

/* openat2 has no function of its own. */
long syscall(long number, ...)
{
	NEXT(syscall);
	long a[6];
	va_list ap;
	bool last = false;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_openat2 &&
	    (((const struct open_how *)a[2])->flags & O_CREAT))
		last = hit();
	long r = next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (last)
		die();
	return r;
}

__attribute__((destructor)) static void killat_report(void)
{
	const char *name = getenv("KILLAT_COUNT");
	const char *prog = getenv("KILLAT_PROG");
	FILE *f;

	if (!name || (prog && strcmp(prog, program_invocation_short_name) != 0))
		return;
	unsetenv("KILLAT_AT");
	f = fopen(name, "w");
	if (!f)
		return;
	fprintf(f, "%ld\n", atomic_load(&calls));
	fclose(f);
}
