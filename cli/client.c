/*
 * One exchange at a time on libcurl's multi interface, because only that can
 * be polled together with the descriptor of the signals.
 *
 * Every call connects once before, and closes: libcurl says of a Unix socket
 * only that it could not connect, and people have to be told whether there
 * is no socket, nobody behind it, or somebody else.  The agent sees a client
 * that comes and says nothing, which it has to bear anyway.
 *
 * An answer counts only when it is JSON, an object, of our schema, with an
 * "ok" that agrees with the status; anything else is trouble, whatever the
 * status says.  A stream's lines go to the sink as they come; a stream that
 * is refused ends as such an answer.
 */
#include "cli/client.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/os/dirs.h"
#include "common/os/sock.h"

enum {
	TICK_MS = 100,
	BODY_MAX = 64 * 1024 * 1024, /* of an answer */
	LINE_MAX_LEN = 1024 * 1024, /* of one line of a stream */
};

struct client {
	char socket[PATH_MAX + 16];
	struct interrupt *intr;
	CURLM *multi;
	bool (*tick)(void *arg);
	void *tick_arg;
};

/* One exchange under way. */
struct exchange {
	CURL *easy;
	struct vs_buf url;
	struct vs_buf sent; /* body of a POST */
	struct vs_buf got; /* answer, or what is there of a line */
	struct curl_slist *headers;
	const struct client_sink *sink; /* NULL: the whole answer at once */
	bool stopped; /* the sink wants no more */
};

int client_new(struct client **out, struct interrupt *intr, struct trouble *f)
{
	struct vs_err err = VS_ERR_INIT;
	struct vs_dirs *dirs = malloc(sizeof(*dirs));
	struct client *c = calloc(1, sizeof(*c));
	int rc = VS_ENOMEM;

	assert(intr->fd >= 0);
	if (c == NULL || dirs == NULL ||
	    curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		trouble_set(f, rc, "out of memory");
		goto out;
	}
	c->multi = curl_multi_init();
	if (c->multi == NULL) {
		trouble_set(f, rc, "out of memory");
		goto out;
	}
	rc = vs_dirs_find(dirs, &err);
	if (rc != 0) {
		trouble_of_err(f, &err);
		goto out;
	}
	snprintf(c->socket, sizeof(c->socket), "%s/%s", dirs->runtime,
	    VS_CONTROL_SOCKET);
	c->intr = intr;
	*out = c;
	c = NULL;
out:
	client_free(c);
	free(dirs);
	return rc;
}

void client_free(struct client *c)
{
	if (c == NULL)
		return;
	curl_multi_cleanup(c->multi);
	curl_global_cleanup();
	free(c);
}

const char *client_socket(const struct client *c)
{
	return c->socket;
}

void client_on_tick(struct client *c, bool (*tick)(void *arg), void *arg)
{
	c->tick = tick;
	c->tick_arg = arg;
}

static int unreachable(
    const struct client *c, const char *why, struct trouble *f)
{
	trouble_set(
	    f, VS_ENOAGENT, "cannot reach the agent: %s at %s", why, c->socket);
	f->exit = VS_EXIT_NO_AGENT;
	trouble_hint(f,
	    "start it with `vsync watch` or "
	    "`systemctl --user start vsync-agent`");
	return VS_ENOAGENT;
}

int client_probe(const struct client *c, struct trouble *f)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	size_t len = strlen(c->socket);
	bool ours = false;
	int fd, e = 0;

	if (len >= sizeof(at.sun_path)) {
		trouble_set(f, VS_ECONFIG,
		    "the agent's socket has too long a name (%zu bytes, at "
		    "most %zu): %s",
		    len, sizeof(at.sun_path) - 1, c->socket);
		trouble_hint(f, "set XDG_RUNTIME_DIR to a shorter path");
		return VS_ECONFIG;
	}
	memcpy(at.sun_path, c->socket, len + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		e = errno;
	else
		ours = vs_sock_peer_is_us(fd);
	if (fd >= 0)
		close(fd);
	if (e == ENOENT)
		return unreachable(c, "no socket", f);
	if (e == ECONNREFUSED)
		return unreachable(c, "nobody listens", f);
	if (e != 0)
		return unreachable(c, strerror(e), f);
	if (!ours)
		return unreachable(c, "another user listens", f);
	return VS_OK;
}

