/*
 * A batch is taken whole: it is read, checked against what is known of its
 * device and its number, merged with the rows it touches, written, and
 * answered; the caller's savepoint makes all of that one step.
 *
 * - A fault (call->fault) means that nothing is to be kept: the number of
 *   the batch stays free, and the sender may use it for another body.
 * - What is wrong with single changes goes to "errors" of a 200: the number
 *   is used up, and the same batch gets the same answer for ever.
 * - The answer is stored with the number, in the same transaction: should
 *   it be lost on its way, it can be given again to the byte.
 */
#include "cloud/service/ingest.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/service/gate.h"
#include "cloud/service/journal.h"
#include "cloud/service/listing.h"
#include "cloud/service/merge.h"
#include "common/base/hex.h"
#include "common/base/json.h"
#include "common/crypto/sha256.h"
#include "common/proto/batch.h"
#include "common/proto/totals.h"

/* One request on its way. */
struct ingest {
	struct call *call;
	char *text; /* the body, read in place; owns the strings, or... */
	json_t *doc; /* ... this does, for a body of another form */
	struct vs_batch_request req;
	uint8_t digest[VS_SHA256_SIZE]; /* of the body */
	struct vs_change *changes; /* as read */
	bool *good; /* which of them could be read */
	size_t count;
	struct merge merge;
	struct journal journal;
	struct vs_buf results; /* elements of the answer's arrays */
	struct vs_buf held;
	struct vs_buf errors;
	int64_t synced;
};

static int out_of_memory(struct ingest *in)
{
	struct vs_err err = VS_ERR_INIT;

	(void)vs_err_set(&err, VS_ENOMEM, "ingest");
	return fault_store(&in->call->fault, &err);
}

/* The member's name an error message begins with. */
static void field_of(const struct vs_err *err, char out[FAULT_FIELD_SIZE])
{
	size_t n = strcspn(err->msg, ": ");

	if (n >= FAULT_FIELD_SIZE)
		n = FAULT_FIELD_SIZE - 1;
	memcpy(out, err->msg, n);
	out[n] = '\0';
}

/* Reads all of a body that has the form an agent of ours gives it. */
static bool read_short(struct ingest *in, const char *body, size_t len)
{
	in->text = malloc(len + 1);
	if (in->text == NULL)
		return false;
	memcpy(in->text, body, len);
	return vs_batch_scan(in->text, len, &in->req, in->changes, &in->count);
}

/* The frame of any body; fault on anything that is no batch. */
static int read_long(struct ingest *in, const char *body, size_t len)
{
	struct fault *fault = &in->call->fault;
	struct vs_err err = VS_ERR_INIT;
	char field[FAULT_FIELD_SIZE];
	int rc;

	in->doc = vs_json_parse(body, len, &err);
	if (in->doc == NULL)
		return fault_set(fault, FAULT_JSON, "", "%s", err.msg);
	rc = vs_batch_read(in->doc, &in->req, &err);
	if (rc == VS_ELIMIT)
		return fault_set(
		    fault, FAULT_TOO_MANY, "changes", "%s", err.msg);
	if (rc != VS_OK) {
		field_of(&err, field);
		return fault_set(fault, FAULT_FIELD, field, "%s", err.msg);
	}
	in->count = json_array_size(in->req.changes);
	return VS_OK;
}

static int read_body(struct ingest *in, const char *body, size_t len)
{
	int rc = VS_OK;

	in->changes = calloc(VS_BATCH_CHANGES, sizeof(*in->changes));
	in->good = calloc(VS_BATCH_CHANGES, sizeof(*in->good));
	if (in->changes == NULL || in->good == NULL)
		return out_of_memory(in);
	if (!read_short(in, body, len))
		rc = read_long(in, body, len);
	if (rc != VS_OK)
		return rc;
	if (in->req.id.epoch[0] != '\0' && in->req.device_id == NULL)
		return fault_set(&in->call->fault, FAULT_FIELD, "device_id",
		    "device_id: missing: a batch belongs to a device");
	vs_sha256(body, len, in->digest);
	return VS_OK;
}

/*
 * The device is the caller's and publishes this project, or is the first to
 * do so.  A client that names no device writes as an editor.
 */
