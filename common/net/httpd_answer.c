#include "common/net/httpd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/net/httpd_priv.h"

#define ANSWER_GZIP_MIN 1024 /* bytes below which gzip gains nothing */
#define ANSWER_GZIP_MAX (1024 * 1024) /* above, it would hold the loop up */
#define ANSWER_GZIP_BITS (15 + 16) /* zlib.h: gzip wrapper */
#define ANSWER_GZIP_MEM 8
#define ANSWER_REFUSAL 2048 /* bytes of an error's document */

/* True if the element "gzip;q=0.5" allows gzip. */
static bool answer_element_allows(const char *element, size_t len)
{
	const char *q;
	size_t name;

	while (len > 0 && (*element == ' ' || *element == '\t')) {
		element++;
		len--;
	}
	for (name = 0; name < len && strchr("; \t", element[name]) == NULL;)
		name++;
	if (!(name == 4 && strncasecmp(element, "gzip", 4) == 0) &&
	    !(name == 1 && element[0] == '*'))
		return false;
	q = memmem(element, len, "q=", 2);
	if (q == NULL)
		return true;
	for (q += 2; q < element + len; q++) {
		if (*q >= '1' && *q <= '9')
			return true;
	}
	return false;
}

static bool answer_gzip_accepted(const struct vs_httpd_req *r)
{
	const char *s = vs_httpd_header(r, MHD_HTTP_HEADER_ACCEPT_ENCODING);

	while (s != NULL && *s != '\0') {
		size_t len = strcspn(s, ",");

		if (answer_element_allows(s, len))
			return true;
		s += len;
		s += *s == ',' ? 1 : 0;
	}
	return false;
}

static bool answer_has_header(const struct vs_httpd_answer *a, const char *name)
{
	size_t len = strlen(name);

	for (const char *const *h = a->headers; h != NULL && *h != NULL; h++) {
		if (strncasecmp(*h, name, len) == 0 && (*h)[len] == ':')
			return true;
	}
	return false;
}

static bool answer_is_text(const char *type)
{
	return type != NULL &&
	    (strncmp(type, "text/", 5) == 0 || strstr(type, "json") != NULL ||
		strstr(type, "openmetrics") != NULL);
}

static bool answer_worth_gzip(
    const struct vs_httpd_req *r, const struct vs_httpd_answer *a)
{
	return a->len >= ANSWER_GZIP_MIN && a->len <= ANSWER_GZIP_MAX &&
	    answer_is_text(a->type) &&
	    !answer_has_header(a, MHD_HTTP_HEADER_CONTENT_ENCODING) &&
	    answer_gzip_accepted(r);
}

/* Replaces the body by its gzip form if that is smaller. */
static bool answer_gzip(struct vs_httpd_answer *a)
{
	z_stream z = { .next_in = a->body, .avail_in = (uInt)a->len };
	uint8_t *out = malloc(a->len);
	int rc;

	if (out == NULL)
		return false;
	rc = deflateInit2(&z, 1, Z_DEFLATED, ANSWER_GZIP_BITS, ANSWER_GZIP_MEM,
	    Z_DEFAULT_STRATEGY);
	if (rc == Z_OK) {
		z.next_out = out;
		z.avail_out = (uInt)a->len;
		rc = deflate(&z, Z_FINISH);
		deflateEnd(&z);
	}
	if (rc != Z_STREAM_END) {
		free(out);
		return false;
	}
	free(a->body);
	a->body = out;
	a->len = z.total_out;
	return true;
}

bool vs_httpd_add_header(struct MHD_Response *resp, const char *line)
{
	char name[64];
	size_t len = strcspn(line, ":");

	assert(len < sizeof(name) && line[len] == ':');
	memcpy(name, line, len);
	name[len] = '\0';
	line += len + 1;
	line += strspn(line, " ");
	return MHD_add_response_header(resp, name, line) == MHD_YES;
}

