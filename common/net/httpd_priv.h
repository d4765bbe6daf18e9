/*
 * What the files of the server share, and nobody else includes.
 *
 * A connection (struct httpd_conn) lives from accept to close.  A request
 * lives from its request line until libmicrohttpd says that it is completed,
 * which is later than its answer.  It moves one way only:
 *
 *   HEAD -> BODY -> ASKED -> ANSWERED -> TAKEN   and from anywhere to DEAD
 *
 * ASKED: the user has it; the connection is suspended unless the user's
 * handle is running.  TAKEN: it speaks another protocol now; the user has
 * its wire.  DEAD: the connection is dropped at the next touch.
 */
#ifndef VS_HTTPD_PRIV_H
#define VS_HTTPD_PRIV_H

#include <microhttpd.h>
#include <zlib.h>

#include "common/base/buf.h"
#include "common/crypto/key.h"
#include "common/net/httpd.h"

#define HTTPD_TLS 5 /* options of TLS */
#define HTTPD_PARAMS 32 /* parameters of a query */

enum httpd_state {
	HTTPD_HEAD, /* its header is arriving */
	HTTPD_BODY, /* its body is arriving */
	HTTPD_ASKED, /* the user has it */
	HTTPD_ANSWERED, /* the answer is known, maybe on its way */
	HTTPD_TAKEN, /* upgraded */
	HTTPD_DEAD, /* to be dropped */
};

struct httpd_conn {
	struct vs_httpd *server;
	struct httpd_conn *prev;
	struct httpd_conn *next;
	struct vs_httpd_req *req; /* the one under way, or NULL */
	int fd;
	int64_t since_ms; /* loop time of accept or of the last answer */
	bool served; /* has had an answer */
	bool stranger; /* another user's process */
	char pin[VS_KEY_PIN]; /* of the client's key, once it was asked for */
};

/* Tells of a suspended connection's end, which nobody else looks for. */
struct httpd_watch {
	uv_poll_t poll;
	struct vs_httpd_req *req;
	struct vs_httpd *server;
};

struct httpd_param {
	const char *key;
	const char *value;
};

struct vs_httpd_req {
	struct vs_httpd *server;
	struct httpd_conn *conn;
	struct MHD_Connection *mhd;
	enum httpd_state state;
	bool suspended;
	struct httpd_watch *watch; /* while suspended for long, else NULL */
	int64_t started_ms; /* loop time of the request line */
	int64_t answered_ms; /* loop time of the answer */
	/* what was asked */
	const char *method;
	char *path; /* decoded */
	char *raw_query; /* as it came */
	char *query; /* decoded, cut into params */
	struct httpd_param params[HTTPD_PARAMS];
	int param_count;
	/* its body */
	struct vs_buf body;
	size_t wire; /* bytes received */
	bool gzip;
	bool gzip_end; /* at the end of a member */
	z_stream z;
	/* why the server itself refuses it; status 0: it does not */
	int fail_status;
	const char *fail_code;
	const char *fail_text;
	/* its answer */
	struct MHD_Response *response;
	unsigned status;
	struct vs_httpd_stream *stream;
	struct httpd_upgrade *upgrade; /* promised or taken */
	void *data; /* the user's */
};

struct vs_httpd {
	uv_loop_t *loop;
	struct vs_httpd_options o;
	struct MHD_Daemon *mhd;
	uv_poll_t poll; /* libmicrohttpd's epoll descriptor */
	uv_timer_t timer; /* when it wants to run again */
	uv_idle_t idle; /* it wants to at once */
	uv_timer_t tick; /* looks after slow ones, while there are any */
	struct httpd_conn *conns;
	bool tls;
	bool running; /* inside MHD_run */
	bool kick; /* something was resumed: run again at once */
	bool closing;
	bool quiesced;
	bool stopped;
	int64_t close_by_ms; /* loop time at which answers are cut short */
	int handles; /* of libuv, not yet closed */
	int wires; /* given away and not yet closed */
	void (*closed)(void *arg);
	void *closed_arg;
};

/* Lets the connection go on; libmicrohttpd runs on a later turn. */
void vs_httpd_wake(struct vs_httpd_req *r);

/* Stops the connection until vs_httpd_wake. */
void vs_httpd_sleep(struct vs_httpd_req *r);

/* Makes a request of a request line's target; NULL out of memory. */
struct vs_httpd_req *vs_httpd_req_new(
    struct httpd_conn *c, struct MHD_Connection *mhd, const char *uri);

/* Frees it and its body; libmicrohttpd is through with it. */
void vs_httpd_req_free(struct vs_httpd_req *r);

/* Notes why the request is refused, unless something was wrong before. */
void vs_httpd_req_fail(
    struct vs_httpd_req *r, int status, const char *code, const char *text);

/* The header is there: what will come of the body? */
void vs_httpd_body_start(struct vs_httpd_req *r);

/* True if waiting for the body of a refused request is not worth it. */
bool vs_httpd_body_hopeless(const struct vs_httpd_req *r);

/* A piece arrived; false if the client is to be cut off. */
bool vs_httpd_body_add(struct vs_httpd_req *r, const void *data, size_t len);

/* The last piece arrived. */
void vs_httpd_body_end(struct vs_httpd_req *r);

/* Adds "Name: value"; false out of memory. */
bool vs_httpd_add_header(struct MHD_Response *resp, const char *line);

/* The connection of an upgrade is gone; the wire was closed, if any. */
void vs_httpd_upgrade_over(struct vs_httpd_req *r);

/* Fills in what TLS needs, if anything; flags that go with it or without. */
unsigned vs_httpd_tls_options(
    const struct vs_httpd_options *o, struct MHD_OptionItem out[HTTPD_TLS]);

/* Runs libmicrohttpd on a later turn. */
void vs_httpd_kick(struct vs_httpd *s);

/* The stream's request is over: tells the user. */
void vs_httpd_stream_over(struct vs_httpd_stream *st);

/* The reader is cut off, whatever is queued. */
void vs_httpd_stream_cut(struct vs_httpd_stream *st);

#endif
