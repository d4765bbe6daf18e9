/*
 * The store belongs to the thread, but for its opening, which lane_start
 * does so that errors are told at once.  The queue is shared and locked; a
 * job in it belongs to nobody but the lane.
 *
 * A group that fails is answered and forgotten.  Its jobs are not tried
 * again here: a client that sends a numbered batch again gets it right,
 * whatever became of the first attempt.
 *
 * The WAL grows until SQLite's own limit or until things are quiet for
 * TIDY_NS; then it is moved home, so that no request has to wait for that.
 */
#include "cloud/lane.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "common/base/log.h"
#include "common/os/clock.h"
#include "common/os/rand.h"

#define TIDY_NS 2000000000ULL /* of quiet before the WAL is moved home */

struct lane {
	struct lane_options o;
	char *path; /* o.store.path */
	struct store *store; /* the thread's; NULL after a failure */
	bool dirty; /* there were commits since the last tidying */
	uv_thread_t thread;
	uv_mutex_t lock; /* of what follows */
	uv_cond_t wake;
	struct job_list queue;
	bool stop;
};

static void handle(struct store *s, struct job *job, bool *keep)
{
	const struct api_context x = {
		.store = s, .rand = vs_rand_os(), .wall_ms = vs_clock_wall_ms()
	};

	*keep = false;
	if (job->feed != NULL)
		feed_read(job->feed, s);
	else
		api_handle(&x, &job->request, &job->answer, keep);
}

static int commit_one(struct store *s, struct job *job)
{
	bool keep = false;
	int rc = s->ops->savepoint(s, NULL);

	if (rc != VS_OK)
		return rc;
	handle(s, job, &keep);
	rc = s->ops->failed(s);
	if (rc != VS_OK)
		return rc;
	return keep ? s->ops->release(s, NULL) : s->ops->rollback_to(s, NULL);
}

static void fail_all(struct job_list *jobs, int code)
{
	struct job *job;

	for (job = jobs->first; job != NULL; job = job->next) {
		job_again(job);
		api_failed(&job->answer, code);
		if (job->feed != NULL)
			job->feed->rc = code;
	}
}

/*
 * A savepoint keeps a copy of every page that is changed behind it: one that
 * is alone does without.  keep: whether anything of it is to stay.
 */
static int do_alone(struct store *s, struct job *job, bool *keep)
{
	handle(s, job, keep);
	return s->ops->failed(s);
}

int lane_commit(struct store *s, struct job_list *jobs)
{
	struct vs_err err = VS_ERR_INIT;
	bool alone = jobs->count == 1;
	bool keep = true;
	struct job *job;
	int rc;

	assert(jobs->first != NULL);
	rc = s->ops->begin(s, &err);
	if (rc == VS_OK && alone)
		rc = do_alone(s, jobs->first, &keep);
	for (job = jobs->first; job != NULL && rc == VS_OK && !alone;
	     job = job->next)
		rc = commit_one(s, job);
	if (rc == VS_OK && keep)
		rc = s->ops->commit(s, &err);
	if (rc != VS_OK || !keep)
		s->ops->rollback(s);
	if (rc == VS_OK)
		return VS_OK;
	vs_log(VS_LOG_ERR, "writer: %zu requests are not done: %s", jobs->count,
	    err.code == VS_OK ? vs_err_text(rc) : err.msg);
	fail_all(jobs, rc);
	return rc;
}

static int read_one(struct store *s, struct job_list *jobs)
{
	struct vs_err err = VS_ERR_INIT;
	bool keep;
	int rc = s->ops->begin(s, &err);

	if (rc == VS_OK) {
		handle(s, jobs->first, &keep);
		rc = s->ops->failed(s);
	}
	s->ops->rollback(s);
	if (rc == VS_OK)
		return VS_OK;
	vs_log(VS_LOG_ERR, "reader: %s",
	    err.code == VS_OK ? vs_err_text(rc) : err.msg);
	fail_all(jobs, rc);
	return rc;
}

