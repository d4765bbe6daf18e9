#include "tests/sim/sched.h"

#include <assert.h>
#include <stdlib.h>

struct event {
	int64_t at;
	uint64_t tie;
	int owner;
	sched_fn *fn;
	void *arg;
	void *data;
};

struct sched {
	struct vs_rand *rand;
	struct vs_now now;
	struct event *heap;
	size_t n;
	size_t cap;
};

struct sched *sched_new(struct vs_rand *rand, struct vs_now start)
{
	struct sched *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->rand = rand;
	s->now = start;
	return s;
}

void sched_free(struct sched *s)
{
	if (!s)
		return;
	assert(!s->n);
	free(s->heap);
	free(s);
}

struct vs_now sched_now(const struct sched *s)
{
	return s->now;
}

void sched_jump(struct sched *s, int64_t ms)
{
	s->now.wall_ms += ms;
}

static bool before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->tie < b->tie;
}

static void swap(struct sched *s, size_t a, size_t b)
{
	struct event e = s->heap[a];

	s->heap[a] = s->heap[b];
	s->heap[b] = e;
}

static void sift_up(struct sched *s, size_t i)
{
	while (i && before(&s->heap[i], &s->heap[(i - 1) / 2])) {
		swap(s, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

static void sift_down(struct sched *s, size_t i)
{
	for (;;) {
		size_t least = i;

		for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < s->n; c++)
			if (before(&s->heap[c], &s->heap[least]))
				least = c;
		if (least == i)
			return;
		swap(s, i, least);
		i = least;
	}
}

void sched_add(struct sched *s, int64_t delay_ms, int owner, sched_fn *fn,
    void *arg, void *data)
{
	struct event e = { .at = s->now.mono_ms + delay_ms,
		.tie = vs_rand_u64(s->rand),
		.owner = owner,
		.fn = fn,
		.arg = arg,
		.data = data };

	assert(delay_ms >= 0);
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->heap = realloc(s->heap, s->cap * sizeof(*s->heap));
		if (!s->heap)
			abort();
	}
	s->heap[s->n++] = e;
	sift_up(s, s->n - 1);
}

int64_t sched_next(const struct sched *s)
{
	return s->n ? s->heap[0].at : INT64_MAX;
}

void sched_wait(struct sched *s, int64_t mono_ms)
{
	assert(mono_ms <= sched_next(s));
	if (mono_ms <= s->now.mono_ms)
		return;
	s->now.wall_ms += mono_ms - s->now.mono_ms;
	s->now.mono_ms = mono_ms;
}

static struct event take(struct sched *s, size_t i)
{
	struct event e = s->heap[i];

	s->heap[i] = s->heap[--s->n];
	if (i < s->n) {
		sift_down(s, i);
		sift_up(s, i);
	}
	return e;
}

bool sched_one(struct sched *s)
{
	struct event e;

	if (!s->n)
		return false;
	sched_wait(s, s->heap[0].at);
	e = take(s, 0);
	e.fn(e.arg, e.data, true);
	return true;
}

void sched_clear(struct sched *s, int owner)
{
	size_t i = 0;

	while (i < s->n) {
		struct event e;

		if (s->heap[i].owner != owner) {
			i++;
			continue;
		}
		e = take(s, i);
		e.fn(e.arg, e.data, false);
		i = 0;
	}
}
