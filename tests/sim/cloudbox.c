#include "tests/sim/cloudbox.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/api/api.h"
#include "cloud/store/store.h"
#include "common/base/hex.h"
#include "common/crypto/sha256.h"
#include "common/crypto/ticket.h"

#define CLOUDBOX_GROUP 32 /* requests in one commit */
#define CLOUDBOX_REOPEN_MS 500

struct asked {
	struct cloudbox_call c; /* its strings are ours */
	char *query;
	struct api_answer answer;
	struct asked *next;
};

struct cloudbox {
	struct cloudbox_options o;
	struct store *writer; /* both NULL while down */
	struct store *reader;
	struct asked *first;
	struct asked **last;
	bool due; /* a group is planned */
	int64_t acked;
	int64_t lost;
	struct cloudbox_stats stats;
	char token[65];
	char project[STORE_ID];
	char device[STORE_ID];
	uint8_t ticket_key[VS_TICKET_KEY];
};

struct cloudbox *cloudbox_new(const struct cloudbox_options *o)
{
	struct cloudbox *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->o = *o;
	c->last = &c->first;
	return c;
}

static void call_finish(struct asked *k, int status)
{
	if (status)
		k->c.done(k->c.arg, k->c.data, status, k->answer.type,
		    vs_buf_str(&k->answer.body), k->answer.body.len);
	else
		k->c.done(k->c.arg, k->c.data, 0, "", "", 0);
	api_answer_release(&k->answer);
	free((char *)k->c.method);
	free((char *)k->c.path);
	free((char *)k->c.token);
	free((char *)k->c.body);
	free(k->query);
	free(k);
}

static struct asked *call_take(struct cloudbox *c)
{
	struct asked *k = c->first;

	if (!k)
		return NULL;
	c->first = k->next;
	if (!c->first)
		c->last = &c->first;
	return k;
}

static void cloudbox_shut(struct cloudbox *c)
{
	struct asked *k;

	while ((k = call_take(c)))
		call_finish(k, 0);
	store_close(c->reader);
	store_close(c->writer);
	c->reader = c->writer = NULL;
	c->due = false;
	sched_clear(c->o.sched, CLOUDBOX_OWNER);
	if (c->o.ended)
		c->o.ended(c->o.arg);
}

void cloudbox_free(struct cloudbox *c)
{
	if (!c)
		return;
	cloudbox_shut(c);
	free(c);
}

/* What was answered for must be there after any crash. */
static void lost_check(struct cloudbox *c)
{
	json_int_t last = -1;
	char path[128];
	json_t *doc;

	if (!c->acked)
		return;
	snprintf(path, sizeof(path), "/api/projects/%s/events?since_seq=%lld",
	    c->project, (long long)c->acked);
	doc = cloudbox_ask(c, "GET", path, NULL);
	if (doc && !json_unpack(doc, "{s:I}", "last_seq", &last) &&
	    last < c->acked)
		c->lost = c->acked - last;
	json_decref(doc);
}

int64_t cloudbox_lost(const struct cloudbox *c)
{
	return c->lost;
}

int cloudbox_start(struct cloudbox *c)
{
	struct store_options o = { .path = "cloud.db", .vfs = "sim-cloud" };
	struct vs_err err = VS_ERR_INIT;
	int rc;

	assert(!c->writer);
	c->stats.opens++;
	rc = store_open(&c->writer, &o, &err);
	o.readonly = true;
	if (rc == VS_OK)
		rc = store_open(&c->reader, &o, &err);
	if (rc == VS_OK) {
		lost_check(c);
		trace_add(
		    c->o.trace, sched_now(c->o.sched).mono_ms, "cloud: up");
		return VS_OK;
	}
	trace_add(c->o.trace, sched_now(c->o.sched).mono_ms,
	    "cloud: does not open: %s", err.msg);
	store_close(c->writer);
	c->writer = NULL;
	return rc;
}

