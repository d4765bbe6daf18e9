/*
 * libmicrohttpd keeps the descriptor of an upgraded connection and closes it
 * when it is told; in between it does not look at it.
 */
#include "common/net/httpd.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/net/httpd_priv.h"
#include "common/net/ws.h"

struct httpd_upgrade {
	struct vs_httpd *server;
	struct vs_httpd_req *req;
	struct MHD_UpgradeResponseHandle *mhd; /* NULL before and after */
	int fd;
	void (*ready)(void *arg, const struct vs_ws_wire *wire,
	    const void *early, size_t early_len);
	void *arg;
};

static ssize_t upgrade_read(void *arg, void *data, size_t len)
{
	const struct httpd_upgrade *u = arg;
	ssize_t n;

	do
		n = recv(u->fd, data, len, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN ? VS_EAGAIN : VS_ENET;
}

static ssize_t upgrade_write(void *arg, const void *data, size_t len)
{
	const struct httpd_upgrade *u = arg;
	ssize_t n;

	do
		n = send(u->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN ? VS_EAGAIN : VS_ENET;
}

static void upgrade_close(void *arg)
{
	struct httpd_upgrade *u = arg;
	struct MHD_UpgradeResponseHandle *mhd = u->mhd;

	assert(mhd != NULL && u->server->wires > 0);
	u->mhd = NULL;
	u->server->wires--;
	MHD_upgrade_action(mhd, MHD_UPGRADE_ACTION_CLOSE);
	vs_httpd_kick(u->server);
}

static void upgrade_on_ready(void *cls, struct MHD_Connection *connection,
    void *con_cls, const char *early, size_t early_len, MHD_socket fd,
    struct MHD_UpgradeResponseHandle *mhd)
{
	struct httpd_upgrade *u = cls;
	struct vs_ws_wire wire = {
		.fd = fd,
		.read = upgrade_read,
		.write = upgrade_write,
		.close = upgrade_close,
		.arg = u,
	};
	int on = 1;

	(void)connection;
	(void)con_cls;
	assert(u->req->state == HTTPD_ANSWERED);
	u->mhd = mhd;
	u->fd = fd;
	u->server->wires++;
	u->req->state = HTTPD_TAKEN;
	vs_buf_release(&u->req->body);
	/* Small messages are to leave at once; no matter on a Unix socket. */
	MHD_upgrade_action(mhd, MHD_UPGRADE_ACTION_CORK_OFF);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	u->ready(u->arg, &wire, early, early_len);
}

void vs_httpd_upgrade_over(struct vs_httpd_req *r)
{
	struct httpd_upgrade *u = r->upgrade;

	assert(u->mhd == NULL);
	r->upgrade = NULL;
	if (r->state != HTTPD_TAKEN)
		u->ready(u->arg, NULL, NULL, 0);
	free(u);
}

static struct MHD_Response *upgrade_response(
    struct httpd_upgrade *u, const char *const *headers)
{
	struct MHD_Response *resp =
	    MHD_create_response_for_upgrade(upgrade_on_ready, u);

	for (; resp != NULL && headers != NULL && *headers != NULL; headers++) {
		if (vs_httpd_add_header(resp, *headers))
			continue;
		MHD_destroy_response(resp);
		resp = NULL;
	}
	return resp;
}

int vs_httpd_upgrade(struct vs_httpd_req *r, const char *const *headers,
    void (*ready)(void *arg, const struct vs_ws_wire *wire, const void *early,
	size_t early_len),
    void *arg, struct vs_err *err)
{
	struct httpd_upgrade *u;

	assert(r->state == HTTPD_ASKED && ready != NULL);
	if (r->server->tls)
		return vs_err_set(
		    err, VS_ENOTSUP, "upgrade of a TLS connection");
	u = calloc(1, sizeof(*u));
	if (u != NULL)
		r->response = upgrade_response(u, headers);
	if (r->response == NULL) {
		free(u);
		return vs_err_set(err, VS_ENOMEM, "upgrade a connection");
	}
	u->server = r->server;
	u->req = r;
	u->ready = ready;
	u->arg = arg;
	r->upgrade = u;
	r->status = MHD_HTTP_SWITCHING_PROTOCOLS;
	r->state = HTTPD_ANSWERED;
	vs_httpd_wake(r);
	return VS_OK;
}
