/*
 * A request is in one of three places: with libcurl; on the list of those
 * that were cancelled, until the idle handle calls them back; or nowhere,
 * while its done runs.
 */
#include "common/net/httpc.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/path.h"
#include "common/net/multi.h"

#define HTTPC_POOL 8 /* easy handles kept for the next requests */
#define HTTPC_AGENT "vsync"
#define HTTPC_KEEPALIVE_S 20L

struct vs_httpc_req {
	struct vs_httpc *client;
	struct vs_httpc_req *prev;
	struct vs_httpc_req *next;
	CURL *easy;
	struct curl_slist *headers;
	char *body; /* of the request */
	size_t len;
	struct vs_buf answer;
	int dir; /* folder of a Unix socket with a long path, or -1 */
	bool cancelled;
	bool running; /* with libcurl */
	char why[CURL_ERROR_SIZE];
	void (*done)(void *arg, const struct vs_httpc_result *result);
	void *arg;
};

struct vs_httpc {
	struct vs_multi *multi;
	uv_idle_t idle; /* for the cancelled */
	struct vs_httpc_req *reqs;
	CURL *pool[HTTPC_POOL];
	int pooled;
	bool closing;
	void (*closed)(void *arg);
	void *closed_arg;
};

static void httpc_link(struct vs_httpc *c, struct vs_httpc_req *r)
{
	r->next = c->reqs;
	if (r->next != NULL)
		r->next->prev = r;
	c->reqs = r;
}

static void httpc_unlink(struct vs_httpc *c, struct vs_httpc_req *r)
{
	if (r->prev != NULL)
		r->prev->next = r->next;
	else
		c->reqs = r->next;
	if (r->next != NULL)
		r->next->prev = r->prev;
	r->prev = NULL;
	r->next = NULL;
}

static void httpc_put_easy(struct vs_httpc *c, CURL *easy)
{
	if (c->pooled < HTTPC_POOL) {
		curl_easy_reset(easy);
		c->pool[c->pooled++] = easy;
	} else {
		curl_easy_cleanup(easy);
	}
}

static void httpc_req_free(struct vs_httpc_req *r)
{
	if (r->easy != NULL)
		httpc_put_easy(r->client, r->easy);
	curl_slist_free_all(r->headers);
	if (r->dir >= 0)
		close(r->dir);
	vs_buf_release(&r->answer);
	free(r->body);
	free(r);
}

static int httpc_code(const struct vs_httpc_req *r, CURLcode rc)
{
	if (vs_buf_error(&r->answer) != VS_OK)
		return vs_buf_error(&r->answer);
	switch (rc) {
	case CURLE_OPERATION_TIMEDOUT:
		return VS_ETIMEDOUT;
	case CURLE_FILESIZE_EXCEEDED:
		return VS_ELIMIT;
	case CURLE_OUT_OF_MEMORY:
		return VS_ENOMEM;
	default:
		return VS_ENET;
	}
}

static void httpc_result_fill(
    struct vs_httpc_req *r, CURLcode rc, struct vs_httpc_result *result)
{
	struct curl_header *h;
	char *type = NULL;

	if (rc != CURLE_OK || vs_buf_error(&r->answer) != VS_OK) {
		int code = httpc_code(r, rc);

		vs_err_set(&result->err, code, "%s",
		    code == VS_ELIMIT       ? "answer too large"
			: r->why[0] != '\0' ? r->why
					    : curl_easy_strerror(rc));
		return;
	}
	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &result->status);
	curl_easy_getinfo(r->easy, CURLINFO_CONTENT_TYPE, &type);
	if (type != NULL)
		result->type = type;
	if (curl_easy_header(r->easy, "Retry-After", 0, CURLH_HEADER, -1, &h) ==
	    CURLHE_OK)
		result->retry_after = h->value;
	result->body = vs_buf_str(&r->answer);
	result->len = r->answer.len;
}

/* Tells whoever asked; the request is gone afterwards. */
static void httpc_finish(struct vs_httpc_req *r, CURLcode rc)
{
	struct vs_httpc_result result = { .type = "", .body = "" };

	httpc_unlink(r->client, r);
	r->running = false;
	if (r->cancelled)
		vs_err_set(&result.err, VS_ECANCELED, "cancelled");
	else
		httpc_result_fill(r, rc, &result);
	r->cancelled = true;
	r->done(r->arg, &result);
	httpc_req_free(r);
}

static void httpc_collect(void *arg)
{
	struct vs_httpc *c = arg;
	CURLM *multi = vs_multi_handle(c->multi);
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(multi, &left)) != NULL) {
		struct vs_httpc_req *r = NULL;
		CURLcode rc = msg->data.result;

		assert(msg->msg == CURLMSG_DONE);
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &r);
		curl_multi_remove_handle(multi, r->easy);
		httpc_finish(r, rc);
	}
}

