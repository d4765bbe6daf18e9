/* Downloads, their tickets, and what becomes of them. */
#include "tests/unit/cloudkit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/service/transfers.h"
#include "common/base/hex.h"
#include "common/base/stamp.h"
#include "common/crypto/ticket.h"

#define PIN_S "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define PIN_R "sha256//BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="
#define HASH(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define HASH_A HASH("aa")
#define HASH_B HASH("bb")
#define DOWNLOAD "/api/projects/%P/files/download"

/* The kit with a source that publishes and a member's device. */
struct scene {
	struct cloudkit *k;
	uint8_t key[VS_TICKET_KEY]; /* the source's */
	char source[STORE_ID];
	char device[STORE_ID]; /* the member's */
};

static json_t *device(
    struct scene *s, const char *token, const char *pin, const char *where)
{
	char body[256];

	(void)snprintf(body, sizeof(body),
	    "{\"name\":\"d\",\"public_key_pin\":\"%s\",\"endpoints\":[%s]}",
	    pin, where);
	return cloudkit_ask(s->k, token, "POST", "/api/devices", body);
}

static void publish(
    struct scene *s, const char *path, const char *hash, long long size)
{
	json_t *doc = cloudkit_post(s->k, "/api/projects/%P/files/update",
	    "{\"changes\":[{\"path\":\"%s\",\"op\":\"update\",\"hash\":\"%s\","
	    "\"size\":%lld,\"mtime\":1}],\"device_id\":\"%s\"}",
	    path, hash, size, s->source);

	assert_int_equal(s->k->status, 200);
	json_decref(doc);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	json_t *doc;

	assert_non_null(s);
	s->k = cloudkit_new();
	doc = device(s, s->k->owner.text, PIN_S, "\"https://10.0.0.1:7000\"");
	(void)snprintf(
	    s->source, sizeof(s->source), "%s", cloudkit_str(doc, "device_id"));
	assert_int_equal(vs_hex_decode(s->key, sizeof(s->key),
			     cloudkit_str(doc, "ticket_key")),
	    VS_OK);
	json_decref(doc);
	doc = device(s, s->k->member.text, PIN_R, "");
	(void)snprintf(
	    s->device, sizeof(s->device), "%s", cloudkit_str(doc, "device_id"));
	json_decref(doc);
	publish(s, "a/film.mov", HASH_A, 9 * 1024 * 1024);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	cloudkit_free(s->k);
	free(s);
	return 0;
}

static json_t *want(struct scene *s, const char *body)
{
	return cloudkit_ask(s->k, s->k->member.text, "POST", DOWNLOAD, body);
}

/* A new transfer of the member's; id gets its id. */
static void request(struct scene *s, char id[STORE_ID])
{
	json_t *doc = want(s, "{\"file_path\":\"a/film.mov\"}");

	assert_int_equal(s->k->status, 200);
	(void)snprintf(id, STORE_ID, "%s", cloudkit_str(doc, "download_id"));
	json_decref(doc);
}

static json_t *at(struct scene *s, const char *token, const char *method,
    const char *id, const char *body)
{
	char target[160];

	(void)snprintf(
	    target, sizeof(target), "/api/projects/%%P/transfers/%s", id);
	return cloudkit_ask(s->k, token, method, target, body);
}

static json_t *patch(
    struct scene *s, const char *token, const char *id, const char *body)
{
	return at(s, token, "PATCH", id, body);
}

/* Asserts that the patch does what it says. */
static void moves(
    struct scene *s, const char *token, const char *id, const char *status)
{
	char body[64];
	json_t *doc;

	(void)snprintf(body, sizeof(body), "{\"status\":\"%s\"}", status);
	doc = patch(s, token, id, body);
	if (s->k->status != 200)
		fail_msg("%s", vs_buf_str(&s->k->answer.body));
	assert_string_equal(cloudkit_str(doc, "transfer.status"), status);
	json_decref(doc);
}

static void refuses(
    struct scene *s, const char *token, const char *id, const char *status)
{
	char body[64];

	(void)snprintf(body, sizeof(body), "{\"status\":\"%s\"}", status);
	cloudkit_refused(s->k, patch(s, token, id, body), 409, "bad_move");
}

