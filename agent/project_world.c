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

	if (project_open(p))
		p->role->answered(p, s->id, &s->answer, vs_clock_now());
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

void project_ask(void *project, const struct engine_send *want)
{
	struct project *p = project;
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
	struct project_news said;
	char text[]; /* path, op, text, pull */
};

static void news_arrive(struct post_item *item)
{
	struct news *n = (struct news *)item;
	struct project *p = n->project;

	assert(p->host->news != NULL);
	if (n->said.small)
		atomic_fetch_sub(&p->news_waiting, 1);
	p->host->news(p->host->arg, p, &n->said);
	free(n);
}

/* Copies *s (NULL stays NULL) to *at and moves *at on. */
static void text_move(char **at, const char **s)
{
	size_t n;

	if (*s == NULL)
		return;
	n = strlen(*s) + 1;
	memcpy(*at, *s, n);
	*s = *at;
	*at += n;
}

static size_t text_size(const char *s)
{
	return s != NULL ? strlen(s) + 1 : 0;
}

void project_tell(struct project *p, const struct project_news *said)
{
	struct news *n;
	char *at;

	assert(said->type != NULL);
	if (said->small &&
	    (!atomic_load(&p->listened) ||
		atomic_load(&p->news_waiting) >= NEWS_MAX))
		return;
	n = project_must(calloc(1,
	    sizeof(*n) + text_size(said->path) + text_size(said->op) +
		text_size(said->text) + text_size(said->pull)));
	n->item.run = news_arrive;
	n->project = p;
	n->said = *said;
	at = n->text;
	text_move(&at, &n->said.path);
	text_move(&at, &n->said.op);
	text_move(&at, &n->said.text);
	text_move(&at, &n->said.pull);
	if (said->small)
		atomic_fetch_add(&p->news_waiting, 1);
	post_send(p->host->post, &n->item);
}

void project_forget(struct project *p)
{
	while (p->sendings != NULL) {
		struct sending *s = p->sendings;

		p->sendings = s->next;
		s->project = NULL;
	}
}
