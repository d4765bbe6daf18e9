#include "agent/mailbox.h"

#include <assert.h>
#include <stdlib.h>
#include <uv.h>

struct mailbox {
	uv_mutex_t mutex; /* guards all below */
	uv_cond_t cond; /* first is set */
	struct mailbox_item *first;
	struct mailbox_item *last;
	size_t weight;
};

#define WAIT_MAX_MS (60 * 60 * 1000) /* well below what ns overflow */

int mailbox_new(struct mailbox **out, struct vs_err *err)
{
	struct mailbox *m = calloc(1, sizeof(*m));
	int r;

	assert(out != NULL);
	if (m == NULL)
		return vs_err_set(err, VS_ENOMEM, "mailbox: out of memory");
	r = uv_mutex_init(&m->mutex);
	if (r == 0) {
		r = uv_cond_init(&m->cond);
		if (r != 0)
			uv_mutex_destroy(&m->mutex);
	}
	if (r != 0) {
		free(m);
		return vs_err_errno(err, -r, "mailbox: locks");
	}
	*out = m;
	return VS_OK;
}

void mailbox_free(struct mailbox *m)
{
	if (m == NULL)
		return;
	assert(m->first == NULL && m->weight == 0);
	uv_cond_destroy(&m->cond);
	uv_mutex_destroy(&m->mutex);
	free(m);
}

void mailbox_put(struct mailbox *m, struct mailbox_item *item)
{
	assert(item->handle != NULL);
	item->next = NULL;
	uv_mutex_lock(&m->mutex);
	if (m->last != NULL)
		m->last->next = item;
	else
		m->first = item;
	m->last = item;
	m->weight += item->weight;
	uv_cond_signal(&m->cond);
	uv_mutex_unlock(&m->mutex);
}

size_t mailbox_weight(struct mailbox *m)
{
	size_t weight;

	uv_mutex_lock(&m->mutex);
	weight = m->weight;
	uv_mutex_unlock(&m->mutex);
	return weight;
}

static void mailbox_wait(struct mailbox *m, int64_t wait_ms)
{
	uint64_t until;

	if (wait_ms > WAIT_MAX_MS)
		wait_ms = WAIT_MAX_MS;
	until = uv_hrtime() + (uint64_t)wait_ms * 1000000;
	while (m->first == NULL) {
		uint64_t now = uv_hrtime();

		if (now >= until)
			break;
		(void)uv_cond_timedwait(&m->cond, &m->mutex, until - now);
	}
}

void mailbox_serve(struct mailbox *m, int64_t wait_ms)
{
	struct mailbox_item *item;

	uv_mutex_lock(&m->mutex);
	if (m->first == NULL && wait_ms > 0)
		mailbox_wait(m, wait_ms);
	item = m->first;
	m->first = m->last = NULL;
	m->weight = 0;
	uv_mutex_unlock(&m->mutex);
	while (item != NULL) {
		struct mailbox_item *next = item->next;

		item->handle(item);
		item = next;
	}
}
