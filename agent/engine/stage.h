/*
 * The open transaction: changes of the manifest and their rows in the
 * outbox, many paths at a time (rule R5).  Functions return a negative code
 * when the database failed; the caller hands that to core_fault.
 */
#ifndef STAGE_H
#define STAGE_H

#include "agent/engine/core.h"
#include "agent/state/crop.h"
#include "agent/state/drove.h"
#include "agent/state/manifest.h"

/* path is this now; old is what the manifest had, or NULL. */
int stage_upsert(struct engine *e, const char *path, struct manifest_row *row,
    const struct manifest_row *old, struct vs_err *err);

/* A file whose content came from another path. */
struct stage_move {
	const char *from;
	const struct manifest_row *was; /* row at from, which goes; or NULL */
	const char *path;
	struct manifest_row *row; /* what path is now */
	const struct manifest_row *old; /* what it was, or NULL */
};

/* As stage_upsert and, of from, stage_delete: one change, a rename. */
int stage_move(
    struct engine *e, const struct stage_move *m, struct vs_err *err);

/*
 * count files went with their folder, as drove_move has it: 1, and what
 * stage_move does is done for each of them, but for what is told of it
 * (stage_drove_tell); or 0.
 */
int stage_drove(
    struct engine *e, const struct drove *d, int64_t count, struct vs_err *err);

/*
 * Of such a file: what there is to tell of its old path and of its new one,
 * once the transaction is durable.
 */
void stage_drove_tell(
    struct engine *e, const struct drove *d, const char *name, int64_t size);

/* A file that is new at path, by name and size; its content comes later. */
int stage_listed(struct engine *e, const char *path,
    const struct disk_stat *seen, struct vs_err *err);

/* As stage_listed each of a crop, of which crop_put's conditions hold. */
int stage_crop(struct engine *e, const struct crop *c, struct vs_err *err);

/*
 * Somebody writes the file at path, as seen: the cloud is to show that.  What
 * it has of the file stays; a new one gets a row without a hash, which no
 * look takes for what is there.  Nothing when it was announced before.
 */
int stage_recording(struct engine *e, const char *path,
    const struct disk_stat *seen, struct vs_err *err);

/* path is gone; of a directory the children went before. */
int stage_delete(struct engine *e, const char *path,
    const struct manifest_row *old, struct vs_err *err);

/*
 * path cannot be published, and why; cloud: the cloud refused it.  It may be
 * any bytes.
 */
int stage_trouble(struct engine *e, const char *path, bool cloud,
    const char *reason, struct vs_err *err);

/* Nothing stands against path any more, here or in the cloud. */
int stage_no_trouble(struct engine *e, const char *path, struct vs_err *err);

/* Only what the cloud had against it is over. */
int stage_no_refusal(struct engine *e, const char *path, struct vs_err *err);

/* 1 if path has trouble noted; 0 or negative. */
int stage_troubled(struct engine *e, const char *path, struct vs_err *err);

/* No trouble of names in dir but those in names, which are sorted. */
int stage_trouble_only(struct engine *e, const char *dir,
    const struct roster *names, struct vs_err *err);

/* Begins the transaction unless it is open. */
int stage_begin(struct engine *e, struct vs_err *err);

/* To leave the barrier once the transaction is durable (or at once). */
void stage_leave(struct engine *e, uint64_t gen);

/* True when it should be committed before more is added. */
bool stage_full(const struct engine *e);

/*
 * Makes it durable, then tells and leaves.  With deletions the root is
 * looked at first; VS_EROOT when it is lost: everything was rolled back.
 */
int stage_commit(struct engine *e, struct vs_err *err);

/* Rolls back and forgets; NULL-safe for a closed database. */
void stage_abort(struct engine *e);

#endif
