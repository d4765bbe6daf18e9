/*
 * Where the direct route can be reached: a list of "https://HOST:PORT", as
 * the cloud hands it to those who want a file.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "common/base/err.h"

#define ADDRESS_COUNT 32 /* more are left out */
#define ADDRESS_TEXT 288 /* bytes of one, NUL included */

struct address_list {
	int count;
	char text[ADDRESS_COUNT][ADDRESS_TEXT];
};

/*
 * Adds what a person advertises: "https://HOST:PORT", "HOST:PORT" or "HOST",
 * several with commas; [V6] or a bare V6 for a HOST.  port is that of those
 * without one.  VS_EINVAL for anything else, VS_ELIMIT for too many.
 */
int address_advertised(struct address_list *l, const char *text, int port);

/* The same, only to see whether it is good. */
int address_check(const char *text);

/*
 * Adds the address of an interface.  Left out: other families than that of
 * the two internets, IPv6 addresses that need a scope, and doubles.
 */
void address_add(struct address_list *l, const struct sockaddr *sa, int port);

/*
 * Adds where the listening socket fd can be reached: the address it is bound
 * to, or those of all interfaces.  Loopback counts only if loopback is set.
 */
int address_collect(
    struct address_list *l, int fd, bool loopback, struct vs_err *err);

/* True for the same texts in the same order. */
bool address_same(const struct address_list *a, const struct address_list *b);

/* True for a URL whose host is this machine itself: localhost, 127..., ::1. */
bool address_is_local(const char *url);

#endif
