#include "tests/unit/memberkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/hex.h"

#define PROJECT "20000000-0000-4000-8000-000000000002"
#define DEVICE "30000000-0000-4000-8000-000000000003"
#define PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static struct vs_now now_of(const struct memberkit *k)
{
	return k->now;
}

static int64_t kit_ns(void *arg)
{
	const struct memberkit *k = arg;

	return k->now.wall_ms * 1000000;
}

/* The world. */

static void world_send(void *arg, const struct engine_send *s)
{
	struct memberkit *k = arg;
	struct memberkit_send *to = &k->send[k->sends];

	assert_true(k->sends < MEMBERKIT_MAX);
	memset(to, 0, sizeof(*to));
	to->id = s->id;
	(void)snprintf(to->method, sizeof(to->method), "%s", s->method);
	(void)snprintf(to->path, sizeof(to->path), "%s", s->path);
	if (s->body)
		(void)snprintf(to->body, sizeof(to->body), "%s", s->body);
	k->sends++;
}

static void world_stream(void *arg, const char *path)
{
	struct memberkit *k = arg;

	k->up = false;
	(void)snprintf(k->stream, sizeof(k->stream), "%s", path ? path : "");
	k->streams += path != NULL;
}

static void world_fetch(void *arg, const struct member_fetch *f)
{
	struct memberkit *k = arg;
	struct memberkit_fetch *to = &k->fetch[k->fetches];

	assert_true(k->fetches < MEMBERKIT_MAX);
	memset(to, 0, sizeof(*to));
	to->id = f->id;
	(void)snprintf(to->url, sizeof(to->url), "%s", f->url);
	(void)snprintf(to->ticket, sizeof(to->ticket), "%s", f->ticket);
	(void)snprintf(to->part, sizeof(to->part), "%s", f->part);
	if (f->source) {
		(void)snprintf(to->source, sizeof(to->source), "%s", f->source);
		to->is = *f->is;
	} else {
		assert_string_equal(f->pin, PIN);
	}
	to->target = f->target;
	to->off = f->off;
	to->len = f->len;
	k->fetches++;
}

static void world_hash(
    void *arg, uint64_t id, struct target *target, const char *name, bool path)
{
	struct memberkit *k = arg;
	struct memberkit_hash *to = &k->hash[k->hashes];

	assert_true(k->hashes < MEMBERKIT_MAX);
	to->id = id;
	to->target = target;
	(void)snprintf(to->name, sizeof(to->name), "%s", name);
	to->path = path;
	k->hashes++;
}

static void world_tell(void *arg, const struct member_event *e)
{
	struct memberkit *k = arg;
	size_t n = strlen(k->states);

	switch (e->news) {
	case MEMBER_CHANGED:
		k->changes++;
		break;
	case MEMBER_CAUGHT_UP:
		k->caught_up++;
		break;
	case MEMBER_PULL:
		(void)snprintf(k->pull, sizeof(k->pull), "%s", e->text);
		break;
	case MEMBER_STATE:
		(void)snprintf(
		    k->states + n, sizeof(k->states) - n, "%s;", e->text);
	}
}

static struct target *world_target_at(void *arg, const char *dir)
{
	struct memberkit *k = arg;

	return strcmp(dir, "/other") == 0 ? memtarget_target(k->elsewhere)
					  : NULL;
}

/* Beginning and end. */

void memberkit_start(struct memberkit *k)
{
	const struct member_world w = {
		.arg = k,
		.target = memtarget_target(k->disk),
		.target_at = world_target_at,
		.rand = &k->rand,
		.send = world_send,
		.stream = world_stream,
		.fetch = world_fetch,
		.hash = world_hash,
		.tell = world_tell,
	};
	const struct member_options o = {
		.db_path = "mirror.db",
		.vfs = "unit-member",
		.project_id = PROJECT,
		.device_id = DEVICE,
		.files = k->files,
		.chunks = k->chunks,
	};
	struct vs_err err = VS_ERR_INIT;

	if (member_open(&k->m, &w, &o, now_of(k), &err) < 0)
		fail_msg("%s", err.msg);
}

