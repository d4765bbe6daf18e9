#include "common/proto/change.h"

#include <assert.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/path.h"
#include "common/base/stamp.h"

static const char *const change_ops[] = {
	[VS_OP_CREATE] = "create",
	[VS_OP_UPDATE] = "update",
	[VS_OP_DELETE] = "delete",
};

static const char *const change_kinds[] = {
	[VS_KIND_FILE] = "file",
	[VS_KIND_DIR] = "directory",
	[VS_KIND_SYMLINK] = "symlink",
};

const char *vs_op_name(enum vs_op op)
{
	assert((size_t)op < sizeof(change_ops) / sizeof(change_ops[0]));
	return change_ops[op];
}

const char *vs_kind_name(enum vs_kind kind)
{
	assert((size_t)kind < sizeof(change_kinds) / sizeof(change_kinds[0]));
	return change_kinds[kind];
}

static int change_find(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return VS_EINVAL;
}

int vs_op_parse(const char *name)
{
	return change_find(change_ops, 3, name);
}

int vs_kind_parse(const char *name)
{
	return change_find(change_kinds, 3, name);
}

/* name is the member with all that stands around it: ,"hash": */
static void change_put_str(struct vs_buf *b, const char *name, const char *s)
{
	if (s == NULL)
		return;
	vs_buf_addstr(b, name);
	vs_json_add_str(b, s);
}

static void change_put_int(struct vs_buf *b, const char *name, int64_t v)
{
	vs_buf_addstr(b, name);
	vs_buf_addi(b, v);
}

/* Microseconds as ms with as many fraction digits as it takes. */
static void change_put_mtime(struct vs_buf *b, int64_t us)
{
	uint64_t abs = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
	unsigned rest = (unsigned)(abs % 1000);
	char digits[3];
	size_t n = 0;

	vs_buf_addstr(b, us < 0 ? ",\"mtime\":-" : ",\"mtime\":");
	vs_buf_addi(b, (int64_t)(abs / 1000));
	if (rest == 0)
		return;
	for (unsigned unit = 100; rest > 0; rest %= unit, unit /= 10)
		digits[n++] = (char)('0' + rest / unit);
	vs_buf_addch(b, '.');
	vs_buf_add(b, digits, n);
}

void vs_change_write(struct vs_buf *b, const struct vs_change *c)
{
	assert(c->path != NULL && c->path[0] != '\0');
	assert(c->size >= 0);
	vs_buf_addstr(b, "{\"path\":");
	vs_json_add_str(b, c->path);
	vs_buf_addstr(b, ",\"op\":\"");
	vs_buf_addstr(b, vs_op_name(c->op));
	vs_buf_addstr(b, "\",\"kind\":\"");
	vs_buf_addstr(b, vs_kind_name(c->kind));
	vs_buf_addch(b, '"');
	change_put_str(b, ",\"hash\":", c->hash);
	if (c->op != VS_OP_DELETE)
		change_put_int(b, ",\"size\":", c->size);
	if (c->has_mtime)
		change_put_mtime(b, c->mtime_us);
	if (c->mode >= 0)
		change_put_int(b, ",\"mode\":", c->mode);
	change_put_str(b, ",\"link_target\":", c->link_target);
	change_put_str(b, ",\"renamed_from\":", c->renamed_from);
	if (c->base_version >= 0)
		change_put_int(b, ",\"base_version\":", c->base_version);
	if (c->version > 0)
		change_put_int(b, ",\"version\":", c->version);
	if (c->recording)
		vs_buf_addstr(b, ",\"state\":\"recording\"");
	else if (c->listed)
		vs_buf_addstr(b, ",\"state\":\"listed\"");
	vs_buf_addch(b, '}');
}

/* One reading: where from, how strictly, what the wire calls a refusal. */
struct change_reader {
	const json_t *obj;
	bool opaque;
	const char **code;
	struct vs_err *err;
};

static int change_refuse(const struct change_reader *r, const char *code)
{
	*r->code = code;
	return VS_EINVAL;
}

