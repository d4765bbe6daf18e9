#include "agent/manager.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static socklen_t address(struct sockaddr_un *a, const char *path)
{
	size_t n = strlen(path);

	if ((*path != '/' && *path != '@') || n >= sizeof(a->sun_path))
		return 0;
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, path, n);
	/* the abstract name space is written with an '@' */
	if (*path == '@')
		a->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
	    (*path == '/' ? 1 : 0));
}

void manager_tell(const char *fmt, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a;
	char text[512];
	socklen_t len;
	va_list ap;
	int fd;
	int n;

	if (path == NULL)
		return;
	len = address(&a, path);
	if (len == 0)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	/* a manager that does not listen is no reason to stop working */
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL,
	    (const struct sockaddr *)&a, len);
	close(fd);
}

int64_t manager_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	char *end;
	long long us;

	if (usec == NULL)
		return 0;
	if (pid != NULL && strtoll(pid, NULL, 10) != getpid())
		return 0;
	errno = 0;
	us = strtoll(usec, &end, 10);
	if (errno != 0 || *end != '\0' || us < 2000)
		return 0;
	return us / 2000;
}
