/*
 * What a set of changes does to a project: the rows as they will be, the
 * project's head, and one verdict a change.  Pure: rows are loaded into it
 * and taken from it by journal.c.
 *
 *   merge_init; merge_want for each path; merge_load for each row there is;
 *   merge_rename for each change; then, in order, again and merge_change
 *
 * Invariants: an upsert that changes nothing and a deletion of what is not
 * there are accepted without an event; every event takes the next seq; the
 * version of a row rises only with its hash; the head's tree checksum, its
 * number of files and its baseline always fit the rows; a folder does not
 * go while the deletion of something below it waits.
 */
#ifndef MERGE_H
#define MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cloud/store/store.h"
#include "common/base/map.h"
#include "common/proto/change.h"

/* One path. */
struct merge_slot {
	struct store_file row; /* as it will be; path is always set */
	bool known; /* there is a row, live or deleted */
	bool dirty; /* and it is to be written */
	bool renamed; /* the old name of some upsert of this set */
	bool below; /* a folder above a deletion that was held before */
	bool hold_new; /* its deletion goes into a new hold */
	bool hold_cut; /* it leaves the stored hold it is in */
};

struct merge_block;

struct merge {
	struct store_project *head; /* borrowed; kept up to date */
	const char *user_id; /* borrowed; who does it */
	int64_t wall_ms;
	bool approved; /* deletions need no budget */
	struct vs_map *map; /* path to slot */
	struct merge_slot **slots; /* in the order they were wanted */
	size_t count;
	size_t cap;
	struct merge_block *blocks; /* memory of slots and loaded strings */
};

enum merge_outcome {
	MERGE_DONE, /* accepted; an event if logged */
	MERGE_HELD, /* a deletion that waits for a person */
	MERGE_CONFLICT, /* base_version is not the current one */
};

struct merge_verdict {
	enum merge_outcome outcome;
	bool logged; /* it is an event, with seq */
	int64_t seq; /* of the row's last event; 0: there never was one */
	int64_t version; /* of the row; 0 likewise */
	const struct merge_slot *slot; /* the row, for a conflict or a hold */
};

/* VS_ENOMEM at most.  head and user_id are borrowed until release. */
int merge_init(struct merge *m, struct store_project *head, const char *user_id,
    int64_t wall_ms);
/* Frees the slots; the head stays as it has become. */
void merge_release(struct merge *m);

/* Makes a slot for path (borrowed until release), once.  VS_ENOMEM. */
int merge_want(struct merge *m, const char *path);

/* Fills the slot of f->path, which was wanted; copies f.  VS_ENOMEM. */
int merge_load(struct merge *m, const struct store_file *f);

/*
 * True if c is an upsert with the content of what is live now at its
 * renamed_from (wanted, loaded), which is noted as an old name: to be called
 * for all changes before the first merge_change, and again before its own.
 */
bool merge_rename(struct merge *m, const struct vs_change *c);

/* The live folder at path (wanted, loaded), or NULL. */
struct merge_slot *merge_folder(const struct merge *m, const char *path);

/* Does one change of a wanted path; its strings are borrowed until release. */
void merge_change(
    struct merge *m, const struct vs_change *c, struct merge_verdict *v);

#endif