static void httpc_all_closed(void *arg)
{
	struct vs_httpc *c = arg;
	void (*closed)(void *arg) = c->closed;
	void *closed_arg = c->closed_arg;

	while (c->pooled > 0)
		curl_easy_cleanup(c->pool[--c->pooled]);
	free(c);
	if (closed != NULL)
		closed(closed_arg);
}

static void httpc_on_idle_closed(uv_handle_t *h)
{
	struct vs_httpc *c = h->data;

	vs_multi_close(c->multi, httpc_all_closed, c);
}

/* Those that were cancelled are told, on a turn of their own. */
static void httpc_on_idle(uv_idle_t *idle)
{
	struct vs_httpc *c = idle->data;
	struct vs_httpc_req *r = c->reqs;

	uv_idle_stop(idle);
	while (r != NULL) {
		if (r->running) {
			r = r->next;
			continue;
		}
		httpc_finish(r, CURLE_OK);
		/* done may have sent or cancelled others: from the start. */
		r = c->reqs;
	}
	if (!c->closing)
		return;
	assert(c->reqs == NULL);
	uv_close((uv_handle_t *)&c->idle, httpc_on_idle_closed);
}

int vs_httpc_new(struct vs_httpc **out, uv_loop_t *loop, struct vs_err *err)
{
	struct vs_httpc *c;
	int rc;

	assert(out != NULL && loop != NULL);
	*out = NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return vs_err_set(err, VS_ENOMEM, "start libcurl");
	rc = vs_multi_new(&c->multi, loop, httpc_collect, c, err);
	if (rc < 0) {
		free(c);
		return rc;
	}
	uv_idle_init(loop, &c->idle);
	c->idle.data = c;
	*out = c;
	return VS_OK;
}

void vs_httpc_close(struct vs_httpc *c, void (*closed)(void *arg), void *arg)
{
	struct vs_httpc_req *r;

	assert(!c->closing);
	c->closing = true;
	c->closed = closed;
	c->closed_arg = arg;
	for (r = c->reqs; r != NULL; r = r->next)
		vs_httpc_cancel(r);
	uv_idle_start(&c->idle, httpc_on_idle);
}

/* Past the ceiling it says 0, at which libcurl gives the transfer up. */
static size_t httpc_on_data(char *data, size_t size, size_t n, void *arg)
{
	struct vs_httpc_req *r = arg;

	vs_buf_add(&r->answer, data, size * n);
	return vs_buf_error(&r->answer) == VS_OK ? size * n : 0;
}

static int httpc_add_header(struct vs_httpc_req *r, const char *line)
{
	struct curl_slist *list = curl_slist_append(r->headers, line);

	if (list == NULL)
		return VS_ENOMEM;
	r->headers = list;
	return VS_OK;
}

static int httpc_add_bearer(struct vs_httpc_req *r, const char *token)
{
	struct vs_buf line;
	int rc;

	/* A line break in it would begin another header. */
	if (strpbrk(token, "\r\n") != NULL)
		return VS_EINVAL;
	vs_buf_init(&line, VS_HTTP_LINE);
	vs_buf_addf(&line, "Authorization: Bearer %s", token);
	rc = vs_buf_error(&line);
	if (rc == VS_OK)
		rc = httpc_add_header(r, line.data);
	/* The allocator's memory is no place for a secret. */
	if (line.data != NULL)
		explicit_bzero(line.data, line.len);
	vs_buf_release(&line);
	return rc;
}

static int httpc_set_headers(
    struct vs_httpc_req *r, const struct vs_httpc_options *o)
{
	int rc = httpc_add_header(r, "Accept: application/json, */*");

	/* No waiting for a 100 before the body. */
	if (rc == VS_OK)
		rc = httpc_add_header(r, "Expect:");
	if (rc == VS_OK && o->body != NULL)
		rc = httpc_add_header(r, "Content-Type: application/json");
	if (rc == VS_OK && o->bearer != NULL)
		rc = httpc_add_bearer(r, o->bearer);
	curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
	return rc;
}

static int httpc_set_body(
    struct vs_httpc_req *r, const struct vs_httpc_options *o)
{
	bool post = strcmp(o->method, "POST") == 0;

	if (strcmp(o->method, "HEAD") == 0)
		curl_easy_setopt(r->easy, CURLOPT_NOBODY, 1L);
	else if (strcmp(o->method, "GET") == 0 && o->body == NULL)
		curl_easy_setopt(r->easy, CURLOPT_HTTPGET, 1L);
	else if (!post)
		curl_easy_setopt(r->easy, CURLOPT_CUSTOMREQUEST, o->method);
	if (o->body == NULL && !post)
		return VS_OK;
	r->body = malloc(o->len + 1);
	if (r->body == NULL)
		return VS_ENOMEM;
	if (o->len > 0)
		memcpy(r->body, o->body, o->len);
	curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, r->body);
	curl_easy_setopt(
	    r->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->len);
	return VS_OK;
}

