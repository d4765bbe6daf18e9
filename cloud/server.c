/*
 * A request's way:
 *
 *   on_request -> writer, reader or slow lane -> on_done -> answer
 *                                                  |-> parked (long-poll)
 *                                                  |     \-> reader again
 *                                                  \-> a socket (push.h)
 *
 * The lanes hand finished jobs back through one list and one wake-up.  A
 * client that leaves meanwhile only takes its connection away: its job is
 * finished and dropped.  Stopping: nothing new is taken, who waits is
 * answered, the lanes finish their queues, the answers leave, all is closed;
 * a watch ends the process if that takes too long.
 */
#include "cloud/server.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "cloud/job.h"
#include "cloud/lane.h"
#include "cloud/news.h"
#include "cloud/notify.h"
#include "cloud/push.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/net/httpd.h"
#include "common/net/ws.h"
#include "common/os/lock.h"
#include "common/os/sock.h"

#define LANES 3
#define QUEUE_BYTES (256UL * 1024 * 1024) /* of requests being worked on */
#define STOP_MS 1500 /* after which the process just ends */
#define CONNECTIONS 8192

enum lane_kind { LANE_WRITER, LANE_READER, LANE_SLOW };

struct server {
	uv_loop_t loop;
	uv_async_t wake; /* the lanes' */
	uv_timer_t timer; /* of the nearest deadline */
	uv_timer_t watch; /* of stopping */
	uv_signal_t signals[2];
	struct vs_httpd *httpd;
	struct lane *lanes[LANES];
	struct news news;
	struct push *push;
	size_t bytes; /* of all jobs */
	bool stopping;
	bool shut; /* handles are closing */
	uv_mutex_t lock; /* of what follows */
	struct job_list done; /* with their answers */
	int ended; /* lanes */
};

/* A socket between its 101 and its opening. */
struct opening {
	struct server *server;
	struct api_answer answer;
};

static void drop_job(struct server *s, struct job *job)
{
	assert(s->bytes >= job->bytes);
	s->bytes -= job->bytes;
	job_free(job);
}

static void on_open(void *arg, const struct vs_ws_wire *wire, const void *early,
    size_t early_len)
{
	struct opening *o = arg;

	if (wire != NULL && o->server->push != NULL)
		push_add(o->server->push, wire, early, early_len, &o->answer);
	else if (wire != NULL)
		wire->close(wire->arg);
	api_answer_release(&o->answer);
	free(o);
}

/* Switches to a WebSocket; false: it is to be answered otherwise. */
static bool open_socket(struct server *s, struct job *job)
{
	char accept[sizeof("Sec-WebSocket-Accept: ") + JOB_ACCEPT];
	const char *const headers[] = { "Upgrade: websocket", accept, NULL };
	struct opening *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return false;
	(void)snprintf(
	    accept, sizeof(accept), "Sec-WebSocket-Accept: %s", job->accept);
	o->server = s;
	o->answer = job->answer;
	vs_httpd_set_data(job->req, NULL);
	if (vs_httpd_upgrade(job->req, headers, on_open, o, NULL) != VS_OK) {
		free(o);
		return false;
	}
	/* the answer is the opening's now */
	api_answer_init(&job->answer);
	return true;
}

static void answer_job(struct server *s, struct job *job)
{
	struct api_answer *a = &job->answer;
	struct vs_httpd_answer out = { .status = a->status,
		.type = a->type,
		.headers = (const char *const *)a->headers };

	if (job->req != NULL && a->status == 101) {
		if (open_socket(s, job)) {
			drop_job(s, job);
			return;
		}
		api_failed(a, VS_ENOMEM);
		out.status = a->status;
	}
	if (job->req != NULL) {
		if (a->body.len > 0)
			out.body = vs_buf_take(&a->body, &out.len);
		if (a->status == 304)
			out.type = NULL;
		vs_httpd_set_data(job->req, NULL);
		vs_httpd_answer(job->req, &out);
	}
	drop_job(s, job);
}

