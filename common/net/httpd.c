/*
 * libmicrohttpd runs when its epoll descriptor says so, when it asked for a
 * time, or when something was resumed; never from inside one of its own
 * callbacks.  What it does not limit is limited by a tick: a header that
 * trickles in, a body slower than HTTPD_RATE.  The tick also watches over
 * connections that sleep for long, for nobody else would see them end.
 */
#include "common/net/httpd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/net/httpd_priv.h"
#include "common/os/sock.h"

#define HTTPD_CONNECTIONS 1000
#define HTTPD_TICK_MS 250
#define HTTPD_RATE 1024 /* bytes a second a body must come at */
#define HTTPD_SHAKE_MS 1 /* between runs while a TLS handshake is on */
#define HTTPD_GRACE_MS 500 /* for answers under way when closing */

static void httpd_run(struct vs_httpd *s);

static int64_t httpd_now(const struct vs_httpd *s)
{
	return (int64_t)uv_now(s->loop);
}

static void httpd_on_timer(uv_timer_t *timer)
{
	httpd_run(timer->data);
}

static void httpd_on_idle(uv_idle_t *idle)
{
	uv_idle_stop(idle);
	httpd_run(idle->data);
}

/* Runs on a later turn; if it is running now, at its end. */
void vs_httpd_kick(struct vs_httpd *s)
{
	s->kick = true;
	if (!s->running && !s->stopped)
		uv_idle_start(&s->idle, httpd_on_idle);
}

/* One libuv handle of the server's less; the last one ends it. */
static void httpd_handle_closed(struct vs_httpd *s)
{
	void (*closed)(void *arg) = s->closed;
	void *arg = s->closed_arg;

	assert(s->handles > 0);
	if (--s->handles > 0 || !s->stopped)
		return;
	free(s);
	if (closed != NULL)
		closed(arg);
}

static void httpd_on_watch_closed(uv_handle_t *h)
{
	struct httpd_watch *w = h->data;
	struct vs_httpd *s = w->server;

	free(w);
	httpd_handle_closed(s);
}

static void httpd_unwatch(struct vs_httpd_req *r)
{
	if (r->watch == NULL)
		return;
	uv_poll_stop(&r->watch->poll);
	uv_close((uv_handle_t *)&r->watch->poll, httpd_on_watch_closed);
	r->watch = NULL;
}

/* The user gets no chance to answer any more. */
static void httpd_tell_gone(struct vs_httpd_req *r)
{
	assert(r->state == HTTPD_ASKED);
	r->state = HTTPD_DEAD;
	if (r->server->o.gone != NULL)
		r->server->o.gone(r->server->o.arg, r);
}

static void httpd_on_watch(uv_poll_t *poll, int status, int events)
{
	struct httpd_watch *w = poll->data;
	struct vs_httpd_req *r = w->req;

	if (status == 0 && (events & UV_DISCONNECT) == 0)
		return;
	if (r->stream != NULL) {
		vs_httpd_stream_cut(r->stream);
		return;
	}
	httpd_tell_gone(r);
	vs_httpd_wake(r);
}

static void httpd_watch(struct vs_httpd_req *r)
{
	struct httpd_watch *w = calloc(1, sizeof(*w));

	/* Without it the end is seen when the answer is sent. */
	if (w == NULL)
		return;
	if (uv_poll_init(r->server->loop, &w->poll, r->conn->fd) < 0) {
		free(w);
		return;
	}
	w->poll.data = w;
	w->req = r;
	w->server = r->server;
	r->server->handles++;
	r->watch = w;
	uv_poll_start(&w->poll, UV_DISCONNECT, httpd_on_watch);
}

void vs_httpd_sleep(struct vs_httpd_req *r)
{
	assert(!r->suspended && r->server->running);
	r->suspended = true;
	MHD_suspend_connection(r->mhd);
}

void vs_httpd_wake(struct vs_httpd_req *r)
{
	if (!r->suspended)
		return;
	r->suspended = false;
	httpd_unwatch(r);
	MHD_resume_connection(r->mhd);
	vs_httpd_kick(r->server);
}

static enum MHD_Result httpd_queue(struct vs_httpd_req *r)
{
	enum MHD_Result rc;

