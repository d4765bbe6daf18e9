/*
 * What a damaged database can still say.  Rows have no checksum: whoever
 * takes them must be able to live with any that is wrong.
 */
#ifndef VS_SALVAGE_H
#define VS_SALVAGE_H

#include <stdint.h>

#include "common/db/db.h"

struct vs_salvage {
	const char *select; /* of the damaged one */
	int insert; /* statement of the new one, as many values */
};

/*
 * Takes the rows of what[0..n-1] from the database at path, which is opened
 * for reading only, within db's open transaction.  What cannot be read, or
 * does not go in, is left out; a path that is no database yields nothing.
 * The number of rows taken, or a negative code when db itself fails.
 */
int64_t vs_salvage_take(struct vs_db *db, const char *path, const char *vfs,
    const struct vs_salvage *what, int n, struct vs_err *err);

#endif
