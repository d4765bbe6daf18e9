/*
 * The owner's engine of one project: hints in, durable changes out.
 *
 *   hint -> settle -> look -> hash -> commit -> batch -> send -> ack
 *
 * It owns the project's state (manifest and outbox) and belongs to one
 * thread, which may block on its disk and its database; it reads no clock,
 * opens no socket, and starts no thread.  Time comes with each call; what it
 * wants done elsewhere (hash a file, send a batch) it asks of struct
 * engine_world, and hears of it later.  So it runs unchanged under the
 * simulator.
 *
 * Crash-only: opening is recovery.  When its database fails, it closes it,
 * says so, and opens it again after a pause, with a full scan.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "agent/scan/disk.h"
#include "agent/watch/watch.h"
#include "common/base/err.h"
#include "common/os/clock.h"
#include "common/os/rand.h"

struct engine;

/* A file to hash; answered by engine_hashed with the same id. */
struct engine_hash {
	uint64_t id;
	const char *path; /* valid during the call */
	int64_t size; /* as last seen, for choosing a lane */
	bool fresh; /* somebody waits for it: before its like */
	bool held; /* read it even if a writer has it open */
};

/* A request to the cloud; answered by engine_answered with the same id. */
struct engine_send {
	uint64_t id;
	const char *method; /* "POST" or "GET" */
	const char *path; /* below the server's URL */
	const char *body; /* valid during the call; NULL for GET */
	size_t len;
	size_t max_body; /* largest answer to take, bytes */
};

struct engine_answer {
	int code; /* VS_OK when an HTTP answer came */
	const char *why; /* transport error's message */
	long status;
	const char *type; /* Content-Type */
	int64_t retry_after_ms; /* -1: none */
	const char *body; /* NUL-terminated */
	size_t len;
};

/* Things worth telling whoever watches; strings valid during the call. */
enum engine_news {
	ENGINE_COMMITTED, /* path: op known and durable here */
	ENGINE_PUBLISHED, /* path: op in the cloud's log at seq */
	ENGINE_HELD, /* deletions wait for a person; n of them */
	ENGINE_REFUSED, /* path refused; text says why */
	ENGINE_RECORDING, /* path is being written */
	ENGINE_SCANNED, /* a full scan ended; n entries seen */
	ENGINE_STATE, /* text: the project's state changed */
};

struct engine_event {
	enum engine_news news;
	const char *path;
	const char *op;
	const char *text;
	int64_t seq;
	int64_t size;
	int64_t n;
	int64_t ms; /* ENGINE_SCANNED: how long walking the folder took */
};

/* The world, as far as the engine asks for it. */
struct engine_world {
	void *arg;
	struct disk *disk;
	struct vs_rand *rand;
	void (*hash)(void *arg, const struct engine_hash *h);
	void (*send)(void *arg, const struct engine_send *s);
	void (*tell)(void *arg, const struct engine_event *e);
	/*
	 * The database at path (closed) is damaged: it goes to another name
	 * beside it, with all that belongs to it; aside (cap bytes) says
	 * where.  NULL: it stays, and so does the engine's fault.
	 */
	int (*set_aside)(void *arg, const char *path, char *aside, size_t cap,
	    struct vs_err *err);
};

struct engine_options {
	const char *db_path;
	const char *vfs; /* NULL: the default */
	const char *project_id;
	const char *device_id;
	const char *root_id; /* marker's id, as given by init */
	int hash_jobs; /* hashes under way at most */
	int ahead_least; /* changes a batch is fixed ahead for; 0: usual */
	bool list_first; /* a new state publishes names before hashes */
};

/*
 * Opens the state and plans the first full scan, unless the watcher tells
 * what changed since the last run (resume.h).  Borrowed: world and what it
 * names.  VS_ESCHEMA, VS_ECORRUPT, VS_EBUSY, ... as vs_db_open.
 */
int engine_open(struct engine **out, const struct engine_world *world,
    const struct engine_options *o, struct vs_now now, struct vs_err *err);

/*
 * Drops everything in memory; what is durable is durable.  How far the
 * watcher had told is left for the next start.
 */
void engine_close(struct engine *e);

/* From the watcher. */
void engine_hint(
    struct engine *e, const struct watch_hint *h, struct vs_now now);

/* Events may be missing (queue full in our own process, wake from sleep). */
void engine_doubt(struct engine *e, const char *why, struct vs_now now);

/*
 * The world's answer to hash; code is VS_OK or negative, and then h is not
 * looked at.  An id that nobody waits for is nothing.
 */
void engine_hashed(struct engine *e, uint64_t id, int code,
    const struct disk_hash *h, struct vs_now now);