static void check_ticket(struct scene *s, const json_t *info, const char *id)
{
	struct vs_ticket t;
	int64_t us;

	assert_int_equal(vs_ticket_read(&t, cloudkit_str(info, "ticket"),
			     s->key, s->k->wall_ms, NULL),
	    VS_OK);
	assert_string_equal(t.transfer, id);
	assert_string_equal(t.project, s->k->project);
	assert_string_equal(t.source, s->source);
	assert_string_equal(t.path, "a/film.mov");
	assert_string_equal(t.hash, HASH_A);
	assert_int_equal(t.size, 9 * 1024 * 1024);
	assert_string_equal(t.pin, PIN_R);
	assert_int_equal(t.expires_ms, s->k->wall_ms + VS_TICKET_MS);
	assert_int_equal(
	    vs_stamp_parse(cloudkit_str(info, "expires_at"), &us), VS_OK);
	assert_int_equal(us / 1000, t.expires_ms);
	assert_string_equal(cloudkit_str(info, "public_key_pin"), PIN_S);
	assert_string_equal(
	    cloudkit_str(info, "endpoints.0"), "https://10.0.0.1:7000");
}

static void test_request(void **state)
{
	struct scene *s = *state;
	json_t *doc = want(s,
	    "{\"file_path\":\"/a/film.mov\",\"file_hash\":\"" HASH_A
	    "\",\"request_mode\":\"full\"}");
	const json_t *info;

	assert_int_equal(s->k->status, 200);
	/* the sender's form of the path */
	assert_string_equal(cloudkit_str(doc, "file.path"), "/a/film.mov");
	assert_int_equal(cloudkit_int(doc, "file.size"), 9 * 1024 * 1024);
	assert_int_equal(cloudkit_int(doc, "file.version"), 1);
	assert_string_equal(cloudkit_str(doc, "file.hash"), HASH_A);
	assert_string_equal(
	    cloudkit_str(doc, "file.mime_type"), "video/quicktime");
	info = cloudkit_at(doc, "transfer_info");
	assert_string_equal(cloudkit_str(info, "protocol"), "http");
	assert_string_equal(cloudkit_str(info, "source_device_id"), s->source);
	assert_int_equal(cloudkit_int(info, "chunk_size"), 4194304);
	assert_int_equal(cloudkit_int(info, "total_chunks"), 3);
	check_ticket(s, info, cloudkit_str(doc, "download_id"));
	/* only the owner of the source hears of it */
	assert_string_equal(s->k->answer.tell.type, "transfer_requested");
	assert_string_equal(s->k->answer.tell.to[0], s->k->owner.user_id);
	assert_string_equal(s->k->answer.tell.to[1], "");
	assert_non_null(strstr(vs_buf_str(&s->k->answer.tell.data),
	    "\"file_path\":\"a/film.mov\""));
	json_decref(doc);
}

/* Asked again, and for another device. */
static void test_again(void **state)
{
	struct scene *s = *state;
	char first[STORE_ID], body[128];
	json_t *doc;

	request(s, first);
	moves(s, s->k->member.text, first, "in_progress");
	doc = want(s, "{\"file_path\":\"a/film.mov\"}");
	assert_string_equal(cloudkit_str(doc, "download_id"), first);
	assert_null(s->k->answer.tell.type);
	check_ticket(s, cloudkit_at(doc, "transfer_info"), first);
	json_decref(doc);
	s->k->wall_ms++;
	json_decref(device(s, s->k->member.text, PIN_S, ""));
	doc = want(s, "{\"file_path\":\"a/film.mov\"}");
	assert_string_not_equal(cloudkit_str(doc, "download_id"), first);
	json_decref(doc);
	(void)snprintf(body, sizeof(body),
	    "{\"file_path\":\"a/film.mov\",\"device_id\":\"%s\"}", s->device);
	doc = want(s, body);
	assert_string_equal(cloudkit_str(doc, "download_id"), first);
	json_decref(doc);
	/* what has ended does not go on */
	moves(s, s->k->member.text, first, "cancelled");
	doc = want(s, body);
	assert_string_not_equal(cloudkit_str(doc, "download_id"), first);
	json_decref(doc);
}

