#include "agent/scan/scout.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum slot_state {
	SLOT_FREE,
	SLOT_ASKED,
	SLOT_READING,
	SLOT_READY,
};

struct slot {
	enum slot_state state;
	bool unwanted; /* while it is read: nobody will take it */
	uint64_t turn; /* asked for in this order */
	char *dir;
	struct roster names;
	int code;
	struct vs_err err;
};

struct scout {
	int (*list)(struct disk *d, const char *dir, struct roster *names,
	    struct vs_err *err);
	struct disk *disk;
	uv_mutex_t mutex; /* guards all below */
	uv_cond_t work; /* asked for something, room, or stop */
	uv_cond_t ready; /* something was read */
	struct slot slot[SCOUT_SLOTS];
	const struct slot *awaited; /* by the one that takes; or NULL */
	uint64_t turn;
	size_t names; /* in the slots that are ready */
	bool stop;
	int wanted; /* threads */
	int count; /* started; -1: none to be had */
	uv_thread_t thread[];
};

int scout_new(struct scout **out, int threads,
    int (*list)(struct disk *d, const char *dir, struct roster *names,
	struct vs_err *err),
    struct disk *d, struct vs_err *err)
{
	struct scout *s;
	int r;

	assert(threads >= 1 && list != NULL);
	s = calloc(1, sizeof(*s) + (size_t)threads * sizeof(s->thread[0]));
	if (s == NULL)
		return vs_err_set(err, VS_ENOMEM, "scan: out of memory");
	s->list = list;
	s->disk = d;
	s->wanted = threads;
	r = uv_mutex_init(&s->mutex);
	if (r == 0 && (r = uv_cond_init(&s->work)) != 0)
		uv_mutex_destroy(&s->mutex);
	if (r == 0 && (r = uv_cond_init(&s->ready)) != 0) {
		uv_cond_destroy(&s->work);
		uv_mutex_destroy(&s->mutex);
	}
	if (r != 0) {
		free(s);
		return vs_err_errno(err, -r, "scan: locks");
	}
	*out = s;
	return VS_OK;
}

static void slot_clear(struct scout *s, struct slot *t)
{
	if (t->state == SLOT_READY)
		s->names -= t->names.count;
	free(t->dir);
	t->dir = NULL;
	t->state = SLOT_FREE;
	t->unwanted = false;
	roster_reset(&t->names);
}

void scout_free(struct scout *s)
{
	if (s == NULL)
		return;
	uv_mutex_lock(&s->mutex);
	s->stop = true;
	uv_cond_broadcast(&s->work);
	uv_mutex_unlock(&s->mutex);
	for (int i = 0; i < s->count; i++)
		uv_thread_join(&s->thread[i]);
	for (int i = 0; i < SCOUT_SLOTS; i++) {
		slot_clear(s, &s->slot[i]);
		roster_release(&s->slot[i].names);
	}
	uv_cond_destroy(&s->ready);
	uv_cond_destroy(&s->work);
	uv_mutex_destroy(&s->mutex);
	free(s);
}

/* The one that waits longest, if it may be read now. */
static struct slot *next_asked(struct scout *s)
{
	struct slot *best = NULL;

	if (s->names >= SCOUT_NAMES)
		return NULL;
	for (int i = 0; i < SCOUT_SLOTS; i++) {
		struct slot *t = &s->slot[i];

		if (t->state == SLOT_ASKED &&
		    (best == NULL || t->turn < best->turn))
			best = t;
	}
	return best;
}

static void slot_read(struct scout *s, struct slot *t)
{
	t->state = SLOT_READING;
	uv_mutex_unlock(&s->mutex);
	vs_err_clear(&t->err);
	t->code = s->list(s->disk, t->dir, &t->names, &t->err);
	uv_mutex_lock(&s->mutex);
	t->state = SLOT_READY;
	s->names += t->names.count;
	if (t->unwanted)
		slot_clear(s, t);
	if (t == s->awaited)
		uv_cond_signal(&s->ready);
}

static void thread_run(void *arg)
{
	struct scout *s = arg;

	uv_mutex_lock(&s->mutex);
	while (!s->stop) {
		struct slot *t = next_asked(s);

		if (t != NULL)
			slot_read(s, t);
		else
			uv_cond_wait(&s->work, &s->mutex);
	}
	uv_mutex_unlock(&s->mutex);
}

/* True if there is a thread at least. */
static bool threads_start(struct scout *s)
{
	while (s->count >= 0 && s->count < s->wanted &&
	    uv_thread_create(&s->thread[s->count], thread_run, s) == 0)
		s->count++;
	if (s->count == 0)
		s->count = -1;
	else if (s->count > 0)
		s->wanted = s->count;
	return s->count > 0;
}

static struct slot *slot_of(struct scout *s, const char *dir)
{
	for (int i = 0; i < SCOUT_SLOTS; i++) {
		struct slot *t = &s->slot[i];

		if (t->state != SLOT_FREE && !t->unwanted &&
		    strcmp(t->dir, dir) == 0)
			return t;
	}
	return NULL;
}

static struct slot *slot_free(struct scout *s)
{
	for (int i = 0; i < SCOUT_SLOTS; i++)
		if (s->slot[i].state == SLOT_FREE)
			return &s->slot[i];
	return NULL;
}

bool scout_ask(struct scout *s, const char *dir)
{
	struct slot *t = NULL;
	char *copy = strdup(dir);

	uv_mutex_lock(&s->mutex);
	if (copy != NULL && threads_start(s))
		t = slot_free(s);
	assert(slot_of(s, dir) == NULL);
	if (t != NULL) {
		t->dir = copy;
		t->turn = ++s->turn;
		t->state = SLOT_ASKED;
		uv_cond_signal(&s->work);
	}
	uv_mutex_unlock(&s->mutex);
	if (t == NULL)
		free(copy);
	return t != NULL;
}

bool scout_take(struct scout *s, const char *dir, struct roster *out, int *code,
    struct vs_err *err)
{
	struct roster empty = *out;
	struct slot *t;
	bool full;

	assert(out->count == 0);
	uv_mutex_lock(&s->mutex);
	t = slot_of(s, dir);
	if (t != NULL && t->state == SLOT_ASKED) {
		slot_clear(s, t);
		t = NULL;
	}
	if (t == NULL) {
		uv_mutex_unlock(&s->mutex);
		return false;
	}
	s->awaited = t;
	while (t->state == SLOT_READING)
		uv_cond_wait(&s->ready, &s->mutex);
	s->awaited = NULL;
	full = s->names >= SCOUT_NAMES;
	s->names -= t->names.count;
	*out = t->names;
	t->names = empty;
	*code = t->code;
	if (err != NULL && t->code < 0)
		*err = t->err;
	slot_clear(s, t);
	if (full)
		uv_cond_broadcast(&s->work); /* there may be room again */
	uv_mutex_unlock(&s->mutex);
	return true;
}

void scout_forget(struct scout *s, const char *dir)
{
	uv_mutex_lock(&s->mutex);
	for (int i = 0; i < SCOUT_SLOTS; i++) {
		struct slot *t = &s->slot[i];

		if (t->state == SLOT_FREE ||
		    (dir != NULL && strcmp(t->dir, dir) != 0))
			continue;
		if (t->state == SLOT_READING)
			t->unwanted = true;
		else
			slot_clear(s, t);
	}
	uv_cond_broadcast(&s->work);
	uv_mutex_unlock(&s->mutex);
}