/* Push's feeds go the way of a request that only reads. */
static int on_read(void *arg, struct feed *feed)
{
	struct server *s = arg;
	struct job *job;

	if (s->stopping)
		return VS_ECANCELED;
	job = job_feed(feed);
	if (job == NULL)
		return VS_ENOMEM;
	lane_push(s->lanes[LANE_READER], job);
	return VS_OK;
}

static void submit(struct server *s, struct job *job)
{
	enum lane_kind lane = LANE_READER;

	if (s->stopping) {
		api_failed(&job->answer, VS_ECANCELED);
		answer_job(s, job);
		return;
	}
	if (job->writes)
		lane = LANE_WRITER;
	else if (job->slow)
		lane = LANE_SLOW;
	job->seen = s->news.count;
	lane_push(s->lanes[lane], job);
}

/* An answer that needs no job: the server has no room, or ends. */
static void turn_away(struct vs_httpd_req *req, int code)
{
	struct api_answer a;
	struct vs_httpd_answer out = { .headers = NULL };

	api_answer_init(&a);
	api_failed(&a, code);
	out.status = a.status;
	out.type = a.type;
	out.headers = (const char *const *)a.headers;
	out.body = vs_buf_take(&a.body, &out.len);
	vs_httpd_answer(req, &out);
	api_answer_release(&a);
}

static void on_request(void *arg, struct vs_httpd_req *req)
{
	struct server *s = arg;
	struct job *job;

	if (s->stopping || s->bytes > QUEUE_BYTES) {
		turn_away(req, VS_EBUSY);
		return;
	}
	job = job_new(req);
	if (job == NULL) {
		turn_away(req, VS_ENOMEM);
		return;
	}
	s->bytes += job->bytes;
	vs_httpd_set_data(req, job);
	submit(s, job);
}

static void on_gone(void *arg, struct vs_httpd_req *req)
{
	struct server *s = arg;
	struct job *job = vs_httpd_data(req);

	if (job == NULL)
		return;
	job->req = NULL;
	job = news_leave(&s->news, job);
	if (job != NULL)
		drop_job(s, job);
}

static void on_timer(uv_timer_t *timer);

static void set_timer(struct server *s)
{
	int64_t deadline = news_deadline(&s->news);
	int64_t now = (int64_t)uv_now(&s->loop);

	if (deadline == 0 || s->shut)
		(void)uv_timer_stop(&s->timer);
	else
		(void)uv_timer_start(&s->timer, on_timer,
		    deadline > now ? (uint64_t)(deadline - now) : 0, 0);
}

/* A long-poll ends: asked once more, or answered when its time is up. */
static void ask_again(struct server *s, struct job *job)
{
	job_again(job);
	submit(s, job);
}

static void on_timer(uv_timer_t *timer)
{
	struct server *s = timer->data;
	struct job_list out = { .count = 0 };
	struct job *job;

	news_expire(&s->news, (int64_t)uv_now(&s->loop), &out);
	/* rights may have changed since: the reader has the last word */
	while ((job = job_take(&out)) != NULL)
		ask_again(s, job);
	set_timer(s);
}

/* What to do with a job that a lane has finished. */
static void settle_job(struct server *s, struct job *job)
{
	int64_t now = (int64_t)uv_now(&s->loop);

	if (job->req == NULL) {
		drop_job(s, job);
		return;
	}
	if (job->answer.wait_ms > 0 && job->deadline_ms == 0)
		job->deadline_ms = now + job->answer.wait_ms;
	if (job->answer.wait_ms == 0 || job->deadline_ms <= now || s->stopping)
		answer_job(s, job);
	else if (!news_park(&s->news, job))
		ask_again(s, job);
}

static void close_all(struct server *s)
{
	s->shut = true;
	uv_close((uv_handle_t *)&s->wake, NULL);
	uv_close((uv_handle_t *)&s->timer, NULL);
	uv_close((uv_handle_t *)&s->watch, NULL);
	uv_close((uv_handle_t *)&s->signals[0], NULL);
	uv_close((uv_handle_t *)&s->signals[1], NULL);
}