static void test_refusals(void **state)
{
	struct scene *s = *state;
	char body[160];

	cloudkit_refused(
	    s->k, want(s, "{\"file_path\":\"a/none\"}"), 404, "not_found");
	json_decref(cloudkit_publish(
	    s->k, "{\"path\":\"d\",\"op\":\"create\",\"kind\":\"directory\"}"));
	cloudkit_refused(
	    s->k, want(s, "{\"file_path\":\"d\"}"), 404, "not_found");
	cloudkit_refused(s->k,
	    want(s,
		"{\"file_path\":\"a/film.mov\",\"file_hash\":\"" HASH_B "\"}"),
	    409, "changed");
	cloudkit_refused(s->k,
	    want(s, "{\"file_path\":\"a/film.mov\",\"request_mode\":\"slow\"}"),
	    400, "bad_field");
	cloudkit_refused(s->k, want(s, "{\"file_path\":\"../etc/passwd\"}"),
	    400, "bad_field");
	cloudkit_refused(s->k, want(s, "{}"), 400, "bad_field");
	/* somebody else's device */
	(void)snprintf(body, sizeof(body),
	    "{\"file_path\":\"a/film.mov\",\"device_id\":\"%s\"}", s->source);
	cloudkit_refused(s->k, want(s, body), 409, "unknown_device");
	json_decref(cloudkit_publish(
	    s->k, "{\"path\":\"a/film.mov\",\"op\":\"delete\"}"));
	cloudkit_refused(
	    s->k, want(s, "{\"file_path\":\"a/film.mov\"}"), 404, "not_found");
}

/* A client without a key is told all but a ticket. */
static void test_keyless(void **state)
{
	struct cloudkit *k = cloudkit_new();
	json_t *doc;

	(void)state;
	json_decref(cloudkit_publish(k,
	    "{\"path\":\"f\",\"op\":\"create\",\"hash\":\"abc\",\"size\":1,"
	    "\"mtime\":1}"));
	cloudkit_refused(k,
	    cloudkit_ask(
		k, k->member.text, "POST", DOWNLOAD, "{\"file_path\":\"f\"}"),
	    409, "no_source");
	json_decref(cloudkit_post(k, "/api/projects/%P/publisher",
	    "{\"device_id\":\"%s\"}", k->device));
	doc = cloudkit_ask(
	    k, k->member.text, "POST", DOWNLOAD, "{\"file_path\":\"f\"}");
	assert_int_equal(k->status, 200);
	assert_true(json_is_null(cloudkit_at(doc, "transfer_info.ticket")));
	assert_int_equal(cloudkit_int(doc, "transfer_info.total_chunks"), 1);
	json_decref(doc);
	cloudkit_free(k);
}

static void test_renew(void **state)
{
	struct scene *s = *state;
	char id[STORE_ID], path[160];
	json_t *doc;

	request(s, id);
	(void)snprintf(
	    path, sizeof(path), "/api/projects/%%P/transfers/%s/ticket", id);
	s->k->wall_ms += 60 * 1000;
	doc = cloudkit_ask(s->k, s->k->member.text, "POST", path, NULL);
	assert_int_equal(s->k->status, 200);
	check_ticket(s, doc, id);
	json_decref(doc);
	moves(s, s->k->member.text, id, "in_progress");
	/* the file changes: the old content is nobody's any more */
	publish(s, "a/film.mov", HASH_B, 5);
	cloudkit_refused(s->k,
	    cloudkit_ask(s->k, s->k->member.text, "POST", path, NULL), 409,
	    "changed");
	publish(s, "a/film.mov", HASH_A, 9 * 1024 * 1024);
	json_decref(cloudkit_ask(s->k, s->k->member.text, "POST", path, NULL));
	assert_int_equal(s->k->status, 200);
	moves(s, s->k->member.text, id, "failed");
	cloudkit_refused(s->k,
	    cloudkit_ask(s->k, s->k->member.text, "POST", path, NULL), 409,
	    "bad_move");
	moves(s, s->k->member.text, id, "pending");
	json_decref(cloudkit_ask(s->k, s->k->member.text, "POST", path, NULL));
	assert_int_equal(s->k->status, 200);
}

