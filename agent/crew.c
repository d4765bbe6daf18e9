#include "agent/crew.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <uv.h>

struct lane {
	struct crew_job *first;
	struct crew_job *last;
};

enum { SMALL, LARGE, HUGE_ONES, LANES };

struct worker {
	struct crew *crew;
	uv_thread_t thread;
	const void *owner; /* of the job in hand; NULL: idle */
};

struct crew {
	uv_mutex_t mutex; /* guards all below */
	uv_cond_t work; /* a job came, there is room again, or stop */
	uv_cond_t idle; /* a job ended */
	struct lane lane[LANES];
	int running[LANES];
	bool stop;
	int asleep; /* workers that wait for work */
	bool called; /* one of them is about to look: no need for another */
	int count; /* workers started */
	struct worker workers[];
};

static void lane_add(struct lane *l, struct crew_job *job)
{
	job->next = job->urgent ? l->first : NULL;
	if (job->urgent) {
		l->first = job;
		l->last = l->last != NULL ? l->last : job;
		return;
	}
	if (l->last != NULL)
		l->last->next = job;
	else
		l->first = job;
	l->last = job;
}

static struct crew_job *lane_take(struct lane *l)
{
	struct crew_job *job = l->first;

	assert(job != NULL);
	l->first = job->next;
	if (l->first == NULL)
		l->last = NULL;
	return job;
}

/* Moves the jobs of owner from l to the front of *out. */
static void lane_forget(
    struct lane *l, const void *owner, struct crew_job **out)
{
	struct crew_job *job = l->first;

	l->first = l->last = NULL;
	while (job != NULL) {
		struct crew_job *next = job->next;

		if (job->owner == owner) {
			job->next = *out;
			*out = job;
		} else {
			lane_add(l, job);
		}
		job = next;
	}
}

/*
 * Whether one more of a lane of larger ones may begin: more than there are
 * processors only make each other slower, and the last one is left alone at
 * the end; but neither lane waits for the other.
 */
static bool crew_has_room(const struct crew *c, int lane)
{
	int busy = c->running[LARGE] + c->running[HUGE_ONES];

	if (c->lane[lane].first == NULL)
		return false;
	return busy < c->count - CREW_SPARE || c->running[lane] == 0;
}

/* The next job a worker may take, or NULL; the mutex is held. */
static struct crew_job *crew_next(struct crew *c, int *lane)
{
	*lane = SMALL;
	if (c->lane[SMALL].first != NULL)
		return lane_take(&c->lane[SMALL]);
	for (*lane = LARGE; *lane < LANES; (*lane)++)
		if (crew_has_room(c, *lane))
			return lane_take(&c->lane[*lane]);
	return NULL;
}

static void crew_do(struct crew_job *job)
{
	if (atomic_load(job->cancel))
		vs_err_set(&job->err, VS_ECANCELED, "stopped");
	else
		job->work(job);
	job->done(job);
}

/*
 * Whether to signal work, now or once the mutex is released.  One sleeper at
 * a time is called, who calls the next if there is more: a wake-up costs the
 * caller more than handing over a job, and jobs come in swarms.
 */
static bool crew_call(struct crew *c)
{
	bool call = c->asleep > 0 && !c->called;

	c->called = c->called || call;
	return call;
}

static bool crew_has_work(const struct crew *c)
{
	return c->lane[SMALL].first != NULL || crew_has_room(c, LARGE) ||
	    crew_has_room(c, HUGE_ONES);
}

static void crew_sleep(struct crew *c)
{
	c->asleep++;
	uv_cond_wait(&c->work, &c->mutex);
	c->asleep--;
	c->called = false;
}

static void worker_take(struct worker *w, struct crew_job *job, int lane)
{
	struct crew *c = w->crew;
	bool call;

	c->running[lane]++;
	w->owner = job->owner;
	call = crew_has_work(c) && crew_call(c);
	uv_mutex_unlock(&c->mutex);
	if (call)
		uv_cond_signal(&c->work);
	crew_do(job);
	uv_mutex_lock(&c->mutex);
	w->owner = NULL;
	c->running[lane]--;
	if (lane != SMALL)
		uv_cond_broadcast(&c->work);
	uv_cond_broadcast(&c->idle);
}

