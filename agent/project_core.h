/*
 * What projects of both roles have in common, for project*.c only: project.c
 * (the thread, calls, beginning and end), project_world.c (what an engine
 * wants from the loop), project_owner.c and project_member.c.
 *
 * Who touches what: the loop's thread owns handles and the list of requests
 * under way; the engine's thread owns the engine and the state of opening;
 * identity and the mailbox are shared and do not change.  The struct is
 * freed on the loop's thread when the engine's thread was joined and every
 * handle is closed.
 */
#ifndef PROJECT_CORE_H
#define PROJECT_CORE_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "agent/mailbox.h"
#include "agent/project.h"

/* A role: the struct project is the first member of its own struct. */
struct project_role {
	const char *name; /* as in the configuration */
	size_t size; /* of its struct */
	const char *refusal; /* of calls that the other role has */
	/* loop's thread, once: what it needs of its own */
	int (*prepare)(struct project *p, struct vs_err *err);
	/* engine's thread: opens the engine with its files in dir */
	int (*open)(struct project *p, const char *dir, struct vs_now now);
	int64_t (*step)(struct project *p, struct vs_now now);
	void (*answered)(struct project *p, uint64_t id,
	    const struct engine_answer *a, struct vs_now now);
	/* engine's thread, the last: closes it, waits for its jobs */
	void (*close)(struct project *p);
	/* loop's thread: closes its handles; project_closed for each */
	void (*stop)(struct project *p);
	/* loop's thread: frees what it holds, not p */
	void (*release)(struct project *p);
};

extern const struct project_role project_owner;
extern const struct project_role project_member;

struct project {
	const struct project_role *role;
	const struct project_host *host;
	char *id;
	char *name;
	char *root;
	char *root_id;
	char *device_id;
	bool list_first; /* as in the configuration */
	char *watch; /* how its folder is to be watched */
	struct mailbox *mailbox;
	uv_thread_t thread;
	atomic_bool cancel; /* jobs: give up */
	atomic_bool listened;
	atomic_int news_waiting;
	atomic_ullong hashed; /* bytes */
	/* loop's thread */
	int handles; /* still open: the thread and the role's */
	struct sending *sendings; /* under way */
	void (*stopped)(void *arg);
	void *stopped_arg;
	struct post_item ended;
	/* engine's thread */
	struct engine *engine; /* NULL: not open, or a member */
	struct member *member; /* NULL: not open, or an owner */
	struct vs_err why; /* not open */
	int64_t retry_ms; /* when to try again */
	bool stop;
};

/* True if it has its engine.  Engine's thread. */
bool project_open(const struct project *p);

/* Loop's thread: a handle is closed; the last one frees p. */
void project_closed(struct project *p);

/* Engine's thread: a request to the cloud (engine_world.send). */
void project_ask(void *project, const struct engine_send *want);

/* Engine's thread: passes n on to the host. */
void project_tell(struct project *p, const struct project_news *n);

/* Requests still under way are answered to nobody. */
void project_forget(struct project *p);

/* p, unless it is NULL: then there is no memory, and the process ends. */
void *project_must(void *p);

#endif