/* The source is the device that publishes now, with its key. */
static void test_source_moves(void **state)
{
	struct scene *s = *state;
	char id[STORE_ID], path[160];
	struct vs_ticket t;
	json_t *doc, *other;
	uint8_t key[VS_TICKET_KEY];

	request(s, id);
	(void)snprintf(
	    path, sizeof(path), "/api/projects/%%P/transfers/%s/ticket", id);
	other = device(s, s->k->owner.text, PIN_S, "\"https://b:1\"");
	json_decref(cloudkit_post(s->k, "/api/projects/%P/publisher",
	    "{\"device_id\":\"%s\"}", cloudkit_str(other, "device_id")));
	doc = cloudkit_ask(s->k, s->k->member.text, "POST", path, NULL);
	assert_int_equal(s->k->status, 200);
	assert_string_equal(cloudkit_str(doc, "endpoints.0"), "https://b:1");
	assert_int_equal(vs_ticket_read(&t, cloudkit_str(doc, "ticket"), s->key,
			     s->k->wall_ms, NULL),
	    VS_EFORBIDDEN);
	assert_int_equal(
	    vs_hex_decode(key, sizeof(key), cloudkit_str(other, "ticket_key")),
	    VS_OK);
	assert_int_equal(vs_ticket_read(&t, cloudkit_str(doc, "ticket"), key,
			     s->k->wall_ms, NULL),
	    VS_OK);
	assert_string_equal(t.source, cloudkit_str(other, "device_id"));
	json_decref(doc);
	json_decref(other);
}

static void test_endpoints(void **state)
{
	struct scene *s = *state;
	uint8_t key[VS_TICKET_KEY];
	char path[160];
	json_t *doc;

	(void)snprintf(
	    path, sizeof(path), "/api/devices/%s/endpoints", s->source);
	doc = cloudkit_ask(s->k, s->k->owner.text, "PUT", path,
	    "{\"endpoints\":[\"https://h:1\",\"https://[::1]:2\"]}");
	assert_int_equal(s->k->status, 200);
	assert_int_equal(
	    vs_hex_decode(key, sizeof(key), cloudkit_str(doc, "ticket_key")),
	    VS_OK);
	assert_memory_equal(key, s->key, sizeof(key));
	json_decref(doc);
	doc = want(s, "{\"file_path\":\"a/film.mov\"}");
	assert_string_equal(
	    cloudkit_str(doc, "transfer_info.endpoints.1"), "https://[::1]:2");
	/* the pin stays unless it is told */
	assert_string_equal(
	    cloudkit_str(doc, "transfer_info.public_key_pin"), PIN_S);
	json_decref(doc);
	json_decref(cloudkit_ask(s->k, s->k->owner.text, "PUT", path,
	    "{\"endpoints\":[],\"public_key_pin\":\"" PIN_R "\"}"));
	doc = want(s, "{\"file_path\":\"a/film.mov\"}");
	assert_string_equal(
	    cloudkit_str(doc, "transfer_info.public_key_pin"), PIN_R);
	json_decref(doc);
	cloudkit_refused(s->k,
	    cloudkit_ask(s->k, s->k->owner.text, "PUT", path, "{}"), 400,
	    "bad_field");
	cloudkit_refused(s->k,
	    cloudkit_ask(s->k, s->k->owner.text, "PUT", path,
		"{\"endpoints\":[],\"public_key_pin\":\"x\"}"),
	    400, "bad_field");
	cloudkit_refused(s->k,
	    cloudkit_ask(
		s->k, s->k->member.text, "PUT", path, "{\"endpoints\":[]}"),
	    404, "not_found");
}

