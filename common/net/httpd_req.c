#include "common/net/httpd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/net/httpd_priv.h"

static int req_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * Decodes s in place, once.  Half an escape is refused, and so is NUL, which
 * would hide what follows it.
 */
static int req_decode(char *s, bool plus)
{
	char *out = s;

	for (; *s != '\0'; s++) {
		int high;
		int low;

		if (*s != '%') {
			*out++ = plus && *s == '+' ? ' ' : *s;
			continue;
		}
		high = req_hex(s[1]);
		low = high < 0 ? -1 : req_hex(s[2]);
		if (low < 0 || high + low == 0)
			return VS_EINVAL;
		*out++ = (char)(high * 16 + low);
		s += 2;
	}
	*out = '\0';
	return VS_OK;
}

/* Cuts "a=1&b" into decoded parameters. */
static int req_cut_query(struct vs_httpd_req *r)
{
	char *rest = r->query;
	char *piece;

	while ((piece = strsep(&rest, "&")) != NULL) {
		struct httpd_param *p = &r->params[r->param_count];
		char *value = strchr(piece, '=');

		if (piece[0] == '\0')
			continue;
		if (r->param_count == HTTPD_PARAMS)
			return VS_ELIMIT;
		if (value != NULL)
			*value++ = '\0';
		if (req_decode(piece, true) < 0 ||
		    (value != NULL && req_decode(value, true) < 0))
			return VS_EINVAL;
		p->key = piece;
		p->value = value != NULL ? value : "";
		r->param_count++;
	}
	return VS_OK;
}

/* Path and query of the target; false out of memory. */
static bool req_take_uri(struct vs_httpd_req *r, const char *uri)
{
	size_t len = strcspn(uri, "?");
	const char *query = uri[len] == '?' ? uri + len + 1 : "";

	r->path = strndup(uri, len);
	r->raw_query = strdup(query);
	r->query = strdup(query);
	if (r->path == NULL || r->raw_query == NULL || r->query == NULL)
		return false;
	if (strlen(uri) > VS_HTTP_LINE)
		vs_httpd_req_fail(
		    r, MHD_HTTP_URI_TOO_LONG, "bad_url", "the URL is too long");
	else if (uri[0] != '/' || req_decode(r->path, false) < 0)
		vs_httpd_req_fail(r, MHD_HTTP_BAD_REQUEST, "bad_url",
		    "the path of the URL is malformed");
	else if (req_cut_query(r) < 0)
		vs_httpd_req_fail(r, MHD_HTTP_BAD_REQUEST, "bad_url",
		    "the query of the URL is malformed");
	return true;
}

struct vs_httpd_req *vs_httpd_req_new(
    struct httpd_conn *c, struct MHD_Connection *mhd, const char *uri)
{
	struct vs_httpd_req *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->server = c->server;
	r->conn = c;
	r->mhd = mhd;
	r->state = HTTPD_HEAD;
	r->started_ms = (int64_t)uv_now(c->server->loop);
	vs_buf_init(&r->body, 0);
	if (!req_take_uri(r, uri)) {
		vs_httpd_req_free(r);
		return NULL;
	}
	return r;
}

void vs_httpd_req_free(struct vs_httpd_req *r)
{
	assert(!r->suspended && r->watch == NULL);
	if (r->gzip)
		inflateEnd(&r->z);
	if (r->response != NULL)
		MHD_destroy_response(r->response);
	vs_buf_release(&r->body);
	free(r->path);
	free(r->raw_query);
	free(r->query);
	free(r);
}

void vs_httpd_req_fail(
    struct vs_httpd_req *r, int status, const char *code, const char *text)
{
	if (r->fail_status != 0)
		return;
	r->fail_status = status;
	r->fail_code = code;
	r->fail_text = text;
}

const char *vs_httpd_method(const struct vs_httpd_req *r)
{
	return strcmp(r->method, "HEAD") == 0 ? "GET" : r->method;
}

const char *vs_httpd_path(const struct vs_httpd_req *r)
{
	return r->path;
}

const char *vs_httpd_query(const struct vs_httpd_req *r, const char *key)
{
	for (int i = 0; i < r->param_count; i++) {
		if (strcmp(r->params[i].key, key) == 0)
			return r->params[i].value;
	}
	return NULL;
}

const char *vs_httpd_raw_query(const struct vs_httpd_req *r)
{
	return r->raw_query;
}

const char *vs_httpd_header(const struct vs_httpd_req *r, const char *name)
{
	return MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, name);
}

const char *vs_httpd_body(const struct vs_httpd_req *r, size_t *len)
{
	if (len != NULL)
		*len = r->body.len;
	return vs_buf_str(&r->body);
}

void vs_httpd_set_data(struct vs_httpd_req *r, void *data)
{
	r->data = data;
}

void *vs_httpd_data(const struct vs_httpd_req *r)
{
	return r->data;
}
