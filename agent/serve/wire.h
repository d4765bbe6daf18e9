/*
 * What the agent and its chunk server say to each other: one message a
 * datagram on a socket pair (SOCK_SEQPACKET), the same program on both ends.
 * What is received is checked: the chunk server reads bytes of strangers, so
 * the agent does not believe it more than it must.
 *
 *   agent:  SETUP ROOT* GO         FOUND*
 *   server:                READY ASK* STALE?
 */
#ifndef WIRE_H
#define WIRE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/crypto/sha256.h"
#include "common/crypto/ticket.h"

#define WIRE_PEM 8192 /* bytes of a key or certificate, NUL included */
#define WIRE_ID 40 /* of a UUID */

enum wire_type {
	WIRE_SETUP = 1,
	WIRE_ROOT,
	WIRE_GO, /* has nothing but its type */
	WIRE_READY,
	WIRE_ASK,
	WIRE_FOUND,
	WIRE_STALE, /* likewise: a root is not the one of the start */
};

/* Who serves. */
struct wire_setup {
	char key_pem[WIRE_PEM];
	char cert_pem[WIRE_PEM];
	char device[WIRE_ID];
	uint8_t ticket_key[VS_TICKET_KEY];
	int log_level;
	int log_format;
};

/* A folder that is served. */
struct wire_root {
	char project[WIRE_ID];
	char path[PATH_MAX]; /* absolute */
};

/* It serves, and what holds it back. */
struct wire_ready {
	int landlock; /* its ABI; 0: the kernel has none */
	bool seccomp;
	int roots; /* that were there */
};

/* What is known of a file? */
struct wire_ask {
	uint32_t id; /* of the answer */
	char project[WIRE_ID];
	char path[VS_PATH_MAX + 1];
};

struct wire_found {
	uint32_t id;
	int code; /* VS_OK, VS_ENOENT, VS_EROOT, ... */
	uint8_t hash[VS_SHA256_SIZE];
	int64_t size; /* and the rest of its stat */
	int64_t mtime_ns;
	int64_t ctime_ns;
	uint64_t ino;
	uint64_t root_dev; /* beneath this folder */
	uint64_t root_ino;
};

struct wire_message {
	uint32_t type; /* enum wire_type */
	union {
		struct wire_setup setup;
		struct wire_root root;
		struct wire_ready ready;
		struct wire_ask ask;
		struct wire_found found;
	};
};

/* Sends all of m; VS_EAGAIN when the socket takes no more now. */
int wire_send(int fd, const struct wire_message *m, struct vs_err *err);

/*
 * Receives one: 1, 0 at the end, VS_EAGAIN when there is none yet, VS_EPROTO
 * for what is no message (strings without an end, other lengths).
 */
int wire_receive(int fd, struct wire_message *m, struct vs_err *err);

/* Copies s into out of cap bytes; false if it does not fit. */
bool wire_text(char *out, size_t cap, const char *s);

#endif
