/*
 * How an owner's folder is watched: by events where the system gives them,
 * else by scans in intervals; which of the two is looked at anew whenever
 * the root is about to be listed, so that a limit that was lifted, or a
 * file system that was mounted late, needs no restart.
 *
 * The watcher is made and used on the engine's thread; its descriptor is
 * read on the loop's, from where the raw events come back by mailbox.
 */
#ifndef PROJECT_WATCH_H
#define PROJECT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/project_core.h"
#include "agent/scan/disk_posix.h"
#include "agent/watch/watch.h"
#include "common/os/clock.h"

struct project_watch;

/*
 * wish: "auto", or a back-end's name (watch.h); NULL is "auto".  ear is
 * told on the engine's thread.  Both are copied.
 */
int project_watch_new(struct project_watch **out, struct project *p,
    const char *wish, const struct watch_ear *ear, struct vs_err *err);

/* The loop's thread, when the engine's thread has ended.  NULL is nothing. */
void project_watch_free(struct project_watch *w);

/* The loop's thread: closes its handle, if it has one (project_closed). */
void project_watch_stop(struct project_watch *w);

/* What struct disk asks of it, on the engine's thread. */
void project_watch_disk(struct project_watch *w, struct disk_watcher *out);

/* The engine's thread: chooses how to watch from now on. */
void project_watch_review(struct project_watch *w);

/* The engine's thread: does what is due; when there is more (mono ms). */
int64_t project_watch_step(struct project_watch *w, struct vs_now now);

/* The engine's thread: whether events were dropped here since the last call. */
bool project_watch_lost(struct project_watch *w);

/* The engine's thread: a full scan ended; its walk took took_ms. */
void project_watch_scanned(
    struct project_watch *w, int64_t took_ms, struct vs_now now);

#endif
