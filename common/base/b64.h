/*
 * Bytes as base64url without padding (RFC 4648, 5).  One text for one value:
 * padding, foreign characters and bits that mean nothing are refused.
 */
#ifndef VS_B64_H
#define VS_B64_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"

/* Digits of len bytes. */
size_t vs_b64_len(size_t len);

/* Appends the digits of len bytes. */
void vs_b64_add(struct vs_buf *b, const void *data, size_t len);

/*
 * Appends the bytes of len digits.  VS_EINVAL for anything that vs_b64_add
 * does not write, then b is left as it was; VS_ENOMEM, VS_ELIMIT from b.
 */
int vs_b64_read(struct vs_buf *b, const char *text, size_t len);

#endif
