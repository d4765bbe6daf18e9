#include "tests/unit/plainwire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t plainwire_read(void *arg, void *data, size_t len)
{
	const struct plainwire *p = arg;
	ssize_t n = recv(p->fd, data, len, MSG_DONTWAIT);

	if (n >= 0)
		return n;
	return errno == EAGAIN ? VS_EAGAIN : VS_ENET;
}

static ssize_t plainwire_write(void *arg, const void *data, size_t len)
{
	struct plainwire *p = arg;
	ssize_t n;

	if (p->most > 0 && len > p->most)
		len = p->most;
	n = send(p->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0) {
		p->writes++;
		return n;
	}
	return errno == EAGAIN ? VS_EAGAIN : VS_ENET;
}

static void plainwire_close(void *arg)
{
	struct plainwire *p = arg;

	p->closed++;
	close(p->fd);
}

struct vs_ws_wire plainwire_of(struct plainwire *p, int fd)
{
	p->fd = fd;
	return (struct vs_ws_wire){
		.fd = fd,
		.read = plainwire_read,
		.write = plainwire_write,
		.close = plainwire_close,
		.arg = p,
	};
}

void wsend_on_message(void *arg, const char *text, size_t len)
{
	struct wsend *e = arg;

	assert_int_equal(e->closed, 0);
	e->messages++;
	e->bytes += len;
	snprintf(e->last, sizeof(e->last), "%.*s", (int)len, text);
	if (e->messages == e->close_at)
		vs_ws_close(e->ws, 1000, "enough");
}

void wsend_on_closed(void *arg, int code, const char *why)
{
	struct wsend *e = arg;

	e->ws = NULL;
	e->closed++;
	e->code = code;
	snprintf(e->why, sizeof(e->why), "%s", why);
}

struct vs_ws_options wsend_options(struct wsend *e, bool client)
{
	return (struct vs_ws_options){
		.client = client,
		.message = wsend_on_message,
		.closed = wsend_on_closed,
		.arg = e,
	};
}

void wsend_wait(uv_loop_t *loop, const int *what, int n)
{
	for (int i = 0; *what < n; i++) {
		if (i == 20000)
			fail_msg("nothing comes: %d of %d", *what, n);
		uv_run(loop, UV_RUN_NOWAIT);
		usleep(500);
	}
}
