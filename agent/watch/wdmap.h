/*
 * Which watch descriptor (inotify(7)) belongs to which directory: a tree of
 * names, found by descriptor or by path.  It grows with the directories
 * watched, about 100 bytes each, never with their files.
 *
 * A directory that left its name may be taken out with all below it and put
 * back under another one.  In between it hangs below a holder: it is found
 * by descriptor, but has no path.
 */
#ifndef WDMAP_H
#define WDMAP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

struct wdmap;
struct wdmap_dir;

/* Empty but for the root, which is not watched.  VS_ENOMEM. */
int wdmap_new(struct wdmap **out, struct vs_err *err);

/* Closes no descriptor.  NULL is nothing. */
void wdmap_free(struct wdmap *m);

/* The directory at path ("" is the root), or NULL. */
struct wdmap_dir *wdmap_at(const struct wdmap *m, const char *path);

/* The directory name right below d, or NULL. */
struct wdmap_dir *wdmap_child(
    const struct wdmap *m, const struct wdmap_dir *d, const char *name);

/* The directory watched by wd, or NULL. */
struct wdmap_dir *wdmap_by_wd(const struct wdmap *m, int wd);

/* Its descriptor; -1 for one that is only a step to others. */
int wdmap_wd(const struct wdmap_dir *d);

/* True for the root itself. */
bool wdmap_is_root(const struct wdmap_dir *d);

/* True when the directory above it is watched. */
bool wdmap_parent_watched(const struct wdmap_dir *d);

/* Writes its path into out; length, VS_ELIMIT, or VS_ENOENT: it has none. */
int wdmap_path(const struct wdmap_dir *d, char *out, size_t cap);

/*
 * Says that wd watches path.  Neither wd nor path may be in the map (drop
 * them first), but path may be there unwatched.  VS_ENOMEM.
 */
int wdmap_put(struct wdmap *m, const char *path, int wd, struct vs_err *err);

/*
 * Forgets d and all below it; gone is called with each of their
 * descriptors.
 */
void wdmap_drop(struct wdmap *m, struct wdmap_dir *d,
    void (*gone)(void *arg, int wd), void *arg);

/*
 * Takes d, which is not the root, with all below it from its place.  The
 * holder is the caller's until it is attached or trimmed away; what hangs
 * below it may be dropped or taken out in the meantime.  NULL: no memory,
 * nothing was changed.
 */
struct wdmap_dir *wdmap_detach(struct wdmap *m, struct wdmap_dir *d);

/*
 * The same with all that there is; the root stays, but is not watched.  What
 * the holder holds then can only be trimmed, or taken out.
 */
struct wdmap_dir *wdmap_detach_all(struct wdmap *m);

/*
 * Puts what holder holds at path; holder is gone then.  VS_ENOENT: it holds
 * nothing any more, VS_EEXIST: something is known at or below path,
 * VS_ENOMEM; holder stays with each of them.  Takes time only for the
 * directories right below it.
 */
int wdmap_attach(struct wdmap *m, struct wdmap_dir *holder, const char *path,
    struct vs_err *err);

/*
 * The same right below a directory, which may itself hang below a holder;
 * VS_ELOOP: it lies in what is to be put there.
 */
int wdmap_attach_below(struct wdmap *m, struct wdmap_dir *holder,
    struct wdmap_dir *parent, const char *name, struct vs_err *err);

/*
 * Forgets up to *most directories of what holder holds, from the leaves up,
 * takes their number from *most and calls gone as wdmap_drop.  True when
 * nothing is left: holder is gone.
 */
bool wdmap_trim(struct wdmap *m, struct wdmap_dir *holder, size_t *most,
    void (*gone)(void *arg, int wd), void *arg);

/* Forgets that d is watched, keeps what is below it. */
void wdmap_unwatch(struct wdmap *m, struct wdmap_dir *d);

/* A mark that somebody may leave at a directory; 0 at first. */
void wdmap_mark(struct wdmap_dir *d, unsigned char mark);

/*
 * Forgets that those with another mark are watched, keeps what is below
 * them, and calls gone as wdmap_drop.  What hangs below holders is left out.
 */
void wdmap_sift(struct wdmap *m, unsigned char mark,
    void (*gone)(void *arg, int wd), void *arg);

/* How many descriptors it holds. */
size_t wdmap_count(const struct wdmap *m);

#endif