static void test_progress(void **state)
{
	struct scene *s = *state;
	char id[STORE_ID];
	json_t *doc;

	request(s, id);
	moves(s, s->k->member.text, id, "in_progress");
	assert_string_equal(s->k->answer.tell.type, "transfer_progress");
	assert_string_equal(s->k->answer.tell.to[1], s->k->member.user_id);
	/* told at most once a second */
	s->k->wall_ms += 999;
	json_decref(
	    patch(s, s->k->member.text, id, "{\"bytes_transferred\":1048576}"));
	assert_null(s->k->answer.tell.type);
	s->k->wall_ms += 1;
	doc = patch(s, s->k->member.text, id,
	    "{\"status\":\"in_progress\",\"bytes_transferred\":4718592,"
	    "\"route\":\"direct\"}");
	assert_string_equal(s->k->answer.tell.type, "transfer_progress");
	json_decref(doc);
	doc = at(s, s->k->owner.text, "GET", id, NULL);
	assert_int_equal(cloudkit_int(doc, "bytes_transferred"), 4718592);
	assert_int_equal(cloudkit_int(doc, "total_bytes"), 9437184);
	assert_int_equal(cloudkit_int(doc, "chunks_received"), 1);
	assert_int_equal(cloudkit_int(doc, "total_chunks"), 3);
	assert_int_equal(
	    json_real_value(cloudkit_at(doc, "percent_complete")), 50);
	assert_int_equal(
	    json_real_value(cloudkit_at(doc, "speed_mbps")) * 100, 450);
	assert_int_equal(cloudkit_int(doc, "eta_seconds"), 1);
	assert_string_equal(cloudkit_str(doc, "route"), "direct");
	assert_string_equal(cloudkit_str(doc, "source_device.id"), s->source);
	assert_string_equal(cloudkit_str(doc, "source_device.name"), "d");
	assert_true(json_is_null(cloudkit_at(doc, "error_message")));
	json_decref(doc);
	cloudkit_refused(s->k,
	    patch(s, s->k->member.text, id, "{\"bytes_transferred\":9437185}"),
	    400, "bad_field");
	cloudkit_refused(s->k,
	    patch(s, s->k->member.text, id, "{\"bytes_transferred\":-1}"), 400,
	    "bad_field");
	cloudkit_refused(s->k,
	    patch(s, s->k->member.text, id, "{\"status\":\"done\"}"), 400,
	    "bad_field");
}

/* What the requester says after its check stands. */
static void test_verdict(void **state)
{
	struct scene *s = *state;
	char id[STORE_ID];
	json_t *doc;

	request(s, id);
	refuses(s, s->k->owner.text, id, "completed");
	moves(s, s->k->owner.text, id, "in_progress");
	moves(s, s->k->owner.text, id, "completed");
	assert_string_equal(s->k->answer.tell.type, "transfer_complete");
	doc = patch(s, s->k->member.text, id,
	    "{\"status\":\"failed\",\"error_message\":\"other hash\"}");
	assert_int_equal(s->k->status, 200);
	assert_string_equal(s->k->answer.tell.type, "transfer_failed");
	assert_string_equal(
	    cloudkit_str(doc, "transfer.error_message"), "other hash");
	json_decref(doc);
	refuses(s, s->k->owner.text, id, "completed");
	refuses(s, s->k->owner.text, id, "pending");
	refuses(s, s->k->member.text, id, "completed");
	moves(s, s->k->member.text, id, "pending");
	moves(s, s->k->member.text, id, "in_progress");
	moves(s, s->k->member.text, id, "completed");
	refuses(s, s->k->owner.text, id, "failed");
	/* said again it is no news, and adds nothing */
	moves(s, s->k->member.text, id, "completed");
	assert_null(s->k->answer.tell.type);
	doc = at(s, s->k->member.text, "GET", id, NULL);
	assert_int_equal(json_array_size(cloudkit_at(doc, "events")), 6);
	assert_string_equal(cloudkit_str(doc, "events.0.type"), "started");
	assert_string_equal(cloudkit_str(doc, "events.1.type"), "completed");
	assert_string_equal(
	    cloudkit_str(doc, "events.1.user_id"), s->k->owner.user_id);
	assert_string_equal(cloudkit_str(doc, "events.2.type"), "failed");
	assert_string_equal(cloudkit_str(doc, "events.3.type"), "resumed");
	assert_string_equal(cloudkit_str(doc, "events.4.type"), "started");
	assert_string_equal(cloudkit_str(doc, "events.5.type"), "completed");
	assert_int_equal(cloudkit_int(doc, "bytes_transferred"), 9437184);
	assert_true(json_is_null(cloudkit_at(doc, "error_message")));
	json_decref(doc);
}

static size_t listed(struct scene *s, const char *token, const char *query)
{
	char target[160];
	json_t *doc;
	size_t n;

	(void)snprintf(
	    target, sizeof(target), "/api/projects/%%P/transfers%s", query);
	doc = cloudkit_ask(s->k, token, "GET", target, NULL);
	assert_int_equal(s->k->status, 200);
	n = json_array_size(cloudkit_at(doc, "transfers"));
	json_decref(doc);
	return n;
}

