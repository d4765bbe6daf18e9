/*
 * From the last chunk to the file under its name: the whole is hashed, and
 * only what is right takes its place.  0 or what the database failed with.
 */
#ifndef VERIFY_H
#define VERIFY_H

#include "agent/member/here.h"
#include "agent/member/member_core.h"

/* Asks for the hash of what the pull's content is to be, or is, or was. */
void verify_hash(
    struct member *m, struct member_active *a, enum member_hash what);

/*
 * What stands in the pull's place (a->place), with its stat: 1 when it may
 * have its name, 0 when it has come to an end instead.
 */
int verify_may(struct member *m, struct member_active *a, enum here *here,
    struct disk_stat *seen, struct vs_err *err);

/*
 * Its content stands under its name, with that stat: what we know of it and
 * the end of the pull, in one transaction.
 */
int verify_done(struct member *m, struct member_active *a,
    const struct disk_stat *stat, struct vs_err *err);

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
