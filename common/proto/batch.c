#include "common/proto/batch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/proto/totals.h"

void vs_batch_put_follows(struct vs_buf *b, const struct vs_batch_mark *m)
{
	vs_buf_addstr(b, "\"follows\":{\"epoch\":");
	vs_json_add_str(b, m->epoch);
	vs_buf_addf(b, ",\"counter\":%" PRId64 "}", m->counter);
}

void vs_batch_open(
    struct vs_buf *b, const char *device_id, const struct vs_batch_id *id)
{
	vs_buf_addch(b, '{');
	if (device_id != NULL) {
		vs_buf_addstr(b, "\"device_id\":");
		vs_json_add_str(b, device_id);
		vs_buf_addch(b, ',');
	}
	if (id != NULL && id->epoch[0] != '\0') {
		assert(id->counter > 0);
		vs_buf_addstr(b, "\"batch\":{\"epoch\":");
		vs_json_add_str(b, id->epoch);
		vs_buf_addf(b, ",\"counter\":%" PRId64, id->counter);
		if (id->linked && id->counter == 1) {
			vs_buf_addch(b, ',');
			vs_batch_put_follows(b, &id->follows);
		}
		vs_buf_addstr(b, "},");
	}
	vs_buf_addstr(b, "\"changes\":[");
}

void vs_batch_put(struct vs_buf *b, bool first, const struct vs_change *c)
{
	if (!first)
		vs_buf_addch(b, ',');
	vs_change_write(b, c);
}

void vs_batch_shut(struct vs_buf *b)
{
	vs_buf_addstr(b, "]}");
}

int vs_batch_read_follows(const json_t *around, struct vs_batch_mark *m,
    bool *found, struct vs_err *err)
{
	json_t *doc = NULL;
	const char *epoch = "";

	memset(m, 0, sizeof(*m));
	*found = false;
	if (vs_json_get_object(around, "follows", false, &doc, err) < 0)
		return VS_EINVAL;
	if (doc == NULL)
		return VS_OK;
	if (vs_json_get_str(doc, "epoch", true, &epoch, err) < 0 ||
	    vs_json_get_i64(doc, "counter", true, &m->counter, err) < 0) {
		if (err != NULL)
			vs_err_wrap(err, "follows");
		return VS_EINVAL;
	}
	if (strlen(epoch) >= sizeof(m->epoch) || m->counter < 0)
		return vs_err_set(err, VS_EINVAL, "follows: is no batch");
	memcpy(m->epoch, epoch, strlen(epoch) + 1);
	*found = true;
	return VS_OK;
}

/* The member "batch" of a request or an answer; epoch "" without one. */
static int batch_read_id(
    const json_t *body, struct vs_batch_id *id, struct vs_err *err)
{
	json_t *batch = NULL;
	const char *epoch;
	size_t len;

	memset(id, 0, sizeof(*id));
	if (vs_json_get_object(body, "batch", false, &batch, err) < 0)
		return VS_EINVAL;
	if (batch == NULL)
		return VS_OK;
	if (vs_json_get_str(batch, "epoch", true, &epoch, err) < 0 ||
	    vs_json_get_i64(batch, "counter", true, &id->counter, err) < 0) {
		if (err != NULL)
			vs_err_wrap(err, "batch");
		return VS_EINVAL;
	}
	len = strlen(epoch);
	if (len == 0 || len >= sizeof(id->epoch))
		return vs_err_set(
		    err, VS_EINVAL, "batch: epoch: must be a UUID");
	if (id->counter < 1)
		return vs_err_set(
		    err, VS_EINVAL, "batch: counter: must be positive");
	memcpy(id->epoch, epoch, len + 1);
	if (vs_batch_read_follows(batch, &id->follows, &id->linked, err) ==
	    VS_OK)
		return VS_OK;
	if (err != NULL)
		vs_err_wrap(err, "batch");
	return VS_EINVAL;
}

int vs_batch_read(
    const json_t *body, struct vs_batch_request *r, struct vs_err *err)
{
	size_t n;

	memset(r, 0, sizeof(*r));
	if (!json_is_object(body))
		return vs_err_set(err, VS_EINVAL, "body: must be an object");
	if (vs_json_get_array(body, "changes", true, &r->changes, err) < 0)
		return VS_EINVAL;
	n = json_array_size(r->changes);
	if (n == 0)
		return vs_err_set(err, VS_EINVAL, "changes: is empty");
	if (n > VS_BATCH_CHANGES)
		return vs_err_set(
		    err, VS_ELIMIT, "changes: more than %d", VS_BATCH_CHANGES);
	if (vs_json_get_str(body, "device_id", false, &r->device_id, err) < 0)
		return VS_EINVAL;
	return batch_read_id(body, &r->id, err);
}

/* An array that older servers leave out; then it is an empty one. */
static int batch_read_list(
    struct vs_batch_reply *r, const char *key, json_t **out, struct vs_err *err)
{
	*out = NULL;
	if (vs_json_get_array(r->doc, key, false, out, err) < 0)
		return VS_EINVAL;
	if (*out != NULL)
		return VS_OK;
	*out = json_array();
	if (json_object_set_new(r->doc, key, *out) < 0)
		return vs_err_set(err, VS_ENOMEM, "%s", key);
	return VS_OK;
}

