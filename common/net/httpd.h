/*
 * An HTTP/1.1 server on a libuv loop: libmicrohttpd in external epoll mode,
 * strict parsing.  All calls and callbacks on the loop's thread.  The cloud
 * and the agent's control socket are served by it.
 *
 * A request is handed over when its whole body is there (inflated when it
 * came as gzip).  It is answered exactly once, at once or later; until then
 * the connection is suspended and costs no work.  What the server refuses by
 * itself (too large a body, bad gzip, bad escapes in the URL) is answered in
 * JSON like any error; only a request that is no HTTP at all gets the
 * library's own words.
 *
 * The program ignores SIGPIPE.
 */
#ifndef VS_HTTPD_H
#define VS_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "common/base/err.h"

struct vs_httpd;
struct vs_httpd_req;
struct vs_httpd_stream;
struct vs_ws_wire;

struct vs_httpd_options {
	int fd; /* listening socket; the server owns it */
	size_t max_body; /* bytes on the wire; more is 413 */
	size_t max_inflated; /* bytes of a gzip body inflated; 413 */
	unsigned connections; /* at most; 0: 1,000 */
	int patience_ms; /* for a header, and before a body's least rate of
	                    1 KiB/s is asked for; 0: VS_HEADER_MS */
	int answer_ms; /* for a client to take an answer (no stream); after
	                  that it is cut off; 0: as long as some of it moves */
	bool check_peer; /* Unix socket: only our own uid */
	const char *key_pem; /* TLS: private key and certificate, or NULL */
	const char *cert_pem;
	/* a request with its body; answer now or later */
	void (*handle)(void *arg, struct vs_httpd_req *req);
	/* the client went away before the answer; drop the request (it is
	   gone after this returns); NULL to not care */
	void (*gone)(void *arg, struct vs_httpd_req *req);
	void *arg;
};

/*
 * Listens, and serves on the loop's thread, where all callbacks run; ended by
 * vs_httpd_close.  Strings of o are needed until this returns; the socket is
 * closed when it fails.
 */
int vs_httpd_new(struct vs_httpd **out, uv_loop_t *loop,
    const struct vs_httpd_options *o, struct vs_err *err);

/*
 * Stops listening, calls gone for what is not answered, gives answers on
 * their way half a second, then calls closed.
 */
void vs_httpd_close(struct vs_httpd *s, void (*closed)(void *arg), void *arg);

/*
 * What was asked; all strings live until the answer.
 *
 * The method; HEAD is handed over as GET (its answer travels without the
 * body).
 */
const char *vs_httpd_method(const struct vs_httpd_req *r);

/* The path without the query, percent-decoded once. */
const char *vs_httpd_path(const struct vs_httpd_req *r);

/* A query parameter, decoded once, '+' as a blank; NULL without that key. */
const char *vs_httpd_query(const struct vs_httpd_req *r, const char *key);

/* What stands behind the '?', as it came; "" if nothing. */
const char *vs_httpd_raw_query(const struct vs_httpd_req *r);

/* A header by its name in any case; NULL when absent. */
const char *vs_httpd_header(const struct vs_httpd_req *r, const char *name);

/* The body, inflated, a NUL behind its *len bytes (len may be NULL). */
const char *vs_httpd_body(const struct vs_httpd_req *r, size_t *len);

/* A pointer of the user's, kept with the request; nothing is done with it. */
void vs_httpd_set_data(struct vs_httpd_req *r, void *data);

/* The same; NULL as long as none was set. */
void *vs_httpd_data(const struct vs_httpd_req *r);

struct vs_httpd_answer {
	int status;
	const char *type; /* Content-Type */
	void *body; /* malloc'd; ownership passes; may be NULL */
	size_t len;
	const char *const *headers; /* "Name: value", NULL-ended; may be NULL */
	/* called once when body was freed, sent or not; maybe before
	   vs_httpd_answer returns; it answers nothing itself; may be NULL */
	void (*over)(void *arg);
	void *over_arg;
};

/*
 * Answers; bodies of 1 KiB or more are compressed when the client accepts
 * gzip, unless a Content-Encoding header is given.  r is gone afterwards.
 */
void vs_httpd_answer(struct vs_httpd_req *r, const struct vs_httpd_answer *a);

/* Answers {"error":message,"code":code}. */
void vs_httpd_refuse(
    struct vs_httpd_req *r, int status, const char *code, const char *message);

/*
 * Answers 200 with a body that comes piece by piece (chunked).  The stream
 * keeps at most max bytes unsent: a reader slower than that is cut off.
 * ended is called once, later, when all is sent after vs_httpd_stream_end,
 * or when the reader went away or was cut off; st is gone afterwards.  NULL
 * out of memory: then the client is cut off and ended is not called.
 */
struct vs_httpd_stream *vs_httpd_stream(struct vs_httpd_req *r,
    const char *type, size_t max, void (*ended)(void *arg), void *arg);

/* Copies data.  VS_ELIMIT: too slow a reader; VS_ECANCELED: it is gone. */
int vs_httpd_stream_write(
    struct vs_httpd_stream *st, const void *data, size_t len);

/* Nothing more will be written: ends behind what is queued. */
void vs_httpd_stream_end(struct vs_httpd_stream *st);

/*
 * Answers 101 and hands the connection over as a wire (common/net/ws.h);
 * early bytes that came after the request are given with it and die with
 * the return.  headers: "Name: value", NULL-ended ("Connection: Upgrade" is
 * added).  ready is called exactly once, later; wire is NULL when the client
 * went away first.  Whoever gets the wire copies it and closes it: not
 * before that can vs_httpd_close end.  r is gone afterwards, unless an error
 * is returned; then it still waits for its answer: VS_ENOMEM, or VS_ENOTSUP
 * with TLS, where libmicrohttpd would carry the bytes by fours (a proxy that
 * speaks TLS belongs in front).
 */
int vs_httpd_upgrade(struct vs_httpd_req *r, const char *const *headers,
    void (*ready)(void *arg, const struct vs_ws_wire *wire, const void *early,
	size_t early_len),
    void *arg, struct vs_err *err);

/*
 * TLS (1.2 and later) with a certificate of our own and client certificates
 * asked for and not verified: set in struct vs_httpd_options; the strings
 * are needed until vs_httpd_new returns, which is VS_ECONFIG when they are
 * no good.  The pin (common/crypto/key.h) of the client's
 * key of this connection, "" when it showed none; lives until the answer.
 */
const char *vs_httpd_peer_pin(struct vs_httpd_req *r);

#endif
