/*
 * A job moves one way: WAIT -> ASK -> READ -> SEND, and from ASK it may end
 * early.  From ASK on it has a place.  Its request is NULL once it was
 * answered or the client went away; a job that is being read or sent lives
 * on until that is over.
 */
#include "agent/serve/desk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/serve/admit.h"
#include "agent/serve/chunk.h"
#include "common/base/buf.h"
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/os/clock.h"

#define SWEEP_MS 1000 /* between looks for asks without an answer */

enum job_state { JOB_WAIT, JOB_ASK, JOB_READ, JOB_SEND };

struct job {
	struct desk *desk;
	struct job *next;
	enum job_state state;
	struct vs_httpd_req *req;
	const struct desk_root *root;
	uint32_t id; /* of the ask */
	int64_t asked_ms; /* mono */
	struct admit_chunk wanted;
	struct admit_span span; /* of that */
	int status; /* of a good answer: 200 or 206 */
	struct wire_found found;
	struct chunk chunk;
	struct vs_err why; /* not read */
	uv_work_t work;
};

struct desk {
	struct desk_options o;
	struct job *jobs; /* all of them, oldest first */
	int placed; /* that have a place */
	uint32_t serial;
	uv_idle_t turn; /* gives free places away */
	uv_timer_t sweep;
	struct wire_message message; /* to the agent */
};

static void job_free(struct job *j)
{
	struct desk *d = j->desk;
	struct job **at = &d->jobs;

	assert(j->req == NULL);
	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	if (j->state != JOB_WAIT)
		d->placed--;
	assert(d->placed >= 0);
	free(j->chunk.data);
	free(j);
}

static void desk_turn(uv_idle_t *idle);

static void desk_wake(struct desk *d)
{
	uv_idle_start(&d->turn, desk_turn);
}

static void job_refuse(struct job *j, const struct admit_verdict *v)
{
	struct vs_httpd_req *req = j->req;

	j->req = NULL;
	if (req != NULL)
		vs_httpd_refuse(req, v->status, v->code, v->text);
}

/* The answer that ends j, which has no worker. */
static void job_end(struct job *j, const struct admit_verdict *v)
{
	struct desk *d = j->desk;

	job_refuse(j, v);
	job_free(j);
	desk_wake(d);
}

/* Sending. */

/* From inside libmicrohttpd: no answer may be given here. */
static void job_sent(void *arg)
{
	struct job *j = arg;
	struct desk *d = j->desk;

	assert(j->state == JOB_SEND);
	job_free(j);
	desk_wake(d);
}

static void job_send(struct job *j)
{
	char sum[32 + 2 * VS_SHA256_SIZE];
	char range[96];
	const char *headers[] = { sum, "Cache-Control: no-store", NULL, NULL };
	struct vs_httpd_answer a = {
		.status = j->status,
		.type = "application/octet-stream",
		.body = j->chunk.data,
		.len = (size_t)j->chunk.len,
		.headers = headers,
		.over = job_sent,
		.over_arg = j,
	};
	struct vs_httpd_req *req = j->req;
	int n = snprintf(sum, sizeof(sum), "X-Chunk-SHA256: ");

	vs_hex_encode(sum + n, j->chunk.sha256, VS_SHA256_SIZE);
	if (j->status == 206) {
		(void)snprintf(range, sizeof(range),
		    "Content-Range: bytes %lld-%lld/%lld",
		    (long long)j->span.off,
		    (long long)(j->span.off + j->span.len - 1),
		    (long long)j->wanted.len);
		headers[2] = range;
	}
	j->state = JOB_SEND;
	j->chunk.data = NULL;
	j->req = NULL;
	vs_httpd_answer(req, &a);
}

/* Reading. */

static void job_work(uv_work_t *work)
{
	struct job *j = work->data;

	chunk_read(&j->chunk, &j->why);
}