/* A path member, stripped of one leading slash. */
static int change_read_path(const struct change_reader *r, const char *key,
    const char **out, bool *slash)
{
	const char *p = *out;
	enum vs_path_flaw flaw;

	*slash = p[0] == '/';
	if (*slash)
		p++;
	flaw = vs_path_check(p, strlen(p));
	if (flaw != VS_PATH_GOOD) {
		vs_err_set(
		    r->err, VS_EINVAL, "%s: %s", key, vs_path_flaw_text(flaw));
		return change_refuse(r, "bad_path");
	}
	*out = p;
	return VS_OK;
}

static int change_read_paths(const struct change_reader *r, struct vs_change *c)
{
	bool slash;

	if (vs_json_get_str(r->obj, "path", true, &c->path, r->err) < 0)
		return change_refuse(r, "bad_path");
	if (change_read_path(r, "path", &c->path, &c->slash) < 0)
		return VS_EINVAL;
	if (vs_json_get_str(
		r->obj, "renamed_from", false, &c->renamed_from, r->err) < 0)
		return change_refuse(r, "bad_path");
	if (c->renamed_from == NULL)
		return VS_OK;
	return change_read_path(r, "renamed_from", &c->renamed_from, &slash);
}

static int change_read_enums(const struct change_reader *r, struct vs_change *c)
{
	const char *op;
	const char *kind = "file";
	int n;

	if (vs_json_get_str(r->obj, "op", true, &op, r->err) < 0)
		return change_refuse(r, "bad_op");
	n = vs_op_parse(op);
	if (n < 0) {
		vs_err_set(
		    r->err, VS_EINVAL, "op: must be create, update or delete");
		return change_refuse(r, "bad_op");
	}
	c->op = (enum vs_op)n;
	if (vs_json_get_str(r->obj, "kind", false, &kind, r->err) < 0)
		return change_refuse(r, "bad_kind");
	n = vs_kind_parse(kind);
	if (n < 0) {
		vs_err_set(r->err, VS_EINVAL,
		    "kind: must be file, directory or symlink");
		return change_refuse(r, "bad_kind");
	}
	c->kind = (enum vs_kind)n;
	return VS_OK;
}

/*
 * Content is hashed: symlinks, and files but those still being written and
 * those that are only listed as yet.
 */
static bool change_needs_content(
    const struct change_reader *r, const struct vs_change *c)
{
	return c->op != VS_OP_DELETE && c->kind != VS_KIND_DIR &&
	    !c->recording && !c->listed && !r->opaque;
}

static int change_read_hash(const struct change_reader *r, struct vs_change *c)
{
	bool needed = change_needs_content(r, c);

	if (vs_json_get_str(r->obj, "hash", needed, &c->hash, r->err) < 0)
		return change_refuse(r, "bad_hash");
	if (c->hash != NULL && c->hash[0] == '\0' && !needed)
		c->hash = NULL;
	if (c->hash == NULL)
		return VS_OK;
	if (c->listed) {
		vs_err_set(
		    r->err, VS_EINVAL, "hash: what is listed has none yet");
		return change_refuse(r, "bad_hash");
	}
	if (r->opaque && strlen(c->hash) <= VS_HASH_OPAQUE)
		return VS_OK;
	if (vs_hex_is_hash(c->hash))
		return VS_OK;
	vs_err_set(r->err, VS_EINVAL,
	    "hash: must be SHA-256 as 64 lower-case hex digits");
	return change_refuse(r, "bad_hash");
}

static int change_read_size(const struct change_reader *r, struct vs_change *c)
{
	bool needed = change_needs_content(r, c);

	if (vs_json_get_i64(r->obj, "size", needed, &c->size, r->err) < 0)
		return change_refuse(r, "bad_size");
	if (c->size < 0) {
		vs_err_set(r->err, VS_EINVAL, "size: must not be negative");
		return change_refuse(r, "bad_size");
	}
	return VS_OK;
}

/* Milliseconds as a number: to microseconds, if they can hold it. */
static int change_mtime_number(const json_t *v, int64_t *us)
{
	const int64_t most = INT64_MAX / 1000;
	double x;

	if (json_is_integer(v)) {
		int64_t ms = json_integer_value(v);

		if (ms > most || ms < -most)
			return VS_EINVAL;
		*us = ms * 1000;
		return VS_OK;
	}
	x = json_real_value(v) * 1000.0;
	if (x > 9.2e18 || x < -9.2e18)
		return VS_EINVAL;
	*us = (int64_t)(x < 0 ? x - 0.5 : x + 0.5);
	return VS_OK;
}

