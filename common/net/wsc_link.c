/*
 * libcurl connects through a multi handle of its own, which the loop drives
 * (curl_multi_socket_action(3)); with CONNECT_ONLY the connection then is
 * ours to read and write, and lives as long as its handles.
 */
#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>

#include "common/net/wsc_priv.h"

#define LINK_KEEPALIVE_S 20L

struct wsc_link {
	uv_loop_t *loop;
	CURLM *multi;
	CURL *easy;
	uv_timer_t timer; /* libcurl's, while it connects */
	int fd; /* once connected */
	int handles; /* of libuv, not yet closed */
	bool connected; /* or failed: libcurl has nothing more to do */
	bool closing;
	char why[CURL_ERROR_SIZE];
	void (*done)(void *arg, const struct vs_err *why);
	void *arg;
};

/* A socket of libcurl's on the loop, while it connects. */
struct link_socket {
	uv_poll_t poll;
	curl_socket_t fd;
	struct wsc_link *link;
};

static void link_on_timer(uv_timer_t *timer);

static void link_handle_closed(struct wsc_link *l)
{
	assert(l->handles > 0);
	if (--l->handles > 0 || !l->closing)
		return;
	curl_global_cleanup();
	free(l);
}

static void link_on_timer_closed(uv_handle_t *h)
{
	link_handle_closed(h->data);
}

static void link_on_socket_closed(uv_handle_t *h)
{
	struct link_socket *s = h->data;
	struct wsc_link *l = s->link;

	free(s);
	link_handle_closed(l);
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
static void link_collect(struct wsc_link *l)
{
	struct vs_err why = VS_ERR_INIT;
	curl_socket_t fd = CURL_SOCKET_BAD;
	CURLMsg *msg;
	CURLcode rc;
	int left;

	msg = curl_multi_info_read(l->multi, &left);
	if (msg == NULL || l->connected)
		return;
	assert(msg->msg == CURLMSG_DONE);
	rc = msg->data.result;
	l->connected = true;
	uv_timer_stop(&l->timer);
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

static void link_arm(struct wsc_link *l, long ms)
{
	/* The loop's idea of now may be old: the timer would fire early. */
	uv_update_time(l->loop);
	uv_timer_start(&l->timer, link_on_timer, (uint64_t)ms, 0);
}

static void link_on_timer(uv_timer_t *timer)
{
	struct wsc_link *l = timer->data;
	long ms = -1;
	int running;

	curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	/* Fired a little early, libcurl does not ask for the moment again. */
	curl_multi_timeout(l->multi, &ms);
	if (ms >= 0 && !uv_is_active((uv_handle_t *)timer))
		link_arm(l, ms > 0 ? ms : 1);
	link_collect(l);
}

static int link_set_timer(CURLM *multi, long ms, void *arg)
{
	struct wsc_link *l = arg;

	(void)multi;
	if (l->closing || l->connected)
		return 0;
	if (ms < 0)
		uv_timer_stop(&l->timer);
	else
		link_arm(l, ms);
	return 0;
}

static void link_on_poll(uv_poll_t *poll, int status, int events)
{
	struct link_socket *s = poll->data;
	struct wsc_link *l = s->link;
	int mask = status < 0 ? CURL_CSELECT_ERR : 0;
	int running;

	if ((events & UV_READABLE) != 0)
		mask |= CURL_CSELECT_IN;
	if ((events & UV_WRITABLE) != 0)
		mask |= CURL_CSELECT_OUT;
	curl_multi_socket_action(l->multi, s->fd, mask, &running);
	link_collect(l);
}

static struct link_socket *link_socket_new(struct wsc_link *l, curl_socket_t fd)
{
	struct link_socket *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	if (uv_poll_init_socket(l->loop, &s->poll, fd) < 0) {
		free(s);
		return NULL;
	}
	s->poll.data = s;
	s->fd = fd;
	s->link = l;
	l->handles++;
	curl_multi_assign(l->multi, fd, s);
	return s;
}

static int link_set_socket(
    CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
	struct wsc_link *l = arg;
	struct link_socket *s = socket;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s != NULL) {
			uv_poll_stop(&s->poll);
			curl_multi_assign(l->multi, fd, NULL);
			uv_close(
			    (uv_handle_t *)&s->poll, link_on_socket_closed);
		}
		return 0;
	}
	if (s == NULL)
		s = link_socket_new(l, fd);
	if (s == NULL)
		return -1;
	if (what != CURL_POLL_OUT)
		events |= UV_READABLE;
	if (what != CURL_POLL_IN)
		events |= UV_WRITABLE;
	return uv_poll_start(&s->poll, events, link_on_poll) < 0 ? -1 : 0;
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
	curl_multi_remove_handle(l->multi, l->easy);
	curl_easy_cleanup(l->easy);
	curl_multi_cleanup(l->multi);
	uv_close((uv_handle_t *)&l->timer, link_on_timer_closed);
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

/* Nothing happens before the loop runs. */
static int link_begin(struct wsc_link *l, const struct wsc_link_options *o)
{
	l->multi = curl_multi_init();
	l->easy = curl_easy_init();
	if (l->multi == NULL || l->easy == NULL || link_setup(l, o) != CURLE_OK)
		return VS_ENOMEM;
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, link_set_socket);
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, link_set_timer);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
	uv_timer_init(l->loop, &l->timer);
	l->timer.data = l;
	l->handles = 1;
	/* Only now, for it sets the timer. */
	if (curl_multi_add_handle(l->multi, l->easy) == CURLM_OK)
		return VS_OK;
	vs_wsc_link_close(l);
	return VS_ECANCELED;
}

int vs_wsc_link_new(struct wsc_link **out, uv_loop_t *loop,
    const struct wsc_link_options *o, struct vs_err *err)
{
	struct wsc_link *l;
	int rc = VS_ENOMEM;

	*out = NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return vs_err_set(err, VS_ENOMEM, "start libcurl");
	l = calloc(1, sizeof(*l));
	if (l != NULL) {
		l->loop = loop;
		l->fd = -1;
		l->done = o->connected;
		l->arg = o->arg;
		rc = link_begin(l, o);
	}
	if (rc == VS_OK) {
		*out = l;
		return VS_OK;
	}
	if (rc == VS_ENOMEM) {
		if (l != NULL) {
			curl_easy_cleanup(l->easy);
			curl_multi_cleanup(l->multi);
		}
		free(l);
		curl_global_cleanup();
	}
	return vs_err_set(err, VS_ENOMEM, "start a connection");
}
