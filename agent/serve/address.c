#include "agent/serve/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SCHEME "https://"
#define BLANK " \t"
#define HOST_MAX 253 /* bytes of a name, RFC 1035 */
#define HOST_CHARS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."

static int list_add(struct address_list *l, const char *host, int port)
{
	char text[ADDRESS_TEXT];
	bool v6 = strchr(host, ':') != NULL;

	assert(strlen(host) <= HOST_MAX && port >= 0 && port <= 65535);
	(void)snprintf(text, sizeof(text), SCHEME "%s%s%s:%d", v6 ? "[" : "",
	    host, v6 ? "]" : "", port);
	for (int i = 0; i < l->count; i++)
		if (strcmp(l->text[i], text) == 0)
			return VS_OK;
	if (l->count == ADDRESS_COUNT)
		return VS_ELIMIT;
	memcpy(l->text[l->count++], text, sizeof(text));
	return VS_OK;
}

static bool is_v6(const char *host)
{
	struct in6_addr a;

	return inet_pton(AF_INET6, host, &a) == 1;
}

/* A port in text, which may be empty: then *port stays. */
static int port_read(const char *text, int *port)
{
	char *end;
	long n;

	if (*text == '\0')
		return VS_OK;
	if (text[0] != ':' || text[1] < '0' || text[1] > '9')
		return VS_EINVAL;
	n = strtol(text + 1, &end, 10);
	if (*end != '\0' || n < 1 || n > 65535)
		return VS_EINVAL;
	*port = (int)n;
	return VS_OK;
}

/* HOST or HOST:PORT; text is cut up. */
static int host_add(struct address_list *l, char *text, int port)
{
	char host[HOST_MAX + 1];
	const char *rest;
	size_t n;

	if (is_v6(text))
		return list_add(l, text, port);
	if (text[0] == '[') {
		text++;
		n = strcspn(text, "]");
		rest = text[n] == ']' ? text + n + 1 : "x";
	} else {
		n = strspn(text, HOST_CHARS);
		rest = text + n;
	}
	if (n == 0 || n > HOST_MAX || port_read(rest, &port) < 0)
		return VS_EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	if (text[n] == ']' && !is_v6(host))
		return VS_EINVAL;
	return list_add(l, host, port);
}

static int entry_add(struct address_list *l, char *entry, int port)
{
	size_t n;

	entry += strspn(entry, BLANK);
	n = strlen(entry);
	while (n > 0 && strchr(BLANK, entry[n - 1]) != NULL)
		entry[--n] = '\0';
	if (strncasecmp(entry, SCHEME, strlen(SCHEME)) == 0) {
		entry += strlen(SCHEME);
		n -= strlen(SCHEME);
		if (n > 0 && entry[n - 1] == '/')
			entry[--n] = '\0';
	}
	return host_add(l, entry, port);
}

int address_advertised(struct address_list *l, const char *text, int port)
{
	char *copy = strdup(text);
	char *rest = copy;
	char *entry;
	int rc = VS_OK;

	if (copy == NULL)
		return VS_ENOMEM;
	while (rc == VS_OK && (entry = strsep(&rest, ",")) != NULL)
		rc = entry_add(l, entry, port);
	free(copy);
	return rc;
}

int address_check(const char *text)
{
	struct address_list l = { .count = 0 };

	return address_advertised(&l, text, 1);
}

/* IPv4 in the clothes of IPv6 (RFC 4291, 2.5.5.2) is IPv4. */
static const char *v6_text(const struct in6_addr *a, char *out, socklen_t len)
{
	if (IN6_IS_ADDR_V4MAPPED(a))
		return inet_ntop(AF_INET, &a->s6_addr[12], out, len);
	return inet_ntop(AF_INET6, a, out, len);
}

void address_add(struct address_list *l, const struct sockaddr *sa, int port)
{
	char host[INET6_ADDRSTRLEN];

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)sa;

		if (inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host)) !=
		    NULL)
			(void)list_add(l, host, port);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)sa;

		if (!IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) &&
		    v6_text(&v6->sin6_addr, host, sizeof(host)) != NULL)
			(void)list_add(l, host, port);
	}
}

/* Those of the interfaces; v6: the socket takes that, too. */
static int interfaces_add(struct address_list *l, int port, bool v6,
    bool loopback, struct vs_err *err)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) != 0)
		return vs_err_errno(err, errno, "addresses of this machine");
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL || (i->ifa_flags & IFF_UP) == 0)
			continue;
		if ((i->ifa_flags & IFF_LOOPBACK) != 0 && !loopback)
			continue;
		if (i->ifa_addr->sa_family == AF_INET6 && !v6)
			continue;
		address_add(l, i->ifa_addr, port);
	}
	freeifaddrs(all);
	return VS_OK;
}

int address_collect(
    struct address_list *l, int fd, bool loopback, struct vs_err *err)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage all;
	} a = { .all = { .ss_family = AF_UNSPEC } };
	socklen_t len = sizeof(a);
	bool every;
	int port;

	if (getsockname(fd, &a.any, &len) != 0)
		return vs_err_errno(err, errno, "address of the socket");
	if (a.any.sa_family == AF_INET6) {
		port = ntohs(a.v6.sin6_port);
		every = IN6_IS_ADDR_UNSPECIFIED(&a.v6.sin6_addr);
	} else {
		port = ntohs(a.v4.sin_port);
		every = a.v4.sin_addr.s_addr == htonl(INADDR_ANY);
	}
	if (every)
		return interfaces_add(
		    l, port, a.any.sa_family == AF_INET6, loopback, err);
	address_add(l, &a.any, port);
	return VS_OK;
}

bool address_same(const struct address_list *a, const struct address_list *b)
{
	if (a->count != b->count)
		return false;
	for (int i = 0; i < a->count; i++)
		if (strcmp(a->text[i], b->text[i]) != 0)
			return false;
	return true;
}

bool address_is_local(const char *url)
{
	const char *host = strstr(url, "://");
	size_t n;

	host = host != NULL ? host + 3 : url;
	n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
	return (n == 9 && strncasecmp(host, "localhost", n) == 0) ||
	    (n == 5 && strncmp(host, "[::1]", n) == 0) ||
	    (n > 4 && strncmp(host, "127.", 4) == 0 &&
		strspn(host, "0123456789.") == n);
}
