/*
 * The content of a file, read once and hashed, without spoiling the page
 * cache for whoever works with the files: of a large file, what was not
 * there before is let go again, and what was there stays, and is hashed
 * there, without a copy (common/os/mapping.h; only once a program has put
 * the guard up).  What is lost under such a look is read again, so that an
 * error or an early end is told as it always is.
 */
#ifndef CONTENT_H
#define CONTENT_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/crypto/sha256.h"

/*
 * Bytes looked up and mapped at a time.  To take a mapping away interrupts
 * the other threads of the program: done four times as often, it costs
 * another fiftieth of the time.
 */
#define CONTENT_WINDOW (16 * 1024 * 1024)

/* From so many bytes on a file is large: below, a copy costs less. */
#define CONTENT_LARGE (4 * 1024 * 1024)

/*
 * Hashes the first size bytes of fd, a regular file; size: as its stat says.
 * Bytes read, which are fewer when the file has become shorter, or a negative
 * code: VS_ECANCELED when *cancel becomes true.
 */
int64_t content_hash(int fd, int64_t size, uint8_t sha256[VS_SHA256_SIZE],
    const atomic_bool *cancel, struct vs_err *err);

#endif
