/*
 * Where the cloud keeps things.  A struct of functions (sqlite.c; a
 * server-based one joins behind it): sets of rows in, sets of rows out, no
 * rule of the business.
 *
 * A struct store belongs to one thread.  Every call below happens between
 * begin and commit or rollback: on the writer that is a write transaction,
 * on a read-only store one unmoving view of the data.  Inside it the writer
 * may set one savepoint at a time:
 *
 *   begin
 *     savepoint; ...; release           keep what was done since
 *     savepoint; ...; rollback_to       undo what was done since
 *   commit                              VS_OK: durable, all of it
 *
 * After VS_EIO, VS_ENOSPC or VS_ECORRUPT, or when commit fails in any way,
 * the transaction is lost and the store is used up: failed() tells the
 * code, and the owner rolls back, closes and opens anew; it never tries the
 * commit again (an fsync that failed cannot be repeated).
 *
 * Functions return 0 or a negative VS_E* code with err set; err may be
 * NULL.  Strings in rows that are handed in are borrowed for the call;
 * strings in rows that are handed out live until the row function returns.
 * A row function returns 0 to go on, a positive number to stop (the call
 * then returns VS_OK), or a negative code, which the call returns.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/crypto/sha256.h"
#include "common/crypto/tree.h"
#include "common/os/rand.h"
#include "common/proto/change.h"

#define STORE_ID 37 /* bytes of a UUID, NUL included */
#define STORE_EPOCH 40
#define STORE_NAME 256 /* bytes of a name, NUL included */

struct store_user {
	char id[STORE_ID];
	char name[STORE_NAME]; /* unique */
	int64_t created_ms;
};

struct store_token {
	char id[STORE_ID];
	char user_id[STORE_ID];
	char user_name[STORE_NAME]; /* handed out only */
	uint8_t hash[VS_SHA256_SIZE]; /* of the token's text */
	int64_t created_ms;
};

struct store_device {
	const char *id;
	const char *user_id;
	const char *name;
	const char *endpoints; /* JSON array */
	const char *public_key_pin; /* or NULL */
	const char *seal_public_key; /* or NULL */
	const uint8_t *ticket_key; /* 32 bytes */
	int64_t created_ms;
};

enum store_role { STORE_NOBODY, STORE_MEMBER, STORE_OWNER };

/* A project and the head of its log. */
struct store_project {
	int64_t no; /* the store's own number; 0 before it is stored */
	char id[STORE_ID];
	char owner_id[STORE_ID];
	char name[STORE_NAME];
	char log_id[STORE_ID];
	int64_t last_seq; /* of the log, 0: empty */
	int64_t stamp_us; /* largest of its files */
	struct vs_tree tree; /* of the live rows */
	int64_t files; /* live rows that are no directories */
	int64_t baseline; /* most of them since the last approval */
	char publisher[STORE_ID]; /* device, "" before the first */
	int64_t generation; /* of the publisher, 0 before the first */
	int64_t created_ms;
};

struct store_file {
	const char *path;
	enum vs_kind kind;
	const char *hash; /* or NULL */
	int64_t size;
	bool has_mtime;
	int64_t mtime_us;
	int mode; /* -1: never said */
	const char *link_target; /* or NULL */
	bool recording;
	int64_t version; /* 1, 2, ... */
	int64_t seq; /* of its last event */
	int64_t created_ms;
	int64_t stamp_us; /* last change; unique and rising in a project */
	bool deleted;
	int64_t deleted_ms; /* when deleted */
	const char *deleted_by; /* user id, or NULL */
	const char *hold_id; /* of a deletion that waits, or NULL */
};

struct store_event {
	int64_t seq;
	const char *change; /* JSON object */
	int64_t created_ms;
};

/* What is known of a device's batches in one epoch. */
struct store_epoch {
	char device_id[STORE_ID];
	char epoch[STORE_EPOCH];
	int64_t generation; /* the publisher's when it began */
	int64_t counter; /* of the latest batch */
	uint8_t digest[VS_SHA256_SIZE]; /* of that batch's body */
	bool current; /* the device's latest epoch */
	char *answer; /* to that batch; handed out malloc'd; may be NULL */
	size_t answer_len;
};