static int check_publisher(struct ingest *in)
{
	struct call *call = in->call;
	struct store_project *p = &call->project;
	struct vs_err err = VS_ERR_INIT;
	int rc;

	if (in->req.device_id == NULL)
		return VS_OK;
	rc = call->store->ops->device_check(
	    call->store, in->req.device_id, call->user.id, &err);
	if (rc == VS_ENOENT)
		return fault_set(&call->fault, FAULT_DEVICE, "device_id",
		    "this device is not registered");
	if (rc != VS_OK)
		return fault_store(&call->fault, &err);
	assert(strlen(in->req.device_id) < STORE_ID);
	if (p->publisher[0] == '\0') {
		memcpy(p->publisher, in->req.device_id,
		    strlen(in->req.device_id) + 1);
		p->generation++;
	}
	if (strcmp(p->publisher, in->req.device_id) != 0)
		return fault_set(&call->fault, FAULT_PUBLISHER, "",
		    "another device publishes this project");
	memcpy(in->journal.device_id, p->publisher, STORE_ID);
	return VS_OK;
}

static int refuse_gap(struct ingest *in, int64_t expected)
{
	(void)fault_set(&in->call->fault, FAULT_GAP, "batch.counter",
	    "batch %" PRId64 " is out of order: %" PRId64 " is due",
	    in->req.id.counter, expected);
	in->call->fault.expected = expected;
	return VS_EINVAL;
}

/* An epoch that was never seen: whether it may begin now. */
static int pass_begin(struct ingest *in)
{
	struct call *call = in->call;
	struct store_epoch head;
	struct vs_batch_mark latest;
	struct vs_err err = VS_ERR_INIT;
	int rc = call->store->ops->epoch_head(
	    call->store, call->project.no, in->req.device_id, &head, &err);

	if (rc != VS_OK && rc != VS_ENOENT)
		return fault_store(&call->fault, &err);
	if (gate_begin(rc == VS_OK ? &head : NULL, call->project.generation,
		&in->req.id, &latest))
		return VS_OK;
	(void)fault_set(&call->fault, FAULT_FOLLOWS, "batch.follows",
	    "this epoch does not follow the latest batch of the device");
	call->fault.linked = true;
	call->fault.follows = latest;
	return VS_EINVAL;
}

/*
 * VS_OK: go on; VS_EEXIST: done before, and its answer is in b; else a
 * fault.
 */
static int pass_gate(struct ingest *in, struct vs_buf *b)
{
	struct call *call = in->call;
	struct store_epoch known = { .counter = 0 };
	struct vs_err err = VS_ERR_INIT;
	int64_t expected;
	bool seen;
	int rc;

	if (in->req.id.epoch[0] == '\0')
		return VS_OK;
	rc = call->store->ops->epoch_get(call->store, call->project.no,
	    in->req.device_id, in->req.id.epoch, &known, &err);
	if (rc != VS_OK && rc != VS_ENOENT)
		return fault_store(&call->fault, &err);
	seen = rc == VS_OK;
	switch (gate_check(seen ? &known : NULL, call->project.generation,
	    in->req.id.counter, in->digest, &expected)) {
	case GATE_PASS:
		rc = seen ? VS_OK : pass_begin(in);
		break;
	case GATE_REPEAT:
		vs_buf_add(b, known.answer, known.answer_len);
		rc = VS_EEXIST;
		break;
	case GATE_MISMATCH:
		rc = fault_set(&call->fault, FAULT_MISMATCH, "batch.counter",
		    "batch %" PRId64 " came before with another body",
		    in->req.id.counter);
		break;
	case GATE_GAP:
		rc = refuse_gap(in, expected);
		break;
	case GATE_STALE:
		rc = fault_set(&call->fault, FAULT_STALE, "batch.epoch",
		    "this epoch of the device has ended");
		break;
	}
	free(known.answer);
	return rc;
}

static void separate(struct vs_buf *b)
{
	if (b->len > 0)
		vs_buf_addch(b, ',');
}

/* The path of a change as its sender wrote it; NULL for none. */
static const char *path_sent(const struct ingest *in, size_t i)
{
	const struct vs_change *c = &in->changes[i];

	if (in->good[i])
		return c->slash ? c->path - 1 : c->path;
	return json_string_value(
	    json_object_get(json_array_get(in->req.changes, i), "path"));
}

/* Opens an element: {"index":i,"path":as the sender wrote it */
static void put_head(struct vs_buf *b, const struct ingest *in, size_t i)
{
	const char *path = path_sent(in, i);

	separate(b);
	vs_buf_addf(b, "{\"index\":%zu,\"path\":", i);
	if (path == NULL)
		vs_buf_addstr(b, "null");
	else
		vs_json_add_str(b, path);
}