static int change_read_mtime(const struct change_reader *r, struct vs_change *c)
{
	const json_t *v = json_object_get(r->obj, "mtime");
	int rc = VS_EINVAL;

	if (v == NULL || json_is_null(v))
		return VS_OK;
	if (json_is_string(v))
		rc = vs_stamp_parse(json_string_value(v), &c->mtime_us);
	else if (json_is_number(v))
		rc = change_mtime_number(v, &c->mtime_us);
	if (rc < 0) {
		vs_err_set(r->err, VS_EINVAL,
		    "mtime: must be milliseconds since 1970 or RFC 3339");
		return change_refuse(r, "bad_mtime");
	}
	c->has_mtime = true;
	return VS_OK;
}

/* An optional integer from 0 to most; -1 when it is not there. */
static int change_read_number(
    const struct change_reader *r, const char *key, int64_t most, int64_t *out)
{
	*out = -1;
	if (vs_json_get_i64(r->obj, key, false, out, r->err) < 0)
		return change_refuse(r, "bad_field");
	if (*out == -1 && json_is_integer(json_object_get(r->obj, key)))
		*out = -2;
	if (*out >= -1 && *out <= most)
		return VS_OK;
	vs_err_set(r->err, VS_EINVAL, "%s: out of range", key);
	return change_refuse(r, "bad_field");
}

static int change_read_state(const struct change_reader *r, struct vs_change *c)
{
	const char *state = NULL;

	if (vs_json_get_str(r->obj, "state", false, &state, r->err) < 0)
		return change_refuse(r, "bad_field");
	if (state == NULL)
		return VS_OK;
	c->recording = strcmp(state, "recording") == 0;
	c->listed = strcmp(state, "listed") == 0;
	if (c->recording || c->listed)
		return VS_OK;
	vs_err_set(r->err, VS_EINVAL, "state: must be recording or listed");
	return change_refuse(r, "bad_field");
}

static int change_read_target(
    const struct change_reader *r, struct vs_change *c)
{
	bool needed = c->kind == VS_KIND_SYMLINK && c->op != VS_OP_DELETE;

	if (vs_json_get_str(
		r->obj, "link_target", needed, &c->link_target, r->err) < 0)
		return change_refuse(r, "bad_field");
	if (c->link_target == NULL)
		return VS_OK;
	if (c->link_target[0] == '\0' || strlen(c->link_target) > VS_PATH_MAX) {
		vs_err_set(r->err, VS_EINVAL,
		    "link_target: must be 1 to %d bytes", VS_PATH_MAX);
		return change_refuse(r, "bad_field");
	}
	return VS_OK;
}

static int change_read_rest(const struct change_reader *r, struct vs_change *c)
{
	int64_t mode;

	if (change_read_number(r, "mode", 07777, &mode) < 0)
		return VS_EINVAL;
	c->mode = (int)mode;
	return change_read_number(
	    r, "base_version", INT64_MAX, &c->base_version);
}

int vs_change_read(const json_t *obj, bool opaque, struct vs_change *c,
    const char **code, struct vs_err *err)
{
	static int (*const steps[])(
	    const struct change_reader *r, struct vs_change *c) = {
		change_read_paths,
		change_read_enums,
		change_read_state,
		change_read_hash,
		change_read_size,
		change_read_mtime,
		change_read_target,
		change_read_rest,
	};
	struct change_reader r = { obj, opaque, code, err };

	assert(obj != NULL && code != NULL);
	memset(c, 0, sizeof(*c));
	*code = NULL;
	if (!json_is_object(obj)) {
		vs_err_set(err, VS_EINVAL, "change: must be an object");
		return change_refuse(&r, "bad_field");
	}
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i](&r, c) < 0)
			return VS_EINVAL;
	}
	if (c->kind == VS_KIND_DIR) {
		c->hash = NULL;
		c->size = 0;
	}
	return VS_OK;
}
