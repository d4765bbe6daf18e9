/*
 * A request whose answer was lost comes again: so one device has at most one
 * transfer of one content that goes on, and asking twice is asking once.
 */
#include "cloud/service/download.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cloud/service/mime.h"
#include "cloud/service/moves.h"
#include "cloud/service/transfers.h"
#include "common/base/hex.h"
#include "common/base/json.h"
#include "common/base/path.h"
#include "common/base/stamp.h"
#include "common/crypto/key.h"
#include "common/crypto/ticket.h"

#define ENDPOINTS_BYTES VS_JSON_STRING

/* What a ticket takes of the two devices. */
struct download {
	struct call *call;
	struct store_transfer t;
	char requester_pin[VS_KEY_PIN]; /* "": no ticket */
	char source_pin[VS_KEY_PIN]; /* or "" */
	uint8_t key[VS_TICKET_KEY]; /* the source's */
	struct vs_buf endpoints; /* JSON array */
};

static void download_init(struct download *d, struct call *call)
{
	memset(d, 0, sizeof(*d));
	d->call = call;
	vs_buf_init(&d->endpoints, ENDPOINTS_BYTES);
}

static void download_release(struct download *d)
{
	explicit_bzero(d->key, sizeof(d->key));
	vs_buf_release(&d->endpoints);
}

static void copy_pin(char out[VS_KEY_PIN], const char *pin)
{
	if (pin != NULL && vs_key_pin_check(pin))
		memcpy(out, pin, strlen(pin) + 1);
}

static int take_source(void *arg, const struct store_device *d)
{
	struct download *down = arg;
	struct store_transfer *t = &down->t;

	assert(strlen(d->id) < STORE_ID && strlen(d->user_id) < STORE_ID);
	memcpy(t->source_device, d->id, strlen(d->id) + 1);
	memcpy(t->source_id, d->user_id, strlen(d->user_id) + 1);
	(void)snprintf(t->source_name, sizeof(t->source_name), "%s", d->name);
	memcpy(down->key, d->ticket_key, sizeof(down->key));
	copy_pin(down->source_pin, d->public_key_pin);
	vs_buf_addstr(&down->endpoints, d->endpoints);
	return vs_buf_error(&down->endpoints);
}

static int take_requester(void *arg, const struct store_device *d)
{
	struct download *down = arg;

	assert(strlen(d->id) < STORE_ID);
	memcpy(down->t.requester_device, d->id, strlen(d->id) + 1);
	copy_pin(down->requester_pin, d->public_key_pin);
	return 0;
}

/* The device that publishes the project now. */
static int find_source(struct download *d)
{
	struct call *call = d->call;
	struct vs_err err = VS_ERR_INIT;
	int rc = VS_ENOENT;

	if (call->project.publisher[0] != '\0')
		rc = call->store->ops->device_get(call->store,
		    call->project.publisher, NULL, take_source, d, &err);
	if (rc == VS_ENOENT)
		return fault_set(&call->fault, FAULT_SOURCE, "",
		    "no device publishes this project, so none can serve it");
	if (rc != VS_OK && err.code == VS_OK)
		(void)vs_err_set(&err, rc, "a device's endpoints");
	return rc == VS_OK ? VS_OK : fault_store(&call->fault, &err);
}

/* The caller's device of that id, or its newest with a key. */
static int find_requester(struct download *d, const char *id)
{
	struct call *call = d->call;
	struct vs_err err = VS_ERR_INIT;
	int rc = call->store->ops->device_get(
	    call->store, id, call->user.id, take_requester, d, &err);

	if (rc == VS_ENOENT && id == NULL)
		return VS_OK;
	if (rc != VS_OK && rc != VS_ENOENT)
		return fault_store(&call->fault, &err);
	if (rc == VS_ENOENT || d->requester_pin[0] == '\0')
		return fault_set(&call->fault, FAULT_DEVICE, "device_id",
		    "this device is not registered with a key");
	return VS_OK;
}

/* A file as it is now, and what keeps it from being fetched. */
struct found {
	struct store_transfer *t;
	enum fault_kind why;
};

static int take_file(void *arg, const struct store_file *f)
{
	struct found *found = arg;
	struct store_transfer *t = found->t;

	if (f->deleted || f->kind != VS_KIND_FILE)
		return 0;
	if (f->recording || f->hash == NULL) {
		found->why = f->recording ? FAULT_RECORDING : FAULT_LISTED;
		return 0;
	}
	assert(strlen(f->hash) <= VS_HASH_OPAQUE);
	found->why = FAULT_NONE;
	memcpy(t->hash, f->hash, strlen(f->hash) + 1);
	t->size = f->size;
	t->version = f->version;
	return 0;
}

