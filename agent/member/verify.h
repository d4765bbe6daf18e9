/*
 * From the last chunk to the file under its name: the whole is hashed, and
 * only what is right takes its place.  0 or what the database failed with.
 */
#ifndef VERIFY_H
#define VERIFY_H

#include "agent/member/member_core.h"

/* All is there and durable: fetching -> verifying. */
int verify_begin(struct member *m, struct member_active *a, struct vs_err *err);

/*
 * It was verifying when the program ended: perhaps the file has its name
 * already, perhaps all of its part is there; else it is queued again.
 */
int verify_resume(
    struct member *m, struct member_active *a, struct vs_err *err);

/* The hash that was asked for; code: VS_OK or why there is none. */
int verify_hashed(struct member *m, struct member_active *a, int code,
    const uint8_t sha256[VS_SHA256_SIZE], struct vs_err *err);

#endif
