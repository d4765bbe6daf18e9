#include "agent/serve/admit.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "common/base/hex.h"
#include "common/base/path.h"

#define TRANSFERS "/v1/transfers/"
#define CHUNKS "/chunks/"
#define SCHEME "Ticket "
#define UUID 36 /* bytes of one */
#define DIGITS 18 /* of a number that fits 63 bits */

static const struct admit_verdict go = { .status = 200 };

static struct admit_verdict refuse(
    int status, const char *code, const char *text)
{
	return (struct admit_verdict){ status, code, text };
}

/* One and the same for whoever has no right, so that it tells nothing. */
static struct admit_verdict forbidden(void)
{
	return refuse(403, "not_allowed", "not allowed");
}

/* Decimal digits at *at, no more than are sane; -1 if there are none. */
static int64_t number(const char **at)
{
	size_t n = strspn(*at, "0123456789");
	int64_t v = 0;

	if (n == 0 || n > DIGITS)
		return -1;
	for (; n > 0; n--)
		v = v * 10 + (*(*at)++ - '0');
	return v;
}

/* The chunk's number in the path, and that the transfer is id; or -1. */
static int64_t path_chunk(const char *path, const char *id, bool *same)
{
	const char *at = path;
	int64_t n;

	assert(strlen(id) == UUID);
	if (strncmp(at, TRANSFERS, strlen(TRANSFERS)) != 0)
		return -1;
	at += strlen(TRANSFERS);
	if (strnlen(at, UUID) < UUID || memchr(at, '/', UUID) != NULL)
		return -1;
	*same = strncmp(at, id, UUID) == 0;
	at += UUID;
	if (strncmp(at, CHUNKS, strlen(CHUNKS)) != 0)
		return -1;
	at += strlen(CHUNKS);
	if (at[0] == '0' && at[1] != '\0')
		return -1;
	n = number(&at);
	return *at == '\0' ? n : -1;
}

static bool authorised(const struct admit_request *r, struct vs_ticket *t)
{
	const char *text = r->authorization;

	if (text == NULL || strncasecmp(text, SCHEME, strlen(SCHEME)) != 0)
		return false;
	text += strlen(SCHEME);
	return vs_ticket_read(t, text, r->ticket_key, r->wall_ms, NULL) ==
	    VS_OK &&
	    strcmp(t->source, r->device) == 0 && r->pin[0] != '\0' &&
	    strcmp(t->pin, r->pin) == 0;
}

struct admit_verdict admit_request(
    const struct admit_request *r, struct admit_chunk *out)
{
	const struct vs_ticket *t = &out->ticket;
	bool same = false;
	int64_t n;

	assert(r->pin != NULL && r->ticket_key != NULL);
	assert(r->device[0] != '\0');
	if (!authorised(r, &out->ticket))
		return forbidden();
	n = path_chunk(r->path, t->transfer, &same);
	if (n < 0)
		return refuse(404, "not_found", "there is nothing here");
	if (!same)
		return forbidden();
	if (strcmp(r->method, "GET") != 0)
		return refuse(405, "bad_method", "a chunk can be read only");
	if (n > (t->size - 1) / ADMIT_CHUNK || t->size == 0)
		return refuse(404, "not_found", "the file has no such chunk");
	out->off = n * ADMIT_CHUNK;
	out->len = t->size - out->off;
	if (out->len > ADMIT_CHUNK)
		out->len = ADMIT_CHUNK;
	assert(out->len > 0);
	return go;
}

static struct admit_verdict changed(void)
{
	return refuse(412, "changed",
	    "the file is not the one any more that the ticket is for");
}

static struct admit_verdict unavailable(void)
{
	return refuse(
	    503, "unavailable", "the file cannot be read at the moment");
}

struct admit_verdict admit_found(
    const struct vs_ticket *t, const struct wire_found *f)
{
	uint8_t hash[VS_SHA256_SIZE];

	if (f->code == VS_ENOENT)
		return refuse(404, "not_found", "no such file is published");
	if (f->code != VS_OK)
		return unavailable();
	if (vs_hex_decode(hash, sizeof(hash), t->hash) < 0)
		return forbidden();
	if (memcmp(hash, f->hash, sizeof(hash)) != 0 || t->size != f->size)
		return changed();
	return go;
}

struct admit_verdict admit_unread(int code)
{
	assert(code < 0);
	switch (code) {
	case VS_ECHANGED:
	case VS_ENOENT:
	case VS_ENOTDIR:
	case VS_ELOOP:
	case VS_EXDEV:
		/* known and published, and yet it does not stand there */
		return changed();
	default:
		return unavailable();
	}
}

/* "-n": the last n bytes. */
static int range_last(const char *at, int64_t len, struct admit_span *out)
{
	int64_t n = number(&at);

	if (n <= 0 || *at != '\0')
		return 416;
	out->len = n < len ? n : len;
	out->off = len - out->len;
	return 206;
}

int admit_range(const char *range, int64_t len, struct admit_span *out)
{
	const char *at = range;
	int64_t first;
	int64_t last;

	assert(len > 0);
	*out = (struct admit_span){ .off = 0, .len = len };
	if (range == NULL)
		return 200;
	if (strncasecmp(at, "bytes=", 6) != 0)
		return 416;
	at += 6;
	if (*at == '-')
		return range_last(at + 1, len, out);
	first = number(&at);
	if (first < 0 || first >= len || *at++ != '-')
		return 416;
	last = *at == '\0' ? len - 1 : number(&at);
	if (last < first || *at != '\0')
		return 416;
	if (last >= len)
		last = len - 1;
	*out = (struct admit_span){ .off = first, .len = last - first + 1 };
	return 206;
}
