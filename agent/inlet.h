/*
 * The cloud's stream of a project, opened and closed by an engine's thread,
 * living on the loop; what comes of it goes to that thread by its mailbox.
 */
#ifndef INLET_H
#define INLET_H

#include <stddef.h>
#include <stdint.h>

#include "agent/mailbox.h"
#include "agent/post.h"
#include "agent/session.h"
#include "common/base/err.h"

#define INLET_WAITING_MAX (16 * 1024 * 1024) /* bytes not yet taken */

struct inlet;

struct inlet_options {
	struct session *session;
	struct post *post;
	struct mailbox *mailbox;
	/* the mailbox's thread: open; a message; over (code: VS_E*).  Nothing
	   more of a stream after another one was asked for */
	void (*up)(void *arg);
	void (*text)(void *arg, const char *text, size_t len);
	void (*down)(void *arg, int code, const char *why);
	void *arg;
};

/* Loop's thread. */
int inlet_new(
    struct inlet **out, const struct inlet_options *o, struct vs_err *err);

/*
 * Loop's thread, when the mailbox's thread has ended: closes what is open.
 * NULL is nothing.
 */
void inlet_free(struct inlet *f);

/*
 * The mailbox's thread: opens path of the server, in place of what is open;
 * NULL: just closes that.
 */
void inlet_open(struct inlet *f, const char *path);

#endif
