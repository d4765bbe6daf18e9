#include "common/proto/listing.h"

#include <string.h>

#include "common/base/json.h"
#include "common/base/path.h"
#include "common/base/stamp.h"

/* "mtime" in ms with its fraction, else "modified_at". */
static int read_mtime(
    const json_t *obj, struct vs_change *c, struct vs_err *err)
{
	const json_t *mtime = json_object_get(obj, "mtime");
	const char *stamp = NULL;
	int rc;

	if (json_is_number(mtime)) {
		c->mtime_us = (int64_t)(json_number_value(mtime) * 1000 +
		    (json_number_value(mtime) < 0 ? -0.5 : 0.5));
		c->has_mtime = true;
		return 0;
	}
	rc = vs_json_get_str(obj, "modified_at", false, &stamp, err);
	if (rc < 0 || stamp == NULL)
		return rc;
	c->has_mtime = true;
	if (vs_stamp_parse(stamp, &c->mtime_us) < 0)
		return vs_err_set(err, VS_EPROTO, "modified_at: no time");
	return 0;
}

static int read_rest(
    const json_t *obj, struct vs_listing_row *row, struct vs_err *err)
{
	const char *state = NULL;
	int64_t mode = -1;
	int rc = vs_json_get_i64(obj, "mode", false, &mode, err);

	row->c.mode = mode >= 0 && mode <= 07777 ? (int)mode : -1;
	if (rc == 0)
		rc = vs_json_get_str(
		    obj, "link_target", false, &row->c.link_target, err);
	if (rc == 0)
		rc = vs_json_get_i64(obj, "version", false, &row->version, err);
	if (rc == 0)
		rc = vs_json_get_i64(obj, "seq", false, &row->seq, err);
	if (rc == 0)
		rc = vs_json_get_str(obj, "state", false, &state, err);
	row->c.recording = state != NULL && strcmp(state, "recording") == 0;
	row->c.listed = state != NULL && strcmp(state, "listed") == 0;
	return rc < 0 ? rc : read_mtime(obj, &row->c, err);
}

int vs_listing_row_read(
    const json_t *obj, struct vs_listing_row *row, struct vs_err *err)
{
	const char *kind = "file";
	const char *deleted = NULL;
	struct vs_change *c = &row->c;
	int rc;

	memset(row, 0, sizeof(*row));
	c->op = VS_OP_UPDATE;
	c->base_version = -1;
	rc = vs_json_get_str(obj, "path", true, &c->path, err);
	if (rc == 0)
		rc = vs_json_get_str(obj, "kind", false, &kind, err);
	if (rc == 0)
		rc = vs_json_get_i64(obj, "size", false, &c->size, err);
	if (rc == 0)
		rc = vs_json_get_str(obj, "hash", false, &c->hash, err);
	if (rc == 0)
		rc = vs_json_get_str(obj, "deleted_at", false, &deleted, err);
	if (rc < 0)
		return rc;
	row->deleted = deleted != NULL;
	if (vs_kind_parse(kind) < 0 || c->size < 0 ||
	    vs_path_check(c->path, strlen(c->path)) != VS_PATH_GOOD)
		return vs_err_set(err, VS_EPROTO, "listing: bad row");
	c->kind = (enum vs_kind)vs_kind_parse(kind);
	return read_rest(obj, row, err);
}

static int read_frame(struct vs_listing_page *p, struct vs_err *err)
{
	int rc = vs_json_get_array(p->doc, "files", true, &p->files, err);

	if (rc == 0)
		rc = vs_json_get_bool(p->doc, "has_more", true, &p->more, err);
	if (rc == 0)
		rc = vs_json_get_str(
		    p->doc, "next_cursor", p->more, &p->cursor, err);
	if (rc == 0)
		rc = vs_json_get_str(p->doc, "log_id", false, &p->log_id, err);
	if (rc == 0)
		rc = vs_json_get_i64(
		    p->doc, "last_seq", false, &p->last_seq, err);
	return rc;
}

int vs_listing_page_read(
    struct vs_listing_page *p, const char *body, size_t len, struct vs_err *err)
{
	struct vs_listing_row row;
	json_t *obj;
	size_t i;
	int rc;

	memset(p, 0, sizeof(*p));
	p->cursor = "";
	p->log_id = "";
	p->last_seq = -1;
	p->doc = vs_json_parse(body, len, err);
	if (p->doc == NULL)
		return err->code;
	rc = read_frame(p, err);
	if (rc < 0)
		return rc;
	json_array_foreach(p->files, i, obj)
	{
		rc = vs_listing_row_read(obj, &row, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

void vs_listing_page_release(struct vs_listing_page *p)
{
	json_decref(p->doc);
	memset(p, 0, sizeof(*p));
}
