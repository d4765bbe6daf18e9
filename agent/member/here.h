/*
 * What stands in the member's folder at a path, against what was pulled
 * there: whether a pull may put its file there.
 */
#ifndef HERE_H
#define HERE_H

#include "agent/member/member_core.h"

enum here {
	HERE_NOTHING, /* free to be made */
	HERE_SAME, /* it is this version already */
	HERE_OLD, /* our own earlier copy, untouched: to be replaced */
	HERE_CHANGED, /* changed here, or not from us */
	HERE_ODD, /* no regular file, or no folder above: never replaced */
	HERE_ERROR, /* it could not be looked at */
	HERE_DATABASE, /* what we know of it could not be read: err */
};

#define HERE_READ (256LL * 1024 * 1024) /* bytes read to compare */

/* Where a file is to stand, and what does. */
struct here_seen {
	char place[VS_PATH_MAX + 1]; /* its own path, or another (names.h) */
	struct disk_stat stat; /* for HERE_OLD, _SAME, _CHANGED */
};

/*
 * What stands in the place of row's file.  A file whose size is that of the
 * version, or of our copy, is read to tell, up to HERE_READ bytes.  Where
 * the disk takes the name for that of another file of the project another
 * place is chosen, and remembered.  out as struct pull has it.
 */
enum here here_look(struct member *m, const char *out,
    const struct mirror_row *row, struct here_seen *seen, struct vs_err *err);

/* True if it is the same file, untouched. */
bool here_same_stat(const struct disk_stat *a, const struct disk_stat *b);

/* Remembers that the file's place holds this version now. */
int here_put(struct member *m, const char *out, const struct mirror_row *row,
    const struct disk_stat *stat, struct vs_err *err);

/*
 * Makes the folder dir and those above it; which of the project's own were
 * not there is remembered (a row that cannot be written is a folder that
 * stays for ever).  What the target says.
 */
int here_mkdirs(struct member *m, struct target *t, const char *out,
    const char *dir, struct vs_err *why);

/* The same for the folder that path is in. */
int here_parent(struct member *m, struct target *t, const char *out,
    const char *path, struct vs_err *why);

/* The target of a pull: the project's folder, or the one named out. */
struct target *here_target(struct member *m, const char *out);

#endif
