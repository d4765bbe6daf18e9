/*
 * Files that somebody writes: announced once, so that members see it, and
 * published when the writer lets go or has been quiet for long; and files
 * that never stop growing, which are published now and then.
 */
#ifndef RECORDING_H
#define RECORDING_H

#include "agent/engine/core.h"
#include "agent/state/manifest.h"

/*
 * A look found a file that differs from known (NULL: none): ms to wait
 * before it is read because it grows all the time; 0: now.
 */
int64_t recording_wait(struct engine *e, const char *path,
    const struct disk_stat *seen, const struct manifest_row *known);

/* A content was committed in place of old (NULL: none). */
void recording_published(struct engine *e, const char *path,
    const struct disk_stat *now, const struct manifest_row *old);

/*
 * Path must wait ms; it is shown as a recording until then, and told as one
 * when that is news.
 */
void recording_later(struct engine *e, const char *path, unsigned flags,
    int64_t size, int64_t ms);

/*
 * What was read of j's file: true if somebody writes, or may; then it is
 * seen to, and *rc tells of the database.
 */
bool recording_found(struct engine *e, const struct core_job *j,
    const struct disk_hash *h, int *rc, struct vs_err *err);

#endif