/* The world's answer to send; likewise. */
void engine_answered(struct engine *e, uint64_t id,
    const struct engine_answer *a, struct vs_now now);

/*
 * Does a bounded piece of what is due.  Returns the mono_ms at which it
 * wants to be called again at the latest: now.mono_ms when there is more to
 * do at once, INT64_MAX when only the outside can bring work.
 */
int64_t engine_step(struct engine *e, struct vs_now now);

/* What a scan came to. */
struct engine_report {
	int64_t entries; /* looked at */
	int64_t changed; /* changes found */
	int64_t errors; /* folders or files that could not be read */
	int64_t ms; /* from the call to the end */
};

/*
 * Reconciles path ("" for all) with the disk now; data: contents are read
 * again even where the stat is unchanged.  done is called once, when what
 * was found is durable in the manifest and outbox (VS_OK), or with
 * VS_EROOT, VS_ENOENT, VS_EIO, VS_ECANCELED (closing).  It is not called
 * after an error is returned.
 */
int engine_rescan(struct engine *e, const char *path, bool data,
    void (*done)(void *arg, int code, const struct engine_report *r), void *arg,
    struct vs_now now, struct vs_err *err);

/* Durable: a paused project stays so over a restart; it sends nothing. */
int engine_pause(struct engine *e, bool paused, struct vs_err *err);

/*
 * Held deletions: approve sends them, reject forgets them (the files stay
 * listed until they are really seen gone again by a scan).
 */
int engine_decide(
    struct engine *e, bool approve, struct vs_now now, struct vs_err *err);

/*
 * A barrier: done is called once everything that was on the disk before the
 * call is in the cloud (VS_OK), or cannot get there by itself: VS_EHELD,
 * VS_EROOT, VS_EAUTH, VS_ECANCELED (closing).  text says why.
 */
int engine_flush(struct engine *e,
    void (*done)(void *arg, int code, const char *text), void *arg,
    struct vs_now now, struct vs_err *err);

/* Waits no more for the barrier with that arg: its done is not called. */
void engine_flush_cancel(struct engine *e, void *arg);

/*
 * The root was replaced on purpose (a backup put back, another disk): the
 * folder that is there now is the project's from here on, durably.  All of
 * it is scanned and compared with the cloud; what it lacks is deleted only
 * by the rule for held deletions.  new_marker: one without a marker gets
 * ours.  VS_ENOENT: nothing to adopt, the root is the one that is known;
 * VS_EROOT: there is no folder, or no marker; VS_ECONFLICT: the marker is
 * another project's.
 */
int engine_adopt(
    struct engine *e, bool new_marker, struct vs_now now, struct vs_err *err);

/*
 * The cloud has made this device the project's publisher: a new epoch
 * begins, the cloud's listing is compared with the disk, and what differs is
 * published.
 */
int engine_took_over(struct engine *e, struct vs_now now, struct vs_err *err);

/*
 * Documents for the control socket, as common/proto/control.h has them; new
 * references, NULL out of memory.
 *
 * GET /v1/status: the project's part of it.
 */
json_t *engine_status(struct engine *e, struct vs_now now);

/* GET /v1/why: what is known of path, and what it waits for. */
json_t *engine_why(struct engine *e, const char *path, struct vs_now now);

/* GET /v1/held: at most limit paths, and how many there are. */
json_t *engine_held(struct engine *e, int limit);

/*
 * What the ignore rules in force say of path: {path, ignored,
 * entered, rule, source, line, class}, as GET /v1/check-ignore gives it.  A
 * new reference; NULL with err where they were never read: VS_EBUSY.
 */
json_t *engine_ignored(struct engine *e, const char *path, struct vs_err *err);

/* Why the rules' files cannot be used, or "": then those in force are old. */
const char *engine_rules_fault(const struct engine *e);

/* A file's content, as long as its stat is this one, beneath this root. */
struct engine_lookup {
	uint8_t hash[VS_SHA256_SIZE];
	struct disk_stat stat;
	uint64_t root_dev;
	uint64_t root_ino;
};

/*
 * What the manifest says of the regular file at path, for whoever serves its
 * content.  VS_ENOENT for what is not published, or no file; VS_EROOT while
 * the folder is not there; what the database said.
 */
int engine_lookup(struct engine *e, const char *path, struct engine_lookup *out,
    struct vs_err *err);

/*
 * Everything the manifest holds, in no special order: for comparing, in
 * tests and in the demonstration.  each gets rows of struct vs_change
 * (VS_OP_CREATE).
 */
int engine_each(struct engine *e,
    int (*each)(void *arg, const struct vs_change *row), void *arg,
    struct vs_err *err);

#endif