static bool answer_add_headers(
    struct MHD_Response *resp, const struct vs_httpd_answer *a, bool gzip)
{
	bool good = true;

	if (a->type != NULL)
		good = MHD_add_response_header(resp,
			   MHD_HTTP_HEADER_CONTENT_TYPE, a->type) == MHD_YES;
	if (gzip)
		good = good &&
		    vs_httpd_add_header(resp, "Content-Encoding: gzip") &&
		    vs_httpd_add_header(resp, "Vary: Accept-Encoding");
	for (const char *const *h = a->headers; h != NULL && *h != NULL; h++)
		good = good && vs_httpd_add_header(resp, *h);
	return good;
}

/* A body whose end somebody waits for. */
struct answer_body {
	void *data;
	void (*over)(void *arg);
	void *arg;
};

static void answer_body_free(void *cls)
{
	struct answer_body *b = cls;

	free(b->data);
	b->over(b->arg);
	free(b);
}

/* NULL: the body is still the caller's. */
static struct MHD_Response *answer_watched(const struct vs_httpd_answer *a)
{
	struct answer_body *b = malloc(sizeof(*b));
	struct MHD_Response *resp = NULL;

	if (b != NULL) {
		*b = (struct answer_body){ a->body, a->over, a->over_arg };
		resp = MHD_create_response_from_buffer_with_free_callback_cls(
		    a->len, a->body, answer_body_free, b);
	}
	if (resp == NULL)
		free(b);
	return resp;
}

/* The body is taken, whatever comes of it. */
static struct MHD_Response *answer_response(const struct vs_httpd_answer *a)
{
	struct MHD_Response *resp;
	bool taken = a->len > 0;

	if (a->len == 0)
		resp = MHD_create_response_from_buffer(
		    0, NULL, MHD_RESPMEM_PERSISTENT);
	else if (a->over != NULL)
		resp = answer_watched(a);
	else
		resp = MHD_create_response_from_buffer(
		    a->len, a->body, MHD_RESPMEM_MUST_FREE);
	if (resp != NULL && taken)
		return resp;
	free(a->body);
	if (a->over != NULL)
		a->over(a->over_arg);
	return resp;
}

/* Takes the body over; NULL out of memory. */
static struct MHD_Response *answer_build(
    const struct vs_httpd_req *r, const struct vs_httpd_answer *given)
{
	struct vs_httpd_answer a = *given;
	struct MHD_Response *resp;
	bool gzip = answer_worth_gzip(r, &a) && answer_gzip(&a);

	resp = answer_response(&a);
	if (resp == NULL)
		return NULL;
	if (answer_add_headers(resp, &a, gzip))
		return resp;
	MHD_destroy_response(resp);
	return NULL;
}

void vs_httpd_answer(struct vs_httpd_req *r, const struct vs_httpd_answer *a)
{
	assert(r->state == HTTPD_ASKED);
	assert(a->status >= 200 && a->status < 600);
	assert(a->body != NULL || a->len == 0);
	r->answered_ms = (int64_t)uv_now(r->server->loop);
	r->response = answer_build(r, a);
	r->status = (unsigned)a->status;
	r->state = r->response != NULL ? HTTPD_ANSWERED : HTTPD_DEAD;
	vs_httpd_wake(r);
}

void vs_httpd_refuse(
    struct vs_httpd_req *r, int status, const char *code, const char *message)
{
	struct vs_httpd_answer a = {
		.status = status,
		.type = "application/json",
	};
	struct vs_buf b;

	vs_buf_init(&b, ANSWER_REFUSAL);
	vs_buf_addstr(&b, "{\"error\":");
	vs_json_add_str(&b, message);
	vs_buf_addstr(&b, ",\"code\":");
	vs_json_add_str(&b, code);
	vs_buf_addch(&b, '}');
	a.body = vs_buf_take(&b, &a.len);
	vs_httpd_answer(r, &a);
}