bool cloudbox_up(const struct cloudbox *c)
{
	return c->writer != NULL;
}

const char *cloudbox_token(const struct cloudbox *c)
{
	return c->token;
}

const char *cloudbox_project(const struct cloudbox *c)
{
	return c->project;
}

const char *cloudbox_device(const struct cloudbox *c)
{
	return c->device;
}

const struct cloudbox_stats *cloudbox_stats(const struct cloudbox *c)
{
	return &c->stats;
}

/* Without its number a batch is one more from a client that has none. */
static char *body_anonymous(const char *body, json_t **batch)
{
	json_t *doc = json_loads(body, 0, NULL);
	char *out;

	*batch = json_incref(json_object_get(doc, "batch"));
	json_object_del(doc, "batch");
	out = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	if (!out)
		abort();
	return out;
}

/* As from an agent that does not say what its epoch follows. */
static char *body_unlinked(const char *body)
{
	json_t *doc = json_loads(body, 0, NULL);
	char *out;

	json_object_del(json_object_get(doc, "batch"), "follows");
	out = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	if (!out)
		abort();
	return out;
}

static void answer_named(struct api_answer *a, json_t *batch)
{
	json_t *doc = json_loads(vs_buf_str(&a->body), 0, NULL);
	char *text;

	json_object_set(doc, "batch", batch);
	text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	if (!text)
		abort();
	vs_buf_reset(&a->body);
	vs_buf_addstr(&a->body, text);
	free(text);
}

/* One request against a store that is in a transaction. */
static void call_handle(struct cloudbox *c, struct store *s,
    const struct api_request *r, struct api_answer *a, bool *keep)
{
	struct api_context x = { .store = s,
		.rand = c->o.rand,
		.wall_ms = sched_now(c->o.sched).wall_ms };
	struct api_request named = *r;
	json_t *batch = NULL;
	char *body = NULL;

	if (c->o.no_dedupe && r->body && strstr(r->body, "\"batch\""))
		body = body_anonymous(r->body, &batch);
	if (c->o.unlinked && r->body && strstr(r->body, "\"follows\""))
		body = body_unlinked(r->body);
	if (body) {
		named.body = body;
		named.len = strlen(body);
	}
	api_handle(&x, &named, a, keep);
	if (batch && a->status == 200)
		answer_named(a, batch);
	json_decref(batch);
	free(body);
}

static struct api_request call_request(const struct asked *k)
{
	return (struct api_request){
		.method = k->c.method,
		.path = k->c.path,
		.query = k->query ? k->query : "",
		.token = k->c.token,
		.body = k->c.body,
		.len = k->c.len,
	};
}

/* Reads on the reader: one view of the data. */
static int call_read(struct cloudbox *c, struct asked *k)
{
	struct api_request r = call_request(k);
	bool keep = false;
	int rc = c->reader->ops->begin(c->reader, NULL);

	if (rc == VS_OK)
		call_handle(c, c->reader, &r, &k->answer, &keep);
	c->reader->ops->rollback(c->reader);
	return rc == VS_OK ? c->reader->ops->failed(c->reader) : rc;
}

static int call_write(struct cloudbox *c, struct asked *k)
{
	const struct store_ops *ops = c->writer->ops;
	struct api_request r = call_request(k);
	bool keep = false;
	int rc = ops->savepoint(c->writer, NULL);

	if (rc != VS_OK)
		return rc;
	call_handle(c, c->writer, &r, &k->answer, &keep);
	rc = ops->failed(c->writer);
	if (rc != VS_OK)
		return rc;
	return keep ? ops->release(c->writer, NULL)
		    : ops->rollback_to(c->writer, NULL);
}

/* Does those that were taken; VS_OK once all is durable. */
static int group_run(struct cloudbox *c, struct asked *group)
{
	const struct store_ops *ops = c->writer->ops;
	int rc = ops->begin(c->writer, NULL);

	for (struct asked *k = group; k && rc == VS_OK; k = k->next) {
		struct api_request r = call_request(k);

		rc = api_writes(&r) ? call_write(c, k) : call_read(c, k);
	}
	if (rc == VS_OK)
		rc = ops->commit(c->writer, NULL);
	else
		ops->rollback(c->writer);
	return rc;
}

