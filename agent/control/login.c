/*
 * login: whom the token belongs to, and this machine as one of that user's
 * devices.  Nothing is stored before the server has agreed to all of it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control/verbs.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/log.h"

#define ANSWER_MAX (64 * 1024)
#define LOGIN_MS 20000
#define SETTLE_MS 10 /* between two looks whether all is served again */
#define NAME_MAX_BYTES 200

struct login {
	struct session *session; /* with the new token */
	char url[2048];
	char device[NAME_MAX_BYTES + 1];
	struct account account;
};

static void login_free(void *data)
{
	struct login *l = data;

	session_free(l->session);
	explicit_bzero(&l->account, sizeof(l->account));
	free(l);
}

/* Whoever logs in may ask for something right after: then all is served. */
static void login_settle(struct request *r)
{
	const struct login *l = r->data;

	if (!agent_settled(r->agent)) {
		request_timer(r, SETTLE_MS, login_settle);
		return;
	}
	request_ok(r,
	    json_pack("{s:s, s:{s:s, s:s}, s:s}", "server", l->url, "user",
		"id", l->account.user_id, "name", l->account.user_name,
		"device_id", l->account.device_id));
}

static void login_finish(struct request *r)
{
	struct login *l = r->data;
	struct vs_err err = VS_ERR_INIT;

	if (agent_login(r->agent, l->url, &l->account, &err) < 0) {
		request_fail(r, &err, NULL);
		return;
	}
	vs_log(VS_LOG_INFO, "login: device %s at the server",
	    l->account.device_id);
	login_settle(r);
}

/* A document from an answer, or NULL: then the request is answered. */
static json_t *login_document(
    struct request *r, const struct vs_httpc_result *result)
{
	struct login *l = r->data;
	struct vs_err err = VS_ERR_INIT;
	json_t *doc;

	if (session_judge(l->session, result, &err) < 0) {
		if (err.code == VS_EAUTH)
			vs_err_set(&err, VS_EAUTH,
			    "%s does not accept this token", l->url);
		request_fail(r, &err, NULL);
		return NULL;
	}
	doc = vs_json_parse(result->body, result->len, &err);
	if (doc == NULL) {
		err.code = VS_EPROTO;
		vs_err_wrap(
		    &err, "%s answered what no vsync server does", l->url);
		request_fail(r, &err, NULL);
	}
	return doc;
}

/* Copies a member of the answer; false: the request is answered. */
static bool login_field(struct request *r, const json_t *doc, const char *key,
    char *out, size_t cap)
{
	struct vs_err err = VS_ERR_INIT;
	const char *s = NULL;

	if (!json_is_object(doc) ||
	    vs_json_get_str(doc, key, true, &s, &err) < 0 || strlen(s) >= cap) {
		vs_err_set(&err, VS_EPROTO,
		    "the server's answer has no usable \"%s\"", key);
		request_fail(r, &err, NULL);
		return false;
	}
	memcpy(out, s, strlen(s) + 1);
	return true;
}

static void login_device(
    struct request *r, const struct vs_httpc_result *result)
{
	struct login *l = r->data;
	json_t *doc;

	if (!request_open(r))
		return;
	doc = login_document(r, result);
	/* a server without direct routes gives no key for tickets */
	if (doc != NULL &&
	    login_field(r, doc, "device_id", l->account.device_id,
		sizeof(l->account.device_id)) &&
	    (json_object_get(doc, "ticket_key") == NULL ||
		login_field(r, doc, "ticket_key", l->account.ticket_key,
		    sizeof(l->account.ticket_key))))
		login_finish(r);
	json_decref(doc);
}

static void login_register(struct request *r)
{
	struct login *l = r->data;
	const char *pin = agent_key(r->agent)->pin;
	json_t *doc = json_pack("{s:s, s:[], s:s*}", "name", l->device,
	    "endpoints", "public_key_pin", *pin != '\0' ? pin : NULL);
	struct session_request q = { .method = "POST",
		.path = "/api/devices",
		.max_body = ANSWER_MAX,
		.timeout_ms = LOGIN_MS };
	struct vs_err err = VS_ERR_INIT;
	struct vs_buf b;

	vs_buf_init(&b, ANSWER_MAX);
	if (doc == NULL || vs_json_dump(&b, doc) < 0) {
		vs_err_set(&err, VS_ENOMEM, "login: out of memory");
		request_fail(r, &err, NULL);
	} else {
		q.body = vs_buf_str(&b);
		q.len = b.len;
		request_cloud(r, l->session, &q, login_device);
	}
	vs_buf_release(&b);
	json_decref(doc);
}

static void login_me(struct request *r, const struct vs_httpc_result *result)
{
	struct login *l = r->data;
	const struct account *old = agent_account(r->agent);
	json_t *doc;
	json_t *user;

	if (!request_open(r))
		return;
	doc = login_document(r, result);
	if (doc == NULL)
		return;
	user = json_object_get(doc, "user");
	if (!login_field(r, user, "id", l->account.user_id,
		sizeof(l->account.user_id)) ||
	    !login_field(r, user, "name", l->account.user_name,
		sizeof(l->account.user_name))) {
		json_decref(doc);
		return;
	}
	json_decref(doc);
	/* the same machine stays the same device: it may be the publisher */
	if (account_is_device_of(old, l->url, l->account.user_id)) {
		memcpy(l->account.device_id, old->device_id,
		    sizeof(l->account.device_id));
		memcpy(l->account.ticket_key, old->ticket_key,
		    sizeof(l->account.ticket_key));
		login_finish(r);
		return;
	}
	login_register(r);
}

static int login_arguments(
    struct request *r, struct login *l, struct vs_err *err)
{
	const char *url = request_str(r, "url");
	const char *token = request_str(r, "token");
	const char *device = request_str(r, "device");
	int rc;

	if (url == NULL || token == NULL)
		return vs_err_set(
		    err, VS_EINVAL, "login: url and token are needed");
	rc = config_url(url, l->url, sizeof(l->url), err);
	if (rc == VS_OK)
		rc = account_set_token(&l->account, token, err);
	if (rc < 0)
		return rc;
	if (device == NULL || *device == '\0')
		device = "unnamed";
	if (strlen(device) > NAME_MAX_BYTES)
		return vs_err_set(
		    err, VS_EINVAL, "login: the device's name is too long");
	memcpy(l->device, device, strlen(device) + 1);
	memcpy(l->account.server, l->url, sizeof(l->account.server));
	return VS_OK;
}

void login_serve(struct request *r)
{
	struct session_request q = { .method = "GET",
		.path = "/api/me",
		.max_body = ANSWER_MAX,
		.timeout_ms = LOGIN_MS };
	struct login *l = calloc(1, sizeof(*l));
	struct vs_err err = VS_ERR_INIT;

	r->data = l;
	r->data_free = login_free;
	if (l == NULL) {
		r->data_free = NULL;
		vs_err_set(&err, VS_ENOMEM, "login: out of memory");
		request_fail(r, &err, NULL);
		return;
	}
	if (login_arguments(r, l, &err) < 0 ||
	    session_like(&l->session, agent_session(r->agent), l->url,
		l->account.token, &err) < 0) {
		request_fail(r, &err, NULL);
		return;
	}
	request_cloud(r, l->session, &q, login_me);
}
