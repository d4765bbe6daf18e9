/*
 * The owner's folder as the engine sees it: a struct of functions, so that
 * the simulator can put a folder in memory in its place.  Paths are
 * relative, validated, and resolved beneath the root without following any
 * link or entering any mount (disk_posix.c).  All but hash are called on the
 * engine's thread; hash on any worker.
 */
#ifndef DISK_H
#define DISK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/crypto/sha256.h"
#include "common/proto/change.h"

#define DISK_AHEAD 32 /* folders asked for and not yet listed */

struct roster; /* roster.h */

struct disk_stat {
	bool odd; /* neither file, directory nor symlink */
	enum vs_kind kind;
	int64_t size; /* bytes; 0 for directories */
	int64_t mtime_ns; /* since 1970 */
	int64_t ctime_ns;
	int64_t born_ns; /* 0 where the file system keeps none */
	uint64_t ino; /* with born_ns: the same file whatever its name */
	uint64_t folder; /* inode of what it is in; 0 of descriptors */
	int mode; /* permission bits */
	unsigned links; /* names that it has; 0: not known */
};

#define DISK_ID_SIZE 33

/* Who the root is (rule R2). */
struct disk_root {
	uint64_t dev;
	uint64_t ino;
	uint64_t fsid;
	bool lasting; /* fsid is the file system's own, over mounts */
	char id[DISK_ID_SIZE]; /* marker's id, "" when there is no marker */
};

enum disk_writer { DISK_NO_WRITER, DISK_WRITER, DISK_WRITER_UNKNOWN };

struct disk_hash {
	uint8_t sha256[VS_SHA256_SIZE];
	struct disk_stat stat; /* of the descriptor, before and after */
	enum disk_writer writer; /* somebody has it open for writing */
	bool grown; /* it is longer by now; this is its unchanged beginning */
	char target[VS_PATH_MAX + 1]; /* symlinks: where it points */
};

/* Why no event tells of a change. */
enum disk_deaf {
	DISK_HEARS, /* events do */
	DISK_DEAF_CHOSEN, /* the configuration wants it so */
	DISK_DEAF_REMOTE, /* the file system has none */
	DISK_DEAF_LIMIT, /* the system allows no more watchers */
	DISK_DEAF_ERROR, /* it failed otherwise */
};

/* How the folder is watched. */
struct disk_watching {
	const char *name; /* of the back-end: "inotify", "poll" */
	enum disk_deaf deaf;
	char what[128]; /* the file system, or the failure */
	/* the setting that limits watches, or with DISK_DEAF_LIMIT, watchers;
	   NULL: none is known */
	const char *setting;
	int64_t allowed; /* by it */
};

#define DISK_MARK_SIZE 96 /* bytes of a watcher's mark, with its NUL */
#define DISK_TEXT_MAX (256 * 1024)

/* A small file as it was read, all of it. */
struct disk_text {
	size_t len;
	char data[DISK_TEXT_MAX];
};

struct disk {
	/*
	 * Looks the root up by its path, anew.  VS_EROOT when there is no
	 * directory; whoever asks compares.  From then on all other calls
	 * hold to the root that was found: VS_EROOT while the path leads
	 * elsewhere, so that a root lost for a moment is never taken for
	 * an empty one.
	 */
	int (*root)(struct disk *d, struct disk_root *out, struct vs_err *err);

	/* Writes the marker .vsync/root-id (durable). */
	int (*mark)(struct disk *d, const char *id, struct vs_err *err);

	/*
	 * Adds the names in dir ("" is the root) to out, which is empty, in
	 * the order of their bytes, without "." and "..", without .vsync at
	 * the root.  st->odd things are reported too.  A name that vanished
	 * meanwhile is left out.  Any failure to read the directory to its
	 * end is an error (R3), and out is then to be forgotten: VS_ENOENT,
	 * VS_ENOTDIR, VS_ELOOP, VS_EXDEV (another file system), VS_EACCES...
	 */
	int (*list)(struct disk *d, const char *dir, struct roster *out,
	    struct vs_err *err);

	/*
	 * One path.  VS_ENOENT only when its parent was opened and has no
	 * such name; VS_ENOTDIR when the parent itself is not there.
	 */
	int (*look)(struct disk *d, const char *path, struct disk_stat *out,
	    struct vs_err *err);

	/*
	 * Any thread.  Content of a regular file, or the target of a
	 * symlink, hashed.  With a writer it stops early: the hash is then
	 * meaningless.  A file that was appended to meanwhile is hashed as
	 * it was before, once that was read twice and was the same (grown).
	 * VS_ECHANGED when the file was another before and after;
	 * VS_ECANCELED when *cancel becomes true.
	 */
	int (*hash)(struct disk *d, const char *path, struct disk_hash *out,
	    const atomic_bool *cancel, struct vs_err *err);

	/* The same, but with a writer it reads on. */
	int (*hash_held)(struct disk *d, const char *path,
	    struct disk_hash *out, const atomic_bool *cancel,
	    struct vs_err *err);

	/*
	 * dir will be listed soon: it may be read already, on another thread,
	 * for the list that follows to give out.  False when DISK_AHEAD have
	 * been asked for, or it cannot.  behind: it is not to be used after
	 * all; dir was asked for and not listed since.  NULL members: no such
	 * thread.
	 */
	bool (*ahead)(struct disk *d, const char *dir);
	void (*behind)(struct disk *d, const char *dir);

	/*
	 * Nobody waits for what is read ahead from now on (or somebody does
	 * again).  NULL: it makes no difference.
	 */
	void (*idle)(struct disk *d, bool idle);

	/*
	 * Reads a small regular file.  VS_ENOENT, VS_ENOTDIR: as look says;
	 * VS_EBUSY: a program has it open for writing; VS_ECHANGED: it was
	 * another before and after; VS_ELIMIT: over DISK_TEXT_MAX; VS_EINVAL:
	 * no regular file (a symbolic link is none); anything else: no
	 * knowing what it holds.
	 */
	int (*read)(struct disk *d, const char *path, struct disk_text *out,
	    struct vs_err *err);

	/* Makes and removes .vsync/cookie-NAME, for the barrier. */
	int (*cookie)(struct disk *d, const char *name, struct vs_err *err);

	/*
	 * Directory dir is about to be listed: watch it.  dir NULL: forget
	 * all watches, the root was lost.  A NULL member: no watcher.
	 */
	int (*watch)(struct disk *d, const char *dir, struct vs_err *err);

	/*
	 * Directory dir (not the root) is none of ours any more: nothing is
	 * to be heard of it and what is below it.  NULL: no watcher.
	 */
	void (*unwatch)(struct disk *d, const char *dir);

	/* How many directories are watched now; NULL: no watcher. */
	int64_t (*watched)(struct disk *d);

	/* How; NULL: by events, if there is a watcher. */
	void (*watching)(struct disk *d, struct disk_watching *out);

	/*
	 * How far the watcher has told of what happens: a mark, or "" when
	 * it cannot say.  NULL: it never can.
	 */
	void (*told)(struct disk *d, char out[DISK_MARK_SIZE]);

	/*
	 * Before anything else is asked of a watcher that is new: it is to
	 * tell also of what happened since an earlier one had told up to
	 * mark, and then that it caught up.  False: it cannot.  NULL: never.
	 */
	bool (*resume)(struct disk *d, const char *mark);
};

#endif
