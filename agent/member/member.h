/*
 * The member's engine of one project: follows the cloud's log into a mirror
 * and pulls files.  Like the owner's engine it is synchronous, belongs to one
 * thread, reads no clock and opens no socket: what it wants done elsewhere it
 * asks of struct member_world.  Its database (mirror.db) holds the mirror,
 * the pulls with what they have received, and what was pulled.
 *
 * Following: the stream is opened with the last seq we have; the hello names
 * log and head, the backlog comes first.  A gap, another log_id or a checksum
 * that differs makes it compare listings; pushes are hints, the log is truth.
 *
 * Pulling: queued -> asked -> fetching -> verifying -> done; failed and
 * cancelled are ends, too.  A chunk counts as received once its bytes are
 * durable; a file appears under its name only after its whole hash is right;
 * what stands there and was changed here is never overwritten.  Content that
 * an earlier pull left in the folder under another name does not come over
 * the network again (reuse.h).
 *
 * A file of the member's own whose content is that of the version in the log
 * counts as pulled once a pull has met it: nothing of it is the member's
 * alone, and a later pull replaces it by a newer version as it would one it
 * had fetched.  From the first edit on it is one that was changed here.
 */
#ifndef MEMBER_H
#define MEMBER_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "agent/engine/engine.h" /* engine_send, engine_answer */
#include "agent/member/target.h"
#include "common/base/err.h"
#include "common/os/clock.h"
#include "common/os/rand.h"

struct member;

/*
 * One chunk.  With source it is copied from that file of the target
 * (part_copy, with is, and its codes).  Else: GET url with "Authorization:
 * Ticket TICKET", our certificate, and the server's key pinned; the body's
 * SHA-256 is in X-Chunk-SHA256 and is checked; then it is written to the
 * part.  Answered by member_fetched once, also when nobody wants it any more:
 * until then no other chunk goes to that part.
 */
struct member_fetch {
	uint64_t id;
	const char *url; /* https://host:port/v1/transfers/ID/chunks/N */
	const char *ticket;
	const char *pin;
	struct target *target;
	const char *part; /* name for target->part_write */
	int64_t off; /* bytes */
	int64_t len;
	const char *source; /* NULL: from the network */
	const struct disk_stat *is; /* the source's */
};

enum member_news {
	MEMBER_CHANGED, /* the mirror: path, op, seq, size */
	MEMBER_CAUGHT_UP, /* n events later at seq */
	MEMBER_PULL, /* a pull moved: text is its state; path, size, n bytes */
	MEMBER_STATE, /* text: the project's state changed */
};

struct member_event {
	enum member_news news;
	const char *path;
	const char *op;
	const char *text;
	const char *pull; /* id, or NULL */
	int64_t seq;
	int64_t size;
	int64_t n;
};

struct member_world {
	void *arg;
	struct target *target;
	/* another folder to pull into (vsync pull -o); NULL when it cannot
	   be had; stays valid until the engine is closed */
	struct target *(*target_at)(void *arg, const char *dir);
	struct vs_rand *rand;
	/* a request to the cloud; member_answered */
	void (*send)(void *arg, const struct engine_send *s);
	/* opens the stream at path (below the server's URL); then
	   member_stream_up, _text..., _down.  NULL path: close it, and
	   nothing more is heard of it */
	void (*stream)(void *arg, const char *path);
	void (*fetch)(void *arg, const struct member_fetch *f);
	/* hashes a part (path false) or a file of the folder (path true);
	   member_hashed */
	void (*hash)(void *arg, uint64_t id, struct target *target,
	    const char *name, bool path);
	void (*tell)(void *arg, const struct member_event *e);
	/* as engine_world's */
	int (*set_aside)(void *arg, const char *path, char *aside, size_t cap,
	    struct vs_err *err);
};

struct member_options {
	const char *db_path;
	const char *vfs; /* NULL: the default */
	const char *project_id;
	const char *device_id;
	int files; /* pulled at the same time */
	int chunks; /* under way at the same time, over all files */
};

