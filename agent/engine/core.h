/*
 * The engine's insides, for the files of this folder only.
 *
 * Invariants
 *  1. Nothing is told, sent or left (barrier) before the transaction that
 *     holds it is durable: struct stage collects, stage_commit lets go.
 *  2. A unit of work (a settling path, a folder to list, a hash under way)
 *     carries a gen and is left exactly once, or handed on.
 *  3. A deletion is staged only from a folder that was read to its end, and
 *     committed only while the root is the one known.
 *  4. After a database error or a lost root everything in memory is dropped
 *     and comes back by a full scan.
 */
#ifndef CORE_H
#define CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/engine/barrier.h"
#include "agent/engine/engine.h"
#include "agent/publish/dialect.h"
#include "agent/publish/size.h"
#include "agent/scan/dirq.h"
#include "agent/scan/ignore.h"
#include "agent/scan/settle.h"
#include "agent/state/state.h"
#include "common/base/limits.h"
#include "common/base/map.h"
#include "common/net/backoff.h"
#include "common/proto/batch.h"

#define CORE_JOBS_MAX 256 /* hashes under way */
#define CORE_LARGE (16 * 1024 * 1024) /* bytes; a hash that takes its time */
#define CORE_STAGE_MAX 500 /* changes in one transaction */
#define CORE_ROOT_CHECK_MS 15000
#define CORE_ROOT_LOST_MS 2000 /* between looks for a lost root */
#define CORE_TROUBLE_MS 60000 /* before an unreadable path is tried again */
#define CORE_BLIND_SCAN_MS 60000 /* at least, without enough watches */
#define CORE_COOKIE_MS 3000 /* before a barrier turns to a scan */
#define CORE_UUID 37

/* A hash under way. */
struct core_job {
	uint64_t id; /* 0: free */
	char *path;
	uint64_t gen;
	unsigned flags; /* enum settle_flags */
	bool large;
	int64_t asked_ms; /* wall; the reading begins later */
	struct disk_stat stat; /* as it was seen when asked for */
};

/* A folder that a look found gone, at that moment. */
struct core_kin {
	bool gone;
	int64_t at_ms; /* mono */
	size_t len;
	char dir[VS_PATH_MAX + 1];
};

/* A file that grows and grows (agent/scan/quiet.h). */
struct core_growing {
	int64_t account;
};

/* Changes of the open transaction, to be told once it is durable. */
struct core_stage {
	bool open;
	bool fresh; /* somebody works on what is in it */
	int64_t since_ms;
	int changes;
	int deletes;
	struct {
		enum engine_news news;
		char *path;
		const char *op;
		int64_t size;
	} told[CORE_STAGE_MAX];
	int told_count;
	uint64_t left[4 * CORE_STAGE_MAX]; /* gens to leave */
	int left_count;
};

/* A rescan: somebody's, or our own (done NULL). */
struct core_sweep {
	char *path;
	bool data;
	bool rows; /* look at every row, whatever is sealed */
	void (*done)(void *arg, int code, const struct engine_report *r);
	void *arg;
	struct engine_report report;
	int64_t start_ms;
	int64_t begin_ms; /* of its walk */
	int64_t walk_ms; /* how long it took; -1: not over */
	struct barrier_wait wait;
	struct core_sweep *next;
};

enum core_flush_stage {
	CORE_FLUSH_COOKIE, /* until the watcher has caught up */
	CORE_FLUSH_SCAN, /* until the scans that it asked for have begun */
	CORE_FLUSH_WORK, /* until what was found is durable */
	CORE_FLUSH_SENT, /* until it is in the cloud */
};

struct core_flush {
	void (*done)(void *arg, int code, const char *text);
	void *arg;
	enum core_flush_stage stage;
	char cookie[24];
	int64_t cookie_ms; /* give up on the cookie then */
	struct barrier_wait wait;
	int64_t mark; /* outbox ids up to this must be gone */
	bool scanned; /* since it asked */
	struct core_flush *next;
};

/* Why nothing is sent until a person acts. */
enum core_stop {
	CORE_GO = 0,
	CORE_STOP_AUTH,
	CORE_STOP_FORBIDDEN,
	CORE_STOP_GONE,
	CORE_STOP_STALE,
	CORE_STOP_NOT_PUBLISHER,
};

enum core_request {
	CORE_NO_REQUEST,
	CORE_BATCH,
	CORE_PAGE,
	CORE_HOLD,
	CORE_CHECK,
	CORE_PROBE,
	CORE_REPLAY,
};

struct core_cloud {
	enum core_request request; /* under way */
	uint64_t request_id;
	struct vs_batch_id batch; /* epoch; counter last used; follows */
	bool overtaken; /* the batch in flight, by the one ahead (ahead.h) */
	struct size size; /* of the next one */
	struct size_sent sent; /* the one in flight, so far without its ms */
	int64_t sent_ms; /* mono */
	int fails; /* times the server failed since it last took one */
	struct vs_backoff deferred; /* of changes that fail alone */
	int64_t deferred_ms; /* mono: not before */
	enum dialect dialect; /* who answers; durable */
	bool probe; /* ask who answers, next */
	char log_id[48];
	int64_t last_seq;
	int64_t last_ack_ms; /* wall */
	struct vs_backoff backoff;
	int64_t retry_ms; /* mono: not before */
	bool offline;
	char why[VS_ERR_MSG]; /* of offline or stop */
	enum core_stop stop;
	int tree_equal; /* -1 unknown, 0, 1 */
	int64_t check_ms; /* mono: ask for the checksum then */
	struct vs_tree tree; /* the cloud's, at the last answer */
	bool relist; /* the cloud's listing must be compared */
	bool relist_begun;
	char cursor[256];
	int64_t replayed; /* seq up to which a plain server's log is read */
	char hold_id[64]; /* of the decision under way */
	bool hold_approve;
	bool reconcile; /* after the listing: send what differs */
	bool unread; /* some of it could not be looked at */
	bool unsure; /* only a scan tells what the cloud is to hear */
	bool proven; /* the epoch was acknowledged since the state is open */
	bool wary; /* what is pending may be older than the disk */
};

