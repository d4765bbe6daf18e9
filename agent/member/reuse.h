/*
 * Content that an earlier pull left in the project's folder under another
 * name: a pull of it takes what is there instead of fetching it.
 *
 * The copy is moved when its old name is free: the listing has no file there
 * any more, or another content that is being pulled as well.  It is hashed
 * where it stands and gets the new name by a rename; what stood there and is
 * replaced goes to the pull that wants it (so that two files that exchanged
 * their names, or a ring of them, need nothing from outside), or goes.  A
 * copy that keeps its name is copied to the part, which then goes the usual
 * way.  Only what is, to its ctime, as a pull left it is taken; whatever is
 * not as expected makes it an ordinary pull.  With another folder to pull
 * into (out) nothing of this happens.
 *
 * Crashes: a rename is one step, and the database follows it.  After one in
 * between, the file in its new place is hashed (verify_resume) and known
 * again; what it replaced still stands under the old name and is dealt with
 * then (reuse_resumed).
 *
 * Unless said otherwise functions return 0 or what the database failed with.
 */
#ifndef REUSE_H
#define REUSE_H

#include "agent/member/copies.h"
#include "agent/member/member_core.h"

enum reuse { REUSE_NONE, REUSE_COPY, REUSE_MOVE };

/*
 * A copy that a file of this hash and size at path can be made of: one of
 * enum reuse, with *from, or negative.  Reads stats, no content.
 */
int reuse_find(struct member *m, const struct mirror_row *want,
    struct copy *from, struct vs_err *err);

/*
 * A pull that is queued and wants what the mirror names: 1 when it goes on
 * without the network, 0 when there is nothing here for it.
 */
int reuse_begin(struct member *m, struct member_active *a, struct vs_err *err);

/* The copy that it was to be made of will not do: an ordinary pull. */
int reuse_give_up(
    struct member *m, struct member_active *a, struct vs_err *err);

/* What came of hashing the copy: code, and if it is what the log names. */
int reuse_hashed(struct member *m, struct member_active *a, int code,
    bool right, struct vs_err *err);

/*
 * The content did not verify: the copy it was made of, if any, is none of
 * what a pull left.
 */
int reuse_wrong(struct member *m, struct member_active *a, struct vs_err *err);

/* It stands in its place since before the program ended: the old name. */
int reuse_resumed(
    struct member *m, struct member_active *a, struct vs_err *err);

#endif
