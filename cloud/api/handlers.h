/*
 * The handlers of the routes, one file a resource.  Each is called with the
 * token checked and, below /projects/:, with project and role in call.
 */
#ifndef HANDLERS_H
#define HANDLERS_H

#include "cloud/api/api.h"
#include "cloud/api/input.h"
#include "cloud/service/call.h"

/* POST /files/update, GET /files */
int api_files_update(
    struct call *call, const struct input *in, struct api_answer *a);
int api_files_list(
    struct call *call, const struct input *in, struct api_answer *a);

/* GET /events */
int api_events_list(
    struct call *call, const struct input *in, struct api_answer *a);

/* GET /snapshot */
int api_snapshot_get(
    struct call *call, const struct input *in, struct api_answer *a);

/* GET /holds, POST /holds/:id */
int api_holds_list(
    struct call *call, const struct input *in, struct api_answer *a);
int api_holds_decide(
    struct call *call, const struct input *in, struct api_answer *a);

/* POST and GET /projects, POST /publisher */
int api_projects_add(
    struct call *call, const struct input *in, struct api_answer *a);
int api_projects_list(
    struct call *call, const struct input *in, struct api_answer *a);
int api_projects_publisher(
    struct call *call, const struct input *in, struct api_answer *a);

/* POST /devices, GET /me, GET /healthz */
int api_people_device(
    struct call *call, const struct input *in, struct api_answer *a);
int api_people_me(
    struct call *call, const struct input *in, struct api_answer *a);
int api_people_health(
    struct call *call, const struct input *in, struct api_answer *a);

/* Adds a header "Name: value" to an answer; VS_ENOMEM as a fault. */
int api_header(struct call *call, struct api_answer *a, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
