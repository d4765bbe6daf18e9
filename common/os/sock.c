#include "common/os/sock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/base/path.h"

#define SOCK_BACKLOG 1024

/* The folder of path, open, if it is ours alone. */
static int sock_open_dir(const char *path, struct vs_err *err)
{
	char dir[VS_PATH_MAX + 1];
	size_t len = vs_path_parent_len(path);
	struct stat st;
	int fd;

	if (len == 0 || len >= sizeof(dir))
		return vs_err_set(err, VS_EINVAL, "socket %s: bad path", path);
	memcpy(dir, path, len);
	dir[len] = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return vs_err_errno(err, errno, "open folder %s", dir);
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    (st.st_mode & 077) == 0)
		return fd;
	close(fd);
	return vs_err_set(
	    err, VS_EACCES, "folder %s: must be ours with mode 0700", dir);
}

/* Removes a socket that an earlier process of ours left. */
static int sock_remove_stale(int dir, const char *path, struct vs_err *err)
{
	const char *name = vs_path_name(path);
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return VS_OK;
		return vs_err_errno(err, errno, "look at socket %s", path);
	}
	if (!S_ISSOCK(st.st_mode))
		return vs_err_set(err, VS_EEXIST,
		    "socket %s: something else has that name", path);
	if (st.st_uid != geteuid())
		return vs_err_set(
		    err, VS_EACCES, "socket %s: belongs to another user", path);
	if (unlinkat(dir, name, 0) < 0)
		return vs_err_errno(err, errno, "remove socket %s", path);
	return VS_OK;
}

/*
 * The address of name in the open folder dir.  Through /proc, because an
 * address has room for 107 bytes only and folders may be longer.
 */
static int sock_address(struct sockaddr_un *sa, int dir, const char *path)
{
	int len;

	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (strlen(path) < sizeof(sa->sun_path)) {
		memcpy(sa->sun_path, path, strlen(path) + 1);
		return VS_OK;
	}
	len = snprintf(sa->sun_path, sizeof(sa->sun_path),
	    "/proc/self/fd/%d/%s", dir, vs_path_name(path));
	return (size_t)len < sizeof(sa->sun_path) ? VS_OK : VS_EPATH;
}

static int sock_bind_unix(int fd, int dir, const char *path, struct vs_err *err)
{
	struct sockaddr_un sa;

	if (sock_address(&sa, dir, path) < 0)
		return vs_err_set(
		    err, VS_EPATH, "socket %s: too long a name", path);
	if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		return vs_err_errno(err, errno, "bind socket %s", path);
	if (fchmodat(dir, vs_path_name(path), 0600, 0) < 0)
		return vs_err_errno(err, errno, "protect socket %s", path);
	if (listen(fd, SOCK_BACKLOG) < 0)
		return vs_err_errno(err, errno, "listen on socket %s", path);
	return VS_OK;
}

int vs_sock_listen_unix(const char *path, struct vs_err *err)
{
	int dir;
	int fd = -1;
	int rc;

	assert(path != NULL);
	dir = sock_open_dir(path, err);
	if (dir < 0)
		return dir;
	rc = sock_remove_stale(dir, path, err);
	if (rc < 0)
		goto out;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		rc = vs_err_errno(err, errno, "make a socket");
		goto out;
	}
	rc = sock_bind_unix(fd, dir, path, err);
out:
	close(dir);
	if (rc == VS_OK)
		return fd;
	if (fd >= 0)
		close(fd);
	return rc;
}

struct sock_name {
	char host[256]; /* "" for every address */
	char port[8];
};

/* Splits "HOST:PORT", "[V6]:PORT", ":PORT". */
static int sock_split(const char *address, struct sock_name *n)
{
	const char *colon = strrchr(address, ':');
	const char *host = address;
	size_t len;
	size_t digits;

	if (colon == NULL)
		return VS_EINVAL;
	digits = strspn(colon + 1, "0123456789");
	if (digits == 0 || digits > 5 || colon[1 + digits] != '\0')
		return VS_EINVAL;
	memcpy(n->port, colon + 1, digits + 1);
	len = (size_t)(colon - address);
	if (len > 0 && host[0] == '[') {
		if (host[len - 1] != ']')
			return VS_EINVAL;
		host++;
		len -= 2;
	} else if (memchr(host, ':', len) != NULL) {
		return VS_EINVAL;
	}
	if (len >= sizeof(n->host))
		return VS_EINVAL;
	memcpy(n->host, host, len);
	n->host[len] = '\0';
	return VS_OK;
}

/* A listening socket on one address, or -errno. */
static int sock_listen_one(const struct addrinfo *ai, bool any)
{
	int on = 1;
	int off = 0;
	int why;
	int fd = socket(ai->ai_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (any && ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    listen(fd, SOCK_BACKLOG) == 0)
		return fd;
	why = errno;
	close(fd);
	return -why;
}

static int sock_port(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return 0;
	if (ss.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&ss)->sin6_port);
	return ntohs(((struct sockaddr_in *)&ss)->sin_port);
}

/* The first of the list that works; of "any", IPv6 first: it takes both. */
static int sock_listen_list(const struct addrinfo *list, bool any)
{
	int rc = -EADDRNOTAVAIL;

	for (int pass = 0; pass < 2; pass++) {
		for (const struct addrinfo *ai = list; ai != NULL;
		     ai = ai->ai_next) {
			if (any && (ai->ai_family == AF_INET6) != (pass == 0))
				continue;
			rc = sock_listen_one(ai, any);
			if (rc >= 0)
				return rc;
		}
	}
	return rc;
}

int vs_sock_listen_tcp(const char *address, int *port, struct vs_err *err)
{
	struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *list;
	struct sock_name n;
	int rc;

	assert(address != NULL && port != NULL);
	if (sock_split(address, &n) < 0)
		return vs_err_set(err, VS_EINVAL,
		    "listen on %s: not HOST:PORT, [V6]:PORT or :PORT", address);
	rc = getaddrinfo(
	    n.host[0] != '\0' ? n.host : NULL, n.port, &hints, &list);
	if (rc != 0)
		return vs_err_set(err, VS_EINVAL, "listen on %s: %s", address,
		    gai_strerror(rc));
	rc = sock_listen_list(list, n.host[0] == '\0');
	freeaddrinfo(list);
	if (rc < 0)
		return vs_err_errno(err, -rc, "listen on %s", address);
	*port = sock_port(rc);
	return rc;
}

bool vs_sock_peer_is_us(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	/* root reads and signals every process anyway */
	return cred.uid == geteuid() || cred.uid == 0;
}