/* The file at path as it is now; a fault when it cannot be fetched. */
static int find_file(
    struct call *call, const char *path, struct store_transfer *t)
{
	const char *const paths[1] = { path };
	struct found found = { .t = t, .why = FAULT_NOT_FOUND };
	struct vs_err err = VS_ERR_INIT;
	int rc;

	t->hash[0] = '\0';
	rc = call->store->ops->files_get(
	    call->store, call->project.no, paths, 1, take_file, &found, &err);
	if (rc != VS_OK)
		return fault_store(&call->fault, &err);
	switch (found.why) {
	case FAULT_NONE:
		return VS_OK;
	case FAULT_RECORDING:
		return fault_set(&call->fault, found.why, "file_path",
		    "the file is being recorded: it can be fetched once the "
		    "program that writes it lets go");
	case FAULT_LISTED:
		return fault_set(&call->fault, found.why, "file_path",
		    "the owner has listed the file but not hashed it yet");
	default:
		return fault_set(
		    &call->fault, FAULT_NOT_FOUND, "", "no such file");
	}
}

static int refuse_changed(struct call *call)
{
	return fault_set(&call->fault, FAULT_CHANGED, "file_hash",
	    "the file has another content by now");
}

/* What a body asks for; strings are borrowed from it. */
struct wish {
	const char *path; /* as sent */
	const char *hash; /* or NULL */
	const char *device; /* or NULL */
	const char *mode;
};

static int read_wish(struct call *call, const json_t *body, struct wish *w)
{
	struct vs_err err = VS_ERR_INIT;
	const char *stored;

	memset(w, 0, sizeof(*w));
	w->mode = "full";
	if (vs_json_get_str(body, "file_path", true, &w->path, &err) != VS_OK)
		return fault_set(
		    &call->fault, FAULT_FIELD, "file_path", "%s", err.msg);
	stored = w->path + (w->path[0] == '/');
	if (vs_path_check(stored, strlen(stored)) != VS_PATH_GOOD)
		return fault_set(&call->fault, FAULT_FIELD, "file_path",
		    "file_path: %s",
		    vs_path_flaw_text(vs_path_check(stored, strlen(stored))));
	if (vs_json_get_str(body, "file_hash", false, &w->hash, &err) !=
		VS_OK ||
	    vs_json_get_str(body, "device_id", false, &w->device, &err) !=
		VS_OK ||
	    vs_json_get_str(body, "request_mode", false, &w->mode, &err) !=
		VS_OK)
		return fault_set(&call->fault, FAULT_FIELD, "", "%s", err.msg);
	if (strcmp(w->mode, "full") != 0)
		return fault_set(&call->fault, FAULT_FIELD, "request_mode",
		    "request_mode: must be full");
	return VS_OK;
}

static int find_wanted(struct download *d, const struct wish *w)
{
	struct call *call = d->call;
	struct store_transfer *t = &d->t;
	const char *path = w->path + (w->path[0] == '/');
	int rc = find_file(call, path, t);

	if (rc != VS_OK)
		return rc;
	if (w->hash != NULL && strcmp(w->hash, t->hash) != 0)
		return refuse_changed(call);
	memcpy(t->path, path, strlen(path) + 1);
	return VS_OK;
}

/* Makes d->t a new transfer, or what goes on of it already. */
static int open_transfer(struct download *d)
{
	struct call *call = d->call;
	struct store_transfer *t = &d->t, same = *t;
	struct vs_err err = VS_ERR_INIT;
	int rc;

	memcpy(same.requester_id, call->user.id, STORE_ID);
	rc = call->store->ops->transfer_same(
	    call->store, call->project.no, &same, &err);
	if (rc != VS_OK && rc != VS_ENOENT)
		return fault_store(&call->fault, &err);
	if (rc == VS_OK) {
		memcpy(same.source_device, t->source_device, STORE_ID);
		memcpy(same.source_id, t->source_id, STORE_ID);
		memcpy(same.source_name, t->source_name, STORE_NAME);
		*t = same;
		return transfers_save(call, t, NULL);
	}
	vs_rand_uuid(call->rand, t->id);
	memcpy(t->requester_id, call->user.id, STORE_ID);
	t->status = STORE_PENDING;
	t->created_ms = call->wall_ms;
	return transfers_save(call, t, "transfer_requested");
}