static void put_bad(
    struct ingest *in, size_t i, const char *code, const struct vs_err *err)
{
	put_head(&in->errors, in, i);
	vs_buf_addf(&in->errors, ",\"code\":\"%s\",\"error\":", code);
	vs_json_add_str(&in->errors, err->msg);
	vs_buf_addch(&in->errors, '}');
}

/* Change i of a document; one that cannot be read goes to the errors. */
static void read_change(struct ingest *in, size_t i)
{
	const json_t *change = json_array_get(in->req.changes, i);
	bool opaque = in->req.id.epoch[0] == '\0';
	const char *code = "bad_field";
	struct vs_err err = VS_ERR_INIT;

	in->good[i] = vs_change_read(change, opaque, &in->changes[i], &code,
			  &err) == VS_OK;
	if (!in->good[i])
		put_bad(in, i, code, &err);
}

/* The changes, and a wish for the row of each path that they name. */
static int read_changes(struct ingest *in)
{
	const struct vs_change *c;
	size_t i;

	for (i = 0; i < in->count; i++) {
		c = &in->changes[i];
		in->good[i] = true;
		if (in->req.changes != NULL)
			read_change(in, i);
		if (!in->good[i])
			continue;
		if (merge_want(&in->merge, c->path) != VS_OK ||
		    (c->renamed_from != NULL &&
			merge_want(&in->merge, c->renamed_from) != VS_OK))
			return out_of_memory(in);
	}
	return VS_OK;
}

/* Which of the folders to be deleted lie above a deletion that waits. */
static int load_below(struct ingest *in)
{
	struct call *call = in->call;
	struct vs_err err = VS_ERR_INIT;
	struct merge_slot *slot;
	size_t i;
	int rc;

	for (i = 0; i < in->count; i++) {
		if (!in->good[i] || in->changes[i].op != VS_OP_DELETE)
			continue;
		slot = merge_folder(&in->merge, in->changes[i].path);
		if (slot == NULL)
			continue;
		rc = call->store->ops->hold_below(
		    call->store, call->project.no, slot->row.path, &err);
		if (rc < 0)
			return fault_store(&call->fault, &err);
		slot->below = rc == 1;
	}
	return VS_OK;
}

static void put_done(struct ingest *in, size_t i, const struct merge_verdict *v)
{
	struct vs_buf *b = &in->results;

	separate(b);
	vs_buf_addstr(b, "{\"path\":");
	vs_json_add_str(b, path_sent(in, i));
	vs_buf_addstr(b, ",\"seq\":");
	vs_buf_addi(b, v->seq);
	vs_buf_addstr(b, ",\"version\":");
	vs_buf_addi(b, v->version);
	vs_buf_addstr(b, ",\"status\":\"synced\"}");
	in->synced++;
	in->changes[i].version = v->version;
	if (v->logged)
		journal_add(
		    &in->journal, &in->changes[i], v->seq, in->call->wall_ms);
}

static void put_held(struct ingest *in, size_t i, const struct merge_verdict *v)
{
	const struct merge_slot *slot = v->slot;

	put_head(&in->held, in, i);
	vs_buf_addf(&in->held, ",\"hold_id\":\"%s\"}",
	    slot->hold_new ? in->journal.hold_id : slot->row.hold_id);
}

static void put_conflict(
    struct ingest *in, size_t i, const struct merge_verdict *v)
{
	struct vs_buf *b = &in->errors;

	put_head(b, in, i);
	vs_buf_addf(b,
	    ",\"code\":\"conflict\",\"error\":\"base_version: another "
	    "version is current\",\"version\":%" PRId64 ",\"current\":",
	    v->version);
	if (v->slot->known)
		listing_row(b, &v->slot->row);
	else
		vs_buf_addstr(b, "null");
	vs_buf_addch(b, '}');
}

static void merge_all(struct ingest *in)
{
	struct merge_verdict v;
	size_t i;

	/* an old name may be deleted before the new one is made */
	for (i = 0; i < in->count; i++)
		if (in->good[i])
			(void)merge_rename(&in->merge, &in->changes[i]);
	for (i = 0; i < in->count; i++) {
		if (!in->good[i])
			continue;
		/* what is no rename is not logged as one: a follower would
		   look for a copy that it cannot have */
		if (!merge_rename(&in->merge, &in->changes[i]))
			in->changes[i].renamed_from = NULL;
		merge_change(&in->merge, &in->changes[i], &v);
		switch (v.outcome) {
		case MERGE_DONE:
			put_done(in, i, &v);
			break;
		case MERGE_HELD:
			put_held(in, i, &v);
			break;
		case MERGE_CONFLICT:
			put_conflict(in, i, &v);
			break;
		}
	}
}

