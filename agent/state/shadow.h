/*
 * What the cloud has acknowledged, where that is not what the manifest
 * holds; and the totals over all it has acknowledged (struct state's tree).
 * All within the caller's transaction.
 */
#ifndef SHADOW_H
#define SHADOW_H

#include "agent/state/manifest.h"
#include "agent/state/state.h"
#include "common/base/limits.h"
#include "common/proto/change.h"

struct shadow_row {
	enum vs_kind kind;
	int64_t size;
	char hash[VS_HASH_OPAQUE + 1]; /* "" where there is none */
	bool recording; /* marked as such in the cloud */
	bool has_mtime; /* false: not known */
	int64_t mtime_us;
	int mode; /* -1: not known */
};

/* 1 with *row filled, 0 when there is none, or negative. */
int shadow_get(struct state *s, const char *path, struct shadow_row *row,
    struct vs_err *err);

/*
 * The rows of the paths of span, those below them too, in their order: how
 * many were shown.  Not beyond one for which each returns 1; stops at a
 * negative return and returns it.
 */
int shadow_between(struct state *s, const struct manifest_span *span,
    int (*each)(void *arg, const char *path, const struct shadow_row *row),
    void *arg, struct vs_err *err);

/* Removes all rows of span, whatever its limit. */
int shadow_drop_between(
    struct state *s, const struct manifest_span *span, struct vs_err *err);

/* What the cloud has once it has taken c, an upsert. */
void shadow_of(struct shadow_row *out, const struct vs_change *c);

/* The totals with a row more that the cloud has (sign 1), or one less (-1). */
void shadow_total(
    struct state *s, const char *path, const struct shadow_row *row, int sign);

/*
 * The manifest's row at path is about to change or go: if the cloud has
 * exactly it, the shadow remembers that.  Afterwards the row must be put
 * with synced false, or dropped.
 */
int shadow_keep(struct state *s, const char *path,
    const struct manifest_row *old, struct vs_err *err);

/*
 * The cloud acknowledged c: totals and belief follow.  latest: nothing newer
 * about this path waits in the outbox.
 */
int shadow_ack(struct state *s, const struct vs_change *c, bool latest,
    struct vs_err *err);

/* The cloud has c, as its listing says (after shadow_forget). */
int shadow_learn(
    struct state *s, const struct vs_change *c, struct vs_err *err);

/* Nothing is known of the cloud any more: belief and totals are empty. */
int shadow_forget(struct state *s, struct vs_err *err);

/* The paths that have a shadow, in their order; each may write. */
int shadow_each(struct state *s,
    int (*each)(void *arg, const char *path, enum vs_kind kind), void *arg,
    struct vs_err *err);

/* Whether c is known to be what the cloud has, in all that travels. */
bool shadow_has(const struct shadow_row *row, const struct vs_change *c);

/* Whether c is what row says, in all that travels. */
bool shadow_same(const struct manifest_row *row, const struct vs_change *c);

#endif
