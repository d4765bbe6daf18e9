/* Reading a piece of a file that must still be the one that is known. */
#ifndef CHUNK_H
#define CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/serve/wire.h"
#include "common/base/err.h"
#include "common/crypto/sha256.h"

struct chunk {
	const char *root; /* absolute path of the project's folder */
	const char *path; /* beneath it */
	const struct wire_found *found; /* what is known of both */
	int64_t off; /* bytes; the piece lies within the file */
	int64_t len;
	uint8_t *data; /* len bytes, the caller's */
	uint8_t sha256[VS_SHA256_SIZE]; /* of data */
	bool shut_out; /* nothing beneath the root may be read, not even its
	                  marker: the fence was raised around another one */
};

/*
 * Any thread; blocks on the disk.  VS_EROOT when another folder stands where
 * the project's should, VS_ECHANGED when the file is another than was found,
 * before or after the reading, and what opening beneath a folder says.  Only
 * a regular file is ever opened for reading.
 */
int chunk_read(struct chunk *c, struct vs_err *err);

#endif
