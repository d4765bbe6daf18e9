#include "agent/serve/wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD offsetof(struct wire_message, setup)

/* Bytes of a message of this type, 0 for none. */
static size_t wire_size(uint32_t type)
{
	switch (type) {
	case WIRE_SETUP:
		return HEAD + sizeof(struct wire_setup);
	case WIRE_ROOT:
		return HEAD + sizeof(struct wire_root);
	case WIRE_READY:
		return HEAD + sizeof(struct wire_ready);
	case WIRE_ASK:
		return HEAD + sizeof(struct wire_ask);
	case WIRE_FOUND:
		return HEAD + sizeof(struct wire_found);
	case WIRE_GO:
	case WIRE_STALE:
		return HEAD;
	default:
		return 0;
	}
}

static bool ends(const char *s, size_t cap)
{
	return memchr(s, '\0', cap) != NULL;
}

static bool wire_good(const struct wire_message *m)
{
	switch (m->type) {
	case WIRE_SETUP:
		return ends(m->setup.key_pem, sizeof(m->setup.key_pem)) &&
		    ends(m->setup.cert_pem, sizeof(m->setup.cert_pem)) &&
		    ends(m->setup.device, sizeof(m->setup.device));
	case WIRE_ROOT:
		return ends(m->root.project, sizeof(m->root.project)) &&
		    ends(m->root.path, sizeof(m->root.path));
	case WIRE_ASK:
		return ends(m->ask.project, sizeof(m->ask.project)) &&
		    ends(m->ask.path, sizeof(m->ask.path));
	case WIRE_FOUND:
		return m->found.code <= 0;
	default:
		return true;
	}
}

int wire_send(int fd, const struct wire_message *m, struct vs_err *err)
{
	size_t size = wire_size(m->type);
	ssize_t n;

	assert(size > 0 && wire_good(m));
	do {
		n = send(fd, m, size, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
		return vs_err_set(err, VS_EAGAIN, "chunk server: no room");
	if (n < 0)
		return vs_err_errno(err, errno, "chunk server: send");
	assert((size_t)n == size);
	return VS_OK;
}

int wire_receive(int fd, struct wire_message *m, struct vs_err *err)
{
	ssize_t n;

	do {
		/* MSG_TRUNC: the length that it had */
		n = recv(fd, m, sizeof(*m), MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return VS_EAGAIN;
	if (n < 0 && errno != ECONNRESET)
		return vs_err_errno(err, errno, "chunk server: receive");
	if (n <= 0)
		return 0;
	if ((size_t)n < HEAD || (size_t)n > sizeof(*m) ||
	    (size_t)n != wire_size(m->type) || !wire_good(m))
		return vs_err_set(
		    err, VS_EPROTO, "chunk server: not a message");
	return 1;
}

bool wire_text(char *out, size_t cap, const char *s)
{
	size_t n = strlen(s);

	if (n >= cap)
		return false;
	memset(out + n, 0, cap - n);
	memcpy(out, s, n);
	return true;
}