void memberkit_stop(struct memberkit *k, bool power)
{
	memvfs_halt(k->vfs);
	member_close(k->m);
	k->m = NULL;
	k->sends = k->fetches = k->hashes = 0;
	k->stream[0] = '\0';
	k->up = false;
	if (power)
		memvfs_crash(k->vfs);
	else
		memvfs_kill(k->vfs);
	if (power)
		memtarget_crash(k->disk);
	if (power)
		memtarget_crash(k->elsewhere);
	memtarget_revive(k->disk);
}

struct memberkit *memberkit_new(void)
{
	struct memberkit *k = calloc(1, sizeof(*k));
	struct memfs_hooks hooks = { .arg = k, .now = kit_ns };

	assert_non_null(k);
	vs_rand_seed(&k->rand, 7);
	k->now = (struct vs_now){ 1000, 1750000000000 };
	k->fs = memfs_new(&hooks);
	k->other = memfs_new(&hooks);
	k->disk = memtarget_new(k->fs, &k->rand);
	k->elsewhere = memtarget_new(k->other, &k->rand);
	k->vfs = memvfs_new("unit-member", &k->rand);
	table_init(&k->rows);
	(void)snprintf(k->log_id, sizeof(k->log_id), "%s", MEMBERKIT_LOG);
	k->endpoints = "[\"https://a:1\",\"https://b:2\"]";
	k->page = 500;
	k->files = 2;
	k->chunks = 4;
	memberkit_start(k);
	return k;
}

static void file_free(struct memberkit_file *f)
{
	free(f->data);
	free(f);
}

void memberkit_free(struct memberkit *k)
{
	memvfs_halt(k->vfs);
	member_close(k->m);
	memtarget_free(k->disk);
	memtarget_free(k->elsewhere);
	memfs_free(k->fs);
	memfs_free(k->other);
	memvfs_free(k->vfs);
	table_release(&k->rows);
	for (size_t i = 0; i < sizeof(k->event) / sizeof(k->event[0]); i++)
		free(k->event[i]);
	while (k->file) {
		struct memberkit_file *next = k->file->next;

		file_free(k->file);
		k->file = next;
	}
	free(k);
}

/* The cloud and the source. */

struct memberkit_file *memberkit_file(struct memberkit *k, const char *path)
{
	struct memberkit_file *f = k->file;

	while (f && strcmp(f->path, path) != 0)
		f = f->next;
	return f;
}

void memberkit_silently(
    struct memberkit *k, const char *path, size_t len, unsigned seed)
{
	struct memberkit_file *f = memberkit_file(k, path);

	if (!f) {
		f = calloc(1, sizeof(*f));
		assert_non_null(f);
		(void)snprintf(f->path, sizeof(f->path), "%s", path);
		f->next = k->file;
		k->file = f;
	}
	free(f->data);
	f->data = malloc(len + 1);
	assert_non_null(f->data);
	f->len = len;
	for (size_t i = 0; i < len; i++)
		f->data[i] = (uint8_t)(i * 7 + i / 4096 + seed);
	vs_sha256_hex(f->data, f->len, f->hash);
}

static void log_add(struct memberkit *k, const char *change)
{
	char *text = NULL;

	k->seq++;
	assert_true((size_t)k->seq < sizeof(k->event) / sizeof(k->event[0]));
	if (asprintf(&text, "{\"id\":%lld,\"seq\":%lld,\"change\":%s}",
		(long long)k->seq, (long long)k->seq, change) < 0)
		abort();
	k->event[k->seq] = text;
}

/* A row of the log about path as the table has it now. */
static void log_row(struct memberkit *k, const char *path, const char *more)
{
	const struct table_row *r = table_find(&k->rows, path);
	char change[900];

	assert_non_null(r);
	(void)snprintf(change, sizeof(change),
	    "{\"path\":\"%s\",\"op\":\"create\",\"kind\":\"%s\",\"size\":%lld"
	    ",\"version\":1%s%s%s%s}",
	    path, r->kind, (long long)r->size, r->hash[0] ? ",\"hash\":\"" : "",
	    r->hash, r->hash[0] ? "\"" : "", more);
	log_add(k, change);
}

void memberkit_put(
    struct memberkit *k, const char *path, size_t len, unsigned seed)
{
	struct table_row r = { .path = (char *)path,
		.kind = "file",
		.size = (int64_t)len,
		.mtime_us = -1,
		.mode = -1 };

	memberkit_silently(k, path, len, seed);
	memcpy(r.hash, memberkit_file(k, path)->hash, sizeof(r.hash));
	table_put(&k->rows, &r);
	log_row(k, path, ",\"mtime\":1700000000000");
}

