/*
 * The table is the list of what there is and who may do it; there is no
 * other place where a right is decided.  An address that is unknown and one
 * that does not take the method are told apart, because the table is no
 * secret; a project that the caller may not know of is not (auth.c).
 */
#include "cloud/api/route.h"

#include <assert.h>
#include <string.h>

#include "cloud/api/handlers.h"
#include "common/base/buf.h"

#define READS (ROUTE_BARE)
#define WRITES (ROUTE_BARE | ROUTE_WRITES)

static const struct route routes[] = {
	{ "GET", "/healthz", ROUTE_ANYONE, ROUTE_TOP, api_people_health },
	{ "GET", "/me", ROUTE_USER, 0, api_people_me },
	{ "POST", "/devices", ROUTE_USER, ROUTE_WRITES, api_people_device },
	{ "PUT", "/devices/:/endpoints", ROUTE_USER, ROUTE_WRITES,
	    api_people_endpoints },
	{ "POST", "/invites/:/accept", ROUTE_USER, ROUTE_WRITES,
	    api_members_accept },
	{ "GET", "/projects", ROUTE_USER, READS, api_projects_list },
	{ "POST", "/projects", ROUTE_USER, WRITES, api_projects_add },
	{ "POST", "/projects/:/publisher", ROUTE_OWNER, WRITES,
	    api_projects_publisher },
	{ "POST", "/projects/:/files/update", ROUTE_OWNER, WRITES,
	    api_files_update },
	{ "GET", "/projects/:/files", ROUTE_READER, READS, api_files_list },
	{ "GET", "/projects/:/events", ROUTE_READER, READS, api_events_list },
	{ "GET", "/projects/:/events/stream", ROUTE_READER,
	    READS | ROUTE_UPGRADE, api_push_stream },
	{ "GET", "/ws/projects/:", ROUTE_READER, READS | ROUTE_UPGRADE,
	    api_push_room },
	{ "GET", "/projects/:/snapshot", ROUTE_READER, READS | ROUTE_SLOW,
	    api_snapshot_get },
	{ "GET", "/projects/:/holds", ROUTE_READER, READS, api_holds_list },
	{ "POST", "/projects/:/holds/:", ROUTE_OWNER, WRITES,
	    api_holds_decide },
	{ "POST", "/projects/:/invites", ROUTE_OWNER, WRITES,
	    api_members_invite },
	{ "GET", "/projects/:/members", ROUTE_READER, READS, api_members_list },
	{ "DELETE", "/projects/:/members/:", ROUTE_OWNER, WRITES,
	    api_members_remove },
	{ "POST", "/projects/:/files/download", ROUTE_READER, WRITES,
	    api_transfers_request },
	{ "GET", "/projects/:/transfers", ROUTE_READER, READS,
	    api_transfers_list },
	{ "GET", "/projects/:/transfers/:", ROUTE_READER, READS,
	    api_transfers_show },
	{ "PATCH", "/projects/:/transfers/:", ROUTE_READER, WRITES,
	    api_transfers_update },
	{ "POST", "/projects/:/transfers/:/ticket", ROUTE_READER, WRITES,
	    api_transfers_ticket },
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

const struct route *route_at(size_t i)
{
	return i < ROUTES ? &routes[i] : NULL;
}

/* Takes one component of path (non-empty, short enough) into arg. */
static const char *take_arg(const char *path, char arg[INPUT_ARG])
{
	size_t len = strcspn(path, "/");

	if (len == 0 || len >= INPUT_ARG)
		return NULL;
	memcpy(arg, path, len);
	arg[len] = '\0';
	return path + len;
}

static bool matches(const char *pattern, const char *path, struct input *in)
{
	size_t args = 0;

	for (; *pattern != '\0'; pattern++) {
		if (*pattern != ':') {
			if (*pattern != *path++)
				return false;
			continue;
		}
		assert(args < INPUT_ARGS);
		path = take_arg(path, in->args[args++]);
		if (path == NULL)
			return false;
	}
	return *path == '\0';
}

/* The path below /api; in->bare tells whether that stood there. */
static const char *below_api(const char *path, struct input *in)
{
	in->bare = strncmp(path, "/api/", 5) != 0;
	return in->bare ? path : path + 4;
}

static bool fits(const struct route *route, bool bare)
{
	if (bare)
		return (route->flags & (ROUTE_BARE | ROUTE_TOP)) != 0;
	return (route->flags & ROUTE_TOP) == 0;
}

const struct route *route_find(
    const struct api_request *r, struct input *in, struct vs_buf *allow)
{
	const char *path;
	size_t i;

	memset(in, 0, sizeof(*in));
	in->request = r;
	path = below_api(r->path, in);
	for (i = 0; i < ROUTES; i++) {
		if (!fits(&routes[i], in->bare) ||
		    !matches(routes[i].pattern, path, in))
			continue;
		if (strcmp(routes[i].method, r->method) == 0)
			return &routes[i];
		if (allow->len > 0)
			vs_buf_addstr(allow, ", ");
		vs_buf_addstr(allow, routes[i].method);
	}
	return NULL;
}
