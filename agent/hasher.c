#include "agent/hasher.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <uv.h>

struct lane {
	struct hasher_job *first;
	struct hasher_job *last;
};

struct worker {
	struct hasher *hasher;
	uv_thread_t thread;
	const void *owner; /* of the job in hand; NULL: idle */
};

struct hasher {
	uv_mutex_t mutex; /* guards all below */
	uv_cond_t work; /* a job came, or stop */
	uv_cond_t idle; /* a job ended */
	struct lane small;
	struct lane large;
	int large_running;
	bool stop;
	int count; /* workers started */
	struct worker workers[];
};

static void lane_add(struct lane *l, struct hasher_job *job)
{
	job->next = NULL;
	if (l->last != NULL)
		l->last->next = job;
	else
		l->first = job;
	l->last = job;
}

static struct hasher_job *lane_take(struct lane *l)
{
	struct hasher_job *job = l->first;

	assert(job != NULL);
	l->first = job->next;
	if (l->first == NULL)
		l->last = NULL;
	return job;
}

/* Moves the jobs of owner from l to the front of *out. */
static void lane_forget(
    struct lane *l, const void *owner, struct hasher_job **out)
{
	struct hasher_job *job = l->first;

	l->first = l->last = NULL;
	while (job != NULL) {
		struct hasher_job *next = job->next;

		if (job->owner == owner) {
			job->next = *out;
			*out = job;
		} else {
			lane_add(l, job);
		}
		job = next;
	}
}

/* The next job a worker may take, or NULL; the mutex is held. */
static struct hasher_job *hasher_next(struct hasher *h, bool *large)
{
	*large = false;
	if (h->small.first != NULL)
		return lane_take(&h->small);
	/* one worker at least stays free for small files */
	if (h->large.first != NULL && h->large_running < h->count - 1) {
		*large = true;
		return lane_take(&h->large);
	}
	return NULL;
}

static void hasher_do(struct hasher_job *job)
{
	if (atomic_load(job->cancel))
		job->code = vs_err_set(&job->err, VS_ECANCELED, "stopped");
	else
		job->code = job->disk->hash(
		    job->disk, job->path, &job->hash, job->cancel, &job->err);
	job->done(job);
}

static void worker_run(void *arg)
{
	struct worker *w = arg;
	struct hasher *h = w->hasher;
	struct hasher_job *job;
	bool large;

	uv_mutex_lock(&h->mutex);
	for (;;) {
		job = hasher_next(h, &large);
		if (job == NULL && h->stop)
			break;
		if (job == NULL) {
			uv_cond_wait(&h->work, &h->mutex);
			continue;
		}
		h->large_running += large ? 1 : 0;
		w->owner = job->owner;
		uv_mutex_unlock(&h->mutex);
		hasher_do(job);
		uv_mutex_lock(&h->mutex);
		w->owner = NULL;
		h->large_running -= large ? 1 : 0;
		if (large)
			uv_cond_signal(&h->work);
		uv_cond_broadcast(&h->idle);
	}
	uv_mutex_unlock(&h->mutex);
}

static int hasher_init(struct hasher *h)
{
	int r = uv_mutex_init(&h->mutex);

	if (r != 0)
		return r;
	r = uv_cond_init(&h->work);
	if (r == 0) {
		r = uv_cond_init(&h->idle);
		if (r == 0)
			return 0;
		uv_cond_destroy(&h->work);
	}
	uv_mutex_destroy(&h->mutex);
	return r;
}

int hasher_new(struct hasher **out, int workers, struct vs_err *err)
{
	struct hasher *h;
	int n = workers < 2 ? 2 : workers;
	int r;

	assert(out != NULL);
	h = calloc(1, sizeof(*h) + (size_t)n * sizeof(h->workers[0]));
	if (h == NULL)
		return vs_err_set(err, VS_ENOMEM, "hasher: out of memory");
	r = hasher_init(h);
	if (r != 0) {
		free(h);
		return vs_err_errno(err, -r, "hasher: locks");
	}
	for (int i = 0; i < n; i++) {
		h->workers[i].hasher = h;
		uv_mutex_lock(&h->mutex);
		r = uv_thread_create(
		    &h->workers[i].thread, worker_run, &h->workers[i]);
		if (r == 0)
			h->count++;
		uv_mutex_unlock(&h->mutex);
		if (r != 0) {
			hasher_free(h);
			return vs_err_errno(err, -r, "hasher: thread");
		}
	}
	*out = h;
	return VS_OK;
}

void hasher_free(struct hasher *h)
{
	if (h == NULL)
		return;
	uv_mutex_lock(&h->mutex);
	h->stop = true;
	uv_cond_broadcast(&h->work);
	uv_mutex_unlock(&h->mutex);
	for (int i = 0; i < h->count; i++)
		uv_thread_join(&h->workers[i].thread);
	assert(h->small.first == NULL && h->large.first == NULL);
	uv_cond_destroy(&h->idle);
	uv_cond_destroy(&h->work);
	uv_mutex_destroy(&h->mutex);
	free(h);
}

void hasher_submit(struct hasher *h, struct hasher_job *job)
{
	assert(job->disk != NULL && job->path != NULL && job->done != NULL);
	assert(job->owner != NULL && job->cancel != NULL);
	uv_mutex_lock(&h->mutex);
	lane_add(job->size > HASHER_SMALL ? &h->large : &h->small, job);
	/* all: the one that wakes might not be allowed a large one */
	uv_cond_broadcast(&h->work);
	uv_mutex_unlock(&h->mutex);
}

static bool hasher_works_for(const struct hasher *h, const void *owner)
{
	for (int i = 0; i < h->count; i++)
		if (h->workers[i].owner == owner)
			return true;
	return false;
}

void hasher_forget(struct hasher *h, const void *owner)
{
	struct hasher_job *job = NULL;

	assert(h != NULL && owner != NULL);
	uv_mutex_lock(&h->mutex);
	lane_forget(&h->small, owner, &job);
	lane_forget(&h->large, owner, &job);
	while (hasher_works_for(h, owner))
		uv_cond_wait(&h->idle, &h->mutex);
	uv_mutex_unlock(&h->mutex);
	while (job != NULL) {
		struct hasher_job *next = job->next;

		job->code = vs_err_set(&job->err, VS_ECANCELED, "stopped");
		job->done(job);
		job = next;
	}
}
