/*
 * The stamp of a row is the server's time of its last change, made unique
 * within the project by counting on.  Going by stamps a client that pages
 * through a listing while it changes sees some rows twice and misses none:
 * what changes behind it moves to the end.
 */
#include "cloud/service/listing.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "cloud/service/children.h"
#include "cloud/service/mime.h"
#include "common/base/json.h"
#include "common/base/path.h"
#include "common/base/stamp.h"

static void put_text(struct vs_buf *b, const char *name, const char *value)
{
	vs_buf_addf(b, ",\"%s\":", name);
	if (value == NULL)
		vs_buf_addstr(b, "null");
	else
		vs_json_add_str(b, value);
}

static void put_time(struct vs_buf *b, const char *name, int64_t ms)
{
	char stamp[VS_STAMP_SIZE];

	vs_buf_addf(b, ",\"%s\":\"%s\"", name, vs_stamp_format(ms, stamp));
}

/* Microseconds to milliseconds, down also before 1970. */
static int64_t to_ms(int64_t us)
{
	return us / 1000 - (us % 1000 < 0 ? 1 : 0);
}

void listing_stamp(struct vs_buf *b, int64_t us)
{
	char stamp[VS_STAMP_SIZE];
	int64_t ms = to_ms(us);

	(void)vs_stamp_format(ms, stamp);
	stamp[strcspn(stamp, "Z")] = '\0';
	vs_buf_addf(b, "\"%s%03dZ\"", stamp, (int)(us - ms * 1000));
}

static void put_times(struct vs_buf *b, const struct store_file *f)
{
	if (f->version == 0) {
		/* a folder that only its content tells of */
		vs_buf_addstr(b,
		    ",\"modified_at\":null,\"created_at\":null"
		    ",\"updated_at\":null,\"deleted_at\":null");
		return;
	}
	/* a client that sent no mtime is shown when the change came */
	put_time(
	    b, "modified_at", to_ms(f->has_mtime ? f->mtime_us : f->stamp_us));
	put_time(b, "created_at", f->created_ms);
	put_time(b, "updated_at", to_ms(f->stamp_us));
	if (f->deleted)
		put_time(b, "deleted_at", f->deleted_ms);
	else
		vs_buf_addstr(b, ",\"deleted_at\":null");
}

/* What sets a row apart from a file that can be fetched; NULL: nothing. */
static const char *state_of(const struct store_file *f)
{
	if (f->recording)
		return "recording";
	return f->kind == VS_KIND_FILE && f->hash == NULL && !f->deleted
	    ? "listed"
	    : NULL;
}

void listing_row(struct vs_buf *b, const struct store_file *f)
{
	assert(f->path != NULL && f->size >= 0 && f->version >= 0);
	vs_buf_addstr(b, "{\"path\":");
	vs_json_add_str(b, f->path);
	put_text(b, "name", vs_path_name(f->path));
	vs_buf_addf(b, ",\"size\":%" PRId64 ",\"is_directory\":%s", f->size,
	    f->kind == VS_KIND_DIR ? "true" : "false");
	put_text(b, "kind", vs_kind_name(f->kind));
	put_text(
	    b, "mime_type", f->kind == VS_KIND_FILE ? mime_of(f->path) : NULL);
	put_text(b, "hash", f->hash);
	put_text(b, "file_hash", f->hash);
	put_times(b, f);
	put_text(b, "deleted_by", f->deleted ? f->deleted_by : NULL);
	vs_buf_addf(
	    b, ",\"version\":%" PRId64 ",\"seq\":%" PRId64, f->version, f->seq);
	put_text(b, "state", state_of(f));
	if (f->mode >= 0)
		vs_buf_addf(b, ",\"mode\":%d", f->mode);
	else
		vs_buf_addstr(b, ",\"mode\":null");
	put_text(b, "link_target", f->link_target);
	if (f->has_mtime)
		vs_buf_addf(b, ",\"mtime\":%" PRId64 ".%03d",
		    to_ms(f->mtime_us),
		    (int)(f->mtime_us - to_ms(f->mtime_us) * 1000));
	vs_buf_addch(b, '}');
}

/* A page that fills. */
struct listing {
	struct vs_buf *b;
	int64_t limit;
	int64_t rows; /* written */
	int64_t last_us; /* stamp of the last one */
	bool more; /* there is one that did not fit */
};

static int add_row(void *arg, const struct store_file *f)
{
	struct listing *page = arg;

	if (page->rows == page->limit) {
		page->more = true;
		return 1;
	}
	if (page->rows > 0)
		vs_buf_addch(page->b, ',');
	listing_row(page->b, f);
	page->rows++;
	page->last_us = f->stamp_us;
	return vs_buf_error(page->b);
}

static int by_stamp(
    struct call *call, const struct listing_query *query, struct listing *page)
{
	struct store_range range = {
		.prefix = query->prefix,
		.deleted = query->deleted,
		.after_us = -1,
		.limit = query->limit + 1,
	};
	struct vs_err err = VS_ERR_INIT;
	int rc;

	if (query->cursor != NULL &&
	    vs_stamp_parse(query->cursor, &range.after_us) != VS_OK)
		return fault_set(&call->fault, FAULT_FIELD, "cursor",
		    "cursor: not one of this listing");
	rc = call->store->ops->files(
	    call->store, call->project.no, &range, add_row, page, &err);
	if (rc != VS_OK && err.code == VS_OK)
		(void)vs_err_set(&err, rc, "a page of files");
	return rc == VS_OK ? VS_OK : fault_store(&call->fault, &err);
}

int listing_page(
    struct call *call, const struct listing_query *query, struct vs_buf *b)
{
	struct listing page = { .b = b, .limit = query->limit };
	int rc;

	assert(query->limit >= 1 && query->limit <= VS_PAGE_LIMIT);
	vs_buf_addstr(b, "{\"success\":true,\"files\":[");
	if (query->children) {
		rc = children_page(call, query, b);
	} else {
		rc = by_stamp(call, query, &page);
		vs_buf_addstr(b, "],\"next_cursor\":");
		if (page.more)
			listing_stamp(b, page.last_us);
		else
			vs_buf_addstr(b, "null");
		vs_buf_addf(
		    b, ",\"has_more\":%s", page.more ? "true" : "false");
	}
	if (rc != VS_OK)
		return rc;
	vs_buf_addf(b, ",\"log_id\":\"%s\",\"last_seq\":%" PRId64 "}",
	    call->project.log_id, call->project.last_seq);
	return VS_OK;
}
