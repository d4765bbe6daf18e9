/*
 * The rules of what is not published, as the folder's files have them.  They
 * are read when a full scan begins, with the root's watch in place, when a
 * file of theirs changed, and when a full scan has ended: only then is every
 * folder watched that may hold an included one.  What cannot be read or
 * understood leaves those of before in force.  Before the first good reading
 * nothing is scanned and nothing sent, because nobody knows what is to be
 * hidden.
 */
#ifndef RULES_H
#define RULES_H

#include "agent/engine/core.h"

/* Only the built-in classes hold, and nothing is ready.  VS_ENOMEM. */
int rules_init(struct engine *e, struct vs_err *err);

/* Frees them: nothing may be judged any more. */
void rules_release(struct engine *e);

/*
 * Reads them if it is time to.  Other rules than before begin a full scan.
 * False until they have been read for the first time.
 */
bool rules_step(struct engine *e);

/* A full scan begins: reads them for it. */
void rules_begin(struct engine *e);

/* A word of the watcher that concerns them; others are nothing. */
void rules_hint(struct engine *e, const struct watch_hint *h);

/* They may have changed unheard: they are read with the next step. */
void rules_again(struct engine *e);

/* Somebody changed them, or may have, and they have not been read since. */
bool rules_pending(const struct engine *e);

/* When rules_step wants to be called; INT64_MAX for never. */
int64_t rules_due(const struct engine *e);

/* Of a path that is not "". */
struct ignore_verdict rules_judge(
    const struct engine *e, const char *path, bool dir);

/*
 * If path is hidden, which rule does it, for people, to out of cap bytes:
 * ".stignore:3: *.tmp" or "class editor: .*.swp".
 */
bool rules_tell(
    const struct engine *e, const char *path, bool dir, char *out, size_t cap);

/* Whether path is never published, nor anything below it. */
bool rules_hide(const struct engine *e, const char *path, bool dir);

#endif