/* Does the jobs and hands them back; a store that failed is closed. */
static void work(struct lane *lane, struct job_list *jobs)
{
	struct vs_err err = VS_ERR_INIT;
	int rc = VS_OK;

	if (lane->store == NULL)
		rc = store_open(&lane->store, &lane->o.store, &err);
	if (rc != VS_OK) {
		vs_log(VS_LOG_ERR, "store: %s", err.msg);
		fail_all(jobs, rc);
	} else {
		rc = lane->o.store.readonly ? read_one(lane->store, jobs)
					    : lane_commit(lane->store, jobs);
	}
	if (rc != VS_OK) {
		store_close(lane->store);
		lane->store = NULL;
	}
	lane->dirty = !lane->o.store.readonly;
	lane->o.done(lane->o.arg, jobs);
}

static void tidy(struct lane *lane)
{
	struct vs_err err = VS_ERR_INIT;

	lane->dirty = false;
	if (lane->store == NULL)
		return;
	if (lane->store->ops->tidy(lane->store, &err) == VS_OK)
		return;
	vs_log(VS_LOG_WARN, "store: tidy: %s", err.msg);
	if (lane->store->ops->failed(lane->store) != VS_OK) {
		store_close(lane->store);
		lane->store = NULL;
	}
}

/* Waits for jobs; false when there will be none any more. */
static bool await(struct lane *lane, struct job_list *jobs)
{
	size_t most = lane->o.store.readonly ? 1 : LANE_GROUP;
	bool timed_out = false;

	uv_mutex_lock(&lane->lock);
	while (lane->queue.first == NULL && !lane->stop && !timed_out) {
		if (lane->dirty)
			timed_out = uv_cond_timedwait(
					&lane->wake, &lane->lock, TIDY_NS) != 0;
		else
			uv_cond_wait(&lane->wake, &lane->lock);
	}
	while (jobs->count < most && lane->queue.first != NULL)
		job_append(jobs, job_take(&lane->queue));
	uv_mutex_unlock(&lane->lock);
	return jobs->first != NULL || timed_out;
}

static void lane_main(void *arg)
{
	struct lane *lane = arg;
	struct job_list jobs;

	for (;;) {
		memset(&jobs, 0, sizeof(jobs));
		if (!await(lane, &jobs))
			break;
		if (jobs.first != NULL)
			work(lane, &jobs);
		else
			tidy(lane);
	}
	if (lane->dirty)
		tidy(lane);
	store_close(lane->store);
	lane->store = NULL;
	lane->o.ended(lane->o.arg);
}

static void lane_free(struct lane *lane)
{
	store_close(lane->store);
	free(lane->path);
	free(lane);
}

int lane_start(
    struct lane **out, const struct lane_options *o, struct vs_err *err)
{
	struct lane *lane = calloc(1, sizeof(*lane));
	int rc;

	*out = NULL;
	if (lane == NULL)
		return vs_err_set(err, VS_ENOMEM, "start a thread");
	lane->o = *o;
	lane->path = strdup(o->store.path);
	lane->o.store.path = lane->path;
	rc = lane->path == NULL ? vs_err_set(err, VS_ENOMEM, "start a thread")
				: store_open(&lane->store, &lane->o.store, err);
	if (rc != VS_OK) {
		lane_free(lane);
		return rc;
	}
	if (uv_mutex_init(&lane->lock) != 0 || uv_cond_init(&lane->wake) != 0 ||
	    uv_thread_create(&lane->thread, lane_main, lane) != 0) {
		lane_free(lane);
		return vs_err_set(err, VS_ENOMEM, "start a thread");
	}
	*out = lane;
	return VS_OK;
}

void lane_push(struct lane *lane, struct job *job)
{
	uv_mutex_lock(&lane->lock);
	assert(!lane->stop);
	job_append(&lane->queue, job);
	uv_cond_signal(&lane->wake);
	uv_mutex_unlock(&lane->lock);
}

void lane_stop(struct lane *lane)
{
	uv_mutex_lock(&lane->lock);
	lane->stop = true;
	uv_cond_signal(&lane->wake);
	uv_mutex_unlock(&lane->lock);
}

void lane_join(struct lane *lane)
{
	if (lane == NULL)
		return;
	uv_thread_join(&lane->thread);
	assert(lane->queue.first == NULL);
	uv_cond_destroy(&lane->wake);
	uv_mutex_destroy(&lane->lock);
	lane_free(lane);
}
