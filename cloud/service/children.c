/*
 * Rows come in the order of their paths' bytes.  In a folder "d" that is
 * d/a, d/a.txt, d/a/x, d/b: a row of a child comes before, and not always
 * next to, what lies below that child.  So a walk reads rows until it meets
 * one that lies deeper, lists the folder in between if it has no row of its
 * own, and goes on behind everything below that folder.
 *
 * A cursor is the letter f (behind this row) or d (behind all below this
 * folder) and the child's name in hex.
 */
#include "cloud/service/children.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/base/path.h"

#define CURSOR_SIZE (2 * VS_NAME_MAX + 2)

struct children {
	struct call *call;
	const struct listing_query *query;
	struct vs_buf *b;
	size_t skip; /* bytes of "prefix/" */
	int64_t rows; /* written */
	bool more; /* there is one that did not fit */
	bool deeper; /* the walk met a row below a child */
	bool own; /* that child's own row is in the listing */
	char from[VS_PATH_MAX + 2]; /* where the walk goes on */
	char name[VS_NAME_MAX + 1]; /* of the last child, or of that one */
	char kind; /* 'f' or 'd': how the walk goes on behind it */
};

/* Where the walk goes on behind name: the least path after it. */
static int go_behind(struct children *w, char kind)
{
	int len = vs_path_join(
	    w->from, sizeof(w->from) - 1, w->query->prefix, w->name);

	if (len < 0)
		return len;
	w->kind = kind;
	/* 0x01 is the least byte of a path, '0' the one after '/' */
	w->from[len] = kind == 'f' ? '\1' : '0';
	w->from[len + 1] = '\0';
	return VS_OK;
}

static int put_child(struct children *w, const struct store_file *f, char kind)
{
	if (w->rows == w->query->limit) {
		w->more = true;
		return 1;
	}
	if (w->rows > 0)
		vs_buf_addch(w->b, ',');
	listing_row(w->b, f);
	w->rows++;
	if (go_behind(w, kind) != VS_OK)
		return VS_EBUG;
	return vs_buf_error(w->b);
}

static int on_row(void *arg, const struct store_file *f)
{
	struct children *w = arg;
	const char *rest = f->path + w->skip;
	size_t len = strcspn(rest, "/");
	char name[VS_NAME_MAX + 1];

	assert(len > 0 && len <= VS_NAME_MAX);
	memcpy(name, rest, len);
	name[len] = '\0';
	if (rest[len] == '\0') {
		if (w->rows < w->query->limit)
			memcpy(w->name, name, sizeof(name));
		return put_child(w, f, 'f');
	}
	w->deeper = true;
	memcpy(w->from, f->path, strlen(f->path) + 1);
	return 1;
}

static int on_own_row(void *arg, const struct store_file *f)
{
	struct children *w = arg;

	w->own = !f->deleted || w->query->deleted;
	return 1;
}

/* The folder that the row at w->from lies in: listed unless it has a row. */
static int pass_folder(struct children *w, struct vs_err *err)
{
	const struct store_ops *ops = w->call->store->ops;
	struct store_file f = { .kind = VS_KIND_DIR, .mode = -1 };
	char path[VS_PATH_MAX + 1], last[VS_NAME_MAX + 1];
	const char *paths[1] = { path };
	size_t len = w->skip + strcspn(w->from + w->skip, "/");
	int rc;

	w->own = false;
	memcpy(path, w->from, len);
	path[len] = '\0';
	rc = ops->files_get(
	    w->call->store, w->call->project.no, paths, 1, on_own_row, w, err);
	if (rc != VS_OK)
		return rc;
	memcpy(last, w->name, sizeof(last));
	(void)snprintf(w->name, sizeof(w->name), "%s", path + w->skip);
	if (w->own)
		return go_behind(w, 'd');
	f.path = path;
	rc = put_child(w, &f, 'd');
	if (rc == 1)
		memcpy(w->name, last, sizeof(last));
	return rc;
}

static int walk(struct children *w, struct vs_err *err)
{
	struct store_range range = {
		.prefix = w->query->prefix,
		.deleted = w->query->deleted,
		.from = w->from,
	};
	int rc;

	do {
		w->deeper = false;
		range.limit = w->query->limit - w->rows + 1;
		rc = w->call->store->ops->files(w->call->store,
		    w->call->project.no, &range, on_row, w, err);
		if (rc == VS_OK && w->deeper && !w->more)
			rc = pass_folder(w, err);
	} while (rc == VS_OK && w->deeper && !w->more);
	if (rc < 0 && err->code == VS_OK)
		return vs_err_set(err, rc, "a page of children");
	return rc < 0 ? rc : VS_OK;
}

static int read_cursor(struct children *w)
{
	const char *cursor = w->query->cursor;
	size_t len;

	if (cursor == NULL)
		return VS_OK;
	len = strlen(cursor);
	if ((cursor[0] != 'f' && cursor[0] != 'd') || len < 3 ||
	    len >= CURSOR_SIZE || len % 2 != 1 ||
	    vs_hex_decode((uint8_t *)w->name, len / 2, cursor + 1) != VS_OK)
		return VS_EINVAL;
	w->name[len / 2] = '\0';
	if (vs_path_check_name(w->name, len / 2) != VS_PATH_GOOD)
		return VS_EINVAL;
	return go_behind(w, cursor[0]);
}

int children_page(
    struct call *call, const struct listing_query *query, struct vs_buf *b)
{
	struct children w = { .call = call, .query = query, .b = b };
	struct vs_err err = VS_ERR_INIT;
	char hex[CURSOR_SIZE];

	assert(query->children && query->limit >= 1);
	w.skip = strlen(query->prefix);
	if (w.skip > 0)
		w.skip++;
	if (read_cursor(&w) != VS_OK)
		return fault_set(&call->fault, FAULT_FIELD, "cursor",
		    "cursor: not one of this listing");
	if (walk(&w, &err) != VS_OK)
		return fault_store(&call->fault, &err);
	vs_buf_addstr(b, "],\"next_cursor\":");
	if (w.more) {
		assert(w.rows > 0 && w.kind != '\0');
		vs_hex_encode(hex, (const uint8_t *)w.name, strlen(w.name));
		vs_buf_addf(b, "\"%c%s\"", w.kind, hex);
	} else {
		vs_buf_addstr(b, "null");
	}
	vs_buf_addf(b, ",\"has_more\":%s", w.more ? "true" : "false");
	return VS_OK;
}
