#include "agent/project_core.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/net/backoff.h"
#include "common/os/clock.h"
#include "common/os/rand.h"
#include "common/proto/control.h"

#define NEWS_MAX 4096 /* of single paths, waiting for the loop */

void *project_must(void *p)
{
	/* crash-only: what is durable is durable, the start repairs it */
	if (p == NULL) {
		vs_log(VS_LOG_ERR, "project: out of memory");
		_exit(VS_EXIT_TEMPFAIL);
	}
	return p;
}

/* Hashes: engine -> workers -> engine. */

struct hashing {
	struct mailbox_item item;
	struct hasher_job job;
	struct project *project;
	uint64_t id;
};

static void hashing_handle(struct mailbox_item *item)
{
	struct hashing *h = (struct hashing *)item;
	struct project *p = h->project;

	if (p->engine != NULL)
		engine_hashed(p->engine, h->id, h->job.code, &h->job.hash,
		    vs_clock_now());
	free(h->job.path);
	free(h);
}

static void hashing_done(struct hasher_job *job)
{
	struct hashing *h =
	    (struct hashing *)((char *)job - offsetof(struct hashing, job));

	if (job->code == VS_OK && job->hash.stat.kind == VS_KIND_FILE &&
	    job->hash.writer != DISK_WRITER)
		atomic_fetch_add(&h->project->hashed,
		    (unsigned long long)job->hash.stat.size);
	mailbox_put(h->project->mailbox, &h->item);
}

static void world_hash(void *arg, const struct engine_hash *want)
{
	struct project *p = arg;
	struct hashing *h = project_must(calloc(1, sizeof(*h)));

	assert(want->path[0] != '\0');
	h->item.handle = hashing_handle;
	h->project = p;
	h->id = want->id;
	h->job.disk = p->disk;
	h->job.path = project_must(strdup(want->path));
	h->job.size = want->size;
	h->job.cancel = &p->cancel;
	h->job.owner = p;
	h->job.done = hashing_done;
	hasher_submit(p->host->hasher, &h->job);
}

/* Requests: engine -> loop -> cloud -> loop -> engine. */

struct sending {
	struct post_item out;
	struct mailbox_item in;
	struct project *project; /* NULL: ended meanwhile */
	struct sending *prev; /* in project->sendings */
	struct sending *next;
	uint64_t id;
	char *method;
	char *path;
	char *body;
	size_t len;
	size_t max_body;
	struct engine_answer answer;
	struct vs_err err;
	char *type;
};

static void sending_free(struct sending *s)
{
	free(s->method);
	free(s->path);
	free(s->body);
	free(s->type);
	free((char *)s->answer.body);
	free(s);
}

static void sending_handle(struct mailbox_item *item)
{
	struct sending *s =
	    (struct sending *)((char *)item - offsetof(struct sending, in));
	struct project *p = s->project;

	if (p->engine != NULL)
		engine_answered(p->engine, s->id, &s->answer, vs_clock_now());
	sending_free(s);
}

static void answer_copy(struct sending *s, const struct vs_httpc_result *r)
{
	char *body = project_must(malloc(r->len + 1));

	memcpy(body, r->body != NULL ? r->body : "", r->len);
	body[r->len] = '\0';
	s->err = r->err;
	s->type = project_must(strdup(r->type != NULL ? r->type : ""));
	s->answer = (struct engine_answer){
		.code = s->err.code,
		.why = s->err.msg,
		.status = r->status,
		.type = s->type,
		.retry_after_ms =
		    vs_backoff_retry_after(r->retry_after, vs_clock_wall_ms()),
		.body = body,
		.len = r->len,
	};
}

static void sending_answered(void *arg, const struct vs_httpc_result *r)
{
	struct sending *s = arg;
	struct project *p = s->project;

	if (p == NULL) {
		sending_free(s);
		return;
	}
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		p->sendings = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	answer_copy(s, r);
	s->in.handle = sending_handle;
	mailbox_put(p->mailbox, &s->in);
}

static void sending_start(struct post_item *item)
{
	struct sending *s =
	    (struct sending *)((char *)item - offsetof(struct sending, out));
	struct project *p = s->project;
	struct session_request q = {
		.method = s->method,
		.path = s->path,
		.body = s->body,
		.len = s->len,
		.max_body = s->max_body,
		.timeout_ms = VS_IDLE_MS,
		.done = sending_answered,
		.arg = s,
	};

	s->next = p->sendings;
	if (s->next != NULL)
		s->next->prev = s;
	p->sendings = s;
	session_send(p->host->session, &q);
}

static void world_send(void *arg, const struct engine_send *want)
{
	struct project *p = arg;
	struct sending *s = project_must(calloc(1, sizeof(*s)));

	s->out.run = sending_start;
	s->project = p;
	assert(want->path[0] == '/');
	s->id = want->id;
	s->method = project_must(strdup(want->method));
	s->path = project_must(strdup(want->path));
	if (want->body != NULL) {
		s->body = project_must(malloc(want->len + 1));
		memcpy(s->body, want->body, want->len);
		s->body[want->len] = '\0';
		s->len = want->len;
	}
	s->max_body = want->max_body;
	post_send(p->host->post, &s->out);
}

/* News: engine -> loop. */

struct news {
	struct post_item item;
	struct project *project;
	struct engine_event event;
	bool counted;
	char text[]; /* path, op, text */
};

static void news_arrive(struct post_item *item)
{
	struct news *n = (struct news *)item;
	struct project *p = n->project;

	assert(p->host->news != NULL);
	if (n->counted)
		atomic_fetch_sub(&p->news_waiting, 1);
	p->host->news(p->host->arg, p, &n->event);
	free(n);
}

/* Copies s (NULL stays NULL) to *at and moves *at on. */
static const char *text_copy(char **at, const char *s)
{
	size_t n;
	char *copy = *at;

	if (s == NULL)
		return NULL;
	n = strlen(s) + 1;
	memcpy(copy, s, n);
	*at += n;
	return copy;
}

static size_t text_size(const char *s)
{
	return s != NULL ? strlen(s) + 1 : 0;
}

/* Of one path among many: told only while somebody listens. */
static bool news_small(enum engine_news news)
{
	return news == ENGINE_COMMITTED || news == ENGINE_PUBLISHED ||
	    news == ENGINE_RECORDING;
}

static void world_tell(void *arg, const struct engine_event *e)
{
	struct project *p = arg;
	struct news *n;
	char *at;

	if (news_small(e->news) &&
	    (!atomic_load(&p->listened) ||
		atomic_load(&p->news_waiting) >= NEWS_MAX))
		return;
	n = project_must(calloc(1,
	    sizeof(*n) + text_size(e->path) + text_size(e->op) +
		text_size(e->text)));
	n->item.run = news_arrive;
	n->project = p;
	n->event = *e;
	at = n->text;
	n->event.path = text_copy(&at, e->path);
	n->event.op = text_copy(&at, e->op);
	n->event.text = text_copy(&at, e->text);
	n->counted = news_small(e->news);
	if (n->counted)
		atomic_fetch_add(&p->news_waiting, 1);
	post_send(p->host->post, &n->item);
}

void project_world(struct project *p)
{
	assert(p->disk != NULL);
	p->world = (struct engine_world){
		.arg = p,
		.disk = p->disk,
		.rand = vs_rand_os(),
		.hash = world_hash,
		.send = world_send,
		.tell = world_tell,
	};
}

void project_world_end(struct project *p)
{
	while (p->sendings != NULL) {
		struct sending *s = p->sendings;

		p->sendings = s->next;
		s->project = NULL;
	}
}
