/*
 * SHA-256 (FIPS 180-4) by OpenSSL's EVP.  The EVP_MD is fetched once; one
 * stream belongs to one thread at a time.
 */
#ifndef VS_SHA256_H
#define VS_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/limits.h"

#define VS_SHA256_SIZE 32

struct vs_sha256;

/* A stream, not started; NULL: out of memory. */
struct vs_sha256 *vs_sha256_new(void);

/* At any time; NULL is nothing. */
void vs_sha256_free(struct vs_sha256 *s);

/* Forgets what it has taken in; before the first add and after each end. */
void vs_sha256_start(struct vs_sha256 *s);

/* Takes len bytes in. */
void vs_sha256_add(struct vs_sha256 *s, const void *data, size_t len);

/* to, started or not, becomes one that has taken in what from has. */
void vs_sha256_copy(struct vs_sha256 *to, const struct vs_sha256 *from);

/* The hash of all since start; the next call is start, copy to it or free. */
void vs_sha256_end(struct vs_sha256 *s, uint8_t out[VS_SHA256_SIZE]);

/* All at once. */
void vs_sha256(const void *data, size_t len, uint8_t out[VS_SHA256_SIZE]);

/* The same in lower-case hex with a NUL. */
void vs_sha256_hex(const void *data, size_t len, char out[VS_HASH_HEX + 1]);

#endif
