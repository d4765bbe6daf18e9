/*
 * One project that is served: its folder, the engine of its role (owner:
 * agent/engine, member: agent/member), and the thread the engine lives on.
 * What comes from elsewhere (events, hashes, chunks, answers, calls of the
 * control socket) goes through a mailbox; what the engine wants from
 * elsewhere goes to the workers or back to the loop.
 *
 * All functions on the loop's thread, unless said otherwise.
 */
#ifndef PROJECT_H
#define PROJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "agent/config.h"
#include "agent/crew.h"
#include "agent/engine/engine.h"
#include "agent/member/member.h"
#include "agent/post.h"
#include "agent/session.h"
#include "common/base/err.h"
#include "common/crypto/key.h"

#define PROJECT_WAITING_MAX (16 * 1024 * 1024) /* events waiting, bytes */

struct project;

/* Something worth telling; its strings live as long as the call. */
struct project_news {
	const char *type; /* of the watch stream's line: "committed", ... */
	bool state; /* the status is another one now */
	bool small; /* one of many: told only while somebody listens */
	const char *path; /* NULL where there is none, and so on */
	const char *op;
	const char *text;
	const char *pull; /* id */
	int64_t seq;
	int64_t size;
	int64_t n;
};

/* What projects share; outlives them. */
struct project_host {
	uv_loop_t *loop;
	struct post *post;
	struct crew *crew;
	struct session *session;
	const char *state_dir; /* projects/ID below it is ours */
	const char *device_id; /* copied by project_start */
	const struct vs_key *key; /* the device's; its members may be NULL */
	int hash_jobs; /* of one project at a time */
	void (*news)(
	    void *arg, struct project *p, const struct project_news *n);
	/* the state could not be opened: VS_ESCHEMA stays so, the rest is
	   tried again every few seconds */
	void (*failed)(void *arg, struct project *p, const struct vs_err *why);
	void *arg;
};

/* Opens its state on a thread of its own; c is copied. */
int project_start(struct project **out, const struct project_host *host,
    const struct config_project *c, struct vs_err *err);

/*
 * Ends it without losing anything: calls that wait return VS_ECANCELED, then
 * stopped is called, p is gone.
 */
void project_stop(struct project *p, void (*stopped)(void *arg), void *arg);

/* As in the configuration that it was started from. */
const char *project_id(const struct project *p);

/* Bytes read and hashed since the start. */
uint64_t project_hashed(const struct project *p);

/* True if it is another's, followed and pulled from here. */
bool project_is_member(const struct project *p);

/* True if it was started from these very values. */
bool project_is(const struct project *p, const struct config_project *c);

/* Whether anybody wants news of single paths. */
void project_listen(struct project *p, bool wanted);

/* The caller's, embedded in a struct of its own until done. */
struct project_call {
	/*
	 * Engine's thread, the one of the project's role: does it and calls
	 * project_return, at once or later.  NULL where the role has no
	 * such thing: VS_ENOTSUP.
	 */
	void (*run)(
	    struct project_call *c, struct engine *e, struct vs_now now);
	void (*run_member)(
	    struct project_call *c, struct member *m, struct vs_now now);
	/* loop's thread, exactly once, never from inside project_send_call;
	   may free the call */
	void (*done)(struct project_call *c);
	struct vs_err err; /* VS_OK, what run set, or why it did not run */
	/* the project's own */
	struct project *project;
	struct post_item item;
};

/* Queues it for the engine. */
void project_call(struct project *p, struct project_call *c);

/* Engine's thread: the call is answered, c->err says how. */
void project_return(struct project_call *c);

#endif