static void on_httpd_closed(void *arg)
{
	struct server *s = arg;

	s->httpd = NULL;
	close_all(s);
}

/* What a commit brought is news to sockets, too. */
static void push_tell(struct server *s, const struct job *job)
{
	if (s->push != NULL && job->answer.status < 300)
		push_news(s->push, &job->answer);
}

static void on_push_closed(void *arg)
{
	struct server *s = arg;

	s->push = NULL;
}

static void on_wake(uv_async_t *wake)
{
	struct server *s = wake->data;
	struct job_list done, woken = { .count = 0 };
	struct job *job;
	bool ended;

	uv_mutex_lock(&s->lock);
	done = s->done;
	memset(&s->done, 0, sizeof(s->done));
	ended = s->ended == LANES;
	uv_mutex_unlock(&s->lock);
	while ((job = job_take(&done)) != NULL) {
		if (job->feed != NULL) {
			push_fed(s->push, job->feed);
			job_free(job);
			continue;
		}
		push_tell(s, job);
		if (job->answer.last_seq > 0) {
			news_add(&s->news, job->answer.project_id,
			    job->answer.last_seq);
			news_wake(&s->news, job->answer.project_id,
			    job->answer.last_seq, &woken);
		}
		settle_job(s, job);
	}
	while ((job = job_take(&woken)) != NULL)
		ask_again(s, job);
	set_timer(s);
	if (s->stopping && ended && s->httpd != NULL && !s->shut) {
		s->shut = true;
		vs_httpd_close(s->httpd, on_httpd_closed, s);
	}
}

/* On a lane's thread. */
static void on_done(void *arg, struct job_list *jobs)
{
	struct server *s = arg;
	struct job *job;

	uv_mutex_lock(&s->lock);
	while ((job = job_take(jobs)) != NULL)
		job_append(&s->done, job);
	(void)uv_async_send(&s->wake);
	uv_mutex_unlock(&s->lock);
}

/* On a lane's thread. */
static void on_ended(void *arg)
{
	struct server *s = arg;

	uv_mutex_lock(&s->lock);
	s->ended++;
	/* under the lock: once it is seen, the wake-up may be closed */
	(void)uv_async_send(&s->wake);
	uv_mutex_unlock(&s->lock);
}

/* What was acknowledged is durable: ending here loses nothing. */
static void on_watch(uv_timer_t *watch)
{
	(void)watch;
	vs_log(VS_LOG_WARN, "server: stop: long requests were cut off");
	_exit(0);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct server *s = handle->data;
	struct job_list waiting = { .count = 0 };
	struct job *job;
	int i;

	(void)number;
	if (s->stopping)
		return;
	s->stopping = true;
	notify_send("STOPPING=1");
	vs_log(VS_LOG_INFO, "server: stopping");
	(void)uv_timer_start(&s->watch, on_watch, STOP_MS, 0);
	push_close(s->push, on_push_closed, s);
	news_expire(&s->news, INT64_MAX, &waiting);
	while ((job = job_take(&waiting)) != NULL)
		answer_job(s, job);
	for (i = 0; i < LANES; i++)
		lane_stop(s->lanes[i]);
}

static int start_lanes(
    struct server *s, const struct server_options *o, struct vs_err *err)
{
	struct lane_options lane = { .store = { .path = o->path },
		.done = on_done,
		.ended = on_ended,
		.arg = s };
	int rc = VS_OK, i;

	/* the writer first: it makes the file that the others only read */
	for (i = 0; i < LANES && rc == VS_OK; i++) {
		lane.store.readonly = i != LANE_WRITER;
		rc = lane_start(&s->lanes[i], &lane, err);
	}
	return rc;
}