/* Deletions of one request that wait for a person. */
struct store_hold {
	char id[STORE_ID];
	char device_id[STORE_ID]; /* or "" */
	int64_t created_ms;
	int64_t count; /* of its paths; handed out only */
};

/* An invitation to a project; for one person. */
struct store_invite {
	uint8_t hash[VS_SHA256_SIZE]; /* of the token's text */
	char project_id[STORE_ID];
	int64_t project; /* its number */
	char used_by[STORE_ID]; /* user, "" while it is open */
	int64_t created_ms;
	int64_t expires_ms;
};

struct store_member {
	char user_id[STORE_ID];
	char name[STORE_NAME];
	enum store_role role;
	int64_t joined_ms;
};

enum store_status {
	STORE_PENDING,
	STORE_IN_PROGRESS,
	STORE_COMPLETED,
	STORE_FAILED,
	STORE_CANCELLED,
};

#define STORE_ROUTE 16 /* bytes, NUL included */

/* A file on its way from a device to a device. */
struct store_transfer {
	char id[STORE_ID];
	char requester_id[STORE_ID]; /* user */
	char requester_device[STORE_ID]; /* or "" */
	char source_id[STORE_ID]; /* user */
	char source_device[STORE_ID];
	char source_name[STORE_NAME]; /* of the device; handed out only */
	char path[VS_PATH_MAX + 1];
	char hash[VS_HASH_OPAQUE + 1];
	int64_t size; /* bytes */
	int64_t version; /* of the file */
	enum store_status status;
	bool verdict; /* the requester said so */
	char route[STORE_ROUTE]; /* or "" */
	char error[VS_ERR_MSG]; /* or "" */
	int64_t created_ms;
	int64_t ended_ms; /* 0 while it goes on */
	int64_t bytes; /* that have arrived */
	/* the running figures, in a row of their own; 0 without one */
	int64_t started_ms; /* when bytes began to come, this time */
	int64_t started_bytes; /* how many there were then */
	int64_t updated_ms; /* when bytes was told */
	int64_t pushed_ms; /* when subscribers last heard of it */
};

/* A milestone of a transfer. */
struct store_milestone {
	const char *type; /* "started", ... */
	const char *user_id; /* who told */
	int64_t at_ms;
	int64_t bytes; /* that had arrived */
};

/* Which transfers of a project. */
struct store_transfers {
	const char *user_id; /* this requester's; NULL for all */
	int status; /* enum store_status, -1 for all */
	int64_t limit;
};

/* Which rows of a listing. */
struct store_range {
	const char *prefix; /* only below this folder; "" for all */
	bool deleted; /* deleted ones too */
	int64_t after_us; /* by stamp: only later ones; -1 for all */
	const char *from; /* by path: from here (inclusive); NULL: by stamp */
	int64_t limit; /* rows at most */
};

struct store;

struct store_ops {
	void (*close)(struct store *s); /* rolls back */
	int (*begin)(struct store *s, struct vs_err *err);
	int (*commit)(struct store *s, struct vs_err *err);
	void (*rollback)(struct store *s); /* never fails */
	int (*savepoint)(struct store *s, struct vs_err *err);
	int (*release)(struct store *s, struct vs_err *err);
	int (*rollback_to)(struct store *s, struct vs_err *err);
	int (*failed)(const struct store *s); /* VS_OK, or see above */
	/* outside a transaction, in a quiet moment: moves the WAL home */
	int (*tidy)(struct store *s, struct vs_err *err);

