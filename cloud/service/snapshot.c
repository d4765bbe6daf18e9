/*
 * The call's transaction is one view of the store: the head that was read
 * for the caller's rights and the rows that are read here stand at the same
 * seq, however long it takes.
 */
#include "cloud/service/snapshot.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "cloud/service/listing.h"
#include "common/base/hex.h"
#include "common/base/json.h"
#include "common/base/stamp.h"

#define LINES_MAX (256 * 1024) /* bytes that wait to be compressed */
#define LINES_FLUSH (64 * 1024)
#define KEEP_MS (7 * 24 * 60 * 60 * 1000LL) /* until a snapshot expires */
#define GZIP_BITS (15 + 16) /* zlib's way to ask for gzip */

void snapshot_etag(const struct call *call, enum snapshot_form form,
    bool deleted, char out[SNAPSHOT_ETAG])
{
	(void)snprintf(out, SNAPSHOT_ETAG, "\"%s-%" PRId64 "-%c%d\"",
	    call->project.log_id, call->project.last_seq,
	    form == SNAPSHOT_LINES ? 'l' : 'o', deleted ? 1 : 0);
}

struct snapshot {
	struct vs_buf *out;
	struct vs_buf lines; /* not yet compressed */
	z_stream zip;
	int64_t rows;
};

/* Compresses what waits; with Z_FINISH to the end. */
static int squeeze(struct snapshot *s, int flush)
{
	uint8_t piece[16 * 1024];
	int rc;

	s->zip.next_in = (Bytef *)s->lines.data;
	s->zip.avail_in = (uInt)s->lines.len;
	do {
		s->zip.next_out = piece;
		s->zip.avail_out = sizeof(piece);
		rc = deflate(&s->zip, flush);
		assert(rc != Z_STREAM_ERROR);
		vs_buf_add(s->out, piece, sizeof(piece) - s->zip.avail_out);
	} while (s->zip.avail_out == 0);
	vs_buf_reset(&s->lines);
	return vs_buf_error(s->out);
}

static int add_line(void *arg, const struct store_file *f)
{
	struct snapshot *s = arg;

	listing_row(&s->lines, f);
	vs_buf_addch(&s->lines, '\n');
	if (vs_buf_error(&s->lines) != VS_OK)
		return vs_buf_error(&s->lines);
	return s->lines.len < LINES_FLUSH ? 0 : squeeze(s, Z_NO_FLUSH);
}

static int add_member(void *arg, const struct store_file *f)
{
	struct snapshot *s = arg;
	struct vs_buf *b = s->out;
	char stamp[VS_STAMP_SIZE];

	if (s->rows++ > 0)
		vs_buf_addch(b, ',');
	vs_json_add_str(b, f->path);
	vs_buf_addf(b, ":{\"size\":%" PRId64 ",\"hash\":", f->size);
	if (f->hash == NULL)
		vs_buf_addstr(b, "null");
	else
		vs_json_add_str(b, f->hash);
	vs_buf_addf(b, ",\"mtime\":\"%s\",\"kind\":\"%s\"",
	    vs_stamp_format(
		(f->has_mtime ? f->mtime_us : f->stamp_us) / 1000, stamp),
	    vs_kind_name(f->kind));
	if (f->deleted)
		vs_buf_addf(b, ",\"deleted_at\":\"%s\"",
		    vs_stamp_format(f->deleted_ms, stamp));
	vs_buf_addch(b, '}');
	return vs_buf_error(b);
}

static int each_row(struct call *call, bool deleted, struct snapshot *s,
    int (*row)(void *arg, const struct store_file *f), struct vs_err *err)
{
	const struct store_range range = { .prefix = "",
		.deleted = deleted,
		.from = "",
		.after_us = -1,
		.limit = INT64_MAX };

	return call->store->ops->files(
	    call->store, call->project.no, &range, row, s, err);
}

static int write_lines(
    struct call *call, bool deleted, struct snapshot *s, struct vs_err *err)
{
	int rc;

	if (deflateInit2(&s->zip, 1, Z_DEFLATED, GZIP_BITS, 8,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return VS_ENOMEM;
	vs_buf_init(&s->lines, LINES_MAX);
	rc = each_row(call, deleted, s, add_line, err);
	if (rc == VS_OK)
		rc = squeeze(s, Z_FINISH);
	vs_buf_release(&s->lines);
	(void)deflateEnd(&s->zip);
	return rc;
}

static int write_object(
    struct call *call, bool deleted, struct snapshot *s, struct vs_err *err)
{
	const struct store_project *p = &call->project;
	char made[VS_STAMP_SIZE], expires[VS_STAMP_SIZE];
	char sum[VS_HASH_HEX + 1];
	int rc;

	vs_buf_addstr(s->out, "{\"tree_state\":{");
	rc = each_row(call, deleted, s, add_member, err);
	vs_hex_encode(sum, p->tree.sum, sizeof(p->tree.sum));
	vs_buf_addf(s->out,
	    "},\"file_count\":%" PRId64 ",\"total_size\":%" PRId64
	    ",\"checksum\":\"%s\",\"seq\":%" PRId64 ",\"log_id\":\"%s\""
	    ",\"created_at\":\"%s\",\"expires_at\":\"%s\"}",
	    p->tree.count, p->tree.bytes, sum, p->last_seq, p->log_id,
	    vs_stamp_format(call->wall_ms, made),
	    vs_stamp_format(call->wall_ms + KEEP_MS, expires));
	return rc;
}

int snapshot_write(
    struct call *call, enum snapshot_form form, bool deleted, struct vs_buf *b)
{
	struct snapshot s = { .out = b };
	struct vs_err err = VS_ERR_INIT;
	int rc;

	assert(call->role != STORE_NOBODY);
	if (form == SNAPSHOT_LINES)
		rc = write_lines(call, deleted, &s, &err);
	else
		rc = write_object(call, deleted, &s, &err);
	if (rc == VS_OK)
		rc = vs_buf_error(b);
	if (rc == VS_OK)
		return VS_OK;
	if (err.code == VS_OK)
		(void)vs_err_set(&err, rc, "snapshot: %s", vs_err_text(rc));
	return fault_store(&call->fault, &err);
}
