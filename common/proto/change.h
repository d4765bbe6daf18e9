/*
 * A change: what the agent sees on the disk, what travels in a batch, what
 * the log keeps.  One struct from end to end.
 */
#ifndef VS_CHANGE_H
#define VS_CHANGE_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/jtext.h"

enum vs_op { VS_OP_CREATE, VS_OP_UPDATE, VS_OP_DELETE };
enum vs_kind { VS_KIND_FILE, VS_KIND_DIR, VS_KIND_SYMLINK };

/*
 * Strings belong to whoever made the struct (a parsed JSON object, a
 * database row).  Members that do not apply are NULL, 0 or -1 as noted.
 */
struct vs_change {
	const char *path; /* as stored: no leading slash */
	enum vs_op op;
	enum vs_kind kind;
	const char *hash; /* hex SHA-256, opaque, or NULL */
	int64_t size; /* bytes; 0 for directories */
	int64_t mtime_us; /* since 1970; meaningful if has_mtime */
	bool has_mtime;
	int mode; /* permission bits, -1: not said */
	const char *link_target; /* symlinks, else NULL */
	const char *renamed_from; /* or NULL */
	int64_t base_version; /* optimistic lock, -1: none */
	int64_t version; /* in the log: of the row; 0: not said */
	bool recording; /* a writer still has it open */
	bool listed; /* a file that is not hashed yet: no hash */
	bool slash; /* the sender wrote a leading slash */
};

/* As the wire has it: "create", "update", "delete"; a static string. */
const char *vs_op_name(enum vs_op op);

/* Likewise "file", "directory", "symlink". */
const char *vs_kind_name(enum vs_kind kind);

/* The enum vs_op of that name, or VS_EINVAL. */
int vs_op_parse(const char *name);

/* The enum vs_kind of that name, or VS_EINVAL. */
int vs_kind_parse(const char *name);

/*
 * Appends the change as a JSON object, members in a fixed order, so that
 * equal changes give equal bytes.  mtime in ms, with at most three
 * fraction digits.  Symlinks: hash is that of the target text, size its
 * length.
 */
void vs_change_write(struct vs_buf *b, const struct vs_change *c);

/*
 * Reads one change of a request; strings stay borrowed from obj.  On a
 * refusal err->msg begins with the member's name and *code gets the wire's
 * code: "bad_path", "bad_op", "bad_hash", "bad_size", "bad_mtime",
 * "bad_kind", "bad_field".  opaque: hashes shorter than 64 digits pass.
 */
int vs_change_read(const json_t *obj, bool opaque, struct vs_change *c,
    const char **code, struct vs_err *err);

/*
 * The same where t stands, faster, strings borrowed from its text; *version
 * (unless NULL) gets the member "version", 0 without one.  True only when
 * vs_change_read would give the same; on false *c is of no use, and the
 * message has to be read from a copy by vs_json_parse and vs_change_read.
 */
bool vs_change_scan(
    struct vs_jtext *t, bool opaque, struct vs_change *c, int64_t *version);

#endif