	if (r->state != HTTPD_ANSWERED)
		return MHD_NO;
	rc = MHD_queue_response(r->mhd, r->status, r->response);
	MHD_destroy_response(r->response);
	r->response = NULL;
	return rc;
}

static enum MHD_Result httpd_refuse(struct vs_httpd_req *r)
{
	r->state = HTTPD_ASKED;
	vs_httpd_refuse(r, r->fail_status, r->fail_code, r->fail_text);
	return httpd_queue(r);
}

/* The header is complete. */
static enum MHD_Result httpd_begin(struct vs_httpd_req *r, const char *method)
{
	r->method = method;
	if (r->conn->stranger)
		vs_httpd_req_fail(r, MHD_HTTP_FORBIDDEN, "not_allowed",
		    "this socket belongs to another user");
	vs_httpd_body_start(r);
	r->state = HTTPD_BODY;
	return vs_httpd_body_hopeless(r) ? httpd_refuse(r) : MHD_YES;
}

/* The request is complete: the user's turn. */
static enum MHD_Result httpd_ask(struct vs_httpd_req *r)
{
	struct vs_httpd *s = r->server;

	vs_httpd_body_end(r);
	if (r->fail_status != 0)
		return httpd_refuse(r);
	if (s->closing)
		return MHD_NO;
	r->state = HTTPD_ASKED;
	s->o.handle(s->o.arg, r);
	if (r->state != HTTPD_ASKED)
		return httpd_queue(r);
	vs_httpd_sleep(r);
	return MHD_YES;
}

static enum MHD_Result httpd_on_request(void *cls, struct MHD_Connection *mhd,
    const char *url, const char *method, const char *version, const char *data,
    size_t *len, void **con_cls)
{
	struct vs_httpd_req *r = *con_cls;
	bool more;

	(void)cls;
	(void)mhd;
	(void)url;
	(void)version;
	if (r == NULL)
		return MHD_NO;
	switch (r->state) {
	case HTTPD_HEAD:
		return httpd_begin(r, method);
	case HTTPD_BODY:
		if (*len == 0)
			return httpd_ask(r);
		more = vs_httpd_body_add(r, data, *len);
		*len = 0;
		return more ? MHD_YES : MHD_NO;
	case HTTPD_ASKED:
		vs_httpd_sleep(r);
		return MHD_YES;
	case HTTPD_ANSWERED:
		return r->response != NULL ? httpd_queue(r) : MHD_YES;
	case HTTPD_TAKEN:
	case HTTPD_DEAD:
		break;
	}
	return MHD_NO;
}

static struct httpd_conn *httpd_conn_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

/* The request line is there; what is returned becomes con_cls. */
static void *httpd_on_uri(
    void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct httpd_conn *c = httpd_conn_of(mhd);
	struct vs_httpd_req *r;

	(void)cls;
	if (c == NULL)
		return NULL;
	r = vs_httpd_req_new(c, mhd, uri);
	c->req = r;
	return r;
}

static void httpd_on_completed(void *cls, struct MHD_Connection *mhd,
    void **con_cls, enum MHD_RequestTerminationCode why)
{
	struct vs_httpd_req *r = *con_cls;

	(void)cls;
	(void)mhd;
	(void)why;
	if (r == NULL)
		return;
	*con_cls = NULL;
	r->suspended = false;
	httpd_unwatch(r);
	if (r->state == HTTPD_ASKED)
		httpd_tell_gone(r);
	if (r->stream != NULL)
		vs_httpd_stream_over(r->stream);
	if (r->upgrade != NULL)
		vs_httpd_upgrade_over(r);
	r->conn->req = NULL;
	r->conn->served = true;
	r->conn->since_ms = httpd_now(r->server);
	vs_httpd_req_free(r);
}

static void httpd_conn_open(struct vs_httpd *s, struct httpd_conn *c)
{
	int on = 1;

	c->server = s;
	c->since_ms = httpd_now(s);
	c->next = s->conns;
	if (c->next != NULL)
		c->next->prev = c;
	s->conns = c;
	c->stranger = s->o.check_peer && !vs_sock_peer_is_us(c->fd);
	setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static void httpd_conn_close(struct vs_httpd *s, struct httpd_conn *c)
{
	assert(c->req == NULL);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	free(c);
}

static void httpd_on_connection(void *cls, struct MHD_Connection *mhd,
    void **context, enum MHD_ConnectionNotificationCode what)
{
	struct vs_httpd *s = cls;
	struct httpd_conn *c = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		c = calloc(1, sizeof(*c));
		*context = c;
		if (c == NULL)
			return;
		c->fd = MHD_get_connection_info(
		    mhd, MHD_CONNECTION_INFO_CONNECTION_FD)
			    ->connect_fd;
		httpd_conn_open(s, c);
	} else if (c != NULL) {
		*context = NULL;
		httpd_conn_close(s, c);
	}
}

