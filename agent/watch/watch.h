/*
 * What tells the agent that a folder may have changed: a back-end that hears
 * of events (inotify.c or fsevents.c, chosen by the Makefile), or one that
 * only says from time to time that all should be looked at (poll.c).
 *
 * A watcher only hints.  The reader (watch_read, on the loop's thread) takes
 * raw events off the kernel and never waits for anybody; the owner of the
 * project's state (one thread) turns them into hints with watch_translate
 * and adds watches.  Raw bytes in between belong to the caller.  The two
 * threads share nothing but the source of the raw events.
 *
 * A rename is one hint where both its names lie in the folder.  Its halves
 * may come apart: the first waits WATCH_HALF_MS for the second, in which
 * time all other hints pass, and is then a thing that vanished.
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
	WATCH_SCAN, /* no event tells of anything: scan everything */
	WATCH_CAUGHT_UP, /* all from before watch_resume has been told */
};

struct watch_hint {
	enum watch_what what;
	bool moved; /* by a rename: the file is whole */
	const char *path; /* relative to the root; "" for the root; valid
	                      during the call */
	const char *from; /* appeared by a rename within the folder: its old
	                     name, likewise; else NULL */
};

/* Who is told; hint runs inside watch_translate and watch_tick only. */
struct watch_ear {
	void (*hint)(void *arg, const struct watch_hint *h);
	void *arg;
};

enum watch_kind {
	WATCH_EVENTS, /* by what the kernel tells */
	WATCH_POLL, /* by scans in intervals */
};

struct watch;

#define WATCH_RAW_MAX 65536 /* bytes that one watch_read may give */
#define WATCH_HALF_MS 500 /* half a rename waits so long for the other */
#define WATCH_ALL SIZE_MAX /* watch_count: whatever is below the root */
#define WATCH_MARK_SIZE 96 /* bytes of a mark, with its NUL */

/*
 * root: absolute path of the watched folder.  VS_ELIMIT where the system has
 * no instance left for WATCH_EVENTS (inotify(7), max_user_instances).
 */
int watch_new(struct watch **out, enum watch_kind kind, const char *root,
    const struct watch_ear *ear, struct vs_err *err);

/* The kernel forgets its watches.  NULL is nothing. */
void watch_free(struct watch *w);

/* "inotify", "fsevents", "poll". */
const char *watch_name(enum watch_kind kind);

/* As it was given to watch_new. */
enum watch_kind watch_kind(const struct watch *w);

/* To poll for reading; -1: there is nothing to read, ever. */
int watch_fd(const struct watch *w);

/*
 * Any thread: reads once without blocking into raw (WATCH_RAW_MAX bytes).
 * Bytes read, 0 when there is nothing, or a negative code.
 */
int watch_read(struct watch *w, void *raw, struct vs_err *err);

/*
 * The rest is for the owner's thread.  Hints of each event in raw, in order.
 * A directory that vanished loses its watch and those below it; one that got
 * another name keeps them.
 */
void watch_translate(
    struct watch *w, const void *raw, size_t len, int64_t now_ms);

/* When watch_tick has something to do (mono); INT64_MAX: nothing. */
int64_t watch_due(const struct watch *w);

/* Hints that come from time alone. */
void watch_tick(struct watch *w, int64_t now_ms);

/*
 * Watches directory dir ("" is the root), before it is listed.  Again on a
 * watched one is harmless.  VS_ELIMIT when the system allows no more
 * (inotify(7), max_user_watches), VS_ENOENT, VS_EACCES, ...
 */
int watch_add(struct watch *w, const char *dir, struct vs_err *err);

/* Nobody wants to hear of dir (not the root) and what is below it any more. */
void watch_remove(struct watch *w, const char *dir);

/*
 * The root was lost, or much is to be ignored: forget all watches.  Nothing
 * is heard of them from now on; the system's end by and by, in watch_tick.
 */
void watch_clear(struct watch *w);

/* A scan of everything ended; its walk took took_ms. */
void watch_scanned(struct watch *w, int64_t took_ms, int64_t now_ms);

/* Directories watched now or not let go yet; or WATCH_ALL. */
size_t watch_count(const struct watch *w);

/*
 * How far it has told: hints were given of all that happened before the mark
 * in out, a short line of printable ASCII without blanks.  "" where the
 * system keeps no history, and while older history is still being told.
 */
void watch_mark(struct watch *w, char out[WATCH_MARK_SIZE]);

/*
 * Once, right after watch_new: tells of what happened since an earlier
 * watcher of this folder was at mark, then WATCH_CAUGHT_UP, beside all that
 * happens from now on.  False when that cannot be had, or not for certain
 * (no history, another one, another root or way to it, no such mark).
 */
bool watch_resume(struct watch *w, const char *mark);

#endif
