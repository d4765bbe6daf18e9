/*
 * What a back-end of watch.h is, for the files of this folder only.  Each
 * function is watch_* of the same name; NULL where there is nothing to do.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include "agent/watch/watch.h"

struct watch_backend {
	const char *name;
	int (*make)(struct watch **out, const char *root, struct vs_err *err);
	void (*free)(struct watch *w);
	int (*fd)(const struct watch *w);
	int (*read)(struct watch *w, void *raw, struct vs_err *err);
	void (*translate)(
	    struct watch *w, const void *raw, size_t len, int64_t now_ms);
	int64_t (*due)(const struct watch *w);
	void (*tick)(struct watch *w, int64_t now_ms);
	int (*add)(struct watch *w, const char *dir, struct vs_err *err);
	void (*remove)(struct watch *w, const char *dir);
	void (*clear)(struct watch *w);
	void (*scanned)(struct watch *w, int64_t took_ms, int64_t now_ms);
	size_t (*count)(const struct watch *w);
	void (*mark)(struct watch *w, char out[WATCH_MARK_SIZE]);
	bool (*resume)(struct watch *w, const char *mark);
};

/* The first member of each back-end's own struct. */
struct watch {
	const struct watch_backend *backend;
	struct watch_ear ear;
};

extern const struct watch_backend watch_events; /* inotify.c, fsevents.c */
extern const struct watch_backend watch_poll; /* poll.c */

#endif