static void job_worked(uv_work_t *work, int status)
{
	struct job *j = work->data;
	struct admit_verdict v;

	assert(j->state == JOB_READ);
	if (status == 0 && j->why.code == VS_OK && j->req != NULL) {
		job_send(j);
		return;
	}
	if (j->chunk.shut_out)
		j->desk->o.stale(j->desk->o.arg);
	v = admit_unread(j->why.code < 0 ? j->why.code : VS_ECANCELED);
	if (j->why.code < 0)
		vs_log(VS_LOG_DEBUG, "serve: a chunk not read: %s", j->why.msg);
	job_end(j, &v);
}

static void job_read(struct job *j)
{
	const struct admit_verdict v = admit_unread(VS_ENOMEM);

	j->chunk.root = j->root->path;
	j->chunk.path = j->wanted.ticket.path;
	j->chunk.found = &j->found;
	j->chunk.off = j->wanted.off + j->span.off;
	j->chunk.len = j->span.len;
	j->chunk.data = malloc((size_t)j->span.len);
	j->work.data = j;
	j->state = JOB_READ;
	if (j->chunk.data == NULL ||
	    uv_queue_work(j->desk->o.loop, &j->work, job_work, job_worked) != 0)
		job_end(j, &v);
}

/* Asking. */

void desk_found(struct desk *d, const struct wire_found *f)
{
	struct job *j = d->jobs;
	struct admit_verdict v;

	while (j != NULL && (j->state != JOB_ASK || j->id != f->id))
		j = j->next;
	if (j == NULL)
		return;
	v = admit_found(&j->wanted.ticket, f);
	if (j->req == NULL || v.status != 200) {
		job_end(j, &v);
		return;
	}
	j->found = *f;
	job_read(j);
}

static void desk_sweep(uv_timer_t *timer);

static void job_ask(struct job *j)
{
	const struct admit_verdict v = admit_unread(VS_EAGAIN);
	struct desk *d = j->desk;
	struct wire_message *m = &d->message;
	const struct vs_ticket *t = &j->wanted.ticket;

	assert(j->state == JOB_WAIT && j->req != NULL);
	j->state = JOB_ASK;
	d->placed++;
	j->id = ++d->serial;
	j->asked_ms = vs_clock_mono_ms();
	if (!uv_is_active((uv_handle_t *)&d->sweep))
		uv_timer_start(&d->sweep, desk_sweep, SWEEP_MS, SWEEP_MS);
	memset(m, 0, sizeof(*m));
	m->type = WIRE_ASK;
	m->ask.id = j->id;
	if (!wire_text(m->ask.project, sizeof(m->ask.project), t->project) ||
	    !wire_text(m->ask.path, sizeof(m->ask.path), t->path) ||
	    d->o.ask(d->o.arg, m) < 0)
		job_end(j, &v);
}

/* Places of the peer that j is from. */
static int peer_places(const struct job *j)
{
	int n = 0;

	for (const struct job *i = j->desk->jobs; i != NULL; i = i->next)
		n += i->state != JOB_WAIT &&
		    strcmp(i->wanted.ticket.pin, j->wanted.ticket.pin) == 0;
	return n;
}

/* The oldest that may have a place. */
static struct job *desk_next(struct desk *d)
{
	struct job *j = d->jobs;

	while (j != NULL &&
	    (j->state != JOB_WAIT || peer_places(j) >= DESK_PEER_CHUNKS))
		j = j->next;
	return j;
}

static void desk_turn(uv_idle_t *idle)
{
	struct desk *d = idle->data;
	struct job *j;

	uv_idle_stop(idle);
	while (d->placed < DESK_CHUNKS && (j = desk_next(d)) != NULL)
		job_ask(j);
}

/*
 * A project whose disk hangs must not keep the others from being served.
 * With nothing to be served it stops: who has nothing to do does not wake up.
 */
static void desk_sweep(uv_timer_t *timer)
{
	const struct admit_verdict v = admit_unread(VS_ETIMEDOUT);
	struct desk *d = timer->data;
	int64_t now = vs_clock_mono_ms();
	struct job *next;

	for (struct job *j = d->jobs; j != NULL; j = next) {
		next = j->next;
		if (j->state == JOB_ASK && now - j->asked_ms > DESK_ASK_MS)
			job_end(j, &v);
	}
	if (d->jobs == NULL)
		uv_timer_stop(timer);
}