static int batch_read_counts(struct vs_batch_reply *r, struct vs_err *err)
{
	bool success = false;

	if (vs_json_get_bool(r->doc, "success", true, &success, err) < 0)
		return VS_EINVAL;
	if (!success)
		return vs_err_set(err, VS_EINVAL, "success: is false");
	if (vs_json_get_i64(r->doc, "synced", true, &r->synced, err) < 0 ||
	    vs_json_get_i64(r->doc, "total", true, &r->total, err) < 0)
		return VS_EINVAL;
	if (r->synced < 0 || r->synced > r->total)
		return vs_err_set(err, VS_EINVAL, "synced: out of range");
	if (vs_json_get_str(r->doc, "log_id", false, &r->log_id, err) < 0)
		return VS_EINVAL;
	return vs_json_get_i64(r->doc, "last_seq", false, &r->last_seq, err);
}

static int batch_check_echo(const struct vs_batch_reply *r,
    const struct vs_batch_id *want, struct vs_err *err)
{
	if (want == NULL)
		return VS_OK;
	if (strcmp(r->id.epoch, want->epoch) == 0 &&
	    r->id.counter == want->counter)
		return VS_OK;
	return vs_err_set(err, VS_EINVAL, "batch: not the one that was sent");
}

static int batch_item_fill(
    const json_t *element, struct vs_batch_item *it, struct vs_err *err)
{
	if (vs_json_get_str(element, "path", true, &it->path, err) < 0)
		return VS_EINVAL;
	if (vs_json_get_i64(element, "index", false, &it->index, err) < 0 ||
	    vs_json_get_i64(element, "seq", false, &it->seq, err) < 0 ||
	    vs_json_get_i64(element, "version", false, &it->version, err) < 0)
		return VS_EINVAL;
	if (vs_json_get_str(element, "hold_id", false, &it->hold_id, err) < 0 ||
	    vs_json_get_str(element, "code", false, &it->code, err) < 0)
		return VS_EINVAL;
	if (vs_json_get_str(element, "error", false, &it->error, err) < 0)
		return VS_EINVAL;
	return vs_json_get_str(element, "status", false, &it->status, err);
}

static int batch_item_read(
    const json_t *element, struct vs_batch_item *it, struct vs_err *err)
{
	memset(it, 0, sizeof(*it));
	it->index = -1;
	if (!json_is_object(element))
		return vs_err_set(err, VS_EINVAL, "not an object");
	return batch_item_fill(element, it, err);
}

static int batch_read_results(struct vs_batch_reply *r, struct vs_err *err)
{
	json_t *list = NULL, *el;
	size_t i;
	int rc = batch_read_list(r, "results", &list, err);

	if (rc < 0)
		return rc;
	r->results = calloc(json_array_size(list) + 1, sizeof(*r->results));
	if (r->results == NULL)
		return vs_err_set(err, VS_ENOMEM, "results");
	json_array_foreach(list, i, el)
	{
		rc = batch_item_read(el, &r->results[i], err);
		if (rc < 0)
			return rc;
		r->count++;
	}
	return VS_OK;
}

static int batch_reply_fill(struct vs_batch_reply *r,
    const struct vs_batch_id *want, struct vs_err *err)
{
	int rc = batch_read_counts(r, err);

	if (rc == VS_OK)
		rc = batch_read_results(r, err);
	if (rc == VS_OK)
		rc = batch_read_list(r, "held", &r->held, err);
	if (rc == VS_OK)
		rc = batch_read_list(r, "errors", &r->errors, err);
	if (rc == VS_OK)
		rc = batch_read_id(r->doc, &r->id, err);
	if (rc == VS_OK)
		rc = batch_check_echo(r, want, err);
	if (rc == VS_OK)
		rc = vs_totals_read(r->doc, &r->tree, &r->has_tree, err);
	return rc;
}

int vs_batch_reply_read(struct vs_batch_reply *r, const char *body, size_t len,
    const struct vs_batch_id *want, struct vs_err *err)
{
	struct vs_err why = VS_ERR_INIT;
	int rc;

	if (vs_batch_reply_scan(r, body, len, want))
		return VS_OK;
	r->doc = vs_json_parse(body, len, &why);
	if (r->doc == NULL)
		rc = VS_EINVAL;
	else if (!json_is_object(r->doc))
		rc = vs_err_set(&why, VS_EINVAL, "not an object");
	else
		rc = batch_reply_fill(r, want, &why);
	if (rc == VS_OK)
		return VS_OK;
	vs_batch_reply_release(r);
	return vs_err_set(err, rc == VS_ENOMEM ? VS_ENOMEM : VS_EPROTO,
	    "answer to a batch: %s", why.msg);
}

void vs_batch_reply_release(struct vs_batch_reply *r)
{
	json_decref(r->doc);
	free(r->text);
	free(r->results);
	memset(r, 0, sizeof(*r));
}

int vs_batch_item_read(
    const json_t *element, struct vs_batch_item *it, struct vs_err *err)
{
	struct vs_err why = VS_ERR_INIT;

	assert(element != NULL);
	if (batch_item_read(element, it, &why) < 0)
		return vs_err_set(
		    err, VS_EPROTO, "answer to a batch: %s", why.msg);
	return VS_OK;
}
