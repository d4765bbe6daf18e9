/*
 * An owner's engine for unit tests: a real folder on the disk, hashes that
 * are counted, a cloud that takes everything and keeps its log, and time
 * that passes when nothing else happens.
 */
#ifndef ENGINEKIT_H
#define ENGINEKIT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "agent/engine/engine.h"
#include "tests/unit/scratch.h"

/* A change as the cloud got it. */
struct enginekit_event {
	char *path;
	char op; /* 'c'reate, 'u'pdate, 'd'elete */
	char *from; /* renamed_from, or NULL */
	char hash[65]; /* or "" */
	int64_t batch; /* number of its request */
};

struct enginekit {
	struct scratch *dir; /* below it: root/ and state.db */
	struct disk *disk;
	struct engine *engine;
	struct vs_rand rand;
	struct vs_now now;
	struct {
		uint64_t id;
		char *path;
	} job[256];
	int jobs;
	uint64_t send_id; /* 0: no request is under way */
	char *body; /* its answer */
	int64_t hashes; /* since the start, or enginekit_forget */
	int64_t batches;
	int64_t seq; /* of the last change */
	struct enginekit_event *log;
	size_t count;
	size_t cap;
	bool offline; /* requests get no answer */
	bool hold; /* hashes are not done */
	bool list_first; /* for the next start, of a state that is new */
};

/* cmocka's setup and teardown: *state is a struct enginekit. */
int enginekit_setup(void **state);
int enginekit_teardown(void **state);

/* The absolute path of name in the folder; as scratch_at. */
const char *enginekit_at(const struct enginekit *k, const char *name);

void enginekit_write(
    const struct enginekit *k, const char *name, const char *text);
void enginekit_rename(
    const struct enginekit *k, const char *from, const char *to);

/* Writes n files dir/00, dir/01, ... of different content, and makes dir. */
void enginekit_fill(const struct enginekit *k, const char *dir, int n);

/* Another content under name, whose size and mtime stay. */
void enginekit_edit_quietly(const struct enginekit *k, const char *name);

/* The agent goes down and comes again; its full scan is still to run. */
void enginekit_stop(struct enginekit *k);
void enginekit_start(struct enginekit *k);

/* Until there is nothing left to do, for ms of virtual time at most. */
void enginekit_run(struct enginekit *k, int64_t ms);

/* What there is is published and forgotten here, and the agent goes down. */
void enginekit_down(struct enginekit *k);

/* It comes again, and all is found that happened meanwhile. */
void enginekit_up(struct enginekit *k);

/* A word of the watcher. */
void enginekit_hint(
    struct enginekit *k, enum watch_what what, bool moved, const char *path);

/* A full scan from now, and all that comes of it. */
void enginekit_scan(struct enginekit *k);

/* The log and the number of hashes begin anew. */
void enginekit_forget(struct enginekit *k);

/* The last change of path since then, or NULL. */
const struct enginekit_event *enginekit_event(
    const struct enginekit *k, const char *path);

/* Fails unless to came from from, by a create before a delete in one batch. */
void enginekit_renamed(
    const struct enginekit *k, const char *from, const char *to);

/* The same of the first n files that enginekit_fill made in from. */
void enginekit_renamed_all(
    const struct enginekit *k, const char *from, const char *to, int n);

/* Fails unless the manifest is what is in the folder, contents and all. */
void enginekit_agree(struct enginekit *k);

#endif
