#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/push_priv.h"

#define CLOSE_POLICY 1008 /* RFC 6455, 7.4.1 */
#define CLOSE_RESTART 1012 /* IANA's registry */

struct push_sub *push_sub_new(struct push_room *r, const struct api_answer *a)
{
	struct push_sub *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->push = r->push;
	s->room = r;
	s->id = ++r->push->ids;
	s->form = a->socket.form;
	memcpy(s->user_id, a->socket.user_id, sizeof(s->user_id));
	memcpy(s->token, a->socket.token, sizeof(s->token));
	memcpy(s->log_id, a->socket.log_id, sizeof(s->log_id));
	s->access = a->socket.access;
	s->seq = a->socket.since_seq;
	*r->last = s;
	r->last = &s->next;
	r->push->subs++;
	return s;
}

void push_sub_free(struct push_sub *s)
{
	struct push_room *r = s->room;
	struct push_sub **at = &r->first;
	struct push *p = s->push;

	if (s->ws != NULL || s->reading || s->page != NULL)
		return;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	if (r->last == &s->next)
		r->last = at;
	free(s);
	p->subs--;
	push_room_free(r);
	push_finish(p);
}

void push_sub_close(struct push_sub *s, int code, const char *why)
{
	if (s->closing)
		return;
	s->closing = true;
	s->live = false;
	if (s->ws != NULL)
		vs_ws_close(s->ws, code, why);
}

void push_sub_again(struct push_sub *s)
{
	push_sub_close(s, VS_WS_AGAIN, "try again later");
}

bool push_sub_open(const struct push_sub *s)
{
	return s->ws != NULL && !s->closing;
}

void push_sub_send(struct push_sub *s, struct vs_ws_frame *frame)
{
	int rc;

	assert(push_sub_open(s));
	rc = vs_ws_send_frame(s->ws, frame);
	if (rc == VS_ELIMIT)
		push_sub_close(
		    s, VS_WS_AGAIN, "too slow: come back with since_seq");
	else if (rc != VS_OK)
		push_sub_again(s);
}

void push_sub_take(struct push_sub *s, struct push_page *page)
{
	struct push *p = s->push;

	assert(s->page == NULL && push_sub_open(s));
	page->refs++;
	s->page = page;
	s->at = 0;
	s->next_job = NULL;
	*p->last_job = s;
	p->last_job = &s->next_job;
	push_work(p);
}

bool push_sub_work(struct push_sub *s)
{
	const struct push_frames *frames = &s->page->forms[s->form];

	if (push_sub_open(s) && s->at < frames->count)
		push_sub_send(s, frames->list[s->at++]);
	return push_sub_open(s) && s->at < frames->count;
}

void push_sub_heard(struct push_sub *s)
{
	struct push_page *page = s->page;
	struct push_room *r = s->room;
	bool was_live = s->live;

	s->page = NULL;
	if (push_sub_open(s)) {
		s->seq = page->last_seq;
		s->live = was_live || s->seq >= page->head;
		if (!s->live)
			push_sub_read(s);
		else if (!was_live)
			push_room_next(r);
	}
	push_page_unref(page);
	push_sub_free(s);
}

void push_sub_ask(const struct push_sub *s, struct feed *f, size_t i)
{
	assert(i < f->count);
	f->readers[i].id = s->id;
	memcpy(f->readers[i].token, s->token, sizeof(s->token));
	if (i == 0 || s->access < f->access)
		f->access = s->access;
}

void push_sub_read(struct push_sub *s)
{
	struct feed *f;

	assert(!s->live && !s->reading && s->page == NULL);
	if (!push_sub_open(s) || s->push->stopping)
		return;
	/* a long backlog goes as fast as it is taken */
	s->draining = vs_ws_queued(s->ws) > PUSH_LOW;
	if (s->draining) {
		push_drain(s->push);
		return;
	}
	f = feed_new(s->room->id, 1);
	if (f == NULL) {
		push_sub_again(s);
		return;
	}
	f->arg = s;
	f->since_seq = s->seq;
	f->wants[s->form] = true;
	push_sub_ask(s, f, 0);
	s->reading = push_hand_out(s->push, f);
	if (!s->reading)
		push_sub_again(s);
}

void push_sub_judge(struct push_sub *s, const struct feed *f, size_t reader)
{
	int verdict = f->readers[reader].verdict;

	assert(f->readers[reader].id == s->id);
	if (verdict == VS_EAUTH)
		push_sub_close(s, PUSH_REVOKED, "the token is revoked");
	else if (verdict != VS_OK)
		push_sub_close(s, CLOSE_POLICY, "no member any more");
	else if (strcmp(s->log_id, f->log_id) != 0)
		push_sub_close(s, CLOSE_RESTART, "the log is another one now");
	else if (f->stamp > s->access)
		s->access = f->stamp;
}

void push_sub_fed(struct push_sub *s, const struct feed *f)
{
	struct push_room *r = s->room;
	struct push_page *page;

	s->reading = false;
	if (!push_sub_open(s)) {
		push_sub_free(s);
		return;
	}
	if (f->rc == VS_OK)
		push_sub_judge(s, f, 0);
	page = f->rc == VS_OK ? push_page_new(f, NULL) : NULL;
	if (page == NULL) {
		push_sub_again(s);
		return;
	}
	if (f->head > r->head)
		r->head = f->head;
	if (push_sub_open(s) && f->last_seq > s->seq)
		push_sub_take(s, page);
	else if (push_sub_open(s))
		s->live = true;
	push_page_unref(page);
	push_room_next(r);
}
