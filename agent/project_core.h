/*
 * What project.c (its thread, its beginning and end) and project_world.c
 * (what its engine wants from elsewhere) share; for these two only.
 *
 * Who touches what: the loop's thread owns the poll handle and the list of
 * requests under way; the engine's thread owns the engine, the watcher's map
 * and the state of opening; identity and the mailbox are shared and do not
 * change.  The struct is freed on the loop's thread when the engine's thread
 * was joined and the poll handle is closed.
 */
#ifndef PROJECT_CORE_H
#define PROJECT_CORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "agent/mailbox.h"
#include "agent/project.h"

struct project {
	const struct project_host *host;
	char *id;
	char *name;
	char *root;
	char *root_id;
	char *device_id;
	struct mailbox *mailbox;
	struct watch *watch; /* NULL: none to be had, scans only */
	struct disk *disk;
	uv_thread_t thread;
	atomic_bool cancel; /* hashes: give up */
	atomic_bool lost; /* events were dropped here */
	atomic_bool listened;
	atomic_int news_waiting;
	atomic_ullong hashed; /* bytes */
	/* loop's thread */
	uv_poll_t poll;
	int handles; /* still open: poll, thread */
	struct sending *sendings; /* under way */
	void (*stopped)(void *arg);
	void *stopped_arg;
	struct post_item ended;
	/* engine's thread */
	struct engine *engine; /* NULL: not open */
	struct engine_world world;
	struct vs_err why; /* not open */
	int64_t retry_ms; /* when to try again */
	int64_t ahead_ms; /* of one clock before the other */
	bool stop;
	/* loop's thread; the kernel's events before they are copied */
	char raw[WATCH_RAW_MAX];
};

/* Fills p->world: what the engine asks for, done by workers and the loop. */
void project_world(struct project *p);

/* Requests still under way are answered to nobody. */
void project_world_end(struct project *p);

/* p, unless it is NULL: then there is no memory, and the process ends. */
void *project_must(void *p);

#endif
