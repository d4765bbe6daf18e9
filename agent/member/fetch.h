/* Pulls under way: from the queue to the file under its name. */
#ifndef FETCH_H
#define FETCH_H

#include "agent/member/member_core.h"

/* What is due; when to come back (mono ms). */
int64_t fetch_step(struct member *m);

/* True if the answer was for one of the pulls. */
bool fetch_answered(
    struct member *m, uint64_t id, const struct engine_answer *a);

/* As member_fetched. */
void fetch_chunk_done(struct member *m, uint64_t id, int code, const char *why);

/* As member_hashed. */
void fetch_hash_done(struct member *m, uint64_t id, int code,
    const uint8_t sha256[VS_SHA256_SIZE]);

#endif