/* Hands whole lines over and keeps what is left. */
static void feed_lines(struct exchange *x)
{
	size_t at = 0;

	while (!x->stopped && at < x->got.len) {
		char *nl = memchr(x->got.data + at, '\n', x->got.len - at);
		if (nl == NULL)
			break;
		*nl = '\0';
		x->stopped = !x->sink->line(x->sink->arg, x->got.data + at,
		    (size_t)(nl - x->got.data) - at);
		at = (size_t)(nl - x->got.data) + 1;
	}
	if (at > 0) {
		size_t left = x->got.len - at;
		memmove(x->got.data, x->got.data + at, left);
		x->got.len = left;
		x->got.data[left] = '\0';
	}
}

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
	struct exchange *x = arg;
	long status = 0;

	vs_buf_add(&x->got, data, one * n);
	if (vs_buf_error(&x->got) != 0)
		return 0;
	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	if (x->sink != NULL && status == 200)
		feed_lines(x);
	return x->stopped ? 0 : one * n;
}

/* Appends params as a query. */
static int add_query(struct exchange *x, json_t *params)
{
	const char *key;
	json_t *v;
	char sign = '?';

	json_object_foreach(params, key, v)
	{
		char *text = NULL;
		if (json_is_string(v))
			text = curl_easy_escape(x->easy, json_string_value(v),
			    (int)json_string_length(v));
		/* libcurl takes the length 0 for "measure it": also right. */
		vs_buf_addch(&x->url, sign);
		vs_buf_addf(&x->url, "%s=", key);
		if (json_is_integer(v))
			vs_buf_addf(&x->url, "%" JSON_INTEGER_FORMAT,
			    json_integer_value(v));
		else if (json_is_boolean(v))
			vs_buf_addch(&x->url, json_is_true(v) ? '1' : '0');
		else if (text != NULL)
			vs_buf_addstr(&x->url, text);
		else
			x->url.error = VS_ENOMEM;
		curl_free(text);
		sign = '&';
	}
	return vs_buf_error(&x->url);
}

static void setup(
    struct client *c, struct exchange *x, const struct client_request *r)
{
	CURL *e = x->easy;

	curl_easy_setopt(e, CURLOPT_URL, vs_buf_str(&x->url));
	curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	/* The environment's proxies are not for this socket. */
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->headers);
	if (r->timeout_ms >= 0)
		curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	if (strcmp(r->method, "POST") == 0) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, vs_buf_str(&x->sent));
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)x->sent.len);
	}
}

static int exchange_init(struct client *c, struct exchange *x,
    const struct client_request *r, struct trouble *f)
{
	bool post = strcmp(r->method, "POST") == 0;
	int rc = VS_OK;

	assert(post || strcmp(r->method, "GET") == 0);
	vs_buf_init(&x->url, VS_HTTP_LINE + 3 * VS_PATH_MAX);
	vs_buf_init(&x->sent, VS_CONTROL_BODY);
	vs_buf_init(&x->got, x->sink != NULL ? LINE_MAX_LEN : BODY_MAX);
	x->easy = curl_easy_init();
	/* An empty Expect keeps libcurl from waiting for a 100. */
	x->headers = curl_slist_append(NULL, "Expect:");
	if (x->easy == NULL || x->headers == NULL)
		return trouble_set(f, VS_ENOMEM, "out of memory");
	vs_buf_addf(&x->url, "http://localhost%s", r->path);
	if (post) {
		if (curl_slist_append(
			x->headers, "Content-Type: application/json") == NULL)
			rc = VS_ENOMEM;
		if (r->params != NULL)
			vs_json_dump(&x->sent, r->params);
		else
			vs_buf_addstr(&x->sent, "{}");
	} else if (r->params != NULL) {
		rc = add_query(x, r->params);
	}
	if (rc == VS_OK)
		rc = vs_buf_error(&x->sent);
	if (rc != VS_OK)
		return trouble_set(
		    f, rc, "request to the agent: %s", vs_err_text(rc));
	setup(c, x, r);
	return VS_OK;
}

static void exchange_release(struct exchange *x)
{
	curl_easy_cleanup(x->easy);
	curl_slist_free_all(x->headers);
	vs_buf_release(&x->url);
	if (x->sent.data != NULL) /* it may hold a token */
		explicit_bzero(x->sent.data, x->sent.len);
	vs_buf_release(&x->sent);
	vs_buf_release(&x->got);
}

/* The one result that the multi handle has, or CURLE_OK if none yet. */
static CURLcode result_of(struct client *c)
{
	int left;
	CURLMsg *m = curl_multi_info_read(c->multi, &left);

	return m != NULL && m->msg == CURLMSG_DONE ? m->data.result : CURLE_OK;
}

static int cancelled(struct client *c, struct trouble *f)
{
	if (interrupt_came(c->intr))
		return trouble_set(f, VS_ECANCELED, "interrupted");
	if (c->tick != NULL && !c->tick(c->tick_arg))
		return trouble_set(f, VS_ECANCELED, "cancelled");
	return VS_OK;
}