/* Requests. */

static const struct desk_root *root_of(const struct desk *d, const char *id)
{
	for (size_t i = 0; i < d->o.nroots; i++)
		if (strcmp(d->o.roots[i].project, id) == 0)
			return &d->o.roots[i];
	return NULL;
}

static void range_refuse(struct vs_httpd_req *req, int64_t len)
{
	static const char text[] = "{\"error\":\"no such range of the chunk\","
				   "\"code\":\"bad_range\"}";
	char range[64];
	const char *const headers[] = { range, NULL };
	struct vs_httpd_answer a = {
		.status = 416,
		.type = "application/json",
		.body = strdup(text),
		.headers = headers,
	};

	(void)snprintf(range, sizeof(range), "Content-Range: bytes */%lld",
	    (long long)len);
	a.len = a.body != NULL ? strlen(text) : 0;
	vs_httpd_answer(req, &a);
}

/* 200 with all of j filled that is known before the agent is asked. */
static struct admit_verdict desk_judge(
    struct desk *d, struct vs_httpd_req *req, struct job *j)
{
	static const struct admit_verdict nowhere = { 404, "not_found",
		"no such file is published" };
	const struct admit_request r = {
		.method = vs_httpd_method(req),
		.path = vs_httpd_path(req),
		.authorization = vs_httpd_header(req, "Authorization"),
		.pin = vs_httpd_peer_pin(req),
		.device = d->o.device,
		.ticket_key = d->o.ticket_key,
		.wall_ms = vs_clock_wall_ms(),
	};
	struct admit_verdict v = admit_request(&r, &j->wanted);

	if (v.status == 200) {
		j->root = root_of(d, j->wanted.ticket.project);
		if (j->root == NULL)
			v = nowhere;
	}
	return v;
}

/* A range holds only for what has not changed, and we name no versions. */
static const char *range_of(const struct vs_httpd_req *req)
{
	return vs_httpd_header(req, "If-Range") == NULL
	    ? vs_httpd_header(req, "Range")
	    : NULL;
}

static void desk_add(struct desk *d, struct job *j, struct vs_httpd_req *req)
{
	struct job **at = &d->jobs;

	while (*at != NULL)
		at = &(*at)->next;
	*at = j;
	j->req = req;
	vs_httpd_set_data(req, j);
	desk_wake(d);
}

void desk_handle(void *arg, struct vs_httpd_req *req)
{
	struct desk *d = arg;
	struct job *j = calloc(1, sizeof(*j));
	struct admit_verdict v = admit_unread(VS_ENOMEM);

	if (j != NULL) {
		j->desk = d;
		v = desk_judge(d, req, j);
	}
	if (v.status != 200) {
		free(j);
		vs_httpd_refuse(req, v.status, v.code, v.text);
		return;
	}
	j->status = admit_range(range_of(req), j->wanted.len, &j->span);
	if (j->status == 416) {
		range_refuse(req, j->wanted.len);
		free(j);
		return;
	}
	desk_add(d, j, req);
}

void desk_gone(void *arg, struct vs_httpd_req *req)
{
	struct job *j = vs_httpd_data(req);

	(void)arg;
	if (j == NULL)
		return;
	j->req = NULL;
	/* one that was asked for waits for the answer and its place */
	if (j->state == JOB_WAIT)
		job_free(j);
}

int desk_new(
    struct desk **out, const struct desk_options *o, struct vs_err *err)
{
	struct desk *d = calloc(1, sizeof(*d));

	assert(o->device[0] != '\0' && o->ask != NULL && o->stale != NULL);
	if (d == NULL)
		return vs_err_set(err, VS_ENOMEM, "serve: out of memory");
	d->o = *o;
	uv_idle_init(o->loop, &d->turn);
	uv_timer_init(o->loop, &d->sweep);
	d->turn.data = d->sweep.data = d;
	*out = d;
	return VS_OK;
}
