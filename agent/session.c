#include "agent/session.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"

struct session {
	uv_loop_t *loop;
	struct vs_httpc *httpc;
	char *url; /* never NULL */
	char *token;
};

/* An answer that needs no network, given on a later turn of the loop. */
struct refusal {
	uv_timer_t timer;
	struct vs_err err;
	void (*done)(void *arg, const struct vs_httpc_result *result);
	void *arg;
};

int session_new(struct session **out, uv_loop_t *loop, struct vs_httpc *httpc,
    struct vs_err *err)
{
	struct session *s = calloc(1, sizeof(*s));
	int r;

	assert(loop != NULL && httpc != NULL);
	if (s == NULL)
		return vs_err_set(err, VS_ENOMEM, "session: out of memory");
	s->loop = loop;
	s->httpc = httpc;
	r = session_set(s, NULL, NULL, err);
	if (r < 0) {
		session_free(s);
		return r;
	}
	*out = s;
	return VS_OK;
}

int session_like(struct session **out, const struct session *s, const char *url,
    const char *token, struct vs_err *err)
{
	struct session *own;
	int r = session_new(&own, s->loop, s->httpc, err);

	if (r < 0)
		return r;
	r = session_set(own, url, token, err);
	if (r < 0) {
		session_free(own);
		return r;
	}
	*out = own;
	return VS_OK;
}

static void token_drop(struct session *s)
{
	if (s->token != NULL)
		explicit_bzero(s->token, strlen(s->token));
	free(s->token);
	s->token = NULL;
}

void session_free(struct session *s)
{
	if (s == NULL)
		return;
	token_drop(s);
	free(s->url);
	free(s);
}

int session_set(
    struct session *s, const char *url, const char *token, struct vs_err *err)
{
	char *u = strdup(url != NULL ? url : "");
	char *t = strdup(token != NULL ? token : "");

	if (u == NULL || t == NULL) {
		free(u);
		free(t);
		return vs_err_set(err, VS_ENOMEM, "session: out of memory");
	}
	token_drop(s);
	free(s->url);
	s->url = u;
	s->token = t;
	return VS_OK;
}

const char *session_url(const struct session *s)
{
	return s->url;
}

static void refusal_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void refusal_due(uv_timer_t *timer)
{
	struct refusal *f = timer->data;
	struct vs_httpc_result r = { .err = f->err, .type = "", .body = "" };

	f->done(f->arg, &r);
	uv_close((uv_handle_t *)timer, refusal_closed);
}

static void refuse(struct session *s, const struct session_request *q,
    const struct vs_err *why)
{
	struct refusal *f = calloc(1, sizeof(*f));

	/* no memory for a single small struct: nothing can go on from here */
	if (f == NULL)
		abort();
	f->err = *why;
	f->done = q->done;
	f->arg = q->arg;
	uv_timer_init(s->loop, &f->timer);
	f->timer.data = f;
	uv_timer_start(&f->timer, refusal_due, 0, 0);
}

void session_send(struct session *s, const struct session_request *q)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_httpc_options o = {
		.method = q->method,
		.bearer = s->token,
		.body = q->body,
		.len = q->len,
		.max_body = q->max_body,
		.timeout_ms = q->timeout_ms,
		.done = q->done,
		.arg = q->arg,
	};
	char *url;

	assert(q->done != NULL && q->path[0] == '/');
	if (*s->url == '\0' || *s->token == '\0') {
		vs_err_set(&err, VS_EAUTH, "not logged in");
		refuse(s, q, &err);
		return;
	}
	if (asprintf(&url, "%s%s", s->url, q->path) < 0) {
		vs_err_set(&err, VS_ENOMEM, "request: out of memory");
		refuse(s, q, &err);
		return;
	}
	o.url = url;
	if (vs_httpc_send(s->httpc, &o, NULL, &err) < 0)
		refuse(s, q, &err);
	free(url);
}

int session_stream(struct session *s, struct vs_wsc **out, const char *path,
    const struct vs_wsc_options *o, struct vs_err *err)
{
	struct vs_wsc_options own = *o;
	char *url;
	int r;

	assert(path[0] == '/');
	if (*s->url == '\0' || *s->token == '\0')
		return vs_err_set(err, VS_EAUTH, "not logged in");
	if (asprintf(&url, "%s%s", s->url, path) < 0)
		return vs_err_set(err, VS_ENOMEM, "stream: out of memory");
	own.url = url;
	own.bearer = s->token;
	r = vs_wsc_open(out, s->loop, &own, err);
	free(url);
	return r;
}

/* The server's own sentence, if its answer has one. */
static void sentence(const struct vs_httpc_result *r, char *out, size_t cap)
{
	const char *text = NULL;
	json_t *doc = vs_json_parse(r->body, r->len, NULL);

	out[0] = '\0';
	if (doc != NULL && json_is_object(doc) &&
	    vs_json_get_str(doc, "error", false, &text, NULL) == VS_OK &&
	    text != NULL)
		snprintf(out, cap, ": %s", text);
	json_decref(doc);
}

static int code_of(long status)
{
	switch (status) {
	case 401:
		return VS_EAUTH;
	case 403:
		return VS_EFORBIDDEN;
	case 404:
		return VS_ENOENT;
	case 409:
		return VS_ECONFLICT;
	case 429:
	case 500:
	case 502:
	case 503:
	case 504:
		return VS_EAGAIN;
	default:
		return VS_EPROTO;
	}
}

int session_judge(const struct session *s, const struct vs_httpc_result *r,
    struct vs_err *err)
{
	bool json = strncmp(r->type, "application/json", 16) == 0;
	char why[256];

	if (r->err.code != VS_OK) {
		if (err != NULL)
			*err = r->err;
		return r->err.code;
	}
	if (r->status >= 200 && r->status <= 299 && json)
		return VS_OK;
	if (!json)
		return vs_err_set(err,
		    code_of(r->status) == VS_EAGAIN ? VS_EAGAIN : VS_EPROTO,
		    "%s answered %ld, not as a vsync server does", s->url,
		    r->status);
	sentence(r, why, sizeof(why));
	return vs_err_set(err, code_of(r->status), "%s answered %ld%s", s->url,
	    r->status, why);
}