static int lost(const struct client *c, CURLcode code, struct trouble *f)
{
	assert(code != CURLE_OK);
	if (code == CURLE_OPERATION_TIMEDOUT) {
		trouble_set(
		    f, VS_ETIMEDOUT, "the agent did not answer in time");
		f->exit = VS_EXIT_TEMPFAIL;
		trouble_hint(f, "try again, or see `vsync status`");
		return VS_ETIMEDOUT;
	}
	trouble_set(f, VS_ENOAGENT, "the agent went away: %s",
	    curl_easy_strerror(code));
	f->exit = VS_EXIT_NO_AGENT;
	trouble_hint(f, "is it still running at %s?", c->socket);
	return VS_ENOAGENT;
}

/* Runs x to its end; VS_OK: an answer came, or the sink had enough. */
static int drive(struct client *c, struct exchange *x, struct trouble *f)
{
	struct curl_waitfd extra = { .fd = c->intr->fd,
		.events = CURL_WAIT_POLLIN };
	CURLcode code = CURLE_OK;
	int running = 1, rc = VS_OK;

	if (curl_multi_add_handle(c->multi, x->easy) != CURLM_OK)
		return trouble_set(f, VS_ENOMEM, "out of memory");
	while (rc == VS_OK) {
		if (curl_multi_perform(c->multi, &running) != CURLM_OK)
			running = 0;
		if (running == 0)
			break;
		curl_multi_poll(c->multi, &extra, 1, TICK_MS, NULL);
		rc = cancelled(c, f);
	}
	if (rc == VS_OK) {
		code = result_of(c);
		if (vs_buf_error(&x->got) != 0)
			rc = trouble_set(
			    f, VS_EPROTO, "the agent's answer is too long");
		else if (code != CURLE_OK && !x->stopped)
			rc = lost(c, code, f);
	}
	curl_multi_remove_handle(c->multi, x->easy);
	return rc;
}

/* Reads the answer in x: an object of our schema, ok as status says. */
static int judge(const struct exchange *x, json_t **out, struct trouble *f)
{
	struct vs_err err = VS_ERR_INIT;
	int64_t schema = 0;
	bool ok = false;
	long status = 0;
	json_t *doc;
	int rc = VS_OK;

	assert(*out == NULL);
	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	doc = vs_json_parse(vs_buf_str(&x->got), x->got.len, &err);
	if (doc == NULL || !json_is_object(doc) ||
	    vs_json_get_i64(doc, "schema", true, &schema, &err) != 0 ||
	    vs_json_get_bool(doc, "ok", true, &ok, &err) != 0) {
		rc = trouble_set(f, VS_EPROTO,
		    "the agent's answer makes no sense (status %ld)%s%s",
		    status, err.msg[0] != '\0' ? ": " : "", err.msg);
		trouble_hint(f, "restart the agent");
	} else if (schema != VS_CONTROL_SCHEMA) {
		rc = trouble_set(f, VS_EPROTO,
		    "the agent speaks protocol %" PRId64 ", this vsync %d",
		    schema, VS_CONTROL_SCHEMA);
		trouble_hint(f,
		    "restart the agent, so that both are of the "
		    "same version");
	} else if (!ok || status != 200) {
		rc = trouble_of_reply(f, doc, status);
	}
	if (rc == VS_OK)
		*out = doc;
	else
		json_decref(doc);
	return rc;
}

int client_call(struct client *c, const struct client_request *r, json_t **doc,
    struct trouble *f)
{
	struct exchange x = { .sink = NULL };
	int rc;

	assert(r->path[0] == '/' && doc != NULL);
	*doc = NULL;
	rc = client_probe(c, f);
	if (rc != VS_OK)
		return rc;
	rc = exchange_init(c, &x, r, f);
	if (rc == VS_OK)
		rc = drive(c, &x, f);
	if (rc == VS_OK)
		rc = judge(&x, doc, f);
	exchange_release(&x);
	return rc;
}

int client_stream(struct client *c, const struct client_request *r,
    const struct client_sink *sink, struct trouble *f)
{
	struct exchange x = { .sink = sink };
	json_t *doc = NULL;
	long status = 0;
	int rc;

	assert(sink->line != NULL && c->intr != NULL);
	rc = client_probe(c, f);
	if (rc != VS_OK)
		return rc;
	rc = exchange_init(c, &x, r, f);
	if (rc == VS_OK)
		rc = drive(c, &x, f);
	if (rc == VS_OK) {
		curl_easy_getinfo(x.easy, CURLINFO_RESPONSE_CODE, &status);
		if (status != 200)
			rc = judge(&x, &doc, f);
		json_decref(doc);
	}
	exchange_release(&x);
	return rc;
}
