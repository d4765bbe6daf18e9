/* A member's folder on a real disk, behind struct target. */
#ifndef TARGET_POSIX_H
#define TARGET_POSIX_H

#include "agent/member/target.h"
#include "common/base/err.h"

#define TARGET_PARTS ".vsync/part" /* below the root, 0700 */

/*
 * root: absolute path; it need not exist, then every call is VS_EROOT until
 * it does.  id: the marker it must have (agent/scan/disk_posix.h), or NULL
 * for a folder that is no project's: it is made (with its parents) when
 * something is put into it, held as it was found first, and nothing of ours
 * is left in it when its last part is gone.
 */
int target_posix_new(
    struct target **out, const char *root, const char *id, struct vs_err *err);

/* No call may be under way, on any thread.  NULL is nothing. */
void target_posix_free(struct target *t);

/* Bytes of a part (path false) or a file; 0 when it cannot be told. */
int64_t target_posix_size(struct target *t, const char *name, bool path);

#endif
