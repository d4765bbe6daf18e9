/*
 * Preloaded into a program: takes out of what it reads from inotify that
 * events were dropped (IN_Q_OVERFLOW), so that a test can show that somebody
 * would notice.
 *
 * DEAF_PROG=name only in the program of that name
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static bool is_inotify(int fd)
{
	char path[64] = "/proc/self/fd/";
	char link[32];
	char digits[16];
	size_t n = 0;
	ssize_t len;
	int saved = errno;

	for (unsigned v = (unsigned)fd; n == 0 || v > 0; v /= 10)
		digits[n++] = (char)('0' + v % 10);
	for (size_t at = strlen(path); n > 0;)
		path[at++] = digits[--n];
	len = readlink(path, link, sizeof(link) - 1);
	errno = saved;
	if (len < 0)
		return false;
	link[len] = '\0';
	return strcmp(link, "anon_inode:inotify") == 0;
}

static bool wanted(int fd)
{
	const char *prog = getenv("DEAF_PROG");

	if (prog != NULL && strcmp(prog, program_invocation_short_name) != 0)
		return false;
	return is_inotify(fd);
}

/* What is left of len bytes of events. */
static ssize_t strip(char *buf, ssize_t len)
{
	ssize_t kept = 0;

	for (ssize_t at = 0; at < len;) {
		struct inotify_event e;
		ssize_t size;

		memcpy(&e, buf + at, sizeof(e));
		size = (ssize_t)(sizeof(e) + e.len);
		if ((e.mask & IN_Q_OVERFLOW) == 0) {
			memmove(buf + kept, buf + at, (size_t)size);
			kept += size;
		}
		at += size;
	}
	return kept;
}

ssize_t read(int fd, void *buf, size_t size)
{
	ssize_t len;
	ssize_t kept;

	do {
		len = syscall(SYS_read, fd, buf, size);
		if (len <= 0 || !wanted(fd))
			return len;
		kept = strip(buf, len);
	} while (kept == 0);
	return kept;
}

/* What read() is where the compiler knows the size of buf. */
ssize_t __read_chk(int fd, void *buf, size_t size, size_t room);

ssize_t __read_chk(int fd, void *buf, size_t size, size_t room)
{
	return read(fd, buf, size < room ? size : room);
}
