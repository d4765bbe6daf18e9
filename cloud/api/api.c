/*
 * One way in: the route, the token, the project with the caller's role, the
 * handler; and one way out: a fault found anywhere on it replaces whatever
 * was written so far by its JSON.
 */
#include "cloud/api/api.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/api/handlers.h"
#include "cloud/api/route.h"
#include "cloud/service/auth.h"
#include "cloud/service/snapshot.h"

#define ALLOW_MAX 64 /* bytes of an Allow header's value */

const char *const api_parameters[] = { "since_seq", "from_seq", "limit", "wait",
	"cursor", "prefix", "include_deleted", "depth", "status", NULL };

void api_answer_init(struct api_answer *a)
{
	memset(a, 0, sizeof(*a));
	a->status = 200;
	a->type = "application/json";
	vs_buf_init(&a->body, SNAPSHOT_MAX);
	vs_buf_init(&a->tell.data, TELL_MAX);
}

static void drop_headers(struct api_answer *a)
{
	size_t i;

	for (i = 0; i < API_HEADERS; i++) {
		free(a->headers[i]);
		a->headers[i] = NULL;
	}
}

void api_answer_release(struct api_answer *a)
{
	drop_headers(a);
	vs_buf_release(&a->body);
	vs_buf_release(&a->tell.data);
}

int api_header(struct call *call, struct api_answer *a, const char *fmt, ...)
{
	struct vs_err err = VS_ERR_INIT;
	size_t i = 0;
	va_list ap;
	int n;

	while (a->headers[i] != NULL)
		i++;
	assert(i < API_HEADERS);
	va_start(ap, fmt);
	n = vasprintf(&a->headers[i], fmt, ap);
	va_end(ap);
	if (n >= 0)
		return VS_OK;
	a->headers[i] = NULL;
	(void)vs_err_set(&err, VS_ENOMEM, "header of an answer");
	return fault_store(&call->fault, &err);
}

static const struct route *find(const struct api_request *r)
{
	const struct route *route;
	struct vs_buf allow;
	struct input in;

	vs_buf_init(&allow, ALLOW_MAX);
	route = route_find(r, &in, &allow);
	vs_buf_release(&allow);
	return route;
}

bool api_writes(const struct api_request *r)
{
	const struct route *route = find(r);

	return route != NULL && (route->flags & ROUTE_WRITES) != 0;
}

bool api_slow(const struct api_request *r)
{
	const struct route *route = find(r);

	return route != NULL && (route->flags & ROUTE_SLOW) != 0;
}

bool api_upgrades(const struct api_request *r)
{
	const struct route *route = find(r);

	return route != NULL && (route->flags & ROUTE_UPGRADE) != 0;
}

/* Who asks, and may they; then the handler. */
static int run(struct call *call, const struct route *route,
    const struct input *in, struct api_answer *a)
{
	int rc = VS_OK;

	if (route->access != ROUTE_ANYONE)
		rc = auth_user(call, in->request->token);
	if (rc == VS_OK && route->access >= ROUTE_READER)
		rc = auth_project(
		    call, in->args[0], route->access == ROUTE_OWNER);
	if (rc == VS_OK)
		rc = route->handle(call, in, a);
	return rc;
}

/* No route: an unknown address, or a method it does not know. */
static int refuse(struct call *call, const struct input *in,
    const struct vs_buf *allow, struct api_answer *a)
{
	if (allow->len == 0)
		return fault_set(&call->fault, FAULT_NOT_FOUND, "",
		    "there is nothing at this address");
	(void)api_header(call, a, "Allow: %s", vs_buf_str(allow));
	return fault_set(&call->fault, FAULT_METHOD, "",
	    "%.16s is not a method of this address; it knows %s",
	    in->request->method, vs_buf_str(allow));
}

static void write_fault(struct call *call, struct api_answer *a)
{
	enum fault_kind kind = call->fault.kind;

	if (kind != FAULT_METHOD && kind != FAULT_UPGRADE)
		drop_headers(a);
	vs_buf_reset(&a->body);
	a->status = fault_status(kind);
	a->type = "application/json";
	a->wait_ms = 0;
	fault_write(&a->body, &call->fault);
	if (kind == FAULT_TOKEN)
		(void)api_header(call, a, "WWW-Authenticate: Bearer");
	if (kind == FAULT_UNAVAILABLE || kind == FAULT_NO_SPACE)
		(void)api_header(call, a, "Retry-After: 1");
}

/* What was kept is news to others. */
static void tell(struct call *call, struct api_answer *a)
{
	memcpy(a->project_id, call->project.id, sizeof(a->project_id));
	a->last_seq = call->news;
	vs_buf_release(&a->tell.data);
	a->tell = call->tell;
	vs_buf_init(&call->tell.data, TELL_MAX);
}

void api_handle(const struct api_context *x, const struct api_request *r,
    struct api_answer *a, bool *keep)
{
	struct call call = {
		.store = x->store, .rand = x->rand, .wall_ms = x->wall_ms
	};
	const struct route *route;
	struct vs_buf allow;
	struct input in;
	int rc;

	assert(r->method != NULL && r->path != NULL && r->query != NULL);
	vs_buf_init(&allow, ALLOW_MAX);
	vs_buf_init(&call.tell.data, TELL_MAX);
	route = route_find(r, &in, &allow);
	if (route == NULL)
		rc = refuse(&call, &in, &allow, a);
	else
		rc = run(&call, route, &in, a);
	if (rc == VS_OK &&
	    (vs_buf_error(&a->body) != VS_OK ||
		vs_buf_error(&call.tell.data) != VS_OK))
		rc = fault_set(&call.fault, FAULT_INTERNAL, "",
		    "the answer is larger than the server makes");
	if (rc != VS_OK)
		write_fault(&call, a);
	*keep =
	    rc == VS_OK && route != NULL && (route->flags & ROUTE_WRITES) != 0;
	if (*keep)
		tell(&call, a);
	vs_buf_release(&call.tell.data);
	vs_buf_release(&allow);
}

void api_failed(struct api_answer *a, int code)
{
	struct call call = { .news = 0 };

	(void)fault_failed(&call.fault, code);
	a->last_seq = 0;
	a->tell.type = NULL;
	a->tell.rights = false;
	write_fault(&call, a);
}
