#include "common/os/lock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Who holds it, as written by the holder; "?" if it is not readable. */
static void lock_holder(int fd, char *out, size_t cap)
{
	ssize_t n = pread(fd, out, cap - 1, 0);

	out[n > 0 ? n : 0] = '\0';
	out[strspn(out, "0123456789")] = '\0';
	if (out[0] == '\0')
		snprintf(out, cap, "?");
}

static int lock_refused(int fd, int why, const char *path, struct vs_err *err)
{
	char pid[16];

	if (why != EWOULDBLOCK)
		return vs_err_errno(err, why, "lock %s", path);
	lock_holder(fd, pid, sizeof(pid));
	return vs_err_set(
	    err, VS_EBUSY, "lock %s: held by process %s", path, pid);
}

int vs_lock_take(const char *path, struct vs_err *err)
{
	char pid[16];
	int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	int rc = VS_OK;
	int fd;

	assert(path != NULL);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return vs_err_errno(err, errno, "open lock %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		rc = lock_refused(fd, errno, path, err);
	else if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)len, 0) < 0)
		rc = vs_err_errno(err, errno, "write lock %s", path);
	if (rc == VS_OK)
		return fd;
	close(fd);
	return rc;
}
