/*
 * Who we are to the server: the token (config/token, VSYNC_TOKEN_FILE, or
 * systemd's credential "vsync-token") and the device registered by login
 * (state/device.json).
 */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/os/dirs.h"

#define ACCOUNT_TOKEN_MAX 4096 /* bytes; a JWT fits */

struct account {
	char token[ACCOUNT_TOKEN_MAX + 1]; /* "": none; never logged */
	char server[2048]; /* whom the device is registered with */
	char user_id[128];
	char user_name[256];
	char device_id[64]; /* "": none */
	char ticket_key[65]; /* hex; what tickets for this device are checked
	                        with; never logged; "": none */
};

/*
 * Reads both; what is missing stays "".  A token that others may read is
 * made private, with a warning in the log.
 */
int account_load(
    struct account *a, const struct vs_dirs *dirs, struct vs_err *err);

/* Writes the token to where it is read from, 0600, durable. */
int account_save_token(
    const struct account *a, const struct vs_dirs *dirs, struct vs_err *err);

/* Writes the device file, 0600, durable. */
int account_save_device(
    const struct account *a, const struct vs_dirs *dirs, struct vs_err *err);

/* Copies token without white space at its ends; VS_EINVAL if it is none. */
int account_set_token(struct account *a, const char *token, struct vs_err *err);

/* True if the device is registered with this server for this user. */
bool account_is_device_of(
    const struct account *a, const char *server, const char *user_id);

#endif
