/*
 * The one that everything passes: what is opened, what happens, what was
 * read, what is sent, and the end.
 */
#include "cloud/push.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/push_priv.h"
#include "common/base/log.h"

#define CLOSE_GOING 1001 /* RFC 6455, 7.4.1 */
#define CLIENT_MESSAGE 4096 /* bytes taken; nothing is expected */
#define TICK_MS 1000
#define DRAIN_MS 20 /* between two looks at a slow reader of a backlog */

size_t push_count(const struct push *p)
{
	return p->subs;
}

static void on_handle_closed(uv_handle_t *h)
{
	struct push *p = h->data;

	assert(p->handles > 0);
	if (--p->handles > 0)
		return;
	vs_map_free(p->rooms);
	p->closed(p->closed_arg);
	free(p);
}

void push_finish(struct push *p)
{
	if (!p->stopping || p->subs > 0 || p->feeds > 0 || p->jobs != NULL ||
	    uv_is_closing((uv_handle_t *)&p->work))
		return;
	assert(vs_map_count(p->rooms) == 0);
	uv_close((uv_handle_t *)&p->work, on_handle_closed);
	uv_close((uv_handle_t *)&p->tick, on_handle_closed);
	uv_close((uv_handle_t *)&p->drain, on_handle_closed);
}

/* Sends a slice of what there is to be sent. */
static void on_work(uv_idle_t *idle)
{
	struct push *p = idle->data;
	struct push_sub *s;
	int n;

	for (n = 0; n < PUSH_SLICE && p->jobs != NULL; n++) {
		s = p->jobs;
		if (push_sub_work(s))
			continue;
		p->jobs = s->next_job;
		if (p->jobs == NULL)
			p->last_job = &p->jobs;
		push_sub_heard(s);
	}
	if (p->jobs == NULL)
		(void)uv_idle_stop(&p->work);
	push_finish(p);
}

void push_work(struct push *p)
{
	(void)uv_idle_start(&p->work, on_work);
}

bool push_hand_out(struct push *p, struct feed *f)
{
	if (p->o.read(p->o.arg, f) < 0) {
		feed_free(f);
		return false;
	}
	p->feeds++;
	return true;
}

static bool drain_room(void *arg, const char *key, void *value)
{
	struct push_room *r = value;
	struct push_sub *s;
	bool *more = arg;

	(void)key;
	for (s = r->first; s != NULL; s = s->next) {
		if (!s->draining || !push_sub_open(s))
			continue;
		push_sub_read(s);
		*more = *more || s->draining;
	}
	return true;
}

static void on_drain(uv_timer_t *timer)
{
	struct push *p = timer->data;
	bool more = false;

	vs_map_each(p->rooms, drain_room, &more);
	if (!more)
		(void)uv_timer_stop(timer);
}

void push_drain(struct push *p)
{
	if (!uv_is_active((uv_handle_t *)&p->drain))
		(void)uv_timer_start(&p->drain, on_drain, DRAIN_MS, DRAIN_MS);
}

void push_fed(struct push *p, struct feed *f)
{
	struct push_room *r = vs_map_get(p->rooms, f->project_id);

	assert(p->feeds > 0 && r != NULL);
	p->feeds--;
	if (f->arg != NULL)
		push_sub_fed(f->arg, f);
	else
		push_room_fed(r, f);
	feed_free(f);
	/* the first slice at once: it need not wait for the loop */
	on_work(&p->work);
}

void push_news(struct push *p, const struct api_answer *a)
{
	struct push_room *r;

	if (a->last_seq == 0 && a->tell.type == NULL && !a->tell.rights)
		return;
	r = vs_map_get(p->rooms, a->project_id);
	if (r == NULL || p->stopping)
		return;
	if (a->last_seq > r->head)
		r->head = a->last_seq;
	if (a->tell.type != NULL)
		push_room_tell(r, &a->tell);
	if (a->tell.rights)
		r->check = true;
	push_room_next(r);
}

static void on_message(void *arg, const char *text, size_t len)
{
	/* nothing is expected of a subscriber, and nothing of it matters */
	(void)arg;
	(void)text;
	(void)len;
}