/* What every request has. */
static void httpc_set_common(struct vs_httpc_req *r)
{
	CURL *e = r->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, r);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->why);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, httpc_on_data);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)VS_CONNECT_MS);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, HTTPC_KEEPALIVE_S);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPINTVL, HTTPC_KEEPALIVE_S);
	curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(e, CURLOPT_USERAGENT, HTTPC_AGENT);
}

/*
 * An address has room for 107 bytes: a longer path is reached through its
 * folder.  Such a connection is not kept, for its name is good only while
 * the folder is open.
 */
static int httpc_set_unix(struct vs_httpc_req *r, const char *path)
{
	const struct sockaddr_un *sa = NULL;
	char through[sizeof(sa->sun_path)];
	char *parent = NULL;

	curl_easy_setopt(r->easy, CURLOPT_NOPROXY, "*");
	if (strlen(path) >= sizeof(sa->sun_path)) {
		parent = strndup(path, vs_path_parent_len(path));
		if (parent == NULL)
			return VS_ENOMEM;
		r->dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
		free(parent);
		if (r->dir < 0)
			return vs_err_of_errno(errno);
		snprintf(through, sizeof(through), "/proc/self/fd/%d/%s",
		    r->dir, vs_path_name(path));
		path = through;
		curl_easy_setopt(r->easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(r->easy, CURLOPT_FORBID_REUSE, 1L);
	}
	curl_easy_setopt(r->easy, CURLOPT_UNIX_SOCKET_PATH, path);
	return VS_OK;
}

static int httpc_setup(struct vs_httpc_req *r, const struct vs_httpc_options *o)
{
	CURL *e = r->easy;
	int rc;

	httpc_set_common(r);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms);
	curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)o->max_body);
	if (o->unix_socket != NULL) {
		rc = httpc_set_unix(r, o->unix_socket);
		if (rc < 0)
			return rc;
	}
	if (curl_easy_setopt(e, CURLOPT_URL, o->url) != CURLE_OK)
		return VS_ENOMEM;
	rc = httpc_set_headers(r, o);
	return rc < 0 ? rc : httpc_set_body(r, o);
}

/* Refuses what libcurl would only refuse later. */
static int httpc_check_url(const char *url, struct vs_err *err)
{
	CURLU *u = curl_url();
	CURLUcode rc;
	char *scheme = NULL;
	int code = VS_OK;

	if (u == NULL)
		return vs_err_set(err, VS_ENOMEM, "parse a URL");
	rc = curl_url_set(u, CURLUPART_URL, url, 0);
	if (rc == CURLUE_OK)
		rc = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0);
	if (rc != CURLUE_OK)
		code = vs_err_set(
		    err, VS_EINVAL, "URL: %s", curl_url_strerror(rc));
	else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		code = vs_err_set(
		    err, VS_EINVAL, "URL: must begin with http:// or https://");
	curl_free(scheme);
	curl_url_cleanup(u);
	return code;
}

static int httpc_req_new(struct vs_httpc_req **out, struct vs_httpc *c,
    const struct vs_httpc_options *o)
{
	struct vs_httpc_req *r = calloc(1, sizeof(*r));
	int rc = VS_ENOMEM;

	if (r == NULL)
		return VS_ENOMEM;
	r->client = c;
	r->dir = -1;
	r->done = o->done;
	r->arg = o->arg;
	vs_buf_init(&r->answer, o->max_body);
	r->easy = c->pooled > 0 ? c->pool[--c->pooled] : curl_easy_init();
	if (r->easy != NULL)
		rc = httpc_setup(r, o);
	if (rc == VS_OK &&
	    curl_multi_add_handle(vs_multi_handle(c->multi), r->easy) !=
		CURLM_OK)
		rc = VS_ENOMEM;
	if (rc < 0)
		httpc_req_free(r);
	else
		*out = r;
	return rc;
}

int vs_httpc_send(struct vs_httpc *c, const struct vs_httpc_options *o,
    struct vs_httpc_req **out, struct vs_err *err)
{
	struct vs_httpc_req *r;
	int rc;

	assert(o->method != NULL && o->url != NULL && o->done != NULL);
	assert(o->timeout_ms >= 0 && o->max_body > 0);
	if (c->closing)
		return vs_err_set(err, VS_ECANCELED, "closing");
	rc = httpc_check_url(o->url, err);
	if (rc < 0)
		return rc;
	rc = httpc_req_new(&r, c, o);
	if (rc < 0)
		return vs_err_set(
		    err, rc, "prepare a request: %s", vs_err_text(rc));
	r->running = true;
	httpc_link(c, r);
	if (out != NULL)
		*out = r;
	return VS_OK;
}

void vs_httpc_cancel(struct vs_httpc_req *req)
{
	struct vs_httpc *c = req->client;

	if (req->cancelled)
		return;
	req->cancelled = true;
	req->running = false;
	curl_multi_remove_handle(vs_multi_handle(c->multi), req->easy);
	uv_idle_start(&c->idle, httpc_on_idle);
}
