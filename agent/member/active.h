/*
 * A pull under way: how it moves, waits and ends, in the database and here.
 * Unless said otherwise functions return 0 or what the database failed with;
 * a->pull is NULL after those that end or wait.
 */
#ifndef ACTIVE_H
#define ACTIVE_H

#include "agent/member/member_core.h"
#include "common/proto/control.h"

/* Writes the pull as it is now; a transaction of its own. */
int active_save(struct member *m, const struct pull *p, struct vs_err *err);

/* The move is in pulls_move; with an end the slot is free. */
int active_move(struct member *m, struct member_active *a, enum pull_state to,
    struct vs_err *err);

/* The same once the new state is durable: all but the writing. */
void active_moved(struct member *m, struct member_active *a);

/* The end of a pull that did not succeed; its part is dropped.  code says
   what kind of failure it was. */
int active_fail(struct member *m, struct member_active *a, enum vs_exit code,
    const char *why, struct vs_err *err);

/* Back to the queue for ms; others may have the slot meanwhile. */
int active_again(struct member *m, struct member_active *a, int64_t ms,
    const char *why, struct vs_err *err);

/* The same, longer with each time in a row. */
int active_back_off(struct member *m, struct member_active *a,
    int64_t retry_after, const char *why, struct vs_err *err);

/* One that runs, waits, or is only in the database ends. */
int active_cancel(struct member *m, const char *id, struct vs_err *err);

/* The one that has a slot, or NULL. */
struct member_active *active_find(struct member *m, const char *id);

/* Its part goes: at once, or when the folder is swept. */
void active_drop_part(struct member *m, struct target *t, const char *id);

/* Frees all slots and forgets who waits; the database keeps them. */
void active_drop(struct member *m);

/* Tells the cloud how a transfer stands; nobody waits for its answer. */
void active_patch(struct member *m, const struct pull *p, const char *status);

/* A chunk came: true if it was a stray's. */
bool active_landed(struct member *m, uint64_t id);

/* True while a stray writes to the part of this pull. */
bool active_strayed(const struct member *m, const char *id);

/* Chunks under way that nobody waits for. */
int active_strays(const struct member *m);

/*
 * False if the pull waits; else it is one of those that wait no more, and
 * *backoff is what it had.
 */
bool active_ready(struct member *m, const char *id, struct vs_backoff *backoff);

/* True if one of those that wait has become due since the last call. */
bool active_wake(struct member *m);

/* When the next one will (mono ms). */
int64_t active_due(const struct member *m);

/* The log has something new for path: who waits for it waits no more. */
void active_changed(struct member *m, const char *path);

#endif
