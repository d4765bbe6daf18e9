/* Listening sockets and who is at the other end. */
#ifndef VS_SOCK_H
#define VS_SOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

/*
 * A Unix socket at path, mode 0600, in a directory that belongs to us with
 * mode 0700.  A stale socket is removed: call it only under the lock.  A
 * symlink or another user's file at path is refused.  Non-blocking,
 * close-on-exec, listening descriptor or a negative code.
 */
int vs_sock_listen_unix(const char *path, struct vs_err *err);

/*
 * "HOST:PORT", "[V6]:PORT" or ":PORT"; port 0 lets the kernel choose.
 * *port gets the one bound.  Descriptor as above.
 */
int vs_sock_listen_tcp(const char *address, int *port, struct vs_err *err);

/* True if the peer of the Unix socket fd is our uid or root (SO_PEERCRED). */
bool vs_sock_peer_is_us(int fd);

#endif
