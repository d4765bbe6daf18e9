/*
 * A drove: the files of one folder that went with it when it was renamed, and
 * are as they were.  What one change does a file, a few statements do for all
 * of them.  All within the caller's transaction.
 */
#ifndef DROVE_H
#define DROVE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/scan/roster.h"
#include "agent/state/state.h"

struct drove {
	const char *from; /* the folder's old path, not "" */
	const char *to; /* its new one; the manifest has it, and it only */
	const char *first; /* names, the least and the greatest that go */
	const char *last;
	struct roster stay; /* what the manifest has in from that does not */
};

/*
 * Whether nothing waits, is known of the cloud alone, or is noted as trouble,
 * of any path between those of the names first and last in dir: 1 or 0.
 */
int drove_is_quiet(struct state *s, const char *dir, const char *first,
    const char *last, struct vs_err *err);

/*
 * The rows get their new folder, unsynced; each file is to travel as a rename
 * (fresh, wall_ms: as outbox_put), and what the cloud has at the old names is
 * remembered.  Each row that goes must be of a regular file with a hash,
 * synced and not racy, and both folders quiet there.  How many went; 0 when
 * there are rows in to; or negative.
 */
int64_t drove_move(struct state *s, const struct drove *d, bool fresh,
    int64_t wall_ms, struct vs_err *err);

#endif
