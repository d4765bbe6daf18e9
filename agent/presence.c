#include "agent/presence.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/net/backoff.h"
#include "common/os/rand.h"

#define ANSWER_MAX (64 * 1024)
#define TELL_MS 20000

struct presence {
	struct agent *agent;
	uv_timer_t timer; /* next try */
	struct vs_backoff backoff;
	struct address_list list;
	bool set; /* list is what is wanted */
	bool asking; /* a request is under way */
	bool again; /* it is about something older */
	bool stopped;
	void (*closed)(void *arg);
	void *closed_arg;
};

static void presence_tell(struct presence *p);

static void timer_due(uv_timer_t *timer)
{
	presence_tell(timer->data);
}

/* The device's own key for tickets, which an older agent did not keep. */
static void key_take(struct presence *p, const char *body, size_t len)
{
	struct vs_err err = VS_ERR_INIT;
	const char *key = NULL;
	json_t *doc;

	if (agent_account(p->agent)->ticket_key[0] != '\0')
		return;
	doc = vs_json_parse(body, len, &err);
	if (doc != NULL && json_is_object(doc) &&
	    vs_json_get_str(doc, "ticket_key", false, &key, &err) == VS_OK &&
	    key != NULL && agent_ticket_key(p->agent, key, &err) < 0)
		vs_log(VS_LOG_WARN, "presence: %s", err.msg);
	json_decref(doc);
}

/* True if there is no use in trying the same again. */
static bool is_final(int code)
{
	switch (code) {
	case VS_EAUTH:
	case VS_EFORBIDDEN:
	case VS_ENOENT:
		return true;
	default:
		return false;
	}
}

static void presence_failed(struct presence *p, const struct vs_err *err)
{
	bool final = is_final(err->code);

	vs_log(p->backoff.tries == 0 ? VS_LOG_INFO : VS_LOG_DEBUG,
	    "presence: the server was not told where this device is: %s%s",
	    err->msg, final ? "" : "; it is tried again");
	if (!final)
		uv_timer_start(&p->timer, timer_due,
		    (uint64_t)vs_backoff_next(&p->backoff, vs_rand_os(), -1),
		    0);
}

static void presence_told(void *arg, const struct vs_httpc_result *r)
{
	struct presence *p = arg;
	struct vs_err err = VS_ERR_INIT;
	int rc;

	assert(p->asking);
	p->asking = false;
	if (p->stopped || r->err.code == VS_ECANCELED)
		return;
	if (p->again) {
		presence_tell(p);
		return;
	}
	rc = session_judge(agent_session(p->agent), r, &err);
	if (rc < 0) {
		presence_failed(p, &err);
		return;
	}
	vs_backoff_reset(&p->backoff);
	vs_log(VS_LOG_DEBUG, "presence: the server knows of %d addresses",
	    p->list.count);
	key_take(p, r->body, r->len);
}

static json_t *presence_doc(const struct presence *p)
{
	const struct vs_key *key = agent_key(p->agent);
	json_t *list = json_array();
	json_t *doc;

	for (int i = 0; i < p->list.count; i++)
		json_array_append_new(list, json_string(p->list.text[i]));
	doc = json_pack("{s:o}", "endpoints", list);
	if (doc != NULL && key->pin[0] != '\0')
		json_object_set_new(
		    doc, "public_key_pin", json_string(key->pin));
	return doc;
}

static void presence_send(struct presence *p, const json_t *doc)
{
	const struct account *account = agent_account(p->agent);
	char path[160];
	struct session_request q = {
		.method = "PUT",
		.path = path,
		.max_body = ANSWER_MAX,
		.timeout_ms = TELL_MS,
		.done = presence_told,
		.arg = p,
	};
	struct vs_buf b;

	(void)snprintf(path, sizeof(path), "/api/devices/%s/endpoints",
	    account->device_id);
	vs_buf_init(&b, ANSWER_MAX);
	if (vs_json_dump(&b, doc) == VS_OK) {
		q.body = vs_buf_str(&b);
		q.len = b.len;
		p->asking = true;
		session_send(agent_session(p->agent), &q);
	}
	vs_buf_release(&b);
}

static void presence_tell(struct presence *p)
{
	json_t *doc;

	p->again = p->asking;
	if (p->asking || p->stopped)
		return;
	uv_timer_stop(&p->timer);
	if (agent_account(p->agent)->device_id[0] == '\0')
		return;
	doc = presence_doc(p);
	if (doc != NULL)
		presence_send(p, doc);
	json_decref(doc);
}

void presence_set(struct presence *p, const struct address_list *l, bool fresh)
{
	if (p->set && !fresh && address_same(&p->list, l))
		return;
	p->list = *l;
	p->set = true;
	vs_backoff_reset(&p->backoff);
	presence_tell(p);
}

int presence_new(struct presence **out, struct agent *a, struct vs_err *err)
{
	struct presence *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return vs_err_set(err, VS_ENOMEM, "presence: out of memory");
	p->agent = a;
	uv_timer_init(agent_loop(a), &p->timer);
	p->timer.data = p;
	*out = p;
	return VS_OK;
}

static void timer_closed(uv_handle_t *handle)
{
	struct presence *p = handle->data;

	p->closed(p->closed_arg);
}

void presence_stop(struct presence *p, void (*closed)(void *arg), void *arg)
{
	assert(!p->stopped && closed != NULL);
	p->stopped = true;
	p->closed = closed;
	p->closed_arg = arg;
	uv_close((uv_handle_t *)&p->timer, timer_closed);
}

void presence_free(struct presence *p)
{
	free(p);
}