	/* VS_EEXIST when the name is taken */
	int (*user_put)(
	    struct store *s, const struct store_user *u, struct vs_err *err);
	/* VS_ENOENT for nobody, here and below */
	int (*user_named)(struct store *s, const char *name,
	    struct store_user *u, struct vs_err *err);
	int (*token_put)(
	    struct store *s, const struct store_token *t, struct vs_err *err);
	/* the user of a token that is not revoked */
	int (*token_user)(struct store *s, const uint8_t hash[VS_SHA256_SIZE],
	    struct store_user *u, struct vs_err *err);
	int (*token_revoke)(
	    struct store *s, const char *id, struct vs_err *err);
	/* those that are not revoked, by user's name and time */
	int (*tokens)(struct store *s,
	    int (*row)(void *arg, const struct store_token *t), void *arg,
	    struct vs_err *err);

	int (*device_put)(
	    struct store *s, const struct store_device *d, struct vs_err *err);
	/* VS_ENOENT unless the device is that user's */
	int (*device_check)(struct store *s, const char *id,
	    const char *user_id, struct vs_err *err);
	/* new endpoints of a device of that user, and its pin unless that is
	   NULL; VS_ENOENT */
	int (*device_move)(
	    struct store *s, const struct store_device *d, struct vs_err *err);
	/* the device of that id (NULL: the user's newest that has a pin; the
	   user is NULL: anybody's); VS_ENOENT */
	int (*device_get)(struct store *s, const char *id, const char *user_id,
	    int (*row)(void *arg, const struct store_device *d), void *arg,
	    struct vs_err *err);

	/* sets p->no */
	int (*project_put)(
	    struct store *s, struct store_project *p, struct vs_err *err);
	/* the project and user_id's role; VS_ENOENT for a stranger */
	int (*project_get)(struct store *s, const char *id, const char *user_id,
	    struct store_project *p, enum store_role *role, struct vs_err *err);
	/* writes last_seq to generation */
	int (*project_save)(
	    struct store *s, const struct store_project *p, struct vs_err *err);
	/* those user_id may see, oldest first */
	int (*projects)(struct store *s, const char *user_id,
	    int (*row)(
		void *arg, const struct store_project *p, enum store_role role),
	    void *arg, struct vs_err *err);
	/* the project for nobody in particular; VS_ENOENT */
	int (*project_find)(struct store *s, const char *id,
	    struct store_project *p, struct vs_err *err);
	/* gives every project's log a new identity; *count gets how many */
	int (*projects_renew)(struct store *s, struct vs_rand *rand,
	    int64_t *count, struct vs_err *err);
	/* makes user_id a member; nothing if it is one */
	int (*member_put)(struct store *s, int64_t project, const char *user_id,
	    int64_t joined_ms, struct vs_err *err);
	/* VS_ENOENT if it is none */
	int (*member_del)(struct store *s, int64_t project, const char *user_id,
	    struct vs_err *err);
	/* the owner, then the members by the time they joined */
	int (*members)(struct store *s, int64_t project,
	    int (*row)(void *arg, const struct store_member *m), void *arg,
	    struct vs_err *err);
	/* a number that is another whenever somebody has lost a right */
	int (*access_stamp)(
	    struct store *s, int64_t *stamp, struct vs_err *err);

	int (*invite_put)(
	    struct store *s, const struct store_invite *i, struct vs_err *err);
	/* VS_ENOENT */
	int (*invite_get)(struct store *s, const uint8_t hash[VS_SHA256_SIZE],
	    struct store_invite *i, struct vs_err *err);
	/* notes by whom it was used */
	int (*invite_use)(struct store *s, const uint8_t hash[VS_SHA256_SIZE],
	    const char *user_id, struct vs_err *err);

	/* the rows there are of these paths, deleted ones too, in the
	   order of paths */
	int (*files_get)(struct store *s, int64_t project,
	    const char *const *paths, size_t n,
	    int (*row)(void *arg, const struct store_file *f), void *arg,
	    struct vs_err *err);
	/* inserts or replaces */
	int (*files_put)(struct store *s, int64_t project,
	    const struct store_file *const *files, size_t n,
	    struct vs_err *err);
	/* a listing, by stamp or by path */
	int (*files)(struct store *s, int64_t project,
	    const struct store_range *range,
	    int (*row)(void *arg, const struct store_file *f), void *arg,
	    struct vs_err *err);