/* Appends "ticket" to "public_key_pin", in an object that is open. */
static int put_ticket(struct download *d, struct vs_buf *b)
{
	const struct store_transfer *t = &d->t;
	struct call *call = d->call;
	struct vs_ticket ticket = { .size = t->size,
		.expires_ms = call->wall_ms + VS_TICKET_MS };
	struct vs_err err = VS_ERR_INIT;
	char stamp[VS_STAMP_SIZE];
	int rc = VS_OK;

	vs_buf_addstr(b, "\"ticket\":");
	if (d->requester_pin[0] == '\0' || !vs_hex_is_hash(t->hash)) {
		vs_buf_addstr(b, "null");
	} else {
		memcpy(ticket.transfer, t->id, STORE_ID);
		memcpy(ticket.project, call->project.id, STORE_ID);
		memcpy(ticket.source, t->source_device, STORE_ID);
		memcpy(ticket.path, t->path, strlen(t->path) + 1);
		memcpy(ticket.hash, t->hash, strlen(t->hash) + 1);
		memcpy(ticket.pin, d->requester_pin, sizeof(d->requester_pin));
		vs_buf_addch(b, '"');
		rc = vs_ticket_write(b, &ticket, d->key, &err);
		vs_buf_addch(b, '"');
	}
	vs_buf_addf(b, ",\"expires_at\":\"%s\",\"endpoints\":%s",
	    vs_stamp_format(ticket.expires_ms, stamp),
	    vs_buf_str(&d->endpoints));
	if (d->source_pin[0] == '\0')
		vs_buf_addstr(b, ",\"public_key_pin\":null");
	else
		vs_buf_addf(b, ",\"public_key_pin\":\"%s\"", d->source_pin);
	return rc == VS_OK ? VS_OK : fault_store(&call->fault, &err);
}

static int put_answer(
    struct download *d, const struct wish *w, struct vs_buf *b)
{
	const struct store_transfer *t = &d->t;
	int rc;

	vs_buf_addf(b,
	    "{\"success\":true,\"download_id\":\"%s\",\"file\":{\"path\":",
	    t->id);
	vs_json_add_str(b, w->path);
	vs_buf_addf(b, ",\"size\":%" PRId64 ",\"hash\":", t->size);
	vs_json_add_str(b, t->hash);
	vs_buf_addf(b, ",\"mime_type\":\"%s\",\"version\":%" PRId64 "}",
	    mime_of(t->path), t->version);
	vs_buf_addf(b,
	    ",\"transfer_info\":{\"protocol\":\"http\""
	    ",\"source_device_id\":\"%s\",\"chunk_size\":%d"
	    ",\"total_chunks\":%" PRId64 ",",
	    t->source_device, TRANSFERS_CHUNK, transfers_chunks(t->size));
	rc = put_ticket(d, b);
	vs_buf_addstr(b, "}}");
	return rc;
}

int download_request(struct call *call, const json_t *body, struct vs_buf *b)
{
	struct download d;
	struct wish w;
	int rc;

	download_init(&d, call);
	rc = read_wish(call, body, &w);
	if (rc == VS_OK)
		rc = find_wanted(&d, &w);
	if (rc == VS_OK)
		rc = find_source(&d);
	if (rc == VS_OK)
		rc = find_requester(&d, w.device);
	if (rc == VS_OK)
		rc = open_transfer(&d);
	if (rc == VS_OK)
		rc = put_answer(&d, &w, b);
	download_release(&d);
	return rc;
}

/* The file of a transfer that goes on is as it was when it was asked for. */
static int check_current(struct call *call, const struct store_transfer *t)
{
	struct store_transfer now;
	int rc;

	if (strcmp(t->requester_id, call->user.id) != 0)
		return fault_set(&call->fault, FAULT_FORBIDDEN, "",
		    "a ticket is for who asked for the file");
	if (moves_ended(t->status))
		return fault_set(&call->fault, FAULT_MOVE, "",
		    "the transfer is %s", moves_name(t->status));
	rc = find_file(call, t->path, &now);
	if (rc != VS_OK)
		return fault_status(call->fault.kind) >= 500
		    ? rc
		    : refuse_changed(call);
	return strcmp(now.hash, t->hash) == 0 ? VS_OK : refuse_changed(call);
}

int download_renew(struct call *call, const char *id, struct vs_buf *b)
{
	struct download d;
	char device[STORE_ID];
	int rc;

	download_init(&d, call);
	rc = transfers_find(call, id, &d.t);
	if (rc == VS_OK)
		rc = check_current(call, &d.t);
	if (rc == VS_OK)
		rc = find_source(&d);
	if (rc != VS_OK)
		goto out;
	memcpy(device, d.t.requester_device, sizeof(device));
	rc = find_requester(&d, device[0] == '\0' ? NULL : device);
	if (rc == VS_OK)
		rc = transfers_save(call, &d.t, NULL);
	if (rc != VS_OK)
		goto out;
	vs_buf_addstr(b, "{\"success\":true,");
	rc = put_ticket(&d, b);
	vs_buf_addch(b, '}');
out:
	download_release(&d);
	return rc;
}
