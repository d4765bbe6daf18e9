/*
 * The short way to read a change: only what an agent of ours sends and a
 * cloud of ours logs, each member at most once, each of its type, every
 * value in order.  It never refuses: what it does not take is read the long
 * way (change.c), which says what is wrong, if anything is.
 */
#include <assert.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/base/limits.h"
#include "common/base/path.h"
#include "common/proto/change.h"

/* In the order in which vs_change_write puts them. */
enum scan_member {
	IN_PATH,
	IN_OP,
	IN_KIND,
	IN_HASH,
	IN_SIZE,
	IN_MTIME,
	IN_MODE,
	IN_TARGET,
	IN_FROM,
	IN_BASE,
	IN_VERSION,
	IN_COUNT,
};

static const char *const scan_names[IN_COUNT] = {
	[IN_PATH] = "path",
	[IN_OP] = "op",
	[IN_KIND] = "kind",
	[IN_HASH] = "hash",
	[IN_SIZE] = "size",
	[IN_MTIME] = "mtime",
	[IN_MODE] = "mode",
	[IN_TARGET] = "link_target",
	[IN_FROM] = "renamed_from",
	[IN_BASE] = "base_version",
	[IN_VERSION] = "version",
};

/* What was there. */
struct scan {
	const char *text[IN_COUNT]; /* NULL: no such member, or no text */
	int64_t number[IN_COUNT];
	unsigned seen; /* a bit a member */
};

static bool scan_has(const struct scan *s, enum scan_member m)
{
	return (s->seen & 1u << m) != 0;
}

static void scan_value(struct vs_jtext *t, struct scan *s, enum scan_member m)
{
	switch (m) {
	case IN_SIZE:
	case IN_MODE:
	case IN_BASE:
	case IN_VERSION:
		s->number[m] = vs_jtext_int(t);
		break;
	case IN_MTIME:
		s->number[m] = vs_jtext_milli(t);
		break;
	default:
		s->text[m] = vs_jtext_str(t);
		break;
	}
}

static bool scan_members(struct vs_jtext *t, struct scan *s)
{
	const char *key;
	int hint = 0;
	int m;

	vs_jtext_object(t);
	while ((key = vs_jtext_key(t)) != NULL) {
		m = vs_jtext_find(scan_names, IN_COUNT, key, &hint);
		if (m < 0 || scan_has(s, (enum scan_member)m))
			return false;
		s->seen |= 1u << m;
		scan_value(t, s, (enum scan_member)m);
	}
	return vs_jtext_good(t);
}

static bool scan_path(const char **path, bool *slash)
{
	*slash = (*path)[0] == '/';
	if (*slash)
		(*path)++;
	return vs_path_check(*path, strlen(*path)) == VS_PATH_GOOD;
}

/* The names, and what kind of thing it is. */
static bool scan_what(const struct scan *s, struct vs_change *c)
{
	int op, kind;
	bool slash;

	if (s->text[IN_PATH] == NULL || s->text[IN_OP] == NULL)
		return false;
	op = vs_op_parse(s->text[IN_OP]);
	kind = s->text[IN_KIND] == NULL ? VS_KIND_FILE
					: vs_kind_parse(s->text[IN_KIND]);
	if (op < 0 || kind < 0)
		return false;
	c->op = (enum vs_op)op;
	c->kind = (enum vs_kind)kind;
	c->path = s->text[IN_PATH];
	c->renamed_from = s->text[IN_FROM];
	return scan_path(&c->path, &c->slash) &&
	    (c->renamed_from == NULL || scan_path(&c->renamed_from, &slash));
}

/* What it holds. */
static bool scan_content(const struct scan *s, bool opaque, struct vs_change *c)
{
	bool full = c->op != VS_OP_DELETE && c->kind != VS_KIND_DIR;

	c->hash = s->text[IN_HASH];
	c->size = s->number[IN_SIZE];
	c->link_target = s->text[IN_TARGET];
	if (c->size < 0 || (c->hash != NULL && !vs_hex_is_hash(c->hash)))
		return false;
	if (full && !opaque && (c->hash == NULL || !scan_has(s, IN_SIZE)))
		return false;
	if (c->link_target == NULL)
		return c->kind != VS_KIND_SYMLINK || c->op == VS_OP_DELETE;
	return c->link_target[0] != '\0' &&
	    strlen(c->link_target) <= VS_PATH_MAX;
}

static bool scan_rest(const struct scan *s, struct vs_change *c)
{
	int64_t mode = scan_has(s, IN_MODE) ? s->number[IN_MODE] : 0;
	int64_t base = s->number[IN_BASE];

	c->has_mtime = scan_has(s, IN_MTIME);
	c->mtime_us = s->number[IN_MTIME];
	c->mode = scan_has(s, IN_MODE) ? (int)mode : -1;
	c->base_version = scan_has(s, IN_BASE) ? base : -1;
	return mode >= 0 && mode <= 07777 && base >= 0;
}

bool vs_change_scan(
    struct vs_jtext *t, bool opaque, struct vs_change *c, int64_t *version)
{
	struct scan s = { .seen = 0 };

	assert(c != NULL);
	memset(c, 0, sizeof(*c));
	if (!scan_members(t, &s) || !scan_what(&s, c) ||
	    !scan_content(&s, opaque, c) || !scan_rest(&s, c))
		return false;
	if (version != NULL)
		*version = s.number[IN_VERSION];
	if (c->kind == VS_KIND_DIR) {
		c->hash = NULL;
		c->size = 0;
	}
	return true;
}
