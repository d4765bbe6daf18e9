/*
 * How far a transfer is changes often and is one row of figures; that it
 * began or ended is a milestone.  Speed is what came since the bytes began
 * to come this time, so that a resume does not count what was there before.
 */
#include "cloud/service/transfers.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "cloud/service/moves.h"
#include "common/base/json.h"
#include "common/base/path.h"
#include "common/base/stamp.h"

#define MIB (1024.0 * 1024.0)

int64_t transfers_chunks(int64_t size)
{
	assert(size >= 0);
	return size / TRANSFERS_CHUNK + (size % TRANSFERS_CHUNK != 0);
}

static int fail(struct call *call, struct vs_err *err, int rc)
{
	if (err->code == VS_OK)
		(void)vs_err_set(err, rc, "transfers");
	return fault_store(&call->fault, err);
}

static void put_text(struct vs_buf *b, const char *name, const char *value)
{
	vs_buf_addf(b, ",\"%s\":", name);
	if (value[0] == '\0')
		vs_buf_addstr(b, "null");
	else
		vs_json_add_str(b, value);
}

static void put_time(struct vs_buf *b, const char *name, int64_t ms)
{
	char stamp[VS_STAMP_SIZE];

	if (ms == 0)
		vs_buf_addf(b, ",\"%s\":null", name);
	else
		vs_buf_addf(
		    b, ",\"%s\":\"%s\"", name, vs_stamp_format(ms, stamp));
}

/* Progress, speed in MiB/s, and the seconds that are left; or nulls. */
static void put_speed(struct vs_buf *b, const struct store_transfer *t)
{
	int64_t took = t->updated_ms - t->started_ms;
	int64_t came = t->bytes - t->started_bytes;
	double percent = t->status == STORE_COMPLETED ? 100.0 : 0.0;
	double speed; /* bytes a second */

	if (t->size > 0)
		percent = 100.0 * (double)t->bytes / (double)t->size;
	vs_buf_addf(b, ",\"percent_complete\":%.1f", percent);
	if (t->started_ms == 0 || took <= 0 || came <= 0) {
		vs_buf_addstr(b, ",\"speed_mbps\":null,\"eta_seconds\":null");
		return;
	}
	speed = (double)came * 1000.0 / (double)took;
	vs_buf_addf(b, ",\"speed_mbps\":%.2f,\"eta_seconds\":%.0f", speed / MIB,
	    (double)(t->size - t->bytes) / speed);
}

/* A transfer as an object that is still open. */
static void put_transfer(
    struct vs_buf *b, const struct call *call, const struct store_transfer *t)
{
	int64_t total = transfers_chunks(t->size);

	vs_buf_addf(b, "{\"id\":\"%s\",\"project_id\":\"%s\",\"status\":\"%s\"",
	    t->id, call->project.id, moves_name(t->status));
	put_text(b, "file_path", t->path);
	put_text(b, "file_hash", t->hash);
	vs_buf_addf(b,
	    ",\"bytes_transferred\":%" PRId64 ",\"total_bytes\":%" PRId64,
	    t->bytes, t->size);
	put_speed(b, t);
	vs_buf_addf(b,
	    ",\"requester_id\":\"%s\",\"source_device\":{\"id\":\"%s\"",
	    t->requester_id, t->source_device);
	put_text(b, "name", t->source_name);
	vs_buf_addf(b,
	    "},\"chunks_received\":%" PRId64 ",\"total_chunks\":%" PRId64,
	    t->bytes == t->size ? total : t->bytes / TRANSFERS_CHUNK, total);
	put_text(b, "requester_device_id", t->requester_device);
	put_text(b, "route", t->route);
	put_text(b, "error_message", t->error);
	put_time(b, "requested_at", t->created_ms);
	put_time(b, "started_at", t->started_ms);
	put_time(b, "completed_at", t->ended_ms);
}

struct transfers {
	const struct call *call;
	struct vs_buf *b;
	int64_t rows;
};

static int add_transfer(void *arg, const struct store_transfer *t)
{
	struct transfers *list = arg;

	if (list->rows++ > 0)
		vs_buf_addch(list->b, ',');
	put_transfer(list->b, list->call, t);
	vs_buf_addch(list->b, '}');
	return vs_buf_error(list->b);
}

int transfers_list(
    struct call *call, int status, int64_t limit, struct vs_buf *b)
{
	struct store_transfers which = { .status = status, .limit = limit };
	struct transfers list = { .call = call, .b = b };
	struct vs_err err = VS_ERR_INIT;
	int rc;

