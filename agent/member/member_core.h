/*
 * The member engine's insides, for the files of this folder only.
 *
 * Invariants
 *  1. The mirror stands at exactly last_seq: an event is applied only if it
 *     is the next one, and in the transaction that moves last_seq.
 *  2. A chunk's bit is set only after part_sync; so what is recorded as
 *     received survives anything.
 *  3. A part gets its name only from verifying, with the hash the cloud
 *     named, over what the plan saw there or our own earlier copy; a copy
 *     here gets another name only after the same, and only while it is,
 *     to its ctime, what a pull left there.
 *  4. After a database error everything in memory is dropped and read again.
 *  5. While a chunk is still being written to a part on behalf of somebody
 *     who gave it up (a stray), nobody else works on that part.
 */
#ifndef MEMBER_CORE_H
#define MEMBER_CORE_H

#include "agent/member/member.h"
#include "agent/member/mirror.h"
#include "agent/member/pulls.h"
#include "common/net/backoff.h"

#define MEMBER_FILES_MAX 16
#define MEMBER_CHUNKS_MAX 16
#define MEMBER_UNSYNCED 16 /* chunks written before they are made durable */
#define MEMBER_SYNC_MS 1000
#define MEMBER_WAITING 64 /* pulls that wait without holding others up */
#define MEMBER_TOLD_MS 5000 /* between two words to the cloud of progress */
#define MEMBER_STALL_MS 10000 /* behind the log and nothing comes */
#define MEMBER_ROOT_MS 15000
#define MEMBER_CHECK_MS (5 * 60 * 1000) /* between comparisons of checksums */
#define MEMBER_SETTLE_MS 200 /* of quiet before one */
#define MEMBER_FAR 20000 /* events behind: the listing is shorter */
#define MEMBER_TRIES 3 /* wrong content before a pull fails */
#define MEMBER_REFUSALS 3 /* tickets refused without a chunk in between */
#define MEMBER_KEEP_MS (7 * 24 * 3600 * 1000LL) /* of ended pulls */

enum member_ask { ASK_NONE, ASK_HEAD, ASK_PAGE, ASK_CHECK };

struct member_follow {
	bool opening; /* the stream is asked for, or open */
	bool up;
	bool hello;
	int64_t head; /* the log's last seq as far as known */
	enum member_ask ask; /* request under way */
	uint64_t ask_id;
	bool relist; /* listings must be compared */
	bool listing; /* pages are being read */
	char log_id[48]; /* of the listing */
	int64_t base; /* seq the listing stands at, at least */
	char cursor[256];
	int64_t retry_ms; /* mono: not before */
	struct vs_backoff backoff;
	bool offline;
	int stop; /* VS_E* that only a person can mend, or VS_OK */
	char why[VS_ERR_MSG];
	int64_t applied_ms; /* mono: of the last event */
	int64_t stall_ms; /* mono: behind until then, the stream is no good */
	int64_t gap_seq; /* where the backlog had a gap, or -1 */
	struct vs_backoff differ; /* checksums that still do after a listing */
	int64_t check_ms; /* mono: compare checksums then */
	int tree_equal; /* -1 unknown, 0, 1 */
	struct vs_tree cloud_tree;
	int64_t last_ms; /* wall: of the last word from the cloud */
	int64_t since_hello; /* events applied */
};

struct member_chunk {
	uint64_t id; /* of the fetch; 0: free */
	int64_t chunk;
	size_t endpoint;
};

/* What is hashed for a pull: its part, what stands in its place, or a copy
   that it can be made of. */
enum member_hash { HASH_PART, HASH_PLACE, HASH_SOURCE };

/* A pull under way. */
struct member_active {
	struct pull *pull; /* NULL: free */
	struct target *target;
	json_t *endpoints;
	size_t endpoint; /* in use */
	size_t failed; /* endpoints in a row that did not answer */
	bool opened; /* the part */
	bool resumed; /* verifying when the program ended: look what is there */
	enum member_hash hashing; /* what the hash under way is of */
	struct disk_stat seen; /* there, before that hash or that copy */
	char place[VS_PATH_MAX + 1]; /* where it is to stand, once looked */
	bool remote; /* no copy here will do */
	bool moved; /* the copy here has this pull's name now */
	uint64_t ask_id; /* request under way, or 0 */
	bool renewing; /* it is for a new ticket */
	uint64_t granted; /* chunks from this id on have the ticket in use */
	int refusals; /* of tickets, since a chunk came */
	uint64_t hash_id; /* hash under way, or 0 */
	struct member_chunk chunks[MEMBER_CHUNKS_MAX];
	int64_t unsynced[MEMBER_UNSYNCED + MEMBER_CHUNKS_MAX];
	int unsynced_count;
	int64_t first; /* chunk: all before it are received */
	int64_t told_ms; /* mono: the cloud heard how far it is */
	int64_t sync_ms; /* mono: make them durable then */
	int64_t retry_ms; /* mono: not before */
	struct vs_backoff backoff;
};

/* A chunk that comes for nobody any more. */
struct member_stray {
	uint64_t id; /* 0: free */
	char part[40];
};

/* A pull that tries again later; its slot is another's meanwhile. */
struct member_waiting {
	char id[40]; /* "": free */
	char *path; /* malloc'd */
	int64_t retry_ms; /* mono */
	bool woken; /* that moment came */
	struct vs_backoff backoff;
};

struct member {
	struct member_world world;
	char *db_path;
	char *vfs;
	char project_id[40];
	char device_id[40];
	int files_max;
	int chunks_max;
	struct vs_now now;
	struct mirror mirror;
	struct member_follow follow;
	struct member_active active[MEMBER_FILES_MAX];
	struct member_stray strays[MEMBER_CHUNKS_MAX];
	struct member_waiting waiting[MEMBER_WAITING];
	uint64_t serial;
	bool paused;
	bool look_for_pulls; /* some may wait in the database */
	bool root_lost;
	bool sweep; /* parts may lie there that nobody knows */
	char root_why[VS_ERR_MSG];
	int64_t root_ms; /* mono: look then */
	bool fault;
	int fault_code;
	int odd; /* answers that no sound database gives, one after another */
	char fault_why[VS_ERR_MSG];
	int64_t reopen_ms;
	struct vs_backoff fault_backoff;
};

/* The database failed: all in memory is dropped; opened again later. */
void member_core_fault(struct member *m, const struct vs_err *err);

/* Tells whoever watches that the project's state is this now. */
void member_core_tell(struct member *m, const char *state);

/* A request of anybody's: its id. */
uint64_t member_core_send(struct member *m, const char *method,
    const char *path, const char *body, size_t max_body);

/* Writes what changed in the mirror and commits; negative: rolled back. */
int member_core_commit(struct member *m, struct vs_err *err);

#endif
