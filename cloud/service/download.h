/*
 * A member asks for a file: the cloud names the device that has it, how it
 * is reached, and hands out the ticket that device will ask for.
 */
#ifndef DOWNLOAD_H
#define DOWNLOAD_H

#include <jansson.h>

#include "cloud/service/call.h"
#include "common/base/buf.h"

/*
 * {file_path, file_hash?, request_mode?, device_id?}: a new transfer, or the
 * one that goes on already for the same device and content.  Appends
 * {"success","download_id","file","transfer_info"}; without a device of the
 * caller that has a key there is no ticket (null).  404 for a path that is
 * no file now, 409 "changed" for another hash, "no_source" while no device
 * publishes.
 */
int download_request(struct call *call, const json_t *body, struct vs_buf *b);

/*
 * A fresh ticket for a transfer of the caller that goes on: {"success",
 * "ticket","expires_at","endpoints","public_key_pin"}.  409 "changed" when
 * the file's hash is another by now, "bad_move" when it has ended.  The
 * source follows the publisher.
 */
int download_renew(struct call *call, const char *id, struct vs_buf *b);

#endif
