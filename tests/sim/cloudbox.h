/*
 * The cloud's process: the real service on a real SQLite store on a pretend
 * disk.  It commits in groups as the server does: begin, a savepoint for
 * each request, commit, and only then the answers.
 */
#ifndef CLOUDBOX_H
#define CLOUDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "common/os/rand.h"
#include "tests/sim/memvfs.h"
#include "tests/sim/sched.h"
#include "tests/sim/trace.h"

struct cloudbox;
struct store;

#define CLOUDBOX_OWNER 2 /* of its events in the schedule */

struct cloudbox_options {
	struct sched *sched;
	struct vs_rand *rand;
	struct memvfs *vfs; /* registered as "sim-cloud" */
	struct trace *trace;
	bool no_dedupe; /* forget which batches were there (a control) */
	bool unlinked; /* nor hear what an epoch follows (another one) */
	/* something was committed; the process ended */
	void (*news)(void *arg);
	void (*ended)(void *arg);
	void *arg;
};

/* A request on its way in; strings are copied. */
struct cloudbox_call {
	const char *method;
	const char *path; /* with its query */
	const char *token;
	const char *body; /* or NULL */
	size_t len;
	/* exactly once, later; status 0: the connection broke */
	void (*done)(void *arg, void *data, int status, const char *type,
	    const char *body, size_t len);
	void *arg;
	void *data; /* handed to done */
};

struct cloudbox_stats {
	int64_t requests;
	int64_t groups;
	int64_t failed_groups; /* the store failed */
	int64_t opens;
};

struct cloudbox *cloudbox_new(const struct cloudbox_options *o);
void cloudbox_free(struct cloudbox *c);

/* Starts the process; 0 or a negative code with the reason printed. */
int cloudbox_start(struct cloudbox *c);

/* Makes user, device and project; false when that is not possible. */
bool cloudbox_found(struct cloudbox *c);

bool cloudbox_up(const struct cloudbox *c);
const char *cloudbox_token(const struct cloudbox *c);
const char *cloudbox_project(const struct cloudbox *c);
const char *cloudbox_device(const struct cloudbox *c);

/* Hands a request in. */
void cloudbox_deliver(struct cloudbox *c, const struct cloudbox_call *call);

/* Ends the process; power: with the machine.  Open requests break. */
void cloudbox_crash(struct cloudbox *c, bool power);

/*
 * Asks at once, past queue and network (path with its query; body NULL for
 * GET).  A new reference to the document, NULL unless it was 2xx and JSON.
 */
json_t *cloudbox_ask(
    struct cloudbox *c, const char *method, const char *path, const char *body);

/* The same as another user. */
json_t *cloudbox_ask_as(struct cloudbox *c, const char *token,
    const char *method, const char *path, const char *body);

/* Its two stores, between requests; NULL while it is down. */
struct store *cloudbox_writer(struct cloudbox *c);
struct store *cloudbox_reader(struct cloudbox *c);

/* One of them failed with rc: as after a group that failed. */
void cloudbox_failed(struct cloudbox *c, int rc);

/* An older database took the place of what was acknowledged. */
void cloudbox_forget(struct cloudbox *c);

/* Of the owner's device: its pin, and what tickets for it are made with. */
#define CLOUDBOX_PIN "sha256//OOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOO="
const uint8_t *cloudbox_ticket_key(const struct cloudbox *c);

/* Seqs that had been answered for and were gone after a start; 0 is good. */
int64_t cloudbox_lost(const struct cloudbox *c);

const struct cloudbox_stats *cloudbox_stats(const struct cloudbox *c);

#endif
