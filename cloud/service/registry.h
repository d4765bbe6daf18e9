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
 * Makes a device of the caller the publisher of call->project, which ends
 * the epochs of the one before; nothing changes if it is that already.
 * Appends {"success","publisher","generation","log_id"}.
 */
int registry_take_over(struct call *call, const json_t *body, struct vs_buf *b);

#endif