static void init_handles(struct server *s)
{
	static const int numbers[2] = { SIGTERM, SIGINT };
	int i;

	(void)uv_timer_init(&s->loop, &s->timer);
	(void)uv_timer_init(&s->loop, &s->watch);
	s->wake.data = s;
	s->timer.data = s;
	s->watch.data = s;
	for (i = 0; i < 2; i++) {
		(void)uv_signal_init(&s->loop, &s->signals[i]);
		s->signals[i].data = s;
		(void)uv_signal_start(&s->signals[i], on_signal, numbers[i]);
	}
}

static int start_httpd(
    struct server *s, const struct server_options *o, struct vs_err *err)
{
	struct vs_httpd_options http = { .max_body = VS_BATCH_WIRE,
		.max_inflated = VS_BATCH_INFLATED,
		.connections = CONNECTIONS,
		.handle = on_request,
		.gone = on_gone,
		.arg = s };
	const struct push_options push = {
		.loop = &s->loop, .read = on_read, .arg = s
	};
	int port, rc;

	http.fd = vs_sock_listen_tcp(o->listen, &port, err);
	if (http.fd < 0)
		return http.fd;
	rc = push_new(&s->push, &push, err);
	if (rc != VS_OK) {
		(void)close(http.fd);
		return rc;
	}
	rc = vs_httpd_new(&s->httpd, &s->loop, &http, err);
	if (rc != VS_OK)
		return rc;
	(void)fprintf(stderr, "listening on %.*s:%d\n",
	    (int)(strrchr(o->listen, ':') - o->listen), o->listen, port);
	notify_send("READY=1");
	return VS_OK;
}

/* Ends what start_lanes began when the rest does not start. */
static void abandon(struct server *s)
{
	int i;

	s->stopping = true;
	if (s->push != NULL)
		push_close(s->push, on_push_closed, s);
	for (i = LANES - 1; i >= 0; i--) {
		if (s->lanes[i] == NULL)
			continue;
		lane_stop(s->lanes[i]);
		lane_join(s->lanes[i]);
		s->lanes[i] = NULL;
	}
	close_all(s);
	(void)uv_run(&s->loop, UV_RUN_DEFAULT);
}

static int take_lock(const char *path, struct vs_err *err)
{
	char name[4096];
	int fd, n = snprintf(name, sizeof(name), "%s-serve", path);

	if (n < 0 || (size_t)n >= sizeof(name))
		return vs_err_set(err, VS_EINVAL, "%s: name too long", path);
	fd = vs_lock_take(name, err);
	if (fd == VS_EBUSY)
		(void)vs_err_wrap(err, "another vsync-cloud serves %s", path);
	return fd;
}

int server_run(const struct server_options *o, struct vs_err *err)
{
	struct server *s = calloc(1, sizeof(*s));
	int i, rc, lock = -1;

	assert(o->listen != NULL && o->path != NULL);
	if (s == NULL)
		return vs_err_set(err, VS_ENOMEM, "start the server");
	rc = take_lock(o->path, err);
	if (rc < 0)
		goto out;
	lock = rc;
	(void)signal(SIGPIPE, SIG_IGN);
	if (uv_loop_init(&s->loop) != 0 || uv_mutex_init(&s->lock) != 0 ||
	    uv_async_init(&s->loop, &s->wake, on_wake) != 0) {
		rc = vs_err_set(err, VS_ENOMEM, "start the server");
		goto out;
	}
	init_handles(s);
	rc = start_lanes(s, o, err);
	if (rc == VS_OK)
		rc = start_httpd(s, o, err);
	if (rc == VS_OK)
		(void)uv_run(&s->loop, UV_RUN_DEFAULT);
	else
		abandon(s);
	/* the writer last: it tidies up behind the readers */
	for (i = LANES - 1; i >= 0; i--)
		lane_join(s->lanes[i]);
	uv_mutex_destroy(&s->lock);
	rc = uv_loop_close(&s->loop) == 0 || rc != VS_OK ? rc : VS_EBUG;
out:
	if (lock >= 0)
		(void)close(lock);
	free(s);
	return rc;
}
