/*
 * A body is taken piece by piece and inflated on its way, so that neither
 * its length on the wire nor what it inflates to is ever larger in memory
 * than allowed.
 *
 * The body of a refused request is received and forgotten as far as that is
 * cheap: a client that is cut off while it sends would not read our answer.
 */
#include "common/net/httpd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/net/httpd_priv.h"

#define BODY_CHUNK 16384 /* bytes inflated at a time */
#define BODY_DRAIN (1024 * 1024) /* bytes forgotten at least */
#define BODY_GZIP_BITS (15 + 16) /* zlib.h: gzip only */

static void body_fail(
    struct vs_httpd_req *r, int status, const char *code, const char *text)
{
	vs_httpd_req_fail(r, status, code, text);
	vs_buf_release(&r->body);
}

static void body_too_large(struct vs_httpd_req *r)
{
	body_fail(r, MHD_HTTP_CONTENT_TOO_LARGE, "too_large",
	    "the request body is too large");
}

static void body_bad_gzip(struct vs_httpd_req *r)
{
	body_fail(r, MHD_HTTP_BAD_REQUEST, "bad_gzip",
	    "the request body is not valid gzip");
}

/* Bytes on the wire up to which a refused body is read. */
static size_t body_patience(const struct vs_httpd_req *r)
{
	return 2 * r->server->o.max_body + BODY_DRAIN;
}

/* The announced length; 0 when there is none or it is unknown. */
static unsigned long long body_length(const struct vs_httpd_req *r)
{
	const char *s = vs_httpd_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return s != NULL ? strtoull(s, NULL, 10) : 0;
}

void vs_httpd_body_start(struct vs_httpd_req *r)
{
	const char *coding =
	    vs_httpd_header(r, MHD_HTTP_HEADER_CONTENT_ENCODING);
	const struct vs_httpd_options *o = &r->server->o;

	assert(r->state == HTTPD_HEAD);
	vs_buf_init(&r->body, o->max_body);
	if (body_length(r) > o->max_body)
		body_too_large(r);
	if (coding == NULL || strcasecmp(coding, "identity") == 0)
		return;
	if (strcasecmp(coding, "gzip") != 0 &&
	    strcasecmp(coding, "x-gzip") != 0) {
		body_fail(r, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "bad_encoding",
		    "the only Content-Encoding understood is gzip");
		return;
	}
	vs_buf_init(&r->body, o->max_inflated);
	if (inflateInit2(&r->z, BODY_GZIP_BITS) == Z_OK)
		r->gzip = true;
	else
		body_fail(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "no_memory",
		    "out of memory");
}

bool vs_httpd_body_hopeless(const struct vs_httpd_req *r)
{
	if (r->fail_status == 0)
		return false;
	/* One who waits for a 100 has not sent anything yet. */
	return body_length(r) > body_patience(r) ||
	    vs_httpd_header(r, MHD_HTTP_HEADER_EXPECT) != NULL;
}

static void body_append(struct vs_httpd_req *r, const void *data, size_t len)
{
	vs_buf_add(&r->body, data, len);
	if (vs_buf_error(&r->body) == VS_ELIMIT)
		body_too_large(r);
	else if (vs_buf_error(&r->body) != VS_OK)
		body_fail(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "no_memory",
		    "out of memory");
}

/* One call of inflate; false when it cannot go on. */
static bool body_inflate_step(struct vs_httpd_req *r)
{
	uint8_t chunk[BODY_CHUNK];
	int rc;

	/* A gzip file may have several members. */
	if (r->gzip_end && inflateReset(&r->z) != Z_OK) {
		body_bad_gzip(r);
		return false;
	}
	r->z.next_out = chunk;
	r->z.avail_out = sizeof(chunk);
	rc = inflate(&r->z, Z_NO_FLUSH);
	r->gzip_end = rc == Z_STREAM_END;
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
		body_bad_gzip(r);
		return false;
	}
	body_append(r, chunk, sizeof(chunk) - r->z.avail_out);
	return r->fail_status == 0 &&
	    (r->z.avail_in > 0 || r->z.avail_out == 0);
}

bool vs_httpd_body_add(struct vs_httpd_req *r, const void *data, size_t len)
{
	assert(r->state == HTTPD_BODY);
	r->wire += len;
	if (r->wire > body_patience(r))
		return false;
	if (r->wire > r->server->o.max_body)
		body_too_large(r);
	if (r->fail_status != 0)
		return true;
	if (!r->gzip) {
		body_append(r, data, len);
		return true;
	}
	/* zlib does not write to what it reads. */
	r->z.next_in = (Bytef *)(uintptr_t)data;
	r->z.avail_in = (uInt)len;
	while (body_inflate_step(r))
		;
	return true;
}

void vs_httpd_body_end(struct vs_httpd_req *r)
{
	if (r->fail_status == 0 && r->gzip && !r->gzip_end && r->wire > 0)
		body_bad_gzip(r);
}
