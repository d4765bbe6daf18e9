/*
 * Tickets: what the cloud lets one requester read from one source, checked
 * by the source alone.  BASE64URL(claims as JSON) "." BASE64URL(HMAC-SHA-256
 * over the first part with the source device's ticket key).
 */
#ifndef VS_TICKET_H
#define VS_TICKET_H

#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limits.h"

#define VS_TICKET_KEY 32 /* bytes */
#define VS_TICKET_MAX 8192 /* bytes of a ticket's text */
#define VS_TICKET_MS (5 * 60 * 1000) /* its life */

struct vs_ticket {
	char transfer[40]; /* ids: UUIDs */
	char project[40];
	char source[40]; /* device that serves */
	char path[VS_PATH_MAX + 1];
	char hash[VS_HASH_HEX + 1];
	int64_t size; /* bytes of the file */
	char pin[64]; /* requester's key (common/crypto/key.h) */
	int64_t expires_ms; /* wall */
};

/*
 * Appends the text.  VS_EINVAL for a member that is not of its form;
 * VS_ELIMIT when it would pass VS_TICKET_MAX (a path of kilobytes of
 * characters that JSON escapes), or what b takes.
 */
int vs_ticket_write(struct vs_buf *b, const struct vs_ticket *t,
    const uint8_t key[VS_TICKET_KEY], struct vs_err *err);

/*
 * Reads and checks (in constant time): VS_EFORBIDDEN for a MAC that is not
 * ours, any other form, or a ticket whose time is over at wall_ms; then *t
 * is all zero.
 */
int vs_ticket_read(struct vs_ticket *t, const char *text,
    const uint8_t key[VS_TICKET_KEY], int64_t wall_ms, struct vs_err *err);

#endif