void memberkit_mkdir(struct memberkit *k, const char *path)
{
	struct table_row r = { .path = (char *)path,
		.kind = "directory",
		.mtime_us = -1,
		.mode = -1 };

	table_put(&k->rows, &r);
	log_row(k, path, "");
}

void memberkit_remove(struct memberkit *k, const char *path)
{
	char change[400];

	assert_true(table_drop(&k->rows, path));
	(void)snprintf(change, sizeof(change),
	    "{\"path\":\"%s\",\"op\":\"delete\"}", path);
	log_add(k, change);
}

void memberkit_move(struct memberkit *k, const char *from, const char *to)
{
	struct memberkit_file *f = memberkit_file(k, from);
	struct table_row r = *table_find(&k->rows, from);
	char more[400];

	assert_non_null(f);
	(void)snprintf(f->path, sizeof(f->path), "%s", to);
	r.path = (char *)to;
	table_put(&k->rows, &r);
	(void)snprintf(more, sizeof(more), ",\"renamed_from\":\"%s\"", from);
	log_row(k, to, more);
	memberkit_remove(k, from);
}

void memberkit_text(struct memberkit *k, const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	assert_true(len >= 0);
	member_stream_text(k->m, text, (size_t)len, now_of(k));
	free(text);
}

/* ,"tree":{...} of the rows there are. */
static void tree_text(struct memberkit *k, char out[200])
{
	char sum[65];
	struct vs_tree t;

	table_tree(&k->rows, &t);
	vs_hex_encode(sum, t.sum, sizeof(t.sum));
	(void)snprintf(out, 200,
	    ",\"tree\":{\"count\":%lld,\"bytes\":%lld,\"checksum\":\"%s\"}",
	    (long long)t.count, (long long)t.bytes, sum);
}

void memberkit_push(struct memberkit *k)
{
	while (k->up && k->pushed < k->seq) {
		char tree[200] = "";
		struct vs_buf b;
		int n = 0;

		vs_buf_init(&b, 16 * 1024 * 1024);
		while (k->pushed < k->seq && n < k->page)
			vs_buf_addf(
			    &b, "%s%s", n++ ? "," : "", k->event[++k->pushed]);
		if (k->tells && k->pushed == k->seq)
			tree_text(k, tree);
		memberkit_text(k,
		    "{\"type\":\"PROJECT_EVENT_BATCH\",\"projectId\":\"" PROJECT
		    "\",\"events\":[%s],\"seq\":%lld%s}",
		    vs_buf_str(&b), (long long)k->pushed, tree);
		vs_buf_release(&b);
	}
}

void memberkit_cut(struct memberkit *k, int code)
{
	k->up = false;
	k->stream[0] = '\0';
	member_stream_down(k->m, code, "cut", now_of(k));
}

static bool serve_stream(struct memberkit *k)
{
	const char *since = strstr(k->stream, "since_seq=");
	char tree[200] = "";

	if (k->stream[0] == '\0' || k->off_line)
		return false;
	if (k->up) {
		bool news = k->pushed < k->seq;

		memberkit_push(k);
		return news;
	}
	assert_non_null(since);
	assert_non_null(strstr(k->stream, "/api/projects/" PROJECT "/events"));
	k->pushed = strtoll(since + strlen("since_seq="), NULL, 10);
	k->up = true;
	member_stream_up(k->m, now_of(k));
	if (k->tells)
		tree_text(k, tree);
	memberkit_text(k,
	    "{\"type\":\"hello\",\"projectId\":\"" PROJECT
	    "\",\"log_id\":\"%s\",\"seq\":%lld%s}",
	    k->log_id, (long long)k->seq, tree);
	memberkit_push(k);
	return true;
}

void memberkit_answer(struct memberkit *k, int status, const char *body)
{
	struct engine_answer a = { .status = status,
		.why = "",
		.type = "application/json",
		.retry_after_ms = -1,
		.body = body,
		.len = strlen(body) };
	uint64_t id = k->send[0].id;

	assert_true(k->sends > 0);
	if (status == 0)
		a.code = VS_ENET;
	k->sends--;
	memmove(k->send, k->send + 1, (size_t)k->sends * sizeof(k->send[0]));
	member_answered(k->m, id, &a, now_of(k));
}

