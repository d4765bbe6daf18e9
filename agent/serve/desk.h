/*
 * Where requests wait their turn, in the chunk server: each is judged by its
 * ticket, then, one of DESK_CHUNKS at a time, asked of the agent, read by a
 * worker, and sent.  A place is kept until the last byte is away, so that
 * memory has a bound; one peer gets half of the places at most.
 */
#ifndef DESK_H
#define DESK_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "agent/serve/wire.h"
#include "common/base/err.h"
#include "common/net/httpd.h"

#define DESK_CHUNKS 16 /* in memory */
#define DESK_PEER_CHUNKS 8 /* of one peer */
#define DESK_ASK_MS 20000 /* for the agent to answer */

struct desk;

/* A folder that may be served; owned by whoever made the desk. */
struct desk_root {
	char *project;
	char *path;
};

struct desk_options {
	uv_loop_t *loop;
	const char *device; /* ours; strings and keys are borrowed */
	const uint8_t *ticket_key; /* VS_TICKET_KEY bytes */
	const struct desk_root *roots;
	size_t nroots;
	/* asks the agent; desk_found follows.  Negative: it cannot be asked */
	int (*ask)(void *arg, const struct wire_message *m);
	/* a folder cannot be read: it was mounted anew since the start */
	void (*stale)(void *arg);
	void *arg;
};

/* An empty one, on o's loop; it lives as long as the process. */
int desk_new(
    struct desk **out, const struct desk_options *o, struct vs_err *err);

/* A request came: handle of struct vs_httpd_options; arg is the desk. */
void desk_handle(void *arg, struct vs_httpd_req *req);

/* Its client went away: gone of the same. */
void desk_gone(void *arg, struct vs_httpd_req *req);

/* What the agent answered; what nobody waits for any more is dropped. */
void desk_found(struct desk *d, const struct wire_found *f);

#endif
