#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/push_priv.h"

struct push_room *push_room_of(struct push *p, const char *project_id)
{
	struct push_room *r = vs_map_get(p->rooms, project_id);

	if (r != NULL)
		return r;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	assert(strlen(project_id) < sizeof(r->id));
	r->push = p;
	memcpy(r->id, project_id, strlen(project_id) + 1);
	r->last = &r->first;
	r->last_notice = &r->notices;
	if (vs_map_put(p->rooms, r->id, r, NULL) == VS_OK)
		return r;
	free(r);
	return NULL;
}

static void drop_notice(struct push_room *r)
{
	struct push_notice *n = r->notices;

	r->notices = n->next;
	if (r->notices == NULL)
		r->last_notice = &r->notices;
	vs_ws_frame_free(n->frame);
	free(n);
}

void push_room_free(struct push_room *r)
{
	if (r->first != NULL || r->reading || r->sending)
		return;
	while (r->notices != NULL)
		drop_notice(r);
	(void)vs_map_del(r->push->rooms, r->id);
	free(r);
}

/* How far its live ones have all heard; wants gets their forms. */
static int64_t heard_by_all(
    const struct push_room *r, bool wants[FEED_FORMS], size_t *open)
{
	const struct push_sub *s;
	int64_t since = r->head;

	*open = 0;
	for (s = r->first; s != NULL; s = s->next) {
		if (!push_sub_open(s))
			continue;
		(*open)++;
		if (!s->live)
			continue;
		if (s->seq < since)
			since = s->seq;
		wants[s->form] = true;
	}
	return since;
}

void push_room_next(struct push_room *r)
{
	bool wants[FEED_FORMS] = { false };
	const struct push_sub *s;
	struct feed *f = NULL;
	size_t open, i = 0;
	int64_t since = heard_by_all(r, wants, &open);

	if (!r->reading && !r->sending && !r->push->stopping && open > 0 &&
	    (since < r->head || r->notices != NULL || r->check))
		f = feed_new(r->id, open);
	if (f == NULL) {
		/* nothing is due, or the next tick tries again */
		push_room_free(r);
		return;
	}
	for (s = r->first; s != NULL; s = s->next)
		if (push_sub_open(s))
			push_sub_ask(s, f, i++);
	f->since_seq = since;
	memcpy(f->wants, wants, sizeof(wants));
	r->reading = push_hand_out(r->push, f);
}

/* Puts the verdicts to those who are still there; both are in order. */
static void judge(struct push_room *r, const struct feed *f)
{
	struct push_sub *s = r->first;
	size_t i;

	for (i = 0; i < f->count; i++) {
		while (s != NULL && s->id < f->readers[i].id)
			s = s->next;
		if (s != NULL && s->id == f->readers[i].id)
			push_sub_judge(s, f, i);
	}
}

/* True for one whose right is known to stand where the page was read. */
static bool may_hear(const struct push_sub *s, const struct feed *f)
{
	return push_sub_open(s) && s->access >= f->stamp;
}

static void spread(
    struct push_room *r, const struct feed *f, struct push_page *page)
{
	struct push_sub *s;

	for (s = r->first; s != NULL; s = s->next) {
		if (!s->live || s->seq >= page->last_seq)
			continue;
		/* who became live since it was asked for may not fit */
		if (s->seq == f->since_seq && f->wants[s->form] &&
		    may_hear(s, f)) {
			push_sub_take(s, page);
		} else {
			s->live = false;
			push_sub_read(s);
		}
	}
}

static void spread_notices(struct push_room *r, const struct feed *f)
{
	const struct push_notice *n;
	struct push_sub *s;

	for (; (n = r->notices) != NULL; drop_notice(r))
		for (s = r->first; s != NULL; s = s->next)
			if (s->form == FEED_ROOM && may_hear(s, f) &&
			    (strcmp(s->user_id, n->to[0]) == 0 ||
				strcmp(s->user_id, n->to[1]) == 0))
				push_sub_send(s, n->frame);
}

void push_room_fed(struct push_room *r, const struct feed *f)
{
	struct push_page *page = NULL;

	r->reading = false;
	if (f->rc == VS_OK)
		page = push_page_new(f, r);
	r->check = page == NULL; /* then the next tick tries again */
	if (page == NULL) {
		push_room_free(r);
		return;
	}
	if (f->head > r->head)
		r->head = f->head;
	r->sending = true; /* until the last reference goes */
	judge(r, f);
	spread(r, f, page);
	spread_notices(r, f);
	push_page_unref(page);
}

void push_room_tell(struct push_room *r, const struct tell *t)
{
	struct push_notice *n = calloc(1, sizeof(*n));
	struct vs_buf b;

	assert(t->type != NULL);
	vs_buf_init(&b, 2 * (size_t)TELL_MAX);
	feed_message(&b, t->type, vs_buf_str(&t->data));
	if (n != NULL && vs_buf_error(&b) == VS_OK)
		n->frame = vs_ws_frame_new(b.data, b.len);
	vs_buf_release(&b);
	/* a push is a hint: without memory there is none */
	if (n == NULL || n->frame == NULL) {
		free(n);
		return;
	}
	memcpy(n->to, t->to, sizeof(n->to));
	*r->last_notice = n;
	r->last_notice = &n->next;
}
