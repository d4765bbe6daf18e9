/*
 * The cloud's other callers: members with their invitation, sockets of the
 * event stream, and an administrator who puts back an old copy.
 */
#ifndef CLOUDSIDE_H
#define CLOUDSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/cloudbox.h"
#include "tests/sim/dbcopy.h"

#define CLOUDSIDE_PIN "sha256//MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM="

/* A member with a device (its key: CLOUDSIDE_PIN). */
struct cloudside_user {
	char token[65];
	char device[40];
};

/* False when it cannot be made a member. */
bool cloudside_join(
    struct cloudbox *c, const char *name, struct cloudside_user *out);

/* An open socket of the event stream. */
struct cloudside_socket {
	uint8_t token[32]; /* hash */
	int64_t access;
	int64_t seq; /* sent so far */
	bool more; /* the log has more */
};

/*
 * Opens the stream at path (with its query): VS_OK and what it hears first
 * (malloc'd), VS_EAUTH, VS_ENOENT, or VS_ENET.
 */
int cloudside_open(struct cloudbox *c, const char *token, const char *path,
    struct cloudside_socket *s, char **hello);

/*
 * The next message (malloc'd; NULL: nothing new), VS_EAUTH or VS_ENOENT for
 * one who may hear it no longer, or VS_ENET.
 */
int cloudside_feed(struct cloudbox *c, struct cloudside_socket *s, char **text);

/* A person says yes or no to all that it holds: how many, 0 while down. */
int cloudside_decide(struct cloudbox *c, bool approve);

/* A copy of the database; NULL when it could not be made. */
struct dbcopy *cloudside_save(void);

/*
 * Puts it back: the process must be down.  It is to be started and then
 * renewed: VS_OK once its logs have new names.
 */
int cloudside_restore(struct cloudbox *c, const struct dbcopy *copy);
int cloudside_renew(struct cloudbox *c, struct vs_rand *rand);

#endif