static void answer_head(struct memberkit *k)
{
	char tree[200], body[400];

	k->asked_heads++;
	tree_text(k, tree);
	(void)snprintf(body, sizeof(body),
	    "{\"success\":true,\"events\":[],\"next_seq\":%lld,\"last_seq\":"
	    "%lld,\"has_more\":false,\"log_id\":\"%s\"%s}",
	    (long long)k->seq + 1, (long long)k->seq, k->log_id, tree);
	memberkit_answer(k, 200, body);
}

/* Three rows a page, so that there are pages; the cursor is a number. */
static void answer_page(struct memberkit *k, const char *path)
{
	const char *cursor = strstr(path, "cursor=");
	size_t at = 0;
	struct vs_buf b;

	if (cursor)
		for (cursor += 7; cursor[0] == '%'; cursor += 3)
			at = at * 10 + (size_t)(cursor[2] - '0');
	k->asked_pages++;
	vs_buf_init(&b, 1024 * 1024);
	vs_buf_addstr(&b, "{\"files\":[");
	for (size_t i = at; i < k->rows.n && i < at + 3; i++) {
		const struct table_row *r = &k->rows.row[i];

		vs_buf_addf(&b,
		    "%s{\"path\":\"%s\",\"kind\":\"%s\",\"size\":%lld,"
		    "\"hash\":\"%s\",\"version\":1,\"seq\":1}",
		    i > at ? "," : "", r->path, r->kind, (long long)r->size,
		    r->hash);
	}
	vs_buf_addf(&b,
	    "],\"has_more\":%s,\"next_cursor\":\"%zu\",\"log_id\":\"%s\""
	    ",\"last_seq\":%lld}",
	    at + 3 < k->rows.n ? "true" : "false", at + 3, k->log_id,
	    (long long)k->seq);
	memberkit_answer(k, 200, vs_buf_str(&b));
	vs_buf_release(&b);
}

/* Ticket and all that goes with it; more stands in front. */
static void answer_grant(struct memberkit *k, const char *more, bool nested)
{
	char body[900];

	(void)snprintf(body, sizeof(body),
	    "{\"success\":true,%s%s\"ticket\":\"T%d\",\"public_key_pin\":\"" PIN
	    "\",\"endpoints\":%s,\"chunk_size\":4194304}%s",
	    more, nested ? "\"transfer_info\":{" : "", ++k->tickets,
	    k->endpoints, nested ? "}" : "");
	memberkit_answer(k, 200, body);
}

static void answer_download(struct memberkit *k, const char *text)
{
	json_t *body = json_loads(text, 0, NULL);
	const char *path =
	    json_string_value(json_object_get(body, "file_path"));
	const char *hash =
	    json_string_value(json_object_get(body, "file_hash"));
	const struct table_row *r = path ? table_find(&k->rows, path) : NULL;
	char more[64];

	k->asked_downloads++;
	assert_non_null(path);
	assert_non_null(hash);
	if (!r) {
		memberkit_answer(
		    k, 404, "{\"error\":\"no\",\"code\":\"not_found\"}");
	} else if (strcmp(r->hash, hash) != 0) {
		memberkit_answer(
		    k, 409, "{\"error\":\"no\",\"code\":\"changed\"}");
	} else {
		/* the transfer's name says which file it is of */
		(void)snprintf(more, sizeof(more),
		    "\"download_id\":\"%.8s-%d\",", hash, ++k->transfers);
		answer_grant(k, more, true);
	}
	json_decref(body);
}

static bool serve_send(struct memberkit *k)
{
	struct memberkit_send s = k->send[0];

	if (k->sends == 0 || k->hold_send)
		return false;
	if (strstr(s.path, "/events?")) {
		answer_head(k);
	} else if (strstr(s.path, "/files?")) {
		answer_page(k, s.path);
	} else if (strstr(s.path, "/files/download")) {
		answer_download(k, s.body);
	} else if (strstr(s.path, "/ticket")) {
		k->asked_tickets++;
		answer_grant(k, "", false);
	} else {
		json_t *body = json_loads(s.body, 0, NULL);

		assert_string_equal(s.method, "PATCH");
		(void)snprintf(k->patched, sizeof(k->patched), "%s",
		    json_string_value(json_object_get(body, "status")));
		json_decref(body);
		memberkit_answer(k, 200, "{\"success\":true}");
	}
	return true;
}