/*
 * Opens its database, a new one if there is none.  Borrowed: world and what
 * it names.  Errors as vs_db_open's, and there is no *out then.
 */
int member_open(struct member **out, const struct member_world *world,
    const struct member_options *o, struct vs_now now, struct vs_err *err);

/* Drops all in memory; what is durable is durable.  NULL is nothing. */
void member_close(struct member *m);

/* As engine_step. */
int64_t member_step(struct member *m, struct vs_now now);

/* The stream is open. */
void member_stream_up(struct member *m, struct vs_now now);

/* A message of it, len bytes of text. */
void member_stream_text(
    struct member *m, const char *text, size_t len, struct vs_now now);

/*
 * It is over or could not be opened: VS_EAUTH, VS_ENOENT and VS_EFORBIDDEN are
 * the cloud's last word; anything else, VS_OK, too, is tried again.
 */
void member_stream_down(
    struct member *m, int code, const char *why, struct vs_now now);

/* The world's answer to send; an id that nobody waits for is nothing. */
void member_answered(struct member *m, uint64_t id,
    const struct engine_answer *a, struct vs_now now);

/*
 * code: VS_OK (written); VS_ENET, VS_ETIMEDOUT (another endpoint may do);
 * VS_EFORBIDDEN (ticket); VS_ECHANGED (412); VS_ENOENT (404); VS_EPROTO (not
 * the bytes it should be); VS_ENOSPC and VS_EIO (our own disk).
 */
void member_fetched(struct member *m, uint64_t id, int code, const char *why,
    struct vs_now now);

/* The world's answer to hash: VS_OK with sha256, or negative. */
void member_hashed(struct member *m, uint64_t id, int code,
    const uint8_t sha256[VS_SHA256_SIZE], struct vs_now now);

/* How a pull is wanted. */
struct member_want {
	bool dry; /* the plan only */
	bool force; /* files that were changed here are replaced, too */
	const char *out; /* absolute folder to pull into instead; or NULL */
};

/*
 * Plans paths (files, folders, "" for all; n of them) and, unless dry, queues
 * what is to be fetched.  Returns the plan: {files:[{path,size,action,reason,
 * place?}], fetch_files, fetch_bytes, reuse_files, reuse_bytes, have_files,
 * have_bytes, conflicts, space, enough, pulls:[id]} with action fetch, reuse
 * (a copy here has that content), have, conflict, refuse, and place where it
 * does not stand under its own name here; a new reference, or NULL with err:
 * VS_ENOENT for a path the mirror does not know, VS_ENOSPC...
 */
json_t *member_pull(struct member *m, const char *const *paths, size_t n,
    const struct member_want *want, struct vs_now now, struct vs_err *err);

/* A pull by id, or all (NULL): those that run end; parts are dropped. */
int member_cancel(
    struct member *m, const char *id, struct vs_now now, struct vs_err *err);

/* Durable: a paused project stays so over a restart; it asks for nothing. */
int member_pause(struct member *m, bool paused, struct vs_err *err);

/*
 * Documents for the control socket; new references, NULL out of memory.
 *
 * As engine_status, with role "member".
 */
json_t *member_status(struct member *m, struct vs_now now);

/*
 * A page of the mirror: at most limit rows after cursor, below path (with
 * recursive), in it, or itself.  Rows: path, name, size, kind, hash,
 * modified_at, version, seq, badge ('=' here and whole, '-' not here, '~'
 * being pulled, '!' changed here or conflict, 'x' failed, '*' being recorded
 * at the owner's), place as in a plan.  NULL with err also for a path that
 * the mirror does not know (VS_ENOENT), and when the database failed.
 */
json_t *member_list(struct member *m, const char *path, bool recursive,
    const char *cursor, int limit, struct vs_err *err);

/* The pulls, those that have not ended first: at most limit. */
json_t *member_transfers(struct member *m, int limit);

/* As engine_why. */
json_t *member_why(struct member *m, const char *path, struct vs_now now);

/* Every row of the mirror, for comparing in tests. */
int member_each(struct member *m,
    int (*each)(void *arg, const struct vs_change *row), void *arg,
    struct vs_err *err);

#endif
