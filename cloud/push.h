/*
 * Long-lived sockets: who listens to which project, and what each has heard
 * so far.  All of it on the loop's thread.
 *
 * A subscriber begins by reading what it missed, page by page, at its own
 * pace; once it has heard the last event there is, it is live, and hears
 * what every commit adds: read once for all of a project, sent as shared
 * frames, a few a turn of the loop.  Each is sent every event after the one
 * it came with exactly once and in order, or is closed.
 *
 * Before anything is delivered the rights of who would hear it are looked at
 * in the same view of the data; without commits that is done every
 * PUSH_CHECK_MS.
 */
#ifndef PUSH_H
#define PUSH_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "cloud/api/api.h"
#include "cloud/service/feed.h"
#include "common/net/ws.h"

#define PUSH_SLICE 64 /* sends in one turn of the loop */
#define PUSH_CHECK_MS 20000
#define PUSH_LOW (1024 * 1024) /* bytes unsent below which a backlog goes on */

/* Codes a socket is closed with, besides those of RFC 6455. */
#define PUSH_REVOKED 4401 /* the token */

struct push;

struct push_options {
	uv_loop_t *loop;
	/* has f read (feed_read); push_fed follows, later and exactly once,
	   unless it returns a negative code */
	int (*read)(void *arg, struct feed *f);
	void *arg;
	int check_ms; /* 0: PUSH_CHECK_MS */
	int ping_ms; /* of struct vs_ws_options */
	int dead_ms;
};

/* VS_ENOMEM. */
int push_new(
    struct push **out, const struct push_options *o, struct vs_err *err);

/*
 * A socket was opened by an answer 101 (its project, socket and body, which
 * are copied); takes the wire over.  Errors are the client's: it is closed.
 */
void push_add(struct push *p, const struct vs_ws_wire *wire, const void *early,
    size_t early_len, const struct api_answer *a);

/* A feed that was handed to read(), answered; push frees it. */
void push_fed(struct push *p, struct feed *f);

/* A request was done: tells who listens to its project what is new. */
void push_news(struct push *p, const struct api_answer *a);

/*
 * Closes all sockets with 1001; closed follows when the last one is gone and
 * no feed is out, and p with it.
 */
void push_close(struct push *p, void (*closed)(void *arg), void *arg);

/* Sockets that are open. */
size_t push_count(const struct push *p);

#endif