static void worker_run(void *arg)
{
	struct worker *w = arg;
	struct crew *c = w->crew;
	struct crew_job *job;
	int lane;

	uv_mutex_lock(&c->mutex);
	for (;;) {
		job = crew_next(c, &lane);
		if (job != NULL)
			worker_take(w, job, lane);
		else if (!c->stop)
			crew_sleep(c);
		else
			break;
	}
	uv_mutex_unlock(&c->mutex);
}

static int crew_init(struct crew *c)
{
	int r = uv_mutex_init(&c->mutex);

	if (r != 0)
		return r;
	r = uv_cond_init(&c->work);
	if (r == 0) {
		r = uv_cond_init(&c->idle);
		if (r == 0)
			return 0;
		uv_cond_destroy(&c->work);
	}
	uv_mutex_destroy(&c->mutex);
	return r;
}

int crew_new(struct crew **out, int workers, struct vs_err *err)
{
	struct crew *c;
	int n = workers < 3 ? 3 : workers;
	int r;

	assert(out != NULL);
	c = calloc(1, sizeof(*c) + (size_t)n * sizeof(c->workers[0]));
	if (c == NULL)
		return vs_err_set(err, VS_ENOMEM, "crew: out of memory");
	r = crew_init(c);
	if (r != 0) {
		free(c);
		return vs_err_errno(err, -r, "crew: locks");
	}
	for (int i = 0; i < n; i++) {
		c->workers[i].crew = c;
		uv_mutex_lock(&c->mutex);
		r = uv_thread_create(
		    &c->workers[i].thread, worker_run, &c->workers[i]);
		if (r == 0)
			c->count++;
		uv_mutex_unlock(&c->mutex);
		if (r != 0) {
			crew_free(c);
			return vs_err_errno(err, -r, "crew: thread");
		}
	}
	*out = c;
	return VS_OK;
}

void crew_free(struct crew *c)
{
	if (c == NULL)
		return;
	uv_mutex_lock(&c->mutex);
	c->stop = true;
	uv_cond_broadcast(&c->work);
	uv_mutex_unlock(&c->mutex);
	for (int i = 0; i < c->count; i++)
		uv_thread_join(&c->workers[i].thread);
	for (int i = 0; i < LANES; i++)
		assert(c->lane[i].first == NULL);
	uv_cond_destroy(&c->idle);
	uv_cond_destroy(&c->work);
	uv_mutex_destroy(&c->mutex);
	free(c);
}

void crew_submit(struct crew *c, struct crew_job *job)
{
	bool call;

	assert(job->work != NULL && job->done != NULL);
	assert(job->owner != NULL && job->cancel != NULL);
	uv_mutex_lock(&c->mutex);
	lane_add(&c->lane[job->size <= CREW_SMALL  ? SMALL
			 : job->size <= CREW_LARGE ? LARGE
						   : HUGE_ONES],
	    job);
	call = crew_call(c);
	uv_mutex_unlock(&c->mutex);
	/* any: what a lane allows does not depend on who asks */
	if (call)
		uv_cond_signal(&c->work);
}

static bool crew_works_for(const struct crew *c, const void *owner)
{
	for (int i = 0; i < c->count; i++)
		if (c->workers[i].owner == owner)
			return true;
	return false;
}

void crew_forget(struct crew *c, const void *owner)
{
	struct crew_job *job = NULL;

	assert(c != NULL && owner != NULL);
	uv_mutex_lock(&c->mutex);
	for (int i = 0; i < LANES; i++)
		lane_forget(&c->lane[i], owner, &job);
	while (crew_works_for(c, owner))
		uv_cond_wait(&c->idle, &c->mutex);
	uv_mutex_unlock(&c->mutex);
	while (job != NULL) {
		struct crew_job *next = job->next;

		vs_err_set(&job->err, VS_ECANCELED, "stopped");
		job->done(job);
		job = next;
	}
}
