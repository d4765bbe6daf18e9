#include "common/net/multi.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

struct vs_multi {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	int handles; /* of libuv, not yet closed */
	bool resting;
	bool closing;
	void (*turned)(void *arg);
	void *turned_arg;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* A socket of libcurl's on the loop. */
struct multi_socket {
	uv_poll_t poll;
	curl_socket_t fd;
	struct vs_multi *home;
};

static void multi_on_timer(uv_timer_t *timer);

static void multi_arm(struct vs_multi *m, long ms)
{
	/* The loop's idea of now may be old: the timer would fire early. */
	uv_update_time(m->loop);
	uv_timer_start(&m->timer, multi_on_timer, (uint64_t)ms, 0);
}

static void multi_on_timer(uv_timer_t *timer)
{
	struct vs_multi *m = timer->data;
	long ms = -1;
	int running;

	curl_multi_socket_action(m->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	/*
	 * A timer of whole ms may still be a little early.  libcurl then
	 * does nothing, and does not ask for the same moment again.
	 */
	curl_multi_timeout(m->multi, &ms);
	if (ms >= 0 && !uv_is_active((uv_handle_t *)timer))
		multi_arm(m, ms > 0 ? ms : 1);
	m->turned(m->turned_arg);
}

static int multi_set_timer(CURLM *multi, long ms, void *arg)
{
	struct vs_multi *m = arg;

	(void)multi;
	if (m->resting || m->closing)
		return 0;
	if (ms < 0)
		uv_timer_stop(&m->timer);
	else
		multi_arm(m, ms);
	return 0;
}

static void multi_on_poll(uv_poll_t *poll, int status, int events)
{
	struct multi_socket *s = poll->data;
	struct vs_multi *m = s->home;
	int mask = status < 0 ? CURL_CSELECT_ERR : 0;
	int running;

	if ((events & UV_READABLE) != 0)
		mask |= CURL_CSELECT_IN;
	if ((events & UV_WRITABLE) != 0)
		mask |= CURL_CSELECT_OUT;
	curl_multi_socket_action(m->multi, s->fd, mask, &running);
	m->turned(m->turned_arg);
}

static void multi_handle_closed(struct vs_multi *m)
{
	assert(m->handles > 0);
	if (--m->handles > 0 || !m->closing)
		return;
	if (m->closed != NULL)
		m->closed(m->closed_arg);
	curl_global_cleanup();
	free(m);
}

static void multi_on_timer_closed(uv_handle_t *h)
{
	multi_handle_closed(h->data);
}

static void multi_on_socket_closed(uv_handle_t *h)
{
	struct multi_socket *s = h->data;
	struct vs_multi *m = s->home;

	free(s);
	multi_handle_closed(m);
}

static struct multi_socket *multi_add_socket(
    struct vs_multi *m, curl_socket_t fd)
{
	struct multi_socket *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	if (uv_poll_init_socket(m->loop, &s->poll, fd) < 0) {
		free(s);
		return NULL;
	}
	s->poll.data = s;
	s->fd = fd;
	s->home = m;
	m->handles++;
	curl_multi_assign(m->multi, fd, s);
	return s;
}

static int multi_set_socket(
    CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
	struct vs_multi *m = arg;
	struct multi_socket *s = socket;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s != NULL) {
			uv_poll_stop(&s->poll);
			curl_multi_assign(m->multi, fd, NULL);
			uv_close(
			    (uv_handle_t *)&s->poll, multi_on_socket_closed);
		}
		return 0;
	}
	if (s == NULL)
		s = multi_add_socket(m, fd);
	if (s == NULL)
		return -1;
	if (what != CURL_POLL_OUT)
		events |= UV_READABLE;
	if (what != CURL_POLL_IN)
		events |= UV_WRITABLE;
	return uv_poll_start(&s->poll, events, multi_on_poll) < 0 ? -1 : 0;
}

int vs_multi_new(struct vs_multi **out, uv_loop_t *loop,
    void (*turned)(void *arg), void *arg, struct vs_err *err)
{
	struct vs_multi *m;

	assert(out != NULL && loop != NULL && turned != NULL);
	*out = NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return vs_err_set(err, VS_ENOMEM, "start libcurl");
	m = calloc(1, sizeof(*m));
	if (m != NULL)
		m->multi = curl_multi_init();
	if (m == NULL || m->multi == NULL) {
		free(m);
		curl_global_cleanup();
		return vs_err_set(err, VS_ENOMEM, "start libcurl");
	}
	m->loop = loop;
	m->turned = turned;
	m->turned_arg = arg;
	curl_multi_setopt(m->multi, CURLMOPT_SOCKETFUNCTION, multi_set_socket);
	curl_multi_setopt(m->multi, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->multi, CURLMOPT_TIMERFUNCTION, multi_set_timer);
	curl_multi_setopt(m->multi, CURLMOPT_TIMERDATA, m);
	uv_timer_init(loop, &m->timer);
	m->timer.data = m;
	m->handles = 1;
	*out = m;
	return VS_OK;
}

CURLM *vs_multi_handle(const struct vs_multi *m)
{
	return m->multi;
}

void vs_multi_rest(struct vs_multi *m)
{
	m->resting = true;
	uv_timer_stop(&m->timer);
}

void vs_multi_close(struct vs_multi *m, void (*closed)(void *arg), void *arg)
{
	assert(!m->closing);
	m->closing = true;
	m->closed = closed;
	m->closed_arg = arg;
	curl_multi_cleanup(m->multi);
	m->multi = NULL;
	uv_close((uv_handle_t *)&m->timer, multi_on_timer_closed);
}
