#include "agent/engine/barrier.h"

#include <assert.h>
#include <stddef.h>

void barrier_init(struct barrier *b)
{
	b->gen = 1;
	b->units = 0;
	b->waits = NULL;
}

uint64_t barrier_enter(struct barrier *b)
{
	b->units++;
	return b->gen;
}

void barrier_inherit(struct barrier *b, uint64_t gen)
{
	if (gen == 0)
		return;
	assert(gen <= b->gen);
	b->units++;
	for (struct barrier_wait *w = b->waits; w != NULL; w = w->next)
		w->left += gen <= w->gen;
}

void barrier_leave(struct barrier *b, uint64_t gen)
{
	if (gen == 0)
		return;
	assert(b->units > 0);
	b->units--;
	for (struct barrier_wait *w = b->waits; w != NULL; w = w->next) {
		assert(gen > w->gen || w->left > 0);
		w->left -= gen <= w->gen;
	}
}

void barrier_wait(struct barrier *b, struct barrier_wait *w)
{
	w->gen = b->gen++;
	w->left = b->units;
	w->next = b->waits;
	b->waits = w;
}

void barrier_forget(struct barrier *b, struct barrier_wait *w)
{
	struct barrier_wait **at = &b->waits;

	while (*at != NULL && *at != w)
		at = &(*at)->next;
	if (*at == w)
		*at = w->next;
}
