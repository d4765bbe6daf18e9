/*
 * libcurl connects through a multi handle of its own; with CONNECT_ONLY the
 * connection then is ours to read and write, and lives as long as its
 * handles.
 */
#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>

#include "common/net/multi.h"
#include "common/net/wsc_priv.h"

#define LINK_KEEPALIVE_S 20L

struct wsc_link {
	struct vs_multi *multi;
	CURL *easy;
	int fd; /* once connected */
	bool connected; /* or failed: libcurl has nothing more to do */
	bool closing;
	char why[CURL_ERROR_SIZE];
	void (*done)(void *arg, const struct vs_err *why);
	void *arg;
};

static void link_closed(void *arg)
{
	free(arg);
}

static int link_code(CURLcode rc)
{
	switch (rc) {
	case CURLE_OPERATION_TIMEDOUT:
		return VS_ETIMEDOUT;
	case CURLE_OUT_OF_MEMORY:
		return VS_ENOMEM;
	default:
		return VS_ENET;
	}
}

/* Tells how it ended, if it has; l may be closed afterwards. */
static void link_collect(void *arg)
{
	struct wsc_link *l = arg;
	struct vs_err why = VS_ERR_INIT;
	curl_socket_t fd = CURL_SOCKET_BAD;
	CURLMsg *msg;
	CURLcode rc;
	int left;

	msg = curl_multi_info_read(vs_multi_handle(l->multi), &left);
	if (msg == NULL || l->connected)
		return;
	assert(msg->msg == CURLMSG_DONE);
	rc = msg->data.result;
	l->connected = true;
	vs_multi_rest(l->multi);
	if (rc == CURLE_OK)
		rc = curl_easy_getinfo(l->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (rc == CURLE_OK && fd == CURL_SOCKET_BAD)
		rc = CURLE_COULDNT_CONNECT;
	l->fd = (int)fd;
	if (rc == CURLE_OK) {
		l->done(l->arg, NULL);
		return;
	}
	vs_err_set(&why, link_code(rc), "%s",
	    l->why[0] != '\0' ? l->why : curl_easy_strerror(rc));
	l->done(l->arg, &why);
}

static ssize_t link_read(void *arg, void *data, size_t len)
{
	struct wsc_link *l = arg;
	size_t n = 0;

	switch (curl_easy_recv(l->easy, data, len, &n)) {
	case CURLE_OK:
		return (ssize_t)n;
	case CURLE_AGAIN:
		return VS_EAGAIN;
	default:
		return VS_ENET;
	}
}

static ssize_t link_write(void *arg, const void *data, size_t len)
{
	struct wsc_link *l = arg;
	size_t n = 0;

	switch (curl_easy_send(l->easy, data, len, &n)) {
	case CURLE_OK:
		return n > 0 ? (ssize_t)n : VS_EAGAIN;
	case CURLE_AGAIN:
		return VS_EAGAIN;
	default:
		return VS_ENET;
	}
}

static void link_on_wire_close(void *arg)
{
	vs_wsc_link_close(arg);
}

void vs_wsc_link_wire(struct wsc_link *l, struct vs_ws_wire *wire)
{
	assert(l->connected && l->fd >= 0);
	*wire = (struct vs_ws_wire){
		.fd = l->fd,
		.read = link_read,
		.write = link_write,
		.close = link_on_wire_close,
		.arg = l,
	};
}

void vs_wsc_link_close(struct wsc_link *l)
{
	assert(!l->closing);
	l->closing = true;
	curl_multi_remove_handle(vs_multi_handle(l->multi), l->easy);
	curl_easy_cleanup(l->easy);
	vs_multi_close(l->multi, link_closed, l);
}

static CURLcode link_setup(struct wsc_link *l, const struct wsc_link_options *o)
{
	CURL *e = l->easy;

	curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
	/* Otherwise TLS may agree on HTTP/2, which has no Upgrade. */
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_HTTPPROXYTUNNEL, 1L);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, LINK_KEEPALIVE_S);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, l->why);
	if (o->ca_file != NULL)
		curl_easy_setopt(e, CURLOPT_CAINFO, o->ca_file);
	return curl_easy_setopt(e, CURLOPT_URL, o->url);
}

int vs_wsc_link_new(struct wsc_link **out, uv_loop_t *loop,
    const struct wsc_link_options *o, struct vs_err *err)
{
	struct wsc_link *l = calloc(1, sizeof(*l));
	int rc;

	*out = NULL;
	if (l == NULL)
		return vs_err_set(err, VS_ENOMEM, "start a connection");
	l->fd = -1;
	l->done = o->connected;
	l->arg = o->arg;
	rc = vs_multi_new(&l->multi, loop, link_collect, l, err);
	if (rc < 0) {
		free(l);
		return rc;
	}
	l->easy = curl_easy_init();
	/* Last, for it sets the timer; nothing happens before the loop runs. */
	if (l->easy == NULL || link_setup(l, o) != CURLE_OK ||
	    curl_multi_add_handle(vs_multi_handle(l->multi), l->easy) !=
		CURLM_OK) {
		vs_wsc_link_close(l);
		return vs_err_set(err, VS_ENOMEM, "start a connection");
	}
	*out = l;
	return VS_OK;
}