static void reopen_due(void *arg, void *data, bool due)
{
	struct cloudbox *c = arg;

	(void)data;
	if (due && !c->writer && cloudbox_start(c) != VS_OK)
		sched_add(c->o.sched, CLOUDBOX_REOPEN_MS, CLOUDBOX_OWNER,
		    reopen_due, c, NULL);
}

/* The store is used up: all are sent away, and it is opened anew. */
static void group_fail(struct cloudbox *c, struct asked *group, int rc)
{
	c->stats.failed_groups++;
	trace_add(c->o.trace, sched_now(c->o.sched).mono_ms,
	    "cloud: the store failed: %s", vs_err_name(rc));
	while (group) {
		struct asked *next = group->next;

		call_finish(group, 0);
		group = next;
	}
	cloudbox_shut(c);
	sched_add(c->o.sched, CLOUDBOX_REOPEN_MS, CLOUDBOX_OWNER, reopen_due, c,
	    NULL);
}

static void group_due(void *arg, void *data, bool due)
{
	struct cloudbox *c = arg;
	struct asked *group = NULL, **end = &group;
	int rc;

	(void)data;
	c->due = false;
	if (!due || !c->writer)
		return;
	for (int n = 0; n < CLOUDBOX_GROUP && c->first; n++) {
		*end = call_take(c);
		end = &(*end)->next;
	}
	*end = NULL;
	c->stats.groups++;
	rc = group_run(c, group);
	if (rc != VS_OK) {
		group_fail(c, group, rc);
		return;
	}
	if (c->o.news)
		c->o.news(c->o.arg);
	while (group) {
		struct asked *next = group->next;

		if (group->answer.last_seq > c->acked)
			c->acked = group->answer.last_seq;
		call_finish(group, group->answer.status);
		group = next;
	}
}

static char *copy(const char *s, size_t len)
{
	char *out = malloc(len + 1);

	if (!out)
		abort();
	memcpy(out, s, len);
	out[len] = '\0';
	return out;
}

void cloudbox_deliver(struct cloudbox *c, const struct cloudbox_call *call)
{
	struct asked *k = calloc(1, sizeof(*k));
	size_t len = strcspn(call->path, "?");

	if (!k)
		abort();
	k->c = *call;
	k->c.method = copy(call->method, strlen(call->method));
	k->c.path = copy(call->path, len);
	if (call->path[len])
		k->query =
		    copy(call->path + len + 1, strlen(call->path + len + 1));
	k->c.token =
	    call->token ? copy(call->token, strlen(call->token)) : NULL;
	k->c.body = call->body ? copy(call->body, call->len) : NULL;
	api_answer_init(&k->answer);
	c->stats.requests++;
	if (!c->writer) {
		call_finish(k, 0);
		return;
	}
	*c->last = k;
	c->last = &k->next;
	if (!c->due)
		sched_add(c->o.sched, (int64_t)vs_rand_below(c->o.rand, 5),
		    CLOUDBOX_OWNER, group_due, c, NULL);
	c->due = true;
}

void cloudbox_crash(struct cloudbox *c, bool power)
{
	trace_add(c->o.trace, sched_now(c->o.sched).mono_ms, "cloud: %s",
	    power ? "power cut" : "killed");
	memvfs_halt(c->o.vfs);
	cloudbox_shut(c);
	if (power)
		memvfs_crash(c->o.vfs);
	else
		memvfs_kill(c->o.vfs);
}