static void write_answer(struct ingest *in, struct vs_buf *b)
{
	const struct store_project *p = &in->call->project;

	vs_buf_addf(b,
	    "{\"success\":true,\"synced\":%" PRId64
	    ",\"total\":%zu,\"results\":[",
	    in->synced, in->count);
	vs_buf_addstr(b, vs_buf_str(&in->results));
	vs_buf_addstr(b, "],\"held\":[");
	vs_buf_addstr(b, vs_buf_str(&in->held));
	vs_buf_addstr(b, "],\"errors\":[");
	vs_buf_addstr(b, vs_buf_str(&in->errors));
	vs_buf_addf(b, "],\"log_id\":\"%s\",\"last_seq\":%" PRId64, p->log_id,
	    p->last_seq);
	if (in->req.id.epoch[0] != '\0') {
		vs_buf_addstr(b, ",\"batch\":{\"epoch\":");
		vs_json_add_str(b, in->req.id.epoch);
		vs_buf_addf(b, ",\"counter\":%" PRId64 "}", in->req.id.counter);
	}
	vs_buf_addstr(b, ",\"tree\":");
	vs_totals_write(b, &p->tree);
	vs_buf_addch(b, '}');
}

/* Remembers the batch with its answer, for when it comes again. */
static int write_epoch(struct ingest *in, struct vs_buf *b)
{
	struct call *call = in->call;
	struct vs_err err = VS_ERR_INIT;
	struct store_epoch e = {
		.generation = call->project.generation,
		.counter = in->req.id.counter,
		.current = true,
		.answer = b->data,
		.answer_len = b->len,
	};
	int rc;

	if (in->req.id.epoch[0] == '\0')
		return VS_OK;
	memcpy(e.digest, in->digest, sizeof(e.digest));
	memcpy(e.device_id, in->req.device_id, strlen(in->req.device_id) + 1);
	memcpy(e.epoch, in->req.id.epoch, strlen(in->req.id.epoch) + 1);
	rc = call->store->ops->epoch_put(
	    call->store, call->project.no, &e, &err);
	return rc == VS_OK ? VS_OK : fault_store(&call->fault, &err);
}

static int ingest_init(struct ingest *in, struct call *call)
{
	memset(in, 0, sizeof(*in));
	in->call = call;
	vs_buf_init(&in->results, INGEST_ANSWER_MAX);
	vs_buf_init(&in->held, INGEST_ANSWER_MAX);
	vs_buf_init(&in->errors, INGEST_ANSWER_MAX);
	if (merge_init(&in->merge, &call->project, call->user.id,
		call->wall_ms) != VS_OK ||
	    journal_init(&in->journal, VS_BATCH_CHANGES, call->rand) != VS_OK)
		return out_of_memory(in);
	return VS_OK;
}

static void ingest_release(struct ingest *in)
{
	json_decref(in->doc);
	free(in->text);
	free(in->changes);
	free(in->good);
	merge_release(&in->merge);
	journal_release(&in->journal);
	vs_buf_release(&in->results);
	vs_buf_release(&in->held);
	vs_buf_release(&in->errors);
}

int ingest_update(
    struct call *call, const char *body, size_t len, struct vs_buf *b)
{
	struct ingest in;
	int rc;

	assert(call->role == STORE_OWNER && b->len == 0);
	rc = ingest_init(&in, call);
	if (rc == VS_OK)
		rc = read_body(&in, body, len);
	if (rc == VS_OK)
		rc = check_publisher(&in);
	if (rc == VS_OK)
		rc = pass_gate(&in, b);
	if (rc != VS_OK)
		goto out;
	rc = read_changes(&in);
	if (rc == VS_OK)
		rc = journal_load(call, &in.merge);
	if (rc == VS_OK)
		rc = load_below(&in);
	if (rc != VS_OK)
		goto out;
	merge_all(&in);
	rc = journal_write(call, &in.journal, &in.merge);
	if (rc != VS_OK)
		goto out;
	write_answer(&in, b);
	if (vs_buf_error(&in.results) != VS_OK ||
	    vs_buf_error(&in.held) != VS_OK ||
	    vs_buf_error(&in.errors) != VS_OK || vs_buf_error(b) != VS_OK)
		rc = out_of_memory(&in);
	else
		rc = write_epoch(&in, b);
out:
	ingest_release(&in);
	return rc == VS_EEXIST ? VS_OK : rc;
}