static void on_closed(void *arg, int code, const char *why)
{
	struct push_sub *s = arg;

	vs_log(VS_LOG_DEBUG, "push: closed: %d: %s", code, why);
	s->ws = NULL;
	s->live = false;
	push_sub_free(s);
}

static struct push_sub *admit(struct push *p, const struct api_answer *a)
{
	struct push_room *r;
	struct push_sub *s;

	if (p->stopping)
		return NULL;
	r = push_room_of(p, a->project_id);
	s = r == NULL ? NULL : push_sub_new(r, a);
	if (r != NULL && s == NULL)
		push_room_free(r);
	return s;
}

void push_add(struct push *p, const struct vs_ws_wire *wire, const void *early,
    size_t early_len, const struct api_answer *a)
{
	struct vs_ws_options o = { .wire = *wire,
		.early = early,
		.early_len = early_len,
		.max_message = CLIENT_MESSAGE,
		.ping_ms = p->o.ping_ms,
		.dead_ms = p->o.dead_ms,
		.message = on_message,
		.closed = on_closed };
	struct push_sub *s = admit(p, a);
	struct vs_err err = VS_ERR_INIT;

	if (s == NULL) {
		wire->close(wire->arg);
		return;
	}
	o.arg = s;
	if (vs_ws_new(&s->ws, p->o.loop, &o, &err) != VS_OK) {
		vs_log(VS_LOG_WARN, "push: %s", err.msg);
		push_sub_free(s);
		return;
	}
	if (vs_ws_send(s->ws, vs_buf_str(&a->body), a->body.len) != VS_OK)
		push_sub_again(s);
	/* whatever was committed since the hello is in its first feed */
	push_sub_read(s);
}

static bool look_after(void *arg, const char *key, void *value)
{
	struct push_room *r = value;
	const bool *check = arg;

	(void)key;
	if (*check)
		r->check = true;
	push_room_next(r);
	return true;
}

static void on_tick(uv_timer_t *timer)
{
	struct push *p = timer->data;
	int64_t now = (int64_t)uv_now(p->o.loop);
	bool check = now - p->checked_ms >= p->o.check_ms;

	if (check)
		p->checked_ms = now;
	vs_map_each(p->rooms, look_after, &check);
}

static bool close_room(void *arg, const char *key, void *value)
{
	struct push_room *r = value;
	struct push_sub *s;

	(void)arg;
	(void)key;
	for (s = r->first; s != NULL; s = s->next)
		push_sub_close(s, CLOSE_GOING, "the server stops");
	return true;
}

void push_close(struct push *p, void (*closed)(void *arg), void *arg)
{
	assert(!p->stopping);
	p->stopping = true;
	p->closed = closed;
	p->closed_arg = arg;
	vs_map_each(p->rooms, close_room, NULL);
	push_finish(p);
}

int push_new(
    struct push **out, const struct push_options *o, struct vs_err *err)
{
	struct push *p = calloc(1, sizeof(*p));
	uint64_t tick;

	*out = NULL;
	assert(o->read != NULL && o->check_ms >= 0);
	if (p != NULL)
		p->rooms = vs_map_new();
	if (p == NULL || p->rooms == NULL) {
		free(p);
		return vs_err_set(err, VS_ENOMEM, "push");
	}
	p->o = *o;
	if (p->o.check_ms == 0)
		p->o.check_ms = PUSH_CHECK_MS;
	p->last_job = &p->jobs;
	p->checked_ms = (int64_t)uv_now(o->loop);
	p->handles = 3;
	p->work.data = p;
	p->tick.data = p;
	p->drain.data = p;
	tick = p->o.check_ms < TICK_MS ? (uint64_t)p->o.check_ms : TICK_MS;
	(void)uv_idle_init(o->loop, &p->work);
	(void)uv_timer_init(o->loop, &p->tick);
	(void)uv_timer_init(o->loop, &p->drain);
	(void)uv_timer_start(&p->tick, on_tick, tick, tick);
	*out = p;
	return VS_OK;
}
