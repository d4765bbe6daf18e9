/*
 * Waiting before the next try: exponential with full jitter.  Pure.
 */
#ifndef VS_BACKOFF_H
#define VS_BACKOFF_H

#include <stdint.h>

#include "common/os/rand.h"

struct vs_backoff {
	int tries; /* failures in a row */
};

/*
 * Counts one more failure; ms to wait: uniform in [floor/2, cap], cap
 * doubling from VS_RETRY_MIN_MS to VS_RETRY_MAX_MS.  retry_after_ms (< 0 for
 * none) is honoured as the least wait, up to VS_RETRY_AFTER_MAX_MS.
 */
int64_t vs_backoff_next(
    struct vs_backoff *b, struct vs_rand *r, int64_t retry_after_ms);

/* It worked: the next failure is the first in its row. */
void vs_backoff_reset(struct vs_backoff *b);

/*
 * Retry-After (RFC 9110, 10.2.3): seconds or an HTTP date against wall_ms;
 * -1 if absent or absurd (negative), capped at VS_RETRY_AFTER_MAX_MS.
 */
int64_t vs_backoff_retry_after(const char *value, int64_t wall_ms);

#endif
