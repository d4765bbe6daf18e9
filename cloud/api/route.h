/* Which handler answers a method and a path, and who may ask. */
#ifndef ROUTE_H
#define ROUTE_H

#include "cloud/api/api.h"
#include "cloud/api/input.h"
#include "cloud/service/call.h"

enum route_access {
	ROUTE_ANYONE,
	ROUTE_USER, /* with a token */
	ROUTE_READER, /* owner or member of the project */
	ROUTE_OWNER, /* of the project */
};

enum route_flags {
	ROUTE_WRITES = 1, /* needs the writer */
	ROUTE_SLOW = 2,
	ROUTE_BARE = 4, /* also without /api in front */
	ROUTE_TOP = 8, /* only without /api in front */
	ROUTE_UPGRADE = 16, /* becomes a WebSocket */
};

struct route {
	const char *method;
	const char *pattern; /* without /api; ':' stands for a component */
	enum route_access access;
	unsigned flags; /* enum route_flags */
	/* fills a->body (and status, headers); or a fault */
	int (*handle)(
	    struct call *call, const struct input *in, struct api_answer *a);
};

/*
 * The route of r; in gets the variable components.  NULL when there is
 * none: then allow gets the methods the path knows, "" for an unknown path.
 */
const struct route *route_find(
    const struct api_request *r, struct input *in, struct vs_buf *allow);

/* Route i of the table, NULL past its end; for tests of all of them. */
const struct route *route_at(size_t i);

#endif
