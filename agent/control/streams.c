#include "agent/control/streams.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control/status.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/path.h"
#include "common/base/stamp.h"
#include "common/os/clock.h"

#define UNSENT_MAX (4 * 1024 * 1024) /* bytes; a slower reader is cut off */
#define LINE_MAX_BYTES (1024 * 1024)
#define STATUS_MS 1000

struct stream {
	struct streams *all;
	struct vs_httpd_stream *out;
	char *id; /* of the project, NULL: all */
	struct stream *next;
};

struct streams {
	struct agent *agent;
	struct stream *first;
	uv_timer_t timer; /* while somebody watches */
	int asking; /* statuses under way */
};

struct streams *streams_new(struct agent *a)
{
	struct streams *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->agent = a;
	uv_timer_init(agent_loop(a), &s->timer);
	s->timer.data = s;
	return s;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void streams_free(struct streams *s)
{
	assert(s->first == NULL && s->asking == 0);
	uv_close((uv_handle_t *)&s->timer, timer_closed);
}

static bool wants(const struct stream *st, const char *id)
{
	return st->id == NULL || strcmp(st->id, id) == 0;
}

/* One line to all who watch project id; b is released. */
static void streams_send(struct streams *s, const char *id, struct vs_buf *b)
{
	vs_buf_addch(b, '\n');
	/* a cut-off reader is told by ended, on a later turn */
	for (struct stream *st = s->first; st != NULL; st = st->next)
		if (vs_buf_error(b) == VS_OK && wants(st, id))
			(void)vs_httpd_stream_write(
			    st->out, vs_buf_str(b), b->len);
	vs_buf_release(b);
}

/* The same; doc is taken over. */
static void streams_write(struct streams *s, const char *id, json_t *doc)
{
	struct vs_buf b;

	vs_buf_init(&b, LINE_MAX_BYTES);
	if (vs_json_dump(&b, doc) == VS_OK)
		streams_send(s, id, &b);
	else
		vs_buf_release(&b);
	json_decref(doc);
}

static void status_seen(void *arg, json_t *p)
{
	struct streams *s = arg;
	const char *id = json_string_value(json_object_get(p, "id"));

	assert(s->asking > 0);
	s->asking--;
	if (id == NULL)
		return;
	json_object_set_new(p, "type", json_string("status"));
	streams_write(s, id, p);
}

static void status_ask(struct streams *s, struct project *p)
{
	s->asking++;
	status_of(s->agent, p, status_seen, s);
}

static void each_project(
    struct streams *s, void (*each)(struct streams *s, struct project *p))
{
	const struct config *c = agent_config(s->agent);

	for (size_t i = 0; i < c->nprojects; i++) {
		struct project *p = agent_project(s->agent, c->projects[i].id);

		if (p != NULL)
			each(s, p);
	}
}

static void timer_due(uv_timer_t *timer)
{
	struct streams *s = timer->data;

	/* a thread that is busy is not asked again and again */
	if (s->asking == 0)
		each_project(s, status_ask);
}

static void listen_update(struct streams *s, struct project *p)
{
	bool wanted = false;

	for (const struct stream *st = s->first; st != NULL; st = st->next)
		wanted = wanted || wants(st, project_id(p));
	project_listen(p, wanted);
}

static void stream_ended(void *arg)
{
	struct stream *st = arg;
	struct streams *s = st->all;
	struct stream **at = &s->first;

	while (*at != st)
		at = &(*at)->next;
	*at = st->next;
	free(st->id);
	free(st);
	each_project(s, listen_update);
	if (s->first == NULL)
		uv_timer_stop(&s->timer);
}

/* The connection is the stream's from here on. */
static struct vs_httpd_stream *connection_take(
    struct request *r, struct stream *st)
{
	struct vs_httpd_req *http = r->http;

	request_leave(r);
	return vs_httpd_stream(
	    http, "application/x-ndjson", UNSENT_MAX, stream_ended, st);
}

void streams_open(struct streams *s, struct request *r, const char *id)
{
	struct stream *st = calloc(1, sizeof(*st));
	struct vs_err err = VS_ERR_INIT;

	if (st != NULL && id != NULL)
		st->id = strdup(id);
	if (st == NULL || (id != NULL && st->id == NULL)) {
		free(st);
		vs_err_set(&err, VS_ENOMEM, "watch: out of memory");
		request_fail(r, &err, NULL);
		return;
	}
	st->all = s;
	st->out = connection_take(r, st);
	if (st->out == NULL) {
		free(st->id);
		free(st);
		return;
	}
	st->next = s->first;
	s->first = st;
	each_project(s, listen_update);
	each_project(s, status_ask);
	uv_timer_start(&s->timer, timer_due, STATUS_MS, STATUS_MS);
}

/* A text that is not UTF-8, a refused name say, is left out. */
static void put_text(struct vs_buf *b, const char *key, const char *text)
{
	if (text == NULL || !vs_path_utf8(text, strlen(text)))
		return;
	vs_buf_addstr(b, ",\"");
	vs_buf_addstr(b, key);
	vs_buf_addstr(b, "\":");
	vs_json_add_str(b, text);
}

static void put_number(struct vs_buf *b, const char *key, int64_t n)
{
	vs_buf_addstr(b, ",\"");
	vs_buf_addstr(b, key);
	vs_buf_addstr(b, "\":");
	vs_buf_addi(b, n);
}

void streams_news(
    struct streams *s, struct project *p, const struct project_news *n)
{
	char stamp[VS_STAMP_SIZE];
	struct vs_buf b;

	if (s->first == NULL)
		return;
	/* written for each event there is: no formats, no document */
	vs_buf_init(&b, LINE_MAX_BYTES);
	vs_buf_addstr(&b, "{\"type\":");
	vs_json_add_str(&b, n->type);
	put_text(&b, "project", project_id(p));
	put_number(&b, "seq", n->seq);
	put_number(&b, "size", n->size);
	put_number(&b, "n", n->n);
	put_text(&b, "at", vs_stamp_format(vs_clock_wall_ms(), stamp));
	put_text(&b, "path", n->path);
	put_text(&b, "op", n->op);
	put_text(&b, "text", n->text);
	put_text(&b, "pull", n->pull);
	vs_buf_addch(&b, '}');
	streams_send(s, project_id(p), &b);
	if (n->state && s->asking == 0)
		status_ask(s, p);
}

void streams_project(struct streams *s, struct project *p)
{
	listen_update(s, p);
}
