/*
 * Names are for people and may be anything that a terminal shows in one
 * line; ids are what requests go by.
 */
#include "cloud/service/registry.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/base/json.h"
#include "common/base/path.h"
#include "common/base/stamp.h"
#include "common/crypto/key.h"

#define NAME_MAX_BYTES (STORE_NAME - 1)
#define KEY_MAX 1024 /* bytes of a key's text */
#define ENDPOINTS_MAX 64
#define TICKET_KEY 32

static int bad_field(
    struct call *call, const char *field, const struct vs_err *err)
{
	return fault_set(&call->fault, FAULT_FIELD, field, "%s", err->msg);
}

/* A name for people: some UTF-8 text without control characters. */
static int read_name(struct call *call, const json_t *body, const char **name)
{
	struct vs_err err = VS_ERR_INIT;
	const char *p;

	if (vs_json_get_str(body, "name", true, name, &err) != VS_OK)
		return bad_field(call, "name", &err);
	for (p = *name; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			break;
	if (*p != '\0' || p == *name || p - *name > NAME_MAX_BYTES)
		return fault_set(&call->fault, FAULT_FIELD, "name",
		    "name: 1 to %d bytes without control characters",
		    NAME_MAX_BYTES);
	return VS_OK;
}

void registry_put_project(
    struct vs_buf *b, const struct store_project *p, enum store_role role)
{
	char stamp[VS_STAMP_SIZE];

	vs_buf_addf(b, "{\"id\":\"%s\",\"name\":", p->id);
	vs_json_add_str(b, p->name);
	vs_buf_addf(b,
	    ",\"owner_id\":\"%s\",\"role\":\"%s\",\"created_at\":\"%s\""
	    ",\"log_id\":\"%s\",\"last_seq\":%" PRId64
	    ",\"file_count\":%" PRId64 ",\"total_size\":%" PRId64,
	    p->owner_id, role == STORE_OWNER ? "owner" : "member",
	    vs_stamp_format(p->created_ms, stamp), p->log_id, p->last_seq,
	    p->tree.count, p->tree.bytes);
	vs_buf_addstr(b, ",\"publisher\":");
	if (p->publisher[0] == '\0')
		vs_buf_addstr(b, "null}");
	else
		vs_buf_addf(b, "\"%s\"}", p->publisher);
}

int registry_add_project(
    struct call *call, const json_t *body, struct vs_buf *b)
{
	struct store_project *p = &call->project;
	struct vs_err err = VS_ERR_INIT;
	const char *name;

	if (read_name(call, body, &name) != VS_OK)
		return VS_EINVAL;
	memset(p, 0, sizeof(*p));
	vs_rand_uuid(call->rand, p->id);
	vs_rand_uuid(call->rand, p->log_id);
	memcpy(p->owner_id, call->user.id, sizeof(p->owner_id));
	memcpy(p->name, name, strlen(name) + 1);
	p->created_ms = call->wall_ms;
	if (call->store->ops->project_put(call->store, p, &err) != VS_OK)
		return fault_store(&call->fault, &err);
	vs_buf_addstr(b, "{\"success\":true,\"project\":");
	registry_put_project(b, p, STORE_OWNER);
	vs_buf_addstr(b, "}");
	return VS_OK;
}

static int add_project(
    void *arg, const struct store_project *p, enum store_role role)
{
	struct vs_buf *b = arg;

	if (b->data[b->len - 1] == '}')
		vs_buf_addch(b, ',');
	registry_put_project(b, p, role);
	return vs_buf_error(b);
}

int registry_list_projects(struct call *call, struct vs_buf *b)
{
	struct vs_err err = VS_ERR_INIT;
	int rc;

	vs_buf_addstr(b, "{\"success\":true,\"projects\":[");
	rc = vs_buf_error(b);
	if (rc == VS_OK)
		rc = call->store->ops->projects(
		    call->store, call->user.id, add_project, b, &err);
	if (rc != VS_OK) {
		if (err.code == VS_OK)
			(void)vs_err_set(&err, rc, "list of projects");
		return fault_store(&call->fault, &err);
	}
	vs_buf_addstr(b, "]}");
	return VS_OK;
}

/* An optional key: text of a moderate size. */
static int read_key(
    struct call *call, const json_t *body, const char *name, const char **key)
{
	struct vs_err err = VS_ERR_INIT;

	*key = NULL;
	if (vs_json_get_str(body, name, false, key, &err) != VS_OK)
		return bad_field(call, name, &err);
	if (*key != NULL && strlen(*key) > KEY_MAX)
		return fault_set(&call->fault, FAULT_FIELD, name,
		    "%s: over %d bytes", name, KEY_MAX);
	return VS_OK;
}

/* The pin of a device's key, if there is one; what is none pins nothing. */
static int read_pin(struct call *call, const json_t *body, const char **pin)
{
	int rc = read_key(call, body, "public_key_pin", pin);

	if (rc == VS_OK && *pin != NULL && !vs_key_pin_check(*pin))
		return fault_set(&call->fault, FAULT_FIELD, "public_key_pin",
		    "public_key_pin: not \"sha256//\" and a hash in base64");
	return rc;
}

static int read_endpoints(
    struct call *call, const json_t *body, struct vs_buf *text)
{
	struct vs_err err = VS_ERR_INIT;
	json_t *list = NULL;
	size_t i;

	if (vs_json_get_array(body, "endpoints", false, &list, &err) != VS_OK)
		return bad_field(call, "endpoints", &err);
	for (i = 0; i < json_array_size(list); i++)
		if (!json_is_string(json_array_get(list, i)) ||
		    i >= ENDPOINTS_MAX)
			return fault_set(&call->fault, FAULT_FIELD, "endpoints",
			    "endpoints: at most %d strings", ENDPOINTS_MAX);
	if (list == NULL)
		vs_buf_addstr(text, "[]");
	else if (vs_json_dump(text, list) != VS_OK)
		return fault_set(&call->fault, FAULT_FIELD, "endpoints",
		    "endpoints: too long");
	return VS_OK;
}

/* Makes id and key of d, stores it and appends the answer. */
static int put_device(
    struct call *call, struct store_device *d, struct vs_buf *b)
{
	struct vs_err err = VS_ERR_INIT;
	char id[STORE_ID], hex[2 * TICKET_KEY + 1];
	uint8_t key[TICKET_KEY];

	vs_rand_uuid(call->rand, id);
	call->rand->bytes(call->rand, key, sizeof(key));
	vs_hex_encode(hex, key, sizeof(key));
	d->id = id;
	d->user_id = call->user.id;
	d->ticket_key = key;
	d->created_ms = call->wall_ms;
	if (call->store->ops->device_put(call->store, d, &err) != VS_OK)
		return fault_store(&call->fault, &err);
	vs_buf_addf(b,
	    "{\"success\":true,\"device_id\":\"%s\",\"ticket_key\":\"%s\"}", id,
	    hex);
	return VS_OK;
}

int registry_add_device(struct call *call, const json_t *body, struct vs_buf *b)
{
	struct store_device d = { .id = NULL };
	struct vs_buf endpoints;
	int rc;

	vs_buf_init(&endpoints, VS_JSON_STRING);
	rc = read_name(call, body, &d.name);
	if (rc == VS_OK)
		rc = read_pin(call, body, &d.public_key_pin);
	if (rc == VS_OK)
		rc =
		    read_key(call, body, "seal_public_key", &d.seal_public_key);
	if (rc == VS_OK)
		rc = read_endpoints(call, body, &endpoints);
	if (rc == VS_OK) {
		d.endpoints = vs_buf_str(&endpoints);
		rc = put_device(call, &d, b);
	}
	vs_buf_release(&endpoints);
	return rc;
}

static int add_ticket_key(void *arg, const struct store_device *d)
{
	char hex[2 * TICKET_KEY + 1];

	vs_hex_encode(hex, d->ticket_key, TICKET_KEY);
	vs_buf_addf(arg, "{\"success\":true,\"ticket_key\":\"%s\"}", hex);
	explicit_bzero(hex, sizeof(hex));
	return vs_buf_error(arg);
}

/* Its key, too: an agent that served nobody yet did not keep it. */
static int move_device(struct call *call, const struct store_device *d,
    struct vs_buf *b, struct vs_err *err)
{
	const struct store_ops *ops = call->store->ops;
	int rc = ops->device_move(call->store, d, err);

	if (rc == VS_OK)
		rc = ops->device_get(
		    call->store, d->id, d->user_id, add_ticket_key, b, err);
	return rc;
}

int registry_move_device(
    struct call *call, const char *id, const json_t *body, struct vs_buf *b)
{
	struct store_device d = { .id = id, .user_id = call->user.id };
	struct vs_err err = VS_ERR_INIT;
	struct vs_buf endpoints;
	int rc;

	vs_buf_init(&endpoints, VS_JSON_STRING);
	if (json_object_get(body, "endpoints") == NULL)
		rc = fault_set(&call->fault, FAULT_FIELD, "endpoints",
		    "endpoints: missing");
	else
		rc = read_endpoints(call, body, &endpoints);
	if (rc == VS_OK)
		rc = read_pin(call, body, &d.public_key_pin);
	if (rc != VS_OK)
		goto out;
	d.endpoints = vs_buf_str(&endpoints);
	rc = move_device(call, &d, b, &err);
	if (rc == VS_ENOENT)
		rc = fault_set(
		    &call->fault, FAULT_NOT_FOUND, "", "no such device");
	else if (rc != VS_OK)
		rc = fault_store(&call->fault, &err);
out:
	vs_buf_release(&endpoints);
	return rc;
}

int registry_take_over(struct call *call, const json_t *body, struct vs_buf *b)
{
	struct store_project *p = &call->project;
	struct vs_err err = VS_ERR_INIT;
	const char *device;
	int rc;

	assert(call->role == STORE_OWNER);
	if (vs_json_get_str(body, "device_id", true, &device, &err) != VS_OK)
		return bad_field(call, "device_id", &err);
	rc = call->store->ops->device_check(
	    call->store, device, call->user.id, &err);
	if (rc == VS_ENOENT)
		return fault_set(&call->fault, FAULT_DEVICE, "device_id",
		    "this device is not registered");
	if (rc == VS_OK && strcmp(p->publisher, device) != 0) {
		memcpy(p->publisher, device, strlen(device) + 1);
		p->generation++;
		rc = call->store->ops->project_save(call->store, p, &err);
	}
	if (rc != VS_OK)
		return fault_store(&call->fault, &err);
	vs_buf_addf(b,
	    "{\"success\":true,\"publisher\":\"%s\",\"generation\":%" PRId64
	    ",\"log_id\":\"%s\"}",
	    p->publisher, p->generation, p->log_id);
	return VS_OK;
}
