/*
 * Looking at the disk: settling paths, folders to list, hashes that come
 * back.  The truth of a path is what is found here, whatever the watcher
 * said.
 */
#ifndef WORK_H
#define WORK_H

#include "agent/engine/core.h"

/*
 * path is to be looked at soon (flags: enum settle_flags); gen: the unit
 * that led to it, 0 for a new one.
 */
void work_want(
    struct engine *e, const char *path, unsigned flags, uint64_t gen);

/* The same at a later time; no barrier waits for it when gen is 0. */
void work_later(struct engine *e, const char *path, unsigned flags,
    uint64_t gen, int64_t ms);

/* A word of the watcher on path; flags: enum settle_flags. */
void work_hint(
    struct engine *e, const char *path, enum settle_why why, unsigned flags);

/* Folder is to be listed (flags: enum dirq_flags). */
void work_want_dir(
    struct engine *e, const char *path, unsigned flags, uint64_t gen);

/*
 * path is no longer there for others: where that may have been the last of
 * what its hidden folder is published for, the folder is looked at.  gen as
 * in work_want_dir.
 */
void work_went(struct engine *e, const char *path, uint64_t gen);

/* Whether the manifest has path as a directory. */
bool work_is_dir(struct engine *e, const char *path);

/* Whether path is on the disk or in the manifest. */
bool work_exists(struct engine *e, const char *path);

/* A bounded piece; true when there is more to do at once. */
bool work_step(struct engine *e);

/* A hash came back. */
void work_hashed(
    struct engine *e, uint64_t id, int code, const struct disk_hash *h);

/* Nothing is settling, listed or hashed that will end soon. */
bool work_quiet(const struct engine *e);

/* The settling paths there is room for now, as settle_take wants it. */
unsigned work_lanes(const struct engine *e);

/* Hashes under way. */
int work_jobs(const struct engine *e);

#endif