/* The source: what it says to a chunk. */
static int serve_chunk(struct memberkit *k, const struct memberkit_fetch *f)
{
	const char *id = strstr(f->url, "/transfers/");
	struct memberkit_file *file = k->file;
	struct vs_err err = VS_ERR_INIT;
	long n = atol(strrchr(f->url, '/') + 1);
	uint8_t *copy;
	int rc;

	assert_non_null(id);
	assert_int_equal(f->off, n * 4194304);
	if (atoi(f->ticket + 1) < k->least_ticket)
		return VS_EFORBIDDEN;
	while (file && strncmp(file->hash, id + 11, 8) != 0)
		file = file->next;
	if (!file)
		return VS_ECHANGED;
	assert_true(f->off + f->len <= (int64_t)file->len);
	assert_true(f->len == 4194304 || f->off + f->len == (int64_t)file->len);
	copy = malloc((size_t)f->len + 1);
	assert_non_null(copy);
	memcpy(copy, file->data + f->off, (size_t)f->len);
	if (k->flips > 0) {
		k->flips--;
		copy[f->len / 2] ^= 1;
	}
	rc = f->target->part_write(
	    f->target, f->part, f->off, copy, (size_t)f->len, &err);
	free(copy);
	k->fetched += rc == VS_OK;
	return rc;
}

void memberkit_fetched(struct memberkit *k, int code)
{
	struct memberkit_fetch f = k->fetch[0];

	assert_true(k->fetches > 0);
	k->fetches--;
	memmove(
	    k->fetch, k->fetch + 1, (size_t)k->fetches * sizeof(k->fetch[0]));
	if (code == 1 && f.source[0]) {
		code = f.target->part_copy(
		    f.target, f.part, f.source, &f.is, f.off, f.len, NULL);
		k->copied += code == VS_OK;
	} else if (code == 1) {
		code = serve_chunk(k, &f);
	}
	member_fetched(
	    k->m, f.id, code, code ? vs_err_text(code) : "", now_of(k));
}

static bool serve_fetch(struct memberkit *k)
{
	if (k->fetches == 0 || k->hold_fetch)
		return false;
	memberkit_fetched(k, k->chunk ? k->chunk(k, &k->fetch[0]) : 1);
	return true;
}

void memberkit_hashed(struct memberkit *k, int code)
{
	struct memberkit_hash h = k->hash[0];
	struct disk_hash out;
	struct vs_err err = VS_ERR_INIT;
	uint8_t sum[VS_SHA256_SIZE] = { 0 };

	assert_true(k->hashes > 0);
	k->hashes--;
	memmove(k->hash, k->hash + 1, (size_t)k->hashes * sizeof(k->hash[0]));
	if (code == 1 && h.path) {
		code = h.target->hash(h.target, h.name, &out, NULL, &err);
		memcpy(sum, out.sha256, sizeof(sum));
	} else if (code == 1) {
		code = h.target->part_hash(h.target, h.name, sum, NULL, &err);
	}
	member_hashed(k->m, h.id, code, sum, now_of(k));
}

static bool serve_hash(struct memberkit *k)
{
	if (k->hashes == 0 || k->hold_hash)
		return false;
	memberkit_hashed(k, 1);
	return true;
}

/* One round; when the engine wants to be called again (mono ms). */
static int64_t turn(struct memberkit *k)
{
	int64_t due;
	int rounds = 0;
	bool more;

	do {
		due = member_step(k->m, now_of(k));
		more = serve_send(k);
		more = serve_stream(k) || more;
		more = serve_fetch(k) || more;
		more = serve_hash(k) || more;
		/* it goes round in circles */
		assert_true(++rounds < 100000);
	} while (more);
	assert_true(due > k->now.mono_ms);
	return due;
}

void memberkit_run(struct memberkit *k)
{
	turn(k);
}

void memberkit_pass(struct memberkit *k, int64_t ms)
{
	int64_t end = k->now.mono_ms + ms;
	int steps = 0;

	for (;;) {
		int64_t due = turn(k);

		if (due > end)
			break;
		/* it may not be asked all the time */
		assert_true(++steps < 100 + ms / 10);
		k->now.wall_ms += due - k->now.mono_ms;
		k->now.mono_ms = due;
	}
	k->now.wall_ms += end - k->now.mono_ms;
	k->now.mono_ms = end;
	turn(k);
}