/* Left as it is: httpd_req.c decodes, strictly and once. */
static size_t httpd_unescape(void *cls, struct MHD_Connection *mhd, char *s)
{
	(void)cls;
	(void)mhd;
	return strlen(s);
}

/* True if the client took too long over what it is doing. */
static bool httpd_too_slow(const struct httpd_conn *c, int64_t now)
{
	const struct vs_httpd_req *r = c->req;
	int64_t patience = c->server->o.patience_ms;
	int64_t took;

	if (r == NULL)
		return now - c->since_ms > (c->served ? VS_IDLE_MS : patience);
	took = now - r->started_ms;
	if (r->state == HTTPD_HEAD)
		return took > patience;
	if (r->state == HTTPD_ANSWERED && r->stream == NULL)
		return c->server->o.answer_ms > 0 &&
		    now - r->answered_ms > c->server->o.answer_ms;
	return r->state == HTTPD_BODY && took > patience &&
	    (int64_t)r->wire < took * HTTPD_RATE / 1000;
}

static void httpd_on_tick(uv_timer_t *tick)
{
	struct vs_httpd *s = tick->data;
	int64_t now = httpd_now(s);

	for (struct httpd_conn *c = s->conns; c != NULL; c = c->next) {
		struct vs_httpd_req *r = c->req;

		/* libmicrohttpd sees the end and cleans up. */
		if (httpd_too_slow(c, now))
			shutdown(c->fd, SHUT_RDWR);
		else if (r != NULL && r->suspended && r->watch == NULL)
			httpd_watch(r);
	}
	if (s->conns == NULL && !s->closing)
		uv_timer_stop(tick);
	if (s->closing)
		vs_httpd_kick(s);
}

static void httpd_on_handle_closed(uv_handle_t *h)
{
	httpd_handle_closed(h->data);
}

static void httpd_stop(struct vs_httpd *s)
{
	s->stopped = true;
	uv_poll_stop(&s->poll);
	s->running = true;
	MHD_stop_daemon(s->mhd);
	s->running = false;
	s->mhd = NULL;
	assert(s->conns == NULL);
	uv_close((uv_handle_t *)&s->poll, httpd_on_handle_closed);
	uv_close((uv_handle_t *)&s->timer, httpd_on_handle_closed);
	uv_close((uv_handle_t *)&s->idle, httpd_on_handle_closed);
	uv_close((uv_handle_t *)&s->tick, httpd_on_handle_closed);
}

/* Stops listening, and lets go whatever sleeps. */
static void httpd_quiesce(struct vs_httpd *s)
{
	int fd = MHD_quiesce_daemon(s->mhd);

	if (fd >= 0)
		close(fd);
	s->quiesced = true;
	s->close_by_ms = httpd_now(s) + HTTPD_GRACE_MS;
	for (struct httpd_conn *c = s->conns; c != NULL; c = c->next) {
		if (c->req == NULL)
			continue;
		if (c->req->state == HTTPD_ASKED)
			httpd_tell_gone(c->req);
		vs_httpd_wake(c->req);
	}
}

static bool httpd_has_answers(const struct vs_httpd *s)
{
	for (const struct httpd_conn *c = s->conns; c != NULL; c = c->next) {
		if (c->req != NULL && c->req->state == HTTPD_ANSWERED)
			return true;
	}
	return false;
}

/*
 * libmicrohttpd wants to run again at once while a TLS handshake waits for
 * the client, to no avail: its descriptor tells when there is something.
 */
static bool httpd_shakes_hands(const struct vs_httpd *s)
{
	const struct httpd_conn *c = s->tls ? s->conns : NULL;

	while (c != NULL && (c->req != NULL || c->served))
		c = c->next;
	return c != NULL;
}

