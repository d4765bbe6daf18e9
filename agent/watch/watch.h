/*
 * What tells the agent that a folder may have changed.  One back-end a
 * build, chosen by the Makefile (inotify.c; others join behind this header).
 *
 * A watcher only hints.  The reader (watch_read, on the loop's thread) takes
 * raw events off the kernel and never waits for anybody; the owner of the
 * project's state (one thread) turns them into hints with watch_translate
 * and adds watches.  Raw bytes in between belong to the caller.  Nothing
 * here is shared but the descriptor, so there is no lock.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

enum watch_what {
	WATCH_CHANGED, /* path written to; its writer may go on */
	WATCH_TOUCHED, /* metadata of path changed (mode, times, links) */
	WATCH_CLOSED, /* path was open for writing and is closed */
	WATCH_APPEARED, /* path made, linked or moved in; whole if moved */
	WATCH_VANISHED, /* path removed or moved out */
	WATCH_DIR_APPEARED, /* directory made or moved in: watch and list it */
	WATCH_DIR_VANISHED, /* directory removed or moved out */
	WATCH_ROOT_GONE, /* root deleted, moved or unmounted */
	WATCH_OVERFLOW, /* the kernel dropped events: scan everything */
};

struct watch_hint {
	enum watch_what what;
	bool moved; /* by a rename: the file is whole */
	const char *path; /* relative to the root; "" for the root; valid
	                      during the call */
};

struct watch;

#define WATCH_RAW_MAX 65536 /* bytes that one watch_read may give */

/* root: absolute path of the watched folder. */
int watch_new(struct watch **out, const char *root, struct vs_err *err);

/* The kernel forgets its watches.  NULL is nothing. */
void watch_free(struct watch *w);

/* To poll for reading. */
int watch_fd(const struct watch *w);

/*
 * Any thread: reads once without blocking into raw (WATCH_RAW_MAX bytes).
 * Bytes read, 0 when there is nothing, or a negative code.
 */
int watch_read(int fd, void *raw, struct vs_err *err);

/*
 * Owner's thread: calls hint for each event in raw, in order.  A directory
 * that vanished loses its watch and those below it.
 */
void watch_translate(struct watch *w, const void *raw, size_t len,
    void (*hint)(void *arg, const struct watch_hint *h), void *arg);

/*
 * Owner's thread: watches directory dir ("" is the root), before it is
 * listed.  Again on a watched one is harmless.  VS_ELIMIT when the system
 * allows no more (inotify(7), max_user_watches), VS_ENOENT, VS_EACCES, ...
 */
int watch_add(struct watch *w, const char *dir, struct vs_err *err);

/* Owner's thread: the root was lost, forget all watches. */
void watch_clear(struct watch *w);

/* Directories watched now. */
size_t watch_count(const struct watch *w);

/* "inotify". */
const char *watch_name(void);

#endif
