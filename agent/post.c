#include "agent/post.h"

#include <assert.h>
#include <stdlib.h>

struct post {
	uv_async_t async;
	uv_mutex_t mutex; /* guards first and last */
	struct post_item *first;
	struct post_item *last;
};

static void post_drain(struct post *p)
{
	struct post_item *item;

	uv_mutex_lock(&p->mutex);
	item = p->first;
	p->first = p->last = NULL;
	uv_mutex_unlock(&p->mutex);
	while (item != NULL) {
		/* run may free it */
		struct post_item *next = item->next;

		item->run(item);
		item = next;
	}
}

static void post_woken(uv_async_t *async)
{
	post_drain(async->data);
}

int post_new(struct post **out, uv_loop_t *loop, struct vs_err *err)
{
	struct post *p = calloc(1, sizeof(*p));
	int r;

	assert(out != NULL && loop != NULL);
	if (p == NULL)
		return vs_err_set(err, VS_ENOMEM, "post: out of memory");
	r = uv_mutex_init(&p->mutex);
	if (r != 0) {
		free(p);
		return vs_err_errno(err, -r, "post: mutex");
	}
	r = uv_async_init(loop, &p->async, post_woken);
	if (r != 0) {
		uv_mutex_destroy(&p->mutex);
		free(p);
		return vs_err_errno(err, -r, "post: wake-up of the loop");
	}
	p->async.data = p;
	*out = p;
	return VS_OK;
}

void post_send(struct post *p, struct post_item *item)
{
	assert(p != NULL && item != NULL && item->run != NULL);
	item->next = NULL;
	uv_mutex_lock(&p->mutex);
	if (p->last != NULL)
		p->last->next = item;
	else
		p->first = item;
	p->last = item;
	uv_mutex_unlock(&p->mutex);
	uv_async_send(&p->async);
}

static void post_closed(uv_handle_t *handle)
{
	struct post *p = handle->data;

	assert(p->first == NULL);
	uv_mutex_destroy(&p->mutex);
	free(p);
}

void post_close(struct post *p)
{
	if (p == NULL)
		return;
	post_drain(p);
	uv_close((uv_handle_t *)&p->async, post_closed);
}