/* What is wrong with the folder that is at the root's place. */
enum core_root_flaw {
	CORE_ROOT_GOOD,
	CORE_ROOT_ABSENT, /* there is none, or it cannot be looked at */
	CORE_ROOT_UNMARKED,
	CORE_ROOT_FOREIGN, /* another project's */
	CORE_ROOT_REPLACED, /* ours by its marker, and yet another one */
	CORE_ROOT_MOUNTED, /* the same, of another mount, while we looked */
};

struct core_root {
	bool lost;
	enum core_root_flaw flaw; /* of the lost one */
	bool seen; /* known.ino is filled */
	bool mounted; /* known.dev and a passing known.fsid are, too */
	struct disk_root known;
	int64_t check_ms; /* mono: next look */
	int64_t lost_ms; /* wall */
	char why[VS_ERR_MSG];
};

#define CORE_RULES_FILES 2 /* that may stand at the root */

struct core_rules {
	struct ignore *set; /* in force; never NULL in an open engine */
	bool ready; /* the files have been read once */
	bool hinted; /* they changed since */
	bool here[CORE_RULES_FILES]; /* it was there when last read */
	int64_t gone_ms[CORE_RULES_FILES]; /* mono: it was missed, 0: no */
	int64_t due_ms; /* mono: read them then */
	char why[VS_ERR_MSG]; /* they cannot be used; "" */
};

/* A start without a full scan (resume.h). */
struct core_resume {
	bool pending; /* what changed since the last run is being told */
	bool told; /* all of it was, and is being processed */
	bool owed; /* a full scan is: no mark holds */
	bool doubted; /* since the full scan under way began */
	bool moved; /* something was heard since mark was taken */
	int64_t until_ms; /* mono: a scan instead, unless told by then */
	struct barrier_wait wait; /* in use while told */
	char mark[DISK_MARK_SIZE]; /* all before it is durable here; "": none */
	char rules[VS_HASH_HEX + 1]; /* digest of those of the last run */
};

/* What waits in the outbox, as last counted for a report. */
struct core_counted {
	int64_t outbox;
	int64_t held;
	int64_t until_ms; /* mono: good enough so long, where it is much */
};

struct core_fault {
	bool on; /* the database is closed after an error */
	int code;
	int64_t reopen_ms; /* mono */
	struct vs_backoff backoff;
	char why[VS_ERR_MSG];
	bool suspect; /* it may be damaged */
	int odd; /* answers that no sound one gives, since a whole scan */
	int64_t rescued_ms; /* mono; made anew then, 0: never */
};

struct engine {
	struct engine_world world;
	char *db_path;
	char *vfs;
	char project_id[CORE_UUID];
	char device_id[CORE_UUID];
	char root_id[DISK_ID_SIZE];
	struct vs_now now;
	struct state state;
	struct settle *settle;
	struct dirq *dirq;
	int asked; /* of its folders, read ahead of their turn */
	bool idle; /* nobody waits for the scan that is under way */
	struct barrier barrier;
	struct core_job jobs[CORE_JOBS_MAX];
	struct vs_map *job_by_path;
	struct vs_map *growing; /* path to struct core_growing */
	int large_jobs; /* of jobs, those over CORE_LARGE */
	bool fresh; /* the path in hand was hinted at, not found by a scan */
	int jobs_max;
	int ahead_least; /* changes that a batch is fixed ahead for */
	uint64_t serial; /* of jobs and requests */
	struct core_stage stage;
	struct core_kin kin;
	struct core_sweep *sweep; /* under way */
	struct core_sweep *sweeps; /* waiting */
	struct core_flush *flushes;
	struct core_cloud cloud;
	struct core_root root;
	struct core_rules rules;
	struct core_fault fault;
	struct core_counted counted;
	struct core_resume resume;
	bool paused;
	bool list_first; /* as it was opened with */
	bool listing_first; /* until a first full scan has listed all */
	int64_t list_until_ms; /* mono: wait so long for the cloud's listing */
	int64_t last_delete_ms; /* mono: a deletion was found */
	bool swept; /* a full scan has ended since the start */
	bool stalled; /* listing waits for the settling paths */
	bool watch_limit; /* the system allowed no more watches */
	bool watch_short; /* likewise, in the sweep under way */
	int64_t walk_ms; /* how long the last full one took to walk */
	int64_t overflows;
	int64_t last_scan_ms; /* wall, 0: never */
	int64_t next_scan_ms; /* mono */
};

/* The database failed: everything stops, to be opened again later. */
void core_fault(struct engine *e, const struct vs_err *err);

/* Forgets all work in memory; waiting sweeps and barriers end with code. */
void core_drop_work(struct engine *e, int code, const char *why);

/* Tells whoever watches that the project's state changed. */
void core_tell_state(struct engine *e, const char *text);

#endif