static void test_list(void **state)
{
	struct scene *s = *state;
	char id[STORE_ID], own[STORE_ID];
	json_t *doc;

	request(s, id);
	doc = cloudkit_post(s->k, DOWNLOAD, "{\"file_path\":\"a/film.mov\"}");
	(void)snprintf(
	    own, sizeof(own), "%s", cloudkit_str(doc, "download_id"));
	json_decref(doc);
	assert_int_equal(listed(s, s->k->owner.text, ""), 2);
	assert_int_equal(listed(s, s->k->owner.text, "?limit=1"), 1);
	assert_int_equal(listed(s, s->k->member.text, ""), 1);
	/* a member's view ends at the member's own */
	cloudkit_refused(
	    s->k, at(s, s->k->member.text, "GET", own, NULL), 404, "not_found");
	cloudkit_refused(s->k,
	    patch(s, s->k->member.text, own, "{\"status\":\"cancelled\"}"), 404,
	    "not_found");
	moves(s, s->k->member.text, id, "in_progress");
	assert_int_equal(listed(s, s->k->owner.text, "?status=pending"), 1);
	assert_int_equal(
	    listed(s, s->k->member.text, "?status=in_progress"), 1);
	assert_int_equal(listed(s, s->k->member.text, "?status=pending"), 0);
	cloudkit_refused(s->k,
	    cloudkit_ask(s->k, s->k->owner.text, "GET",
		"/api/projects/%P/transfers?status=x", NULL),
	    400, "bad_field");
}

static int64_t count(struct scene *s, const char *table)
{
	sqlite3_stmt *st;
	char sql[96];
	sqlite3 *db;
	int64_t n;

	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	assert_int_equal(sqlite3_open(s->k->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

/* The figures of what ended go after a day; what it came to stays. */
static void test_sweep(void **state)
{
	struct scene *s = *state;
	char id[STORE_ID];
	json_t *doc;

	request(s, id);
	moves(s, s->k->member.text, id, "in_progress");
	json_decref(
	    patch(s, s->k->member.text, id, "{\"bytes_transferred\":4194305}"));
	moves(s, s->k->member.text, id, "failed");
	s->k->wall_ms += TRANSFERS_KEEP_MS;
	json_decref(
	    cloudkit_post(s->k, DOWNLOAD, "{\"file_path\":\"a/film.mov\"}"));
	assert_int_equal(count(s, "file_transfer_progress"), 2);
	s->k->wall_ms++;
	json_decref(
	    cloudkit_post(s->k, DOWNLOAD, "{\"file_path\":\"a/film.mov\"}"));
	assert_int_equal(count(s, "file_transfer_progress"), 1);
	assert_int_equal(count(s, "file_transfers"), 2);
	assert_int_equal(count(s, "transfer_events"), 2);
	doc = at(s, s->k->member.text, "GET", id, NULL);
	assert_int_equal(cloudkit_int(doc, "bytes_transferred"), 4194305);
	assert_string_equal(cloudkit_str(doc, "status"), "failed");
	json_decref(doc);
	/* and a resume goes on from there */
	moves(s, s->k->member.text, id, "pending");
	assert_int_equal(count(s, "file_transfer_progress"), 2);
}

static void test_empty_file(void **state)
{
	struct scene *s = *state;
	json_t *doc;

	publish(s, "empty", HASH_B, 0);
	doc = want(s, "{\"file_path\":\"empty\"}");
	assert_int_equal(cloudkit_int(doc, "transfer_info.total_chunks"), 0);
	json_decref(doc);
	doc = cloudkit_ask(
	    s->k, s->k->member.text, "GET", "/api/projects/%P/transfers", NULL);
	assert_int_equal(
	    json_real_value(cloudkit_at(doc, "transfers.0.percent_complete")),
	    0);
	json_decref(doc);
}

#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCENE(test_request),
		WITH_SCENE(test_again),
		WITH_SCENE(test_refusals),
		cmocka_unit_test(test_keyless),
		WITH_SCENE(test_renew),
		WITH_SCENE(test_source_moves),
		WITH_SCENE(test_endpoints),
		WITH_SCENE(test_progress),
		WITH_SCENE(test_verdict),
		WITH_SCENE(test_list),
		WITH_SCENE(test_sweep),
		WITH_SCENE(test_empty_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
