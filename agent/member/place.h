/*
 * Putting a finished file where it belongs: only over what was seen there.
 * What is replaced is looked at again after it was exchanged, so that an
 * edit in the last instant goes back to its place.
 */
#ifndef PLACE_H
#define PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "agent/scan/disk.h"
#include "common/base/err.h"

struct place {
	int dir; /* descriptor of the directory, to be synced */
	const char *name;
	const struct disk_stat *want; /* NULL: nothing may stand there */
	bool links; /* a link may be replaced, too */
};

/*
 * The name in the directory from becomes the one at its place, durably.
 * VS_ECHANGED when something else stands there than what is wanted, or what
 * is never replaced; then nothing has happened.
 */
int place_put(
    int from, const char *name, const struct place *at, struct vs_err *err);

/*
 * The file name in the directory from, which still is what was seen (is),
 * gets the name at its place, durably; what stood there (at->want) gets its
 * name.  VS_ECHANGED as place_put; another code where the file system cannot
 * do it in one step.
 */
int place_move(int from, const char *name, const struct disk_stat *is,
    const struct place *at, struct vs_err *err);

/*
 * As place_move over at->want, by way of the names via and old, which are
 * free, in the directory parts: the file is via first, and what stood at the
 * place is old in the end.
 */
struct place_way {
	int parts;
	const char *via;
	const char *old; /* may be the same */
};
int place_move_by(int from, const char *name, const struct disk_stat *is,
    const struct place *at, const struct place_way *way, struct vs_err *err);

/*
 * The file at its place goes out of it, to the name in the directory to,
 * which is free; durably, and only if it is what was seen (at->want) but for
 * its ctime, which a rename changes: else VS_ECHANGED and it is back.
 */
int place_take(
    const struct place *at, int to, const char *name, struct vs_err *err);

#endif
