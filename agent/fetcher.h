/*
 * Chunks from other agents: GET over TLS with our certificate, the other's
 * key pinned, on threads that block.  A connection is kept for the next
 * chunk from there.  Or from a file that is here, on the same threads.
 */
#ifndef FETCHER_H
#define FETCHER_H

#include <stdatomic.h>
#include <stdint.h>

#include "agent/crew.h"
#include "agent/member/target.h"
#include "common/base/err.h"
#include "common/crypto/key.h"

#define FETCHER_CHUNK_MAX (16 * 1024 * 1024) /* bytes of one */

struct fetcher;

/* Zeroed by the caller, who keeps it and what it names until done returns. */
struct fetcher_job {
	struct crew_job job; /* err: the code that member_fetched takes */
	struct fetcher *fetcher;
	const char *url; /* https only */
	const char *ticket;
	const char *pin;
	struct target *target;
	const char *part; /* written when the bytes are right */
	int64_t off;
	int64_t len;
	const char *source; /* a file of the target to copy; NULL: fetch */
	struct disk_stat is; /* the source's */
};

/*
 * key is borrowed; without one (key_pem NULL) every job ends with VS_EIO.
 */
int fetcher_new(struct fetcher **out, const struct vs_key *key, int threads,
    struct vs_err *err);

/* No job may be left.  NULL is nothing. */
void fetcher_free(struct fetcher *f);

/* Any thread.  Sets the job's work and owner; cancel and done are set. */
void fetcher_submit(struct fetcher *f, struct fetcher_job *j);

/* As crew_forget, of all. */
void fetcher_forget(struct fetcher *f);

#endif
