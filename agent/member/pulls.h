/*
 * The pulls of a project, with what each has received: rows of the member's
 * database.
 */
#ifndef PULLS_H
#define PULLS_H

#include "agent/member/mirror.h"

#define PULLS_CHUNK (4LL * 1024 * 1024) /* bytes */

/*
 * The allowed moves are in pulls_move.  What is made of a copy that is here
 * is not asked for: queued -> fetching (copied) or -> verifying (moved).
 */
enum pull_state {
	PULL_QUEUED = 0, /* nothing is asked yet */
	PULL_ASKED = 1, /* of the cloud: a transfer and a ticket */
	PULL_FETCHING = 2,
	PULL_VERIFYING = 3, /* all is there; the whole is hashed */
	PULL_DONE = 10, /* ends */
	PULL_FAILED = 11,
	PULL_CANCELLED = 12,
};

struct pull {
	char id[40]; /* also the name of its part */
	char path[VS_PATH_MAX + 1];
	char hash[VS_HASH_OPAQUE + 1];
	int64_t size;
	bool has_mtime;
	int64_t mtime_us;
	int mode;
	int64_t version;
	enum pull_state state;
	char transfer[40];
	char *ticket; /* malloc'd, never NULL */
	char pin[64];
	char *endpoints; /* JSON array of URLs; malloc'd, never NULL */
	uint8_t *received; /* a bit a chunk; malloc'd */
	int64_t bytes; /* durable */
	char error[VS_ERR_MSG];
	int exit; /* of a failed one: an enum vs_exit, else 0 */
	int tries;
	bool force;
	char out[VS_PATH_MAX + 1]; /* other folder to pull into, or "" */
	int64_t ended_ms; /* wall */
	char source[VS_PATH_MAX + 1]; /* a copy in the folder, or "" */
};

/* A new one for row; NULL out of memory. */
struct pull *pulls_new(
    const char *id, const struct mirror_row *row, bool force);

/* NULL is nothing. */
void pulls_free(struct pull *p);

/* Of how many chunks it is; 0 for an empty file. */
int64_t pulls_chunks(const struct pull *p);

/* True if that chunk (0, 1, ...) is here and durable. */
bool pulls_has(const struct pull *p, int64_t chunk);

/* Bytes of that chunk. */
int64_t pulls_chunk_len(const struct pull *p, int64_t chunk);

/* Sets the bit and counts the bytes. */
void pulls_mark(struct pull *p, int64_t chunk);

/* Nothing is received any more. */
void pulls_clear(struct pull *p);

/* True if from may become to. */
bool pulls_move(enum pull_state from, enum pull_state to);

/* "queued", ... as people and the control socket read it; static. */
const char *pulls_state_name(enum pull_state s);

/* 1 with *out (caller frees), 0, negative. */
int pulls_get(
    struct mirror *m, const char *id, struct pull **out, struct vs_err *err);

/* Writes p as of wall_ms, over an older row of its id. */
int pulls_put(struct mirror *m, const struct pull *p, int64_t wall_ms,
    struct vs_err *err);

/* Ids of those that have not ended, oldest first: each may write. */
int pulls_live(struct mirror *m, int limit,
    int (*each)(void *arg, const char *id), void *arg, struct vs_err *err);

/*
 * The same of those that want this content in the project's own folder, but
 * for the one named.
 */
int pulls_of_hash(struct mirror *m, const char *hash, const char *but,
    int limit, int (*each)(void *arg, const char *id), void *arg,
    struct vs_err *err);

/* How many have not ended, and the bytes that they have yet to receive. */
int pulls_live_count(
    struct mirror *m, int64_t *count, int64_t *bytes, struct vs_err *err);

/* The latest pull of path to out ("" or a folder): 1, 0, negative. */
int pulls_of_path(struct mirror *m, const char *out, const char *path,
    char id[40], enum pull_state *state, struct vs_err *err);

/* Live ones first, then the newest. */
int pulls_list(struct mirror *m, int limit,
    int (*each)(void *arg, const struct pull *p), void *arg,
    struct vs_err *err);

/* Forgets those that ended before wall_ms. */
int pulls_forget(struct mirror *m, int64_t wall_ms, struct vs_err *err);

#endif
