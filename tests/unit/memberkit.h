/*
 * A member's engine for unit tests: its folder and its database in memory,
 * and a small cloud with a source behind it that answer as the real ones do,
 * unless a test holds them back or answers in their place.
 */
#ifndef MEMBERKIT_H
#define MEMBERKIT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <jansson.h>

#include "agent/member/member.h"
#include "common/crypto/tree.h"
#include "tests/sim/memfs.h"
#include "tests/sim/memtarget.h"
#include "tests/sim/memvfs.h"
#include "tests/sim/table.h"

#define MEMBERKIT_LOG "10000000-0000-4000-8000-000000000001"
#define MEMBERKIT_MAX 64 /* of what is under way; events of a log: more */

struct memberkit;

/* A request that has no answer yet; body "" when there is none. */
struct memberkit_send {
	uint64_t id;
	char method[8];
	char path[400];
	char body[600];
};

struct memberkit_fetch {
	uint64_t id;
	char url[200];
	char ticket[32];
	char part[40];
	struct target *target;
	int64_t off;
	int64_t len;
	char source[300]; /* "": from the network */
	struct disk_stat is;
};

struct memberkit_hash {
	uint64_t id;
	struct target *target;
	char name[300];
	bool path;
};

/* A file's content as the source has it, and as the log names it. */
struct memberkit_file {
	char path[300];
	uint8_t *data;
	size_t len;
	char hash[65];
	struct memberkit_file *next;
};

struct memberkit {
	struct vs_rand rand;
	struct vs_now now;
	struct memfs *fs;
	struct memfs *other; /* what "/other" leads to */
	struct memtarget *disk;
	struct memtarget *elsewhere;
	struct memvfs *vfs;
	struct member *m; /* NULL while it is down */
	int files; /* options of the next start */
	int chunks;

	/* the cloud */
	char log_id[40];
	int64_t seq;
	struct table rows;
	char *event[4096]; /* by seq, JSON */
	struct memberkit_file *file;
	const char *endpoints; /* JSON array */
	int transfers; /* handed out */
	int tickets; /* the latest's number */
	int least_ticket; /* that the source takes */
	int64_t pushed; /* seq that the open stream has brought */
	int page; /* events of a message */
	bool tells; /* the stream brings checksums */
	bool off_line; /* the stream is refused */
	bool hold_send;
	bool hold_fetch;
	bool hold_hash;
	/* in the source's place: the code of a chunk, 1 for the usual */
	int (*chunk)(struct memberkit *k, const struct memberkit_fetch *f);
	int flips; /* chunks to come that get a wrong bit */

	/* what the engine wants */
	char stream[300]; /* "" when closed */
	bool up;
	int streams; /* opened so far */
	struct memberkit_send send[MEMBERKIT_MAX];
	int sends;
	struct memberkit_fetch fetch[MEMBERKIT_MAX];
	int fetches;
	struct memberkit_hash hash[MEMBERKIT_MAX];
	int hashes;

	/* counted */
	int asked_heads; /* pages of events */
	int asked_pages; /* of listings */
	int asked_downloads;
	int asked_tickets;
	int fetched; /* chunks that were served */
	int copied; /* chunks of files that are there */
	char patched[32]; /* the latest status */
	int changes; /* MEMBER_CHANGED */
	int caught_up;
	char states[4096]; /* texts of MEMBER_STATE, each with a ';' */
	char pull[32]; /* the latest MEMBER_PULL's state */
};

struct memberkit *memberkit_new(void);
void memberkit_free(struct memberkit *k);

void memberkit_start(struct memberkit *k);
/* Ends the process, with the machine if power; what was under way goes. */
void memberkit_stop(struct memberkit *k, bool power);

/* The owner: a file of len bytes made of the seed, its end, a rename. */
void memberkit_put(
    struct memberkit *k, const char *path, size_t len, unsigned seed);
void memberkit_mkdir(struct memberkit *k, const char *path);
void memberkit_remove(struct memberkit *k, const char *path);
void memberkit_move(struct memberkit *k, const char *from, const char *to);
/* The source's file changes and nobody hears of it. */
void memberkit_silently(
    struct memberkit *k, const char *path, size_t len, unsigned seed);

/* The source's file at path, or NULL. */
struct memberkit_file *memberkit_file(struct memberkit *k, const char *path);

/* The log's events after seq are pushed. */
void memberkit_push(struct memberkit *k);
/* One message of the stream. */
void memberkit_text(struct memberkit *k, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void memberkit_cut(struct memberkit *k, int code);

/* Everybody does what is due until nothing is; no time passes. */
void memberkit_run(struct memberkit *k);
/* The same while ms pass. */
void memberkit_pass(struct memberkit *k, int64_t ms);

/* Answers the request that was sent first. */
void memberkit_answer(struct memberkit *k, int status, const char *body);
/* Ends the first chunk or hash under way as told. */
void memberkit_fetched(struct memberkit *k, int code);
void memberkit_hashed(struct memberkit *k, int code);

/* Pulls one path; the plan, which the caller owns. */
json_t *memberkit_pull(
    struct memberkit *k, const char *path, const struct member_want *want);
/* The same and asserts how many files are fetched and in conflict. */
void memberkit_want(
    struct memberkit *k, const char *path, int fetch, int conflicts);

/* Asserts that the mirror is the cloud's rows. */
void memberkit_mirrored(struct memberkit *k);
/* Asserts that the folder has the file of the log at path. */
void memberkit_has(struct memberkit *k, struct memfs *fs, const char *path);
/* Writes a file of a person's own into the folder. */
void memberkit_edit(struct memberkit *k, const char *path, const char *text);
/* True if the folder's file is that text. */
bool memberkit_is(struct memberkit *k, const char *path, const char *text);

/* A member of the status, of the latest transfer, the badge of a path. */
const char *memberkit_state(struct memberkit *k, char out[32]);
json_t *memberkit_transfer(struct memberkit *k);
char memberkit_badge(struct memberkit *k, const char *path);

/* A file is in the log and wanted; the first chunks are under way. */
void memberkit_begin(struct memberkit *k, const char *path, size_t len);
/* Bytes that the latest pull has for good. */
int64_t memberkit_received(struct memberkit *k);
/* Asserts how the latest pull ended, with a piece of its error. */
void memberkit_ended(struct memberkit *k, const char *state, const char *error);

#endif