static bool httpd_may_stop(const struct vs_httpd *s)
{
	return s->closing && s->wires == 0 &&
	    (!httpd_has_answers(s) || httpd_now(s) >= s->close_by_ms);
}

static void httpd_run(struct vs_httpd *s)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;

	if (s->stopped)
		return;
	if (s->closing && !s->quiesced)
		httpd_quiesce(s);
	s->kick = false;
	s->running = true;
	MHD_run(s->mhd);
	s->running = false;
	if (httpd_may_stop(s)) {
		httpd_stop(s);
		return;
	}
	if (s->conns != NULL && !uv_is_active((uv_handle_t *)&s->tick))
		uv_timer_start(
		    &s->tick, httpd_on_tick, HTTPD_TICK_MS, HTTPD_TICK_MS);
	uv_timer_stop(&s->timer);
	if (!s->kick && MHD_get_timeout(s->mhd, &ms) == MHD_NO)
		return;
	if (ms == 0 && !s->kick && httpd_shakes_hands(s))
		ms = HTTPD_SHAKE_MS;
	/* A timer of 0 would fire for ever before anything else's turn. */
	if (ms == 0 || s->kick)
		uv_idle_start(&s->idle, httpd_on_idle);
	else
		uv_timer_start(&s->timer, httpd_on_timer, ms, 0);
}

static void httpd_on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	httpd_run(poll->data);
}

static struct MHD_Daemon *httpd_start_daemon(struct vs_httpd *s)
{
	struct MHD_OptionItem tls[HTTPD_TLS];
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
	    vs_httpd_tls_options(&s->o, tls);
	unsigned most = s->o.connections;

	return MHD_start_daemon(flags, 0, NULL, NULL, httpd_on_request, s,
	    MHD_OPTION_LISTEN_SOCKET, s->o.fd, MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_CONNECTION_LIMIT, most > 0 ? most : HTTPD_CONNECTIONS,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)VS_HTTP_HEADERS,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(VS_IDLE_MS / 1000),
	    MHD_OPTION_NOTIFY_COMPLETED, httpd_on_completed, s,
	    MHD_OPTION_NOTIFY_CONNECTION, httpd_on_connection, s,
	    MHD_OPTION_URI_LOG_CALLBACK, httpd_on_uri, s,
	    MHD_OPTION_UNESCAPE_CALLBACK, httpd_unescape, s, MHD_OPTION_ARRAY,
	    tls, MHD_OPTION_END);
}

int vs_httpd_new(struct vs_httpd **out, uv_loop_t *loop,
    const struct vs_httpd_options *o, struct vs_err *err)
{
	struct vs_httpd *s = calloc(1, sizeof(*s));

	assert(out != NULL && o->fd >= 0 && o->handle != NULL);
	assert(o->max_body > 0 && o->max_inflated > 0);
	*out = NULL;
	if (s != NULL) {
		s->loop = loop;
		s->o = *o;
		if (s->o.patience_ms == 0)
			s->o.patience_ms = VS_HEADER_MS;
		s->tls = o->key_pem != NULL;
		s->mhd = httpd_start_daemon(s);
		s->o.key_pem = NULL;
		s->o.cert_pem = NULL;
	}
	if (s == NULL || s->mhd == NULL) {
		free(s);
		close(o->fd);
		if (o->key_pem != NULL)
			return vs_err_set(err, VS_ECONFIG,
			    "start the HTTPS server with this certificate");
		return vs_err_set(err, VS_ENOMEM, "start the HTTP server");
	}
	uv_timer_init(loop, &s->timer);
	uv_idle_init(loop, &s->idle);
	uv_timer_init(loop, &s->tick);
	uv_poll_init(loop, &s->poll,
	    MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	s->timer.data = s;
	s->idle.data = s;
	s->tick.data = s;
	s->poll.data = s;
	s->handles = 4;
	uv_poll_start(&s->poll, UV_READABLE, httpd_on_poll);
	*out = s;
	return VS_OK;
}

void vs_httpd_close(struct vs_httpd *s, void (*closed)(void *arg), void *arg)
{
	assert(!s->closing);
	s->closing = true;
	s->closed = closed;
	s->closed_arg = arg;
	vs_httpd_kick(s);
	uv_timer_start(&s->tick, httpd_on_tick, HTTPD_TICK_MS, HTTPD_TICK_MS);
}
