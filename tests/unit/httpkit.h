/*
 * For the tests of the HTTP server: a server and a client on one loop, and a
 * plain socket in a worker for what libcurl would not send.
 *
 *  /text?n=, /bytes?n=  n bytes of text or of something else
 *  /later               answered after 50 ms
 *  /never               kept: answer it, or leave it
 *  /stream              8,000 bytes, then what the test writes
 *  /missing             404
 *  any other            its body
 */
#ifndef HTTPKIT_H
#define HTTPKIT_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "common/net/httpc.h"
#include "common/net/httpd.h"

#define HTTPKIT_MAX_BODY 20000
#define HTTPKIT_MAX_INFLATED 100000
#define HTTPKIT_STREAM_MAX 65536

struct httpkit {
	uv_loop_t loop;
	struct vs_httpd *server;
	struct vs_httpc *client;
	int port;
	char dir[64];
	char sock[256];
	bool unix_only;
	int patience_ms; /* 0: the usual; else for answers, too */
	uv_timer_t timer; /* answers what is kept */
	struct vs_httpd_req *kept;
	struct vs_httpd_stream *stream;
	int asked;
	int gone;
	int ended;
	int over; /* answers of /text and /bytes */
	int closed;
	int written; /* code of the last stream write */
	char seen[512]; /* what the handler saw last */
};

/* One exchange through the client. */
struct httpkit_call {
	bool done;
	struct vs_httpc_result r;
	char type[64];
	char retry_after[64];
	char *body;
};

/* One exchange by a plain socket, in a worker. */
struct httpkit_raw {
	uv_work_t work;
	int port;
	const char *send;
	size_t len;
	bool leave; /* close without reading */
	bool drip; /* send a byte each 50 ms */
	bool done;
	char got[65536];
	size_t got_len;
};

/* Setups and teardown of cmocka; *state is a struct httpkit. */
int httpkit_setup(void **state);
int httpkit_setup_impatient(void **state); /* a slow client has 700 ms */
int httpkit_setup_unix(void **state);
int httpkit_setup_unix_deep(void **state); /* longer than an address */
int httpkit_teardown(void **state);

/* One turn of the loop.  Never blocks: a timer may bring what is awaited. */
void httpkit_turn(struct httpkit *w);

/* For vs_httpd_close: counts. */
void httpkit_on_closed(void *arg);

/* Answers with a text. */
void httpkit_answer_text(struct vs_httpd_req *r, int status, const char *text);

/* What a request to path takes; url gets its URL. */
struct vs_httpc_options httpkit_options_for(
    struct httpkit *w, const char *method, char url[256], const char *path);

/* By the client: send, wait, and both. c->body is the caller's to free. */
void httpkit_send_call(struct httpkit *w, const struct vs_httpc_options *o,
    struct httpkit_call *c);
void httpkit_wait_call(struct httpkit *w, const struct httpkit_call *c);
void httpkit_get(struct httpkit *w, const char *path, struct httpkit_call *c);

/*
 * By a plain socket: prepare, run until the server closes, and both; a text,
 * or a body to /echo.  The result is the caller's to free.
 */
struct httpkit_raw *httpkit_raw_start(
    struct httpkit *w, const void *data, size_t len);
void httpkit_raw_run(struct httpkit *w, struct httpkit_raw *raw);
struct httpkit_raw *httpkit_raw_text(struct httpkit *w, const char *text);
struct httpkit_raw *httpkit_raw_post(
    struct httpkit *w, const char *headers, const void *body, size_t len);

/* Packs; returns the length. */
size_t httpkit_gzip(const void *in, size_t len, void *out, size_t cap);

#endif