	assert(limit > 0);
	if (call->role != STORE_OWNER)
		which.user_id = call->user.id;
	vs_buf_addstr(b, "{\"success\":true,\"transfers\":[");
	rc = call->store->ops->transfers(
	    call->store, call->project.no, &which, add_transfer, &list, &err);
	vs_buf_addstr(b, "]}");
	return rc == VS_OK ? VS_OK : fail(call, &err, rc);
}

int transfers_find(struct call *call, const char *id, struct store_transfer *t)
{
	struct vs_err err = VS_ERR_INIT;
	int rc = call->store->ops->transfer_get(
	    call->store, call->project.no, id, t, &err);

	if (rc != VS_OK && rc != VS_ENOENT)
		return fail(call, &err, rc);
	if (rc == VS_ENOENT ||
	    (call->role != STORE_OWNER &&
		strcmp(t->requester_id, call->user.id) != 0))
		return fault_set(
		    &call->fault, FAULT_NOT_FOUND, "", "no such transfer");
	return VS_OK;
}

static int add_milestone(void *arg, const struct store_milestone *m)
{
	char stamp[VS_STAMP_SIZE];
	struct vs_buf *b = arg;

	if (b->data[b->len - 1] == '}')
		vs_buf_addch(b, ',');
	vs_buf_addf(b,
	    "{\"type\":\"%s\",\"user_id\":\"%s\",\"bytes_transferred\":%" PRId64
	    ",\"at\":\"%s\"}",
	    m->type, m->user_id, m->bytes, vs_stamp_format(m->at_ms, stamp));
	return vs_buf_error(b);
}

int transfers_show(struct call *call, const char *id, struct vs_buf *b)
{
	struct vs_err err = VS_ERR_INIT;
	struct store_transfer t;
	int rc = transfers_find(call, id, &t);

	if (rc != VS_OK)
		return rc;
	put_transfer(b, call, &t);
	vs_buf_addstr(b, ",\"events\":[");
	rc = vs_buf_error(b);
	if (rc == VS_OK)
		rc = call->store->ops->milestones(
		    call->store, t.id, add_milestone, b, &err);
	vs_buf_addstr(b, "]}");
	return rc == VS_OK ? VS_OK : fail(call, &err, rc);
}

/* What a body asks for. */
struct wish {
	int status; /* enum store_status */
	int64_t bytes;
	const char *error; /* or NULL */
	const char *route; /* or NULL */
};

static int bad_field(
    struct call *call, const char *field, const struct vs_err *err)
{
	return fault_set(&call->fault, FAULT_FIELD, field, "%s", err->msg);
}

static int read_texts(struct call *call, const json_t *body, struct wish *w)
{
	struct vs_err err = VS_ERR_INIT;

	if (vs_json_get_str(body, "error_message", false, &w->error, &err) !=
	    VS_OK)
		return bad_field(call, "error_message", &err);
	if (w->error != NULL && strlen(w->error) >= VS_ERR_MSG)
		return fault_set(&call->fault, FAULT_FIELD, "error_message",
		    "error_message: at most %d bytes", VS_ERR_MSG - 1);
	if (vs_json_get_str(body, "route", false, &w->route, &err) != VS_OK)
		return bad_field(call, "route", &err);
	if (w->route != NULL && strcmp(w->route, "direct") != 0)
		return fault_set(&call->fault, FAULT_FIELD, "route",
		    "route: must be direct");
	return VS_OK;
}

static int read_wish(struct call *call, const json_t *body,
    const struct store_transfer *t, struct wish *w)
{
	struct vs_err err = VS_ERR_INIT;
	const char *status = NULL;

	memset(w, 0, sizeof(*w));
	w->status = (int)t->status;
	w->bytes = t->bytes;
	if (vs_json_get_str(body, "status", false, &status, &err) != VS_OK)
		return bad_field(call, "status", &err);
	if (status != NULL)
		w->status = moves_parse(status);
	if (w->status < 0)
		return fault_set(&call->fault, FAULT_FIELD, "status",
		    "status: pending, in_progress, completed, failed or "
		    "cancelled");
	if (vs_json_get_i64(
		body, "bytes_transferred", false, &w->bytes, &err) != VS_OK)
		return bad_field(call, "bytes_transferred", &err);
	if (w->bytes < 0 || w->bytes > t->size)
		return fault_set(&call->fault, FAULT_FIELD, "bytes_transferred",
		    "bytes_transferred: more than the file has");
	return read_texts(call, body, w);
}

/* Moves t; the milestone that is, or NULL. */
static const char *move(
    struct store_transfer *t, enum store_status to, const struct call *call)
{
	enum store_status from = t->status;

