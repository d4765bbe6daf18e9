#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/push_priv.h"

void push_page_unref(struct push_page *page)
{
	struct push_room *r = page->room;
	size_t i, n;

	assert(page->refs > 0);
	if (--page->refs > 0)
		return;
	for (i = 0; i < FEED_FORMS; i++) {
		for (n = 0; n < page->forms[i].count; n++)
			vs_ws_frame_free(page->forms[i].list[n]);
		free(page->forms[i].list);
	}
	free(page);
	if (r == NULL)
		return;
	r->sending = false;
	push_room_next(r);
}

/* One frame for each message of text. */
static bool make_frames(struct push_frames *out, const struct vs_buf *text)
{
	const char *p = vs_buf_str(text), *end;
	size_t n = 0;

	for (end = p; (end = strchr(end, '\n')) != NULL; end++)
		n++;
	if (n == 0)
		return true;
	out->list = calloc(n, sizeof(struct vs_ws_frame *));
	if (out->list == NULL)
		return false;
	for (; out->count < n; out->count++) {
		end = strchr(p, '\n');
		out->list[out->count] = vs_ws_frame_new(p, (size_t)(end - p));
		if (out->list[out->count] == NULL)
			return false;
		p = end + 1;
	}
	return true;
}

struct push_page *push_page_new(const struct feed *f, struct push_room *r)
{
	struct push_page *page = calloc(1, sizeof(*page));
	bool good = true;
	size_t i;

	if (page == NULL)
		return NULL;
	page->refs = 1;
	page->last_seq = f->last_seq;
	page->head = f->head;
	for (i = 0; i < FEED_FORMS && good; i++)
		good = make_frames(&page->forms[i], &f->texts[i]);
	if (!good) {
		push_page_unref(page);
		return NULL;
	}
	page->room = r;
	return page;
}
