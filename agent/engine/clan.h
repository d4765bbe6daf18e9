/*
 * Kin by the folder: files that are known already, under the same names in a
 * folder that is gone.  They move together, with a few statements in all,
 * where kin.h takes a dozen a file.  Whatever is not plain is left to that.
 */
#ifndef CLAN_H
#define CLAN_H

#include "agent/engine/core.h"

/* A regular file in a folder that was listed, with no row there. */
struct clan_name {
	const char *name;
	const struct disk_stat *seen;
	bool moved; /* out: it did; nothing more is to be done */
};

/*
 * Where the file seen at path, which the manifest has not, comes from: 1 with
 * the folder in from, whose manifest has the very file as it is, and which is
 * gone; 0: not known.
 */
int clan_find(struct engine *e, const char *path, const struct disk_stat *seen,
    char from[VS_PATH_MAX + 1], struct vs_err *err);

/*
 * Moves those of the count names of folder to, sorted and all to be
 * published, that the manifest has in folder from, exactly as they were seen,
 * if that is most of what it has there and nothing of it is pending.
 */
int clan_move(struct engine *e, const char *from, const char *to,
    struct clan_name *name, size_t count, struct vs_err *err);

#endif