	int (*events_put)(struct store *s, int64_t project,
	    const struct store_event *events, size_t n, struct vs_err *err);
	/* from from_seq (inclusive), at most limit */
	int (*events)(struct store *s, int64_t project, int64_t from_seq,
	    int64_t limit, int (*row)(void *arg, const struct store_event *e),
	    void *arg, struct vs_err *err);

	/* e->answer is malloc'd (or NULL): the caller frees it */
	int (*epoch_get)(struct store *s, int64_t project, const char *device,
	    const char *epoch, struct store_epoch *e, struct vs_err *err);
	/* the device's current one, without its answer; or VS_ENOENT */
	int (*epoch_head)(struct store *s, int64_t project, const char *device,
	    struct store_epoch *e, struct vs_err *err);
	/* writes e; a current one ends all others of its device and drops
	   their answers */
	int (*epoch_put)(struct store *s, int64_t project,
	    const struct store_epoch *e, struct vs_err *err);

	/* stores h and its n paths */
	int (*hold_put)(struct store *s, int64_t project,
	    const struct store_hold *h, const char *const *paths, size_t n,
	    struct vs_err *err);
	/* takes paths out of whatever hold they are in; a hold without
	   paths is gone */
	int (*hold_cut)(struct store *s, int64_t project,
	    const char *const *paths, size_t n, struct vs_err *err);
	/* removes a hold and its paths; VS_ENOENT */
	int (*hold_drop)(struct store *s, int64_t project, const char *id,
	    struct vs_err *err);
	/* 1 if a path below this folder is in a hold, else 0 */
	int (*hold_below)(struct store *s, int64_t project, const char *path,
	    struct vs_err *err);
	/* oldest first */
	int (*holds)(struct store *s, int64_t project,
	    int (*row)(void *arg, const struct store_hold *h), void *arg,
	    struct vs_err *err);
	/* the paths of one, in path order, at most limit */
	int (*hold_paths)(struct store *s, int64_t project, const char *id,
	    int64_t limit, int (*row)(void *arg, const char *path), void *arg,
	    struct vs_err *err);

	/* inserts or replaces it with its running figures */
	int (*transfer_put)(struct store *s, int64_t project,
	    const struct store_transfer *t, struct vs_err *err);
	/* VS_ENOENT */
	int (*transfer_get)(struct store *s, int64_t project, const char *id,
	    struct store_transfer *t, struct vs_err *err);
	/* the one of t's requester, device, path and hash that goes on; fills
	   in the rest of t; VS_ENOENT */
	int (*transfer_same)(struct store *s, int64_t project,
	    struct store_transfer *t, struct vs_err *err);
	/* latest first */
	int (*transfers)(struct store *s, int64_t project,
	    const struct store_transfers *which,
	    int (*row)(void *arg, const struct store_transfer *t), void *arg,
	    struct vs_err *err);
	/* removes the running figures of what ended before that time */
	int (*transfers_sweep)(
	    struct store *s, int64_t before_ms, struct vs_err *err);
	int (*milestone_put)(struct store *s, const char *transfer,
	    const struct store_milestone *m, struct vs_err *err);
	/* in their order */
	int (*milestones)(struct store *s, const char *transfer,
	    int (*row)(void *arg, const struct store_milestone *m), void *arg,
	    struct vs_err *err);
};

struct store {
	const struct store_ops *ops;
};

struct store_options {
	const char *path; /* of the SQLite file */
	const char *vfs; /* SQLite's VFS by name; NULL: the default one */
	bool readonly;
};

/*
 * Opens (creates, migrates) a SQLite store.  VS_ESCHEMA when the file is
 * from a newer program: it is left untouched.  Unless vfs is given, a lock
 * file beside the database lets one process write at a time, so that a
 * command can add a user while the server runs.
 */
int store_open(
    struct store **out, const struct store_options *o, struct vs_err *err);

/* The file of "sqlite:FILE", a pointer into url; NULL for anything else. */
const char *store_url_file(const char *url);

/* NULL is nothing. */
void store_close(struct store *s);

#endif
