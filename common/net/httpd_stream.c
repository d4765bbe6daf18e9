/*
 * What is written is queued; libmicrohttpd fetches it when the socket takes
 * more.  When nothing is queued the connection sleeps.
 */
#include "common/net/httpd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/net/httpd_priv.h"

#define STREAM_BLOCK 16384 /* bytes that libmicrohttpd asks for at a time */

struct vs_httpd_stream {
	struct vs_httpd_req *req; /* NULL once it is over */
	struct vs_buf queue; /* from sent on, not yet fetched */
	size_t sent;
	bool ending; /* nothing more will be written */
	bool cut;
	void (*ended)(void *arg);
	void *arg;
};

static ssize_t stream_read(void *cls, uint64_t pos, char *out, size_t max)
{
	struct vs_httpd_stream *st = cls;
	size_t n = st->queue.len - st->sent;

	(void)pos;
	if (st->cut || st->req == NULL)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n > 0) {
		if (n > max)
			n = max;
		memcpy(out, st->queue.data + st->sent, n);
		st->sent += n;
		return (ssize_t)n;
	}
	if (st->ending || st->req->server->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	vs_httpd_sleep(st->req);
	return 0;
}

static void stream_free(void *cls)
{
	struct vs_httpd_stream *st = cls;

	if (st->req != NULL)
		vs_httpd_stream_over(st);
	vs_buf_release(&st->queue);
	free(st);
}

void vs_httpd_stream_over(struct vs_httpd_stream *st)
{
	assert(st->req != NULL && st->req->stream == st);
	st->req->stream = NULL;
	st->req = NULL;
	if (st->ended != NULL)
		st->ended(st->arg);
}

void vs_httpd_stream_cut(struct vs_httpd_stream *st)
{
	st->cut = true;
	shutdown(st->req->conn->fd, SHUT_RDWR);
	vs_httpd_wake(st->req);
}

static struct MHD_Response *stream_response(
    struct vs_httpd_stream *st, const char *type)
{
	struct MHD_Response *resp = MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, st, stream_free);

	if (resp != NULL)
		MHD_add_response_header(
		    resp, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return resp;
}

struct vs_httpd_stream *vs_httpd_stream(struct vs_httpd_req *r,
    const char *type, size_t max, void (*ended)(void *arg), void *arg)
{
	struct vs_httpd_stream *st = calloc(1, sizeof(*st));

	assert(r->state == HTTPD_ASKED && type != NULL && max > 0);
	r->state = HTTPD_DEAD;
	if (st != NULL) {
		/* Room for what is unsent and for as much already sent. */
		vs_buf_init(&st->queue, 2 * max);
		r->response = stream_response(st, type);
	}
	if (r->response != NULL) {
		st->req = r;
		st->ended = ended;
		st->arg = arg;
		r->stream = st;
		r->status = MHD_HTTP_OK;
		r->state = HTTPD_ANSWERED;
	} else {
		free(st);
		st = NULL;
	}
	vs_httpd_wake(r);
	return st;
}

/* Closes the gap that what was sent has left. */
static void stream_compact(struct vs_httpd_stream *st)
{
	size_t left = st->queue.len - st->sent;

	if (st->sent == 0)
		return;
	memmove(st->queue.data, st->queue.data + st->sent, left);
	st->queue.len = left;
	st->sent = 0;
}

int vs_httpd_stream_write(
    struct vs_httpd_stream *st, const void *data, size_t len)
{
	size_t max = st->queue.max / 2;

	assert(!st->ending && (data != NULL || len == 0));
	if (st->req == NULL || st->cut || st->req->server->closing)
		return VS_ECANCELED;
	if (len > max || st->queue.len - st->sent > max - len) {
		vs_httpd_stream_cut(st);
		return VS_ELIMIT;
	}
	if (st->sent > max / 2 || st->sent == st->queue.len)
		stream_compact(st);
	vs_buf_add(&st->queue, data, len);
	if (vs_buf_error(&st->queue) != VS_OK) {
		vs_httpd_stream_cut(st);
		return vs_buf_error(&st->queue);
	}
	vs_httpd_wake(st->req);
	return VS_OK;
}

void vs_httpd_stream_end(struct vs_httpd_stream *st)
{
	assert(!st->ending);
	st->ending = true;
	if (st->req != NULL)
		vs_httpd_wake(st->req);
}