	t->status = to;
	if (from == to)
		return NULL;
	t->ended_ms = moves_ended(to) ? call->wall_ms : 0;
	if (to == STORE_PENDING) {
		t->error[0] = '\0';
		t->verdict = false;
		t->started_ms = 0;
		return "resumed";
	}
	if (to == STORE_COMPLETED)
		t->bytes = t->size;
	return to == STORE_IN_PROGRESS ? "started" : moves_name(to);
}

/* What subscribers hear of a move, or of bytes only; NULL for nothing. */
static const char *push_of(
    const struct store_transfer *t, bool moved, const struct call *call)
{
	if (moved && t->status == STORE_COMPLETED)
		return "transfer_complete";
	if (moved && moves_ended(t->status))
		return "transfer_failed";
	if (moved && t->status == STORE_PENDING)
		return "transfer_requested";
	if (t->status == STORE_IN_PROGRESS &&
	    (moved || call->wall_ms - t->pushed_ms >= TRANSFERS_PUSH_MS ||
		call->wall_ms < t->pushed_ms))
		return "transfer_progress";
	return NULL;
}

/* An ended transfer takes nothing any more but what the requester says. */
static void take(struct store_transfer *t, const struct wish *w,
    const struct call *call, bool requester)
{
	if (moves_ended(t->status) && !requester)
		return;
	if (t->status != STORE_COMPLETED)
		t->bytes = w->bytes;
	if (t->status == STORE_IN_PROGRESS && t->started_ms == 0) {
		t->started_ms = call->wall_ms;
		t->started_bytes = t->bytes;
	}
	t->updated_ms = call->wall_ms;
	if (w->error != NULL)
		memcpy(t->error, w->error, strlen(w->error) + 1);
	if (w->route != NULL)
		memcpy(t->route, w->route, strlen(w->route) + 1);
	if (requester && moves_ended(t->status))
		t->verdict = true;
}

int transfers_save(
    struct call *call, const struct store_transfer *t, const char *type)
{
	const struct store_ops *ops = call->store->ops;
	struct tell *tell = &call->tell;
	struct vs_err err = VS_ERR_INIT;
	int rc;

	rc = ops->transfers_sweep(
	    call->store, call->wall_ms - TRANSFERS_KEEP_MS, &err);
	if (rc == VS_OK)
		rc = ops->transfer_put(call->store, call->project.no, t, &err);
	if (rc != VS_OK)
		return fail(call, &err, rc);
	if (type == NULL)
		return VS_OK;
	tell->type = type;
	memcpy(tell->to[0], t->source_id, STORE_ID);
	if (t->status != STORE_PENDING)
		memcpy(tell->to[1], t->requester_id, STORE_ID);
	put_transfer(&tell->data, call, t);
	vs_buf_addch(&tell->data, '}');
	return VS_OK;
}

static int note(
    struct call *call, const struct store_transfer *t, const char *type)
{
	const struct store_milestone m = { .type = type,
		.user_id = call->user.id,
		.at_ms = call->wall_ms,
		.bytes = t->bytes };
	struct vs_err err = VS_ERR_INIT;
	int rc = call->store->ops->milestone_put(call->store, t->id, &m, &err);

	return rc == VS_OK ? VS_OK : fail(call, &err, rc);
}

static int apply(struct call *call, struct store_transfer *t,
    const struct wish *w, bool requester)
{
	enum store_status to = (enum store_status)w->status;
	const char *milestone, *push;
	int rc;

	if (!moves_allow(t, to, requester))
		return fault_set(&call->fault, FAULT_MOVE, "status",
		    "a transfer that is %s cannot become %s%s",
		    moves_name(t->status), moves_name(to),
		    requester ? "" : " on the source's word");
	milestone = move(t, to, call);
	take(t, w, call, requester);
	push = push_of(t, milestone != NULL, call);
	if (push != NULL)
		t->pushed_ms = call->wall_ms;
	rc = transfers_save(call, t, push);
	if (rc == VS_OK && milestone != NULL)
		rc = note(call, t, milestone);
	return rc;
}

int transfers_update(
    struct call *call, const char *id, const json_t *body, struct vs_buf *b)
{
	struct store_transfer t;
	struct wish w;
	int rc = transfers_find(call, id, &t);

	if (rc == VS_OK)
		rc = read_wish(call, body, &t, &w);
	if (rc == VS_OK)
		rc = apply(
		    call, &t, &w, strcmp(t.requester_id, call->user.id) == 0);
	if (rc != VS_OK)
		return rc;
	vs_buf_addstr(b, "{\"success\":true,\"transfer\":");
	put_transfer(b, call, &t);
	vs_buf_addstr(b, "}}");
	return VS_OK;
}