json_t *cloudbox_ask_as(struct cloudbox *c, const char *token,
    const char *method, const char *path, const char *body)
{
	const struct store_ops *ops = c->writer->ops;
	struct asked k = { .c.method = method, .c.token = token };
	size_t len = strcspn(path, "?");
	json_t *doc = NULL;
	bool keep = false;

	k.c.path = copy(path, len);
	k.query =
	    path[len] ? copy(path + len + 1, strlen(path + len + 1)) : NULL;
	k.c.body = body;
	k.c.len = body ? strlen(body) : 0;
	api_answer_init(&k.answer);
	if (ops->begin(c->writer, NULL) == VS_OK) {
		struct api_request r = call_request(&k);

		call_handle(c, c->writer, &r, &k.answer, &keep);
		if (!keep)
			ops->rollback(c->writer);
		else if (ops->commit(c->writer, NULL) != VS_OK)
			k.answer.status = 0;
	}
	if (k.answer.status >= 200 && k.answer.status < 300)
		doc = json_loadb(
		    vs_buf_str(&k.answer.body), k.answer.body.len, 0, NULL);
	if (keep && c->o.news)
		c->o.news(c->o.arg);
	api_answer_release(&k.answer);
	free((char *)k.c.path);
	free(k.query);
	return doc;
}

json_t *cloudbox_ask(
    struct cloudbox *c, const char *method, const char *path, const char *body)
{
	return cloudbox_ask_as(c, c->token, method, path, body);
}

struct store *cloudbox_writer(struct cloudbox *c)
{
	return c->writer;
}

struct store *cloudbox_reader(struct cloudbox *c)
{
	return c->reader;
}

void cloudbox_failed(struct cloudbox *c, int rc)
{
	group_fail(c, NULL, rc);
}

void cloudbox_forget(struct cloudbox *c)
{
	c->acked = 0;
}

const uint8_t *cloudbox_ticket_key(const struct cloudbox *c)
{
	return c->ticket_key;
}

static bool user_make(struct cloudbox *c)
{
	struct store_user u = { .name = "ada" };
	struct store_token t = { .created_ms = 0 };
	uint8_t secret[32];
	const struct store_ops *ops = c->writer->ops;

	vs_rand_uuid(c->o.rand, u.id);
	vs_rand_uuid(c->o.rand, t.id);
	c->o.rand->bytes(c->o.rand, secret, sizeof(secret));
	for (size_t i = 0; i < sizeof(secret); i++)
		snprintf(c->token + 2 * i, 3, "%02x", secret[i]);
	memcpy(t.user_id, u.id, sizeof(u.id));
	vs_sha256(c->token, strlen(c->token), t.hash);
	return ops->begin(c->writer, NULL) == VS_OK &&
	    ops->user_put(c->writer, &u, NULL) == VS_OK &&
	    ops->token_put(c->writer, &t, NULL) == VS_OK &&
	    ops->commit(c->writer, NULL) == VS_OK;
}

bool cloudbox_found(struct cloudbox *c)
{
	const char *id = NULL, *key = NULL;
	json_t *doc;
	bool ok;

	if (!user_make(c))
		return false;
	doc = cloudbox_ask(c, "POST", "/api/devices",
	    "{\"name\":\"studio\",\"public_key_pin\":\"" CLOUDBOX_PIN
	    "\",\"endpoints\":[\"https://10.0.0.1:7000\","
	    "\"https://10.0.0.2:7000\"]}");
	ok = doc &&
	    !json_unpack(
		doc, "{s:s,s:s}", "device_id", &id, "ticket_key", &key) &&
	    vs_hex_decode(c->ticket_key, sizeof(c->ticket_key), key) == VS_OK;
	if (ok)
		snprintf(c->device, sizeof(c->device), "%s", id);
	json_decref(doc);
	doc = cloudbox_ask(c, "POST", "/api/projects", "{\"name\":\"film\"}");
	ok = ok && doc && !json_unpack(doc, "{s:{s:s}}", "project", "id", &id);
	if (ok)
		snprintf(c->project, sizeof(c->project), "%s", id);
	json_decref(doc);
	return ok;
}
