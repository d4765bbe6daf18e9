/* Projects, devices, and which device publishes a project. */
#ifndef REGISTRY_H
#define REGISTRY_H

#include <jansson.h>

#include "cloud/service/call.h"
#include "common/base/buf.h"

/* A new project of the caller; appends {"success","project":{...}}. */
int registry_add_project(
    struct call *call, const json_t *body, struct vs_buf *b);

/* Appends {"success","projects":[...]}: those the caller may see. */
int registry_list_projects(struct call *call, struct vs_buf *b);

/* A new device of the caller; {"success","device_id","ticket_key"}. */
int registry_add_device(
    struct call *call, const json_t *body, struct vs_buf *b);

/*
 * Where a device of the caller is reached from now on: {endpoints,
 * public_key_pin?}.  404 for a device of somebody else.  {"success"}.
 */
int registry_move_device(
    struct call *call, const char *id, const json_t *body, struct vs_buf *b);

/* Appends a project as those who may see it are shown it. */
void registry_put_project(
    struct vs_buf *b, const struct store_project *p, enum store_role role);

/*
 * Makes a device of the caller the publisher of call->project, which ends
 * the epochs of the one before; nothing changes if it is that already.
 * Appends {"success","publisher","generation","log_id"}.
 */
int registry_take_over(struct call *call, const json_t *body, struct vs_buf *b);

#endif
