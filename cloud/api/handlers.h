/*
 * The handlers of the routes, one file a resource.  Each is called with the
 * token checked and, below /projects/:, with project and role in call.
 */
#ifndef HANDLERS_H
#define HANDLERS_H

#include "cloud/api/api.h"
#include "cloud/api/input.h"
#include "cloud/service/call.h"

/* POST /projects/:/files/update: a batch of changes. */
int api_files_update(
    struct call *call, const struct input *in, struct api_answer *a);

/*
 * GET /projects/:/files: a page of the listing.  cursor, limit, prefix,
 * include_deleted; depth=1 for the children of a folder only.
 */
int api_files_list(
    struct call *call, const struct input *in, struct api_answer *a);

/*
 * GET /projects/:/events: a page of the log.  since_seq (exclusive) or
 * from_seq (inclusive, wins), limit, wait=SECONDS for a long-poll.
 */
int api_events_list(
    struct call *call, const struct input *in, struct api_answer *a);

/* GET /projects/:/snapshot, in the form that path and Accept ask for. */
int api_snapshot_get(
    struct call *call, const struct input *in, struct api_answer *a);

/* GET /projects/:/holds: the deletions that wait. */
int api_holds_list(
    struct call *call, const struct input *in, struct api_answer *a);

/* POST /projects/:/holds/: with {"approve":bool}. */
int api_holds_decide(
    struct call *call, const struct input *in, struct api_answer *a);

/* POST /projects with {"name"}: 201 and the new project. */
int api_projects_add(
    struct call *call, const struct input *in, struct api_answer *a);

/* GET /projects: those of the caller. */
int api_projects_list(
    struct call *call, const struct input *in, struct api_answer *a);

/* POST /projects/:/publisher with {"device_id"}: takes the role over. */
int api_projects_publisher(
    struct call *call, const struct input *in, struct api_answer *a);

/* POST /devices with {"name", "endpoints"?, keys?}. */
int api_people_device(
    struct call *call, const struct input *in, struct api_answer *a);

/* PUT /devices/:/endpoints with {"endpoints", "public_key_pin"?}. */
int api_people_endpoints(
    struct call *call, const struct input *in, struct api_answer *a);

/* GET /me: whose token it is. */
int api_people_me(
    struct call *call, const struct input *in, struct api_answer *a);

/* GET /healthz: that the database can be read, by being answered. */
int api_people_health(
    struct call *call, const struct input *in, struct api_answer *a);

/* POST /projects/:/invites with {"role"?, "expires_in"?}. */
int api_members_invite(
    struct call *call, const struct input *in, struct api_answer *a);

/* POST /invites/:/accept: the caller becomes a member. */
int api_members_accept(
    struct call *call, const struct input *in, struct api_answer *a);

/* GET /projects/:/members: who is in it. */
int api_members_list(
    struct call *call, const struct input *in, struct api_answer *a);

/* DELETE /projects/:/members/:: takes one out. */
int api_members_remove(
    struct call *call, const struct input *in, struct api_answer *a);

/* POST /projects/:/files/download with {"file_path", "file_hash"?...}. */
int api_transfers_request(
    struct call *call, const struct input *in, struct api_answer *a);

/* GET /projects/:/transfers: status, limit. */
int api_transfers_list(
    struct call *call, const struct input *in, struct api_answer *a);

/* GET /projects/:/transfers/:: one. */
int api_transfers_show(
    struct call *call, const struct input *in, struct api_answer *a);

/* PATCH /projects/:/transfers/: with {"status"?, "bytes_transferred"?...}. */
int api_transfers_update(
    struct call *call, const struct input *in, struct api_answer *a);

/* POST /projects/:/transfers/:/ticket: a fresh one. */
int api_transfers_ticket(
    struct call *call, const struct input *in, struct api_answer *a);

/*
 * GET /projects/:/events/stream: 101, the log as it grows; since_seq for what
 * came before.  426 without the handshake of a WebSocket.
 */
int api_push_stream(
    struct call *call, const struct input *in, struct api_answer *a);

/* GET /ws/projects/:: the same with one message a file. */
int api_push_room(
    struct call *call, const struct input *in, struct api_answer *a);

/* Adds a header "Name: value" to an answer; VS_ENOMEM as a fault. */
int api_header(struct call *call, struct api_answer *a, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
