/*
 * The strings are copied because libmicrohttpd may free its own while a lane
 * is at work: a client that leaves takes its request with it.
 */
#include "cloud/job.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/net/ws.h"

#define BEARER "Bearer "
#define BEARER_LEN 7

static bool unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	    c == '~';
}

/* The known parameters in the raw form that api.h asks for. */
static char *copy_query(const struct vs_httpd_req *req)
{
	const char *const *key;
	const char *value;
	struct vs_buf b;

	vs_buf_init(&b, 4 * (size_t)VS_HTTP_HEADERS);
	for (key = api_parameters; *key != NULL; key++) {
		value = vs_httpd_query(req, *key);
		if (value == NULL)
			continue;
		vs_buf_addf(&b, "%s%s=", b.len > 0 ? "&" : "", *key);
		for (; *value != '\0'; value++) {
			if (unreserved(*value))
				vs_buf_addch(&b, *value);
			else
				vs_buf_addf(
				    &b, "%%%02X", (unsigned char)*value);
		}
	}
	vs_buf_addstr(&b, "");
	return vs_buf_take(&b, NULL);
}

/* NULL stays NULL; *good is false when memory ran out. */
static char *copy(const char *s, bool *good)
{
	char *out;

	if (s == NULL)
		return NULL;
	out = strdup(s);
	if (out == NULL)
		*good = false;
	return out;
}

static const char *bearer(const struct vs_httpd_req *req)
{
	const char *s = vs_httpd_header(req, "Authorization");

	if (s == NULL || strncasecmp(s, BEARER, BEARER_LEN) != 0)
		return NULL;
	s += BEARER_LEN;
	return s + strspn(s, " ");
}

static void *copy_body(const struct vs_httpd_req *req, size_t *len, bool *good)
{
	const char *body = vs_httpd_body(req, len);
	char *out = malloc(*len + 1);

	if (out == NULL) {
		*good = false;
		return NULL;
	}
	if (*len > 0)
		memcpy(out, body, *len);
	out[*len] = '\0';
	return out;
}

/* True if a header's list of words has this one. */
static bool has_word(
    const struct vs_httpd_req *req, const char *name, const char *word)
{
	const char *s = vs_httpd_header(req, name);
	size_t len;

	while (s != NULL && *s != '\0') {
		s += strspn(s, " \t,");
		len = strcspn(s, " \t,");
		if (len == strlen(word) && strncasecmp(s, word, len) == 0)
			return true;
		s += len;
	}
	return false;
}

/* Whether it opens a WebSocket (RFC 6455, 4.2.1); accept gets the reply. */
static bool is_upgrade(const struct vs_httpd_req *req, char accept[JOB_ACCEPT])
{
	const char *key = vs_httpd_header(req, "Sec-WebSocket-Key");
	const char *version = vs_httpd_header(req, "Sec-WebSocket-Version");

	return has_word(req, "Upgrade", "websocket") &&
	    has_word(req, "Connection", "upgrade") && version != NULL &&
	    strcmp(version, "13") == 0 && key != NULL &&
	    vs_ws_accept(key, accept) == VS_OK;
}

/* A browser cannot set a header on a WebSocket: only there the query does. */
static const char *find_token(
    const struct vs_httpd_req *req, const struct api_request *r)
{
	const char *token = bearer(req);

	if (token == NULL && r->path != NULL && api_upgrades(r))
		token = vs_httpd_query(req, "token");
	return token;
}

struct job *job_feed(struct feed *feed)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	api_answer_init(&job->answer);
	job->feed = feed;
	return job;
}

struct job *job_new(struct vs_httpd_req *req)
{
	struct job *job = calloc(1, sizeof(*job));
	struct api_request *r;
	bool good = true;

	if (job == NULL)
		return NULL;
	r = &job->request;
	api_answer_init(&job->answer);
	r->method = copy(vs_httpd_method(req), &good);
	r->path = copy(vs_httpd_path(req), &good);
	r->query = copy_query(req);
	r->upgrade = is_upgrade(req, job->accept);
	r->token = copy(find_token(req, r), &good);
	r->accept = copy(vs_httpd_header(req, "Accept"), &good);
	r->if_none_match = copy(vs_httpd_header(req, "If-None-Match"), &good);
	r->body = copy_body(req, &r->len, &good);
	if (!good || r->query == NULL) {
		job_free(job);
		return NULL;
	}
	job->req = req;
	job->writes = api_writes(r);
	job->slow = api_slow(r);
	job->bytes = sizeof(*job) + r->len;
	return job;
}

void job_free(struct job *job)
{
	struct api_request *r;

	if (job == NULL)
		return;
	r = &job->request;
	if (r->token != NULL)
		explicit_bzero((char *)r->token, strlen(r->token));
	free((char *)r->method);
	free((char *)r->path);
	free((char *)r->query);
	free((char *)r->token);
	free((char *)r->accept);
	free((char *)r->if_none_match);
	free((char *)r->body);
	api_answer_release(&job->answer);
	free(job);
}

void job_again(struct job *job)
{
	api_answer_release(&job->answer);
	api_answer_init(&job->answer);
}

void job_append(struct job_list *list, struct job *job)
{
	assert((list->first == NULL) == (list->count == 0));
	job->next = NULL;
	if (list->last != NULL)
		list->last->next = job;
	else
		list->first = job;
	list->last = job;
	list->count++;
}

struct job *job_take(struct job_list *list)
{
	struct job *job = list->first;

	if (job == NULL)
		return NULL;
	list->first = job->next;
	if (list->first == NULL)
		list->last = NULL;
	job->next = NULL;
	assert(list->count > 0);
	list->count--;
	return job;
}
